// From a range to a scale and a zero point: one text for the processor and for CUDA devices.
#ifndef LOWP_KERNELS_QUANTIZE_QUANTIZE_PARAMS_H_
#define LOWP_KERNELS_QUANTIZE_QUANTIZE_PARAMS_H_

#include <stdint.h>

#include "kernels/quantize/quantize_scalar.h"

namespace lowp {

struct Range {
  float min = 0, max = 0;  // always includes 0
};

struct QuantParams {
  float scale;
  int32_t zero;
};

LOWP_HD inline QuantParams ParamsFromRange(Range range, bool symmetric, bool is_signed) {
  const float largest = -range.min < range.max ? range.max : -range.min;
  float scale = symmetric ? largest / 127.0f : (range.max - range.min) / 255.0f;
  // The span of two large finite values may overflow, and that of tiny ones underflow.
  if (!IsFinite(scale)) scale = range.max / 255.0f - range.min / 255.0f;
  if (scale == 0.0f) scale = 1.0f;
  const int32_t low = is_signed ? -128 : 0;
  if (symmetric) return {scale, low + 128};
  const float bottom = static_cast<float>(low), top = static_cast<float>(low + 255);
  const float zero = RoundToInteger(bottom - range.min / scale);
  return {scale, static_cast<int32_t>(zero < bottom ? bottom : zero > top ? top : zero)};
}

}  // namespace lowp

#endif  // LOWP_KERNELS_QUANTIZE_QUANTIZE_PARAMS_H_
