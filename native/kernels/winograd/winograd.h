// float32 convolution with kernels of 3 x 3, stride and dilation 1, by Winograd's minimal filtering F(m x m, 3 x 3):
//
//   y[n,oy,ox,o] = activation(sum over c, ky, kx of x[n, oy - pt + ky, ox - pl + kx, c] * w[o,c,ky,kx] + bias[o] + residual)
//
// in images [N,H,W,C] whose pixels outside are 0. Each tile of m x m outputs costs (m + 2)^2 multiplications a channel instead of
// 9 m^2: 2.25 times fewer with m = 2, 4 times fewer with m = 4. Tiles are transformed, multiplied by (m + 2)^2 matrix products
// [tiles, C] x [C, O] (sgemm.h), and transformed back.
//
// The price: packed weights are 16 / 9 or 4 times as large; sums round differently, with m = 2 as much as direct ones, with m = 4
// 10 to 26 times as much (normally distributed values); and a value that is not finite makes NaN of the outputs of its tiles,
// also where the kernel does not reach it. One thread, AVX2, against the direct sum of conv.h:
//
//   64 channels, 56 x 56: 1.65 and 2.6 times as fast    256, 14 x 14: 1.7 and 1.9
//   128, 28 x 28:         1.85 and 2.9                  512, 7 x 7:   1.1 and 0.8, for want of tiles to share the weights' loads
//
// Scratch: a block of at most max(48 tiles, 1 MB) in both transformed forms, for the call, whatever the image's size.
#ifndef LOWP_KERNELS_WINOGRAD_WINOGRAD_H_
#define LOWP_KERNELS_WINOGRAD_WINOGRAD_H_

#include <atomic>
#include <cstddef>
#include <vector>

#include "core/isa.h"
#include "core/status.h"
#include "kernels/epilogue/epilogue.h"
#include "kernels/sgemm/sgemm.h"
#include "kernels/winograd/winograd_kernel.h"

namespace lowp {

using WinogradEntry = KernelEntry<WinogradKernel>;
const WinogradEntry& SelectWinograd(IsaSet active);
std::vector<WinogradEntry> WinogradKernels();

inline constexpr bool IsWinogradTile(size_t tile) { return tile == 2 || tile == 4; }

// Immutable once packed.
struct WinogradPacked {
  const WinogradEntry* entry = nullptr;
  size_t tile = 0;                   // m
  std::vector<SGemmPackedB> planes;  // (m + 2)^2 times [C, O]

  size_t alpha() const { return tile + 2; }
  size_t channels() const { return planes[0].k; }
  size_t outputs() const { return planes[0].n; }
  size_t bytes() const;
};
// `w` is [outputs, channels, 3, 3], `tile` 2 or 4; transformed in float64.
Status PackWinograd(size_t tile, size_t outputs, size_t channels, const float* w, const SGemmEntry& gemm,
                    const WinogradEntry& entry, WinogradPacked* packed);

struct WinogradArgs {
  const WinogradPacked* weights = nullptr;
  size_t batch = 1, height = 0, width = 0, out_h = 0, out_w = 0, pad_top = 0, pad_left = 0;
  const float* x = nullptr;
  float* y = nullptr;
  const float* bias = nullptr;
  Activation activation{};
  const float* residual = nullptr;  // like y, and may be y
  size_t threads = 1;
  const std::atomic<bool>* stop = nullptr;
};
Status Winograd(const WinogradArgs& args);

}  // namespace lowp

#endif  // LOWP_KERNELS_WINOGRAD_WINOGRAD_H_
