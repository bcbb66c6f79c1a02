#include "kernels/search/search_kernel.h"

namespace lowp {
namespace {

constexpr size_t kQueries = 4;

inline uint32_t Load32(const uint8_t* p) {
  uint32_t x;
  __builtin_memcpy(&x, p, sizeof x);
  return x;
}

// Bits set, in parallel within a word: the instruction for it is not in every baseline.
inline int32_t PopCount(uint32_t x) {
  x -= (x >> 1) & 0x55555555u;
  x = (x & 0x33333333u) + ((x >> 2) & 0x33333333u);
  return static_cast<int32_t>((((x + (x >> 4)) & 0x0f0f0f0fu) * 0x01010101u) >> 24);
}

template <size_t kCount>
void Dot(size_t panels, size_t chunks, const uint8_t* corpus, const uint8_t* queries, size_t query_stride, const int32_t* start,
         int32_t* scores) {
  for (; panels > 0; --panels, scores += kSearchPanelRows) {
    int32_t sum[kCount][kSearchPanelRows];
    for (size_t q = 0; q < kCount; ++q) {
      for (size_t row = 0; row < kSearchPanelRows; ++row) sum[q][row] = start[q];
    }
    for (size_t c = 0; c < chunks; ++c, corpus += kSearchLine) {
      const int8_t* codes = reinterpret_cast<const int8_t*>(corpus);
      for (size_t q = 0; q < kCount; ++q) {
        const int8_t* query = reinterpret_cast<const int8_t*>(queries + q * query_stride + c * kSearchChunkBytes);
        for (size_t row = 0; row < kSearchPanelRows; ++row) {
          for (size_t d = 0; d < kSearchChunkBytes; ++d) sum[q][row] += codes[row * kSearchChunkBytes + d] * query[d];
        }
      }
    }
    for (size_t q = 0; q < kCount; ++q) {
      for (size_t row = 0; row < kSearchPanelRows; ++row) scores[q * kSearchBlockRows + row] = sum[q][row];
    }
  }
}

template <size_t kCount>
void Hamming(size_t panels, size_t chunks, const uint8_t* corpus, const uint8_t* queries, size_t query_stride,
             const int32_t* start, int32_t* scores) {
  for (; panels > 0; --panels, scores += kSearchPanelRows) {
    int32_t sum[kCount][kSearchPanelRows];
    for (size_t q = 0; q < kCount; ++q) {
      for (size_t row = 0; row < kSearchPanelRows; ++row) sum[q][row] = start[q];
    }
    for (size_t c = 0; c < chunks; ++c, corpus += kSearchLine) {
      for (size_t q = 0; q < kCount; ++q) {
        const uint32_t query = Load32(queries + q * query_stride + c * kSearchChunkBytes);
        for (size_t row = 0; row < kSearchPanelRows; ++row) {
          sum[q][row] -= PopCount(Load32(corpus + row * kSearchChunkBytes) ^ query);
        }
      }
    }
    for (size_t q = 0; q < kCount; ++q) {
      for (size_t row = 0; row < kSearchPanelRows; ++row) scores[q * kSearchBlockRows + row] = sum[q][row];
    }
  }
}

constexpr SearchUkernelFn kDot[kQueries] = {Dot<1>, Dot<2>, Dot<3>, Dot<4>};
constexpr SearchUkernelFn kHamming[kQueries] = {Hamming<1>, Hamming<2>, Hamming<3>, Hamming<4>};

}  // namespace

extern const SearchKernel kSearchScalar;
const SearchKernel kSearchScalar = {"search_s8b1_4x16c4__scalar", kQueries, 0, kDot, kHamming};

}  // namespace lowp
