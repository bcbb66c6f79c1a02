// 16-bit floats and float32, element by element in portable C++. Widening is exact; rounding goes to the nearest value, ties to
// even, and beyond the largest to infinity. A NaN keeps its sign and its highest mantissa bits and is quiet, which is what
// vcvtps2ph, vcvtph2ps and fcvtl do; a bfloat16 is widened by a shift alone.
//
//   bfloat16  sign, 8 bits of exponent, 7 of mantissa: the upper half of a float32
//   float16   sign, 5 bits of exponent, 10 of mantissa: 65504 at most, subnormal below 2^-14, in steps of 2^-24
#ifndef LOWP_KERNELS_SGEMM_SGEMM_STORAGE_H_
#define LOWP_KERNELS_SGEMM_SGEMM_STORAGE_H_

#include <stdint.h>

namespace lowp {

static inline uint32_t FloatBits(float x) {
  uint32_t bits;
  __builtin_memcpy(&bits, &x, sizeof(bits));
  return bits;
}

static inline float FloatFromBits(uint32_t bits) {
  float x;
  __builtin_memcpy(&x, &bits, sizeof(x));
  return x;
}

static inline float WidenBfloat16(uint16_t x) { return FloatFromBits(static_cast<uint32_t>(x) << 16); }

static inline float WidenFloat16(uint16_t x) {
  const uint32_t magnitude = x & 0x7fffu;
  // Exponent 0 of a float32 is subnormal too, so that one multiplication moves the exponent's bias for all finite values.
  uint32_t bits = FloatBits(FloatFromBits(magnitude << 13) * 0x1p112f);
  if (magnitude >= 0x7c00u) bits |= 0x7f800000u;
  if (magnitude > 0x7c00u) bits |= 0x00400000u;
  return FloatFromBits(bits | (x & 0x8000u) << 16);
}

static inline uint16_t RoundToBfloat16(float x) {
  const uint32_t bits = FloatBits(x);
  if ((bits & 0x7fffffffu) > 0x7f800000u) return static_cast<uint16_t>(bits >> 16 | 0x0040u);
  return static_cast<uint16_t>((bits + 0x7fffu + (bits >> 16 & 1u)) >> 16);
}

static inline uint16_t RoundToFloat16(float x) {
  const uint32_t bits = FloatBits(x), magnitude = bits & 0x7fffffffu;
  uint32_t rounded;
  if (magnitude > 0x7f800000u) {
    rounded = 0x7e00u | (magnitude >> 13 & 0x01ffu);
  } else if (magnitude >= 0x47800000u) {  // 2^16
    rounded = 0x7c00u;
  } else if (magnitude < 0x38800000u) {  // 2^-14; a unit in the last place of 0.5 is 2^-24, so that the addition rounds
    rounded = FloatBits(FloatFromBits(magnitude) + 0.5f) - 0x3f000000u;
  } else {
    rounded = (magnitude - (112u << 23) + 0x0fffu + (magnitude >> 13 & 1u)) >> 13;
  }
  return static_cast<uint16_t>(rounded | (bits >> 16 & 0x8000u));
}

}  // namespace lowp

#endif  // LOWP_KERNELS_SGEMM_SGEMM_STORAGE_H_
