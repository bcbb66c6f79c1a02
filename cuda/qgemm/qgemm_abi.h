// The int8 product of the plugin: kernels/qgemm on the device, bit for bit. Formulas, outputs and refusals are its own.
#ifndef LOWP_CUDA_QGEMM_QGEMM_ABI_H_
#define LOWP_CUDA_QGEMM_QGEMM_ABI_H_

#include <stddef.h>
#include <stdint.h>

#include "kernels/epilogue/epilogue.h"
#include "kernels/qgemm/qgemm.h"

namespace lowp {

struct CudaContext;
struct CudaError;

// Weights on the device, the same for every kernel. Plain data that the caller keeps; immutable once packed.
// runtime.free(context, storage) ends it.
struct CudaQGemmWeights {
  uint64_t k, n;
  void* storage;          // see qgemm_layout.h
  uint64_t bytes;         // of the storage
  int32_t max_magnitude;  // of b - zb over the dtype and all columns
  bool has_zero;          // some zero point, after the shift of u8 to s8, is not 0
};

// All arrays are the device's.
struct CudaQGemmPackArgs {
  uint64_t k, n;
  const void* b;
  bool b_signed;
  uint64_t ldb;
  bool transpose;  // stored [N, K]
  const float* scales;
  const int32_t* zeros;
  bool per_channel;  // n scales and zeros instead of one
};

// All arrays, those of `output` too, are the device's.
struct CudaQGemmArgs {
  uint64_t batch, m;
  QGemmA a_kind;
  const void* a;
  uint64_t lda, batch_stride_a;
  float a_scale;  // of 8-bit kinds, with a_zero
  int32_t a_zero;
  const float* a_scales;   // [batch * m] instead, or null. Their values are not checked: finite, above 0,
  const int32_t* a_zeros;  // and of the dtype's range
  const CudaQGemmWeights* weights;
  void* c;
  uint64_t ldc, batch_stride_c;
  IntOutput output;  // row batch * m + m of the residual belongs to row m of the batch
  // At least max|output.bias_s32|: for the check that sums fit int32.
  uint32_t bias_magnitude;
};

struct CudaQGemmApi {
  // Waits for the device, because bad scales and zero points are refused.
  int32_t (*pack)(CudaContext* context, const CudaQGemmPackArgs* args, CudaQGemmWeights* weights, CudaError* error);
  // Queued.
  int32_t (*run)(CudaContext* context, const CudaQGemmArgs* args, CudaError* error);
  // The name of the kernel that run would choose; static. Null where there is nothing to compute.
  const char* (*kernel)(CudaContext* context, const CudaQGemmArgs* args);
};

// Fills the table.
CudaQGemmApi CudaQGemmFunctions();

}  // namespace lowp

#endif  // LOWP_CUDA_QGEMM_QGEMM_ABI_H_
