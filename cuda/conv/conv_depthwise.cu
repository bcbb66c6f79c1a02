// Depthwise convolutions, bound by memory. A thread has one result, or those of four neighbouring channels of [N,H,W,C] with one
// load for each tap; the taps that windows share come from L1.
//
// int8: four taps at a time. Of four channels the four loads, four bytes each, become four taps of each channel by eight byte
// permutations, and then four dot products: 12 operations for 16 multiplications. 3 x 3 takes 9 loads of x, 3 of weights and 36
// operations for four results. Zero points of weights take another dot product each, with ones.
//
// 256 threads, no shared memory; registers (ptxas, sm_90a): 27 to 48; no spills. Expected on an H200: half of the copy bandwidth
// of [N,H,W,C], a third of [N,C,H,W] in bytes. It has NOT been timed on a GPU yet.
#include "core/aligned_buffer.h"
#include "cuda/conv/conv_layout.h"
#include "cuda/conv/conv_store.cuh"
#include "cuda/device/launch.h"

namespace lowp {
namespace {

constexpr uint32_t kThreads = 256;

// Where a result is, and the pixel of x where its window begins.
struct Place {
  uint32_t channel;
  int32_t y, x;
  int64_t at;
};

LOWP_DEVICE Place PlaceOf(const DepthwiseTask& t, uint32_t index) {
  const ConvWindow& w = t.window;
  uint32_t image = index, channel = 0, ox = 0, oy = 0;
  if (t.store.nhwc) {
    channel = Divide(image, t.by_channels) * (t.vectors ? 4 : 1);
    ox = Divide(image, w.by_out_w);
    oy = Divide(image, w.by_out_h);
  } else {
    ox = Divide(image, w.by_out_w);
    oy = Divide(image, w.by_out_h);
    channel = Divide(image, t.by_channels);
  }
  const int32_t y = static_cast<int32_t>(oy) * w.stride_h - w.pad_top, x = static_cast<int32_t>(ox) * w.stride_w - w.pad_left;
  const int64_t pixel = static_cast<int64_t>(y) * w.width + x;
  return {channel, y, x, static_cast<int64_t>(image * t.image + channel * t.channel) + pixel * static_cast<int64_t>(t.pixel)};
}

// The taps of a window one after another.
class Taps {
 public:
  LOWP_DEVICE Taps(const DepthwiseTask& task, const Place& place) : t_(task), place_(place) {}
  LOWP_DEVICE bool inside() const {
    const ConvWindow& w = t_.window;
    return static_cast<uint32_t>(place_.y + dy_) < static_cast<uint32_t>(w.height) &&
           static_cast<uint32_t>(place_.x + dx_) < static_cast<uint32_t>(w.width);
  }
  // Element of x.
  LOWP_DEVICE int64_t at() const {
    return place_.at + (static_cast<int64_t>(dy_) * t_.window.width + dx_) * static_cast<int64_t>(t_.pixel);
  }
  LOWP_DEVICE void Next() {
    dx_ += t_.window.dilation_w;
    if (++kx_ < t_.window.kernel_w) return;
    kx_ = 0;
    dx_ = 0;
    dy_ += t_.window.dilation_h;
  }

