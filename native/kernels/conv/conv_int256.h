// The int8 microkernels of 256 bits, which slide along the row like those of float32 (conv_ukernel.h).
//
// 8 channels at a time: bytes of two taps are interleaved, widened to 16 bits and multiplied by a pair of weights with vpmaddwd,
// which is exact. For 3x3 a vector of sums takes 4 instructions to make pairs (two to a column of pixels, which three output
// pixels share), 5 multiplications and 4 additions: 13, or 3.3 cycles of four pipes. Without sharing it was 15 and a pass that
// widened the image beforehand.
#ifndef LOWP_KERNELS_CONV_CONV_INT256_H_
#define LOWP_KERNELS_CONV_CONV_INT256_H_

#include <immintrin.h>

#include "kernels/conv/conv_kernel.h"

namespace lowp {
namespace {

inline __m128i Load8Bytes(const uint8_t* p) { return _mm_loadl_epi64(reinterpret_cast<const __m128i*>(p)); }

template <bool kSigned>
inline __m256i Pairs(__m128i a, __m128i b) {
  const __m128i bytes = _mm_unpacklo_epi8(a, b);
  return kSigned ? _mm256_cvtepi8_epi16(bytes) : _mm256_cvtepu8_epi16(bytes);
}

inline __m256i LoadSums(const void* p) { return _mm256_loadu_si256(static_cast<const __m256i*>(p)); }

// What output pixels get from a pair of rows, if kPair, and from the last, odd row, if kOdd. weights: of the first of those pairs.
// kAdd: added to acc.
template <bool kSigned, int kWidth, int kStride, bool kPair, bool kOdd, bool kAdd>
inline void IntSlide(const ConvRun& run, size_t ky, const int16_t* weights, size_t pixels, int32_t* acc) {
  constexpr int kOpen = (kWidth - 1) / kStride;  // output pixels that wait for more columns
  for (size_t j = 0; j < kConvNb; j += 8, weights += 16) {
    const uint8_t* x0 = static_cast<const uint8_t*>(run.rows[ky]) + run.offset + j;
    const uint8_t* x1 = kPair ? static_cast<const uint8_t*>(run.rows[ky + 1]) + run.offset + j : x0;
    const uint8_t* x2 = kOdd ? static_cast<const uint8_t*>(run.rows[ky + (kPair ? 2 : 0)]) + run.offset + j : x0;
    constexpr int kColumnPairs = kPair ? kWidth : 0;
    __m256i w[kWidth], v[kWidth / 2 + 1], open[kOpen];
    __m128i before = _mm_setzero_si128();  // the odd row's last pixel
#pragma GCC unroll 8
    for (int kx = 0; kx < kColumnPairs; ++kx) w[kx] = LoadSums(weights + kx * 2 * kConvNb);
    if constexpr (kOdd) {
#pragma GCC unroll 8
      for (int p = 0; p <= kWidth / 2; ++p) v[p] = LoadSums(weights + (kColumnPairs + p) * 2 * kConvNb);
    }
#pragma GCC unroll 8
    for (int i = 0; i < kOpen; ++i) open[i] = _mm256_setzero_si256();
    // A column of phase 0 ends one output pixel and begins another.
    const auto even = [&]() -> __m256i {
      __m256i sums[kOpen + 1];
#pragma GCC unroll 8
      for (int i = 0; i < kOpen; ++i) sums[i] = open[i];
      if constexpr (kPair) {
        const __m256i pairs = Pairs<kSigned>(Load8Bytes(x0), Load8Bytes(x1));
#pragma GCC unroll 8
        for (int i = 0; i <= kOpen; ++i) {
          const __m256i product = _mm256_madd_epi16(pairs, w[(kOpen - i) * kStride]);
          sums[i] = i < kOpen ? _mm256_add_epi32(sums[i], product) : product;
        }
        x0 += run.ld;
        x1 += run.ld;
      }
      if constexpr (kOdd) {
        const __m128i bytes = Load8Bytes(x2);
        const __m256i pairs = Pairs<kSigned>(before, bytes);
#pragma GCC unroll 8
        for (int i = 0; i <= kOpen; ++i) {
          if ((kOpen - i) * kStride % 2 != 0) continue;
          const __m256i product = _mm256_madd_epi16(pairs, v[(kOpen - i) * kStride / 2]);
          sums[i] = kPair || i < kOpen ? _mm256_add_epi32(sums[i], product) : product;
        }
        before = bytes;
        x2 += run.ld;
      }
#pragma GCC unroll 8
      for (int i = 0; i < kOpen; ++i) open[i] = sums[i + 1];
      return sums[0];
    };
    const auto odd = [&] {
      if constexpr (kStride == 2) {
        if constexpr (kPair) {
          const __m256i pairs = Pairs<kSigned>(Load8Bytes(x0), Load8Bytes(x1));
#pragma GCC unroll 8
          for (int i = 0; i < kOpen; ++i)
            open[i] = _mm256_add_epi32(open[i], _mm256_madd_epi16(pairs, w[(kOpen - i) * 2 - 1]));
          x0 += run.ld;
          x1 += run.ld;
        }
        if constexpr (kOdd) {
          before = Load8Bytes(x2);
          x2 += run.ld;
        }
      }
    };
    even();
#pragma GCC unroll 8
    for (int i = 1; i < kOpen; ++i) {
      odd();
      even();
    }
    int32_t* to = acc + j;
    const auto finish = [&] {
      odd();
      __m256i sum = even();
      if constexpr (kAdd) sum = _mm256_add_epi32(sum, LoadSums(to));
      _mm256_storeu_si256(reinterpret_cast<__m256i*>(to), sum);
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

template <bool kSigned, int kWidth, int kStride>
void IntSliding(const ConvRun& run, size_t pixels, int32_t* acc) {
  const int16_t* w = static_cast<const int16_t*>(run.weights);
  const size_t left = run.kernel_h;
  if (left == 1) return IntSlide<kSigned, kWidth, kStride, false, true, false>(run, 0, w, pixels, acc);
  if (left == 3) return IntSlide<kSigned, kWidth, kStride, true, true, false>(run, 0, w, pixels, acc);
  IntSlide<kSigned, kWidth, kStride, true, false, false>(run, 0, w, pixels, acc);
  size_t ky = 2;
  for (; ky + 3 < left || ky + 2 == left; ky += 2) {
    w += 2 * kConvNb * kWidth;
    IntSlide<kSigned, kWidth, kStride, true, false, true>(run, ky, w, pixels, acc);
  }
  w += 2 * kConvNb * kWidth;
  if (ky < left) IntSlide<kSigned, kWidth, kStride, true, true, true>(run, ky, w, pixels, acc);
}

// Any kernel.
template <bool kSigned, int kPixels>
inline void IntPixels(const ConvRun& run, size_t first, int32_t* acc) {
  const size_t step = run.stride * run.ld, column = run.dilation * run.ld, start = run.offset + first * step;
  for (size_t j = 0; j < kConvNb; j += 8) {
    __m256i c[kPixels];
#pragma GCC unroll 4
    for (int p = 0; p < kPixels; ++p) c[p] = _mm256_setzero_si256();
    const int16_t* w = static_cast<const int16_t*>(run.weights) + 2 * j;
    const auto add = [&](const uint8_t* a, const uint8_t* b) {
      const __m256i weights = LoadSums(w);
      w += 2 * kConvNb;
#pragma GCC unroll 4
      for (int p = 0; p < kPixels; ++p) {
        const __m256i pairs = Pairs<kSigned>(Load8Bytes(a + p * step), Load8Bytes(b + p * step));
        c[p] = _mm256_add_epi32(c[p], _mm256_madd_epi16(pairs, weights));
      }
    };
    size_t ky = 0;
    for (; ky + 2 <= run.kernel_h; ky += 2) {
      const uint8_t* a = static_cast<const uint8_t*>(run.rows[ky]) + start + j;
      const uint8_t* b = static_cast<const uint8_t*>(run.rows[ky + 1]) + start + j;
      for (size_t kx = 0; kx < run.kernel_w; ++kx) add(a + kx * column, b + kx * column);
    }
    if (ky < run.kernel_h) {
      const uint8_t* a = static_cast<const uint8_t*>(run.rows[ky]) + start + j;
      // Of an odd number of columns the first is alone; what it is paired with has the weight 0.
      if (run.kernel_w % 2 != 0) add(a, a);
      for (size_t kx = run.kernel_w % 2; kx < run.kernel_w; kx += 2) add(a + kx * column, a + (kx + 1) * column);
    }
#pragma GCC unroll 4
    for (int p = 0; p < kPixels; ++p)
      _mm256_storeu_si256(reinterpret_cast<__m256i*>(acc + (first + p) * kConvNb + j), c[p]);
  }
}

template <bool kSigned>
void ConvIntOf(const ConvRun& run, size_t pixels, int32_t* acc) {
  if (run.dilation == 1 && run.stride <= 2) {
    const bool one = run.stride == 1;
    switch (run.kernel_w) {
      case 3: return one ? IntSliding<kSigned, 3, 1>(run, pixels, acc) : IntSliding<kSigned, 3, 2>(run, pixels, acc);
      case 5: return one ? IntSliding<kSigned, 5, 1>(run, pixels, acc) : IntSliding<kSigned, 5, 2>(run, pixels, acc);
      case 7: return one ? IntSliding<kSigned, 7, 1>(run, pixels, acc) : IntSliding<kSigned, 7, 2>(run, pixels, acc);
      default: break;
    }
  }
  constexpr int kPixels = 4;
  size_t pixel = 0;
  for (; pixel + kPixels <= pixels; pixel += kPixels) IntPixels<kSigned, kPixels>(run, pixel, acc);
  for (; pixel < pixels; ++pixel) IntPixels<kSigned, 1>(run, pixel, acc);
}

inline void ConvInt256(const ConvRun& run, size_t pixels, int32_t* acc) {
  return run.x_signed ? ConvIntOf<true>(run, pixels, acc) : ConvIntOf<false>(run, pixels, acc);
}

}  // namespace
}  // namespace lowp

#endif  // LOWP_KERNELS_CONV_CONV_INT256_H_
