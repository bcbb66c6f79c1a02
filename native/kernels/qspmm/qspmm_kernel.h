// Microkernel ABI of the int8 sparse product. Plain data only; the layout is that of kernels/sparse/sparse_kernel.h.
//
// The dense operand's bytes become unsigned (s8 plus 128) or where a form says so signed (u8 minus 128) while a tile is filled,
// either of which flips the top bit; its zero point moves with them, so results do not change. A kernel may order the columns of
// a tile as it likes, as long as its sums come out in order.
#ifndef LOWP_KERNELS_QSPMM_QSPMM_KERNEL_H_
#define LOWP_KERNELS_QSPMM_QSPMM_KERNEL_H_

#include "kernels/epilogue/epilogue_kernel.h"
#include "kernels/sparse/sparse_kernel.h"

namespace lowp {

// One block of a band. values: as QSpmmKernel::value_bytes says.
struct QSpmmBlock {
  const SparseRow* rows;
  size_t row_count;
  const uint16_t* index;
  const void* values;
};

// acc[row][kSparseNb] (+)= sum over the row's entries of value * tile[index][0..cols), mod 2^32
using QSpmmUkernelFn = void (*)(const QSpmmBlock& block, size_t cols, const void* tile, int32_t* acc, bool accumulate);

// acc[row] (+)= sum over the row's entries of value * x[index]
using QSpmvUkernelFn = void (*)(const QSpmmBlock& block, const uint8_t* x, int32_t* acc, bool accumulate);

// Fills a tile from [depth][cols] (rows) or from [cols][depth] (columns), where `ld` is the distance between rows. Bytes are
// combined with `flip` (0 or 0x80) by xor. Columns from `cols` to the end of the last vector may hold anything.
using QSpmmFillFn = void (*)(size_t depth, size_t cols, const uint8_t* from, size_t ld, uint8_t flip, void* tile);

// to[col][row] = from[row][col]
using QSpmmTransposeFn = void (*)(size_t rows, size_t cols, const int32_t* from, size_t ld_from, int32_t* to, size_t ld_to);

// For entries of one width. [0] of height 1, [1] of kSparseHeight. The depth of a tile of quads is a multiple of kSparseWidth.
struct QSpmmForm {
  const char* name;
  bool signed_dense;
  QSpmmUkernelFn ukernels[2];
  QSpmvUkernelFn spmv[2];
  QSpmmFillFn fill_rows, fill_columns;
};

struct QSpmmKernel {
  QSpmmForm singles, quads;
  uint32_t quad_fill[2];  // as SparseTraits has it
  // For singles of height 1 of which every four columns have two; blocks begin at a multiple of 32. Null: singles.spmv[0] does.
  QSpmvUkernelFn spmv_two_of_four;
  uint32_t value_bytes;     // 1: int8, 2: int16
  uint32_t group;           // single entries that are multiplied together
  uint32_t tile_row_bytes;  // kSparseNb elements
  QSpmmTransposeFn transpose;
  IntStoreFn store;  // of tiles [rows][kSparseNb]
};

}  // namespace lowp

#endif  // LOWP_KERNELS_QSPMM_QSPMM_KERNEL_H_
