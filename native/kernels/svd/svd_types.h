// Plain data of the truncated SVD, for both the CPU's and the CUDA plugin's.
#ifndef LOWP_KERNELS_SVD_SVD_TYPES_H_
#define LOWP_KERNELS_SVD_SVD_TYPES_H_

#include <stddef.h>
#include <stdint.h>

namespace lowp {

// How many triplets are kept: `rank` of them; the fewest that keep the share `target` of the sum of squares; or the fewest whose
// relative Frobenius error is at most `target`, which is measured.
enum class SvdCriterion : uint8_t { kRank, kEnergy, kMaxError };

struct SvdResult {
  size_t rank = 0;
  double energy = 1;     // sum s^2 / sum a^2
  double residual = -1;  // ||A - U diag(s) Vt|| / ||A||, of the rounded factors; -1: not measured
  bool converged = false;
};

}  // namespace lowp

#endif  // LOWP_KERNELS_SVD_SVD_TYPES_H_
