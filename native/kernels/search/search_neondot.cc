// ARMv8.2 dot product: sdot on s8 x s8, four products a lane, exact for every code. Distances by cnt on bytes, 31 chunks in a
// byte. Four queries times 16 rows keep 16 sums, 4 of the corpus and 1 of a query in 21 of 32 registers.
#include <arm_neon.h>

#include "kernels/search/search_kernel.h"

namespace lowp {
namespace {

constexpr int kQueries = 4;
constexpr int kVectors = 4;
// A byte holds the distances of 31 chunks: at most 8 each.
constexpr size_t kChunksPerByteSum = 31;

inline uint8x16_t BroadcastChunk(const uint8_t* p) {
  uint32_t x;
  __builtin_memcpy(&x, p, sizeof x);
  return vreinterpretq_u8_u32(vdupq_n_u32(x));
}

template <int kCount>
inline void SetSums(int32x4_t (&c)[kCount][kVectors], const int32_t* start) {
#pragma GCC unroll 4
  for (int q = 0; q < kCount; ++q) {
#pragma GCC unroll 4
    for (int v = 0; v < kVectors; ++v) c[q][v] = vdupq_n_s32(start[q]);
  }
}

template <int kCount>
inline void StoreSums(const int32x4_t (&c)[kCount][kVectors], int32_t* scores) {
#pragma GCC unroll 4
  for (int q = 0; q < kCount; ++q) {
#pragma GCC unroll 4
    for (int v = 0; v < kVectors; ++v) vst1q_s32(scores + q * kSearchBlockRows + 4 * v, c[q][v]);
  }
}

template <int kCount>
void Dot(size_t panels, size_t chunks, const uint8_t* corpus, const uint8_t* queries, size_t query_stride, const int32_t* start,
         int32_t* scores) {
  for (; panels > 0; --panels, scores += kSearchPanelRows) {
    int32x4_t c[kCount][kVectors];
    SetSums(c, start);
    const uint8_t* query = queries;
    for (size_t i = 0; i < chunks; ++i, corpus += kSearchLine, query += kSearchChunkBytes) {
      int8x16_t a[kVectors];
#pragma GCC unroll 4
      for (int v = 0; v < kVectors; ++v) a[v] = vreinterpretq_s8_u8(vld1q_u8(corpus + 16 * v));
#pragma GCC unroll 4
      for (int q = 0; q < kCount; ++q) {
        const int8x16_t b = vreinterpretq_s8_u8(BroadcastChunk(query + q * query_stride));
#pragma GCC unroll 4
        for (int v = 0; v < kVectors; ++v) c[q][v] = vdotq_s32(c[q][v], a[v], b);
      }
    }
    StoreSums(c, scores);
  }
}

template <int kCount>
void Hamming(size_t panels, size_t chunks, const uint8_t* corpus, const uint8_t* queries, size_t query_stride,
             const int32_t* start, int32_t* scores) {
  for (; panels > 0; --panels, scores += kSearchPanelRows) {
    int32x4_t c[kCount][kVectors];
    SetSums(c, start);
    const uint8_t* query = queries;
    for (size_t left = chunks; left > 0;) {
      const size_t run = left < kChunksPerByteSum ? left : kChunksPerByteSum;
      uint8x16_t bytes[kCount][kVectors];
#pragma GCC unroll 4
      for (int q = 0; q < kCount; ++q) {
#pragma GCC unroll 4
        for (int v = 0; v < kVectors; ++v) bytes[q][v] = vdupq_n_u8(0);
      }
      for (size_t i = 0; i < run; ++i, corpus += kSearchLine, query += kSearchChunkBytes) {
#pragma GCC unroll 4
        for (int q = 0; q < kCount; ++q) {
          const uint8x16_t b = BroadcastChunk(query + q * query_stride);
#pragma GCC unroll 4
          for (int v = 0; v < kVectors; ++v)
            bytes[q][v] = vaddq_u8(bytes[q][v], vcntq_u8(veorq_u8(vld1q_u8(corpus + 16 * v), b)));
        }
      }
      left -= run;
#pragma GCC unroll 4
      for (int q = 0; q < kCount; ++q) {
#pragma GCC unroll 4
        for (int v = 0; v < kVectors; ++v)
          c[q][v] = vsubq_s32(c[q][v], vreinterpretq_s32_u32(vpaddlq_u16(vpaddlq_u8(bytes[q][v]))));
      }
    }
    StoreSums(c, scores);
  }
}

constexpr SearchUkernelFn kDot[kQueries] = {Dot<1>, Dot<2>, Dot<3>, Dot<4>};
constexpr SearchUkernelFn kHamming[kQueries] = {Hamming<1>, Hamming<2>, Hamming<3>, Hamming<4>};

}  // namespace

extern const SearchKernel kSearchNeonDot;
const SearchKernel kSearchNeonDot = {"search_s8b1_4x16c4__neondot", kQueries, 0, kDot, kHamming};

}  // namespace lowp
