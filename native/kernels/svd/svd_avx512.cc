#include <immintrin.h>

#include "kernels/svd/svd_loops.h"

namespace lowp {
namespace {

struct Vector512 {
  using Vector = __m512d;
  static constexpr size_t kLanes = 8;
  static Vector Set(double x) { return _mm512_set1_pd(x); }
  static Vector Load(const double* p) { return _mm512_loadu_pd(p); }
  static void Store(double* p, Vector x) { _mm512_storeu_pd(p, x); }
  static Vector Widen(const float* p) { return _mm512_cvtps_pd(_mm256_loadu_ps(p)); }
  static Vector Multiply(Vector a, Vector b) { return _mm512_mul_pd(a, b); }
  static Vector MultiplyAdd(Vector a, Vector b, Vector c) { return _mm512_fmadd_pd(a, b, c); }
  static Vector Subtract(Vector a, Vector b) { return _mm512_sub_pd(a, b); }
  static double Sum(Vector x) { return _mm512_reduce_add_pd(x); }
};

}  // namespace

extern const SvdKernel kSvdAvx512;
const SvdKernel kSvdAvx512 = {"svd_f64_4x3__avx512", SvdGram<Vector512>, SvdRotate<Vector512>, SvdUpdate<Vector512>};

}  // namespace lowp
