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

struct CudaPoolArgs {
  PoolShape shape;
  bool nhwc = false;
  PoolKind kind = PoolKind::kMax;
  bool count_include_pad = false;
  PoolType type = PoolType::kFloat32;
  const void* x = nullptr;
  void* y = nullptr;
  // Averages of 8-bit values only; y is 8-bit too.
  bool y_signed = false;
  float x_scale = 1, y_scale = 1;
  int32_t x_zero = 0, y_zero = 0;
};

struct CudaPoolApi {
  // Queued; x and y are the device's.
  int32_t (*pool)(CudaContext* context, const CudaPoolArgs* args, CudaError* error);
};

// Fills the table.
CudaPoolApi CudaPoolFunctions();

}  // namespace lowp

#endif  // LOWP_CUDA_POOL_POOL_ABI_H_
