// Sums of a tile of 16 columns in 256-bit registers, as the AVX2 and AVX-VNNI microkernels have them. Needs AVX2.
#ifndef LOWP_KERNELS_QGEMM_QGEMM_TILE256_H_
#define LOWP_KERNELS_QGEMM_QGEMM_TILE256_H_

#include <immintrin.h>

#include "kernels/qgemm/qgemm_kernel.h"

namespace lowp {
namespace {

template <int kRows>
inline void ClearSums(__m256i (&c)[kRows][2]) {
#pragma GCC unroll 6
  for (int r = 0; r < kRows; ++r) c[r][0] = c[r][1] = _mm256_setzero_si256();
}

// acc[rows][16] (+)= c
template <int kRows>
inline void StoreSums(__m256i (&c)[kRows][2], int32_t* acc, bool accumulate) {
  __m256i* out = reinterpret_cast<__m256i*>(acc);
#pragma GCC unroll 6
  for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 2
    for (int j = 0; j < 2; ++j) {
      if (accumulate) c[r][j] = _mm256_add_epi32(c[r][j], _mm256_load_si256(out + 2 * r + j));
      _mm256_store_si256(out + 2 * r + j, c[r][j]);
    }
  }
}

}  // namespace
}  // namespace lowp

#endif  // LOWP_KERNELS_QGEMM_QGEMM_TILE256_H_
