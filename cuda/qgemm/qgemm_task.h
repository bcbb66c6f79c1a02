// What the kernels of the int8 product are given. Plain data.
#ifndef LOWP_CUDA_QGEMM_QGEMM_TASK_H_
#define LOWP_CUDA_QGEMM_QGEMM_TASK_H_

#include <stddef.h>
#include <stdint.h>

#include "cuda/device/matrix_rows.h"
#include "kernels/epilogue/epilogue_kernel.h"

namespace lowp {

// IntStore with the constants of the columns as they are in the packed weights; its own column arrays but `bias` mean nothing.
struct QGemmStore {
  IntStore e;       // row_sum, a_zero and a_scale: those of rows, or null
  MatrixRows rows;  // of C
  const float* b_scale;
  const int32_t *b_zero, *b_corr;
  const int32_t* bias;  // or null
  // Of all rows, where e.a_scale is null: at a_scale_at and a_zero_at if that is not.
  float a_scale;
  int32_t a_zero;
  const float* a_scale_at;
  const int32_t* a_zero_at;
  bool plain;  // see IsPlain
};

// 4-byte results without terms of rows, residual and activation but a clamp, rows of which lie evenly and on boundaries of 16
// bytes: what most products are.
inline bool IsPlain(const QGemmStore& s) {
  const bool wide = s.e.mode == IntStoreMode::kInt32 || s.e.mode == IntStoreMode::kFloat32;
  const bool of_rows = s.e.row_sum != nullptr || s.e.a_zero != nullptr || s.e.a_scale != nullptr;
  const bool even = s.rows.even && s.rows.ld % 4 == 0 && reinterpret_cast<uintptr_t>(s.e.c) % 16 == 0;
  return wide && !of_rows && even && s.e.residual.kind == ResidualKind::kNone && s.e.activation.kind == ActivationKind::kClamp;
}

// A on a boundary of 16 bytes and so its rows, of which all chunks up to chunk ceil(k / 16) may be read: beyond k they meet zeros
// of the weights.
struct QGemmTask {
  const uint8_t* a;
  MatrixRows a_rows;
  const uint8_t* tiles;  // see qgemm_layout.h
  uint32_t rows, n;
  uint32_t k_chunks, k_tiles;
  uint32_t tiles_m, tiles_n;        // of C, the kernel's
  uint32_t splits, steps_of_split;  // K over several blocks, `steps_of_split` of the kernel's steps each, ...
  size_t split_stride;              // ... whose sums go this many elements apart
  QGemmStore store;
};

}  // namespace lowp

#endif  // LOWP_CUDA_QGEMM_QGEMM_TASK_H_
