// Squares of bytes, transposed in registers. Only for files compiled for x64.
#ifndef LOWP_KERNELS_SPARSE_SPARSE_TRANSPOSE_BYTES_H_
#define LOWP_KERNELS_SPARSE_SPARSE_TRANSPOSE_BYTES_H_

#include <immintrin.h>
#include <stddef.h>
#include <stdint.h>

namespace lowp {
namespace {

// Eight rows of 8 bytes: columns 2i and 2i + 1, of 8 bytes each, in to[i].
inline void Transpose8x8(const uint8_t* from, size_t ld, __m128i (&to)[4]) {
  __m128i pairs[4];
#pragma GCC unroll 4
  for (int i = 0; i < 4; ++i) {
    pairs[i] = _mm_unpacklo_epi8(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(from + 2 * i * ld)),
                                 _mm_loadl_epi64(reinterpret_cast<const __m128i*>(from + (2 * i + 1) * ld)));
  }
  const __m128i low0 = _mm_unpacklo_epi16(pairs[0], pairs[1]), high0 = _mm_unpackhi_epi16(pairs[0], pairs[1]);
  const __m128i low1 = _mm_unpacklo_epi16(pairs[2], pairs[3]), high1 = _mm_unpackhi_epi16(pairs[2], pairs[3]);
  to[0] = _mm_unpacklo_epi32(low0, low1);
  to[1] = _mm_unpackhi_epi32(low0, low1);
  to[2] = _mm_unpacklo_epi32(high0, high1);
  to[3] = _mm_unpackhi_epi32(high0, high1);
}

// 16 rows of 8 bytes: 8 columns of 16 bytes.
inline void Transpose16x8(const uint8_t* from, size_t ld, __m128i (&to)[8]) {
  __m128i upper[4], lower[4];
  Transpose8x8(from, ld, upper);
  Transpose8x8(from + 8 * ld, ld, lower);
#pragma GCC unroll 4
  for (int i = 0; i < 4; ++i) {
    to[2 * i] = _mm_unpacklo_epi64(upper[i], lower[i]);
    to[2 * i + 1] = _mm_unpackhi_epi64(upper[i], lower[i]);
  }
}

inline void TransposeBytes(const uint8_t* from, size_t ld_from, uint8_t* to, size_t ld_to) {
  for (size_t col = 0; col < 16; col += 8) {
    __m128i columns[8];
    Transpose16x8(from + col, ld_from, columns);
#pragma GCC unroll 8
    for (size_t i = 0; i < 8; ++i) _mm_storeu_si128(reinterpret_cast<__m128i*>(to + (col + i) * ld_to), columns[i]);
  }
}

}  // namespace
}  // namespace lowp

#endif  // LOWP_KERNELS_SPARSE_SPARSE_TRANSPOSE_BYTES_H_
