// Exhaustive nearest neighbours over quantized embeddings:
//   int8    score(q, n) = sum over d of query[q][d] * corpus[n][d]     (exact in int32; more is better)
//   binary  score(q, n) = bits in which query[q] and corpus[n] differ  (Hamming distance; less is better)
//   Search  the k best rows of each query, best first, equal scores by ascending row
//
// Corpus codes are any int8; query codes are -127 to 127 (search_kernel.h says why); binary codes are bits, the first dimension
// in the highest bit of the first byte. Every score is exact, and the order of rows is total: the result does not depend on the
// ISA or the number of threads. One query is bound by the memory that holds the corpus, which is read once; several queries share
// each block of rows in the first-level cache. Limits: int8 dimensions up to kSearchMaxDepth (a sum stays in int32), binary ones
// up to kSearchMaxBits (a distance is exact as float32), 2^31 - 1 rows, 1 <= k <= rows. Refused: a query code of -128.
#ifndef LOWP_KERNELS_SEARCH_SEARCH_H_
#define LOWP_KERNELS_SEARCH_SEARCH_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "core/aligned_buffer.h"
#include "core/isa.h"
#include "core/status.h"
#include "kernels/search/search_kernel.h"

namespace lowp {

using SearchEntry = KernelEntry<SearchKernel>;
const SearchEntry& SelectSearch(IsaSet active);
std::vector<SearchEntry> SearchKernels();

inline constexpr size_t kSearchMaxDepth = 2147483647 / (128 * 127);
inline constexpr size_t kSearchMaxBits = size_t{1} << 24;
inline constexpr size_t kSearchMaxRows = 2147483647;

// Immutable once packed.
struct SearchCorpus {
  const SearchEntry* entry = nullptr;
  size_t k = 0, n = 0;  // dimensions and rows
  size_t chunks = 0;    // of a row, each of kSearchChunkBytes
  bool binary = false;
  AlignedBuffer storage;  // see search_kernel.h
};

// Bytes of a row of codes as callers hold it.
inline size_t SearchCodeBytes(size_t dimensions, bool binary) { return binary ? DivUp(dimensions, 8) : dimensions; }

struct SearchPackArgs {
  size_t rows, dimensions;
  const uint8_t* codes;  // rows of SearchCodeBytes(), contiguous
  bool binary;
};
Status PackSearchCorpus(const SearchPackArgs& args, const SearchEntry& entry, SearchCorpus* corpus);

struct SearchArgs {
  const SearchCorpus* corpus = nullptr;
  size_t queries = 0;
  const uint8_t* codes = nullptr;  // as in SearchPackArgs
  size_t k = 0;
  int32_t* rows = nullptr;    // [queries][k]
  int32_t* scores = nullptr;  // [queries][k]
  size_t threads = 1;
  const std::atomic<bool>* stop = nullptr;  // polled between blocks
};
Status Search(const SearchArgs& args);

// The k best of each query's candidates by the dot product of the original float32 vectors: products and their sum in float64, in
// the order of the dimensions, rounded once to float32. So every machine has the same bits. NaN is worse than any number; equal
// scores by ascending row.
struct RescoreArgs {
  size_t dimensions = 0, queries = 0, candidates = 0, k = 0;  // k <= candidates
  const float* query = nullptr;                               // [queries][dimensions]
  const float* x = nullptr;                                   // rows of the corpus, ld apart
  size_t ld = 0;
  const int32_t* candidate_rows = nullptr;  // [queries][candidates]
  int32_t* rows = nullptr;                  // [queries][k]
  float* scores = nullptr;                  // [queries][k]
  size_t threads = 1;
};
Status Rescore(const RescoreArgs& args);

// Quantization of the vectors themselves, x [rows][dimensions] with rows ld apart.
struct EmbeddingShape {
  size_t rows, dimensions, ld;
};
// Smallest and largest finite value of each dimension; 0 and 0 where it has none.
void EmbeddingRanges(const EmbeddingShape& shape, const float* x, float* min, float* max);
// code = saturate(round((x - centre) / step)) to -127 .. 127, ties to even, each step rounded to float32; NaN becomes 0. centre
// and step: one value, or one for each dimension.
void QuantizeEmbeddings(const EmbeddingShape& shape, const float* x, const float* centre, const float* step, bool per_dimension,
                        int8_t* codes);
// bit = x > 0.
void BinarizeEmbeddings(const EmbeddingShape& shape, const float* x, uint8_t* codes);

}  // namespace lowp

#endif  // LOWP_KERNELS_SEARCH_SEARCH_H_
