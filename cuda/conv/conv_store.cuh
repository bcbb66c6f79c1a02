// From the sums of a convolution to y: the steps of kernels/epilogue, for results in any order in memory.
#ifndef LOWP_CUDA_CONV_CONV_STORE_CUH_
#define LOWP_CUDA_CONV_CONV_STORE_CUH_

#include "cuda/conv/conv_task.h"
#include "cuda/device/epilogue.cuh"

namespace lowp {

template <class Sum, int kLanes>
struct ConvColumns;

// Constants of kLanes output channels from `channel` on, of which `count` exist (or of one channel, kLanes 1), and what they do
// to sums.
template <int kLanes>
struct ConvColumns<float, kLanes> {
  using V = DeviceVector<kLanes>;
  typename V::F bias;

  LOWP_DEVICE ConvColumns(const ConvStore& o, uint32_t channel, uint32_t count)
      : bias(o.output.bias != nullptr ? V::LoadFirstF(o.output.bias + channel, count) : V::SetF(0)) {}
  // To element `at` of y.
  LOWP_DEVICE void Store(const ConvStore& o, const Pack<float, kLanes>& sums, uint64_t, uint32_t count, uint64_t at) const {
    typename V::F x = sums;
    if (o.output.bias != nullptr) x = V::AddF(x, bias);
    x = AddResidual<V>(o.output.residual, x, 0, at, count);
    V::StoreF(static_cast<float*>(o.output.c) + at, ActivateAny<V>(o.output.activation, x), count);
  }
};

template <int kLanes>
struct ConvColumns<int32_t, kLanes> {
  using V = DeviceVector<kLanes>;
  SumColumns<kLanes> columns;

  LOWP_DEVICE ConvColumns(const ConvStore& o, uint32_t channel, uint32_t count) : columns(Load(o, channel, count)) {}
  // `row` is that of row_sum.
  LOWP_DEVICE void Store(const ConvStore& o, const Pack<int32_t, kLanes>& sums, uint64_t row, uint32_t count, uint64_t at) const {
    StoreSums<kLanes>(o.output, columns, sums, row, at, count, at);
  }

 private:
  LOWP_DEVICE static SumColumns<kLanes> Load(const ConvStore& o, uint32_t channel, uint32_t count) {
    // sum (x - zx)(w - zw) = sum xw - zw sum x - zx sum (w - zw)
    typename V::I add = V::MulI(V::SetI(o.x_zero), V::LoadFirstI(o.sums + channel, count));
    add = V::SubI(o.bias_s32 != nullptr ? V::LoadFirstI(o.bias_s32 + channel, count) : V::SetI(0), add);
    typename V::F scale = V::MulF(V::SetF(o.x_scale), V::LoadFirstF(o.scales + channel, count));
    if (o.output.mode == IntStoreMode::kRequantize) scale = V::DivF(scale, V::SetF(o.output.c_scale));
    return {add, V::LoadFirstI(o.zeros + channel, count), V::SetI(0), scale,
            o.output.bias != nullptr ? V::LoadFirstF(o.output.bias + channel, count) : V::SetF(0)};
  }
};

// The sum of pixel m and an output channel, to y.
template <class Sum>
LOWP_DEVICE void StoreConvSum(const ConvTask& t, Sum sum, uint32_t m, uint32_t channel, uint32_t group) {
  const ConvStore& o = t.store;
  uint32_t image = m;
  const uint32_t pixel = Divide(image, o.by_pixels);
  const uint64_t at = o.nhwc ? static_cast<uint64_t>(m) * o.out_channels + channel
                             : (static_cast<uint64_t>(image) * o.out_channels + channel) * o.out_pixels + pixel;
  ConvColumns<Sum, 1>(o, channel, 1).Store(o, {{sum}}, static_cast<uint64_t>(group) * t.pixels + m, 1, at);
}

// Sums of kRows pixels from m0 on and kCols channels of a group from n0 on, in shared memory [kRows][pitch], to y, or where K has
// been split to where they wait for the others'.
LOWP_HD inline uint32_t ConvPitch(uint32_t cols, const ConvTask& t) {
  return cols + (t.store.nhwc || t.partial != nullptr ? 4 : 1);
}

template <class Sum, uint32_t kRows, uint32_t kCols, uint32_t kThreads>
LOWP_DEVICE void StoreConvSums(const ConvTask& t, const Sum* sums, uint32_t m0, uint32_t n0, uint32_t group, uint32_t split) {
  const ConvStore& o = t.store;
  const uint32_t pitch = ConvPitch(kCols, t), thread = threadIdx.x;
  constexpr uint32_t kFours = kCols / 4;
  if (o.nhwc || t.partial != nullptr) {
    const uint32_t col = thread % kFours * 4, n = n0 + col, channel = group * t.group_outputs + n;
    if (n >= t.group_outputs) return;
    const uint32_t left = t.group_outputs - n, count = left < 4 ? left : 4;
    if (t.partial != nullptr) {
      Sum* to = static_cast<Sum*>(t.partial) + static_cast<uint64_t>(split) * t.pixels * o.out_channels + channel;
      for (uint32_t row = thread / kFours; row < kRows && m0 + row < t.pixels; row += kThreads / kFours) {
        StorePack<4>(to + static_cast<uint64_t>(m0 + row) * o.out_channels,
                     *reinterpret_cast<const Pack<Sum, 4>*>(sums + row * pitch + col), count);
      }
      return;
    }
    const ConvColumns<Sum, 4> columns(o, channel, count);
    LOWP_NO_UNROLL
    for (uint32_t row = thread / kFours; row < kRows && m0 + row < t.pixels; row += kThreads / kFours) {
      const uint32_t m = m0 + row;
      columns.Store(o, *reinterpret_cast<const Pack<Sum, 4>*>(sums + row * pitch + col),
                    static_cast<uint64_t>(group) * t.pixels + m, count, static_cast<uint64_t>(m) * o.out_channels + channel);
    }
    return;
  }
  const uint32_t row = thread % kRows, m = m0 + row;
  if (m >= t.pixels) return;
  LOWP_NO_UNROLL
  for (uint32_t col = thread / kRows; col < kCols && n0 + col < t.group_outputs; col += kThreads / kRows)
    StoreConvSum<Sum>(t, sums[row * pitch + col], m, group * t.group_outputs + n0 + col, group);
}

}  // namespace lowp

#endif  // LOWP_CUDA_CONV_CONV_STORE_CUH_
