#include <immintrin.h>

#include "kernels/peak/peak_kernel.h"

namespace lowp {
namespace {

void Float32(size_t steps) {
  __m512 c[kPeakSums], x = _mm512_set1_ps(0.5f);
#pragma GCC unroll 12
  for (int i = 0; i < kPeakSums; ++i) c[i] = x;
  for (; steps > 0; --steps) {
#pragma GCC unroll 12
    for (int i = 0; i < kPeakSums; ++i) {
      c[i] = _mm512_fmadd_ps(x, x, c[i]);
      __asm__ volatile("" : "+v"(c[i]));
    }
  }
}

}  // namespace

extern const PeakKernel kPeakAvx512;
const PeakKernel kPeakAvx512 = {{nullptr, 0}, {Float32, 2 * 16 * kPeakSums}};

}  // namespace lowp
