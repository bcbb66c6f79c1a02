#include <algorithm>
#include <cstdlib>
#include <string>

#include "kernels/qgemm/qgemm_call.h"

namespace lowp {
namespace {

Status CheckScalesOfA(const QGemmArgs& args) {
  if (IsFloat(args.a_kind)) return {};
  const size_t count = args.a_scales != nullptr ? args.batch * args.m : 1;
  for (size_t i = 0; i < count; ++i) {
    const float scale = args.a_scales != nullptr ? args.a_scales[i] : args.a_scale;
    if (!IsValidScale(scale)) return {Code::kValue, "Expected finite scales above 0 for a but received " + std::to_string(scale)};
  }
  return {};
}

// |sum| <= K * max|a - za| * max|b - zb| + max|bias| must fit int32.
Status CheckDepth(const QGemmArgs& args) {
  const int32_t low = args.a_kind == QGemmA::kS8 ? -128 : 0, high = low + 255;
  int64_t a_magnitude = 0;
  if (IsFloat(args.a_kind)) {
    a_magnitude = 255;
  } else {
    const size_t count = args.a_zeros != nullptr ? args.batch * args.m : 1;
    for (size_t i = 0; i < count; ++i) {
      const int32_t zero = args.a_zeros != nullptr ? args.a_zeros[i] : args.a_zero;
      if (zero < low || zero > high) {
        return {Code::kValue, "Expected zero points from " + std::to_string(low) + " to " + std::to_string(high) +
                                  " for a but received " + std::to_string(zero)};
      }
      a_magnitude = std::max<int64_t>({a_magnitude, high - zero, zero - low});
    }
  }
  int64_t bias_magnitude = 0;
  if (args.output.bias_s32 != nullptr) {
    for (size_t n = 0; n < args.b->n; ++n) bias_magnitude = std::max(bias_magnitude, std::abs(int64_t{args.output.bias_s32[n]}));
  }
  const int64_t product = a_magnitude * args.b->max_magnitude, room = std::max<int64_t>(INT32_MAX - bias_magnitude, 0);
  // K is at most 2^40 and the product below 2^17.
  const int64_t depth = static_cast<int64_t>(args.b->k);
  if (depth * product <= room) return {};
  const std::string beside = bias_magnitude == 0 ? "" : " beside a bias of " + std::to_string(bias_magnitude);
  return {Code::kValue, "Expected a depth K of at most " + std::to_string(room / product) + ", at which the sum" + beside +
                            " fits int32, but received " + std::to_string(depth)};
}

}  // namespace

Status CheckQGemm(const QGemmArgs& args) {
  if (Status status = CheckScalesOfA(args); !status.ok()) return status;
  if (Status status = CheckIntOutput(args.output, IsFloat(args.a_kind)); !status.ok()) return status;
  return CheckDepth(args);
}

}  // namespace lowp
