// How large a search space has to be, and what comes of it: the part of the truncated SVD that knows neither where the matrix
// lies nor how it is multiplied.
#ifndef LOWP_KERNELS_SVD_SVD_SEARCH_H_
#define LOWP_KERNELS_SVD_SVD_SEARCH_H_

#include <cstddef>
#include <vector>

#include "core/status.h"
#include "kernels/svd/svd_kernel.h"
#include "kernels/svd/svd_types.h"

namespace lowp {

// Blocks of orthonormal vectors V on the short side of a matrix W, their images W V on the long one, and the factors made of
// them.
class SvdSpace {
 public:
  virtual ~SvdSpace() = default;
  virtual size_t short_side() const = 0;
  virtual size_t long_side() const = 0;
  // Adds a block of `count` vectors, at most as many as the block before it and as there is room for on the short side.
  virtual Status Extend(size_t count) = 0;
  virtual size_t size() const = 0;
  virtual const double* gram() const = 0;  // of the images, [capacity()][capacity()]
  virtual size_t capacity() const = 0;
  // The factors of `rank` triplets, and the squares of their singular values, not rounded to float32.
  virtual Status MakeFactors(size_t rank, std::vector<double>* squares) = 0;
  // The sum of squares of what the factors leave.
  virtual Status MeasureResidual(double* squares) = 0;
};

struct SvdGoal {
  static constexpr size_t kDefault = SIZE_MAX;

  SvdCriterion criterion;
  size_t rank;
  double target;
  bool accurate;
  size_t oversample, power_iterations;
  bool measure;
  double total;  // sum of squares of the matrix
  size_t block;  // vectors that are added at a time, where power_iterations does not say
};

// Extends the space until it holds what is asked for and makes the factors.
Status SearchSvd(const SvdGoal& goal, const SvdKernel& kernel, SvdSpace* space, SvdResult* result);

// What the largest triplets are made of: singular values, the right vectors as sums of basis vectors, the left ones as sums of
// images.
struct SvdCombination {
  // `floor`: singular values up to here are those of directions that the matrix takes to nothing; their left vectors are zeros.
  SvdCombination(const SvdKernel& kernel, const SvdSpace& space, size_t rank, double floor);

  std::vector<double> values, squares;
  std::vector<float> right, left;  // [rank][space.size()]
  // Of orthonormalisation that the left vectors need. They are W V P / s: what s is smaller than the largest by, their rounding
  // errors are larger by. Up to a ratio of 16 they are orthonormal to 1e-6 without help, up to 1e4 after one pass.
  size_t passes;
};

}  // namespace lowp

#endif  // LOWP_KERNELS_SVD_SVD_SEARCH_H_
