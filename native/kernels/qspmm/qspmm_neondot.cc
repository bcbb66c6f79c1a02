// Quads: sdot multiplies the four bytes of a column by the four values and adds, exactly, for four columns at once. Both factors
// are signed, so the dense operand's bytes become so while a tile is filled: [quad][column][4]. Single entries: as without dot
// product.
#include "kernels/epilogue/epilogue_int_store.h"
#include "kernels/epilogue/epilogue_vector_neon.h"
#include "kernels/qspmm/qspmm_neon.h"
#include "kernels/sparse/sparse_transpose_neon.h"

namespace lowp {
namespace {

// Counted, not measured: for 16 columns four single entries take 8 loads and 16 multiplications, a quad 4 of each.
constexpr uint32_t kQuadFill = 50;

struct QuadTraits {
  using Value = int8_t;
  using Element = uint8_t;
  static constexpr size_t At(size_t k, size_t col) { return (k / 4 * kSparseNb + col) * 4 + k % 4; }
};

inline int32_t LoadFour(const void* p) {
  int32_t four;
  __builtin_memcpy(&four, p, sizeof(four));
  return four;
}
inline int8x16_t Repeat(const void* p) { return vreinterpretq_s8_s32(vdupq_n_s32(LoadFour(p))); }

// kVectors of four columns, kHeight rows: 16 sums.
template <int kHeight>
void UkernelQuads(const QSpmmBlock& block, size_t cols, const void* tile, int32_t* acc, bool accumulate) {
  constexpr int kVectors = 16 / kHeight;
  const uint16_t* index = block.index;
  const int8_t* value = static_cast<const int8_t*>(block.values);
  for (const SparseRow* row = block.rows; row < block.rows + block.row_count; ++row) {
    for (size_t col = 0; col < cols; col += 4 * kVectors) {
      int32_t* out = acc + row->row * kHeight * kSparseNb + col;
      const int8_t* from = static_cast<const int8_t*>(tile) + 4 * col;
      int32x4_t c[kHeight][kVectors];
#pragma GCC unroll 4
      for (int r = 0; r < kHeight; ++r) {
#pragma GCC unroll 16
        for (int j = 0; j < kVectors; ++j) c[r][j] = accumulate ? vld1q_s32(out + r * kSparseNb + 4 * j) : vdupq_n_s32(0);
      }
      for (size_t i = 0; i < row->count; ++i) {
        const int8_t* b = from + index[i] * kSparseNb;
        int8x16_t v[kHeight];
#pragma GCC unroll 4
        for (int r = 0; r < kHeight; ++r) v[r] = Repeat(value + (i * kHeight + r) * kSparseWidth);
#pragma GCC unroll 16
        for (int j = 0; j < kVectors; ++j) {
          const int8x16_t x = vld1q_s8(b + 16 * j);
#pragma GCC unroll 4
          for (int r = 0; r < kHeight; ++r) c[r][j] = vdotq_s32(c[r][j], x, v[r]);
        }
      }
#pragma GCC unroll 4
      for (int r = 0; r < kHeight; ++r) {
#pragma GCC unroll 16
        for (int j = 0; j < kVectors; ++j) vst1q_s32(out + r * kSparseNb + 4 * j, c[r][j]);
      }
    }
    index += row->count;
    value += row->count * kHeight * kSparseWidth;
  }
}

// One column: four quads to an instruction.
void SpmvQuads1(const QSpmmBlock& block, const uint8_t* x, int32_t* acc, bool accumulate) {
  const uint16_t* index = block.index;
  const int8_t* value = static_cast<const int8_t*>(block.values);
  for (const SparseRow* row = block.rows; row < block.rows + block.row_count; ++row) {
    int32x4_t sums = vdupq_n_s32(0);
    const uint16_t* end = index + row->count;
    for (; end - index >= 4; index += 4, value += 4 * kSparseWidth) {
      int8_t four[4 * kSparseWidth];
#pragma GCC unroll 4
      for (size_t i = 0; i < 4; ++i) __builtin_memcpy(four + i * kSparseWidth, x + index[i], kSparseWidth);
      sums = vdotq_s32(sums, vld1q_s8(four), vld1q_s8(value));
    }
    int32_t sum = vaddvq_s32(sums);
    for (; index < end; ++index, value += kSparseWidth) {
      for (size_t i = 0; i < kSparseWidth; ++i) sum += value[i] * static_cast<int8_t>(x[*index + i]);
    }
    acc[row->row] = accumulate ? acc[row->row] + sum : sum;
  }
}

// Four rows of a quad to an instruction.
void SpmvQuads4(const QSpmmBlock& block, const uint8_t* x, int32_t* acc, bool accumulate) {
  const uint16_t* index = block.index;
  const int8_t* value = static_cast<const int8_t*>(block.values);
  for (const SparseRow* row = block.rows; row < block.rows + block.row_count; ++row) {
    int32_t* out = acc + row->row * kSparseHeight;
    int32x4_t rows = accumulate ? vld1q_s32(out) : vdupq_n_s32(0);
    for (const uint16_t* end = index + row->count; index < end; ++index, value += kSparseHeight * kSparseWidth)
      rows = vdotq_s32(rows, Repeat(x + *index), vld1q_s8(value));
    vst1q_s32(out, rows);
  }
}

// Four columns of 16 bytes, which are four quads each.
void FillColumnQuads(size_t depth, size_t cols, const uint8_t* from, size_t ld, uint8_t flip, void* tile) {
  uint8_t* to = static_cast<uint8_t*>(tile);
  const uint8x16_t flips = vdupq_n_u8(flip);
  const size_t whole = cols / 4 * 4, whole_depth = depth / 16 * 16;
  for (size_t col = 0; col < whole; col += 4) {
    for (size_t k = 0; k < whole_depth; k += 16) {
      int32_t x[4][4], turned[4][4];
#pragma GCC unroll 4
      for (size_t i = 0; i < 4; ++i) vst1q_s32(x[i], vreinterpretq_s32_u8(veorq_u8(vld1q_u8(from + (col + i) * ld + k), flips)));
      TransposeSquare<int32_t>(x[0], 4, turned[0], 4);
#pragma GCC unroll 4
      for (size_t i = 0; i < 4; ++i) __builtin_memcpy(to + QuadTraits::At(k + 4 * i, col), turned[i], sizeof(turned[i]));
    }
  }
  FillEdge<QuadTraits>(whole_depth, depth, 0, whole, from, 1, ld, flip, to);
  FillEdge<QuadTraits>(0, depth, whole, cols, from, 1, ld, flip, to);
}

// Four rows of 16 columns.
void FillRowQuads(size_t depth, size_t cols, const uint8_t* from, size_t ld, uint8_t flip, void* tile) {
  uint8_t* to = static_cast<uint8_t*>(tile);
  const uint8x16_t flips = vdupq_n_u8(flip);
  const size_t whole = cols / 16 * 16;
  for (size_t k = 0; k < depth; k += kSparseWidth) {
    for (size_t col = 0; col < whole; col += 16) {
      uint8x16x4_t rows;
#pragma GCC unroll 4
      for (size_t i = 0; i < kSparseWidth; ++i) rows.val[i] = veorq_u8(vld1q_u8(from + (k + i) * ld + col), flips);
      vst4q_u8(to + QuadTraits::At(k, col), rows);
    }
  }
  FillEdge<QuadTraits>(0, depth, whole, cols, from, ld, 1, flip, to);
}

}  // namespace

extern const QSpmmKernel kQSpmmNeonDot;
const QSpmmKernel kQSpmmNeonDot = {{"qspmm_s8u8s32_1x64__neondot",
                                    false,
                                    {Ukernel<1, 1>, Ukernel<kSparseHeight, 1>},
                                    {QSpmv<Traits, 1>, QSpmv<Traits, kSparseHeight>},
                                    FillRowsPlainly<Traits>,
                                    FillColumnsPlainly<Traits>},
                                   {"qspmm_quads_s8u8s32_1x64c4__neondot",
                                    true,
                                    {UkernelQuads<1>, UkernelQuads<kSparseHeight>},
                                    {SpmvQuads1, SpmvQuads4},
                                    FillRowQuads,
                                    FillColumnQuads},
                                   {kQuadFill, kQuadFill},
                                   nullptr,
                                   sizeof(Traits::Value),
                                   Traits::kGroup,
                                   kSparseNb * sizeof(Traits::Element),
                                   TransposeBy<int32_t, 4, TransposeSquare<int32_t>>,
                                   StoreIntTile<VectorNeon, kSparseNb>};

}  // namespace lowp
