// Packing and the scan: for each tile of queries, pieces of the corpus in parallel; for each block of panels in a piece, every
// query of the tile; rows whose score beats the query's k-th best so far go into its heap.
#include "kernels/search/search.h"

#include <algorithm>
#include <cstring>
#include <functional>
#include <numeric>
#include <string>

#include "core/scratch.h"
#include "core/thread_pool.h"

namespace lowp {
namespace {

// Queries that share one pass over the corpus: their codes (24 KiB at 768 dimensions) stay in the second-level cache beside a
// block.
constexpr size_t kTileQueries = 32;
// A block stays in the first-level cache for every query of the tile.
constexpr size_t kBlockBytes = 16 << 10;
// Pieces for each thread, to even out cores that the system takes away.
constexpr size_t kPiecesPerThread = 4;
// Fewer bytes than this times queries and waking a second thread costs more than it saves (some 20 us of one core).
constexpr size_t kParallelBytes = size_t{1} << 19;

bool IsSet(const std::atomic<bool>* stop) { return stop != nullptr && stop->load(std::memory_order_relaxed); }

// Score and row in one number: a larger one is a better hit, of equal scores the one with the lower row.
int64_t Hit(int32_t score, size_t row) {
  return int64_t{score} * (int64_t{1} << 32) + (int64_t{0xffffffff} - static_cast<int64_t>(row));
}
int32_t ScoreOf(int64_t hit) { return static_cast<int32_t>(hit >> 32); }
int32_t RowOf(int64_t hit) { return static_cast<int32_t>(0xffffffffu - static_cast<uint32_t>(hit)); }

// The best `capacity` hits of one query in one piece; the worst of them is at the front.
struct Best {
  int64_t* hits;
  size_t capacity, count;
  // Rows come in ascending order, so one with an equal score loses; before the heap is full any score wins.
  int32_t threshold;

