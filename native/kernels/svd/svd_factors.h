// From the search space to u, s and vt.
#ifndef LOWP_KERNELS_SVD_SVD_FACTORS_H_
#define LOWP_KERNELS_SVD_SVD_FACTORS_H_

#include <cstddef>
#include <vector>

#include "kernels/svd/svd_krylov.h"

namespace lowp {

// Of an m x n matrix, written to `out`: u [m][rank], s [rank], vt [rank][n].
class SvdFactors {
 public:
  SvdFactors(size_t m, size_t n, float* out) : m_(m), n_(n), out_(out) {}

  Status Compute(const SvdEngine& engine, SvdKrylov* krylov, size_t rank);
  // Squares of the singular values, not rounded to float32.
  const std::vector<double>& squares() const { return squares_; }
  // The sum of squares of a - u diag(s) vt: products in float32, sums in float64.
  Status Residual(const SvdEngine& engine, const float* a, size_t lda, double* squares) const;
  // Of a matrix that was multiplied by 2^exponent. Refuses singular values that leave float32.
  Status Unscale(int exponent);

 private:
  float* u() const { return out_; }
  float* s() const { return out_ + m_ * rank_; }
  float* vt() const { return s() + rank_; }

  size_t m_, n_, rank_ = 0;
  float* out_;
  std::vector<double> squares_;
};

}  // namespace lowp

#endif  // LOWP_KERNELS_SVD_SVD_FACTORS_H_
