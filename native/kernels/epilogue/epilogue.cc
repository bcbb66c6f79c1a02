#include "kernels/epilogue/epilogue.h"

#include <algorithm>
#include <cmath>
#include <string>

namespace lowp {
namespace {

bool Is8Bit(OutputKind kind) { return kind == OutputKind::kU8 || kind == OutputKind::kS8; }

// The rounded value of bound x in the output's units, before the zero point: where clamping x lands.
float QuantizedBound(float x, float scale, float low, float high) {
  const float q = std::nearbyintf(x / scale);
  return std::min(std::max(q, low), high);
}

}  // namespace

bool IsValidScale(float scale) { return std::isfinite(scale) && scale > 0; }

Status CheckIntOutput(const IntOutput& output, bool dynamic) {
  if (Is8Bit(output.kind)) {
    const int32_t low = output.kind == OutputKind::kS8 ? -128 : 0;
    if (!IsValidScale(output.scale))
      return {Code::kValue, "Expected a finite output scale above 0 but received " + std::to_string(output.scale)};
    if (output.zero < low || output.zero > low + 255) {
      return {Code::kValue, "Expected an output zero point from " + std::to_string(low) + " to " + std::to_string(low + 255) +
                                " but received " + std::to_string(output.zero)};
    }
  }
  if (Status status = CheckEpilogue(output.activation, output.residual); !status.ok()) return status;
  const bool real = output.residual.kind != ResidualKind::kNone || output.activation.kind != ActivationKind::kClamp;
  if (output.kind == OutputKind::kInt32 && real)
    return {Code::kValue, "Expected no residual and no activation with int32 output, which has no real values"};
  const bool float_bias_misplaced = output.bias_f32 != nullptr && output.kind == OutputKind::kInt32;
  const bool int_bias_misplaced = output.bias_s32 != nullptr && (output.kind == OutputKind::kFloat32 || dynamic);
  const bool raw_sum_of_dynamic = output.kind == OutputKind::kInt32 && dynamic;
  if (float_bias_misplaced || int_bias_misplaced || raw_sum_of_dynamic) {
    return {Code::kValue,
            "Expected int32 output and bias only with quantized activations, float32 bias with float32 or 8-bit output"};
  }
  return {};
}

bool Requantizes(const IntOutput& output) {
  return Is8Bit(output.kind) && output.bias_f32 == nullptr && output.residual.kind == ResidualKind::kNone &&
         output.activation.kind == ActivationKind::kClamp;
}

void SetOutput(const IntOutput& output, IntStore* store) {
  store->activation = output.activation;
  store->residual = output.residual;
  store->c_signed = output.kind == OutputKind::kS8;
  if (!Is8Bit(output.kind)) {
    store->mode = output.kind == OutputKind::kInt32 ? IntStoreMode::kInt32 : IntStoreMode::kFloat32;
    return;
  }
  const bool requantize = Requantizes(output);
  store->mode = requantize ? IntStoreMode::kRequantize : IntStoreMode::kQuantize;
  const float low = (store->c_signed ? -128.0f : 0.0f) - static_cast<float>(output.zero);
  store->c_low = requantize ? QuantizedBound(output.activation.min, output.scale, low, low + 255.0f) : low;
  store->c_high = requantize ? QuantizedBound(output.activation.max, output.scale, low, low + 255.0f) : low + 255.0f;
  store->c_scale = output.scale;
  store->c_zero = output.zero;
}

Status CheckEpilogue(const Activation& activation, const Residual& residual) {
  const auto [kind, min, max, alpha] = activation;
  if (kind == ActivationKind::kClamp && !(min <= max))
    return {Code::kValue, "Expected min <= max but received " + std::to_string(min) + " and " + std::to_string(max)};
  if (kind == ActivationKind::kLeakyRelu && !std::isfinite(alpha))
    return {Code::kValue, "Expected a finite alpha but received " + std::to_string(alpha)};
  if (residual.kind != ResidualKind::kU8 && residual.kind != ResidualKind::kS8) return {};
  if (!IsValidScale(residual.scale))
    return {Code::kValue, "Expected a finite residual scale above 0 but received " + std::to_string(residual.scale)};
  const int32_t low = residual.kind == ResidualKind::kS8 ? -128 : 0;
  if (residual.zero < low || residual.zero > low + 255) {
    return {Code::kValue, "Expected a residual zero point from " + std::to_string(low) + " to " + std::to_string(low + 255) +
                              " but received " + std::to_string(residual.zero)};
  }
  return {};
}

Residual SkipRows(Residual residual, size_t rows) {
  if (residual.kind != ResidualKind::kNone)
    residual.data = static_cast<const uint8_t*>(residual.data) + rows * residual.ld * SizeOf(residual.kind);
  return residual;
}

}  // namespace lowp
