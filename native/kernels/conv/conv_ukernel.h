// The float32 microkernels, once for all ISAs: templates over a vector type V with F, kWidth, Load, Store, Set and Fma.
//
// Kernels of 3, 5 and 7 columns at strides of 1 and 2 slide along the row: a pixel is loaded once and added to every output
// pixel that it belongs to, whose sums move up from register to register. For 3x3 that is 3 loads and 9 multiply-adds a vector
// (4.5 cycles where two are issued a cycle) with all weights in registers; loading each tap for each output pixel took 9 loads.
#ifndef LOWP_KERNELS_CONV_CONV_UKERNEL_H_
#define LOWP_KERNELS_CONV_CONV_UKERNEL_H_

#include "kernels/conv/conv_kernel.h"

namespace lowp {

// What output pixels get from kRows rows of the kernel from row ky on; kAdd: added to acc.
template <class V, int kWidth, int kStride, int kRows, bool kAdd>
inline void ConvFloatSlide(const ConvRun& run, size_t ky, size_t pixels, float* acc) {
  static_assert(kWidth % 2 == 1 && kStride <= 2, "an output pixel ends with a column of phase 0");
  using F = typename V::F;
  constexpr int kOpen = (kWidth - 1) / kStride;  // output pixels that wait for more columns
  for (size_t j = 0; j < kConvNb; j += V::kWidth) {
    const float* x[kRows];
    F w[kRows][kWidth], open[kRows][kOpen];  // sums of the rows apart: added at the end, so that chains of additions are short
    size_t at = run.offset + j;
#pragma GCC unroll 8
    for (int r = 0; r < kRows; ++r) {
      x[r] = static_cast<const float*>(run.rows[ky + r]);
#pragma GCC unroll 8
      for (int kx = 0; kx < kWidth; ++kx)
        w[r][kx] = V::Load(static_cast<const float*>(run.weights) + ((ky + r) * kWidth + kx) * kConvNb + j);
#pragma GCC unroll 8
      for (int i = 0; i < kOpen; ++i) open[r][i] = V::Set(0);
    }
    // A column of phase 0 ends one output pixel and begins another.
    const auto even = [&]() LOWP_CONV_INLINE -> F {
      F sum = V::Set(0);
#pragma GCC unroll 8
      for (int r = 0; r < kRows; ++r) {
        const F pixel = V::Load(x[r] + at);
        const F ended = V::Fma(w[r][kOpen * kStride], pixel, open[r][0]);
        sum = r == 0 ? ended : V::Add(sum, ended);
#pragma GCC unroll 8
        for (int i = 1; i < kOpen; ++i) open[r][i - 1] = V::Fma(w[r][(kOpen - i) * kStride], pixel, open[r][i]);
        open[r][kOpen - 1] = V::Fma(w[r][0], pixel, V::Set(0));  // a product alone might be -0
      }
      at += run.ld;
      return sum;
    };
    const auto odd = [&]() LOWP_CONV_INLINE {
      if constexpr (kStride == 2) {
#pragma GCC unroll 8
        for (int r = 0; r < kRows; ++r) {
          const F pixel = V::Load(x[r] + at);
#pragma GCC unroll 8
          for (int i = 0; i < kOpen; ++i) open[r][i] = V::Fma(w[r][(kOpen - i) * 2 - 1], pixel, open[r][i]);
        }
        at += run.ld;
      }
    };
    even();
#pragma GCC unroll 8
    for (int i = 1; i < kOpen; ++i) {
      odd();
      even();
    }
    float* to = acc + j;
    const auto finish = [&]() LOWP_CONV_INLINE {
      odd();
      F sum = even();
      if constexpr (kAdd) sum = V::Add(sum, V::Load(to));
      V::Store(to, sum);
      to += kConvNb;
    };
    size_t pixel = 0;
    for (; pixel + 4 <= pixels; pixel += 4) {
      finish();
      finish();
      finish();
      finish();
    }
    for (; pixel < pixels; ++pixel) finish();
  }
}

template <class V, int kWidth, int kStride>
void ConvFloatSliding(const ConvRun& run, size_t pixels, float* acc) {
  size_t ky = 0;
  // Nine weights, two open sums and the pixel fit 16 registers.
  if (kWidth == 3 && run.kernel_h >= 3) {
    ConvFloatSlide<V, kWidth, kStride, kWidth == 3 ? 3 : 1, false>(run, 0, pixels, acc);
    ky = 3;
  } else {
    ConvFloatSlide<V, kWidth, kStride, 1, false>(run, 0, pixels, acc);
    ky = 1;
  }
  for (; ky < run.kernel_h; ++ky) ConvFloatSlide<V, kWidth, kStride, 1, true>(run, ky, pixels, acc);
}

// Any kernel: kPixels output pixels at a time, which share the loads of the weights and hide the latency of each other's sums.
template <class V, int kPixels>
void ConvFloatPixels(const ConvRun& run, size_t first, float* acc) {
  constexpr int kVectors = kConvNb / V::kWidth;
  typename V::F c[kPixels][kVectors];
#pragma GCC unroll 8
  for (int p = 0; p < kPixels; ++p) {
#pragma GCC unroll 4
    for (int j = 0; j < kVectors; ++j) c[p][j] = V::Set(0);
  }
  const float* w = static_cast<const float*>(run.weights);
  const size_t step = run.stride * run.ld;
  for (size_t ky = 0; ky < run.kernel_h; ++ky) {
    const float* x = static_cast<const float*>(run.rows[ky]) + run.offset + first * step;
    for (size_t kx = 0; kx < run.kernel_w; ++kx, w += kConvNb, x += run.dilation * run.ld) {
#pragma GCC unroll 4
      for (int j = 0; j < kVectors; ++j) {
        const typename V::F weight = V::Load(w + j * V::kWidth);
#pragma GCC unroll 8
        for (int p = 0; p < kPixels; ++p) c[p][j] = V::Fma(weight, V::Load(x + p * step + j * V::kWidth), c[p][j]);
      }
    }
  }
#pragma GCC unroll 8
  for (int p = 0; p < kPixels; ++p) {
#pragma GCC unroll 4
    for (int j = 0; j < kVectors; ++j) V::Store(acc + (first + p) * kConvNb + j * V::kWidth, c[p][j]);
  }
}

template <class V>
void ConvFloat(const ConvRun& run, size_t pixels, float* acc) {
  if (run.dilation == 1 && run.stride <= 2) {
    const bool one = run.stride == 1;
    switch (run.kernel_w) {
      case 3: return one ? ConvFloatSliding<V, 3, 1>(run, pixels, acc) : ConvFloatSliding<V, 3, 2>(run, pixels, acc);
      case 5: return one ? ConvFloatSliding<V, 5, 1>(run, pixels, acc) : ConvFloatSliding<V, 5, 2>(run, pixels, acc);
      case 7: return one ? ConvFloatSliding<V, 7, 1>(run, pixels, acc) : ConvFloatSliding<V, 7, 2>(run, pixels, acc);
      default: break;
    }
  }
  constexpr int kPixels = 4;
  size_t pixel = 0;
  for (; pixel + kPixels <= pixels; pixel += kPixels) ConvFloatPixels<V, kPixels>(run, pixel, acc);
  for (; pixel < pixels; ++pixel) ConvFloatPixels<V, 1>(run, pixel, acc);
}

}  // namespace lowp

#endif  // LOWP_KERNELS_CONV_CONV_UKERNEL_H_
