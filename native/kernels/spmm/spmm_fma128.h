// Four floats, for quads of one column. Only for files compiled with FMA.
#ifndef LOWP_KERNELS_SPMM_SPMM_FMA128_H_
#define LOWP_KERNELS_SPMM_SPMM_FMA128_H_

#include <immintrin.h>
#include <stddef.h>

namespace lowp {
namespace {

struct Fma128 {
  using F = __m128;
  static constexpr size_t kWidth = 4;
  static F Load(const float* p) { return _mm_loadu_ps(p); }
  static void Store(float* p, F x) { _mm_storeu_ps(p, x); }
  static F Set(float x) { return _mm_set1_ps(x); }
  static F Add(F x, F y) { return _mm_add_ps(x, y); }
  static F Fma(F x, F y, F sum) { return _mm_fmadd_ps(x, y, sum); }
};

}  // namespace
}  // namespace lowp

#endif  // LOWP_KERNELS_SPMM_SPMM_FMA128_H_
