// 128 bits of NEON, any arm64.
#ifndef LOWP_KERNELS_EPILOGUE_EPILOGUE_VECTOR_NEON_H_
#define LOWP_KERNELS_EPILOGUE_EPILOGUE_VECTOR_NEON_H_

#include <arm_neon.h>

#include "kernels/epilogue/epilogue_vector.h"

namespace lowp {
namespace {

struct VectorNeon {
  using F = float32x4_t;
  using I = int32x4_t;
  static constexpr size_t kWidth = 4;
  static constexpr bool kStoresPairs = false;
  static I LoadI(const int32_t* p) { return vld1q_s32(p); }
  static F LoadF(const float* p) { return vld1q_f32(p); }
  static F LoadFirstF(const float* p, size_t cols) {
    if (cols == kWidth) return vld1q_f32(p);
    float lanes[kWidth] = {};
    StoreLanes(lanes, p, cols);
    return vld1q_f32(lanes);
  }
  static I LoadFirstU8(const uint8_t* p, size_t cols) {
    return vreinterpretq_s32_u32(vmovl_u16(vget_low_u16(vmovl_u8(Load4(p, cols)))));
  }
  static I LoadFirstS8(const int8_t* p, size_t cols) {
    return vmovl_s16(vget_low_s16(vmovl_s8(vreinterpret_s8_u8(Load4(p, cols)))));
  }
  static I SetI(int32_t x) { return vdupq_n_s32(x); }
  static F SetF(float x) { return vdupq_n_f32(x); }
  static I AddI(I x, I y) { return vaddq_s32(x, y); }
  static I SubI(I x, I y) { return vsubq_s32(x, y); }
  static I MulI(I x, I y) { return vmulq_s32(x, y); }
  static F ToF(I x) { return vcvtq_f32_s32(x); }
  static F AddF(F x, F y) { return vaddq_f32(x, y); }
  static F SubF(F x, F y) { return vsubq_f32(x, y); }
  static F MulF(F x, F y) { return vmulq_f32(x, y); }
  static F DivF(F x, F y) { return vdivq_f32(x, y); }
  // vminq and vmaxq would order the two zeros.
  static F MinF(F bound, F x) { return vbslq_f32(vcltq_f32(bound, x), bound, x); }
  static F MaxF(F bound, F x) { return vbslq_f32(vcgtq_f32(bound, x), bound, x); }
  static F NegAbsF(F x) { return vnegq_f32(vabsq_f32(x)); }
  static F CopySignF(F magnitude, F sign) { return vbslq_f32(vdupq_n_u32(0x80000000u), sign, magnitude); }
  static F SelectNegativeF(F x, F if_negative, F otherwise) {
    return vbslq_f32(vcltzq_s32(vreinterpretq_s32_f32(x)), if_negative, otherwise);
  }
  static F PowerOfTwoF(F shifted, int32_t n) {
    const I exponent = vshlq_n_s32(vreinterpretq_s32_f32(shifted), kExponentShift);
    return vreinterpretq_f32_s32(vaddq_s32(exponent, SetI((kExponentBias + n) << kExponentShift)));
  }
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

 private:
  static uint8x8_t Load4(const void* p, size_t cols) {
    uint8_t lanes[8] = {};
    if (cols == kWidth) {
      __builtin_memcpy(lanes, p, kWidth);
    } else {
      StoreLanes(lanes, static_cast<const uint8_t*>(p), cols);
    }
    return vld1_u8(lanes);
  }
};

}  // namespace
}  // namespace lowp

#endif  // LOWP_KERNELS_EPILOGUE_EPILOGUE_VECTOR_NEON_H_
