// AVX-VNNI: vpdpbusd on 256-bit registers, code + 128 as u8 times query s8, no saturation (the ...ds form is not used): one
// operation where AVX2 takes four. It also adds up the bytes of a popcount, so that distances need no runs of 31 chunks.
#include "kernels/dot/dot_avxvnni.h"
#include "kernels/search/search_vector256.h"

namespace lowp {
namespace {

// Bytes of the corpus that a prefetch runs ahead: the hardware's stops at the end of each page.
constexpr size_t kAhead = 1536;

// kHamming: distances, subtracted. Else sums of products.
template <bool kHamming, int kCount>
void Scan(size_t panels, size_t chunks, const uint8_t* corpus, const uint8_t* queries, size_t query_stride, const int32_t* start,
          int32_t* scores) {
  const __m256i minus = _mm256_set1_epi8(-1);
  for (; panels > 0; --panels, scores += kSearchPanelRows) {
    __m256i c[kCount][2];
#pragma GCC unroll 4
    for (int q = 0; q < kCount; ++q) c[q][0] = c[q][1] = _mm256_set1_epi32(start[q]);
    const uint8_t* query = queries;
    for (size_t i = 0; i < chunks; ++i, corpus += kSearchLine, query += kSearchChunkBytes) {
      _mm_prefetch(reinterpret_cast<const char*>(corpus + kAhead), _MM_HINT_T0);
      const __m256i a0 = LoadLine(corpus, 0), a1 = LoadLine(corpus, 1);
#pragma GCC unroll 4
      for (int q = 0; q < kCount; ++q) {
        const __m256i b = BroadcastChunk(query + q * query_stride);
        DotAdd(c[q][0], kHamming ? BytePopCount(_mm256_xor_si256(a0, b)) : a0, kHamming ? minus : b);
        DotAdd(c[q][1], kHamming ? BytePopCount(_mm256_xor_si256(a1, b)) : a1, kHamming ? minus : b);
      }
    }
#pragma GCC unroll 4
    for (int q = 0; q < kCount; ++q) {
      StoreScores(scores + q * kSearchBlockRows, 0, c[q][0]);
      StoreScores(scores + q * kSearchBlockRows, 1, c[q][1]);
    }
  }
}

constexpr SearchUkernelFn kDot[kQueries] = {Scan<false, 1>, Scan<false, 2>, Scan<false, 3>, Scan<false, 4>};
constexpr SearchUkernelFn kHamming[kQueries] = {Scan<true, 1>, Scan<true, 2>, Scan<true, 3>, Scan<true, 4>};

}  // namespace

extern const SearchKernel kSearchAvxVnni;
const SearchKernel kSearchAvxVnni = {"search_s8b1_4x16c4__avxvnni", kQueries, 0x80, kDot, kHamming};

}  // namespace lowp
