// 14x32: 28 sums, 2 of B, 1 broadcast of A in 31 of 32 registers.
#include <immintrin.h>

#include "kernels/epilogue/epilogue_store.h"
#include "kernels/epilogue/epilogue_vector512.h"
#include "kernels/sgemm/sgemm_kernel.h"

namespace lowp {
namespace {

constexpr size_t kMr = 14, kNr = 32;

// In assembly, because gcc 12 otherwise copies each sum to another register and back (or to the stack): see qgemm_avx2.cc.
inline void MultiplyAdd(__m512& c, __m512 a, __m512 b) {
#if defined(__GNUC__)
  __asm__("vfmadd231ps %2, %1, %0" : "+v"(c) : "v"(a), "v"(b));
#else
  c = _mm512_fmadd_ps(a, b, c);
#endif
}

template <int kRows>
void Ukernel(size_t k, const float* a, const float* b, float* acc, bool accumulate) {
  __m512 c[kRows][2];
#pragma GCC unroll 14
  for (int r = 0; r < kRows; ++r) c[r][0] = c[r][1] = _mm512_setzero_ps();
  for (; k > 0; --k, ++a, b += kNr) {
    const __m512 b0 = _mm512_load_ps(b), b1 = _mm512_load_ps(b + 16);
#pragma GCC unroll 14
    for (int r = 0; r < kRows; ++r) {
      const __m512 ar = _mm512_set1_ps(a[r * kSGemmRowStride]);
      MultiplyAdd(c[r][0], ar, b0);
      MultiplyAdd(c[r][1], ar, b1);
    }
  }
#pragma GCC unroll 14
  for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 2
    for (int j = 0; j < 2; ++j) {
      float* out = acc + r * kNr + 16 * j;
      if (accumulate) c[r][j] = _mm512_add_ps(c[r][j], _mm512_load_ps(out));
      _mm512_store_ps(out, c[r][j]);
    }
  }
}

constexpr SGemmUkernelFn kUkernels[kMr] = {Ukernel<1>,  Ukernel<2>,  Ukernel<3>,  Ukernel<4>, Ukernel<5>,
                                           Ukernel<6>,  Ukernel<7>,  Ukernel<8>,  Ukernel<9>, Ukernel<10>,
                                           Ukernel<11>, Ukernel<12>, Ukernel<13>, Ukernel<14>};

}  // namespace

extern const SGemmKernel kSGemmAvx512;
const SGemmKernel kSGemmAvx512 = {"sgemm_f32_14x32__avx512", kMr, kNr, kUkernels, StoreFloatTile<Vector512, kNr>};

}  // namespace lowp
