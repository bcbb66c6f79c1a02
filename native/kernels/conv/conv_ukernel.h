// The float32 microkernel, once for all ISAs: a template over a vector type V with F, kWidth, Load, Store, Set and Fma.
#ifndef LOWP_KERNELS_CONV_CONV_UKERNEL_H_
#define LOWP_KERNELS_CONV_CONV_UKERNEL_H_

#include "kernels/conv/conv_kernel.h"

namespace lowp {

// kPixels output pixels at a time, which share the loads of the weights and hide the latency of each other's additions.
template <class V, int kPixels>
void ConvFloatPixels(const ConvStrip& strip, size_t first, float* acc) {
  constexpr int kVectors = kConvNb / V::kWidth;
  typename V::F c[kPixels][kVectors];
#pragma GCC unroll 8
  for (int p = 0; p < kPixels; ++p) {
#pragma GCC unroll 4
    for (int j = 0; j < kVectors; ++j) c[p][j] = V::Set(0);
  }
  const float* w = static_cast<const float*>(strip.weights);
  const size_t step = strip.stride * kConvNb;
  for (size_t tap = 0; tap < strip.count; ++tap, w += kConvNb) {
    const float* x = static_cast<const float*>(strip.taps[tap]) + first * step;
#pragma GCC unroll 4
    for (int j = 0; j < kVectors; ++j) {
      const typename V::F weight = V::Load(w + j * V::kWidth);
#pragma GCC unroll 8
      for (int p = 0; p < kPixels; ++p) c[p][j] = V::Fma(weight, V::Load(x + p * step + j * V::kWidth), c[p][j]);
    }
  }
#pragma GCC unroll 8
  for (int p = 0; p < kPixels; ++p) {
#pragma GCC unroll 4
    for (int j = 0; j < kVectors; ++j) V::Store(acc + (first + p) * kConvNb + j * V::kWidth, c[p][j]);
  }
}

template <class V, int kPixels>
void ConvFloat(const ConvStrip& strip, size_t pixels, float* acc) {
  size_t pixel = 0;
  for (; pixel + kPixels <= pixels; pixel += kPixels) ConvFloatPixels<V, kPixels>(strip, pixel, acc);
  // The last ones together with some of those before, whose sums come out the same.
  if (pixel < pixels && pixels >= kPixels) return ConvFloatPixels<V, kPixels>(strip, pixels - kPixels, acc);
  for (; pixel < pixels; ++pixel) ConvFloatPixels<V, 1>(strip, pixel, acc);
}

// Widens one by one. Traits: Position(channel), where a channel stands.
template <class Traits>
void ConvWidenEdge(size_t pixels, size_t begin, size_t channels, const uint8_t* x, size_t ld, uint8_t flip, int32_t zero,
                   int16_t* to) {
  const int32_t shift = zero + (flip != 0 ? 128 : 0);
  for (size_t pixel = 0; pixel < pixels; ++pixel) {
    for (size_t c = begin; c < channels; ++c)
      to[pixel * kConvNb + Traits::Position(c)] = static_cast<int16_t>((x[pixel * ld + c] ^ flip) - shift);
  }
}

}  // namespace lowp

#endif  // LOWP_KERNELS_CONV_CONV_UKERNEL_H_
