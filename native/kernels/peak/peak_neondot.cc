#include <arm_neon.h>

#include "kernels/peak/peak_kernel.h"

namespace lowp {
namespace {

void Int8(size_t steps) {
  int32x4_t c[kPeakSums];
  const int8x16_t x = vdupq_n_s8(3);
#pragma GCC unroll 12
  for (int i = 0; i < kPeakSums; ++i) c[i] = vdupq_n_s32(0);
  for (; steps > 0; --steps) {
#pragma GCC unroll 12
    for (int i = 0; i < kPeakSums; ++i) {
      c[i] = vdotq_s32(c[i], x, x);
      __asm__ volatile("" : "+w"(c[i]));
    }
  }
}

}  // namespace

extern const PeakKernel kPeakNeonDot;
const PeakKernel kPeakNeonDot = {{Int8, 2 * 16 * kPeakSums}, {nullptr, 0}, nullptr};

}  // namespace lowp
