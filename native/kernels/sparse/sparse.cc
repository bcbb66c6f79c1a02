#include "kernels/sparse/sparse.h"

#include <algorithm>
#include <cstring>
#include <string>
#include <utility>

#include "core/cpu.h"

namespace lowp {
namespace {

// Sums of a band wait in L2 between its blocks: 128 KB. But a band should also have this many entries for each column, because it
// copies all of the dense operand into tiles; very sparse ones therefore are higher, up to what 16 bits count.
constexpr size_t kBandRows = 512, kMinColumnEntries = 4, kMaxBandRows = 65535;
// Bands are cut by entries too, so that threads find pieces of equal work however uneven the rows are; not below this many,
// because each band copies all of the dense operand into tiles.
constexpr size_t kBandsWanted = 8, kMinBandEntries = size_t{1} << 17;
// Entries of a row in a block, below which taking a row up and laying its sums down costs more than reading a tile from L2 does:
// at 98 % zeros 512x512 takes 49 us with 5, 52 with 12.
constexpr size_t kMinRowEntries = 5;
constexpr size_t kMaxDepth = size_t{1} << 15;  // indices and counts are 16 bits wide

// True for CSR whose rows have the same columns four by four, as those of a matrix have that was pruned in such blocks.
bool SharesColumns(const SparseMatrix& m) {
  if (m.block_rows != 1 || m.block_cols != 1 || m.rows % kSparseHeight != 0 || m.blocks == 0) return false;
  for (size_t row = 0; row < m.rows; ++row) {
    const int32_t *first = m.row_ptr + row / kSparseHeight * kSparseHeight, *own = m.row_ptr + row;
    if (own[1] - own[0] != first[1] - first[0]) return false;
    if (!std::equal(m.col_idx + own[0], m.col_idx + own[1], m.col_idx + first[0])) return false;
  }
  return true;
}

constexpr size_t kNone = static_cast<size_t>(-1);

// Seen as rows of entries that are `height` high and `width` columns wide.
class Entries {
 public:
  Entries(const SparseMatrix& matrix, const SparseTraits& traits)
      : m_(matrix),
        shared_(SharesColumns(matrix)),
        height_(shared_ || matrix.block_rows % kSparseHeight == 0 ? kSparseHeight : 1),
        width_(UsesQuads(traits.quad_fill[height_ == kSparseHeight]) ? kSparseWidth : 1) {}
  size_t height() const { return height_; }
  size_t width() const { return width_; }
  size_t rows() const { return m_.rows / height_; }
  // Stored columns of all rows of entries.
  size_t columns() const { return m_.blocks * m_.block_rows / height_ * m_.block_cols; }
  size_t begin(size_t row) const { return Position(BlockRow(row)); }
  size_t end(size_t row) const { return Position(BlockRow(row) + 1); }
  size_t block_cols() const { return m_.block_cols; }
  size_t column(size_t block) const { return static_cast<size_t>(m_.col_idx[block]) * m_.block_cols; }
  // In blocks begin .. end of a row.
  size_t Count(size_t begin, size_t end) const { return width_ == 1 ? (end - begin) * m_.block_cols : CountQuads(begin, end); }
  // Value [r] of the entry in column c of the block.
  template <class T>
  T value(size_t row, size_t block, size_t c, size_t r) const {
    const T* values = static_cast<const T*>(m_.values);
    if (shared_) return values[Position(row * height_ + r) + block - Position(row * height_)];
    const size_t in_block = row * height_ % m_.block_rows + r;
    return values[(block * m_.block_rows + in_block) * m_.block_cols + c];
  }

 private:
  size_t Position(size_t block_row) const { return static_cast<size_t>(m_.row_ptr[block_row]); }
  size_t BlockRow(size_t row) const { return row * height_ / m_.block_rows; }

  size_t CountQuads(size_t begin, size_t end) const {
    if (m_.block_cols % kSparseWidth == 0) return (end - begin) * (m_.block_cols / kSparseWidth);
    size_t count = 0, last = kNone;
    for (size_t block = begin; block < end; ++block) {
      for (size_t c = 0; c < m_.block_cols; ++c) {
        const size_t quad = (column(block) + c) / kSparseWidth;
        count += quad != last;
        last = quad;
      }
    }
    return count;
  }

  bool UsesQuads(size_t fill) const {
    if (m_.cols % kSparseWidth != 0 || m_.blocks == 0) return false;
    if (m_.block_cols % kSparseWidth != 0 && kSparseWidth % m_.block_cols != 0) return false;
    const size_t most = columns() * 100 / (kSparseWidth * fill);
    size_t quads = 0;
    for (size_t row = 0; row < rows() && quads <= most; ++row) quads += CountQuads(begin(row), end(row));
    return quads <= most;
  }

