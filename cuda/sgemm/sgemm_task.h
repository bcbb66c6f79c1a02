// What the kernels of the float32 product are given, and how a block finds its tile.
#ifndef LOWP_CUDA_SGEMM_SGEMM_TASK_H_
#define LOWP_CUDA_SGEMM_SGEMM_TASK_H_

#include <cstdint>

#include "cuda/device/divide.h"
#include "cuda/device/fragments.h"
#include "kernels/epilogue/epilogue_kernel.h"
#include "kernels/sgemm/sgemm_kernel.h"

namespace lowp {

// Packed B: [k][ld], ld a multiple of 8 columns of which those after n are 0. So a row starts on a boundary of 16 bytes, and 16
// bytes never reach past it.
inline constexpr uint32_t kSGemmColumnStep = 8;
// A split begins at a multiple of the depth that any kernel takes at a time.
inline constexpr uint32_t kSGemmSplitStep = 64;

struct SGemmTask {
  const float* a;
  uint64_t lda, batch_stride_a;
  bool transpose_a;
  bool a_vectors;  // rows of A start on a boundary of 16 bytes
  const void* b;
  uint64_t ldb;
  uint32_t m, n, k, batch;
  uint32_t splits, split_depth;
  FloatStore store;
  uint64_t batch_stride_c, split_stride_c;
  // Set by SetTiles.
  uint32_t m_tiles, n_tiles;
  Divisor per_matrix, per_group, splits_by;
};

// Rows of tiles that go together: their blocks run at about the same time, and the columns of B that they share stay in L2.
inline constexpr uint32_t kSGemmGroupRows = 8;

inline bool SetTiles(SGemmTask* task, uint32_t tile_rows, uint32_t tile_cols, uint64_t* blocks) {
  const uint64_t m_tiles = (uint64_t{task->m} + tile_rows - 1) / tile_rows,
                 n_tiles = (uint64_t{task->n} + tile_cols - 1) / tile_cols;
  constexpr uint64_t kMost = INT32_MAX;
  if (m_tiles > kMost / n_tiles || n_tiles > kMost / kSGemmGroupRows) return false;
  if (uint64_t{task->batch} * task->splits > kMost / (m_tiles * n_tiles)) return false;
  *blocks = m_tiles * n_tiles * task->batch * task->splits;
  task->m_tiles = static_cast<uint32_t>(m_tiles);
  task->n_tiles = static_cast<uint32_t>(n_tiles);
  task->per_matrix = Divisor(static_cast<uint32_t>(m_tiles * n_tiles));
  task->per_group = Divisor(static_cast<uint32_t>(kSGemmGroupRows * n_tiles));
  task->splits_by = Divisor(task->splits);
  return true;
}

struct SGemmPlace {
  uint32_t batch, split, m_tile, n_tile;
};

// Blocks go down kSGemmGroupRows rows of tiles, then to the next column of tiles; splits of a tile are far apart, batches
// further.
LOWP_HD inline SGemmPlace SGemmPlaceOf(const SGemmTask& task, uint32_t block) {
  uint32_t matrix = block;
  const uint32_t tile = Divide(matrix, task.per_matrix);
  uint32_t batch = matrix;
  const uint32_t split = Divide(batch, task.splits_by);
  uint32_t group = tile;
  const uint32_t within = Divide(group, task.per_group), first = group * kSGemmGroupRows, left = task.m_tiles - first;
  const uint32_t rows = left < kSGemmGroupRows ? left : kSGemmGroupRows;
  return {batch, split, first + within % rows, within / rows};
}

}  // namespace lowp

#endif  // LOWP_CUDA_SGEMM_SGEMM_TASK_H_
