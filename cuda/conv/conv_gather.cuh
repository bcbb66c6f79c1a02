// The operands of a tile of the product, step by step into shared memory: rows of 64 bytes of K, their chunks of 16 swizzled
// (Swizzle64), a ring of kStages of them. Rows of A are read from the image where they lie; what is outside of it is written
// without being read.
#ifndef LOWP_CUDA_CONV_CONV_GATHER_CUH_
#define LOWP_CUDA_CONV_CONV_GATHER_CUH_

#include <algorithm>

#include "cuda/conv/conv_layout.h"
#include "cuda/conv/conv_task.h"
#include "cuda/device/intrinsics.cuh"
#include "cuda/device/launch.h"

namespace lowp {

// Where the window of a pixel of the result begins in the image.
struct alignas(16) ConvRow {
  int64_t at;    // bytes from x, perhaps before it
  int32_t y, x;  // y far below 0: no such pixel
};
inline constexpr int32_t kNoRow = -(INT32_C(1) << 30);

LOWP_HD inline ConvRow ConvRowOf(const ConvTask& t, uint32_t m, uint32_t group) {
  if (m >= t.pixels) return {0, kNoRow, 0};
  const ConvWindow& w = t.window;
  uint32_t image = m;
  const uint32_t ox = Divide(image, w.by_out_w), oy = Divide(image, w.by_out_h);
  const int32_t y = static_cast<int32_t>(oy) * w.stride_h - w.pad_top, x = static_cast<int32_t>(ox) * w.stride_w - w.pad_left;
  const int64_t pixel = static_cast<int64_t>(y) * w.width + x;
  return {static_cast<int64_t>(image * t.image_bytes + group * t.group_bytes) + pixel * static_cast<int64_t>(t.pixel_bytes), y,
          x};
}

// What chunk of K begins at a byte of it.
struct ConvTap {
  bool exists;
  int32_t dy, dx;
  int64_t at;  // bytes from where the window begins
};

LOWP_HD inline ConvTap ConvTapOf(const ConvTask& t, uint32_t byte) {
  const ConvWindow& w = t.window;
  uint32_t tap = byte;
  const uint32_t channel = Divide(tap, t.by_channel_bytes);
  uint32_t ky = tap;
  const int32_t dx = static_cast<int32_t>(Divide(ky, w.by_kernel_w)) * w.dilation_w, dy = static_cast<int32_t>(ky) * w.dilation_h;
  const int64_t pixel = static_cast<int64_t>(dy) * w.width + dx;
  return {tap < w.taps, dy, dx, pixel * static_cast<int64_t>(t.pixel_bytes) + channel};
}

LOWP_HD inline bool IsInside(const ConvWindow& w, const ConvRow& row, const ConvTap& tap) {
  return static_cast<uint32_t>(row.y + tap.dy) < static_cast<uint32_t>(w.height) &&
         static_cast<uint32_t>(row.x + tap.dx) < static_cast<uint32_t>(w.width);
}

LOWP_HD constexpr uint32_t ConvChunkAt(uint32_t row, uint32_t chunk) {
  return Swizzle64(row * static_cast<uint32_t>(kConvStepBytes) + chunk * static_cast<uint32_t>(kConvChunkBytes));
}

// Which tile a block has: channels innermost, so that blocks that run together read the same pixels.
struct ConvPlace {
  uint32_t m_tile, split, group, n_tile;
};
LOWP_HD inline ConvPlace ConvPlaceOf(const ConvTask& t, uint32_t block) {
  uint32_t m_tile = block;
  const uint32_t n_tile = Divide(m_tile, t.by_n_tiles), group = Divide(m_tile, t.by_groups), split = Divide(m_tile, t.by_splits);
  return {m_tile, split, group, n_tile};
}

template <uint32_t kRows, uint32_t kCols, uint32_t kThreads, uint32_t kStages>
class ConvGather {
  static constexpr uint32_t kStep = kConvStepBytes, kChunk = kConvChunkBytes, kChunks = kStep / kChunk, kWords = kStep / 4;

 public:
  static constexpr uint32_t kStageBytes = (kRows + kCols) * kStep;
  static constexpr uint32_t kBytes = kStages * kStageBytes + kRows * sizeof(ConvRow);
  static_assert(kRows <= kThreads && kRows % (kThreads / kWords) == 0 && kCols % (kThreads / kChunks) == 0, "whole rows");

  LOWP_DEVICE ConvGather(const ConvTask& task, uint8_t* shared, const ConvPlace& place)
      : t_(task),
        shared_(shared),
        rows_(reinterpret_cast<ConvRow*>(shared + kStages * kStageBytes)),
        n0_(place.n_tile * kCols),
        first_(place.split * task.split_steps),
        steps_(task.steps - first_ < task.split_steps ? task.steps - first_ : task.split_steps) {
    if (threadIdx.x < kRows) rows_[threadIdx.x] = ConvRowOf(task, place.m_tile * kRows + threadIdx.x, place.group);
    w_ = task.w + static_cast<uint64_t>(place.group) * task.group_outputs * task.w_row_bytes;
    __syncthreads();
  }

  // Of this block.
  LOWP_DEVICE uint32_t steps() const { return steps_; }

  LOWP_DEVICE const uint8_t* a(uint32_t step) const { return shared_ + step % kStages * kStageBytes; }
  LOWP_DEVICE const uint8_t* b(uint32_t step) const { return a(step) + kRows * kStep; }

