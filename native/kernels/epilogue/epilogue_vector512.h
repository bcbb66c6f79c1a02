// 512 bits of AVX-512 F, BW, VL and DQ. Only for files compiled with them.
#ifndef LOWP_KERNELS_EPILOGUE_EPILOGUE_VECTOR512_H_
#define LOWP_KERNELS_EPILOGUE_EPILOGUE_VECTOR512_H_

#include <immintrin.h>

#include "kernels/epilogue/epilogue_vector.h"

namespace lowp {
namespace {

struct Vector512 {
  using F = __m512;
  using I = __m512i;
  static constexpr size_t kWidth = 16;
  static constexpr bool kStoresPairs = false;
  static I LoadI(const int32_t* p) { return _mm512_loadu_si512(p); }
  static F LoadF(const float* p) { return _mm512_loadu_ps(p); }
  static F LoadFirstF(const float* p, size_t cols) { return _mm512_maskz_loadu_ps(First(cols), p); }
  static I LoadFirstU8(const uint8_t* p, size_t cols) { return _mm512_cvtepu8_epi32(_mm_maskz_loadu_epi8(First(cols), p)); }
  static I LoadFirstS8(const int8_t* p, size_t cols) { return _mm512_cvtepi8_epi32(_mm_maskz_loadu_epi8(First(cols), p)); }
  static I SetI(int32_t x) { return _mm512_set1_epi32(x); }
  static F SetF(float x) { return _mm512_set1_ps(x); }
  static I AddI(I x, I y) { return _mm512_add_epi32(x, y); }
  static I SubI(I x, I y) { return _mm512_sub_epi32(x, y); }
  static I MulI(I x, I y) { return _mm512_mullo_epi32(x, y); }
  static F ToF(I x) { return _mm512_cvtepi32_ps(x); }
  static F AddF(F x, F y) { return _mm512_add_ps(x, y); }
  static F SubF(F x, F y) { return _mm512_sub_ps(x, y); }
  static F MulF(F x, F y) { return _mm512_mul_ps(x, y); }
  static F DivF(F x, F y) { return _mm512_div_ps(x, y); }
  // Both return their second operand where one is NaN or both are zero.
  static F MinF(F bound, F x) { return _mm512_min_ps(bound, x); }
  static F MaxF(F bound, F x) { return _mm512_max_ps(bound, x); }
  static F NegAbsF(F x) { return _mm512_or_ps(x, SetF(-0.0f)); }
  static F CopySignF(F magnitude, F sign) {
    const F bit = SetF(-0.0f);
    return _mm512_or_ps(_mm512_andnot_ps(bit, magnitude), _mm512_and_ps(bit, sign));
  }
  static F SelectNegativeF(F x, F if_negative, F otherwise) {
    return _mm512_mask_blend_ps(_mm512_movepi32_mask(_mm512_castps_si512(x)), otherwise, if_negative);
  }
  static F PowerOfTwoF(F shifted, int32_t n) {
    const I exponent = _mm512_slli_epi32(_mm512_castps_si512(shifted), kExponentShift);
    return _mm512_castsi512_ps(_mm512_add_epi32(exponent, SetI((kExponentBias + n) << kExponentShift)));
  }
  static F NanToZero(F x) { return _mm512_maskz_mov_ps(_mm512_cmp_ps_mask(x, x, _CMP_ORD_Q), x); }
  static I Round(F x) { return _mm512_cvtps_epi32(x); }
  static void StoreI(int32_t* p, I x, size_t cols) { _mm512_mask_storeu_epi32(p, First(cols), x); }
  static void StoreF(float* p, F x, size_t cols) { _mm512_mask_storeu_ps(p, First(cols), x); }
  static void StoreU8(uint8_t* p, I x, size_t cols) { _mm512_mask_cvtepi32_storeu_epi8(p, First(cols), x); }
  static void StoreS8(int8_t* p, I x, size_t cols) { _mm512_mask_cvtepi32_storeu_epi8(p, First(cols), x); }

 private:
  static __mmask16 First(size_t cols) { return static_cast<__mmask16>((1u << cols) - 1); }
};

}  // namespace
}  // namespace lowp

#endif  // LOWP_KERNELS_EPILOGUE_EPILOGUE_VECTOR512_H_
