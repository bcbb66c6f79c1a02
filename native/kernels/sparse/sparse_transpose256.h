// An 8x8 square of 32-bit values in registers. Only for files compiled with AVX2.
#ifndef LOWP_KERNELS_SPARSE_SPARSE_TRANSPOSE256_H_
#define LOWP_KERNELS_SPARSE_SPARSE_TRANSPOSE256_H_

#include <immintrin.h>

#include "kernels/sparse/sparse_transpose.h"

namespace lowp {
namespace {

template <class T>
void TransposeSquare(const T* from_values, size_t ld_from, T* to_values, size_t ld_to) {
  static_assert(sizeof(T) == sizeof(float), "moved as floats");
  const float* from = reinterpret_cast<const float*>(from_values);
  float* to = reinterpret_cast<float*>(to_values);
  __m256 pairs[8], fours[8];
#pragma GCC unroll 4
  for (int i = 0; i < 8; i += 2) {
    const __m256 x = _mm256_loadu_ps(from + i * ld_from), y = _mm256_loadu_ps(from + (i + 1) * ld_from);
    pairs[i] = _mm256_unpacklo_ps(x, y);
    pairs[i + 1] = _mm256_unpackhi_ps(x, y);
  }
#pragma GCC unroll 2
  for (int i = 0; i < 8; i += 4) {
    fours[i] = _mm256_shuffle_ps(pairs[i], pairs[i + 2], 0x44);
    fours[i + 1] = _mm256_shuffle_ps(pairs[i], pairs[i + 2], 0xee);
    fours[i + 2] = _mm256_shuffle_ps(pairs[i + 1], pairs[i + 3], 0x44);
    fours[i + 3] = _mm256_shuffle_ps(pairs[i + 1], pairs[i + 3], 0xee);
  }
#pragma GCC unroll 4
  for (int i = 0; i < 4; ++i) {
    _mm256_storeu_ps(to + i * ld_to, _mm256_permute2f128_ps(fours[i], fours[i + 4], 0x20));
    _mm256_storeu_ps(to + (i + 4) * ld_to, _mm256_permute2f128_ps(fours[i], fours[i + 4], 0x31));
  }
}

}  // namespace
}  // namespace lowp

#endif  // LOWP_KERNELS_SPARSE_SPARSE_TRANSPOSE256_H_
