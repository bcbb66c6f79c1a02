// The microkernels, once for all ISAs: templates over a vector type V with
//
//   F, kWidth, kStrip      the vector, its floats, and the vectors of columns that kSparseHeight rows go over at a time
//   Load Store Set Add Fma Fma(x, y, sum) = x * y + sum, fused
//   FmaOne                 the same for one float
#ifndef LOWP_KERNELS_SPMM_SPMM_UKERNEL_H_
#define LOWP_KERNELS_SPMM_SPMM_UKERNEL_H_

#include "kernels/spmm/spmm_kernel.h"

namespace lowp {

// Sums of one row in registers. An entry costs a broadcast and a multiply-add from memory for each vector: with 8 vectors of
// AVX2 that is 9 loads at 2 a cycle for 8 multiply-adds, so at most 89 % of peak. Waiting until the end with adding what acc
// holds, and prefetching it, made no difference. With fewer vectors several entries add to sums of their own, because each would
// have to wait for the one before (8 columns at 80 % zeros: 46 -> 30 us).
//
// kWidth: 1, or kSparseWidth for quads, which one index serves: 1.09 to 1.16 times as fast in blocks of 1x4.
template <class V, int kWidth, int kVectors>
void SpmmRows(const SpmmBlock& block, const float* tile, float* acc, bool accumulate) {
  constexpr int kSplit = kVectors >= 8 ? 1 : kVectors >= 4 ? 2 : 4;
  const uint16_t* index = block.index;
  const float* value = block.values;
  for (const SparseRow* row = block.rows; row < block.rows + block.row_count; ++row) {
    float* out = acc + row->row * kSparseNb;
    typename V::F c[kSplit][kVectors];
#pragma GCC unroll 16
    for (int j = 0; j < kVectors; ++j) {
      c[0][j] = accumulate ? V::Load(out + j * V::kWidth) : V::Set(0);
#pragma GCC unroll 4
      for (int i = 1; i < kSplit; ++i) c[i][j] = V::Set(0);
    }
    const auto add = [&](const float* v, const float* b, typename V::F(&to)[kVectors]) {
      const typename V::F factor = V::Set(*v);
#pragma GCC unroll 16
      for (int j = 0; j < kVectors; ++j) to[j] = V::Fma(factor, V::Load(b + j * V::kWidth), to[j]);
    };
    const uint16_t* end = index + row->count;
    if constexpr (kWidth == 1) {
      for (; end - index >= kSplit; value += kSplit, index += kSplit) {
#pragma GCC unroll 4
        for (int i = 0; i < kSplit; ++i) add(value + i, tile + index[i] * kSparseNb, c[i]);
      }
    }
    for (; index < end; ++index, value += kWidth) {
      const float* b = tile + *index * kSparseNb;
#pragma GCC unroll 4
      for (int i = 0; i < kWidth; ++i) add(value + i, b + i * kSparseNb, c[i % kSplit]);
    }
#pragma GCC unroll 16
    for (int j = 0; j < kVectors; ++j) {
#pragma GCC unroll 4
      for (int i = 1; i < kSplit; ++i) c[0][j] = V::Add(c[0][j], c[i][j]);
      V::Store(out + j * V::kWidth, c[0][j]);
    }
  }
}

template <class V, int kWidth, int kVectors>
void SpmmByVectors(const SpmmBlock& block, size_t vectors, const float* tile, float* acc, bool accumulate) {
  if (vectors == kVectors) return SpmmRows<V, kWidth, kVectors>(block, tile, acc, accumulate);
  if constexpr (kVectors > 1) SpmmByVectors<V, kWidth, kVectors - 1>(block, vectors, tile, acc, accumulate);
}

template <class V, int kWidth>
void Spmm1(const SpmmBlock& block, size_t cols, const float* tile, float* acc, bool accumulate) {
  SpmmByVectors<V, kWidth, kSparseNb / V::kWidth>(block, (cols + V::kWidth - 1) / V::kWidth, tile, acc, accumulate);
}

// Each vector of the tile serves kSparseHeight rows, so the multipliers are the limit, not the loads: a strip of columns at a
// time.
template <class V, int kWidth>
void Spmm4(const SpmmBlock& block, size_t cols, const float* tile, float* acc, bool accumulate) {
  constexpr int kHeight = kSparseHeight, kStrip = V::kStrip;
  const uint16_t* index = block.index;
  const float* value = block.values;
  for (const SparseRow* row = block.rows; row < block.rows + block.row_count; ++row) {
    const size_t count = row->count;
    for (size_t col = 0; col < cols; col += kStrip * V::kWidth) {
      float* out = acc + row->row * kHeight * kSparseNb + col;
      typename V::F c[kHeight][kStrip];
#pragma GCC unroll 4
      for (int r = 0; r < kHeight; ++r) {
#pragma GCC unroll 4
        for (int j = 0; j < kStrip; ++j) c[r][j] = accumulate ? V::Load(out + r * kSparseNb + j * V::kWidth) : V::Set(0);
      }
      for (size_t i = 0; i < count; ++i) {
        const float* b = tile + index[i] * kSparseNb + col;
        const float* v = value + i * kHeight * kWidth;
#pragma GCC unroll 4
        for (int w = 0; w < kWidth; ++w) {
          typename V::F from[kStrip];
#pragma GCC unroll 4
          for (int j = 0; j < kStrip; ++j) from[j] = V::Load(b + w * kSparseNb + j * V::kWidth);
#pragma GCC unroll 4
          for (int r = 0; r < kHeight; ++r) {
            const typename V::F factor = V::Set(v[r * kWidth + w]);
#pragma GCC unroll 4
            for (int j = 0; j < kStrip; ++j) c[r][j] = V::Fma(factor, from[j], c[r][j]);
          }
        }
      }
#pragma GCC unroll 4
      for (int r = 0; r < kHeight; ++r) {
#pragma GCC unroll 4
        for (int j = 0; j < kStrip; ++j) V::Store(out + r * kSparseNb + j * V::kWidth, c[r][j]);
      }
    }
    index += count;
    value += count * kHeight * kWidth;
  }
}

// One column. Floats are fetched one by one, because eight at a time (vgatherdps) take longer: 0.55 against 0.64-1.04 ns an entry
// on Zen 3. Four sums, so that additions do not wait for each other. Tried without gain: four indices by one load (0.49 -> 0.45
// ns at 90 % zeros on a core of its own, but 0.69 -> 0.78 where a neighbour shares it; slower at 95 %), the same with the floats
// inserted into a vector, and four rows of one count at a time.
template <class V>
void Spmv1(const SpmmBlock& block, const float* x, float* acc, bool accumulate) {
  const uint16_t* index = block.index;
  const float* value = block.values;
  for (const SparseRow* row = block.rows; row < block.rows + block.row_count; ++row) {
    size_t left = row->count;
    float s0 = 0, s1 = 0, s2 = 0, s3 = 0;
    for (; left >= 4; left -= 4, index += 4, value += 4) {
      s0 = V::FmaOne(value[0], x[index[0]], s0);
      s1 = V::FmaOne(value[1], x[index[1]], s1);
      s2 = V::FmaOne(value[2], x[index[2]], s2);
      s3 = V::FmaOne(value[3], x[index[3]], s3);
    }
    for (; left > 0; --left, ++index, ++value) s0 = V::FmaOne(*value, x[*index], s0);
    const float sum = (s0 + s1) + (s2 + s3);
    acc[row->row] = accumulate ? acc[row->row] + sum : sum;
  }
}

template <class V>
void Spmv4(const SpmmBlock& block, const float* x, float* acc, bool accumulate) {
  const uint16_t* index = block.index;
  const float* value = block.values;
  for (const SparseRow* row = block.rows; row < block.rows + block.row_count; ++row) {
    float sums[kSparseHeight] = {};
    for (const uint16_t* end = index + row->count; index < end; ++index, value += kSparseHeight) {
      const float from = x[*index];
#pragma GCC unroll 4
      for (size_t r = 0; r < kSparseHeight; ++r) sums[r] = V::FmaOne(value[r], from, sums[r]);
    }
    float* out = acc + row->row * kSparseHeight;
    for (size_t r = 0; r < kSparseHeight; ++r) out[r] = accumulate ? out[r] + sums[r] : sums[r];
  }
}

// The sum of a vector of four.
template <class V>
float SumOfFour(typename V::F x) {
  float lanes[kSparseWidth];
  V::Store(lanes, x);
  return (lanes[0] + lanes[1]) + (lanes[2] + lanes[3]);
}

// One column, quads: V::kWidth of kSparseWidth. Four sums, so that additions do not wait for each other.
template <class V>
void SpmvQuads1(const SpmmBlock& block, const float* x, float* acc, bool accumulate) {
  constexpr size_t kSums = 4;
  const uint16_t* index = block.index;
  const float* value = block.values;
  for (const SparseRow* row = block.rows; row < block.rows + block.row_count; ++row) {
    typename V::F sums[kSums] = {V::Set(0), V::Set(0), V::Set(0), V::Set(0)};
    const uint16_t* end = index + row->count;
    for (; end - index >= static_cast<ptrdiff_t>(kSums); index += kSums, value += kSums * V::kWidth) {
#pragma GCC unroll 4
      for (size_t i = 0; i < kSums; ++i) sums[i] = V::Fma(V::Load(value + i * V::kWidth), V::Load(x + index[i]), sums[i]);
    }
    for (; index < end; ++index, value += V::kWidth) sums[0] = V::Fma(V::Load(value), V::Load(x + *index), sums[0]);
    const float sum = SumOfFour<V>(V::Add(V::Add(sums[0], sums[1]), V::Add(sums[2], sums[3])));
    acc[row->row] = accumulate ? acc[row->row] + sum : sum;
  }
}

// The same for four rows.
template <class V>
void SpmvQuads4(const SpmmBlock& block, const float* x, float* acc, bool accumulate) {
  constexpr size_t kHeight = kSparseHeight;
  const uint16_t* index = block.index;
  const float* value = block.values;
  for (const SparseRow* row = block.rows; row < block.rows + block.row_count; ++row) {
    typename V::F sums[kHeight] = {V::Set(0), V::Set(0), V::Set(0), V::Set(0)};
    for (const uint16_t* end = index + row->count; index < end; ++index, value += kHeight * V::kWidth) {
      const typename V::F from = V::Load(x + *index);
#pragma GCC unroll 4
      for (size_t r = 0; r < kHeight; ++r) sums[r] = V::Fma(V::Load(value + r * V::kWidth), from, sums[r]);
    }
    float* out = acc + row->row * kHeight;
    for (size_t r = 0; r < kHeight; ++r) out[r] = accumulate ? out[r] + SumOfFour<V>(sums[r]) : SumOfFour<V>(sums[r]);
  }
}

}  // namespace lowp

#endif  // LOWP_KERNELS_SPMM_SPMM_UKERNEL_H_
