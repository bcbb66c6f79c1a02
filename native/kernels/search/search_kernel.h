// Kernel ABI of the search. Plain data only.
//
// A corpus lies in panels of 16 rows, cut into chunks of 4 bytes (4 dimensions in int8, 32 in binary), so that a lane of a vector
// belongs to a row: sums need no reduction across lanes, one load of 4 query bytes serves every row, and the scores of a panel
// come out side by side. A panel's chunk is one cache line, and a scan reads memory from the first byte to the last.
//
//   panel p, chunk c:   | row 16p: 4 bytes | row 16p + 1: 4 bytes | ... | row 16p + 15: 4 bytes |      64 bytes
//   panel:              | chunk 0 | chunk 1 | ... |                                                    64 * chunks bytes
//
// Rows behind the last and dimensions behind the last are zero codes. A chunk of 4 costs a row at most 3 bytes of padding; rows
// kept whole would cost up to 31 on AVX2 (a binary row of 1024 dimensions is 128 bytes), and sums across lanes for each row.
//
// Exactness of int8 on AVX2: vpmaddubsw(|a|, sign(q, a)) adds two products of an unsigned and a signed byte in int16 and
// saturates there. a is a code of the corpus in [-128, 127], so |a| <= 128; q is a code of a query in [-127, 127] (Search()
// refuses -128), so sign(q, a) = q, 0 or -q is in [-127, 127] without wrapping. A pair of products is at most 2 * 128 * 127 =
// 32512 < 32767: nothing saturates. (With q = -128, -q would wrap, and 2 * 128 * 128 = 32768 would saturate.)
#ifndef LOWP_KERNELS_SEARCH_SEARCH_KERNEL_H_
#define LOWP_KERNELS_SEARCH_SEARCH_KERNEL_H_

#include <stddef.h>
#include <stdint.h>

namespace lowp {

static constexpr size_t kSearchPanelRows = 16;
static constexpr size_t kSearchChunkBytes = 4;
static constexpr size_t kSearchLine = kSearchPanelRows * kSearchChunkBytes;
// Rows of scores that one call of a microkernel may write for each query.
static constexpr size_t kSearchBlockRows = 256;
static constexpr size_t kSearchMaxQueries = 8;

// scores[q * kSearchBlockRows + row] = start[q] + sum over the dimensions (int8), or start[q] - distance (binary), so that more
// is better in both. corpus: `panels` panels of `chunks` chunks, on a cache line; at most kSearchBlockRows rows. queries: rows of
// `chunks` * 4 bytes, `query_stride` bytes apart.
using SearchUkernelFn = void (*)(size_t panels, size_t chunks, const uint8_t* corpus, const uint8_t* queries, size_t query_stride,
                                 const int32_t* start, int32_t* scores);

struct SearchKernel {
  const char* name;
  uint32_t queries;            // that one call of a microkernel takes at most
  uint8_t flip;                // packed int8 codes are xor-ed with it: 0x80 makes u8 = code + 128, which start takes back
  const SearchUkernelFn* dot;  // [queries - 1]
  const SearchUkernelFn* hamming;
};

}  // namespace lowp

#endif  // LOWP_KERNELS_SEARCH_SEARCH_KERNEL_H_
