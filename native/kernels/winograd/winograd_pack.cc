#include <algorithm>
#include <string>
#include <utility>

#include "core/aligned_buffer.h"
#include "kernels/winograd/winograd.h"

namespace lowp {
namespace {

// u = G g for three values `stride` apart; the rows of G belong to the points of winograd_ukernel.h.
void Transform(size_t tile, const double* g, size_t stride, double* u) {
  const double g0 = g[0], g1 = g[stride], g2 = g[2 * stride];
  if (tile == 2) {
    u[0] = g0;
    u[1] = (g0 + g1 + g2) / 2;
    u[2] = (g0 - g1 + g2) / 2;
    u[3] = g2;
    return;
  }
  u[0] = g0 / 4;
  u[1] = -(g0 + g1 + g2) / 6;
  u[2] = -(g0 - g1 + g2) / 6;
  u[3] = g0 / 24 + g1 / 12 + g2 / 6;
  u[4] = g0 / 24 - g1 / 12 + g2 / 6;
  u[5] = g2;
}

}  // namespace

size_t WinogradPacked::bytes() const {
  size_t total = 0;
  for (const SGemmPackedB& plane : planes) total += plane.storage.size();
  return total;
}

Status PackWinograd(size_t tile, size_t outputs, size_t channels, const float* w, const SGemmEntry& gemm,
                    const WinogradEntry& entry, WinogradPacked* packed) {
  constexpr size_t kMaxAlpha = 6, kTaps = 3;
  WinogradPacked p;
  p.entry = &entry;
  p.tile = tile;
  const size_t alpha = p.alpha(), count = outputs * channels;
  AlignedBuffer transformed;  // [plane][output][channel]
  const size_t bytes = alpha * alpha * count * sizeof(float);
  if (!transformed.Reserve(bytes))
    return {Code::kNoMemory, "Expected " + std::to_string(bytes) + " bytes to transform weights but the system gave none"};
  for (size_t i = 0; i < count; ++i) {
    double g[kTaps * kTaps], columns[kTaps][kMaxAlpha];
    std::copy_n(w + i * kTaps * kTaps, kTaps * kTaps, g);
    for (size_t kx = 0; kx < kTaps; ++kx) Transform(tile, g + kx, kTaps, columns[kx]);
    for (size_t row = 0; row < alpha; ++row) {
      double u[kMaxAlpha];
      Transform(tile, &columns[0][row], kMaxAlpha, u);
      for (size_t col = 0; col < alpha; ++col)
        transformed.As<float>()[(row * alpha + col) * count + i] = static_cast<float>(u[col]);
    }
  }
  p.planes.resize(alpha * alpha);
  for (size_t plane = 0; plane < alpha * alpha; ++plane) {
    const SGemmPackArgs args{channels,
                             outputs,
                             transformed.As<float>() + plane * count,
                             channels,
                             /*transpose=*/true,
                             SGemmStorage::kFloat32,
                             SGemmStorage::kFloat32};
    if (Status status = PackSGemmB(args, gemm, &p.planes[plane]); !status.ok()) return status;
  }
  *packed = std::move(p);
  return {};
}

}  // namespace lowp
