// What the kernels of the sparse products are given, and who launches them.
#ifndef LOWP_CUDA_SPMM_SPMM_TASK_H_
#define LOWP_CUDA_SPMM_SPMM_TASK_H_

#include <cstddef>
#include <cstdint>

#include "cuda/runtime/context.h"
#include "cuda/spmm/spmm_layout.h"
#include "kernels/epilogue/epilogue_kernel.h"

namespace lowp {

// Where sums go: the result of row r and dense index d (a column on the left, a row on the right) is element
// r * row_stride + d * dense_stride of c.
//
//   int8     s = acc + bias_s32[r] - zero(d) * sums[r]       x = activation(s * (scale(d) * scales[r]) + bias_f32[r])
//   float32                                                  x = activation(acc + bias_f32[r])
struct SparseStore {
  IntStore output;  // mode, activation and what 8-bit output needs; its arrays are unused
  void* c;
  uint64_t row_stride, dense_stride;
  const float* bias_f32;
  const int32_t* bias_s32;
  const float* scales;  // of S
  const int32_t* sums;  // of S
  float dense_scale;    // unless there are arrays
  int32_t dense_zero;
  int32_t dense_moved;        // added to the zero point: what was added to the dense operand
  const float* dense_scales;  // of d if per_dense, else one
  const int32_t* dense_zeros;
  bool per_dense;
};

enum class SparseKind : uint8_t { kFloat32, kU8, kS8 };  // of the dense operand

struct SparseTask {
  SparseKind kind;
  uint32_t rows;
  const uint32_t* starts;
  const uint32_t* counts;
  const int32_t* cols;
  const void* values;
  const SparseShare* shares;  // null: rows are units of work
  uint32_t units;
  const SparseCut* cuts;
  uint32_t cut_count;
  // Element (k, d) of the dense operand: k * k_stride + d * d_stride.
  const void* dense;
  uint64_t k_stride, d_stride;
  uint32_t n;
  void* partial;      // [slots][n_padded]
  uint64_t n_padded;  // n, by fours
  uint32_t lanes;     // threads of a row: a power of 2
  uint32_t slices;    // groups of them that share it, a power of 2
  SparseStore store;
};

// Up to kNarrowMost dense columns, in any order in memory: lanes across the entries of a row.
inline constexpr uint32_t kNarrowMost = 4;
Status LaunchSparseNarrow(CudaContext& context, const SparseTask& task);
// Any number, d_stride 1, rows of less than 4 GB by fours of elements on boundaries of them: lanes across columns.
Status LaunchSparseWide(CudaContext& context, const SparseTask& task);
// What pieces have summed, to C.
Status LaunchSparseSums(CudaContext& context, const SparseTask& task);

// A matrix with two entries in every four columns, int8, capability >= 80.
struct SparseTileTask {
  uint32_t rows, row_tiles, col_tiles;
  const void* values;  // see spmm_layout.h
  const uint32_t* metadata;
  // [n][64 * col_tiles] bytes, rows `ld` bytes apart, on boundaries of 16.
  const uint8_t* dense;
  uint64_t ld;
  uint32_t n;
  uint32_t flip;  // makes s8 of the dense operand's bytes, four at a time
  SparseStore store;
};
Status LaunchSparseTiles(CudaContext& context, const SparseTileTask& task);

}  // namespace lowp

#endif  // LOWP_CUDA_SPMM_SPMM_TASK_H_
