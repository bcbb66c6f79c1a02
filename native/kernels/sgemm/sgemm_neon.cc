// 8x12: 24 sums, 3 of B, 1 broadcast of A in 28 of 32 registers.
#include <arm_neon.h>

#include "kernels/epilogue/epilogue_store.h"
#include "kernels/epilogue/epilogue_vector_neon.h"
#include "kernels/sgemm/sgemm_kernel.h"

namespace lowp {
namespace {

constexpr size_t kMr = 8, kNr = 12;

template <int kRows>
void Ukernel(size_t k, const float* a, const float* b, float* acc, bool accumulate) {
  float32x4_t c[kRows][3];
#pragma GCC unroll 8
  for (int r = 0; r < kRows; ++r) c[r][0] = c[r][1] = c[r][2] = vdupq_n_f32(0);
  for (; k > 0; --k, ++a, b += kNr) {
    const float32x4_t b0 = vld1q_f32(b), b1 = vld1q_f32(b + 4), b2 = vld1q_f32(b + 8);
#pragma GCC unroll 8
    for (int r = 0; r < kRows; ++r) {
      const float32x4_t ar = vld1q_dup_f32(a + r * kSGemmRowStride);
      c[r][0] = vfmaq_f32(c[r][0], ar, b0);
      c[r][1] = vfmaq_f32(c[r][1], ar, b1);
      c[r][2] = vfmaq_f32(c[r][2], ar, b2);
    }
  }
#pragma GCC unroll 8
  for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 3
    for (int j = 0; j < 3; ++j) {
      float* out = acc + r * kNr + 4 * j;
      vst1q_f32(out, accumulate ? vaddq_f32(c[r][j], vld1q_f32(out)) : c[r][j]);
    }
  }
}

constexpr SGemmUkernelFn kUkernels[kMr] = {Ukernel<1>, Ukernel<2>, Ukernel<3>, Ukernel<4>,
                                           Ukernel<5>, Ukernel<6>, Ukernel<7>, Ukernel<8>};

}  // namespace

extern const SGemmKernel kSGemmNeon;
const SGemmKernel kSGemmNeon = {"sgemm_f32_8x12__neon", kMr, kNr, kUkernels, StoreFloatTile<VectorNeon, kNr>};

}  // namespace lowp
