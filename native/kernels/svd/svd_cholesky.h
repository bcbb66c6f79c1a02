#ifndef LOWP_KERNELS_SVD_SVD_CHOLESKY_H_
#define LOWP_KERNELS_SVD_SVD_CHOLESKY_H_

#include <cstddef>
#include <vector>

namespace lowp {

// Inverse of the lower Cholesky factor of the Gram matrix g (both n x n, row-major, of g the lower half) into `inverse`; g is
// overwritten. Rows that depend on those before them, or of whose norm no more than `floor` is left, are so marked; their row of
// the inverse is 0.
void InvertCholesky(std::vector<double>& g, size_t n, double floor, std::vector<float>* inverse, std::vector<bool>* depends);

}  // namespace lowp

#endif  // LOWP_KERNELS_SVD_SVD_CHOLESKY_H_
