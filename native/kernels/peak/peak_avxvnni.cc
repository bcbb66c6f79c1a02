#include "kernels/dot/dot_avxvnni.h"
#include "kernels/peak/peak_kernel.h"

namespace lowp {
namespace {

void Int8(size_t steps) {
  __m256i c[kPeakSums], x = _mm256_set1_epi8(3);
#pragma GCC unroll 12
  for (int i = 0; i < kPeakSums; ++i) c[i] = x;
  for (; steps > 0; --steps) {
#pragma GCC unroll 12
    for (int i = 0; i < kPeakSums; ++i) {
      DotAdd(c[i], x, x);
      __asm__ volatile("" : "+x"(c[i]));
    }
  }
}

}  // namespace

extern const PeakKernel kPeakAvxVnni;
const PeakKernel kPeakAvxVnni = {{Int8, 2 * 32 * kPeakSums}, {nullptr, 0}, nullptr};

}  // namespace lowp
