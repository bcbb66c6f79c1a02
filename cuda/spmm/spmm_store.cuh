// From the sums of a sparse product to C: the steps of kernels/epilogue in the order of kernels/qspmm and kernels/spmm.
#ifndef LOWP_CUDA_SPMM_SPMM_STORE_CUH_
#define LOWP_CUDA_SPMM_SPMM_STORE_CUH_

#include "cuda/device/epilogue.cuh"
#include "cuda/spmm/spmm_task.h"

namespace lowp {

// Sums of int8 may leave int32 before the zero point's share is taken off, and come back.
LOWP_DEVICE float AddSums(float x, float y) { return __fadd_rn(x, y); }
LOWP_DEVICE int32_t AddSums(int32_t x, int32_t y) { return VectorScalar::AddI(x, y); }

// Lanes are neighbours along the dense operand's columns or along rows of S; the first `count` exist.
struct SparsePlace {
  uint32_t row, dense, count;
  bool along_rows = false;

  LOWP_DEVICE uint32_t Row(int lane) const { return along_rows && static_cast<uint32_t>(lane) < count ? row + lane : row; }
  LOWP_DEVICE uint32_t Dense(int lane) const { return !along_rows && static_cast<uint32_t>(lane) < count ? dense + lane : dense; }
};

template <class T, int kLanes>
LOWP_DEVICE void StoreLanesOf(const SparseStore& o, const Pack<T, kLanes>& pack, const SparsePlace& place) {
  T* to = static_cast<T*>(o.c) + place.row * o.row_stride + place.dense * o.dense_stride;
  const uint64_t stride = place.along_rows ? o.row_stride : o.dense_stride;
  if (stride == 1) {
    StorePack<kLanes>(to, pack, place.count);
    return;
  }
  LOWP_UNROLL
  for (int i = 0; i < kLanes; ++i) {
    if (static_cast<uint32_t>(i) < place.count) to[i * stride] = pack.lane[i];
  }
}

template <int kLanes>
LOWP_DEVICE Pack<float, kLanes> AddBias(const SparseStore& o, Pack<float, kLanes> x, const SparsePlace& place) {
  if (o.bias_f32 == nullptr) return x;
  Pack<float, kLanes> bias;
  LOWP_UNROLL
  for (int i = 0; i < kLanes; ++i) bias.lane[i] = o.bias_f32[place.Row(i)];
  return DeviceVector<kLanes>::AddF(x, bias);
}

template <int kLanes>
LOWP_DEVICE void StoreSparse(const SparseStore& o, const Pack<float, kLanes>& sums, const SparsePlace& place) {
  using V = DeviceVector<kLanes>;
  const auto x = ActivateAny<V>(o.output.activation, AddBias<kLanes>(o, sums, place));
  StoreLanesOf<float, kLanes>(o, x, place);
}

template <int kLanes>
LOWP_DEVICE void StoreSparse(const SparseStore& o, const Pack<int32_t, kLanes>& sums, const SparsePlace& place) {
  using V = DeviceVector<kLanes>;
  const IntStore& e = o.output;
  typename V::I s = sums;
  typename V::F scale;
  LOWP_UNROLL
  for (int i = 0; i < kLanes; ++i) {
    const uint32_t row = place.Row(i), at = o.per_dense ? place.Dense(i) : 0;
    const int32_t zero = (o.dense_zeros != nullptr ? o.dense_zeros[at] : o.dense_zero) + o.dense_moved;
    scale.lane[i] = (o.dense_scales != nullptr ? o.dense_scales[at] : o.dense_scale) * o.scales[row];
    s.lane[i] = VectorScalar::SubI(s.lane[i], VectorScalar::MulI(zero, o.sums[row]));
    if (o.bias_s32 != nullptr) s.lane[i] = VectorScalar::AddI(s.lane[i], o.bias_s32[row]);
  }
  if (e.mode == IntStoreMode::kInt32) {
    StoreLanesOf<int32_t, kLanes>(o, s, place);
    return;
  }
  typename V::F x = V::ToF(s);
  if (e.mode == IntStoreMode::kRequantize) {
    x = V::MulF(x, V::DivF(scale, V::SetF(e.c_scale)));
  } else {
    x = ActivateAny<V>(e.activation, AddBias<kLanes>(o, V::MulF(x, scale), place));
    if (e.mode == IntStoreMode::kFloat32) {
      StoreLanesOf<float, kLanes>(o, x, place);
      return;
    }
    x = V::DivF(x, V::SetF(e.c_scale));
  }
  const typename V::I q = RoundToC<V>(e, x);
  Pack<uint8_t, kLanes> bytes;  // of either dtype
  LOWP_UNROLL
  for (int i = 0; i < kLanes; ++i) bytes.lane[i] = static_cast<uint8_t>(q.lane[i]);
  StoreLanesOf<uint8_t, kLanes>(o, bytes, place);
}

}  // namespace lowp

#endif  // LOWP_CUDA_SPMM_SPMM_STORE_CUH_
