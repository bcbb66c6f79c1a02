// The product of the plugin with weights of 4 or 8 bits: bit for bit kernels/nbits. All pointers are to device memory.
#ifndef LOWP_CUDA_NBITS_NBITS_ABI_H_
#define LOWP_CUDA_NBITS_NBITS_ABI_H_

#include <stddef.h>
#include <stdint.h>

#include "kernels/epilogue/epilogue_kernel.h"

namespace lowp {

struct CudaContext;
struct CudaError;

// Immutable once packed. The storage is given back with runtime.free(context, storage).
struct CudaNBitsWeights {
  uint64_t k, n;
  uint32_t bits, group;
  bool has_zeros;
  void* storage;   // see nbits_layout.h; null where there is nothing to keep
  uint64_t bytes;  // of the storage
};

// In the layout of the ONNX operator com.microsoft.MatMulNBits, see NBitsShape in kernels/nbits/nbits.h.
struct CudaNBitsPackArgs {
  uint64_t k, n;
  uint32_t bits, group;
  const uint8_t* data;
  const float* scales;
  const uint8_t* zeros;  // or null
};

struct CudaNBitsArgs {
  uint64_t batch, m;
  const float* a;
  uint64_t lda, batch_stride_a;
  const CudaNBitsWeights* b;
  float* c;
  uint64_t ldc;       // rows of all batches are this far apart
  const float* bias;  // [n] or null
  Activation activation;
  Residual residual;  // float32 or none, a row for each of C; may be C itself
};

struct CudaNBitsApi {
  // Waits for the device, because scales that are not finite are refused.
  int32_t (*pack)(CudaContext* context, const CudaNBitsPackArgs* args, CudaNBitsWeights* weights, CudaError* error);
  int32_t (*run)(CudaContext* context, const CudaNBitsArgs* args, CudaError* error);
};

// Fills the table.
CudaNBitsApi CudaNBitsFunctions();

}  // namespace lowp

#endif  // LOWP_CUDA_NBITS_NBITS_ABI_H_
