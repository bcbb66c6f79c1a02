// The exact int8 route without VNNI is vpmaddwd and vpaddd, so its peak counts both.
#include <immintrin.h>

#include "kernels/peak/peak_kernel.h"

namespace lowp {
namespace {

void Int8(size_t steps) {
  __m256i c[kPeakSums], x = _mm256_set1_epi16(3);
#pragma GCC unroll 12
  for (int i = 0; i < kPeakSums; ++i) c[i] = x;
  for (; steps > 0; --steps) {
#pragma GCC unroll 12
    for (int i = 0; i < kPeakSums; ++i) {
      __asm__ volatile("" : "+x"(x));
      c[i] = _mm256_add_epi32(c[i], _mm256_madd_epi16(x, x));
      __asm__ volatile("" : "+x"(c[i]));
    }
  }
}

void Float32(size_t steps) {
  __m256 c[kPeakSums], x = _mm256_set1_ps(0.5f);
#pragma GCC unroll 12
  for (int i = 0; i < kPeakSums; ++i) c[i] = x;
  for (; steps > 0; --steps) {
#pragma GCC unroll 12
    for (int i = 0; i < kPeakSums; ++i) {
      c[i] = _mm256_fmadd_ps(x, x, c[i]);
      __asm__ volatile("" : "+x"(c[i]));
    }
  }
}

void Read(const void* data, size_t bytes) {
  const char* p = static_cast<const char*>(data);
  for (const char* end = p + bytes; p < end; p += 8 * 32) {
#pragma GCC unroll 8
    for (int i = 0; i < 8; ++i) {
      const __m256i x = _mm256_load_si256(reinterpret_cast<const __m256i*>(p + 32 * i));
      __asm__ volatile("" : : "x"(x));
    }
  }
}

}  // namespace

extern const PeakKernel kPeakAvx2;
const PeakKernel kPeakAvx2 = {{Int8, 2 * 16 * kPeakSums}, {Float32, 2 * 8 * kPeakSums}, Read};

}  // namespace lowp
