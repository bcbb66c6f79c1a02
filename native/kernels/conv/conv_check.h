// What a call must hold to, by itself, because the CUDA plugin has it too.
#ifndef LOWP_KERNELS_CONV_CONV_CHECK_H_
#define LOWP_KERNELS_CONV_CONV_CHECK_H_

#include <cstdint>

#include "core/status.h"
#include "kernels/conv/conv_shape.h"

namespace lowp {

Status CheckConvShape(const ConvShape& shape, const ConvWeightShape& weights);

// 8-bit images.
Status CheckConvInput(bool x_signed, float x_scale, int32_t x_zero);
// max|x - zx|
int64_t ConvMagnitude(bool x_signed, int32_t x_zero);
// |sum| <= taps * max|x - zx| * max|w - zw| + max|bias| must fit int32: of depthwise convolutions.
Status CheckConvTaps(const ConvShape& shape, int64_t x_magnitude, int64_t weight_magnitude, int64_t bias_magnitude);

// Scale and zero point of an output channel's weights.
Status CheckConvWeights(float scale, int32_t zero, bool is_signed);

}  // namespace lowp

#endif  // LOWP_KERNELS_CONV_CONV_CHECK_H_
