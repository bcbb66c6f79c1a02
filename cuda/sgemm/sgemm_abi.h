// The float32 product of the plugin: C[M,N] = activation(sum_k A[m,k] * B[k,n] + bias[n] + residual[m,n]), as kernels/sgemm has
// it. All pointers are to device memory.
//
// Every sum is one chain of fused multiply-adds, k ascending, whatever the shape, the tile and the device. So the same row gives
// the same bits in any batch, 16-bit weights those of their float32 values, and up to K = 256 both those of the CPU's kernels
// that fuse (AVX2, AVX-512, NEON), which add up blocks of that depth.
#ifndef LOWP_CUDA_SGEMM_SGEMM_ABI_H_
#define LOWP_CUDA_SGEMM_SGEMM_ABI_H_

#include <stddef.h>
#include <stdint.h>

#include "kernels/epilogue/epilogue_kernel.h"
#include "kernels/sgemm/sgemm_kernel.h"

namespace lowp {

struct CudaContext;
struct CudaError;

// Immutable once packed. The storage is given back with runtime.free(context, storage).
struct CudaSGemmWeights {
  SGemmStorage stored_as;
  uint64_t k, n;
  uint64_t ld;     // elements from one row of [k][n] to the next
  void* storage;   // null where there is nothing to keep
  uint64_t bytes;  // of the storage
};

struct CudaSGemmPackArgs {
  uint64_t k, n;
  const void* b;
  uint64_t ldb;
  bool transpose;          // stored [N, K]
  SGemmStorage given_as;   // what b is: float32, or what it is to be stored as
  SGemmStorage stored_as;  // rounded to the nearest, ties to even
};

struct CudaSGemmArgs {
  uint64_t batch, m;
  const float* a;
  uint64_t lda, batch_stride_a;
  bool transpose_a;  // stored [K, M]
  const CudaSGemmWeights* b;
  float* c;
  uint64_t ldc, batch_stride_c;
  const float* bias;  // [n] or null
  Activation activation;
  Residual residual;  // float32 or none, may be C itself; row batch * m + m of it belongs to row m of the batch
  // Allows the tensor cores, which products of more than 16 rows then use. They round A to the nearest (ties away from zero for
  // tf32, else to even): with float32 weights A and B to tf32, else A to the format of the weights. The products are exact, and
  // their float32 sums in an order of the hardware:
  //   |C - exact| <= K * max|a| * max|b| * (2 u + u^2 + 2^-22 * (K + 1)),   u = 2^-11 (tf32, float16) or 2^-8 (bfloat16),
  // where with 16-bit weights, which are not rounded again, u takes the place of 2 u + u^2. Values that float16 has no room for
  // become infinite, and those below 2^-14 lose bits. kUnsupported on devices before compute capability 8.0.
  bool tensor_cores;
};

struct CudaSGemmApi {
  int32_t (*pack)(CudaContext* context, const CudaSGemmPackArgs* args, CudaSGemmWeights* weights, CudaError* error);
  int32_t (*run)(CudaContext* context, const CudaSGemmArgs* args, CudaError* error);
  // out[i] = x[i], rounded to the nearest, ties to even, where `to` has fewer bits: CastFloats of kernels/sgemm.
  int32_t (*cast)(CudaContext* context, SGemmStorage from, const void* x, SGemmStorage to, uint64_t count, void* out,
                  CudaError* error);
};

// Fills the table.
CudaSGemmApi CudaSGemmFunctions();

}  // namespace lowp

#endif  // LOWP_CUDA_SGEMM_SGEMM_ABI_H_
