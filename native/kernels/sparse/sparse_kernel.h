// Plain data of packed sparse matrices, for files compiled with ISA flags.
//
// A sparse matrix is cut into bands of rows and blocks of columns. Of each block its rows stand sorted by how many entries they
// have, so that the loop over a row's entries runs equally often many times in succession and its end is predicted (512x512, 80 %
// zeros, 64 columns at a time: 58 -> 62 % of peak). Entries follow each other in the order of the rows, without gaps:
//
//   rows    {row, count} {row, count} ...            row within the band
//   index   [count] [count] ...                      column within the block
//   values  [count][height] [count][height] ...      height rows share an entry's column (1, or 4 of a block-sparse matrix)
//
// Where columns are stored by fours, as blocks of 1x4 and 4x4 have them, an entry is a quad: four neighbouring columns, of which
// the index names the first, a multiple of four. One index serves four columns, and for int8 the dense operand's tile has the
// four bytes that a dot product wants side by side:
//
//   values  [count][height][kSparseWidth] ...        absent ones within a quad are 0
//
// The dense operand is copied into tiles [column of the block][kSparseNb]: with 128 float32 rows one is as large as a first level
// cache. There, not in memory or L2, is where the entries find it; that is what makes the difference to a plain loop (34 -> 55 %
// of peak at 90 % zeros).
#ifndef LOWP_KERNELS_SPARSE_SPARSE_KERNEL_H_
#define LOWP_KERNELS_SPARSE_SPARSE_KERNEL_H_

#include <stddef.h>
#include <stdint.h>

namespace lowp {

// Columns of a tile of the dense operand, and of the sums: eight vectors of AVX2, whose additions hide each other's latency. With
// 32 and blocks twice as deep 512x512x128 takes 71 us instead of 76 at 95 % zeros, but 232 instead of 218 at 80 %.
static constexpr size_t kSparseNb = 64;
// Rows that share the column of an entry, if any do.
static constexpr size_t kSparseHeight = 4;
// Columns of a quad.
static constexpr size_t kSparseWidth = 4;
// Percent of their columns that must be stored for quads to be used.
static constexpr uint32_t kWholeQuads = 100, kNoQuads = 101;

struct SparseRow {
  uint16_t row;    // of the band, in units of height
  uint16_t count;  // of entries
};

}  // namespace lowp

#endif  // LOWP_KERNELS_SPARSE_SPARSE_KERNEL_H_
