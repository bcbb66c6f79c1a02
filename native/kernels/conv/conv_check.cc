#include "kernels/conv/conv_check.h"

#include <algorithm>
#include <string>

#include "kernels/epilogue/epilogue.h"

namespace lowp {

Status CheckConvShape(const ConvShape& s, const ConvWeightShape& w) {
  const bool same = s.out_channels == w.out_channels && s.groups == w.groups && s.channels == w.groups * w.group_channels &&
                    s.kernel_h == w.kernel_h && s.kernel_w == w.kernel_w;
  if (!same) return {Code::kShape, "Expected channels, groups and kernel as the weights have them"};
  if (s.stride_h == 0 || s.stride_w == 0 || s.dilation_h == 0 || s.dilation_w == 0)
    return {Code::kShape, "Expected strides and dilations of at least 1"};
  return {};
}

Status CheckConvInput(bool x_signed, float x_scale, int32_t x_zero) {
  const int32_t low = x_signed ? -128 : 0, high = low + 255;
  if (x_zero < low || x_zero > high) {
    return {Code::kValue, "Expected a zero point from " + std::to_string(low) + " to " + std::to_string(high) +
                              " for x but received " + std::to_string(x_zero)};
  }
  if (!IsValidScale(x_scale))
    return {Code::kValue, "Expected a finite scale above 0 for x but received " + std::to_string(x_scale)};
  return {};
}

int64_t ConvMagnitude(bool x_signed, int32_t x_zero) {
  const int32_t low = x_signed ? -128 : 0, high = low + 255;
  return std::max(high - x_zero, x_zero - low);
}

Status CheckConvTaps(const ConvShape& shape, int64_t x_magnitude, int64_t weight_magnitude, int64_t bias_magnitude) {
  const int64_t room = INT64_C(0x7fffffff) - std::min(bias_magnitude, INT64_C(0x7fffffff));
  const int64_t bound = room / std::max<int64_t>(x_magnitude * weight_magnitude, 1);
  if (static_cast<int64_t>(shape.taps()) <= bound) return {};
  return {Code::kValue, "Expected at most " + std::to_string(bound) + " taps, at which the sum fits int32, but received " +
                            std::to_string(shape.taps())};
}

Status CheckConvWeights(float scale, int32_t zero, bool is_signed) {
  const int32_t low = is_signed ? -128 : 0, high = low + 255;
  if (!IsValidScale(scale))
    return {Code::kValue, "Expected finite scales above 0 for the weights but received " + std::to_string(scale)};
  if (zero >= low && zero <= high) return {};
  return {Code::kValue, "Expected zero points from " + std::to_string(low) + " to " + std::to_string(high) +
                            " for the weights but received " + std::to_string(zero)};
}

}  // namespace lowp
