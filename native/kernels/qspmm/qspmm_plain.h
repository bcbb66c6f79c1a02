// What needs no vectors: one column, and tiles filled one by one. Templates, which each ISA file instantiates with types of its
// own anonymous namespace, so that every instance has internal linkage.
#ifndef LOWP_KERNELS_QSPMM_QSPMM_PLAIN_H_
#define LOWP_KERNELS_QSPMM_QSPMM_PLAIN_H_

#include "kernels/qspmm/qspmm_kernel.h"

namespace lowp {

// One column. Traits: Value, the stored type; kGroup.
template <class Traits, size_t kHeight>
void QSpmv(const QSpmmBlock& block, const uint8_t* x, int32_t* acc, bool accumulate) {
  constexpr size_t kGroup = Traits::kGroup;
  const uint16_t* index = block.index;
  const auto* value = static_cast<const typename Traits::Value*>(block.values);
  for (const SparseRow* row = block.rows; row < block.rows + block.row_count; ++row) {
    int32_t sums[kHeight][kGroup] = {};
    for (const uint16_t* end = index + row->count; index < end; index += kGroup, value += kHeight * kGroup) {
#pragma GCC unroll 4
      for (size_t r = 0; r < kHeight; ++r) {
#pragma GCC unroll 4
        for (size_t i = 0; i < kGroup; ++i) sums[r][i] += value[r * kGroup + i] * x[index[i]];
      }
    }
    for (size_t r = 0; r < kHeight; ++r) {
      int32_t* out = acc + row->row * kHeight + r;
      int32_t sum = accumulate ? *out : 0;
#pragma GCC unroll 4
      for (size_t i = 0; i < kGroup; ++i) sum += sums[r][i];
      *out = sum;
    }
  }
}

// One column, quads.
template <class Traits, size_t kHeight>
void QSpmvQuads(const QSpmmBlock& block, const uint8_t* x, int32_t* acc, bool accumulate) {
  constexpr size_t kWidth = kSparseWidth;
  const uint16_t* index = block.index;
  const auto* value = static_cast<const typename Traits::Value*>(block.values);
  for (const SparseRow* row = block.rows; row < block.rows + block.row_count; ++row) {
    int32_t sums[kHeight] = {};
    for (const uint16_t* end = index + row->count; index < end; ++index, value += kHeight * kWidth) {
#pragma GCC unroll 4
      for (size_t r = 0; r < kHeight; ++r) {
#pragma GCC unroll 4
        for (size_t i = 0; i < kWidth; ++i) sums[r] += value[r * kWidth + i] * x[*index + i];
      }
    }
    int32_t* out = acc + row->row * kHeight;
    for (size_t r = 0; r < kHeight; ++r) out[r] = accumulate ? out[r] + sums[r] : sums[r];
  }
}

// Columns begin .. end of depths k_begin .. k_end. Traits: Element, of a tile; At(k, col), where one stands.
template <class Traits>
void FillEdge(size_t k_begin, size_t k_end, size_t begin, size_t end, const uint8_t* from, size_t k_stride, size_t col_stride,
              uint8_t flip, typename Traits::Element* tile) {
  for (size_t k = k_begin; k < k_end; ++k) {
    for (size_t col = begin; col < end; ++col) {
      tile[Traits::At(k, col)] =
          static_cast<typename Traits::Element>(static_cast<uint8_t>(from[k * k_stride + col * col_stride] ^ flip));
    }
  }
}

template <class Traits>
void FillRowsPlainly(size_t depth, size_t cols, const uint8_t* from, size_t ld, uint8_t flip, void* tile) {
  FillEdge<Traits>(0, depth, 0, cols, from, ld, 1, flip, static_cast<typename Traits::Element*>(tile));
}

template <class Traits>
void FillColumnsPlainly(size_t depth, size_t cols, const uint8_t* from, size_t ld, uint8_t flip, void* tile) {
  FillEdge<Traits>(0, depth, 0, cols, from, 1, ld, flip, static_cast<typename Traits::Element*>(tile));
}

}  // namespace lowp

#endif  // LOWP_KERNELS_QSPMM_QSPMM_PLAIN_H_
