// The dot product of AVX-VNNI, for the files compiled for it. With LOWP_EMULATE_AVXVNNI, which tests define where no processor
// has it, AVX2 computes the same.
#ifndef LOWP_KERNELS_DOT_DOT_AVXVNNI_H_
#define LOWP_KERNELS_DOT_DOT_AVXVNNI_H_

#include <immintrin.h>

namespace lowp {
namespace {

// c += a[4 i] * b[4 i] + .. + a[4 i + 3] * b[4 i + 3] in each lane, u8 times s8; wraps.
inline void DotAdd(__m256i& c, __m256i a, __m256i b) {
#if defined(LOWP_EMULATE_AVXVNNI)
  const __m256i low = _mm256_and_si256(a, _mm256_set1_epi16(255)), high = _mm256_srli_epi16(a, 8);
  const __m256i even = _mm256_madd_epi16(low, _mm256_srai_epi16(_mm256_slli_epi16(b, 8), 8));
  const __m256i odd = _mm256_madd_epi16(high, _mm256_srai_epi16(b, 8));
  c = _mm256_add_epi32(c, _mm256_add_epi32(even, odd));
#elif defined(__GNUC__)
  // In assembly, because gcc 12 otherwise copies each sum to another register and back (or to the stack): see qgemm_avx2.cc.
  __asm__("%{vex%} vpdpbusd %2, %1, %0" : "+x"(c) : "x"(a), "x"(b));
#else
  c = _mm256_dpbusd_avx_epi32(c, a, b);
#endif
}

}  // namespace
}  // namespace lowp

#endif  // LOWP_KERNELS_DOT_DOT_AVXVNNI_H_
