// Truncated singular value decomposition  A[m,n] ~ U[m,r] diag(s[r]) Vt[r,n]  by a randomized block Krylov method.
//
// With W = A or its transpose, whichever has at least as many rows as columns, and [.] for orthonormalisation:
//
//   V1 = [W^T X], X random;   V(j+1) = [W^T [W Vj] against V1 .. Vj];   V = [V1 .. Vq], d columns
//   (W V)^T (W V) = P diag(t) P^T;   s = sqrt(t);   right vectors V P, left vectors W V P / s
//
// Sources: Halko, Martinsson, Tropp 2011 (randomized range finder); Musco, Musco 2015 (block Krylov). Blocks of 16 columns in
// place of one wide block with power iterations: of a power-law spectrum 112 columns that W and W^T are each applied to once give
// the error of 74 columns and 6 products, in half of the multiply-adds. Only V, on the short side, is orthogonalised against all
// before; W Vj within its block alone, so that small singular values are not squared away.
//
// Products in float32 (kernels/sgemm); Gram matrices, norms and the small eigenproblem in float64. Orthonormalisation by Cholesky
// QR twice; rows that depend on others are replaced by random ones, so U and V are orthonormal for any rank. Random numbers:
// uniform in
// [-1, 1), the upper 24 bits of SplitMix64 at seed + i. In each column of U the entry of largest magnitude (the first of equal
// ones) is positive. The same bits for any number of threads.
#ifndef LOWP_KERNELS_SVD_SVD_H_
#define LOWP_KERNELS_SVD_SVD_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "core/isa.h"
#include "core/status.h"
#include "kernels/svd/svd_kernel.h"
#include "kernels/svd/svd_search.h"

namespace lowp {

using SvdEntry = KernelEntry<SvdKernel>;
const SvdEntry& SelectSvd(IsaSet active);
std::vector<SvdEntry> SvdKernels();

struct SvdArgs {
  static constexpr size_t kDefault = SvdGoal::kDefault;

  size_t m = 0, n = 0;  // at least 1
  const float* a = nullptr;
  size_t lda = 0;
  SvdCriterion criterion = SvdCriterion::kRank;
  size_t rank = 1;  // kRank: from 1 to min(m, n)
  double target = 1;
  bool accurate = true;                // extends the space until the excess error is at most 1e-6
  size_t oversample = kDefault;        // columns of V beyond the rank
  size_t power_iterations = kDefault;  // q - 1
  uint64_t seed = 0;
  bool measure = false;  // the residual
  size_t threads = 1;
  const std::atomic<bool>* stop = nullptr;  // polled between blocks
  // U [m][r], s [r], Vt [r][n], one behind the other: room for `rank` triplets (kRank) or min(m, n).
  float* out = nullptr;
};

// Refuses a matrix with NaN or infinities.
Status Svd(const SvdArgs& args, SvdResult* result);

}  // namespace lowp

#endif  // LOWP_KERNELS_SVD_SVD_H_
