// What the AVX2 and VNNI files share: the vector type of the end of a group, and the quantization of A. Needs AVX2; the anonymous
// namespace gives each file its own copy.
#ifndef LOWP_KERNELS_NBITS_NBITS_VECTOR256_H_
#define LOWP_KERNELS_NBITS_NBITS_VECTOR256_H_

#include <immintrin.h>

#include "kernels/epilogue/epilogue_store.h"
#include "kernels/epilogue/epilogue_vector256.h"
#include "kernels/nbits/nbits_finish.h"
#include "kernels/nbits/nbits_quantize_scalar.h"

namespace lowp {
namespace {

struct GroupVector256 : Vector256 {
  static void StoreF(float* p, F x) { _mm256_storeu_ps(p, x); }
  static I LoadI16(const int16_t* p) { return _mm256_cvtepi16_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p))); }
};

// The largest magnitude as bits, which order as the numbers do: infinities and NaN, from 0x7f800000 on, are above all others.
inline int32_t LargestMagnitude(const float* x, size_t count) {
  const __m256i magnitude = _mm256_set1_epi32(0x7fffffff);
  __m256i largest = _mm256_setzero_si256();
  for (size_t i = 0; i < count; i += 8)
    largest = _mm256_max_epi32(largest, _mm256_and_si256(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(x + i)), magnitude));
  __m128i four = _mm_max_epi32(_mm256_castsi256_si128(largest), _mm256_extracti128_si256(largest, 1));
  four = _mm_max_epi32(four, _mm_unpackhi_epi64(four, four));
  return _mm_cvtsi128_si32(_mm_max_epi32(four, _mm_shuffle_epi32(four, 1)));
}

// Finite values, a multiple of 16, to T: int8_t or int16_t. x * inverse is at most 127 and a rounding error, so nothing is to
// clamp. Returns their sum.
template <class T>
inline int32_t QuantizeFinite(const float* x, size_t count, float inverse, T* to) {
  const __m256 inverses = _mm256_set1_ps(inverse);
  __m256i sums = _mm256_setzero_si256();
  for (size_t i = 0; i < count; i += 16) {
    const __m256i q0 = _mm256_cvtps_epi32(_mm256_mul_ps(_mm256_loadu_ps(x + i), inverses));
    const __m256i q1 = _mm256_cvtps_epi32(_mm256_mul_ps(_mm256_loadu_ps(x + i + 8), inverses));
    sums = _mm256_add_epi32(sums, _mm256_add_epi32(q0, q1));
    // packs works within 128-bit lanes; the permutation puts the quarters back in order.
    const __m256i words = _mm256_permute4x64_epi64(_mm256_packs_epi32(q0, q1), 0xd8);
    if (sizeof(T) == 2) {
      _mm256_storeu_si256(reinterpret_cast<__m256i*>(to + i), words);
    } else {
      const __m128i bytes = _mm_packs_epi16(_mm256_castsi256_si128(words), _mm256_extracti128_si256(words, 1));
      _mm_storeu_si128(reinterpret_cast<__m128i*>(to + i), bytes);
    }
  }
  const __m128i four = _mm_add_epi32(_mm256_castsi256_si128(sums), _mm256_extracti128_si256(sums, 1));
  const __m128i two = _mm_add_epi32(four, _mm_unpackhi_epi64(four, four));
  return _mm_cvtsi128_si32(_mm_add_epi32(two, _mm_shuffle_epi32(two, 1)));
}

template <class T>
inline NBitsRowGroup QuantizeGroup(const float* x, size_t group, T* to) {
  const int32_t bits = LargestMagnitude(x, group);
  if (bits >= 0x7f800000) return QuantizeGroupScalar(x, group, group, to);
  float largest;
  __builtin_memcpy(&largest, &bits, sizeof(largest));
  return {largest / static_cast<float>(kNBitsMaxA), QuantizeFinite(x, group, NBitsInverse(largest), to)};
}

template <class T>
void QuantizeA(size_t k, size_t group, const float* x, int32_t factor, void* row) {
  T* to = static_cast<T*>(row);
  NBitsRowGroup* groups = reinterpret_cast<NBitsRowGroup*>(static_cast<char*>(row) + NBitsRowGroupsAt(sizeof(T)));
  alignas(32) float padded[kNBitsMaxGroup];
  for (size_t k0 = 0; k0 < k; k0 += group, ++groups) {
    const float* from = x + k0;
    if (k - k0 < group) {
      for (size_t i = 0; i < group; ++i) padded[i] = i < k - k0 ? from[i] : 0.0f;
      from = padded;
    }
    *groups = QuantizeGroup(from, group, to + k0);
    groups->correction *= factor;
  }
}

}  // namespace
}  // namespace lowp

#endif  // LOWP_KERNELS_NBITS_NBITS_VECTOR256_H_
