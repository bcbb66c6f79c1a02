// The loops in portable C++: the scalar kernel, and the tails of the vector ones. Static, so that each file keeps its own copy.
#ifndef LOWP_KERNELS_QUANTIZE_QUANTIZE_SCALAR_H_
#define LOWP_KERNELS_QUANTIZE_QUANTIZE_SCALAR_H_

#include "kernels/quantize/quantize_kernel.h"

namespace lowp {

static inline bool IsFinite(float x) { return __builtin_fabsf(x) <= 3.40282347e38f; }

static inline void FiniteRangeScalar(const float* x, size_t count, float* min, float* max) {
  for (size_t i = 0; i < count; ++i) {
    if (!IsFinite(x[i])) continue;
    if (x[i] < *min) *min = x[i];
    if (x[i] > *max) *max = x[i];
  }
}

static inline void QuantizeScalar(const float* x, size_t count, float scale, int32_t zero, int32_t low, int32_t high,
                                  uint8_t* out) {
  const float bottom = static_cast<float>(low - zero), top = static_cast<float>(high - zero);
  constexpr float kRoundingShift = 12582912.0f;  // 1.5 * 2^23: adding it rounds |y| < 2^22 to an integer, ties to even
  for (size_t i = 0; i < count; ++i) {
    float y = x[i] / scale;
    if (y != y) y = 0;
    y = y < bottom ? bottom : y > top ? top : y;
    out[i] = static_cast<uint8_t>(static_cast<int32_t>((y + kRoundingShift) - kRoundingShift) + zero);
  }
}

template <class T>
static inline void DequantizeScalar(const T* q, size_t count, float scale, int32_t zero, float* out) {
  for (size_t i = 0; i < count; ++i) out[i] = scale * static_cast<float>(q[i] - zero);
}

}  // namespace lowp

#endif  // LOWP_KERNELS_QUANTIZE_QUANTIZE_SCALAR_H_
