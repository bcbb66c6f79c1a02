// The search space on the host's processor, and from it to u, s and vt.
#ifndef LOWP_KERNELS_SVD_SVD_FACTORS_H_
#define LOWP_KERNELS_SVD_SVD_FACTORS_H_

#include <cstddef>
#include <vector>

#include "kernels/svd/svd.h"
#include "kernels/svd/svd_krylov.h"

namespace lowp {

// Of args.a, whose Frobenius norm is `norm`, written to args.out: u [m][rank], s [rank], vt [rank][n]. Begin() comes first.
class SvdFactors : public SvdSpace {
 public:
  SvdFactors(const SvdEngine& engine, const SvdArgs& args, double norm)
      : engine_(engine),
        krylov_(engine, args.a, args.m, args.n, args.lda, norm, args.seed),
        a_(args.a),
        m_(args.m),
        n_(args.n),
        lda_(args.lda),
        out_(args.out) {}
  Status Begin() { return krylov_.Begin(); }

  size_t short_side() const override { return krylov_.short_side(); }
  size_t long_side() const override { return krylov_.long_side(); }
  Status Extend(size_t count) override { return krylov_.Extend(count); }
  size_t size() const override { return krylov_.size(); }
  const double* gram() const override { return krylov_.gram(); }
  size_t capacity() const override { return krylov_.capacity(); }
  Status MakeFactors(size_t rank, std::vector<double>* squares) override;
  // Products in float32, sums in float64.
  Status MeasureResidual(double* squares) override;

  // Of a matrix that was multiplied by 2^exponent. Refuses singular values that leave float32.
  Status Unscale(int exponent);

 private:
  float* u() const { return out_; }
  float* s() const { return out_ + m_ * rank_; }
  float* vt() const { return s() + rank_; }

  const SvdEngine& engine_;
  SvdKrylov krylov_;
  const float* a_;
  size_t m_, n_, lda_, rank_ = 0;
  float* out_;
};

}  // namespace lowp

#endif  // LOWP_KERNELS_SVD_SVD_FACTORS_H_
