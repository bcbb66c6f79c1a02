// The epilogue's vector type on AVX2. Only for files compiled with AVX2: the anonymous namespace gives each its own copy.
#ifndef LOWP_KERNELS_QGEMM_QGEMM_VECTOR256_H_
#define LOWP_KERNELS_QGEMM_QGEMM_VECTOR256_H_

#include <immintrin.h>

#include "kernels/qgemm/qgemm_epilogue.h"

namespace lowp {
namespace {

struct Vector256 {
  using F = __m256;
  using I = __m256i;
  static constexpr size_t kWidth = 8;
  static I LoadI(const int32_t* p) { return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)); }
  static F LoadF(const float* p) { return _mm256_loadu_ps(p); }
  static I SetI(int32_t x) { return _mm256_set1_epi32(x); }
  static F SetF(float x) { return _mm256_set1_ps(x); }
  static I AddI(I x, I y) { return _mm256_add_epi32(x, y); }
  static I SubI(I x, I y) { return _mm256_sub_epi32(x, y); }
  static I MulI(I x, I y) { return _mm256_mullo_epi32(x, y); }
  static F ToF(I x) { return _mm256_cvtepi32_ps(x); }
  static F AddF(F x, F y) { return _mm256_add_ps(x, y); }
  static F MulF(F x, F y) { return _mm256_mul_ps(x, y); }
  static F DivF(F x, F y) { return _mm256_div_ps(x, y); }
  // Both return their second operand where one is NaN.
  static F MinF(F bound, F x) { return _mm256_min_ps(bound, x); }
  static F MaxF(F bound, F x) { return _mm256_max_ps(bound, x); }
  static F NanToZero(F x) { return _mm256_and_ps(x, _mm256_cmp_ps(x, x, _CMP_ORD_Q)); }
  static I Round(F x) { return _mm256_cvtps_epi32(x); }
  static void StoreI(int32_t* p, I x, size_t cols) {
    if (cols == kWidth) {
      _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), x);
    } else {
      alignas(32) int32_t lanes[kWidth];
      _mm256_store_si256(reinterpret_cast<__m256i*>(lanes), x);
      StoreLanes(p, lanes, cols);
    }
  }
  static void StoreF(float* p, F x, size_t cols) {
    if (cols == kWidth) {
      _mm256_storeu_ps(p, x);
    } else {
      alignas(32) float lanes[kWidth];
      _mm256_store_ps(lanes, x);
      StoreLanes(p, lanes, cols);
    }
  }
  static void StoreU8(uint8_t* p, I x, size_t cols) {
    const __m128i words = Words(x);
    Store8(p, _mm_packus_epi16(words, words), cols);
  }
  static void StoreS8(int8_t* p, I x, size_t cols) {
    const __m128i words = Words(x);
    Store8(p, _mm_packs_epi16(words, words), cols);
  }

 private:
  static __m128i Words(I x) { return _mm_packs_epi32(_mm256_castsi256_si128(x), _mm256_extracti128_si256(x, 1)); }
  static void Store8(void* p, __m128i bytes, size_t cols) {
    if (cols == kWidth) {
      _mm_storel_epi64(reinterpret_cast<__m128i*>(p), bytes);
    } else {
      alignas(16) uint8_t lanes[16];
      _mm_store_si128(reinterpret_cast<__m128i*>(lanes), bytes);
      StoreLanes(static_cast<uint8_t*>(p), lanes, cols);
    }
  }
};

}  // namespace
}  // namespace lowp

#endif  // LOWP_KERNELS_QGEMM_QGEMM_VECTOR256_H_
