// Packing of A for kernels whose left operand is u8 (vpdpbusd). Needs AVX2; shared by the VNNI files and that for narrow weights.
#ifndef LOWP_KERNELS_QGEMM_QGEMM_PACK_U8_H_
#define LOWP_KERNELS_QGEMM_QGEMM_PACK_U8_H_

#include <immintrin.h>

#include "kernels/qgemm/qgemm_kernel.h"

namespace lowp {
namespace {

// s8 becomes u8 by adding 128, which flips the top bit. Rows are padded with zeros to a multiple of 4.
template <bool kSigned, size_t kStride>
void PackU8(size_t rows, size_t k, const void* a, size_t lda, void* packed, int32_t* row_sum) {
  const __m256i flip = _mm256_set1_epi8(kSigned ? static_cast<char>(0x80) : 0);
  const __m256i zero = _mm256_setzero_si256();
  for (size_t row = 0; row < rows; ++row) {
    const uint8_t* from = static_cast<const uint8_t*>(a) + row * lda;
    uint8_t* to = static_cast<uint8_t*>(packed) + row * kStride;
    __m256i sums = zero;  // four 64-bit lanes
    size_t i = 0;
    for (; i + 32 <= k; i += 32) {
      const __m256i bytes = _mm256_xor_si256(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(from + i)), flip);
      _mm256_storeu_si256(reinterpret_cast<__m256i*>(to + i), bytes);
      sums = _mm256_add_epi64(sums, _mm256_sad_epu8(bytes, zero));
    }
    __m128i two = _mm_add_epi64(_mm256_castsi256_si128(sums), _mm256_extracti128_si256(sums, 1));
    if (i + 16 <= k) {
      const __m128i bytes =
          _mm_xor_si128(_mm_loadu_si128(reinterpret_cast<const __m128i*>(from + i)), _mm256_castsi256_si128(flip));
      _mm_storeu_si128(reinterpret_cast<__m128i*>(to + i), bytes);
      two = _mm_add_epi64(two, _mm_sad_epu8(bytes, _mm_setzero_si128()));
      i += 16;
    }
    // Depths are refused long before a sum of bytes leaves 32 bits.
    int32_t sum = _mm_cvtsi128_si32(_mm_add_epi64(two, _mm_unpackhi_epi64(two, two)));
    for (; i < k; ++i) {
      to[i] = static_cast<uint8_t>(from[i] ^ (kSigned ? 0x80 : 0));
      sum += to[i];
    }
    for (; i % 4 != 0; ++i) to[i] = 0;
    row_sum[row] += sum;
  }
}

}  // namespace
}  // namespace lowp

#endif  // LOWP_KERNELS_QGEMM_QGEMM_PACK_U8_H_
