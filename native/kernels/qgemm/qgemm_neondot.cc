// ARMv8.2 dot product: sdot on s8 x s8, four products a lane, exact. u8 activations are shifted to s8 while packing.
// The 8x12 tile keeps 24 sums, 3 of B and 1 broadcast of A in 28 of 32 registers.
#include <arm_neon.h>

#include "kernels/qgemm/qgemm_epilogue.h"

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

struct VectorNeon {
  using F = float32x4_t;
  using I = int32x4_t;
  static constexpr size_t kWidth = 4;
  static I LoadI(const int32_t* p) { return vld1q_s32(p); }
  static F LoadF(const float* p) { return vld1q_f32(p); }
  static I SetI(int32_t x) { return vdupq_n_s32(x); }
  static F SetF(float x) { return vdupq_n_f32(x); }
  static I AddI(I x, I y) { return vaddq_s32(x, y); }
  static I SubI(I x, I y) { return vsubq_s32(x, y); }
  static I MulI(I x, I y) { return vmulq_s32(x, y); }
  static F ToF(I x) { return vcvtq_f32_s32(x); }
  static F AddF(F x, F y) { return vaddq_f32(x, y); }
  static F MulF(F x, F y) { return vmulq_f32(x, y); }
  static F DivF(F x, F y) { return vdivq_f32(x, y); }
  static F MinF(F bound, F x) { return vminq_f32(bound, x); }
  static F MaxF(F bound, F x) { return vmaxq_f32(bound, x); }
  static F NanToZero(F x) { return vreinterpretq_f32_u32(vandq_u32(vreinterpretq_u32_f32(x), vceqq_f32(x, x))); }
  static I Round(F x) { return vcvtnq_s32_f32(x); }
  static void StoreI(int32_t* p, I x, size_t cols) {
    int32_t lanes[kWidth];
    vst1q_s32(cols == kWidth ? p : lanes, x);
    if (cols != kWidth) StoreLanes(p, lanes, cols);
  }
  static void StoreF(float* p, F x, size_t cols) {
    float lanes[kWidth];
    vst1q_f32(cols == kWidth ? p : lanes, x);
    if (cols != kWidth) StoreLanes(p, lanes, cols);
  }
  // The values are in range, so the low byte is the value.
  static void StoreU8(uint8_t* p, I x, size_t cols) {
    const uint16x4_t words = vmovn_u32(vreinterpretq_u32_s32(x));
    const uint8x8_t bytes = vmovn_u16(vcombine_u16(words, words));
    uint8_t lanes[8];
    vst1_u8(lanes, bytes);
    if (cols == kWidth) {
      __builtin_memcpy(p, lanes, kWidth);
    } else {
      StoreLanes(p, lanes, cols);
    }
  }
  static void StoreS8(int8_t* p, I x, size_t cols) { StoreU8(reinterpret_cast<uint8_t*>(p), x, cols); }
};

constexpr QGemmUkernelFn kUkernels[kMr] = {Ukernel<1>, Ukernel<2>, Ukernel<3>, Ukernel<4>,
                                           Ukernel<5>, Ukernel<6>, Ukernel<7>, Ukernel<8>};

}  // namespace

extern const QGemmKernel kQGemmNeonDot;
const QGemmKernel kQGemmNeonDot = {
    "qgemm_s8s8s32_8x12c4__neondot", kMr, kNr, kKr, kKc, 1, -128, 0, kUkernels, PackA<false>, PackA<true>,
    StoreTile<VectorNeon, kNr>};

}  // namespace lowp
