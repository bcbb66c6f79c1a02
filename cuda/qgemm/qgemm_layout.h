// Where things lie in the int8 product on the device: plain integer functions, shared by kernels, launchers and tests.
//
// Packed weights, one layout for all kernels: tiles of 128 columns and 128 depths, 16 KB each, padded with zeros,
//
//   tile 0: columns 0..127,   depths 0..127     tile 1: columns 0..127, depths 128..255    ...   [ceil(n / 128)][ceil(k / 128)]
//     column 0: 8 chunks of 16 depths, chunk c at place c ^ (column % 8)
//     column 1: ...
//
// which is what wgmma reads from shared memory (WgmmaOffset128), so that one bulk copy brings a tile and nothing has to be
// moved; and mma.sync's ldmatrix reads it without bank conflicts. Behind the tiles, padded to whole tiles of columns:
// scale (float32), zero and corr (int32), as in QGemmPackedB. u8 weights are shifted to s8 by -128, and their zero points too.
#ifndef LOWP_CUDA_QGEMM_QGEMM_LAYOUT_H_
#define LOWP_CUDA_QGEMM_QGEMM_LAYOUT_H_

#include <stdint.h>

#include "cuda/device/fragments.h"

namespace lowp {

inline constexpr uint32_t kQGemmTile = 128;  // columns of a packed tile, and depths
inline constexpr uint32_t kQGemmTileBytes = kQGemmTile * kQGemmTile;
inline constexpr uint32_t kQGemmChunk = 16;  // depths

template <class T>
LOWP_HD constexpr T CeilDiv(T x, T y) {
  return (x + y - 1) / y;
}
template <class T>
LOWP_HD constexpr T CeilTo(T x, T y) {
  return CeilDiv(x, y) * y;
}

struct QGemmLayout {
  uint64_t k_tiles, n_tiles, n_padded;
  uint64_t scale_at, zero_at, corr_at, bytes;

  LOWP_HD constexpr QGemmLayout(uint64_t k, uint64_t n)
      : k_tiles(CeilDiv<uint64_t>(k, kQGemmTile)),
        n_tiles(CeilDiv<uint64_t>(n, kQGemmTile)),
        n_padded(n_tiles * kQGemmTile),
        scale_at(n_tiles * k_tiles * kQGemmTileBytes),
        zero_at(scale_at + n_padded * 4),
        corr_at(zero_at + n_padded * 4),
        bytes(corr_at + n_padded * 4) {}
};

// Byte of weight (k, n).
LOWP_HD constexpr uint64_t QGemmWeightAt(uint64_t k_tiles, uint64_t k, uint64_t n) {
  return (n / kQGemmTile * k_tiles + k / kQGemmTile) * kQGemmTileBytes +
         WgmmaOffset128(static_cast<uint32_t>(n % kQGemmTile), static_cast<uint32_t>(k % kQGemmTile));
}

// Shared memory of a tile whose rows are 64 bytes long: where chunk 0..3 of a row lies. Eight neighbouring rows' chunks lie in
// different banks, and so does what eight neighbouring lanes write.
LOWP_HD constexpr uint32_t QGemmStageOffset64(uint32_t row, uint32_t chunk) { return row * 64 + ((chunk ^ (row / 2 % 4)) * 16); }

// Which tile of C the index-th block has: bands of 8 tile rows, column after column, so that the blocks that run at one time
// share rows of A and columns of B in the L2 cache.
struct QGemmTileIndex {
  uint32_t m, n;
};
LOWP_HD constexpr QGemmTileIndex QGemmTileAt(uint32_t index, uint32_t tiles_m, uint32_t tiles_n) {
  constexpr uint32_t kBand = 8;
  const uint32_t band = index / (kBand * tiles_n), first = band * kBand, rest = index - first * tiles_n;
  const uint32_t height = tiles_m - first < kBand ? tiles_m - first : kBand;
  return {first + rest % height, rest / height};
}

// Words between rows of sums that wait in shared memory: 8 more than a multiple of 32, so that the pairs which 16 lanes of a
// fragment write together (4 rows of 8 columns) lie in different banks.
LOWP_HD constexpr uint32_t QGemmSumsPitch(uint32_t columns) { return columns + 8; }

}  // namespace lowp

#endif  // LOWP_CUDA_QGEMM_QGEMM_LAYOUT_H_
