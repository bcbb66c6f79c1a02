#include <algorithm>
#include <cstdlib>
#include <string>

#include "kernels/qgemm/qgemm_call.h"

namespace lowp {
namespace {

struct Limits {
  int32_t low, high;
};
Limits LimitsOf(bool is_signed) { return is_signed ? Limits{-128, 127} : Limits{0, 255}; }

}  // namespace

Status CheckQGemmWeights(const QGemmPackArgs& args) {
  const size_t count = args.per_channel ? args.n : 1;
  const auto [low, high] = LimitsOf(args.b_signed);
  for (size_t i = 0; i < count; ++i) {
    if (!IsValidScale(args.scales[i])) {
      return {Code::kValue,
              "Expected finite scales above 0 for b but received " + std::to_string(args.scales[i]) + " at " + std::to_string(i)};
    }
    if (args.zeros[i] < low || args.zeros[i] > high) {
      return {Code::kValue, "Expected zero points from " + std::to_string(low) + " to " + std::to_string(high) +
                                " for b but received " + std::to_string(args.zeros[i]) + " at " + std::to_string(i)};
    }
  }
  return {};
}

Status CheckQGemmScales(const float* scales, size_t count) {
  for (size_t i = 0; i < count; ++i) {
    if (!IsValidScale(scales[i]))
      return {Code::kValue, "Expected finite scales above 0 for a but received " + std::to_string(scales[i])};
  }
  return {};
}

Status CheckQGemmZeros(const int32_t* zeros, size_t count, bool is_signed, int64_t* magnitude) {
  const auto [low, high] = LimitsOf(is_signed);
  for (size_t i = 0; i < count; ++i) {
    if (zeros[i] < low || zeros[i] > high) {
      return {Code::kValue, "Expected zero points from " + std::to_string(low) + " to " + std::to_string(high) +
                                " for a but received " + std::to_string(zeros[i])};
    }
    *magnitude = std::max<int64_t>({*magnitude, high - zeros[i], zeros[i] - low});
  }
  return {};
}

Status CheckQGemmDepth(size_t k, int64_t a_magnitude, int64_t b_magnitude, int64_t bias_magnitude) {
  const int64_t product = a_magnitude * b_magnitude, room = std::max<int64_t>(INT32_MAX - bias_magnitude, 0);
  // K is at most 2^40 and the product below 2^17.
  const int64_t depth = static_cast<int64_t>(k);
  if (depth * product <= room) return {};
  const std::string beside = bias_magnitude == 0 ? "" : " beside a bias of " + std::to_string(bias_magnitude);
  return {Code::kValue, "Expected a depth K of at most " + std::to_string(room / product) + ", at which the sum" + beside +
                            " fits int32, but received " + std::to_string(depth)};
}

Status CheckQGemm(const QGemmArgs& args) {
  const bool per_row = args.a_scales != nullptr;
  int64_t a_magnitude = IsFloat(args.a_kind) ? 255 : 0, bias_magnitude = 0;
  Status status;
  if (!IsFloat(args.a_kind))
    status = CheckQGemmScales(per_row ? args.a_scales : &args.a_scale, per_row ? args.batch * args.m : 1);
  if (status.ok()) status = CheckIntOutput(args.output, IsFloat(args.a_kind));
  if (status.ok() && !IsFloat(args.a_kind)) {
    const bool zeros = args.a_zeros != nullptr;
    status = CheckQGemmZeros(zeros ? args.a_zeros : &args.a_zero, zeros ? args.batch * args.m : 1, args.a_kind == QGemmA::kS8,
                             &a_magnitude);
  }
  if (!status.ok()) return status;
  if (args.output.bias_s32 != nullptr) {
    for (size_t n = 0; n < args.b->n; ++n) bias_magnitude = std::max(bias_magnitude, std::abs(int64_t{args.output.bias_s32[n]}));
  }
  return CheckQGemmDepth(args.b->k, a_magnitude, args.b->max_magnitude, bias_magnitude);
}

}  // namespace lowp
