// Depthwise convolution, float32 and int8: the arguments of conv.h, once checked.
#ifndef LOWP_KERNELS_CONV_CONV_DEPTHWISE_H_
#define LOWP_KERNELS_CONV_CONV_DEPTHWISE_H_

#include "core/status.h"
#include "kernels/conv/conv.h"

namespace lowp {

Status DepthwiseConv(const ConvArgs& args);
// The arguments have been checked.
Status DepthwiseQConv(const QConvArgs& args);

}  // namespace lowp

#endif  // LOWP_KERNELS_CONV_CONV_DEPTHWISE_H_
