#include <immintrin.h>

#include "kernels/svd/svd_loops.h"

namespace lowp {
namespace {

struct Vector256 {
  using Vector = __m256d;
  static constexpr size_t kLanes = 4;
  static Vector Set(double x) { return _mm256_set1_pd(x); }
  static Vector Load(const double* p) { return _mm256_loadu_pd(p); }
  static void Store(double* p, Vector x) { _mm256_storeu_pd(p, x); }
  static Vector Widen(const float* p) { return _mm256_cvtps_pd(_mm_loadu_ps(p)); }
  static Vector Multiply(Vector a, Vector b) { return _mm256_mul_pd(a, b); }
  static Vector MultiplyAdd(Vector a, Vector b, Vector c) { return _mm256_fmadd_pd(a, b, c); }
  static Vector Subtract(Vector a, Vector b) { return _mm256_sub_pd(a, b); }
  static double Sum(Vector x) {
    const __m128d half = _mm_add_pd(_mm256_castpd256_pd128(x), _mm256_extractf128_pd(x, 1));
    return _mm_cvtsd_f64(_mm_add_sd(half, _mm_unpackhi_pd(half, half)));
  }
};

}  // namespace

extern const SvdKernel kSvdAvx2;
const SvdKernel kSvdAvx2 = {"svd_f64_4x3__avx2", SvdGram<Vector256>, SvdRotate<Vector256>, SvdUpdate<Vector256>};

}  // namespace lowp
