// What the two 256-bit kernels share. Only for files compiled with AVX2: the anonymous namespace gives each its own copy.
#ifndef LOWP_KERNELS_SEARCH_SEARCH_VECTOR256_H_
#define LOWP_KERNELS_SEARCH_SEARCH_VECTOR256_H_

#include <immintrin.h>

#include "kernels/search/search_kernel.h"

namespace lowp {
namespace {

// Four queries times 16 rows: 8 sums, 2 of the corpus, and what the step needs beside them, in 16 registers.
constexpr int kQueries = 4;

inline __m256i LoadLine(const uint8_t* p, int half) { return _mm256_load_si256(reinterpret_cast<const __m256i*>(p) + half); }

inline __m256i BroadcastChunk(const uint8_t* p) {
  int32_t x;
  __builtin_memcpy(&x, p, sizeof x);
  return _mm256_set1_epi32(x);
}

// Bits set in each byte, through a table of the 16 nibbles.
inline __m256i BytePopCount(__m256i x) {
  const __m256i table =
      _mm256_setr_epi8(0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4, 0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4);
  const __m256i low = _mm256_set1_epi8(15);
  const __m256i from_low = _mm256_shuffle_epi8(table, _mm256_and_si256(x, low));
  const __m256i from_high = _mm256_shuffle_epi8(table, _mm256_and_si256(_mm256_srli_epi16(x, 4), low));
  return _mm256_add_epi8(from_low, from_high);
}

inline void StoreScores(int32_t* scores, int half, __m256i x) {
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(scores) + half, x);
}

}  // namespace
}  // namespace lowp

#endif  // LOWP_KERNELS_SEARCH_SEARCH_VECTOR256_H_
