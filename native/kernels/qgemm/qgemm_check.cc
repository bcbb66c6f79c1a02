#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <string>

#include "kernels/qgemm/qgemm_call.h"

namespace lowp {
namespace {

bool IsValidScale(float scale) { return std::isfinite(scale) && scale > 0; }

Status CheckScalesOfA(const QGemmArgs& args) {
  if (IsFloat(args.a_kind)) return {};
  const size_t count = args.a_scales != nullptr ? args.batch * args.m : 1;
  for (size_t i = 0; i < count; ++i) {
    const float scale = args.a_scales != nullptr ? args.a_scales[i] : args.a_scale;
    if (!IsValidScale(scale)) return {Code::kValue, "Expected finite scales above 0 for a but received " + std::to_string(scale)};
  }
  return {};
}

Status CheckOutput(const QGemmArgs& args) {
  if (!Is8Bit(args.c_kind)) return {};
  if (!IsValidScale(args.c_scale))
    return {Code::kValue, "Expected a finite output scale above 0 but received " + std::to_string(args.c_scale)};
  const int32_t low = args.c_kind == QGemmC::kS8 ? -128 : 0;
  if (args.c_zero < low || args.c_zero > low + 255) {
    return {Code::kValue, "Expected an output zero point from " + std::to_string(low) + " to " + std::to_string(low + 255) +
                              " but received " + std::to_string(args.c_zero)};
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
  if (args.bias_s32 != nullptr) {
    for (size_t n = 0; n < args.b->n; ++n) bias_magnitude = std::max(bias_magnitude, std::abs(int64_t{args.bias_s32[n]}));
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
  if (Status status = CheckOutput(args); !status.ok()) return status;
  if (Status status = CheckEpilogue(args.activation, args.residual); !status.ok()) return status;
  if (args.c_kind == QGemmC::kInt32 && (HasResidual(args) || !IsClamp(args)))
    return {Code::kValue, "Expected no residual and no activation with int32 output, which has no real values"};
  const bool float_bias_misplaced = args.bias_f32 != nullptr && args.c_kind == QGemmC::kInt32;
  const bool int_bias_misplaced = args.bias_s32 != nullptr && (args.c_kind == QGemmC::kFloat32 || IsFloat(args.a_kind));
  const bool raw_sum_of_dynamic = args.c_kind == QGemmC::kInt32 && IsFloat(args.a_kind);
  if (float_bias_misplaced || int_bias_misplaced || raw_sum_of_dynamic) {
    return {Code::kValue,
            "Expected int32 output and bias only with quantized activations, float32 bias with float32 or 8-bit output"};
  }
  return CheckDepth(args);
}

}  // namespace lowp
