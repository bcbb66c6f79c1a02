// How a matrix product is cut into independent pieces.
#ifndef LOWP_CORE_PARTITION_H_
#define LOWP_CORE_PARTITION_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "core/aligned_buffer.h"
#include "core/cpu.h"

namespace lowp {

// A piece of C: rows of one block of A times whole micropanels of columns.
struct Piece {
  size_t m_begin, m_end, n_begin, n_end;
};

// Blocks of A, each with all columns; for several threads with some of the columns. Pieces of a block follow each other, so that
// a thread packs it once for those of them that are its own (see thread_pool.h), and blocks stay as tall as for one thread,
// because B is read from memory once for each. Cut by rows first, 128x4096x4096 was 6 blocks of 24 rows, each of which read
// 64 MB of float32 weights: two threads took 1/1.40 of the time of one. K is never cut: results do not depend on the number of
// threads.
class Partition {
 public:
  // Blocks hold mc rows (a multiple of mr).
  Partition(size_t m, size_t n, size_t mr, size_t nr, size_t mc, size_t threads) : m_(m), n_(n), m_step_(mc), n_step_(n) {
    if (threads > 1) {
      const size_t wanted = threads * kPiecesPerThread, n_tiles = DivUp(n, nr);
      n_pieces_ = std::clamp<size_t>(DivUp(wanted, DivUp(m, mc)), 1, std::max<size_t>(n_tiles, 1));
      const size_t m_tiles = DivUp(DivUp(m, mr), DivUp(wanted, n_pieces_));
      m_step_ = std::min(mc, std::max(m_tiles, kMinRowTiles) * mr);
      n_step_ = DivUp(n_tiles, n_pieces_) * nr;
      n_pieces_ = DivUp(n, n_step_);
    }
    m_pieces_ = DivUp(m, m_step_);
  }

  size_t pieces() const { return m_pieces_ * n_pieces_; }

  Piece operator[](size_t i) const {
    const size_t m_begin = i / n_pieces_ * m_step_, n_begin = i % n_pieces_ * n_step_;
    return {m_begin, std::min(m_, m_begin + m_step_), n_begin, std::min(n_, n_begin + n_step_)};
  }

 private:
  // A thread that wakes late, or whose core the system takes away, leaves the others at most a piece to wait for: 3 % of a share.
  // With 9 pieces in all (1024x1024x1024) one of two threads had 5.
  static constexpr size_t kPiecesPerThread = 16;
  // Fewer rows than this and reading B costs more than the second thread gives.
  static constexpr size_t kMinRowTiles = 4;
  size_t m_, n_, m_step_, n_step_, m_pieces_ = 1, n_pieces_ = 1;
};

// Rows of a block of at most about mc (a multiple of mr), such that all blocks of m rows are of one height: a short last block
// would read all of B for little work.
inline size_t EvenBlock(size_t m, size_t mc, size_t mr) {
  const size_t blocks = std::max<size_t>((m + mc / 2) / mc, 1);
  return RoundUp(std::max<size_t>(DivUp(m, blocks), 1), mr);
}

// MC, the rows of a block of A that takes row_bytes a row for all of K or a slab of it: a quarter of L2, evenly shared out.
inline size_t BlockRows(size_t m, size_t mr, size_t row_bytes) {
  constexpr size_t kMaxRows = 384;
  const size_t min_rows = 4 * mr;
  if (m <= min_rows) return RoundUp(m, mr);
  const size_t l2 = Cpu().l2 != 0 ? Cpu().l2 : size_t{256} << 10;
  return EvenBlock(m, RoundUp(std::clamp<size_t>(l2 / 4 / row_bytes, min_rows, kMaxRows), mr), mr);
}

// Rows of the next tile where rows_left remain: 8 rows are 4 + 4, not 6 + 2, because few rows leave the multipliers waiting for
// each other's sums.
inline size_t TileRows(size_t rows_left, size_t mr) { return DivUp(rows_left, DivUp(rows_left, mr)); }

// Rows of sums that are stored by one call: 3 KB of 16 columns. A call for each tile of 6 rows took as long to read its arguments
// as for a row of it: a 1x1 convolution of 16 channels to 96 @112 takes 0.91x as long so (int8, AVX2).
inline constexpr size_t kStoreRows = 48;

// With so few tiles of rows a product is as fast as B comes from memory, so B is read in the order in which it lies there.
inline bool IsSkinny(size_t rows, size_t mr) { return rows <= 4 * mr; }

// NC, the columns whose 32-bit sums of MC rows wait between the k_blocks.
inline size_t BlockColumns(size_t mc, size_t mr, size_t nr, size_t k_blocks) {
  // With the slab of A, half of a 512 KB L2.
  constexpr size_t kWaitingBytes = size_t{128} << 10;
  if (k_blocks <= 1 || IsSkinny(mc, mr)) return nr;
  return nr * std::max<size_t>(kWaitingBytes / (mc * sizeof(int32_t)) / nr, 1);
}

// Below this many multiply-adds waking a second thread costs more than it saves (some 20 us of one core).
inline constexpr size_t kParallelWork = size_t{1} << 20;

}  // namespace lowp

#endif  // LOWP_CORE_PARTITION_H_
