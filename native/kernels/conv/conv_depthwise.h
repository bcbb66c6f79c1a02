// Depthwise convolution: a strip of 16 channels at a time, row of output pixels by row.
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
