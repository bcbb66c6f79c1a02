// Four entries of a row at a time: their tile rows, 64 bytes each, are interleaved so that the four bytes of a column stand
// together (8 unpacks), and vpdpbusd multiplies them by the four values and adds, exactly: 256 products for 4 loads and 12
// operations.
//
// Unpacking works within quarters of 128 bits. So that sums come out in order, a tile row holds its columns by fours in the order
// of a transposed 4x4 square: 0-3 16-19 32-35 48-51, 4-7 20-23 ...
//
// Quads find their four bytes together in the tile, [quad][column][4], and need no unpacking: vpdpbusd from memory is all.
#include <immintrin.h>

#include "kernels/epilogue/epilogue_int_store.h"
#include "kernels/epilogue/epilogue_vector512.h"
#include "kernels/qspmm/qspmm_plain.h"
#include "kernels/sparse/sparse_transpose256.h"
#include "kernels/sparse/sparse_transpose_bytes.h"

namespace lowp {
namespace {

// Counted, not measured: four single entries take 8 unpacks, which go to one port, and 4 dot products for each row; a quad takes
// the dot products alone. So a third of its columns would do for one row and two thirds for four; 50 leaves a margin, and is what
// two entries in every four columns have.
constexpr uint32_t kQuadFill = 50, kQuadFill4 = 75;

struct Traits {
  using Value = int8_t;
  using Element = uint8_t;
  static constexpr size_t kGroup = 4;
  static constexpr size_t At(size_t k, size_t col) {
    const size_t four = col / 4;
    return k * kSparseNb + (four % 4 * 4 + four / 4) * 4 + col % 4;
  }
};

struct QuadTraits {
  using Value = int8_t;
  using Element = uint8_t;
  static constexpr size_t At(size_t k, size_t col) { return (k / 4 * kSparseNb + col) * 4 + k % 4; }
};

inline __m512i Load(const void* p) { return _mm512_load_si512(p); }
inline void Store(void* p, __m512i x) { _mm512_store_si512(p, x); }

// b[j]: columns 16 j .. 16 j + 16, four bytes each.
inline void Interleave(__m512i r0, __m512i r1, __m512i r2, __m512i r3, __m512i (&b)[4]) {
  const __m512i low01 = _mm512_unpacklo_epi8(r0, r1), high01 = _mm512_unpackhi_epi8(r0, r1);
  const __m512i low23 = _mm512_unpacklo_epi8(r2, r3), high23 = _mm512_unpackhi_epi8(r2, r3);
  b[0] = _mm512_unpacklo_epi16(low01, low23);
  b[1] = _mm512_unpackhi_epi16(low01, low23);
  b[2] = _mm512_unpacklo_epi16(high01, high23);
  b[3] = _mm512_unpackhi_epi16(high01, high23);
}

inline int32_t LoadFour(const void* p) {
  int32_t four;
  __builtin_memcpy(&four, p, sizeof(four));
  return four;
}

// kWidth: 1, of which four are taken together, or kSparseWidth.
template <int kHeight, int kWidth>
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
    for (const uint16_t* end = index + row->count; index < end; index += 4 / kWidth, value += 4 * kHeight) {
      __m512i b[4];
      if constexpr (kWidth == 1) {
        Interleave(Load(bytes + index[0] * kSparseNb), Load(bytes + index[1] * kSparseNb), Load(bytes + index[2] * kSparseNb),
                   Load(bytes + index[3] * kSparseNb), b);
      } else {
#pragma GCC unroll 4
        for (int j = 0; j < 4; ++j) b[j] = Load(bytes + (*index + j) * kSparseNb);
      }
#pragma GCC unroll 4
      for (int r = 0; r < kHeight; ++r) {
        const __m512i v = _mm512_set1_epi32(LoadFour(value + 4 * r));
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

inline __m128i LoadValues(const int8_t* value) { return _mm_loadu_si128(reinterpret_cast<const __m128i*>(value)); }

inline __m128i Gather(const uint8_t* x, const uint16_t* index) {
  __m128i bytes = _mm_cvtsi32_si128(x[index[0]]);
  bytes = _mm_insert_epi8(bytes, x[index[1]], 1);
  bytes = _mm_insert_epi8(bytes, x[index[2]], 2);
  return _mm_insert_epi8(bytes, x[index[3]], 3);
}

// One column, single entries: bytes are fetched one by one, four to an instruction.
void Spmv1(const QSpmmBlock& block, const uint8_t* x, int32_t* acc, bool accumulate) {
  const uint16_t* index = block.index;
  const int8_t* value = static_cast<const int8_t*>(block.values);
  for (const SparseRow* row = block.rows; row < block.rows + block.row_count; ++row) {
    __m128i sum = _mm_setzero_si128();
    for (const uint16_t* end = index + row->count; index < end; index += 4, value += 4)
      sum = _mm_dpbusd_epi32(sum, Gather(x, index), _mm_cvtsi32_si128(LoadFour(value)));
    acc[row->row] = accumulate ? acc[row->row] + _mm_cvtsi128_si32(sum) : _mm_cvtsi128_si32(sum);
  }
}

// The same for four rows.
void Spmv4(const QSpmmBlock& block, const uint8_t* x, int32_t* acc, bool accumulate) {
  const uint16_t* index = block.index;
  const int8_t* value = static_cast<const int8_t*>(block.values);
  for (const SparseRow* row = block.rows; row < block.rows + block.row_count; ++row) {
    __m128i* out = reinterpret_cast<__m128i*>(acc + row->row * kSparseHeight);
    __m128i rows = accumulate ? _mm_loadu_si128(out) : _mm_setzero_si128();
    for (const uint16_t* end = index + row->count; index < end; index += 4, value += 4 * kSparseHeight)
      rows = _mm_dpbusd_epi32(rows, _mm_broadcastd_epi32(Gather(x, index)), LoadValues(value));
    _mm_storeu_si128(out, rows);
  }
}

// One column: four quads to an instruction.
void SpmvQuads1(const QSpmmBlock& block, const uint8_t* x, int32_t* acc, bool accumulate) {
  const uint16_t* index = block.index;
  const int8_t* value = static_cast<const int8_t*>(block.values);
  for (const SparseRow* row = block.rows; row < block.rows + block.row_count; ++row) {
    __m128i even = _mm_setzero_si128(), odd = _mm_setzero_si128();
    const auto add = [&](__m128i* to) {
      const __m128i four =
          _mm_setr_epi32(LoadFour(x + index[0]), LoadFour(x + index[1]), LoadFour(x + index[2]), LoadFour(x + index[3]));
      *to = _mm_dpbusd_epi32(*to, four, LoadValues(value));
      index += 4;
      value += 4 * kSparseWidth;
    };
    const uint16_t* end = index + row->count;
    while (end - index >= 8) {
      add(&even);
      add(&odd);
    }
    if (end - index >= 4) add(&even);
    for (; index < end; ++index, value += kSparseWidth)
      odd = _mm_dpbusd_epi32(odd, _mm_cvtsi32_si128(LoadFour(x + *index)), _mm_cvtsi32_si128(LoadFour(value)));
    const __m128i four = _mm_add_epi32(even, odd), two = _mm_add_epi32(four, _mm_shuffle_epi32(four, 0x4e));
    const int32_t sum = _mm_cvtsi128_si32(_mm_add_epi32(two, _mm_shuffle_epi32(two, 0xb1)));
    acc[row->row] = accumulate ? acc[row->row] + sum : sum;
  }
}

// Four rows of a quad to an instruction.
void SpmvQuads4(const QSpmmBlock& block, const uint8_t* x, int32_t* acc, bool accumulate) {
  constexpr size_t kStep = kSparseHeight * kSparseWidth;
  const uint16_t* index = block.index;
  const int8_t* value = static_cast<const int8_t*>(block.values);
  for (const SparseRow* row = block.rows; row < block.rows + block.row_count; ++row) {
    __m128i even = _mm_setzero_si128(), odd = _mm_setzero_si128();
    const auto add = [&](__m128i* to) {
      *to = _mm_dpbusd_epi32(*to, _mm_set1_epi32(LoadFour(x + *index)), LoadValues(value));
      ++index;
      value += kStep;
    };
    const uint16_t* end = index + row->count;
    while (end - index >= 2) {
      add(&even);
      add(&odd);
    }
    if (index < end) add(&even);
    __m128i rows = _mm_add_epi32(even, odd);
    __m128i* out = reinterpret_cast<__m128i*>(acc + row->row * kSparseHeight);
    if (accumulate) rows = _mm_add_epi32(rows, _mm_loadu_si128(out));
    _mm_storeu_si128(out, rows);
  }
}

// A row of a tile in the order that Interleave wants.
inline __m512i LoadRow(const uint8_t* from, __mmask64 present, __m512i flips) {
  const __m512i order = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
  return _mm512_permutexvar_epi32(order, _mm512_xor_si512(_mm512_maskz_loadu_epi8(present, from), flips));
}

void FillRows(size_t depth, size_t cols, const uint8_t* from, size_t ld, uint8_t flip, void* tile) {
  const __m512i flips = _mm512_set1_epi8(static_cast<char>(flip));
  const __mmask64 present = ~uint64_t{0} >> (kSparseNb - cols);
  for (size_t k = 0; k < depth; ++k) Store(static_cast<uint8_t*>(tile) + k * kSparseNb, LoadRow(from + k * ld, present, flips));
}

void FillRowQuads(size_t depth, size_t cols, const uint8_t* from, size_t ld, uint8_t flip, void* tile) {
  const __m512i flips = _mm512_set1_epi8(static_cast<char>(flip));
  const __mmask64 present = ~uint64_t{0} >> (kSparseNb - cols);
  for (size_t k = 0; k < depth; k += kSparseWidth) {
    const uint8_t* at = from + k * ld;
    __m512i b[4];
    Interleave(LoadRow(at, present, flips), LoadRow(at + ld, present, flips), LoadRow(at + 2 * ld, present, flips),
               LoadRow(at + 3 * ld, present, flips), b);
#pragma GCC unroll 4
    for (size_t j = 0; j < 4; ++j) Store(static_cast<uint8_t*>(tile) + (k + j) * kSparseNb, b[j]);
  }
}

// 16 columns of 16 bytes, which are four quads each.
void FillColumnQuads(size_t depth, size_t cols, const uint8_t* from, size_t ld, uint8_t flip, void* tile) {
  uint8_t* to = static_cast<uint8_t*>(tile);
  const __m512i flips = _mm512_set1_epi8(static_cast<char>(flip));
  const auto load = [&](const uint8_t* at) { return _mm_loadu_si128(reinterpret_cast<const __m128i*>(at)); };
  const size_t whole = cols / 16 * 16, whole_depth = depth / 16 * 16;
  for (size_t col = 0; col < whole; col += 16) {
    for (size_t k = 0; k < whole_depth; k += 16) {
      __m512i x[4];
#pragma GCC unroll 4
      for (size_t i = 0; i < 4; ++i) {
        const uint8_t* at = from + (col + i) * ld + k;
        __m512i four = _mm512_castsi128_si512(load(at));
        four = _mm512_inserti32x4(four, load(at + 4 * ld), 1);
        four = _mm512_inserti32x4(four, load(at + 8 * ld), 2);
        x[i] = _mm512_xor_si512(_mm512_inserti32x4(four, load(at + 12 * ld), 3), flips);
      }
      const __m512i low01 = _mm512_unpacklo_epi32(x[0], x[1]), high01 = _mm512_unpackhi_epi32(x[0], x[1]);
      const __m512i low23 = _mm512_unpacklo_epi32(x[2], x[3]), high23 = _mm512_unpackhi_epi32(x[2], x[3]);
      Store(to + QuadTraits::At(k, col), _mm512_unpacklo_epi64(low01, low23));
      Store(to + QuadTraits::At(k + 4, col), _mm512_unpackhi_epi64(low01, low23));
      Store(to + QuadTraits::At(k + 8, col), _mm512_unpacklo_epi64(high01, high23));
      Store(to + QuadTraits::At(k + 12, col), _mm512_unpackhi_epi64(high01, high23));
    }
  }
  FillEdge<QuadTraits>(whole_depth, depth, 0, whole, from, 1, ld, flip, to);
  FillEdge<QuadTraits>(0, depth, whole, cols, from, 1, ld, flip, to);
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
        for (size_t four = 0; four < kColumns; four += 4) __builtin_memcpy(to + Traits::At(k + i, col + four), column + four, 4);
      }
    }
  }
  FillEdge<Traits>(whole_depth, depth, 0, whole, from, 1, ld, flip, to);
  FillEdge<Traits>(0, depth, whole, cols, from, 1, ld, flip, to);
}

}  // namespace

extern const QSpmmKernel kQSpmmAvx512Vnni = {{"qspmm_s8u8s32_1x64c4__avx512vnni",
                                              false,
                                              {Ukernel<1, 1>, Ukernel<kSparseHeight, 1>},
                                              {Spmv1, Spmv4},
                                              FillRows,
                                              FillColumns},
                                             {"qspmm_quads_s8u8s32_1x64c4__avx512vnni",
                                              false,
                                              {Ukernel<1, kSparseWidth>, Ukernel<kSparseHeight, kSparseWidth>},
                                              {SpmvQuads1, SpmvQuads4},
                                              FillRowQuads,
                                              FillColumnQuads},
                                             {kQuadFill, kQuadFill4},
                                             nullptr,
                                             sizeof(Traits::Value),
                                             Traits::kGroup,
                                             kSparseNb * sizeof(Traits::Element),
                                             TransposeBy<int32_t, 8, TransposeSquare<int32_t>>,
                                             StoreIntTile<Vector512, kSparseNb>};

}  // namespace lowp
