// smlal multiplies four 16-bit columns by a value and adds to 32 bits, exactly. Only for files compiled for arm64.
#ifndef LOWP_KERNELS_QSPMM_QSPMM_NEON_H_
#define LOWP_KERNELS_QSPMM_QSPMM_NEON_H_

#include <arm_neon.h>

#include "kernels/qspmm/qspmm_plain.h"

namespace lowp {
namespace {

constexpr size_t kColumns = 16;  // of a step

struct Traits {
  using Value = int8_t;
  using Element = int16_t;
  static constexpr size_t kGroup = 1;
  static constexpr size_t At(size_t k, size_t col) { return k * kSparseNb + col; }
};

// `kSteps` steps of columns, kHeight rows. 4 sums a row and step.
template <int kHeight, int kWidth, int kSteps>
void Row(size_t count, const uint16_t* index, const int8_t* value, const int16_t* tile, int32_t* out, bool accumulate) {
  int32x4_t c[kHeight][4 * kSteps];
#pragma GCC unroll 4
  for (int r = 0; r < kHeight; ++r) {
#pragma GCC unroll 16
    for (int j = 0; j < 4 * kSteps; ++j) c[r][j] = accumulate ? vld1q_s32(out + r * kSparseNb + 4 * j) : vdupq_n_s32(0);
  }
  for (size_t i = 0; i < count; ++i) {
    const int16_t* from = tile + index[i] * kSparseNb;
#pragma GCC unroll 4
    for (int w = 0; w < kWidth; ++w) {
#pragma GCC unroll 8
      for (int j = 0; j < 2 * kSteps; ++j) {
        const int16x8_t x = vld1q_s16(from + w * kSparseNb + 8 * j);
#pragma GCC unroll 4
        for (int r = 0; r < kHeight; ++r) {
          const int16_t v = value[(i * kHeight + r) * kWidth + w];
          c[r][2 * j] = vmlal_n_s16(c[r][2 * j], vget_low_s16(x), v);
          c[r][2 * j + 1] = vmlal_n_s16(c[r][2 * j + 1], vget_high_s16(x), v);
        }
      }
    }
  }
#pragma GCC unroll 4
  for (int r = 0; r < kHeight; ++r) {
#pragma GCC unroll 16
    for (int j = 0; j < 4 * kSteps; ++j) vst1q_s32(out + r * kSparseNb + 4 * j, c[r][j]);
  }
}

// Strips of kSteps steps: 16 sums in registers.
template <int kHeight, int kWidth>
void Ukernel(const QSpmmBlock& block, size_t cols, const void* tile, int32_t* acc, bool accumulate) {
  constexpr int kSteps = 4 / kHeight;
  const uint16_t* index = block.index;
  const int8_t* value = static_cast<const int8_t*>(block.values);
  for (const SparseRow* row = block.rows; row < block.rows + block.row_count; ++row) {
    int32_t* out = acc + row->row * kHeight * kSparseNb;
    for (size_t col = 0; col < cols; col += kSteps * kColumns)
      Row<kHeight, kWidth, kSteps>(row->count, index, value, static_cast<const int16_t*>(tile) + col, out + col, accumulate);
    index += row->count;
    value += row->count * kHeight * kWidth;
  }
}

}  // namespace
}  // namespace lowp

#endif  // LOWP_KERNELS_QSPMM_QSPMM_NEON_H_