  void Push(int64_t hit) {
    if (count == capacity) {
      std::pop_heap(hits, hits + count, std::greater<int64_t>());
      --count;
    }
    hits[count++] = hit;
    std::push_heap(hits, hits + count, std::greater<int64_t>());
    if (count == capacity) threshold = ScoreOf(hits[0]);
  }
};

// Plain enough for the compiler to vectorize: most panels have nothing to push, and that has to cost little.
bool AnyAbove(const int32_t* scores, int32_t threshold) {
  int32_t any = 0;
  for (size_t row = 0; row < kSearchPanelRows; ++row) any |= scores[row] > threshold ? -1 : 0;
  return any != 0;
}

void Filter(const int32_t* scores, size_t first_row, size_t rows, Best* best) {
  for (size_t i = 0; i < rows; i += kSearchPanelRows) {
    // The last panel is whole in memory; scores of the rows it lacks are looked at but never pushed.
    if (!AnyAbove(scores + i, best->threshold)) continue;
    const size_t end = std::min(rows, i + kSearchPanelRows);
    for (size_t row = i; row < end; ++row) {
      if (scores[row] > best->threshold) best->Push(Hit(scores[row], first_row + row));
    }
  }
}

// One tile of queries, padded to whole chunks.
struct Tile {
  size_t queries;
  const uint8_t* codes;
  size_t stride;
  const int32_t* start;
};

void ScanPiece(const SearchArgs& args, const Tile& tile, size_t panel_begin, size_t panel_end, Best* best) {
  const SearchCorpus& corpus = *args.corpus;
  const SearchKernel& kernel = *corpus.entry->kernel;
  const SearchUkernelFn* ukernels = corpus.binary ? kernel.hamming : kernel.dot;
  const size_t panel_bytes = corpus.chunks * kSearchLine;
  const size_t step = std::clamp<size_t>(kBlockBytes / panel_bytes, 1, kSearchBlockRows / kSearchPanelRows);
  alignas(kCacheLine) int32_t scores[kSearchMaxQueries * kSearchBlockRows];
  for (size_t panel = panel_begin; panel < panel_end; panel += step) {
    if (IsSet(args.stop)) return;
    const size_t panels = std::min(step, panel_end - panel), first_row = panel * kSearchPanelRows;
    const size_t rows = std::min(panels * kSearchPanelRows, corpus.n - first_row);
    const uint8_t* block = corpus.storage.data() + panel * panel_bytes;
    for (size_t q = 0; q < tile.queries; q += kernel.queries) {
      const size_t count = std::min<size_t>(kernel.queries, tile.queries - q);
      ukernels[count - 1](panels, corpus.chunks, block, tile.codes + q * tile.stride, tile.stride, tile.start + q, scores);
      for (size_t i = 0; i < count; ++i) Filter(scores + i * kSearchBlockRows, first_row, rows, best + q + i);
    }
  }
}

// to: whole chunks. Bits behind the last dimension are cleared, whatever the caller has there.
void CopyCodes(const uint8_t* from, size_t dimensions, bool binary, size_t padded, uint8_t* to) {
  const size_t bytes = SearchCodeBytes(dimensions, binary);
  std::memcpy(to, from, bytes);
  std::memset(to + bytes, 0, padded - bytes);
  if (binary && dimensions % 8 != 0) to[bytes - 1] &= static_cast<uint8_t>(0xff << (8 - dimensions % 8));
}

void Write(const SearchArgs& args, size_t query, int64_t* hits, size_t count) {
  std::partial_sort(hits, hits + args.k, hits + count, std::greater<int64_t>());
  for (size_t i = 0; i < args.k; ++i) {
    args.rows[query * args.k + i] = RowOf(hits[i]);
    args.scores[query * args.k + i] = args.corpus->binary ? -ScoreOf(hits[i]) : ScoreOf(hits[i]);
  }
}

Status CheckCorpus(size_t rows, size_t dimensions, bool binary) {
  const size_t limit = binary ? kSearchMaxBits : kSearchMaxDepth;
  if (rows == 0 || rows > kSearchMaxRows) {
    return {Code::kShape,
            "Expected from 1 to " + std::to_string(kSearchMaxRows) + " embeddings but received " + std::to_string(rows)};
  }
  if (dimensions == 0 || dimensions > limit) {
    return {Code::kShape, "Expected from 1 to " + std::to_string(limit) + " dimensions" +
                              (binary ? "" : " (a sum of products stays in int32)") + " but received " +
                              std::to_string(dimensions)};
  }
  return {};
}

Status CheckQueries(const SearchArgs& args) {
  const SearchCorpus& corpus = *args.corpus;
  if (args.k == 0 || args.k > corpus.n) {
    return {Code::kValue, "Expected from 1 to " + std::to_string(corpus.n) + " (rows of the corpus) for k but received " +
                              std::to_string(args.k)};
  }
  if (corpus.binary) return {};
  const size_t count = args.queries * corpus.k;
  const auto* codes = reinterpret_cast<const int8_t*>(args.codes);
  if (std::find(codes, codes + count, int8_t{-128}) != codes + count)
    return {Code::kValue, "Expected codes from -127 to 127 for the queries but received -128"};
  return {};
}

}  // namespace

Status PackSearchCorpus(const SearchPackArgs& args, const SearchEntry& entry, SearchCorpus* corpus) {
  if (Status status = CheckCorpus(args.rows, args.dimensions, args.binary); !status.ok()) return status;
  SearchCorpus c;
  c.entry = &entry;
  c.k = args.dimensions;
  c.n = args.rows;
  c.binary = args.binary;
  const size_t code_bytes = SearchCodeBytes(args.dimensions, args.binary);
  c.chunks = DivUp(code_bytes, kSearchChunkBytes);
  const size_t padded = c.chunks * kSearchChunkBytes, panels = DivUp(args.rows, kSearchPanelRows);
  const size_t bytes = panels * c.chunks * kSearchLine;
  AlignedBuffer row;
  if (!row.Reserve(padded) || !c.storage.Reserve(bytes)) {
    return {Code::kNoMemory, "Expected " + std::to_string(bytes) + " bytes for packed embeddings but the system gave none"};
  }
  const uint8_t flip = args.binary ? 0 : entry.kernel->flip;
  for (size_t n = 0; n < panels * kSearchPanelRows; ++n) {
    if (n < args.rows) {
      CopyCodes(args.codes + n * code_bytes, args.dimensions, args.binary, padded, row.data());
    } else {
      std::memset(row.data(), 0, padded);
    }
    for (size_t i = 0; i < padded; ++i) row.data()[i] ^= flip;
    uint8_t* to = c.storage.data() + n / kSearchPanelRows * c.chunks * kSearchLine + n % kSearchPanelRows * kSearchChunkBytes;
    for (size_t chunk = 0; chunk < c.chunks; ++chunk)
      std::memcpy(to + chunk * kSearchLine, row.data() + chunk * kSearchChunkBytes, kSearchChunkBytes);
  }
  *corpus = std::move(c);
  return {};
}

Status Search(const SearchArgs& args) {
  const SearchCorpus& corpus = *args.corpus;
  if (Status status = CheckQueries(args); !status.ok()) return status;
  if (args.queries == 0) return {};
  const size_t panels = DivUp(corpus.n, kSearchPanelRows), stride = corpus.chunks * kSearchChunkBytes;
  const size_t tile_queries = std::min(args.queries, kTileQueries);
  const bool small = corpus.storage.size() * tile_queries < kParallelBytes;
  const size_t wanted = small || args.threads == 1 ? 1 : args.threads * kPiecesPerThread;
  const size_t piece_panels = DivUp(panels, wanted), pieces = DivUp(panels, piece_panels);
  const size_t capacity = std::min(args.k, piece_panels * kSearchPanelRows);

  BufferLayout layout;
  const size_t codes_at = layout.Add(tile_queries * stride), start_at = layout.Add(tile_queries * sizeof(int32_t));
  const size_t hits_at = layout.Add(pieces * tile_queries * capacity * sizeof(int64_t));
  const size_t merged_at = layout.Add(pieces * capacity * sizeof(int64_t));
  const size_t best_at = layout.Add(pieces * tile_queries * sizeof(Best));
  uint8_t* scratch = Scratch(ScratchSlot::kCall, layout.size());
  if (scratch == nullptr) {
    return {Code::kNoMemory, "Expected " + std::to_string(layout.size()) + " bytes of scratch memory but the system gave none"};
  }
  auto* start = reinterpret_cast<int32_t*>(scratch + start_at);
  auto* hits = reinterpret_cast<int64_t*>(scratch + hits_at);
  auto* merged = reinterpret_cast<int64_t*>(scratch + merged_at);
  auto* best = reinterpret_cast<Best*>(scratch + best_at);

  const size_t code_bytes = SearchCodeBytes(corpus.k, corpus.binary);
  const int32_t bias = corpus.binary ? 0 : corpus.entry->kernel->flip;
  for (size_t first = 0; first < args.queries; first += tile_queries) {
    const Tile tile{std::min(tile_queries, args.queries - first), scratch + codes_at, stride, start};
    for (size_t q = 0; q < tile.queries; ++q) {
      uint8_t* to = scratch + codes_at + q * stride;
      CopyCodes(args.codes + (first + q) * code_bytes, corpus.k, corpus.binary, stride, to);
      // sum (a + bias) q = sum a q + bias * sum q
      int32_t sum = 0;
      if (bias != 0) sum = std::accumulate(reinterpret_cast<int8_t*>(to), reinterpret_cast<int8_t*>(to) + stride, int32_t{0});
      start[q] = -bias * sum;
    }
    for (size_t i = 0; i < pieces * tile.queries; ++i) best[i] = {hits + i * capacity, capacity, 0, INT32_MIN};
    ParallelFor(pieces, args.threads, [&](size_t piece) {
      const size_t begin = piece * piece_panels;
      ScanPiece(args, tile, begin, std::min(panels, begin + piece_panels), best + piece * tile.queries);
    });
    if (IsSet(args.stop)) return {Code::kAborted, "The call was cancelled"};
    for (size_t q = 0; q < tile.queries; ++q) {
      size_t count = 0;
      for (size_t piece = 0; piece < pieces; ++piece) {
        const Best& b = best[piece * tile.queries + q];
        std::copy(b.hits, b.hits + b.count, merged + count);
        count += b.count;
      }
      Write(args, first + q, merged, count);
    }
  }
  TrimScratch(ScratchSlot::kCall);
  TrimScratch(ScratchSlot::kTask);
  return {};
}

}  // namespace lowp
