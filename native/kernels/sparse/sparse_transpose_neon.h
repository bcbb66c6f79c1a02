// A 4x4 square of 32-bit values in registers. Only for files compiled for arm64.
#ifndef LOWP_KERNELS_SPARSE_SPARSE_TRANSPOSE_NEON_H_
#define LOWP_KERNELS_SPARSE_SPARSE_TRANSPOSE_NEON_H_

#include <arm_neon.h>

#include "kernels/sparse/sparse_transpose.h"

namespace lowp {
namespace {

template <class T>
void TransposeSquare(const T* from_values, size_t ld_from, T* to_values, size_t ld_to) {
  static_assert(sizeof(T) == sizeof(float), "moved as floats");
  const float* from = reinterpret_cast<const float*>(from_values);
  float* to = reinterpret_cast<float*>(to_values);
  const float32x4_t a = vld1q_f32(from), b = vld1q_f32(from + ld_from), c = vld1q_f32(from + 2 * ld_from),
                    d = vld1q_f32(from + 3 * ld_from);
  const float32x4_t ac0 = vzip1q_f32(a, c), ac1 = vzip2q_f32(a, c), bd0 = vzip1q_f32(b, d), bd1 = vzip2q_f32(b, d);
  vst1q_f32(to, vzip1q_f32(ac0, bd0));
  vst1q_f32(to + ld_to, vzip2q_f32(ac0, bd0));
  vst1q_f32(to + 2 * ld_to, vzip1q_f32(ac1, bd1));
  vst1q_f32(to + 3 * ld_to, vzip2q_f32(ac1, bd1));
}

}  // namespace
}  // namespace lowp

#endif  // LOWP_KERNELS_SPARSE_SPARSE_TRANSPOSE_NEON_H_
