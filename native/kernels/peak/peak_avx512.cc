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

void Read(const void* data, size_t bytes) {
  const char* p = static_cast<const char*>(data);
  for (const char* end = p + bytes; p < end; p += 8 * 64) {
#pragma GCC unroll 8
    for (int i = 0; i < 8; ++i) {
      const __m512i x = _mm512_load_si512(p + 64 * i);
      __asm__ volatile("" : : "v"(x));
    }
  }
}

}  // namespace

extern const PeakKernel kPeakAvx512;
const PeakKernel kPeakAvx512 = {{nullptr, 0}, {Float32, 2 * 16 * kPeakSums}, Read};

}  // namespace lowp
