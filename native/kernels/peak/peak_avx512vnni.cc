#include <immintrin.h>

#include "kernels/peak/peak_kernel.h"

namespace lowp {
namespace {

void Int8(size_t steps) {
  __m512i c[kPeakSums], x = _mm512_set1_epi8(3);
#pragma GCC unroll 12
  for (int i = 0; i < kPeakSums; ++i) c[i] = x;
  for (; steps > 0; --steps) {
#pragma GCC unroll 12
    for (int i = 0; i < kPeakSums; ++i) {
      c[i] = _mm512_dpbusd_epi32(c[i], x, x);
      __asm__ volatile("" : "+v"(c[i]));
    }
  }
}

}  // namespace

extern const PeakKernel kPeakAvx512Vnni;
const PeakKernel kPeakAvx512Vnni = {{Int8, 2 * 64 * kPeakSums}, {nullptr, 0}, nullptr};

}  // namespace lowp
