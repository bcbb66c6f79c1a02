#include <arm_neon.h>

#include "kernels/peak/peak_kernel.h"

namespace lowp {
namespace {

void Float32(size_t steps) {
  float32x4_t c[kPeakSums];
  const float32x4_t x = vdupq_n_f32(0.5f);
#pragma GCC unroll 12
  for (int i = 0; i < kPeakSums; ++i) c[i] = x;
  for (; steps > 0; --steps) {
#pragma GCC unroll 12
    for (int i = 0; i < kPeakSums; ++i) {
      c[i] = vfmaq_f32(c[i], x, x);
      __asm__ volatile("" : "+w"(c[i]));
    }
  }
}

}  // namespace

extern const PeakKernel kPeakNeon;
const PeakKernel kPeakNeon = {{nullptr, 0}, {Float32, 2 * 4 * kPeakSums}};

}  // namespace lowp
