// How a sparse matrix lies on the device, and how its rows are shared out. Written by spmm_pack.cc, on the host.
//
// Rows: each begins with a quad, four entries side by side, so that a thread takes up four columns with one load of 16 bytes and
// four values with one of 16 (float32) or 4 (int8); what a row's last quad has too many has the column of the first and value 0.
// Of float32 those are never multiplied, because the dense operand may be NaN there.
//
//   starts  [rows + 1]   quads before the row             uint32
//   counts  [rows]       entries of the row               uint32
//   cols    [quads][4]                                    int32
//   values  [quads][4]                                    float32 or int8
//
// Blocks of a block-sparse matrix are written out as the entries of their rows, which find each other's rows of the dense operand
// in L1.
//
// Shares, of matrices whose rows are very uneven: runs of whole rows, or pieces of one, of about equally many quads and rows.
// What pieces have summed goes to slots of scratch memory and is added up by a second kernel, always in the same order.
//
// Two of four, int8 matrices with two entries in every four columns for devices that multiply by them directly: tiles of 16 rows
// and 64 columns as mma.sp takes them, row tiles outermost. Rows and columns that fill up the last tiles are 0. The columns of a
// tile stand in another order, four by four, so that what a lane needs of the dense operand is 16 bytes together: see TileColumn.
// These matrices have no rows and no shares as above.
//
//   tile_values    [row tiles][column tiles][lane][16]    int8, registers a[0] .. a[3]
//   tile_metadata  [row tiles][column tiles][lane]        uint32
#ifndef LOWP_CUDA_SPMM_SPMM_LAYOUT_H_
#define LOWP_CUDA_SPMM_SPMM_LAYOUT_H_

#include <cstdint>

#include "cuda/device/fragments.h"

namespace lowp {

inline constexpr uint32_t kQuad = 4;

struct SparseShare {
  uint32_t row, row_end;
  uint32_t quad, quad_end;  // of a piece
  uint32_t slot;            // of a piece
};
inline constexpr uint32_t kNoSlot = ~UINT32_C(0);

struct SparseCut {
  uint32_t row, slot, slots;
};

inline constexpr uint32_t kTileRows = 16, kTileCols = 64;
inline constexpr uint32_t kTileValueBytes = 512, kTileMetadataBytes = 128;

// The column of the matrix, within its tile, that column k of the instruction stands for. Register i of lane quad q of B holds
// columns 16 i + 4 q .. +3 of the instruction, which become bytes 4 i .. +3 of the 16 that begin at 16 q.
LOWP_HD constexpr uint32_t TileColumn(uint32_t k) { return k / 4 % 4 * 16 + k / 16 * 4 + k % 4; }

}  // namespace lowp

#endif  // LOWP_CUDA_SPMM_SPMM_LAYOUT_H_
