#include "kernels/epilogue/epilogue.h"

#include <cmath>
#include <string>

namespace lowp {

Status CheckEpilogue(const Activation& activation, const Residual& residual) {
  const auto [kind, min, max, alpha] = activation;
  if (kind == ActivationKind::kClamp && !(min <= max))
    return {Code::kValue, "Expected min <= max but received " + std::to_string(min) + " and " + std::to_string(max)};
  if (kind == ActivationKind::kLeakyRelu && !std::isfinite(alpha))
    return {Code::kValue, "Expected a finite alpha but received " + std::to_string(alpha)};
  if (residual.kind != ResidualKind::kU8 && residual.kind != ResidualKind::kS8) return {};
  if (!(std::isfinite(residual.scale) && residual.scale > 0))
    return {Code::kValue, "Expected a finite residual scale above 0 but received " + std::to_string(residual.scale)};
  const int32_t low = residual.kind == ResidualKind::kS8 ? -128 : 0;
  if (residual.zero < low || residual.zero > low + 255) {
    return {Code::kValue, "Expected a residual zero point from " + std::to_string(low) + " to " + std::to_string(low + 255) +
                              " but received " + std::to_string(residual.zero)};
  }
  return {};
}

Residual SkipRows(Residual residual, size_t rows) {
  const size_t size = residual.kind == ResidualKind::kFloat32 ? sizeof(float) : 1;
  if (residual.kind != ResidualKind::kNone)
    residual.data = static_cast<const uint8_t*>(residual.data) + rows * residual.ld * size;
  return residual;
}

}  // namespace lowp
