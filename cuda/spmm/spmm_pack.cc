// Packs on the host, whose arrays the matrix has, and copies the result: see spmm_layout.h.
#include <algorithm>
#include <cstring>
#include <string>
#include <vector>

#include "cuda/spmm/spmm_layout.h"
#include "cuda/spmm/spmm_pack.h"
#include "kernels/epilogue/epilogue.h"

namespace lowp {
namespace {

// Rows are cut where the longest one has this many times the quads of the average one, and takes longer than a share is worth.
constexpr size_t kUneven = 4;
// Shares of about so many quads, or as many as make kSharesWanted of them: half as many as an H200 holds warps at a time. More
// would be more sums of pieces to write and add.
constexpr size_t kMinShare = 32, kMaxShare = 4096, kSharesWanted = 4096;

// The rows of a matrix of blocks.
class Rows {
 public:
  explicit Rows(const SparseMatrix& matrix) : m_(matrix) {}
  size_t Entries(size_t row) const { return (Block(row / m_.block_rows + 1) - Block(row / m_.block_rows)) * m_.block_cols; }
  size_t Quads(size_t row) const { return DivUp(Entries(row), kQuad); }
  // visit(column, index of the value)
  template <class Visit>
  void Each(size_t row, Visit&& visit) const {
    const size_t in_block = row % m_.block_rows;
    for (size_t block = Block(row / m_.block_rows); block < Block(row / m_.block_rows + 1); ++block) {
      for (size_t c = 0; c < m_.block_cols; ++c)
        visit(static_cast<size_t>(m_.col_idx[block]) * m_.block_cols + c, (block * m_.block_rows + in_block) * m_.block_cols + c);
    }
  }

