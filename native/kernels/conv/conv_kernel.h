// Microkernel ABI of the depthwise convolution, each channel of which has a kernel of its own. Plain data only.
//
// A strip holds what one row of output pixels reads of kConvNb channels: kernel_h rows [pixel of the padded row][kConvNb], so
// that no tap has to ask where the image ends. 8-bit pixels are stored there as int16 with the zero point taken off (255 less
// than 0 to 255 more fits), so padding is 0 and the sums need no correction; weights likewise.
//
// Weights: float32 [tap][kConvNb]. int16 by pairs of taps, which one instruction multiplies and adds: [pair][column][2], the last
// padded with 0.
#ifndef LOWP_KERNELS_CONV_CONV_KERNEL_H_
#define LOWP_KERNELS_CONV_CONV_KERNEL_H_

#include <stddef.h>
#include <stdint.h>

#include "kernels/epilogue/epilogue_kernel.h"

namespace lowp {

// Channels of a strip: three rows of 112 pixels of float32 are 22 KB and stay in L1.
static constexpr size_t kConvNb = 16;

struct ConvStrip {
  const void* const* taps;  // [count]: where the first output pixel finds each
  size_t count;
  size_t stride;  // pixels of the strip from one output pixel to the next
  const void* weights;
};

// acc[pixel][kConvNb] = sum over the taps
using ConvFloatUkernelFn = void (*)(const ConvStrip& strip, size_t pixels, float* acc);
using ConvIntUkernelFn = void (*)(const ConvStrip& strip, size_t pixels, int32_t* acc);

// to[pixel][kConvNb] = x - zero of `channels` (at most kConvNb) channels, `ld` bytes from pixel to pixel; x is u8 or, where
// `flip` is 0x80, s8 as (x ^ 0x80) - 128. Other channels are left alone. A kernel may order them as it likes, as long as its sums
// are in order.
using ConvWidenFn = void (*)(size_t pixels, size_t channels, const uint8_t* x, size_t ld, uint8_t flip, int32_t zero,
                             int16_t* to);

struct ConvKernel {
  const char* name;
  ConvFloatUkernelFn float_ukernel;
  ConvIntUkernelFn int_ukernel;
  ConvWidenFn widen;
  FloatStoreFn store_float;  // of tiles [pixels][kConvNb]
  IntStoreFn store_int;
  // to[col][row] = from[row][col]: an image between the two layouts
  void (*transpose_f32)(size_t rows, size_t cols, const float* from, size_t ld_from, float* to, size_t ld_to);
  void (*transpose_u8)(size_t rows, size_t cols, const uint8_t* from, size_t ld_from, uint8_t* to, size_t ld_to);
};

}  // namespace lowp

#endif  // LOWP_KERNELS_CONV_CONV_KERNEL_H_
