// The C ABI of the poolings: kernels/pool on the device. Formulas and refusals are theirs. Maxima and 8-bit averages equal them
// bit for bit; averages of float32 are summed and divided in float64 and rounded once, as theirs are, in an order of their own.
#ifndef LOWP_CUDA_POOL_POOL_ABI_H_
#define LOWP_CUDA_POOL_POOL_ABI_H_

#include <stddef.h>
#include <stdint.h>

#include "kernels/pool/pool_shape.h"

namespace lowp {

struct CudaContext;
struct CudaError;

struct CudaPoolApi {
  // Queued; x and y are the device's.
  int32_t (*pool)(CudaContext* context, const PoolCall* args, CudaError* error);
};

// Fills the table.
CudaPoolApi CudaPoolFunctions();

}  // namespace lowp

#endif  // LOWP_CUDA_POOL_POOL_ABI_H_
