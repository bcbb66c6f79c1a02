// Matrices into another order, in device memory: what a kernel that wants rows of 16 bytes, or columns, is given where its caller
// has them otherwise.
#ifndef LOWP_CUDA_DEVICE_TRANSPOSE_H_
#define LOWP_CUDA_DEVICE_TRANSPOSE_H_

#include <cstddef>

#include "cuda/runtime/context.h"

namespace lowp {

// `batch` matrices of elements of `size` bytes, 1 or 4. Strides in elements.
struct TransposeArgs {
  size_t batch = 1, rows = 0, cols = 0;
  size_t size = sizeof(float);
  const void* from = nullptr;  // [rows][cols]
  size_t ld_from = 0, batch_stride_from = 0;
  void* to = nullptr;  // [cols][rows]
  size_t ld_to = 0, batch_stride_to = 0;
  size_t rows_padded = 0;  // elements from `rows` to there of each row of the result become 0; at most ld_to
};
Status TransposeMatrices(CudaContext& context, const TransposeArgs& args);

// The same without transposing: rows of `cols` elements become rows of cols_padded.
struct PadArgs {
  size_t rows = 0, cols = 0;
  size_t size = sizeof(float);
  const void* from = nullptr;
  size_t ld_from = 0;
  void* to = nullptr;
  size_t cols_padded = 0;  // ld of the result
};
Status PadRows(CudaContext& context, const PadArgs& args);

}  // namespace lowp

#endif  // LOWP_CUDA_DEVICE_TRANSPOSE_H_
