// Microkernel ABI of the Winograd convolution F(m x m, 3 x 3), m 2 or 4. Plain data only.
//
// An input tile of alpha x alpha pixels, alpha = m + 2, becomes alpha^2 values a channel; after the products, as many become the
// m x m outputs of the tile. Transformed values stand in planes, a matrix [tile][channel] for each xi = row * alpha + column.
#ifndef LOWP_KERNELS_WINOGRAD_WINOGRAD_KERNEL_H_
#define LOWP_KERNELS_WINOGRAD_WINOGRAD_KERNEL_H_

#include <stddef.h>

#include "kernels/epilogue/epilogue_kernel.h"

namespace lowp {

// Output channels that are transformed and stored together.
static constexpr size_t kWinogradNb = 16;

// v[xi * plane + c] from the tile whose pixel (i, j) is at x[i * ld_row + j * ld_pixel + c], for c < channels
using WinogradInputFn = void (*)(const float* x, size_t ld_row, size_t ld_pixel, size_t channels, float* v, size_t plane);
// acc[i * ld_row + j * kWinogradNb + c] = output (i, j) from products[xi * plane + c], for c < kWinogradNb
using WinogradOutputFn = void (*)(const float* products, size_t plane, float* acc, size_t ld_row);

struct WinogradTransforms {
  WinogradInputFn input;
  WinogradOutputFn output;
};

struct WinogradKernel {
  const char* name;
  WinogradTransforms f2, f4;
  FloatStoreFn store;  // of tiles [pixels][kWinogradNb]
};

}  // namespace lowp

#endif  // LOWP_KERNELS_WINOGRAD_WINOGRAD_KERNEL_H_