  const SparseMatrix& m_;
  bool shared_;
  size_t height_, width_;
};

size_t SizeOf(SparseValues values) {
  return values == SparseValues::kFloat32 ? sizeof(float) : values == SparseValues::kInt16 ? sizeof(int16_t) : 1;
}

size_t ChooseDepth(const Entries& entries, const SparseMatrix& matrix, const SparseTraits& traits) {
  const size_t l1 = Cpu().l1d != 0 ? Cpu().l1d : size_t{32} << 10;
  const size_t count = entries.columns();
  const size_t wanted = count == 0 ? kMaxDepth : DivUp(kMinRowEntries * matrix.cols * entries.rows(), count);
  const size_t depth =
      std::clamp<size_t>(std::max(l1 / traits.tile_row_bytes, wanted), 1, std::clamp<size_t>(matrix.cols, 1, kMaxDepth));
  const size_t unit = std::max(matrix.block_cols, entries.width());  // neither blocks nor quads are cut
  return std::max(depth / unit, size_t{1}) * unit;
}

// Bands by rows and entries; their blocks are still missing.
std::vector<SparseBand> CutBands(const Entries& entries, size_t cols) {
  std::vector<SparseBand> bands;
  const size_t height = entries.height(), rows = entries.rows();
  const size_t count_all = entries.columns();
  const double for_columns = static_cast<double>(kMinColumnEntries) * static_cast<double>(rows) * static_cast<double>(cols) /
                             static_cast<double>(std::max<size_t>(count_all, 1));
  const size_t high = std::max(kBandRows / height, static_cast<size_t>(std::min<double>(for_columns, kMaxBandRows)));
  const size_t max_rows = std::max<size_t>(DivUp(rows, std::max<size_t>(DivUp(rows, high), 1)), 1);
  const size_t max_entries = std::max(DivUp(count_all, kBandsWanted), kMinBandEntries);
  for (size_t begin = 0; begin < rows;) {
    size_t end = begin, count = 0;
    while (end < rows && end - begin < max_rows) {
      const size_t more = (entries.end(end) - entries.begin(end)) * entries.block_cols();
      if (end > begin && count + more > max_entries) break;
      count += more;
      ++end;
    }
    bands.push_back({begin * height, (end - begin) * height, 0, 0});
    begin = end;
  }
  return bands;
}

// Walks over all blocks of all bands; the visitor sees, for each, the rows in the order in which they are packed.
class Walk {
 public:
  Walk(const Entries& entries, size_t cols, size_t depth) : entries_(entries), cols_(cols), depth_(depth) {}

  // visit(k0, depth, order, cursors, ends, counts): row order[i] of the band has counts[order[i]] entries, in blocks
  // cursors[order[i]] .. ends[order[i]].
  template <class Visit>
  void Band(const SparseBand& band, Visit&& visit) {
    const size_t first = band.m0 / entries_.height(), rows = band.rows / entries_.height();
    cursors_.resize(rows);
    ends_.resize(rows);
    counts_.resize(rows);
    for (size_t row = 0; row < rows; ++row) cursors_[row] = entries_.begin(first + row);
    for (size_t k0 = 0, next = 0; next != kNone; k0 = next / depth_ * depth_) {
      const size_t depth = std::min(depth_, cols_ - k0);
      size_t total = 0, longest = 0;
      next = kNone;  // the first column beyond this block that has an entry
      for (size_t row = 0; row < rows; ++row) {
        size_t at = cursors_[row];
        const size_t end = entries_.end(first + row);
        while (at < end && entries_.column(at) < k0 + depth) ++at;
        if (at < end) next = std::min(next, entries_.column(at));
        ends_[row] = at;
        counts_[row] = entries_.Count(cursors_[row], at);
        total += counts_[row];
        longest = std::max(longest, counts_[row]);
      }
      if (total != 0 || k0 == 0) {
        Sort(rows, longest, k0 == 0);
        visit(k0, depth, order_, cursors_, ends_, counts_);
      }
      cursors_ = ends_;
    }
  }

 private:
  // By count, stable. Rows without entries only where `all` are wanted.
  void Sort(size_t rows, size_t longest, bool all) {
    starts_.assign(longest + 2, 0);
    for (size_t row = 0; row < rows; ++row) ++starts_[counts_[row] + 1];
    const size_t empty = starts_[1];
    for (size_t count = 1; count < starts_.size(); ++count) starts_[count] += starts_[count - 1];
    order_.resize(rows);
    for (size_t row = 0; row < rows; ++row) order_[starts_[counts_[row]]++] = row;
    if (!all) order_.erase(order_.begin(), order_.begin() + static_cast<std::ptrdiff_t>(empty));
  }

