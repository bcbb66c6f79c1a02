// Two entries of a row at a time: their tile rows, widened to 16 bits, are interleaved column by column and multiplied by the
// pair of values with vpmaddwd, which adds the two products exactly. For 16 columns: 2 loads, 2 unpacks, 2 multiplications, 2
// additions. vpmaddubsw would need half as many, but saturates.
//
// Unpacking works within halves of 128 bits. So that sums come out in order, the columns of each 16 stand in a tile as
// 0-3 8-11 4-7 12-15.
// Quads: qspmm_quads256.h.
#include "kernels/epilogue/epilogue_int_store.h"
#include "kernels/epilogue/epilogue_vector256.h"
#include "kernels/qspmm/qspmm_plain.h"
#include "kernels/qspmm/qspmm_quads256.h"
#include "kernels/sparse/sparse_transpose256.h"
#include "kernels/sparse/sparse_transpose_bytes.h"

namespace lowp {
namespace {

// With 62 % of their columns stored quads of one row take as long as single entries for 16 to 128 columns (x 0.96-1.2), and with
// 71 % less (x 1.05-1.16); for one column x 1.4-1.8. With 53 %, as two in every four have, x 0.8. Four rows share what they
// unpack, which whole quads alone make up for.
constexpr uint32_t kQuadFill = 62;

struct Traits {
  using Value = int16_t;
  using Element = int16_t;
  static constexpr size_t kGroup = 2;
  static constexpr size_t At(size_t k, size_t col) {
    return k * kSparseNb + ((col & ~size_t{12}) | ((col & 4) << 1) | ((col & 8) >> 1));  // swaps the two middle quarters
  }
};

template <int kSteps>
void Rows(const QSpmmBlock& block, const int16_t* tile, int32_t* acc, bool accumulate) {
  const uint16_t* index = block.index;
  const int16_t* value = static_cast<const int16_t*>(block.values);
  for (const SparseRow* row = block.rows; row < block.rows + block.row_count; ++row) {
    int32_t* out = acc + row->row * kSparseNb;
    __m256i c[kSteps][2];
#pragma GCC unroll 4
    for (int j = 0; j < kSteps; ++j) {
      c[j][0] = accumulate ? Load(out + j * kColumns) : _mm256_setzero_si256();
      c[j][1] = accumulate ? Load(out + j * kColumns + 8) : _mm256_setzero_si256();
    }
    for (const int16_t* end = value + row->count; value < end; value += 2, index += 2) {
      const __m256i v = LoadPair(value);
      const int16_t* b0 = tile + index[0] * kSparseNb;
      const int16_t* b1 = tile + index[1] * kSparseNb;
#pragma GCC unroll 4
      for (int j = 0; j < kSteps; ++j) {
        const __m256i x = Load(b0 + j * kColumns), y = Load(b1 + j * kColumns);
        c[j][0] = _mm256_add_epi32(c[j][0], _mm256_madd_epi16(_mm256_unpacklo_epi16(x, y), v));
        c[j][1] = _mm256_add_epi32(c[j][1], _mm256_madd_epi16(_mm256_unpackhi_epi16(x, y), v));
      }
    }
#pragma GCC unroll 4
    for (int j = 0; j < kSteps; ++j) {
      Store(out + j * kColumns, c[j][0]);
      Store(out + j * kColumns + 8, c[j][1]);
    }
  }
}

void Ukernel1(const QSpmmBlock& block, size_t cols, const void* tile, int32_t* acc, bool accumulate) {
  const int16_t* elements = static_cast<const int16_t*>(tile);
  switch ((cols + kColumns - 1) / kColumns) {
    case 1: return Rows<1>(block, elements, acc, accumulate);
    case 2: return Rows<2>(block, elements, acc, accumulate);
    case 3: return Rows<3>(block, elements, acc, accumulate);
    default: return Rows<4>(block, elements, acc, accumulate);
  }
}

// Four rows share what is interleaved.
void Ukernel4(const QSpmmBlock& block, size_t cols, const void* tile, int32_t* acc, bool accumulate) {
  constexpr int kHeight = kSparseHeight;
  const uint16_t* index = block.index;
  const int16_t* value = static_cast<const int16_t*>(block.values);
  for (const SparseRow* row = block.rows; row < block.rows + block.row_count; ++row) {
    const size_t count = row->count;
    for (size_t col = 0; col < cols; col += kColumns) {
      int32_t* out = acc + row->row * kHeight * kSparseNb + col;
      const int16_t* from = static_cast<const int16_t*>(tile) + col;
      __m256i c[kHeight][2];
#pragma GCC unroll 4
      for (int r = 0; r < kHeight; ++r) {
        c[r][0] = accumulate ? Load(out + r * kSparseNb) : _mm256_setzero_si256();
        c[r][1] = accumulate ? Load(out + r * kSparseNb + 8) : _mm256_setzero_si256();
      }
      for (size_t i = 0; i < count; i += 2) {
        const __m256i x = Load(from + index[i] * kSparseNb), y = Load(from + index[i + 1] * kSparseNb);
        const __m256i low = _mm256_unpacklo_epi16(x, y), high = _mm256_unpackhi_epi16(x, y);
#pragma GCC unroll 4
        for (int r = 0; r < kHeight; ++r) {
          const __m256i v = LoadPair(value + i * kHeight + 2 * r);
          c[r][0] = _mm256_add_epi32(c[r][0], _mm256_madd_epi16(low, v));
          c[r][1] = _mm256_add_epi32(c[r][1], _mm256_madd_epi16(high, v));
        }
      }
#pragma GCC unroll 4
      for (int r = 0; r < kHeight; ++r) {
        Store(out + r * kSparseNb, c[r][0]);
        Store(out + r * kSparseNb + 8, c[r][1]);
      }
    }
    index += count;
    value += count * kHeight;
  }
}

// One column: bytes are fetched one by one, eight to a multiplication (768x3072 at 90 % zeros: 143 us, each with a multiplication
// of its own, to 99).
void Spmv1(const QSpmmBlock& block, const uint8_t* x, int32_t* acc, bool accumulate) {
  const uint16_t* index = block.index;
  const int16_t* value = static_cast<const int16_t*>(block.values);
  for (const SparseRow* row = block.rows; row < block.rows + block.row_count; ++row) {
    __m128i sums = _mm_setzero_si128();
    const uint16_t* end = index + row->count;
    for (; end - index >= 8; index += 8, value += 8) {
      __m128i bytes = _mm_cvtsi32_si128(x[index[0]]);
      bytes = _mm_insert_epi8(bytes, x[index[1]], 2);
      bytes = _mm_insert_epi8(bytes, x[index[2]], 4);
      bytes = _mm_insert_epi8(bytes, x[index[3]], 6);
      bytes = _mm_insert_epi8(bytes, x[index[4]], 8);
      bytes = _mm_insert_epi8(bytes, x[index[5]], 10);
      bytes = _mm_insert_epi8(bytes, x[index[6]], 12);
      bytes = _mm_insert_epi8(bytes, x[index[7]], 14);
      sums = _mm_add_epi32(sums, _mm_madd_epi16(bytes, _mm_loadu_si128(reinterpret_cast<const __m128i*>(value))));
    }
    int32_t sum = SumOf(sums);
    for (; index < end; ++index, ++value) sum += *value * x[*index];
    acc[row->row] = accumulate ? acc[row->row] + sum : sum;
  }
}

// The same for four rows, a pair of entries to a multiplication (in blocks of 4x1: 109 -> 32 us).
void Spmv4(const QSpmmBlock& block, const uint8_t* x, int32_t* acc, bool accumulate) {
  constexpr size_t kStep = 2 * kSparseHeight;
  const uint16_t* index = block.index;
  const int16_t* value = static_cast<const int16_t*>(block.values);
  for (const SparseRow* row = block.rows; row < block.rows + block.row_count; ++row) {
    __m128i even = _mm_setzero_si128(), odd = _mm_setzero_si128();
    const auto add = [&](__m128i* to) {
      const __m128i v = _mm_loadu_si128(reinterpret_cast<const __m128i*>(value));
      *to = _mm_add_epi32(*to, _mm_madd_epi16(_mm_set1_epi32(x[index[0]] | x[index[1]] << 16), v));
      index += 2;
      value += kStep;
    };
    const uint16_t* end = index + row->count;
    while (end - index >= 4) {
      add(&even);
      add(&odd);
    }
    if (index < end) add(&even);
    __m128i* out = reinterpret_cast<__m128i*>(acc + row->row * kSparseHeight);
    __m128i rows = _mm_add_epi32(even, odd);
    if (accumulate) rows = _mm_add_epi32(rows, _mm_loadu_si128(out));
    _mm_storeu_si128(out, rows);
  }
}

// One column, two entries in every four: 16 entries lie in 32 columns, 8 in each half, and the low four bits of an index say
// where in its half. So a shuffle of bytes fetches what 16 loads would, widened.
void SpmvTwoOfFour(const QSpmmBlock& block, const uint8_t* x, int32_t* acc, bool accumulate) {
  const uint16_t* index = block.index;
  const int16_t* value = static_cast<const int16_t*>(block.values);
  const __m256i low = _mm256_set1_epi16(0x0f), zero_above = _mm256_set1_epi16(static_cast<int16_t>(0x8000));
  for (const SparseRow* row = block.rows; row < block.rows + block.row_count; ++row) {
    const size_t count = row->count, whole = count / 16 * 16;
    __m256i sums = _mm256_setzero_si256();
    for (size_t i = 0; i < whole; i += 16) {
      const __m256i at = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(index + i));
      const __m256i from = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(x + 2 * i));
      const __m256i picked = _mm256_shuffle_epi8(from, _mm256_or_si256(_mm256_and_si256(at, low), zero_above));
      sums = _mm256_add_epi32(sums, _mm256_madd_epi16(picked, _mm256_loadu_si256(reinterpret_cast<const __m256i*>(value + i))));
    }
    int32_t sum = SumOf(_mm_add_epi32(_mm256_castsi256_si128(sums), _mm256_extracti128_si256(sums, 1)));
    for (size_t i = whole; i < count; ++i) sum += value[i] * x[index[i]];
    acc[row->row] = accumulate ? acc[row->row] + sum : sum;
    index += count;
    value += count;
  }
}

