// AVX2 without VNNI, exact: vpmaddubsw of |code| and sign(query, code), which can't saturate here (search_kernel.h has the
// proof).
//
// 64 products take 2 vpsignb, 2 vpmaddubsw, 2 vpmaddwd and 2 vpaddd: as many operations as the widened route (4 vpmaddwd, 4
// vpaddd) at half the bytes of query codes and without sums across pairs of lanes. One query is bound by these operations while
// caches hold the corpus (50 GB/s of the 67 that Zen 3 reads from L3): loading a line once instead of folding two loads, and two
// or four chunks a turn, changed nothing. From memory it reaches the bandwidth.
#include "kernels/search/search_vector256.h"

namespace lowp {
namespace {

// Bytes of the corpus that a prefetch runs ahead: the hardware's stops at the end of each page. GB/s of one query from memory on
// Zen 3: 14.4 without, 14.9 at 512 bytes, 16.4 at 1536, 14.3 at 4096, of 18 that a plain read gets.
constexpr size_t kAhead = 1536;
// A byte holds the distances of 31 chunks: at most 8 each.
constexpr size_t kChunksPerByteSum = 31;

// In assembly, because gcc 12 otherwise copies each sum to another register and back (or to the stack): see qgemm_avx2.cc.
inline void Add(__m256i& c, __m256i sums) {
#if defined(__GNUC__)
  __asm__("vpaddd %1, %0, %0" : "+x"(c) : "x"(sums));
#else
  c = _mm256_add_epi32(c, sums);
#endif
}

template <int kCount>
void Dot(size_t panels, size_t chunks, const uint8_t* corpus, const uint8_t* queries, size_t query_stride, const int32_t* start,
         int32_t* scores) {
  const __m256i ones = _mm256_set1_epi16(1);
  for (; panels > 0; --panels, scores += kSearchPanelRows) {
    __m256i c[kCount][2];
#pragma GCC unroll 4
    for (int q = 0; q < kCount; ++q) c[q][0] = c[q][1] = _mm256_set1_epi32(start[q]);
    const uint8_t* query = queries;
    for (size_t i = 0; i < chunks; ++i, corpus += kSearchLine, query += kSearchChunkBytes) {
      _mm_prefetch(reinterpret_cast<const char*>(corpus + kAhead), _MM_HINT_T0);
      const __m256i a0 = LoadLine(corpus, 0), a1 = LoadLine(corpus, 1);
      const __m256i abs0 = _mm256_abs_epi8(a0), abs1 = _mm256_abs_epi8(a1);
#pragma GCC unroll 4
      for (int q = 0; q < kCount; ++q) {
        const __m256i b = BroadcastChunk(query + q * query_stride);
        Add(c[q][0], _mm256_madd_epi16(_mm256_maddubs_epi16(abs0, _mm256_sign_epi8(b, a0)), ones));
        Add(c[q][1], _mm256_madd_epi16(_mm256_maddubs_epi16(abs1, _mm256_sign_epi8(b, a1)), ones));
      }
    }
#pragma GCC unroll 4
    for (int q = 0; q < kCount; ++q) {
      StoreScores(scores + q * kSearchBlockRows, 0, c[q][0]);
      StoreScores(scores + q * kSearchBlockRows, 1, c[q][1]);
    }
  }
}

template <int kCount>
void Hamming(size_t panels, size_t chunks, const uint8_t* corpus, const uint8_t* queries, size_t query_stride,
             const int32_t* start, int32_t* scores) {
  const __m256i ones8 = _mm256_set1_epi8(1), minus16 = _mm256_set1_epi16(-1);
  for (; panels > 0; --panels, scores += kSearchPanelRows) {
    __m256i c[kCount][2];
#pragma GCC unroll 4
    for (int q = 0; q < kCount; ++q) c[q][0] = c[q][1] = _mm256_set1_epi32(start[q]);
    const uint8_t* query = queries;
    for (size_t left = chunks; left > 0;) {
      const size_t run = left < kChunksPerByteSum ? left : kChunksPerByteSum;
      __m256i bytes[kCount][2];
#pragma GCC unroll 4
      for (int q = 0; q < kCount; ++q) bytes[q][0] = bytes[q][1] = _mm256_setzero_si256();
      for (size_t i = 0; i < run; ++i, corpus += kSearchLine, query += kSearchChunkBytes) {
        _mm_prefetch(reinterpret_cast<const char*>(corpus + kAhead), _MM_HINT_T0);
        const __m256i a0 = LoadLine(corpus, 0), a1 = LoadLine(corpus, 1);
#pragma GCC unroll 4
        for (int q = 0; q < kCount; ++q) {
          const __m256i b = BroadcastChunk(query + q * query_stride);
          bytes[q][0] = _mm256_add_epi8(bytes[q][0], BytePopCount(_mm256_xor_si256(a0, b)));
          bytes[q][1] = _mm256_add_epi8(bytes[q][1], BytePopCount(_mm256_xor_si256(a1, b)));
        }
      }
      left -= run;
#pragma GCC unroll 4
      for (int q = 0; q < kCount; ++q) {
        Add(c[q][0], _mm256_madd_epi16(_mm256_maddubs_epi16(bytes[q][0], ones8), minus16));
        Add(c[q][1], _mm256_madd_epi16(_mm256_maddubs_epi16(bytes[q][1], ones8), minus16));
      }
    }
#pragma GCC unroll 4
    for (int q = 0; q < kCount; ++q) {
      StoreScores(scores + q * kSearchBlockRows, 0, c[q][0]);
      StoreScores(scores + q * kSearchBlockRows, 1, c[q][1]);
    }
  }
}

constexpr SearchUkernelFn kDot[kQueries] = {Dot<1>, Dot<2>, Dot<3>, Dot<4>};
constexpr SearchUkernelFn kHamming[kQueries] = {Hamming<1>, Hamming<2>, Hamming<3>, Hamming<4>};

}  // namespace

extern const SearchKernel kSearchAvx2;
const SearchKernel kSearchAvx2 = {"search_s8b1_4x16c4__avx2", kQueries, 0, kDot, kHamming};

}  // namespace lowp