 private:
  size_t Block(size_t block_row) const { return static_cast<size_t>(m_.row_ptr[block_row]); }
  const SparseMatrix& m_;
};

// Whole rows up to a share's worth, longer ones in pieces of equal length.
void ShareOut(const SparseMatrix& m, size_t quads, std::vector<SparseShare>* shares, std::vector<SparseCut>* cuts) {
  const Rows rows(m);
  const size_t worth = std::clamp((quads + m.rows) / kSharesWanted, kMinShare, kMaxShare);
  uint32_t slots = 0;
  size_t first = 0, taken = 0, begin = 0;  // rows and quads of the share that is being filled, quads of the row
  const auto close = [&](size_t row) {
    if (row > first) shares->push_back({static_cast<uint32_t>(first), static_cast<uint32_t>(row), 0, 0, kNoSlot});
    first = row;
    taken = 0;
  };
  for (size_t row = 0; row < m.rows; ++row) {
    const size_t count = rows.Quads(row);
    if (count > worth) {
      close(row);
      const size_t pieces = DivUp(count, worth);
      cuts->push_back({static_cast<uint32_t>(row), slots, static_cast<uint32_t>(pieces)});
      for (size_t piece = 0; piece < pieces; ++piece) {
        const size_t from = begin + piece * count / pieces, to = begin + (piece + 1) * count / pieces;
        shares->push_back({static_cast<uint32_t>(row), static_cast<uint32_t>(row + 1), static_cast<uint32_t>(from),
                           static_cast<uint32_t>(to), slots++});
      }
      first = row + 1;
    } else {
      if (taken + count + 1 > worth) close(row);
      taken += count + 1;
    }
    begin += count;
  }
  close(m.rows);
}

struct Storage {
  std::vector<uint8_t> bytes;
  template <class T>
  T* At(uint64_t offset) {
    return reinterpret_cast<T*>(bytes.data() + offset);
  }
};

template <class T>
void FillRows(const SparseMatrix& m, const CudaSparseWeights& w, Storage* to) {
  const Rows rows(m);
  const T* values = static_cast<const T*>(m.values);
  uint32_t quads = 0;
  for (size_t row = 0; row < m.rows; ++row) {
    to->At<uint32_t>(w.starts_at)[row] = quads;
    to->At<uint32_t>(w.counts_at)[row] = static_cast<uint32_t>(rows.Entries(row));
    size_t at = size_t{quads} * kQuad;
    int32_t column = 0;
    rows.Each(row, [&](size_t col, size_t value) {
      column = static_cast<int32_t>(col);
      to->At<int32_t>(w.cols_at)[at] = column;
      to->At<T>(w.values_at)[at++] = values[value];
    });
    quads += static_cast<uint32_t>(rows.Quads(row));
    for (; at < size_t{quads} * kQuad; ++at) to->At<int32_t>(w.cols_at)[at] = column;
  }
  to->At<uint32_t>(w.starts_at)[m.rows] = quads;
}

void FillTiles(const SparseMatrix& m, const CudaSparseWeights& w, Storage* to) {
  const size_t row_tiles = DivUp(m.rows, kTileRows), col_tiles = DivUp(m.cols, kTileCols), stored = m.cols / 2;
  const int8_t* values = static_cast<const int8_t*>(m.values);
  // The entry that stored column `place` of a tile stands for; `stored` where there is none.
  const auto entry_of = [&](size_t col_tile, int place) {
    const size_t col = col_tile * kTileCols + TileColumn(static_cast<uint32_t>(place) / 2 * 4);
    return col < m.cols ? col / 2 + static_cast<size_t>(place) % 2 : stored;
  };
  for (size_t row_tile = 0; row_tile < row_tiles; ++row_tile) {
    for (size_t col_tile = 0; col_tile < col_tiles; ++col_tile) {
      const size_t tile = row_tile * col_tiles + col_tile;
      for (int lane = 0; lane < 32; ++lane) {
        int8_t* lane_values = to->At<int8_t>(w.tile_values_at + tile * kTileValueBytes) + lane * 16;
        for (int i = 0; i < 16; ++i) {
          const Cell cell = MmaCellA8(lane, i / 4, i % 4);
          const size_t row = row_tile * kTileRows + static_cast<size_t>(cell.row), entry = entry_of(col_tile, cell.column);
          lane_values[i] = row < m.rows && entry < stored ? values[row * stored + entry] : int8_t{0};
        }
        const Cell cell = MmaCellMetadata(lane);
        const size_t row = row_tile * kTileRows + static_cast<size_t>(cell.row);
        uint32_t metadata = 0;
        for (int j = 0; j < 16; ++j) {
          const size_t entry = entry_of(col_tile, cell.column + j);
          const bool exists = row < m.rows && entry < stored;
          const uint32_t place =
              exists ? static_cast<uint32_t>(m.col_idx[row * stored + entry]) % 4 : static_cast<uint32_t>(j) % 2;
          metadata |= place << 2 * j;
        }
        to->At<uint32_t>(w.tile_metadata_at + tile * kTileMetadataBytes)[lane] = metadata;
      }
    }
  }
}

Status CheckSizes(const SparseMatrix& m, size_t quads) {
  const bool blocks = m.block_rows > 0 && m.block_cols > 0 && m.rows % m.block_rows == 0 && m.cols % m.block_cols == 0;
  constexpr size_t kMaxSize = size_t{1} << 31;
  if (!blocks || m.rows >= kMaxSize || m.cols >= kMaxSize) {
    return {Code::kShape, "Expected sizes below 2^31 that are multiples of a block but received " + std::to_string(m.rows) + "x" +
                              std::to_string(m.cols)};
  }
  if (quads < kMaxSize) return {};
  return {Code::kUnsupported, "Expected at most 2^33 entries on the device but received about " + std::to_string(quads * kQuad)};
}

Status CheckScales(const SparseMatrix& m, const float* scales, bool per_row) {
  for (size_t row = 0; scales != nullptr && row < (per_row ? m.rows : 1); ++row) {
    if (!IsValidScale(scales[row])) {
      return {Code::kValue, "Expected finite scales above 0 for the sparse matrix but received " + std::to_string(scales[row]) +
                                " at position " + std::to_string(row)};
    }
  }
  return {};
}

void FillConstants(const SparseMatrix& m, const float* scales, bool per_row, const CudaSparseWeights& w, Storage* to) {
  const Rows rows(m);
  const int8_t* values = static_cast<const int8_t*>(m.values);
  for (size_t row = 0; row < m.rows; ++row) {
    uint32_t sum = 0;
    rows.Each(row, [&](size_t, size_t value) { sum += static_cast<uint32_t>(int32_t{values[value]}); });
    to->At<float>(w.scales_at)[row] = scales[per_row ? row : 0];
    to->At<int32_t>(w.sums_at)[row] = static_cast<int32_t>(sum);
  }
}

}  // namespace

Status PackSparseWeights(CudaContext& context, const SparseMatrix& m, const float* scales, bool per_row,
                         CudaSparseWeights* weights) {
  if (Status status = CheckSizes(m, 0); !status.ok()) return status;
  if (Status status = CheckSparse(m); !status.ok()) return status;
  if (Status status = CheckScales(m, scales, per_row); !status.ok()) return status;
  CudaSparseWeights w{};
  w.rows = m.rows;
  w.cols = m.cols;
  w.nnz = m.blocks * m.block_rows * m.block_cols;
  w.is_int8 = scales != nullptr;
  const Rows rows(m);
  size_t longest_quads = 0;
  for (size_t row = 0; row < m.rows; ++row) {
    w.longest_row = std::max<uint64_t>(w.longest_row, rows.Entries(row));
    w.quads += rows.Quads(row);
    longest_quads = std::max(longest_quads, rows.Quads(row));
  }
  if (Status status = CheckSizes(m, w.quads); !status.ok()) return status;
  w.two_of_four = w.is_int8 && context.device().capability >= 80 && IsTwoOfFour(m);
  w.merged = !w.two_of_four && longest_quads > kMinShare && longest_quads * m.rows > kUneven * w.quads;
  w.kernel = w.two_of_four ? "qspmm__cuda_mma_sp" : w.is_int8 ? "qspmm__cuda" : "spmm__cuda";

  std::vector<SparseShare> shares;
  std::vector<SparseCut> cuts;
  if (w.merged) ShareOut(m, w.quads, &shares, &cuts);
  w.shares = shares.size();
  w.cuts = cuts.size();
  w.slots = cuts.empty() ? 0 : uint64_t{cuts.back().slot} + cuts.back().slots;

  BufferLayout layout;
  if (w.two_of_four) {
    const size_t tiles = DivUp(m.rows, kTileRows) * DivUp(m.cols, kTileCols);
    w.tile_values_at = layout.Add(tiles * kTileValueBytes);
    w.tile_metadata_at = layout.Add(tiles * kTileMetadataBytes);
  } else {
    w.starts_at = layout.Add((m.rows + 1) * sizeof(uint32_t));
    w.counts_at = layout.Add(m.rows * sizeof(uint32_t));
    w.cols_at = layout.Add(w.quads * kQuad * sizeof(int32_t));
    w.values_at = layout.Add(w.quads * kQuad * (w.is_int8 ? 1 : sizeof(float)));
    w.shares_at = layout.Add(shares.size() * sizeof(SparseShare));
    w.cuts_at = layout.Add(cuts.size() * sizeof(SparseCut));
  }
  if (w.is_int8) {
    w.scales_at = layout.Add(m.rows * sizeof(float));
    w.sums_at = layout.Add(m.rows * sizeof(int32_t));
  }
  w.bytes = layout.size();
  Storage storage;
  storage.bytes.resize(w.bytes);
  if (w.two_of_four) {
    FillTiles(m, w, &storage);
  } else if (w.is_int8) {
    FillRows<int8_t>(m, w, &storage);
  } else {
    FillRows<float>(m, w, &storage);
  }
  if (w.is_int8) FillConstants(m, scales, per_row, w, &storage);
  if (!shares.empty()) std::memcpy(storage.bytes.data() + w.shares_at, shares.data(), shares.size() * sizeof(SparseShare));
  if (!cuts.empty()) std::memcpy(storage.bytes.data() + w.cuts_at, cuts.data(), cuts.size() * sizeof(SparseCut));
  if (w.bytes != 0) {
    if (Status status = context.Allocate(w.bytes, &w.storage); !status.ok()) return status;
    if (Status status = context.Upload(w.storage, storage.bytes.data(), w.bytes); !status.ok()) {
      context.Free(w.storage);
      return status;
    }
  }
  *weights = w;
  return {};
}

}  // namespace lowp
