// ARMv8.2 dot product: sdot on s8 x s8, four products a lane, exact. u8 activations are shifted to s8 while packing.
// The 8x12 tile keeps 24 sums, 3 of B and 1 broadcast of A in 28 of 32 registers.
#include <arm_neon.h>

#include "kernels/epilogue/epilogue_int_store.h"
#include "kernels/epilogue/epilogue_vector_neon.h"
#include "kernels/qgemm/qgemm_kernel.h"

namespace lowp {
namespace {

constexpr size_t kMr = 8, kNr = 12, kKr = 4, kKc = 1024;
constexpr size_t kStride = QGemmRowStride(kKc, 1);

template <int kRows>
void Ukernel(size_t k_blocks, const void* a, const int8_t* b, int32_t* acc, bool accumulate) {
  const char* pa = static_cast<const char*>(a);
  int32x4_t c[kRows][3];
#pragma GCC unroll 8
  for (int r = 0; r < kRows; ++r) c[r][0] = c[r][1] = c[r][2] = vdupq_n_s32(0);
  for (; k_blocks > 0; --k_blocks, pa += kKr, b += kNr * kKr) {
    const int8x16_t b0 = vld1q_s8(b), b1 = vld1q_s8(b + 16), b2 = vld1q_s8(b + 32);
#pragma GCC unroll 8
    for (int r = 0; r < kRows; ++r) {
      const int8x16_t ar = vreinterpretq_s8_s32(vdupq_n_s32(Load32(pa + r * kStride)));
      c[r][0] = vdotq_s32(c[r][0], b0, ar);
      c[r][1] = vdotq_s32(c[r][1], b1, ar);
      c[r][2] = vdotq_s32(c[r][2], b2, ar);
    }
  }
#pragma GCC unroll 8
  for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 3
    for (int j = 0; j < 3; ++j) {
      int32_t* out = acc + r * kNr + 4 * j;
      vst1q_s32(out, accumulate ? vaddq_s32(c[r][j], vld1q_s32(out)) : c[r][j]);
    }
  }
}

template <bool kSigned>
void PackA(size_t rows, size_t k, const void* a, size_t lda, void* packed, int32_t* row_sum) {
  const uint8x16_t flip = vdupq_n_u8(kSigned ? 0 : 0x80);
  for (size_t row = 0; row < rows; ++row) {
    const uint8_t* from = static_cast<const uint8_t*>(a) + row * lda;
    int8_t* to = static_cast<int8_t*>(packed) + row * kStride;
    int32x4_t sums = vdupq_n_s32(0);
    size_t i = 0;
    for (; i + 16 <= k; i += 16) {
      const int8x16_t bytes = vreinterpretq_s8_u8(veorq_u8(vld1q_u8(from + i), flip));
      vst1q_s8(to + i, bytes);
      sums = vpadalq_s16(sums, vpaddlq_s8(bytes));
    }
    int32_t sum = vaddvq_s32(sums);
    for (; i < k; ++i) {
      to[i] = static_cast<int8_t>(from[i] ^ (kSigned ? 0 : 0x80));
      sum += to[i];
    }
    for (; i % kKr != 0; ++i) to[i] = 0;
    row_sum[row] += sum;
  }
}

constexpr QGemmUkernelFn kUkernels[kMr] = {Ukernel<1>, Ukernel<2>, Ukernel<3>, Ukernel<4>,
                                           Ukernel<5>, Ukernel<6>, Ukernel<7>, Ukernel<8>};

}  // namespace

extern const QGemmKernel kQGemmNeonDot;
const QGemmKernel kQGemmNeonDot = {
    "qgemm_s8s8s32_8x12c4__neondot", kMr, kNr, kKr, kKc, 1, -128, 0, kUkernels, PackA<false>, PackA<true>,
    StoreIntTile<VectorNeon, kNr>};

}  // namespace lowp
