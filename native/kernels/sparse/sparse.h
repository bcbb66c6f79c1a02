// Sparse matrices packed for the products: what spmm (float32) and qspmm (int8) have in common. See sparse_kernel.h for the
// layout.
//
// This family has no kernels of its own.
#ifndef LOWP_KERNELS_SPARSE_SPARSE_H_
#define LOWP_KERNELS_SPARSE_SPARSE_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "core/aligned_buffer.h"
#include "core/status.h"
#include "kernels/sparse/sparse_kernel.h"

namespace lowp {

// CSR of blocks (CSR proper: of 1x1). Values of a block are row-major and stand together.
struct SparseMatrix {
  size_t rows = 0, cols = 0;  // of values: multiples of the block's
  size_t block_rows = 1, block_cols = 1;
  const int32_t* row_ptr = nullptr;  // [rows / block_rows + 1]
  const int32_t* col_idx = nullptr;  // [blocks], strictly ascending in each row
  const void* values = nullptr;      // [blocks][block_rows][block_cols]
  size_t blocks = 0;                 // elements of col_idx
};

// row_ptr from 0 to `blocks` without a step down; col_idx in range and ascending.
Status CheckSparse(const SparseMatrix& matrix);
// CSR of which each row has two entries in every four columns, from column 0 on.
bool IsTwoOfFour(const SparseMatrix& matrix);

// How values are stored; int8 ones may be widened.
enum class SparseValues : uint8_t { kFloat32, kInt8, kInt16 };

// What a kernel wants.
struct SparseTraits {
  SparseValues values;
  size_t tile_row_bytes;  // of a tile of the dense operand
  size_t group;           // entries of a row come in multiples of it; missing ones have value 0 and column 0. Not of quads
  // For entries of height 1 and of kSparseHeight: percent of the quads' columns that must be stored for quads to be used.
  uint32_t quad_fill[2];
};

// Columns k0 .. k0 + depth of a band.
struct SparseBlock {
  size_t k0, depth;
  size_t rows_at, row_count;
  size_t entries_at;
};

// Rows m0 .. m0 + rows. In its first block every row is listed, so that every sum is set; later only those with entries.
struct SparseBand {
  size_t m0, rows;
  size_t blocks_begin, blocks_end;
};

// Immutable once packed.
struct SparseLayout {
  size_t rows = 0, cols = 0, nnz = 0;
  size_t height = 1, width = 1;
  bool two_of_four = false;  // each row has two entries in every four columns, from column 0 on
  size_t depth = 0;          // of the deepest block
  size_t band_rows = 0;      // of the highest band
  std::vector<SparseBand> bands;
  std::vector<SparseBlock> blocks;
  AlignedBuffer storage;
  const SparseRow* row_list = nullptr;
  const uint16_t* index = nullptr;
  const void* values = nullptr;
  size_t values_at = 0;  // byte offset in storage

  // As the kernels for two entries in every four columns want it.
  bool in_two_of_four() const { return two_of_four && height == 1 && width == 1 && depth % 32 == 0; }
};

// Within a group of G entries, values stand [height][G]. CSR whose rows have the same columns four by four is packed like blocks.
Status PackSparse(const SparseMatrix& matrix, const SparseTraits& traits, SparseLayout* packed);

}  // namespace lowp

#endif  // LOWP_KERNELS_SPARSE_SPARSE_H_