  const Entries& entries_;
  size_t cols_, depth_;
  std::vector<size_t> starts_, cursors_, ends_, counts_, order_;
};

template <class From, class T>
void CopyRow(const Entries& entries, size_t row, size_t begin, size_t end, size_t k0, size_t group, uint16_t* index, T* values) {
  const size_t height = entries.height();
  size_t i = 0;
  for (size_t block = begin; block < end; ++block) {
    for (size_t c = 0; c < entries.block_cols(); ++c, ++i) {
      index[i] = static_cast<uint16_t>(entries.column(block) + c - k0);
      for (size_t r = 0; r < height; ++r)
        values[(i / group * height + r) * group + i % group] = entries.value<From>(row, block, c, r);
    }
  }
}

template <class From, class T>
void CopyQuads(const Entries& entries, size_t row, size_t begin, size_t end, size_t k0, uint16_t* index, T* values) {
  const size_t height = entries.height();
  size_t last = kNone, count = 0;
  for (size_t block = begin; block < end; ++block) {
    for (size_t c = 0; c < entries.block_cols(); ++c) {
      const size_t col = entries.column(block) + c - k0, first = col / kSparseWidth * kSparseWidth;
      if (first != last) index[count++] = static_cast<uint16_t>(first);
      last = first;
      for (size_t r = 0; r < height; ++r)
        values[((count - 1) * height + r) * kSparseWidth + (col - first)] = entries.value<From>(row, block, c, r);
    }
  }
}

size_t PaddedCount(const Entries& entries, const SparseTraits& traits, size_t count) {
  return entries.width() == 1 ? RoundUp(count, traits.group) : count;
}

template <class From, class T>
void Fill(const Entries& entries, const SparseTraits& traits, SparseLayout* p) {
  SparseRow* row_list = p->storage.As<SparseRow>();
  uint16_t* index = p->storage.As<uint16_t>(static_cast<size_t>(reinterpret_cast<const uint8_t*>(p->index) - p->storage.data()));
  T* values = p->storage.As<T>(p->values_at);
  const size_t height = entries.height(), values_of = height * entries.width();
  size_t rows_at = 0, entries_at = 0;
  Walk walk(entries, p->cols, p->depth);
  for (SparseBand& band : p->bands) {
    band.blocks_begin = p->blocks.size();
    walk.Band(band, [&](size_t k0, size_t depth, const auto& order, const auto& cursors, const auto& ends, const auto& counts) {
      p->blocks.push_back({k0, depth, rows_at, order.size(), entries_at});
      for (size_t row : order) {
        const size_t padded = PaddedCount(entries, traits, counts[row]), m = band.m0 / height + row;
        row_list[rows_at++] = {static_cast<uint16_t>(row), static_cast<uint16_t>(padded)};
        if (entries.width() == 1) {
          CopyRow<From>(entries, m, cursors[row], ends[row], k0, traits.group, index + entries_at,
                        values + entries_at * values_of);
        } else {
          CopyQuads<From>(entries, m, cursors[row], ends[row], k0, index + entries_at, values + entries_at * values_of);
        }
        entries_at += padded;
      }
    });
    band.blocks_end = p->blocks.size();
  }
}

}  // namespace

Status PackSparse(const SparseMatrix& matrix, const SparseTraits& traits, SparseLayout* packed) {
  const Entries entries(matrix, traits);
  SparseLayout p;
  p.rows = matrix.rows;
  p.cols = matrix.cols;
  p.nnz = matrix.blocks * matrix.block_rows * matrix.block_cols;
  p.height = entries.height();
  p.width = entries.width();
  p.two_of_four = IsTwoOfFour(matrix);
  p.depth = ChooseDepth(entries, matrix, traits);
  p.bands = CutBands(entries, matrix.cols);
  for (const SparseBand& band : p.bands) p.band_rows = std::max(p.band_rows, band.rows);

  size_t rows = 0, count = 0;
  Walk walk(entries, p.cols, p.depth);
  for (const SparseBand& band : p.bands) {
    walk.Band(band, [&](size_t, size_t, const auto& order, const auto&, const auto&, const auto& counts) {
      rows += order.size();
      for (size_t row : order) count += PaddedCount(entries, traits, counts[row]);
    });
  }
  BufferLayout layout;
  const size_t rows_at = layout.Add(rows * sizeof(SparseRow));
  const size_t index_at = layout.Add(count * sizeof(uint16_t));
  p.values_at = layout.Add(count * p.height * p.width * SizeOf(traits.values));
  if (!p.storage.Reserve(std::max<size_t>(layout.size(), 1)))
    return {Code::kNoMemory,
            "Expected " + std::to_string(layout.size()) + " bytes for a packed sparse matrix but the system gave none"};
  std::memset(p.storage.data(), 0, layout.size());
  p.row_list = p.storage.As<SparseRow>(rows_at);
  p.index = p.storage.As<uint16_t>(index_at);
  p.values = p.storage.data() + p.values_at;
  switch (traits.values) {
    case SparseValues::kFloat32: Fill<float, float>(entries, traits, &p); break;
    case SparseValues::kInt8: Fill<int8_t, int8_t>(entries, traits, &p); break;
    case SparseValues::kInt16: Fill<int8_t, int16_t>(entries, traits, &p); break;
  }
  *packed = std::move(p);
  return {};
}

}  // namespace lowp
