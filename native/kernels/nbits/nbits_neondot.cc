// ARMv8.2 dot product: sdot on s8 x s8, four products a lane, exact. Nibbles are s8 as they are, weights of 8 bits are shifted to
// s8 while packing. The 8x12 tile keeps 24 sums, 3 of B, 1 broadcast of A and the mask of a nibble in 29 of 32 registers.
#include <arm_neon.h>

#include "kernels/epilogue/epilogue_store.h"
#include "kernels/epilogue/epilogue_vector_neon.h"
#include "kernels/nbits/nbits_dot.h"
#include "kernels/nbits/nbits_quantize_scalar.h"

namespace lowp {
namespace {

constexpr size_t kMr = 8, kNr = 12;
constexpr int kCols = 3;

struct DotNeon {
  using F = float32x4_t;
  using I = int32x4_t;
  using B = int8x16_t;
  static constexpr size_t kWidth = 4;
  static I SetI(int32_t x) { return vdupq_n_s32(x); }
  static F SetF(float x) { return vdupq_n_f32(x); }
  static F LoadF(const float* p) { return vld1q_f32(p); }
  static void StoreF(float* p, F x) { vst1q_f32(p, x); }
  static I LoadI16(const int16_t* p) { return vmovl_s16(vld1_s16(p)); }
  static I SubI(I x, I y) { return vsubq_s32(x, y); }
  static I MulI(I x, I y) { return vmulq_s32(x, y); }
  static F ToF(I x) { return vcvtq_f32_s32(x); }
  static F AddF(F x, F y) { return vaddq_f32(x, y); }
  static F MulF(F x, F y) { return vmulq_f32(x, y); }
  static B LoadB(const uint8_t* p) { return vreinterpretq_s8_u8(vld1q_u8(p)); }
  static void StoreB(uint8_t* p, B x) { vst1q_u8(p, vreinterpretq_u8_s8(x)); }
  static B Low(B x) { return vandq_s8(x, vdupq_n_s8(15)); }
  static B High(B x) { return vreinterpretq_s8_u8(vshrq_n_u8(vreinterpretq_u8_s8(x), 4)); }
  static B Four(const char* p) {
    int32_t x;
    __builtin_memcpy(&x, p, sizeof(x));
    return vreinterpretq_s8_s32(vdupq_n_s32(x));
  }
  static void DotAdd(I& c, B weights, B activations) { c = vdotq_s32(c, weights, activations); }
};

// A whole group of `count` values, a multiple of 16.
inline int32_t QuantizeGroup(const float* x, size_t count, float inverse, int8_t* to) {
  const float32x4_t inverses = vdupq_n_f32(inverse);
  const int32x4_t top = vdupq_n_s32(kNBitsMaxA), bottom = vdupq_n_s32(-kNBitsMaxA);
  int32x4_t sums = vdupq_n_s32(0);
  for (size_t i = 0; i < count; i += 16) {
    int32x4_t q[4];
#pragma GCC unroll 4
    for (int j = 0; j < 4; ++j) {
      // The conversion rounds ties to even, saturates, and makes 0 of NaN.
      q[j] = vcvtnq_s32_f32(vmulq_f32(vld1q_f32(x + i + 4 * j), inverses));
      q[j] = vminq_s32(top, vmaxq_s32(bottom, q[j]));
      sums = vaddq_s32(sums, q[j]);
    }
    const int16x8_t low = vcombine_s16(vmovn_s32(q[0]), vmovn_s32(q[1])), high = vcombine_s16(vmovn_s32(q[2]), vmovn_s32(q[3]));
    vst1q_s8(to + i, vcombine_s8(vmovn_s16(low), vmovn_s16(high)));
  }
  return vaddvq_s32(sums);
}

inline float LargestFinite(const float* x, size_t count) {
  const float32x4_t infinity = vreinterpretq_f32_u32(vdupq_n_u32(0x7f800000));
  float32x4_t largest = vdupq_n_f32(0);
  for (size_t i = 0; i < count; i += 4) {
    const float32x4_t v = vabsq_f32(vld1q_f32(x + i));
    largest = vmaxq_f32(largest, vreinterpretq_f32_u32(vandq_u32(vreinterpretq_u32_f32(v), vcltq_f32(v, infinity))));
  }
  return vmaxvq_f32(largest);
}

void QuantizeA(size_t k, size_t group, const float* x, int32_t factor, void* row) {
  int8_t* to = static_cast<int8_t*>(row);
  NBitsRowGroup* groups = reinterpret_cast<NBitsRowGroup*>(static_cast<char*>(row) + NBitsRowGroupsAt(1));
  float padded[kNBitsMaxGroup];
  for (size_t k0 = 0; k0 < k; k0 += group, ++groups) {
    const float* from = x + k0;
    if (k - k0 < group) {
      for (size_t i = 0; i < group; ++i) padded[i] = i < k - k0 ? from[i] : 0.0f;
      from = padded;
    }
    const float largest = LargestFinite(from, group);
    groups->scale = largest / static_cast<float>(kNBitsMaxA);
    groups->correction = factor * QuantizeGroup(from, group, NBitsInverse(largest), to + k0);
  }
}

template <int kRows, bool kNibbles>
constexpr NBitsUkernelFn kUkernel = DotUkernel<DotNeon, kRows, kCols, kNibbles>;

constexpr NBitsUkernelFn kDirect4[kMr] = {kUkernel<1, true>, kUkernel<2, true>, kUkernel<3, true>, kUkernel<4, true>,
                                          kUkernel<5, true>, kUkernel<6, true>, kUkernel<7, true>, kUkernel<8, true>};
constexpr NBitsUkernelFn kBytes[kMr] = {kUkernel<1, false>, kUkernel<2, false>, kUkernel<3, false>, kUkernel<4, false>,
                                        kUkernel<5, false>, kUkernel<6, false>, kUkernel<7, false>, kUkernel<8, false>};

}  // namespace

extern const NBitsKernel kNBitsNeonDot;
const NBitsKernel kNBitsNeonDot = {"nbits_8x12c4__neondot",
                                   kMr,
                                   kNr,
                                   {4, 1, 0, QuantizeA, kDirect4, kBytes, DotUnpack<DotNeon, kCols>, kMr},
                                   {4, 1, 128, QuantizeA, kBytes, nullptr, nullptr, 0},
                                   StoreFloatTile<VectorNeon, kNr>};

}  // namespace lowp
