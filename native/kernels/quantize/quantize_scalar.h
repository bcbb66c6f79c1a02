// The formulas in portable C++, which CUDA devices run too, and their loops: the scalar kernel, and the tails of the vector ones.
// Static, so that each file keeps its own copy.
#ifndef LOWP_KERNELS_QUANTIZE_QUANTIZE_SCALAR_H_
#define LOWP_KERNELS_QUANTIZE_QUANTIZE_SCALAR_H_

#include "kernels/epilogue/epilogue_kernel.h"
#include "kernels/quantize/quantize_kernel.h"

namespace lowp {

LOWP_HD static inline bool IsFinite(float x) { return __builtin_fabsf(x) <= 3.40282347e38f; }

// Of |y| < 2^22, ties to even: adding 1.5 * 2^23 rounds to an integer.
LOWP_HD static inline float RoundToInteger(float y) {
  constexpr float kRoundingShift = 12582912.0f;
  return (y + kRoundingShift) - kRoundingShift;
}

LOWP_HD static inline void WidenToFinite(float x, float* min, float* max) {
  if (!IsFinite(x)) return;
  if (x < *min) *min = x;
  if (x > *max) *max = x;
}

// Low and high are the dtype's.
LOWP_HD static inline uint8_t QuantizeOne(float x, float scale, int32_t zero, int32_t low, int32_t high) {
  const float bottom = static_cast<float>(low - zero), top = static_cast<float>(high - zero);
  float y = x / scale;
  if (y != y) y = 0;
  y = y < bottom ? bottom : y > top ? top : y;
  return static_cast<uint8_t>(static_cast<int32_t>(RoundToInteger(y)) + zero);
}

LOWP_HD static inline float DequantizeOne(int32_t q, float scale, int32_t zero) { return scale * static_cast<float>(q - zero); }

static inline void FiniteRangeScalar(const float* x, size_t count, float* min, float* max) {
  for (size_t i = 0; i < count; ++i) WidenToFinite(x[i], min, max);
}

static inline void QuantizeScalar(const float* x, size_t count, float scale, int32_t zero, int32_t low, int32_t high,
                                  uint8_t* out) {
  for (size_t i = 0; i < count; ++i) out[i] = QuantizeOne(x[i], scale, zero, low, high);
}

template <class T>
static inline void DequantizeScalar(const T* q, size_t count, float scale, int32_t zero, float* out) {
  for (size_t i = 0; i < count; ++i) out[i] = DequantizeOne(q[i], scale, zero);
}

}  // namespace lowp

#endif  // LOWP_KERNELS_QUANTIZE_QUANTIZE_SCALAR_H_
