// Eigenvalues and eigenvectors of a small symmetric matrix in float64: Householder tridiagonalisation, implicit QL.
#ifndef LOWP_KERNELS_SVD_SVD_EIGEN_H_
#define LOWP_KERNELS_SVD_SVD_EIGEN_H_

#include <cstddef>
#include <vector>

#include "kernels/svd/svd_kernel.h"

namespace lowp {

class SymmetricEigen {
 public:
  // Reads the n x n matrix at g.
  SymmetricEigen(const SvdKernel& kernel, const double* g, size_t ld, size_t n);

  // Descending.
  std::vector<double> Values() const;

  // The `count` largest, descending, and their vectors as columns of vectors[n][count].
  void Largest(size_t count, std::vector<double>* values, std::vector<double>* vectors) const;

 private:
  const SvdKernel& kernel_;
  size_t n_;
  std::vector<double> reflectors_;  // [n][n]: row j holds the vector of reflector j from column j + 1 on
  std::vector<double> beta_, diagonal_, off_;
};

}  // namespace lowp

#endif  // LOWP_KERNELS_SVD_SVD_EIGEN_H_
