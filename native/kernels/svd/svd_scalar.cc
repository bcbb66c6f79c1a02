#include "kernels/svd/svd_loops.h"

namespace lowp {
namespace {

struct Scalar {
  using Vector = double;
  static constexpr size_t kLanes = 1;
  static Vector Set(double x) { return x; }
  static Vector Load(const double* p) { return *p; }
  static void Store(double* p, Vector x) { *p = x; }
  static Vector Widen(const float* p) { return *p; }
  static Vector Multiply(Vector a, Vector b) { return a * b; }
  static Vector MultiplyAdd(Vector a, Vector b, Vector c) { return a * b + c; }
  static Vector Subtract(Vector a, Vector b) { return a - b; }
  static double Sum(Vector x) { return x; }
};

}  // namespace

extern const SvdKernel kSvdScalar;
const SvdKernel kSvdScalar = {"svd_f64_4x3__scalar", SvdGram<Scalar>, SvdRotate<Scalar>, SvdUpdate<Scalar>};

}  // namespace lowp
