// Quantization of one group of A in portable C++: the scalar kernel's, and that of the vector ones for groups in which something
// is not finite. Static, so that each file keeps its own copy.
#ifndef LOWP_KERNELS_NBITS_NBITS_QUANTIZE_SCALAR_H_
#define LOWP_KERNELS_NBITS_NBITS_QUANTIZE_SCALAR_H_

#include "kernels/nbits/nbits_kernel.h"

namespace lowp {

static constexpr float kNBitsLargestFloat = 3.40282347e38f;

// 127 / largest, or 0 where that is no finite number: values that small, under 2^-121, count as zeros.
static inline float NBitsInverse(float largest) {
  const float inverse = static_cast<float>(kNBitsMaxA) / largest;
  return inverse <= kNBitsLargestFloat ? inverse : 0.0f;
}

// x[0..depth) to `to`, with zeros up to `group`.
template <class T>
static inline NBitsRowGroup QuantizeGroupScalar(const float* x, size_t depth, size_t group, T* to) {
  constexpr float kTop = static_cast<float>(kNBitsMaxA);
  constexpr float kRoundingShift = 12582912.0f;  // 1.5 * 2^23: adding it rounds |y| < 2^22 to an integer, ties to even
  float largest = 0;
  for (size_t i = 0; i < depth; ++i) {
    const float magnitude = __builtin_fabsf(x[i]);
    if (magnitude <= kNBitsLargestFloat && magnitude > largest) largest = magnitude;
  }
  const float inverse = NBitsInverse(largest);
  int32_t sum = 0;
  for (size_t i = 0; i < group; ++i) {
    float y = i < depth ? x[i] * inverse : 0.0f;
    if (y != y) y = 0;
    y = y < -kTop ? -kTop : y > kTop ? kTop : y;
    const int32_t q = static_cast<int32_t>((y + kRoundingShift) - kRoundingShift);
    to[i] = static_cast<T>(q);
    sum += q;
  }
  return {largest / kTop, sum};
}

}  // namespace lowp

#endif  // LOWP_KERNELS_NBITS_NBITS_QUANTIZE_SCALAR_H_
