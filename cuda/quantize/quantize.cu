// quantize and dequantize, bound by memory: 5 bytes an element, four elements a thread at a time (16 bytes of float32, 128 bytes
// of a warp's 8-bit ones) and four such packs under way. A division takes 16 clocks of a warp, which is half of what the H200's
// 4.8 TB/s leave for it. 90 % of the copy bandwidth is expected; NOT timed on a GPU yet.
#include <cuda_runtime.h>

#include "cuda/device/launch.h"
#include "cuda/quantize/quantize.h"
#include "cuda/quantize/quantize_device.cuh"

namespace lowp {
namespace {

// Whose scale and zero point an element has.
enum class Channels : uint8_t { kOne, kOfRows, kOfColumns };

struct Task {
  uint64_t count;
  const float* scales;
  const int32_t* zeros;
  Channels channels;
  IndexDivisor inner;  // kOfRows: of an element's index; kOfColumns: 1
  IndexDivisor of;     // channels: of a row, or of a column

  Task(const CudaQuantizeShape& shape, const float* scales, const int32_t* zeros)
      : count(shape.outer * shape.channels * shape.inner),
        scales(scales),
        zeros(zeros),
        channels(shape.channels == 1 ? Channels::kOne
                 : shape.inner == 1  ? Channels::kOfColumns
                                     : Channels::kOfRows),
        inner(shape.inner, count),
        of(shape.channels, count) {}
  // Four elements that begin on a multiple of four have one channel, or four neighbouring ones.
  bool IsEven() const {
    return channels == Channels::kOne || (channels == Channels::kOfRows ? inner.divisor : of.divisor) % kQuantizeLanes == 0;
  }
};

template <int kLanes>
struct Params {
  Pack<float, kLanes> scale;
  Pack<int32_t, kLanes> zero;
};

template <int kLanes>
LOWP_DEVICE Params<kLanes> ParamsAt(const Task& task, uint64_t at) {
  using V = DeviceVector<kLanes>;
  if (task.channels == Channels::kOne) return {V::SetF(task.scales[0]), V::SetI(task.zeros[0])};
  const uint64_t row = task.channels == Channels::kOfRows ? task.inner.Quotient(at) : at;
  const uint64_t channel = row - task.of.Quotient(row) * task.of.divisor;
  if (task.channels == Channels::kOfRows) return {V::SetF(task.scales[channel]), V::SetI(task.zeros[channel])};
  return {V::LoadFirstF(task.scales + channel, kLanes), V::LoadFirstI(task.zeros + channel, kLanes)};
}

// From x to out, each kQuantizePacks packs of a thread: all loads first.
template <int kLanes, class In, class Out, class Convert>
LOWP_DEVICE void ForPacks(const Task& task, const In* x, Out* out, const Convert& convert) {
  const uint64_t first = (uint64_t{blockIdx.x} * kQuantizeThreads * kQuantizePacks + threadIdx.x) * kLanes;
  Pack<In, kLanes> packs[kQuantizePacks];
  LOWP_UNROLL
  for (uint32_t i = 0; i < kQuantizePacks; ++i) {
    const uint64_t at = first + i * kQuantizeThreads * kLanes;
    if (at < task.count) packs[i] = LoadPack<kLanes>(x + at, task.count - at);
  }
  LOWP_UNROLL
  for (uint32_t i = 0; i < kQuantizePacks; ++i) {
    const uint64_t at = first + i * kQuantizeThreads * kLanes;
    if (at < task.count) StorePack<kLanes>(out + at, convert(packs[i], ParamsAt<kLanes>(task, at)), task.count - at);
  }
}

template <int kLanes>
LOWP_KERNEL __launch_bounds__(kQuantizeThreads) Quantize(Task task, const float* x, int32_t low, uint8_t* out) {
  ForPacks<kLanes>(task, x, out, [&](const Pack<float, kLanes>& pack, const Params<kLanes>& params) {
    Pack<uint8_t, kLanes> q;
    LOWP_UNROLL
    for (int i = 0; i < kLanes; ++i)
      q.lane[i] = QuantizeOne(pack.lane[i], params.scale.lane[i], params.zero.lane[i], low, low + 255);
    return q;
  });
}

template <int kLanes, class T>
LOWP_KERNEL __launch_bounds__(kQuantizeThreads) Dequantize(Task task, const T* q, float* out) {
  ForPacks<kLanes>(task, q, out, [](const Pack<T, kLanes>& pack, const Params<kLanes>& params) {
    Pack<float, kLanes> x;
    LOWP_UNROLL
    for (int i = 0; i < kLanes; ++i) x.lane[i] = DequantizeOne(pack.lane[i], params.scale.lane[i], params.zero.lane[i]);
    return x;
  });
}

bool IsEmpty(const CudaQuantizeShape& shape) { return shape.outer == 0 || shape.channels == 0 || shape.inner == 0; }

dim3 GridOf(const Task& task, uint64_t lanes) {
  constexpr uint64_t kPacksOfBlock = kQuantizeThreads * kQuantizePacks;
  return dim3(static_cast<uint32_t>((task.count + kPacksOfBlock * lanes - 1) / (kPacksOfBlock * lanes)));
}

}  // namespace

Status QuantizeOnDevice(CudaContext& context, const CudaQuantizeArgs& args) {
  if (IsEmpty(args.shape)) return {};
  const Task task(args.shape, args.scales, args.zeros);
  const int32_t low = args.is_signed ? -128 : 0;
  uint8_t* out = static_cast<uint8_t*>(args.out);
  const dim3 block(kQuantizeThreads);
  return task.IsEven() ? Launch(context, Quantize<kQuantizeLanes>, GridOf(task, kQuantizeLanes), block, 0, task, args.x, low, out)
                       : Launch(context, Quantize<1>, GridOf(task, 1), block, 0, task, args.x, low, out);
}

Status DequantizeOnDevice(CudaContext& context, const CudaDequantizeArgs& args) {
  if (IsEmpty(args.shape)) return {};
  const Task task(args.shape, args.scales, args.zeros);
  const auto run = [&](const auto* q, auto even, auto uneven) {
    const dim3 block(kQuantizeThreads);
    return task.IsEven() ? Launch(context, even, GridOf(task, kQuantizeLanes), block, 0, task, q, args.out)
                         : Launch(context, uneven, GridOf(task, 1), block, 0, task, q, args.out);
  };
  return args.is_signed ? run(static_cast<const int8_t*>(args.q), Dequantize<kQuantizeLanes, int8_t>, Dequantize<1, int8_t>)
                        : run(static_cast<const uint8_t*>(args.q), Dequantize<kQuantizeLanes, uint8_t>, Dequantize<1, uint8_t>);
}

namespace {

int32_t Parameters(CudaContext* context, const CudaQuantizeParametersArgs* args, CudaError* error) {
  return Guarded(error, [&] { return QuantizeParametersOnDevice(*context, *args); });
}
int32_t QuantizeEntryPoint(CudaContext* context, const CudaQuantizeArgs* args, CudaError* error) {
  return Guarded(error, [&] { return QuantizeOnDevice(*context, *args); });
}
int32_t DequantizeEntryPoint(CudaContext* context, const CudaDequantizeArgs* args, CudaError* error) {
  return Guarded(error, [&] { return DequantizeOnDevice(*context, *args); });
}
int32_t Dynamic(CudaContext* context, const CudaDynamicQuantizeArgs* args, CudaError* error) {
  return Guarded(error, [&] { return QuantizeDynamically(*context, *args, args->cols); });
}

}  // namespace

CudaQuantizeApi CudaQuantizeFunctions() { return {Parameters, QuantizeEntryPoint, DequantizeEntryPoint, Dynamic}; }

}  // namespace lowp
