// The C ABI of the sparse products: kernels/spmm (float32) and kernels/qspmm (int8) on the device. Formulas, outputs and refusals
// are theirs; int8 equals them bit for bit, float32 is within their bound, and both give the same bits at every call.
#ifndef LOWP_CUDA_SPMM_SPMM_ABI_H_
#define LOWP_CUDA_SPMM_SPMM_ABI_H_

#include <stddef.h>
#include <stdint.h>

#include "kernels/sparse/sparse.h"
#include "kernels/sparse/sparse_call.h"

namespace lowp {

struct CudaContext;
struct CudaError;

// A sparse matrix on the device, for both sides. Plain data that the caller keeps; immutable once packed. runtime.free(storage)
// ends it. Offsets are bytes in storage.
struct CudaSparseWeights {
  void* storage;
  uint64_t bytes;
  uint64_t rows, cols;   // of values, not of blocks
  uint64_t nnz;          // stored values
  uint64_t longest_row;  // entries of the row that has most
  bool is_int8;          // else float32
  bool two_of_four;      // int8 with two entries in every four columns, on a device that multiplies by such directly
  bool merged;           // rows so uneven that they are cut into equal shares
  const char* kernel;    // the name of what multiplies by it; static

  // See spmm_layout.h.
  uint64_t quads;
  uint64_t starts_at, counts_at, cols_at, values_at;
  uint64_t shares, cuts, slots, shares_at, cuts_at;  // of `merged`
  uint64_t tile_values_at, tile_metadata_at;         // of two_of_four
  uint64_t scales_at, sums_at;                       // int8: [rows] float32 and int32
};

struct CudaSpmmArgs : SpmmCall {
  const CudaSparseWeights* sparse = nullptr;
};

struct CudaQSpmmArgs : QSpmmCall {
  const CudaSparseWeights* sparse = nullptr;
  // At least max|output.bias_s32|, which lies on the device: for the check that sums fit int32.
  uint32_t bias_magnitude = 0;
};

struct CudaSparseApi {
  // Arrays of `matrix` and `scales` are the host's, and have been read when this returns.
  int32_t (*pack_float)(CudaContext* context, const SparseMatrix* matrix, CudaSparseWeights* weights, CudaError* error);
  // scales: one, or with per_row one for each row.
  int32_t (*pack_int8)(CudaContext* context, const SparseMatrix* matrix, const float* scales, bool per_row,
                       CudaSparseWeights* weights, CudaError* error);
  // Queued; D, bias and C are the device's. C overlaps neither.
  int32_t (*spmm)(CudaContext* context, const CudaSpmmArgs* args, CudaError* error);
  int32_t (*qspmm)(CudaContext* context, const CudaQSpmmArgs* args, CudaError* error);
};

// Fills the table.
CudaSparseApi CudaSparseFunctions();

}  // namespace lowp

#endif  // LOWP_CUDA_SPMM_SPMM_ABI_H_
