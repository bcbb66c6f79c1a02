// Pooling. Bound by memory: a maximum of 3x3 with stride 2 reads each element once from DRAM and some 2.25 times from L1.
//
// One kernel: a thread makes one result, or on channels that lie together 16 bytes of them with one load for each tap; where
// windows are large and results few, several threads (slices) share a window and join in shared memory, always in the same order.
// Images [N,C,H,W] are N * C images of one channel. 256 threads, at most 2 KB of shared memory; registers (ptxas, sm_90a): 38 to
// 54 by single elements, 40 to 56 by 16 bytes; no spills. Expected on an H200: 80 % of the copy bandwidth by 16 bytes, less where
// neighbouring results of [N,C,H,W] read single bytes. It has NOT been timed on a GPU yet.
#include <algorithm>
#include <string>

#include "core/aligned_buffer.h"
#include "cuda/device/divide.h"
#include "cuda/device/launch.h"
#include "cuda/plugin_abi.h"
#include "cuda/pool/pool_window.cuh"
#include "kernels/pool/pool_window.h"

namespace lowp {
namespace {

constexpr uint32_t kThreads = 256;
constexpr int kVectorBytes = 16;

struct Plan {
  const void* x;
  void* y;
  uint32_t outputs;               // by single elements or vectors
  Divisor vectors, out_w, out_h;  // of an output's index, innermost first
  DevicePoolAxis rows, columns;
  int64_t channels;  // elements from pixel to pixel
  bool include_pad;
  bool slices_inner;  // neighbouring threads share a window; else they have neighbouring results
  uint32_t slices;    // a power of 2
  PoolScales scales;
};

LOWP_DEVICE uint32_t WordOf(const uint4& v, int i) { return i == 0 ? v.x : i == 1 ? v.y : i == 2 ? v.z : v.w; }
template <class T>
LOWP_DEVICE T LaneOf(const uint4& v, int i) {
  if constexpr (sizeof(T) == sizeof(float)) {
    return __uint_as_float(WordOf(v, i));
  } else {
    return static_cast<T>(static_cast<uint8_t>(WordOf(v, i / 4) >> i % 4 * 8));
  }
}

template <class R, int kVector>
LOWP_DEVICE void AddTap(const typename R::In* tap, typename R::Acc (&acc)[kVector]) {
  if constexpr (kVector == 1) {
    acc[0] = R::Join(acc[0], static_cast<typename R::Acc>(*tap));
  } else {
    const uint4 v = *reinterpret_cast<const uint4*>(tap);
    LOWP_UNROLL
    for (int i = 0; i < kVector; ++i) acc[i] = R::Join(acc[i], static_cast<typename R::Acc>(LaneOf<typename R::In>(v, i)));
  }
}

template <class Out, int kVector>
LOWP_DEVICE void StoreOut(const Out (&lanes)[kVector], Out* to) {
  if constexpr (kVector == 1) {
    *to = lanes[0];
  } else if constexpr (sizeof(Out) == sizeof(float)) {
    *reinterpret_cast<float4*>(to) = make_float4(lanes[0], lanes[1], lanes[2], lanes[3]);
  } else {
    uint32_t words[4] = {};
    LOWP_UNROLL
    for (int i = 0; i < kVector; ++i) words[i / 4] |= static_cast<uint32_t>(static_cast<uint8_t>(lanes[i])) << i % 4 * 8;
    *reinterpret_cast<uint4*>(to) = make_uint4(words[0], words[1], words[2], words[3]);
  }
}

template <class R, int kVector>
LOWP_KERNEL PoolKernel(Plan p) {
  using T = typename R::In;
  using Acc = typename R::Acc;
  const uint32_t per_block = kThreads / p.slices, t = threadIdx.x;
  const uint32_t slice = p.slices_inner ? t % p.slices : t / per_block;
  const uint32_t own = p.slices_inner ? t / p.slices : t % per_block;
  const uint64_t index = static_cast<uint64_t>(blockIdx.x) * per_block + own;
  const bool exists = index < p.outputs;
  Acc acc[kVector];
  LOWP_UNROLL
  for (int i = 0; i < kVector; ++i) acc[i] = R::kFirst;
  PoolCounts count{0, 0};
  if (exists) {
    uint32_t image = static_cast<uint32_t>(index);
    const uint32_t channel = Divide(image, p.vectors) * kVector, ox = Divide(image, p.out_w), oy = Divide(image, p.out_h);
    const DevicePoolAxis::Span rows = p.rows.Inside(oy), columns = p.columns.Inside(ox);
    count.inside = static_cast<uint64_t>(rows.count) * columns.count;
    count.divisor = p.include_pad ? static_cast<uint64_t>(p.rows.Padded(oy)) * p.columns.Padded(ox) : count.inside;
    const int64_t row_step = p.columns.size * p.channels;
    const int64_t tap_row = p.rows.dilation * row_step, tap_column = p.columns.dilation * p.channels;
    const T* first = static_cast<const T*>(p.x) + (image * p.rows.size + rows.at) * row_step + columns.at * p.channels + channel;
    if (p.slices == 1) {
      for (uint32_t row = 0; row < rows.count; ++row, first += tap_row) {
        const T* tap = first;
        for (uint32_t column = 0; column < columns.count; ++column, tap += tap_column) AddTap<R, kVector>(tap, acc);
      }
    } else if (count.inside != 0) {
      uint32_t row = slice / columns.count, column = slice % columns.count;
      const uint32_t down = p.slices / columns.count, right = p.slices % columns.count;
      while (row < rows.count) {
        AddTap<R, kVector>(first + row * tap_row + column * tap_column, acc);
        row += down;
        column += right;
        if (column >= columns.count) {
          column -= columns.count;
          ++row;
        }
      }
    }
  }
  if constexpr (kVector == 1) {
    Acc* shared = reinterpret_cast<Acc*>(DynamicShared());
    for (uint32_t half = p.slices / 2; half > 0; half /= 2) {
      if (slice >= half && slice < 2 * half) shared[(slice - half) * per_block + own] = acc[0];
      __syncthreads();
      if (slice < half) acc[0] = R::Join(acc[0], shared[slice * per_block + own]);
      __syncthreads();
    }
  }
  if (!exists || slice != 0) return;
  const typename R::Divided divided(p.scales, count);
  typename R::Out out[kVector];
  LOWP_UNROLL
  for (int i = 0; i < kVector; ++i) out[i] = divided.Of(acc[i]);
  StoreOut(out, static_cast<typename R::Out*>(p.y) + index * kVector);
}

DevicePoolAxis AxisOf(const PoolAxis& axis) {
  const auto of = [](size_t size) { return static_cast<int64_t>(size); };
  return {of(axis.size), of(axis.kernel), of(axis.stride), of(axis.dilation), of(axis.before), of(axis.after)};
}

// How many threads share a window: enough to keep the device busy, though each keeps some taps to itself. Of single channels,
// whose windows are rows of memory, also so that a warp reads neighbours.
uint32_t ChooseSlices(const CudaDevice& device, bool single, size_t taps, size_t outputs) {
  constexpr size_t kBusyThreads = 1024;  // of a multiprocessor
  const size_t wanted = kBusyThreads * static_cast<size_t>(device.multiprocessors);
  const size_t most = single ? kThreads : 32, least_taps = single ? 4 : 16;
  if (single && taps < 32) return 1;
  size_t slices = 1;
  while (2 * slices <= most && taps >= 2 * slices * least_taps && (single || outputs * slices < wanted)) slices *= 2;
  return static_cast<uint32_t>(slices);
}

template <class R, int kVector>
Status Run(CudaContext& context, const Plan& plan) {
  const size_t shared = plan.slices > 1 ? kThreads / 2 * sizeof(typename R::Acc) : 0;
  const uint32_t blocks = static_cast<uint32_t>(DivUp(plan.outputs, kThreads / plan.slices));
  return Launch(context, PoolKernel<R, kVector>, dim3(blocks), dim3(kThreads), shared, plan);
}

template <class T>
Status RunType(CudaContext& context, const PoolCall& args, const Plan& plan, bool vectors) {
  constexpr int kVector = kVectorBytes / sizeof(T);
  if (args.kind == PoolKind::kMax) return vectors ? Run<PoolMax<T>, kVector>(context, plan) : Run<PoolMax<T>, 1>(context, plan);
  return vectors ? Run<PoolMean<T, false>, kVector>(context, plan) : Run<PoolMean<T, true>, 1>(context, plan);
}

Status RunImages(CudaContext& context, const PoolCall& args, Plan& plan, bool vectors) {
  switch (args.type) {
    case PoolType::kFloat32: return RunType<float>(context, args, plan, vectors);
    case PoolType::kU8: return RunType<uint8_t>(context, args, plan, vectors);
    case PoolType::kS8: return RunType<int8_t>(context, args, plan, vectors);
  }
  return {};
}

Status Pool(CudaContext& context, const PoolCall& args) {
  PoolShape s = args.shape;
  if (Status status = CheckPoolShape(s); !status.ok()) return status;
  if (s.batch == 0 || s.channels == 0 || s.out_pixels() == 0) return {};
  if (!args.nhwc) {
    s.batch *= s.channels;
    s.channels = 1;
  }
  const size_t size = args.type == PoolType::kFloat32 ? sizeof(float) : 1, lanes = kVectorBytes / size;
  constexpr size_t kMaxOutputs = (size_t{1} << 31) - 1;
  if (s.out_pixels() > kMaxOutputs / s.channels) {
    return {Code::kUnsupported, "Expected at most " + std::to_string(kMaxOutputs) +
                                    " results of an image on the device but received " + std::to_string(s.out_pixels()) +
                                    " pixels of " + std::to_string(s.channels) + " channels"};
  }
  const size_t image = s.out_pixels() * s.channels, taps = RowsOf(s).most() * ColumnsOf(s).most();
  const auto aligned = [](const void* p) { return reinterpret_cast<uintptr_t>(p) % kVectorBytes == 0; };
  const bool single = s.channels == 1;
  Plan plan{};
  plan.slices = ChooseSlices(context.device(), single, taps, s.batch * image);
  constexpr size_t kMaxTaps = size_t{1} << 23;  // whose sum of bytes fits int32
  const bool vectors = plan.slices == 1 && s.channels % lanes == 0 && aligned(args.x) && aligned(args.y) && taps <= kMaxTaps;
  plan.slices_inner = single;
  plan.vectors = Divisor(static_cast<uint32_t>(vectors ? s.channels / lanes : s.channels));
  plan.out_w = Divisor(static_cast<uint32_t>(s.out_w));
  plan.out_h = Divisor(static_cast<uint32_t>(s.out_h));
  plan.rows = AxisOf(RowsOf(s));
  plan.columns = AxisOf(ColumnsOf(s));
  plan.channels = static_cast<int64_t>(s.channels);
  plan.include_pad = args.count_include_pad;
  const int32_t lowest = args.y_signed ? -128 : 0;
  plan.scales = {args.x_scale,
                 static_cast<float>(lowest - args.y_zero),
                 static_cast<float>(lowest + 255 - args.y_zero),
                 args.y_scale,
                 args.x_zero,
                 args.y_zero};
  // As many images at a time as an index takes.
  const size_t at_once = std::max<size_t>(kMaxOutputs / image, 1);
  for (size_t first = 0; first < s.batch; first += at_once) {
    const size_t images = std::min(at_once, s.batch - first);
    plan.x = static_cast<const uint8_t*>(args.x) + first * s.pixels() * s.channels * size;
    plan.y = static_cast<uint8_t*>(args.y) + first * image * size;
    plan.outputs = static_cast<uint32_t>(images * image / (vectors ? lanes : 1));
    if (Status status = RunImages(context, args, plan, vectors); !status.ok()) return status;
  }
  return {};
}

int32_t PoolEntryPoint(CudaContext* context, const PoolCall* args, CudaError* error) {
  return Guarded(error, [&] { return Pool(*context, *args); });
}

}  // namespace

CudaPoolApi CudaPoolFunctions() { return {PoolEntryPoint}; }

}  // namespace lowp
