// Ranges and what follows from them. Minimum and maximum are exact, so that the order in which blocks, warps and lanes meet
// elements does not matter. Bound by memory: 4 bytes an element, four packs of 16 under way in each thread.
//
// Channels of whole rows: a block of a channel's elements, or of a part of them where channels are few; then the parts are joined
// by a kernel of their own. Where the channel is the fastest dimension, a block has 32 channels, a warp reading 32 neighbours of
// a row at a time. NOT timed on a GPU yet.
#include <cuda_runtime.h>

#include <algorithm>

#include "cuda/device/launch.h"
#include "cuda/quantize/quantize.h"
#include "cuda/quantize/quantize_device.cuh"
#include "cuda/quantize/quantize_range.h"

namespace lowp {
namespace {

constexpr uint32_t kWarps = kQuantizeThreads / 32;

struct Task {
  RangeArgs args;
  IndexDivisor cols;
  Range* parts;  // [splits][channels], or null: one part, which makes the parameters at once
  uint32_t splits;
};

LOWP_DEVICE void Finish(const Task& task, uint64_t channel, uint32_t split, const Range& range) {
  if (task.parts != nullptr) {
    task.parts[split * task.args.channels + channel] = range;
    return;
  }
  const QuantParams params = ParamsFromRange(range, task.args.symmetric, task.args.is_signed);
  task.args.scales[channel] = params.scale;
  task.args.zeros[channel] = params.zero;
}

template <int kLanes>
LOWP_KERNEL __launch_bounds__(kQuantizeThreads) RangesOfRows(Task task) {
  const uint64_t channel = blockIdx.x, count = task.args.row_count * task.args.cols;
  const float* x = task.args.x + channel * task.args.channel_stride;
  constexpr uint64_t kRound = uint64_t{kQuantizeThreads} * kQuantizePacks * kLanes;
  Range range;
  LOWP_NO_UNROLL
  for (uint64_t first = blockIdx.y * kRound + threadIdx.x * kLanes; first < count; first += task.splits * kRound) {
    Pack<float, kLanes> packs[kQuantizePacks] = {};
    LOWP_UNROLL
    for (uint32_t i = 0; i < kQuantizePacks; ++i) {
      const uint64_t at = first + i * kQuantizeThreads * kLanes;
      if (at >= count) continue;
      const uint64_t row = task.cols.Quotient(at), col = at - row * task.cols.divisor;
      packs[i] = LoadPack<kLanes>(x + task.args.rows.At(row) + col, task.args.cols - col);
    }
    LOWP_UNROLL
    for (uint32_t i = 0; i < kQuantizePacks; ++i) Widen(range, packs[i]);
  }
  range = RangeOfBlock(range, reinterpret_cast<Range*>(DynamicShared()));
  if (threadIdx.x == 0) Finish(task, channel, blockIdx.y, range);
}

// One column each, channel_stride 1.
LOWP_KERNEL __launch_bounds__(kQuantizeThreads) RangesOfColumns(Task task) {
  Range* shared = reinterpret_cast<Range*>(DynamicShared());  // [kWarps][32]
  const uint32_t lane = threadIdx.x % 32, warp = threadIdx.x / 32;
  const uint64_t channel = uint64_t{blockIdx.x} * 32 + lane;
  Range range;
  if (channel < task.args.channels) {
    LOWP_NO_UNROLL
    for (uint64_t row = blockIdx.y * kWarps + warp; row < task.args.row_count; row += task.splits * kWarps) {
      WidenToFinite(task.args.x[task.args.rows.At(row) + channel], &range.min, &range.max);
    }
  }
  shared[threadIdx.x] = range;
  __syncthreads();
  if (warp != 0 || channel >= task.args.channels) return;
  for (uint32_t other = 1; other < kWarps; ++other) Join(range, shared[other * 32 + lane]);
  Finish(task, channel, blockIdx.y, range);
}

// A warp for each channel.
LOWP_KERNEL __launch_bounds__(kQuantizeThreads) JoinParts(Task task) {
  const uint64_t channel = uint64_t{blockIdx.x} * kWarps + threadIdx.x / 32;
  if (channel >= task.args.channels) return;
  Range range;
  for (uint32_t split = threadIdx.x % 32; split < task.splits; split += 32)
    Join(range, task.parts[split * task.args.channels + channel]);
  range = RangeOfWarp(range);
  task.parts = nullptr;
  if (threadIdx.x % 32 == 0) Finish(task, channel, 0, range);
}

}  // namespace

Status ParametersOfRanges(CudaContext& context, const RangeArgs& args) {
  if (args.channels == 0) return {};
  const uint64_t count = args.row_count * args.cols;
  const bool columns = args.cols == 1 && args.channel_stride == 1 && args.channels > 1;
  const uint64_t lanes = args.cols % kQuantizeLanes == 0 || args.row_count == 1 ? kQuantizeLanes : 1;
  // Of elements of a channel, in one round of a block.
  const uint64_t round = columns ? kWarps : kQuantizeThreads * kQuantizePacks * lanes;
  const uint64_t blocks = columns ? (args.channels + 31) / 32 : args.channels;
  const uint64_t wanted = (4 * static_cast<uint64_t>(context.device().multiprocessors) + blocks - 1) / blocks;
  Task task{args, IndexDivisor(std::max<uint64_t>(args.cols, 1), count), nullptr, 1};
  task.splits = static_cast<uint32_t>(std::max<uint64_t>(std::min(wanted, count / (4 * round)), 1));
  CudaScratch parts;
  Status status;
  if (task.splits > 1) {
    status = parts.Take(context, task.splits * args.channels * sizeof(Range));
    task.parts = parts.As<Range>();
  }
  if (!status.ok()) return status;
  if (blocks > INT32_MAX) return {Code::kUnsupported, "Expected fewer than 2^31 channels on a CUDA device"};
  const dim3 grid(static_cast<uint32_t>(blocks), task.splits), block(kQuantizeThreads);
  const auto rows = lanes == kQuantizeLanes ? RangesOfRows<kQuantizeLanes> : RangesOfRows<1>;
  status = columns ? Launch(context, RangesOfColumns, grid, block, kQuantizeThreads * sizeof(Range), task)
                   : Launch(context, rows, grid, block, kWarps * sizeof(Range), task);
  if (!status.ok() || task.splits == 1) return status;
  const uint64_t joins = (args.channels + kWarps - 1) / kWarps;
  return Launch(context, JoinParts, dim3(static_cast<uint32_t>(joins)), block, 0, task);
}

Status QuantizeParametersOnDevice(CudaContext& context, const CudaQuantizeParametersArgs& args) {
  const auto [outer, channels, inner] = args.shape;
  // Without a batch of channels a channel's elements lie together.
  const uint64_t row_count = channels == 1 ? 1 : outer, cols = channels == 1 ? outer * inner : inner;
  return ParametersOfRanges(context, {args.x, channels, inner, row_count, cols, MatrixRows(channels * inner), args.symmetric,
                                      args.is_signed, args.scales, args.zeros});
}

}  // namespace lowp
