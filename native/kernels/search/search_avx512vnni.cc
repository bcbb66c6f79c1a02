// AVX-512 VNNI: a panel's chunk is one 512-bit register; vpdpbusd multiplies code + 128 as u8 by query s8, no saturation (the
// ...ds form is not used), and adds up the bytes of a popcount, -1 each. Popcounts come from a table of nibbles: VPOPCNTDQ would
// be one instruction for seven, but not every machine with VNNI has it, and one query is bound by memory either way.
#include <immintrin.h>

#include "kernels/search/search_kernel.h"

namespace lowp {
namespace {

constexpr int kQueries = 8;
// Bytes of the corpus that a prefetch runs ahead: the hardware's stops at the end of each page.
constexpr size_t kAhead = 1536;

// In assembly, because gcc 12 otherwise copies each sum to another register and back (or to the stack): see qgemm_avx2.cc.
inline void DotAdd(__m512i& c, __m512i a, __m512i b) {
#if defined(__GNUC__)
  __asm__("vpdpbusd %2, %1, %0" : "+v"(c) : "v"(a), "v"(b));
#else
  c = _mm512_dpbusd_epi32(c, a, b);
#endif
}

inline __m512i BroadcastChunk(const uint8_t* p) {
  int32_t x;
  __builtin_memcpy(&x, p, sizeof x);
  return _mm512_set1_epi32(x);
}

inline __m512i BytePopCount(__m512i x) {
  const __m512i table = _mm512_broadcast_i32x4(_mm_setr_epi8(0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4));
  const __m512i low = _mm512_set1_epi8(15);
  const __m512i from_low = _mm512_shuffle_epi8(table, _mm512_and_si512(x, low));
  const __m512i from_high = _mm512_shuffle_epi8(table, _mm512_and_si512(_mm512_srli_epi16(x, 4), low));
  return _mm512_add_epi8(from_low, from_high);
}

template <bool kHamming>
inline void Step(__m512i& c, const uint8_t* line, const uint8_t* query) {
  const __m512i a = _mm512_load_si512(line), b = BroadcastChunk(query);
  if (kHamming) {
    DotAdd(c, BytePopCount(_mm512_xor_si512(a, b)), _mm512_set1_epi8(-1));
  } else {
    DotAdd(c, a, b);
  }
}

// Few queries are too few sums to hide the latency of vpdpbusd: they take several chunks at a time, each into sums of its own.
template <bool kHamming, int kCount>
void Scan(size_t panels, size_t chunks, const uint8_t* corpus, const uint8_t* queries, size_t query_stride, const int32_t* start,
          int32_t* scores) {
  constexpr int kSplit = kCount == 1 ? 4 : kCount <= 3 ? 2 : 1;
  for (; panels > 0; --panels, scores += kSearchPanelRows) {
    __m512i c[kCount][kSplit];
#pragma GCC unroll 8
    for (int q = 0; q < kCount; ++q) {
      c[q][0] = _mm512_set1_epi32(start[q]);
#pragma GCC unroll 4
      for (int s = 1; s < kSplit; ++s) c[q][s] = _mm512_setzero_si512();
    }
    const uint8_t* query = queries;
    size_t i = 0;
    for (; i + kSplit <= chunks; i += kSplit, corpus += kSplit * kSearchLine, query += kSplit * kSearchChunkBytes) {
#pragma GCC unroll 4
      for (int s = 0; s < kSplit; ++s) {
        _mm_prefetch(reinterpret_cast<const char*>(corpus + s * kSearchLine + kAhead), _MM_HINT_T0);
#pragma GCC unroll 8
        for (int q = 0; q < kCount; ++q)
          Step<kHamming>(c[q][s], corpus + s * kSearchLine, query + q * query_stride + s * kSearchChunkBytes);
      }
    }
    for (; i < chunks; ++i, corpus += kSearchLine, query += kSearchChunkBytes) {
#pragma GCC unroll 8
      for (int q = 0; q < kCount; ++q) Step<kHamming>(c[q][0], corpus, query + q * query_stride);
    }
#pragma GCC unroll 8
    for (int q = 0; q < kCount; ++q) {
#pragma GCC unroll 4
      for (int s = 1; s < kSplit; ++s) c[q][0] = _mm512_add_epi32(c[q][0], c[q][s]);
      _mm512_storeu_si512(scores + q * kSearchBlockRows, c[q][0]);
    }
  }
}

constexpr SearchUkernelFn kDot[kQueries] = {Scan<false, 1>, Scan<false, 2>, Scan<false, 3>, Scan<false, 4>,
                                            Scan<false, 5>, Scan<false, 6>, Scan<false, 7>, Scan<false, 8>};
constexpr SearchUkernelFn kHamming[kQueries] = {Scan<true, 1>, Scan<true, 2>, Scan<true, 3>, Scan<true, 4>,
                                                Scan<true, 5>, Scan<true, 6>, Scan<true, 7>, Scan<true, 8>};

}  // namespace

extern const SearchKernel kSearchAvx512Vnni;
const SearchKernel kSearchAvx512Vnni = {"search_s8b1_8x16c4__avx512vnni", kQueries, 0x80, kDot, kHamming};

}  // namespace lowp
