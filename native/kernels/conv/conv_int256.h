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

// 8 channels, in both halves.
template <bool kFlip>
inline __m256i LoadPixel(const uint8_t* p) {
  const __m256i bytes = _mm256_broadcastq_epi64(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(p)));
  return kFlip ? _mm256_xor_si256(bytes, _mm256_set1_epi8(static_cast<char>(0x80))) : bytes;
}

// Byte by byte a, b as 16-bit numbers. vpmovzxbw would be the widening, but it crosses halves and takes a cycle and more on Zen
// 3, two shuffles' time.
inline __m256i Pairs(__m256i a, __m256i b) {
  const __m256i widen = _mm256_setr_epi8(0, -1, 1, -1, 2, -1, 3, -1, 4, -1, 5, -1, 6, -1, 7, -1, 8, -1, 9, -1, 10, -1, 11, -1, 12,
                                         -1, 13, -1, 14, -1, 15, -1);
  return _mm256_shuffle_epi8(_mm256_unpacklo_epi8(a, b), widen);
}

inline __m256i LoadSums(const void* p) { return _mm256_loadu_si256(static_cast<const __m256i*>(p)); }

// What output pixels get from a pair of rows, if kPair, and from the last, odd row, if kOdd. weights: of the first of those
// pairs. kAdd: added to acc.
template <bool kFlip, int kWidth, int kStride, bool kPair, bool kOdd, bool kAdd>
inline void IntSlide(const ConvRun& run, size_t ky, const int16_t* weights, size_t pixels, int32_t* acc) {
  constexpr int kOpen = (kWidth - 1) / kStride;  // output pixels that wait for more columns
  for (size_t j = 0; j < kConvNb; j += 8, weights += 16) {
    const uint8_t* x0 = static_cast<const uint8_t*>(run.rows[ky]);
    const uint8_t* x1 = kPair ? static_cast<const uint8_t*>(run.rows[ky + 1]) : x0;
    const uint8_t* x2 = kOdd ? static_cast<const uint8_t*>(run.rows[ky + (kPair ? 2 : 0)]) : x0;
    size_t at = run.offset + j;  // one offset for all rows: three pointers would not stay in registers
    constexpr int kColumnPairs = kPair ? kWidth : 0;
    __m256i w[kWidth], v[kWidth / 2 + 1], open[kOpen];
    __m256i before = _mm256_setzero_si256();  // the odd row's last pixel
#pragma GCC unroll 8
    for (int kx = 0; kx < kColumnPairs; ++kx) w[kx] = LoadSums(weights + kx * 2 * kConvNb);
    if constexpr (kOdd) {
#pragma GCC unroll 8
      for (int p = 0; p <= kWidth / 2; ++p) v[p] = LoadSums(weights + (kColumnPairs + p) * 2 * kConvNb);
    }
#pragma GCC unroll 8
    for (int i = 0; i < kOpen; ++i) open[i] = _mm256_setzero_si256();
    // A column of phase 0 ends one output pixel and begins another.
    const auto even = [&]() LOWP_CONV_INLINE -> __m256i {
      __m256i sums[kOpen + 1];
#pragma GCC unroll 8
      for (int i = 0; i < kOpen; ++i) sums[i] = open[i];
      if constexpr (kPair) {
        const __m256i pairs = Pairs(LoadPixel<kFlip>(x0 + at), LoadPixel<kFlip>(x1 + at));
#pragma GCC unroll 8
        for (int i = 0; i <= kOpen; ++i) {
          const __m256i product = _mm256_madd_epi16(pairs, w[(kOpen - i) * kStride]);
          sums[i] = i < kOpen ? _mm256_add_epi32(sums[i], product) : product;
        }
      }
      if constexpr (kOdd) {
        const __m256i bytes = LoadPixel<kFlip>(x2 + at);
        const __m256i pairs = Pairs(before, bytes);
#pragma GCC unroll 8
        for (int i = 0; i <= kOpen; ++i) {
          if ((kOpen - i) * kStride % 2 != 0) continue;
          const __m256i product = _mm256_madd_epi16(pairs, v[(kOpen - i) * kStride / 2]);
          sums[i] = kPair || i < kOpen ? _mm256_add_epi32(sums[i], product) : product;
        }
        before = bytes;
      }
      at += run.ld;
#pragma GCC unroll 8
      for (int i = 0; i < kOpen; ++i) open[i] = sums[i + 1];
      return sums[0];
    };
    const auto odd = [&]() LOWP_CONV_INLINE {
      if constexpr (kStride == 2) {
        if constexpr (kPair) {
          const __m256i pairs = Pairs(LoadPixel<kFlip>(x0 + at), LoadPixel<kFlip>(x1 + at));
#pragma GCC unroll 8
          for (int i = 0; i < kOpen; ++i) open[i] = _mm256_add_epi32(open[i], _mm256_madd_epi16(pairs, w[(kOpen - i) * 2 - 1]));
        }
        if constexpr (kOdd) before = LoadPixel<kFlip>(x2 + at);
        at += run.ld;
      }
    };
    even();
#pragma GCC unroll 8
    for (int i = 1; i < kOpen; ++i) {
      odd();
      even();
    }
    int32_t* to = acc + j;
    const auto finish = [&]() LOWP_CONV_INLINE {
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

template <bool kFlip, int kWidth, int kStride>
void IntSliding(const ConvRun& run, size_t pixels, int32_t* acc) {
  const int16_t* w = static_cast<const int16_t*>(run.weights);
  const size_t left = run.kernel_h;
  if (left == 1) return IntSlide<kFlip, kWidth, kStride, false, true, false>(run, 0, w, pixels, acc);
  if (left == 3) return IntSlide<kFlip, kWidth, kStride, true, true, false>(run, 0, w, pixels, acc);
  IntSlide<kFlip, kWidth, kStride, true, false, false>(run, 0, w, pixels, acc);
  size_t ky = 2;
  for (; ky + 3 < left || ky + 2 == left; ky += 2) {
    w += 2 * kConvNb * kWidth;
    IntSlide<kFlip, kWidth, kStride, true, false, true>(run, ky, w, pixels, acc);
  }
  w += 2 * kConvNb * kWidth;
  if (ky < left) IntSlide<kFlip, kWidth, kStride, true, true, true>(run, ky, w, pixels, acc);
}

// Any kernel.
template <bool kFlip, int kPixels>
inline void IntPixels(const ConvRun& run, size_t first, int32_t* acc) {
  const size_t step = run.stride * run.ld, column = run.dilation * run.ld, start = run.offset + first * step;
  for (size_t j = 0; j < kConvNb; j += 8) {
    __m256i c[kPixels];
#pragma GCC unroll 4
    for (int p = 0; p < kPixels; ++p) c[p] = _mm256_setzero_si256();
    const int16_t* w = static_cast<const int16_t*>(run.weights) + 2 * j;
    const auto add = [&](const uint8_t* a, const uint8_t* b) LOWP_CONV_INLINE {
      const __m256i weights = LoadSums(w);
      w += 2 * kConvNb;
#pragma GCC unroll 4
      for (int p = 0; p < kPixels; ++p) {
        const __m256i pairs = Pairs(LoadPixel<kFlip>(a + p * step), LoadPixel<kFlip>(b + p * step));
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
    for (int p = 0; p < kPixels; ++p) _mm256_storeu_si256(reinterpret_cast<__m256i*>(acc + (first + p) * kConvNb + j), c[p]);
  }
}

template <bool kFlip>
void ConvIntOf(const ConvRun& run, size_t pixels, int32_t* acc) {
  if (run.dilation == 1 && run.stride <= 2) {
    const bool one = run.stride == 1;
    switch (run.kernel_w) {
      case 3: return one ? IntSliding<kFlip, 3, 1>(run, pixels, acc) : IntSliding<kFlip, 3, 2>(run, pixels, acc);
      case 5: return one ? IntSliding<kFlip, 5, 1>(run, pixels, acc) : IntSliding<kFlip, 5, 2>(run, pixels, acc);
      case 7: return one ? IntSliding<kFlip, 7, 1>(run, pixels, acc) : IntSliding<kFlip, 7, 2>(run, pixels, acc);
      default: break;
    }
  }
  constexpr int kPixels = 4;
  size_t pixel = 0;
  for (; pixel + kPixels <= pixels; pixel += kPixels) IntPixels<kFlip, kPixels>(run, pixel, acc);
  for (; pixel < pixels; ++pixel) IntPixels<kFlip, 1>(run, pixel, acc);
}

inline void ConvInt256(const ConvRun& run, size_t pixels, int32_t* acc) {
  return run.flip != 0 ? ConvIntOf<true>(run, pixels, acc) : ConvIntOf<false>(run, pixels, acc);
}

}  // namespace
}  // namespace lowp

#endif  // LOWP_KERNELS_CONV_CONV_INT256_H_