inline void StoreWidened(__m128i bytes, int16_t* to) { Store(to, _mm256_permute4x64_epi64(_mm256_cvtepu8_epi16(bytes), 0xd8)); }

void FillRows(size_t depth, size_t cols, const uint8_t* from, size_t ld, uint8_t flip, void* tile) {
  int16_t* to = static_cast<int16_t*>(tile);
  const __m128i flips = _mm_set1_epi8(static_cast<char>(flip));
  const size_t whole = cols / kColumns * kColumns;
  for (size_t k = 0; k < depth; ++k) {
    for (size_t col = 0; col < whole; col += kColumns) {
      const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(from + k * ld + col));
      StoreWidened(_mm_xor_si128(bytes, flips), to + k * kSparseNb + col);
    }
  }
  FillEdge<Traits>(0, depth, whole, cols, from, ld, 1, flip, to);
}

void FillColumns(size_t depth, size_t cols, const uint8_t* from, size_t ld, uint8_t flip, void* tile) {
  int16_t* to = static_cast<int16_t*>(tile);
  const __m128i flips = _mm_set1_epi8(static_cast<char>(flip));
  const size_t whole = cols / kColumns * kColumns, whole_depth = depth / 8 * 8;
  for (size_t col = 0; col < whole; col += kColumns) {
    for (size_t k = 0; k < whole_depth; k += 8) {
      __m128i bytes[8];
      Transpose16x8(from + col * ld + k, ld, bytes);
#pragma GCC unroll 8
      for (int i = 0; i < 8; ++i) StoreWidened(_mm_xor_si128(bytes[i], flips), to + (k + i) * kSparseNb + col);
    }
  }
  FillEdge<Traits>(whole_depth, depth, 0, whole, from, 1, ld, flip, to);
  FillEdge<Traits>(0, depth, whole, cols, from, 1, ld, flip, to);
}

}  // namespace

extern const QSpmmKernel kQSpmmAvx2;
const QSpmmKernel kQSpmmAvx2 = {
    {"qspmm_s8u8s32_1x64c2__avx2", false, {Ukernel1, Ukernel4}, {Spmv1, Spmv4}, FillRows, FillColumns},
    {"qspmm_quads_s8u8s32_1x64c4__avx2",
     false,
     {UkernelQuads1, UkernelQuads4},
     {SpmvQuads1, SpmvQuads4},
     FillRowQuads,
     FillColumnQuads},
    {kQuadFill, kWholeQuads},
    SpmvTwoOfFour,
    sizeof(Traits::Value),
    Traits::kGroup,
    kSparseNb * sizeof(Traits::Element),
    TransposeBy<int32_t, 8, TransposeSquare<int32_t>>,
    StoreIntTile<Vector256, kSparseNb>};

}  // namespace lowp