 private:
  const DepthwiseTask& t_;
  const Place& place_;
  int32_t dy_ = 0, dx_ = 0;
  uint32_t kx_ = 0;
};

template <int kLanes>
LOWP_KERNEL __launch_bounds__(kThreads) DepthwiseInt8Kernel(DepthwiseTask t) {
  const uint64_t index = static_cast<uint64_t>(blockIdx.x) * kThreads + threadIdx.x;
  if (index >= t.outputs) return;
  const Place place = PlaceOf(t, static_cast<uint32_t>(index));
  const uint8_t* x = static_cast<const uint8_t*>(t.x);
  Taps taps(t, place);
  Pack<int32_t, kLanes> acc = {}, total = {};
  for (uint32_t first = 0; first < t.window.taps; first += kConvTapGroup) {
    const uint32_t* weights =
        static_cast<const uint32_t*>(t.w) + static_cast<uint64_t>(first / kConvTapGroup) * t.channels + place.channel;
    uint32_t by_tap[kConvTapGroup] = {};  // taps that do not exist are 0
    LOWP_UNROLL
    for (uint32_t i = 0; i < kConvTapGroup; ++i) {
      if (first + i >= t.window.taps) continue;
      uint32_t word = t.pad;
      if (taps.inside()) word = kLanes == 4 ? *reinterpret_cast<const uint32_t*>(x + taps.at()) : x[taps.at()];
      by_tap[i] = word ^ t.flip;
      taps.Next();
    }
    const uint32_t low01 = __byte_perm(by_tap[0], by_tap[1], 0x5140), low23 = __byte_perm(by_tap[2], by_tap[3], 0x5140);
    const uint32_t high01 = __byte_perm(by_tap[0], by_tap[1], 0x7362), high23 = __byte_perm(by_tap[2], by_tap[3], 0x7362);
    const uint32_t by_channel[4] = {__byte_perm(low01, low23, 0x5410), __byte_perm(low01, low23, 0x7632),
                                    __byte_perm(high01, high23, 0x5410), __byte_perm(high01, high23, 0x7632)};
    const Pack<uint32_t, kLanes> w = *reinterpret_cast<const Pack<uint32_t, kLanes>*>(weights);
    LOWP_UNROLL
    for (int i = 0; i < kLanes; ++i) {
      acc.lane[i] = Dp4aS8S8(by_channel[i], w.lane[i], acc.lane[i]);
      if (t.has_zero) total.lane[i] = Dp4aS8S8(by_channel[i], 0x01010101u, total.lane[i]);
    }
  }
  const ConvColumns<int32_t, kLanes> columns(t.store, place.channel, kLanes);
  using V = DeviceVector<kLanes>;
  if (t.has_zero) acc = V::SubI(acc, V::MulI(total, columns.columns.zero));
  columns.Store(t.store, acc, 0, kLanes, index * kLanes);
}

template <int kLanes>
LOWP_KERNEL __launch_bounds__(kThreads) DepthwiseFloatKernel(DepthwiseTask t) {
  const uint64_t index = static_cast<uint64_t>(blockIdx.x) * kThreads + threadIdx.x;
  if (index >= t.outputs) return;
  const Place place = PlaceOf(t, static_cast<uint32_t>(index));
  const float *x = static_cast<const float*>(t.x), *weights = static_cast<const float*>(t.w) + place.channel;
  using Lanes = Pack<float, kLanes>;
  Taps taps(t, place);
  Lanes acc = {};
  for (uint32_t tap = 0; tap < t.window.taps; ++tap, taps.Next(), weights += t.channels) {
    if (!taps.inside()) continue;
    const Lanes at = *reinterpret_cast<const Lanes*>(x + taps.at()), w = *reinterpret_cast<const Lanes*>(weights);
    LOWP_UNROLL
    for (int i = 0; i < kLanes; ++i) acc.lane[i] = __fmaf_rn(at.lane[i], w.lane[i], acc.lane[i]);
  }
  ConvColumns<float, kLanes>(t.store, place.channel, kLanes).Store(t.store, acc, 0, kLanes, index * kLanes);
}

dim3 Blocks(const DepthwiseTask& task) { return dim3(static_cast<uint32_t>(DivUp(task.outputs, kThreads))); }

}  // namespace

Status LaunchDepthwiseInt8(CudaContext& context, const DepthwiseTask& task) {
  return Launch(context, task.vectors ? DepthwiseInt8Kernel<4> : DepthwiseInt8Kernel<1>, Blocks(task), dim3(kThreads), 0, task);
}

Status LaunchDepthwiseFloat(CudaContext& context, const DepthwiseTask& task) {
  return Launch(context, task.vectors ? DepthwiseFloatKernel<4> : DepthwiseFloatKernel<1>, Blocks(task), dim3(kThreads), 0, task);
}

}  // namespace lowp
