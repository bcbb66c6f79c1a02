// The truncated SVD of the plugin: the method, the options and the error contract of kernels/svd, with the matrix and the factors
// in device memory. The small eigenproblem is the host's.
#ifndef LOWP_CUDA_SVD_SVD_ABI_H_
#define LOWP_CUDA_SVD_SVD_ABI_H_

#include <stddef.h>
#include <stdint.h>

#include "kernels/svd/svd_kernel.h"
#include "kernels/svd/svd_types.h"

namespace lowp {

struct CudaContext;
struct CudaError;

inline constexpr uint64_t kCudaSvdDefault = UINT64_MAX;

struct CudaSvdArgs {
  uint64_t m, n;   // at least 1
  const float* a;  // device
  uint64_t lda;
  SvdCriterion criterion;
  uint64_t rank;  // kRank: from 1 to min(m, n)
  double target;
  bool accurate;              // extends the space until the excess error is at most 1e-6
  uint64_t oversample;        // columns of V beyond the rank, or kCudaSvdDefault
  uint64_t power_iterations;  // blocks but one, or kCudaSvdDefault
  uint64_t seed;
  bool measure;             // the residual
  const SvdKernel* kernel;  // host: the loops of the eigenproblem, SelectSvd(ActiveIsas()).kernel
  // Polled between blocks; null: never. Where it answers other than 0 the call answers kAborted.
  int32_t (*stopped)(void* user);
  void* user;
  // Device. U [m][r], s [r], Vt [r][n], one behind the other: room for `rank` triplets (kRank) or min(m, n).
  float* out;
};

struct CudaSvdApi {
  // Waits for the device: the result is the host's. Refuses a matrix with NaN or infinities.
  int32_t (*run)(CudaContext* context, const CudaSvdArgs* args, SvdResult* result, CudaError* error);
};

// Fills the table.
CudaSvdApi CudaSvdFunctions();

}  // namespace lowp

#endif  // LOWP_CUDA_SVD_SVD_ABI_H_
