// 256 bits of AVX2. Only for files compiled with AVX2.
#ifndef LOWP_KERNELS_EPILOGUE_EPILOGUE_VECTOR256_H_
#define LOWP_KERNELS_EPILOGUE_EPILOGUE_VECTOR256_H_

#include <immintrin.h>

#include "kernels/epilogue/epilogue_vector.h"

namespace lowp {
namespace {

struct Vector256 {
  using F = __m256;
  using I = __m256i;
  static constexpr size_t kWidth = 8;
  static constexpr bool kStoresPairs = true;
  static I LoadI(const int32_t* p) { return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)); }
  static F LoadF(const float* p) { return _mm256_loadu_ps(p); }
  static F LoadFirstF(const float* p, size_t cols) {
    if (cols == kWidth) return _mm256_loadu_ps(p);
    alignas(32) float lanes[kWidth] = {};
    StoreLanes(lanes, p, cols);
    return _mm256_load_ps(lanes);
  }
  static I LoadFirstU8(const uint8_t* p, size_t cols) { return _mm256_cvtepu8_epi32(Load8(p, cols)); }
  static I LoadFirstS8(const int8_t* p, size_t cols) { return _mm256_cvtepi8_epi32(Load8(p, cols)); }
  static I SetI(int32_t x) { return _mm256_set1_epi32(x); }
  static F SetF(float x) { return _mm256_set1_ps(x); }
  static I AddI(I x, I y) { return _mm256_add_epi32(x, y); }
  static I SubI(I x, I y) { return _mm256_sub_epi32(x, y); }
  static I MulI(I x, I y) { return _mm256_mullo_epi32(x, y); }
  static F ToF(I x) { return _mm256_cvtepi32_ps(x); }
  static F AddF(F x, F y) { return _mm256_add_ps(x, y); }
  static F SubF(F x, F y) { return _mm256_sub_ps(x, y); }
  static F MulF(F x, F y) { return _mm256_mul_ps(x, y); }
  static F DivF(F x, F y) { return _mm256_div_ps(x, y); }
  // Both return their second operand where one is NaN or both are zero.
  static F MinF(F bound, F x) { return _mm256_min_ps(bound, x); }
  static F MaxF(F bound, F x) { return _mm256_max_ps(bound, x); }
  static F NegAbsF(F x) { return _mm256_or_ps(x, SetF(-0.0f)); }
  static F CopySignF(F magnitude, F sign) {
    const F bit = SetF(-0.0f);
    return _mm256_or_ps(_mm256_andnot_ps(bit, magnitude), _mm256_and_ps(bit, sign));
  }
  static F SelectNegativeF(F x, F if_negative, F otherwise) { return _mm256_blendv_ps(otherwise, if_negative, x); }
  static F PowerOfTwoF(F shifted, int32_t n) {
    const I exponent = _mm256_slli_epi32(_mm256_castps_si256(shifted), kExponentShift);
    return _mm256_castsi256_ps(_mm256_add_epi32(exponent, SetI((kExponentBias + n) << kExponentShift)));
  }
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
  static void StorePairU8(uint8_t* p, I low, I high) {
    const __m256i words = _mm256_packs_epi32(low, high);
    StoreQuarters(p, _mm256_packus_epi16(words, words));
  }
  static void StorePairS8(int8_t* p, I low, I high) {
    const __m256i words = _mm256_packs_epi32(low, high);
    StoreQuarters(p, _mm256_packs_epi16(words, words));
  }

 private:
  // Packing works within halves, so each half has four bytes of the low vector and four of the high one.
  static void StoreQuarters(void* p, __m256i bytes) {
    const __m128i both = _mm_unpacklo_epi32(_mm256_castsi256_si128(bytes), _mm256_extracti128_si256(bytes, 1));
    _mm_storeu_si128(static_cast<__m128i*>(p), both);
  }
  static __m128i Load8(const void* p, size_t cols) {
    if (cols == kWidth) return _mm_loadl_epi64(static_cast<const __m128i*>(p));
    alignas(16) uint8_t lanes[16] = {};
    StoreLanes(lanes, static_cast<const uint8_t*>(p), cols);
    return _mm_load_si128(reinterpret_cast<const __m128i*>(lanes));
  }
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

#endif  // LOWP_KERNELS_EPILOGUE_EPILOGUE_VECTOR256_H_
