// Four entries of a row at a time: their tile rows, 64 bytes each, are interleaved so that the four bytes of a column stand
// together (8 unpacks), and vpdpbusd multiplies them by the four values and adds, exactly: 256 products for 4 loads and 12
// operations.
//
// Unpacking works within quarters of 128 bits. So that sums come out in order, a tile row holds its columns by fours in the order
// of a transposed 4x4 square: 0-3 16-19 32-35 48-51, 4-7 20-23 ...
#include <immintrin.h>

#include "kernels/epilogue/epilogue_int_store.h"
#include "kernels/epilogue/epilogue_vector512.h"
#include "kernels/qspmm/qspmm_plain.h"
#include "kernels/sparse/sparse_transpose256.h"
#include "kernels/sparse/sparse_transpose_bytes.h"

namespace lowp {
namespace {

struct Traits {
  using Value = int8_t;
  using Element = uint8_t;
  static constexpr size_t kGroup = 4;
  static constexpr size_t Position(size_t col) {
    const size_t four = col / 4;
    return (four % 4 * 4 + four / 4) * 4 + col % 4;
  }
};

inline __m512i Load(const void* p) { return _mm512_load_si512(p); }
inline void Store(void* p, __m512i x) { _mm512_store_si512(p, x); }

// c[j] of the result: columns 16 j .. 16 j + 16, four bytes each.
inline void Interleave(const uint8_t* tile, const uint16_t* index, __m512i (&b)[4]) {
  const __m512i r0 = Load(tile + index[0] * kSparseNb), r1 = Load(tile + index[1] * kSparseNb);
  const __m512i r2 = Load(tile + index[2] * kSparseNb), r3 = Load(tile + index[3] * kSparseNb);
  const __m512i low01 = _mm512_unpacklo_epi8(r0, r1), high01 = _mm512_unpackhi_epi8(r0, r1);
  const __m512i low23 = _mm512_unpacklo_epi8(r2, r3), high23 = _mm512_unpackhi_epi8(r2, r3);
  b[0] = _mm512_unpacklo_epi16(low01, low23);
  b[1] = _mm512_unpackhi_epi16(low01, low23);
  b[2] = _mm512_unpacklo_epi16(high01, high23);
  b[3] = _mm512_unpackhi_epi16(high01, high23);
}

template <int kHeight>
void Ukernel(const QSpmmBlock& block, size_t, const void* tile, int32_t* acc, bool accumulate) {
  const uint8_t* bytes = static_cast<const uint8_t*>(tile);
  const uint16_t* index = block.index;
  const int8_t* value = static_cast<const int8_t*>(block.values);
  for (const SparseRow* row = block.rows; row < block.rows + block.row_count; ++row) {
    int32_t* out = acc + row->row * kHeight * kSparseNb;
    __m512i c[kHeight][4];
#pragma GCC unroll 4
    for (int r = 0; r < kHeight; ++r) {
#pragma GCC unroll 4
      for (int j = 0; j < 4; ++j) c[r][j] = accumulate ? Load(out + r * kSparseNb + 16 * j) : _mm512_setzero_si512();
    }
    for (const uint16_t* end = index + row->count; index < end; index += 4, value += 4 * kHeight) {
      __m512i b[4];
      Interleave(bytes, index, b);
#pragma GCC unroll 4
      for (int r = 0; r < kHeight; ++r) {
        int32_t four;
        __builtin_memcpy(&four, value + 4 * r, sizeof(four));
        const __m512i v = _mm512_set1_epi32(four);
#pragma GCC unroll 4
        for (int j = 0; j < 4; ++j) c[r][j] = _mm512_dpbusd_epi32(c[r][j], b[j], v);
      }
    }
#pragma GCC unroll 4
    for (int r = 0; r < kHeight; ++r) {
#pragma GCC unroll 4
      for (int j = 0; j < 4; ++j) Store(out + r * kSparseNb + 16 * j, c[r][j]);
    }
  }
}

void FillRows(size_t depth, size_t cols, const uint8_t* from, size_t ld, uint8_t flip, void* tile) {
  const __m512i flips = _mm512_set1_epi8(static_cast<char>(flip));
  const __m512i order = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
  const __mmask64 present = ~uint64_t{0} >> (kSparseNb - cols);
  for (size_t k = 0; k < depth; ++k) {
    const __m512i bytes = _mm512_xor_si512(_mm512_maskz_loadu_epi8(present, from + k * ld), flips);
    Store(static_cast<uint8_t*>(tile) + k * kSparseNb, _mm512_permutexvar_epi32(order, bytes));
  }
}

void FillColumns(size_t depth, size_t cols, const uint8_t* from, size_t ld, uint8_t flip, void* tile) {
  constexpr size_t kColumns = 16;
  uint8_t* to = static_cast<uint8_t*>(tile);
  const __m128i flips = _mm_set1_epi8(static_cast<char>(flip));
  const size_t whole = cols / kColumns * kColumns, whole_depth = depth / 8 * 8;
  for (size_t col = 0; col < whole; col += kColumns) {
    for (size_t k = 0; k < whole_depth; k += 8) {
      __m128i bytes[8];
      Transpose16x8(from + col * ld + k, ld, bytes);
#pragma GCC unroll 8
      for (int i = 0; i < 8; ++i) {
        alignas(16) uint8_t column[kColumns];
        _mm_store_si128(reinterpret_cast<__m128i*>(column), _mm_xor_si128(bytes[i], flips));
#pragma GCC unroll 4
        for (size_t four = 0; four < kColumns; four += 4)
          __builtin_memcpy(to + (k + i) * kSparseNb + Traits::Position(col + four), column + four, 4);
      }
    }
  }
  FillEdge<Traits>(whole_depth, depth, 0, whole, from, 1, ld, flip, to);
  FillEdge<Traits>(0, depth, whole, cols, from, 1, ld, flip, to);
}

}  // namespace

extern const QSpmmKernel kQSpmmAvx512Vnni;
const QSpmmKernel kQSpmmAvx512Vnni = {"qspmm_s8u8s32_1x64c4__avx512vnni",
                                      sizeof(Traits::Value),
                                      Traits::kGroup,
                                      kSparseNb * sizeof(Traits::Element),
                                      {Ukernel<1>, Ukernel<kSparseHeight>},
                                      {QSpmv<Traits, 1>, QSpmv<Traits, kSparseHeight>},
                                      FillRows,
                                      FillColumns,
                                      TransposeBy<int32_t, 8, TransposeSquare<int32_t>>,
                                      StoreIntTile<Vector512, kSparseNb>};

}  // namespace lowp