  // Starts copying a step, if there is one, and closes a group of copies.
  LOWP_DEVICE void Fetch(uint32_t step) {
    if (step < steps_) {
      uint8_t* to = shared_ + step % kStages * kStageBytes;
      t_.wide ? FetchChunks(first_ + step, to) : FetchWords(first_ + step, to);
      FetchWeights(first_ + step, to + kRows * kStep);
    }
    CpAsyncCommit();
  }
  LOWP_DEVICE void FetchFirst() {
    LOWP_UNROLL
    for (uint32_t step = 0; step + 1 < kStages; ++step) Fetch(step);
  }
  // Until a step has come; then starts the one that takes the place of the last.
  LOWP_DEVICE void Next(uint32_t step) {
    CpAsyncWait<kStages - 2>();
    __syncthreads();
    Fetch(step + kStages - 1);
  }
  // Until nothing is under way: then the memory is free.
  LOWP_DEVICE void Finish() {
    CpAsyncWait<0>();
    __syncthreads();
  }

 private:
  LOWP_DEVICE void FetchChunks(uint32_t step, uint8_t* to) {
    const uint32_t chunk = threadIdx.x % kChunks;
    const ConvTap tap = ConvTapOf(t_, step * kStep + chunk * kChunk);
    LOWP_UNROLL
    for (uint32_t i = 0; i < kRows; i += kThreads / kChunks) {
      const uint32_t index = threadIdx.x / kChunks + i;
      const ConvRow row = rows_[index];
      const bool inside = tap.exists && IsInside(t_.window, row, tap);
      uint8_t* place = to + ConvChunkAt(index, chunk);
      if (inside || !tap.exists) {
        CpAsync16(place, t_.x + (inside ? row.at + tap.at : 0), inside);
      } else {
        *reinterpret_cast<uint4*>(place) = make_uint4(t_.pad, t_.pad, t_.pad, t_.pad);
      }
    }
  }
  LOWP_DEVICE void FetchWords(uint32_t step, uint8_t* to) {
    const uint32_t word = threadIdx.x % kWords;
    const ConvTap tap = ConvTapOf(t_, step * kStep + word * 4);
    LOWP_UNROLL
    for (uint32_t i = 0; i < kRows; i += kThreads / kWords) {
      const uint32_t index = threadIdx.x / kWords + i;
      const ConvRow row = rows_[index];
      const bool inside = tap.exists && IsInside(t_.window, row, tap);
      uint8_t* place = to + ConvChunkAt(index, word / 4) + word % 4 * 4;
      if (inside || !tap.exists) {
        CpAsync4(place, t_.x + (inside ? row.at + tap.at : 0), inside);
      } else {
        *reinterpret_cast<uint32_t*>(place) = t_.pad;
      }
    }
  }
  LOWP_DEVICE void FetchWeights(uint32_t step, uint8_t* to) {
    const uint32_t chunk = threadIdx.x % kChunks;
    LOWP_UNROLL
    for (uint32_t i = 0; i < kCols; i += kThreads / kChunks) {
      const uint32_t index = threadIdx.x / kChunks + i;
      const bool exists = n0_ + index < t_.group_outputs;
      const uint64_t at = static_cast<uint64_t>(exists ? n0_ + index : 0) * t_.w_row_bytes + step * kStep + chunk * kChunk;
      CpAsync16(to + ConvChunkAt(index, chunk), w_ + at, exists);
    }
  }

  const ConvTask& t_;
  uint8_t* shared_;
  ConvRow* rows_;
  const uint8_t* w_;
  uint32_t n0_, first_, steps_;
};

// Tiles of rows x cols, K in several splits where they are too few for the device: late layers of one image have no more than 8
// of them. Kernel: void(ConvTask).
template <class Kernel>
Status LaunchConvTiles(CudaContext& context, const ConvTask& given, Kernel kernel, uint32_t rows, uint32_t cols, uint32_t threads,
                       size_t shared, bool is_float) {
  constexpr uint32_t kLeastSteps = 4, kMostSplits = 16;
  ConvTask task = given;
  const uint64_t m_tiles = DivUp(task.pixels, rows), n_tiles = DivUp(task.group_outputs, cols);
  if (n_tiles * task.groups > INT32_MAX / m_tiles / kMostSplits)
    return {Code::kUnsupported, "Expected a convolution of less than 2^27 tiles on the device"};
  const uint64_t tiles = m_tiles * n_tiles * task.groups,
                 wanted = static_cast<uint64_t>(context.device().multiprocessors) / tiles;
  const uint64_t most = std::min<uint64_t>({wanted, task.steps / kLeastSteps, kMostSplits});
  task.split_steps = static_cast<uint32_t>(DivUp(task.steps, std::max<uint64_t>(most, 1)));
  const uint32_t splits = static_cast<uint32_t>(DivUp(task.steps, task.split_steps));
  task.n_tiles = static_cast<uint32_t>(n_tiles);
  task.by_n_tiles = Divisor(task.n_tiles);
  task.by_groups = Divisor(task.groups);
  task.by_splits = Divisor(splits);
  CudaScratch partial;
  if (splits > 1) {
    const size_t sums = size_t{splits} * task.pixels * task.store.out_channels;
    if (Status status = partial.Take(context, sums * sizeof(int32_t)); !status.ok()) return status;
    task.partial = partial.As<void>();
  }
  const dim3 grid(static_cast<uint32_t>(tiles * splits)), block(threads);
  if (Status status = Launch(context, kernel, grid, block, shared, task); !status.ok()) return status;
  return splits > 1 ? LaunchConvFinish(context, task, is_float, splits) : Status{};
}

}  // namespace lowp

#endif  // LOWP_CUDA_CONV_CONV_GATHER_CUH_
