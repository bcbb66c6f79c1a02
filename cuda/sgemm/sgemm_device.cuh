// Parts that the kernels of the float32 product share.
#ifndef LOWP_CUDA_SGEMM_SGEMM_DEVICE_CUH_
#define LOWP_CUDA_SGEMM_SGEMM_DEVICE_CUH_

#include "cuda/device/epilogue.cuh"
#include "cuda/device/intrinsics.cuh"
#include "cuda/sgemm/sgemm_task.h"

namespace lowp {

template <SGemmStorage kStorage>
struct SGemmElement {
  using Type = uint16_t;
  // For a product, from which no NaN comes out as it went in.
  LOWP_DEVICE static float Widen(uint16_t x) {
    if constexpr (kStorage == SGemmStorage::kBfloat16) return Bf16ToFloat(x);
    return HalfToFloatAnyNan(x);
  }
  LOWP_DEVICE static uint16_t Round(float x) {
    if constexpr (kStorage == SGemmStorage::kBfloat16) return FloatToBf16(x);
    return FloatToHalf(x);
  }
};
template <>
struct SGemmElement<SGemmStorage::kFloat32> {
  using Type = float;
  LOWP_DEVICE static float Widen(float x) { return x; }
  LOWP_DEVICE static float Round(float x) { return x; }
};

// The part of a sum that a block has: depths k_begin .. k_end of rows from m0 on, columns from n0 on, and where it goes.
struct SGemmBlock {
  const float* a;
  uint32_t m0, n0, k_begin, k_end;
  FloatStore store;
};
LOWP_DEVICE SGemmBlock SGemmBlockOf(const SGemmTask& task, uint32_t tile_rows, uint32_t tile_cols) {
  const SGemmPlace place = SGemmPlaceOf(task, blockIdx.x);
  SGemmBlock block{};
  block.a = task.a + place.batch * task.batch_stride_a;
  block.m0 = place.m_tile * tile_rows;
  block.n0 = place.n_tile * tile_cols;
  block.k_begin = place.split * task.split_depth;
  block.k_end = min(task.k, block.k_begin + task.split_depth);
  block.store = task.store;
  block.store.c += place.batch * task.batch_stride_c + place.split * task.split_stride_c;
  if (block.store.residual.kind != ResidualKind::kNone) {
    block.store.residual.data = static_cast<const float*>(task.store.residual.data) +
                                static_cast<uint64_t>(place.batch) * task.m * task.store.residual.ld;
  }
  return block;
}

// kCount elements of one row of A from depth k on, a multiple of 4; zeros beyond its end. Lanes have neighbouring rows, so that a
// transposed A is read in whole lines too.
template <int kCount>
LOWP_DEVICE void LoadRowOfA(const SGemmTask& task, const SGemmBlock& block, uint32_t row, uint32_t k, float (&x)[kCount]) {
  const bool inside = row < task.m;
  if (task.transpose_a) {
    const float* from = block.a + k * task.lda + row;
    LOWP_UNROLL
    for (int i = 0; i < kCount; ++i) x[i] = inside && k + i < block.k_end ? from[i * task.lda] : 0.0f;
    return;
  }
  const float* from = block.a + row * task.lda + k;
  if (task.a_vectors && inside && k + kCount <= block.k_end) {
    LOWP_UNROLL
    for (int i = 0; i < kCount; i += 4) {
      const float4 four = *reinterpret_cast<const float4*>(from + i);
      x[i] = four.x;
      x[i + 1] = four.y;
      x[i + 2] = four.z;
      x[i + 3] = four.w;
    }
    return;
  }
  LOWP_UNROLL
  for (int i = 0; i < kCount; ++i) x[i] = inside && k + i < block.k_end ? from[i] : 0.0f;
}

}  // namespace lowp

#endif  // LOWP_CUDA_SGEMM_SGEMM_DEVICE_CUH_
