#include <arm_neon.h>

#include "kernels/svd/svd_loops.h"

namespace lowp {
namespace {

struct Neon {
  using Vector = float64x2_t;
  static constexpr size_t kLanes = 2;
  static Vector Set(double x) { return vdupq_n_f64(x); }
  static Vector Load(const double* p) { return vld1q_f64(p); }
  static void Store(double* p, Vector x) { vst1q_f64(p, x); }
  static Vector Widen(const float* p) { return vcvt_f64_f32(vld1_f32(p)); }
  static Vector Multiply(Vector a, Vector b) { return vmulq_f64(a, b); }
  static Vector MultiplyAdd(Vector a, Vector b, Vector c) { return vfmaq_f64(c, a, b); }
  static Vector Subtract(Vector a, Vector b) { return vsubq_f64(a, b); }
  static double Sum(Vector x) { return vaddvq_f64(x); }
};

}  // namespace

extern const SvdKernel kSvdNeon;
const SvdKernel kSvdNeon = {"svd_f64_4x3__neon", SvdGram<Neon>, SvdRotate<Neon>, SvdUpdate<Neon>};

}  // namespace lowp
