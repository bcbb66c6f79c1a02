// Microkernel ABI of the depthwise convolution, each channel of which has a kernel of its own. Plain data only.
//
// A run is some output pixels of one row and kConvNb channels. The microkernels read the pixels where they lie, in the image or
// in the padded copy of its border (conv_depthwise.cc), and leave the sums to a store of the epilogue.
//
// Weights: float32 [tap][kConvNb]. int8 becomes int16 with the weights' zero point taken off, by pairs of taps, which one
// instruction multiplies and adds: [pair][channel][2]. Pairs stand above each other, so that the pixels of a column are
// interleaved once for all taps that read them; an odd last row is paired along itself, from the right:
//
//   3x3:  a b c
//         a b c
//         d e e      d with 0: a e b' and so on come from the pair of the pixel and the one before
#ifndef LOWP_KERNELS_CONV_CONV_KERNEL_H_
#define LOWP_KERNELS_CONV_CONV_KERNEL_H_

#include <stddef.h>
#include <stdint.h>

#include "kernels/epilogue/epilogue_kernel.h"

// For lambdas that keep sums in registers: GCC calls them otherwise, and the kernels take twice as long.
#if defined(__GNUC__)
#define LOWP_CONV_INLINE __attribute__((always_inline))
#else
#define LOWP_CONV_INLINE
#endif

namespace lowp {

static constexpr size_t kConvNb = 16;

// Pairs of taps, and where among 2 * ConvPairs numbers tap (ky, kx) stands.
static inline size_t ConvPairs(size_t kernel_h, size_t kernel_w) {
  return kernel_h / 2 * kernel_w + kernel_h % 2 * ((kernel_w + 1) / 2);
}
static inline size_t ConvSlot(size_t kernel_h, size_t kernel_w, size_t ky, size_t kx) {
  const bool paired = ky / 2 < kernel_h / 2;
  return paired ? (ky / 2 * kernel_w + kx) * 2 + ky % 2 : kernel_h / 2 * kernel_w * 2 + kx + kernel_w % 2;
}

struct ConvRun {
  const void* const* rows;  // [kernel_h]: what the first tap of each row reads for the first output pixel is `offset` elements on
  size_t offset;
  size_t ld;  // elements from one input pixel to the next
  size_t kernel_h, kernel_w, stride, dilation;
  const void* weights;
  uint8_t flip;  // int8 kernels: pixels are the uint8 x ^ flip, so 0x80 makes int8 ones 128 more than they are
};

// acc[pixel][kConvNb] = sum over the taps of x * w. Whole blocks of channels are read.
using ConvFloatUkernelFn = void (*)(const ConvRun& run, size_t pixels, float* acc);
using ConvIntUkernelFn = void (*)(const ConvRun& run, size_t pixels, int32_t* acc);

struct ConvKernel {
  const char* name;
  ConvFloatUkernelFn float_ukernel;
  ConvIntUkernelFn int_ukernel;
  FloatStoreFn store_float;  // of tiles [pixels][kConvNb]
  IntStoreFn store_int;
  // to[col][row] = from[row][col]: an image between the two layouts
  void (*transpose_f32)(size_t rows, size_t cols, const float* from, size_t ld_from, float* to, size_t ld_to);
  void (*transpose_u8)(size_t rows, size_t cols, const uint8_t* from, size_t ld_from, uint8_t* to, size_t ld_to);
};

}  // namespace lowp

#endif  // LOWP_KERNELS_CONV_CONV_KERNEL_H_
