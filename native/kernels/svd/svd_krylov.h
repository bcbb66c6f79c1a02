// The search space: blocks of orthonormal vectors V on the short side of a matrix, and their images W V on the long one.
#ifndef LOWP_KERNELS_SVD_SVD_KRYLOV_H_
#define LOWP_KERNELS_SVD_SVD_KRYLOV_H_

#include <cstddef>
#include <vector>

#include "kernels/svd/svd_rows.h"

namespace lowp {

class SvdKrylov {
 public:
  // Of the m x n matrix at a, whose Frobenius norm is `norm`. Begin() comes first.
  SvdKrylov(const SvdEngine& engine, const float* a, size_t m, size_t n, size_t lda, double norm, uint64_t seed)
      : engine_(engine),
        a_(a),
        m_(m),
        n_(n),
        lda_(lda),
        floor_(norm * 1e-15),
        random_(seed),
        basis_(m < n ? m : n),
        images_(m < n ? n : m) {}
  Status Begin();

  // As SvdSpace.
  Status Extend(size_t count);

  size_t size() const { return size_; }
  size_t short_side() const { return basis_.length(); }
  size_t long_side() const { return images_.length(); }
  const float* basis() const { return basis_.Row(0); }
  const float* images() const { return images_.Row(0); }
  const double* gram() const { return gram_.data(); }  // of the images, [capacity()][capacity()]
  size_t capacity() const { return capacity_; }
  SvdRandom* random() { return &random_; }
  double floor() const { return floor_; }

  // Makes `count` rows orthonormal, and orthogonal to the first `before` rows of the basis, which they follow where before is not
  // 0: in `passes` or more.
  Status MakeOrthonormal(float* x, size_t count, size_t length, size_t before, size_t passes = 2);

 private:
  Status Reserve(size_t vectors);

  const SvdEngine& engine_;
  const float* a_;
  size_t m_, n_, lda_;
  double floor_;
  SvdRandom random_;
  SGemmPackedB to_long_, to_short_;
  SvdRowBuffer basis_, images_;
  size_t size_ = 0, last_ = 0, capacity_ = 0;
  std::vector<double> gram_;
};

}  // namespace lowp

#endif  // LOWP_KERNELS_SVD_SVD_KRYLOV_H_
