#include <arm_neon.h>

#include "kernels/quantize/quantize_scalar.h"

namespace lowp {
namespace {

void Range(const float* x, size_t count, float* min, float* max) {
  const float32x4_t infinity = vdupq_n_f32(__builtin_inff());
  float32x4_t low = vdupq_n_f32(0), high = low;
  size_t i = 0;
  for (; i + 4 <= count; i += 4) {
    const float32x4_t v = vld1q_f32(x + i);
    // Zero in place of what is not finite changes nothing: the range includes zero anyway.
    const float32x4_t finite = vreinterpretq_f32_u32(vandq_u32(vreinterpretq_u32_f32(v), vcltq_f32(vabsq_f32(v), infinity)));
    low = vminq_f32(low, finite);
    high = vmaxq_f32(high, finite);
  }
  *min = vminvq_f32(low);
  *max = vmaxvq_f32(high);
  FiniteRangeScalar(x + i, count - i, min, max);
}

void Quantize(const float* x, size_t count, float scale, int32_t zero, int32_t low, int32_t high, uint8_t* out) {
  const float32x4_t scales = vdupq_n_f32(scale);
  const float32x4_t bottom = vdupq_n_f32(static_cast<float>(low - zero)), top = vdupq_n_f32(static_cast<float>(high - zero));
  const int32x4_t zeros = vdupq_n_s32(zero);
  size_t i = 0;
  for (; i + 8 <= count; i += 8) {
    uint16x4_t half[2];
    for (int j = 0; j < 2; ++j) {
      // vmin and vmax pass NaN on, and the conversion makes it 0.
      const float32x4_t y = vminq_f32(top, vmaxq_f32(bottom, vdivq_f32(vld1q_f32(x + i + 4 * j), scales)));
      half[j] = vmovn_u32(vreinterpretq_u32_s32(vaddq_s32(vcvtnq_s32_f32(y), zeros)));
    }
    vst1_u8(out + i, vmovn_u16(vcombine_u16(half[0], half[1])));
  }
  QuantizeScalar(x + i, count - i, scale, zero, low, high, out + i);
}

inline int16x8_t Widen(const uint8_t* q) { return vreinterpretq_s16_u16(vmovl_u8(vld1_u8(q))); }
inline int16x8_t Widen(const int8_t* q) { return vmovl_s8(vld1_s8(q)); }

template <class T>
void Dequantize(const T* q, size_t count, float scale, int32_t zero, float* out) {
  const int16x8_t zeros = vdupq_n_s16(static_cast<int16_t>(zero));
  size_t i = 0;
  for (; i + 8 <= count; i += 8) {
    const int16x8_t d = vsubq_s16(Widen(q + i), zeros);
    vst1q_f32(out + i, vmulq_n_f32(vcvtq_f32_s32(vmovl_s16(vget_low_s16(d))), scale));
    vst1q_f32(out + i + 4, vmulq_n_f32(vcvtq_f32_s32(vmovl_s16(vget_high_s16(d))), scale));
  }
  DequantizeScalar(q + i, count - i, scale, zero, out + i);
}

}  // namespace

extern const QuantizeKernel kQuantizeNeon;
const QuantizeKernel kQuantizeNeon = {"quantize__neon", Range, Quantize, Dequantize<uint8_t>, Dequantize<int8_t>};

}  // namespace lowp
