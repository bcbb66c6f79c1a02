// 6x16: 12 sums, 2 of B, 1 broadcast of A in 15 of 16 registers; 12 fused multiply-adds for 8 loads a step, so the two
// multipliers are the limit, not the two load ports.
#include <immintrin.h>

#include "kernels/epilogue/epilogue_store.h"
#include "kernels/epilogue/epilogue_vector256.h"
#include "kernels/sgemm/sgemm_kernel.h"

namespace lowp {
namespace {

constexpr size_t kMr = 6, kNr = 16;

// In assembly, because gcc 12 otherwise copies each sum to another register and back (or to the stack): see qgemm_avx2.cc.
inline void MultiplyAdd(__m256& c, __m256 a, __m256 b) {
#if defined(__GNUC__)
  __asm__("vfmadd231ps %2, %1, %0" : "+x"(c) : "x"(a), "x"(b));
#else
  c = _mm256_fmadd_ps(a, b, c);
#endif
}

// c[row] += a[row] * b[0..NR)
template <int kRows>
inline void Step(const float* a, const float* b, __m256 (&c)[kRows][2]) {
  const __m256 b0 = _mm256_load_ps(b), b1 = _mm256_load_ps(b + 8);
#pragma GCC unroll 6
  for (int r = 0; r < kRows; ++r) {
    const __m256 ar = _mm256_broadcast_ss(a + r * kSGemmRowStride);
    MultiplyAdd(c[r][0], ar, b0);
    MultiplyAdd(c[r][1], ar, b1);
  }
}

template <int kRows>
void Ukernel(size_t k, const float* a, const float* b, float* acc, bool accumulate) {
  __m256 c[kRows][2];
#pragma GCC unroll 6
  for (int r = 0; r < kRows; ++r) c[r][0] = c[r][1] = _mm256_setzero_ps();
  for (; k >= 4; k -= 4, a += 4, b += 4 * kNr) {
#pragma GCC unroll 4
    for (int i = 0; i < 4; ++i) Step<kRows>(a + i, b + i * kNr, c);
  }
  for (; k > 0; --k, ++a, b += kNr) Step<kRows>(a, b, c);
#pragma GCC unroll 6
  for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 2
    for (int j = 0; j < 2; ++j) {
      float* out = acc + r * kNr + 8 * j;
      if (accumulate) c[r][j] = _mm256_add_ps(c[r][j], _mm256_load_ps(out));
      _mm256_store_ps(out, c[r][j]);
    }
  }
}

constexpr SGemmUkernelFn kUkernels[kMr] = {Ukernel<1>, Ukernel<2>, Ukernel<3>, Ukernel<4>, Ukernel<5>, Ukernel<6>};

}  // namespace

extern const SGemmKernel kSGemmAvx2;
const SGemmKernel kSGemmAvx2 = {"sgemm_f32_6x16__avx2", kMr, kNr, kUkernels, StoreFloatTile<Vector256, kNr>};

}  // namespace lowp
