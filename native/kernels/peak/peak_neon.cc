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

void Read(const void* data, size_t bytes) {
  const char* p = static_cast<const char*>(data);
  for (const char* end = p + bytes; p < end; p += 8 * 16) {
#pragma GCC unroll 8
    for (int i = 0; i < 8; ++i) {
      const uint8x16_t x = vld1q_u8(reinterpret_cast<const uint8_t*>(p + 16 * i));
      __asm__ volatile("" : : "w"(x));
    }
  }
}

}  // namespace

extern const PeakKernel kPeakNeon;
const PeakKernel kPeakNeon = {{nullptr, 0}, {Float32, 2 * 4 * kPeakSums}, Read};

}  // namespace lowp
