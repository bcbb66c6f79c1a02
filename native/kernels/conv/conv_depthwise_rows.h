// How a depthwise convolution goes through an image, the same for float32 and int8: rows of output in order, in each all blocks
// of channels. Between the borders pixels are read where they lie. What the output pixels at the left and right border read is a
// padded copy of those columns, of which each row of the image is copied once; of narrow images, of fewer channels than a block,
// and of [N,C,H,W] whole rows are copied. Rows above and below the image are one row of padding.
#ifndef LOWP_KERNELS_CONV_CONV_DEPTHWISE_ROWS_H_
#define LOWP_KERNELS_CONV_CONV_DEPTHWISE_ROWS_H_

#include <algorithm>
#include <atomic>
#include <cstring>
#include <string>

#include "core/partition.h"
#include "core/scratch.h"
#include "core/status.h"
#include "core/thread_pool.h"
#include "kernels/conv/conv.h"

namespace lowp {
namespace depthwise {

inline constexpr size_t kNb = kConvNb;
using Signed = std::ptrdiff_t;

// Of a call for each thread, to even out cores that the system takes away.
inline constexpr size_t kPieces = 4;
// Output pixels whose sums wait for the store: 8 KB.
inline constexpr size_t kChunk = 128;
// With fewer output pixels than this between the borders, whole rows are copied.
inline constexpr size_t kMinDirect = 16;

// Output pixels [begin, end) of every row, which read `columns` columns from `first` on: of the image itself, or of a padded
// copy.
struct Segment {
  size_t begin, end;
  Signed first;
  size_t columns;
  bool direct;
};

// How an image is cut, and what a task needs: the same for both types.
struct Geometry {
  const ConvShape& s;
  const ConvKernel& kernel;
  const bool nhwc;
  size_t element, ring, blocks, group;  // bytes; rows of a copy; blocks of channels, of all and of a task
  Segment segments[3];
  size_t count = 0;
  // Bytes, and where in the task's scratch things are.
  size_t copies[3] = {}, rows, acc, out, residual, bytes;

  Geometry(const ConvShape& shape, const ConvKernel& k, bool is_nhwc, size_t element_size, size_t threads)
      : s(shape), kernel(k), nhwc(is_nhwc), element(element_size), ring((shape.kernel_h - 1) * shape.dilation_h + 1) {
    // All channels of a row before the next row, which reads and writes memory in order: blocks of 16 channels took 1.05x (int8)
    // to 1.8x (float32, 576 channels @14) as long, and software prefetching another 1.1x. They are shared out where there are
    // fewer rows than threads want.
    blocks = DivUp(s.channels, kNb);
    group = DivUp(blocks, threads == 1 ? 1 : std::clamp<size_t>(DivUp(kPieces * threads, s.batch * s.out_h), 1, blocks));
    const size_t span = (s.kernel_w - 1) * s.dilation_w, padded = s.width + s.pad_left;
    // The output pixels all of whose taps lie in the image.
    const size_t left = std::min(DivUp(s.pad_left, s.stride_w), s.out_w);
    const size_t right = padded <= span ? left : std::clamp((padded - span - 1) / s.stride_w + 1, left, s.out_w);
    if (nhwc && s.channels >= kNb && right - left >= kMinDirect) {
      Add(0, left, false);
      Add(left, right, true);
      Add(right, s.out_w, false);
    } else {
      Add(0, s.out_w, false);
    }
    BufferLayout layout;
    for (size_t i = 0; i < count; ++i) {
      if (!segments[i].direct) copies[i] = layout.Add(ring * segments[i].columns * group * kNb * element);
    }
    rows = layout.Add(count * s.kernel_h * sizeof(void*));
    const size_t tile = kChunk * kNb * sizeof(float);
    acc = layout.Add(tile + kNb * sizeof(float));  // the last row of an overlapping block begins further on
    out = layout.Add(nhwc ? 0 : tile);
    residual = layout.Add(nhwc ? 0 : tile);
    bytes = layout.size();
  }

  // Elements of a row of padding that serves every segment.
  size_t padding() const {
    size_t most = 0;
    for (size_t i = 0; i < count; ++i)
      most = std::max(most, segments[i].columns * (segments[i].direct ? s.channels : group * kNb) + kNb);
    return most;
  }

  // Element [image][c][y][x].
  size_t Offset(size_t image, size_t c, size_t y, size_t x, size_t height, size_t width) const {
    return nhwc ? ((image * height + y) * width + x) * s.channels + c : ((image * s.channels + c) * height + y) * width + x;
  }

 private:
  void Add(size_t begin, size_t end, bool direct) {
    if (begin == end) return;
    const Signed first = static_cast<Signed>(begin * s.stride_w) - static_cast<Signed>(s.pad_left);
    segments[count++] = {begin, end, first, (end - begin - 1) * s.stride_w + (s.kernel_w - 1) * s.dilation_w + 1, direct};
  }
};

struct Task {
  size_t image, block, blocks, channel, channels;
  size_t begin, end;  // rows of output
};

// Planes [channels][pixels] as [pixels][ld].
template <class T>
void Gather(const ConvKernel& kernel, size_t channels, size_t pixels, const T* from, size_t plane, T* to, size_t ld) {
  if constexpr (sizeof(T) == 1) {
    kernel.transpose_u8(channels, pixels, reinterpret_cast<const uint8_t*>(from), plane, reinterpret_cast<uint8_t*>(to), ld);
  } else {
    kernel.transpose_f32(channels, pixels, reinterpret_cast<const float*>(from), plane, reinterpret_cast<float*>(to), ld);
  }
}

// Row y of the image as a segment sees it, the task's channels alone.
template <class T>
void CopyRow(const Geometry& g, const T* x, T padding, const Task& task, const Segment& segment, size_t y, T* to) {
  const ConvShape& s = g.s;
  const size_t ld = g.group * kNb, n = task.channels;
  const Signed end = segment.first + static_cast<Signed>(segment.columns);
  const Signed in_begin = std::clamp<Signed>(segment.first, 0, static_cast<Signed>(s.width));
  const Signed in_end = std::clamp<Signed>(end, in_begin, static_cast<Signed>(s.width));
  const size_t left = std::min(static_cast<size_t>(in_begin - segment.first), segment.columns);
  const size_t inside = static_cast<size_t>(in_end - in_begin);
  to = std::fill_n(to, left * ld, padding);
  const T* from = x + g.Offset(task.image, task.channel, y, static_cast<size_t>(in_begin), s.height, s.width);
  if (!g.nhwc) {
    Gather(g.kernel, n, inside, from, s.pixels(), to, ld);
  } else if (n == s.channels && n == ld) {
    std::memcpy(to, from, inside * n * sizeof(T));
  } else if (n % kNb == 0) {
    for (size_t i = 0; i < inside; ++i) {
      for (size_t c = 0; c < n; c += kNb) std::memcpy(to + i * ld + c, from + i * s.channels + c, kNb * sizeof(T));
    }
  } else {
    for (size_t i = 0; i < inside; ++i) std::memcpy(to + i * ld, from + i * s.channels, n * sizeof(T));
  }
  std::fill_n(to + inside * ld, (segment.columns - left - inside) * ld, padding);
}

// Ops: Element; x(), padding(); flip(), weights(block); void Multiply(run, pixels, acc); void Store(task, block, oy, ox, pixels,
// acc, out, residual)
template <class Ops>
void RunTask(const Geometry& g, const Ops& ops, const void* pad_row, const Task& task, uint8_t* scratch,
             const std::atomic<bool>* stop) {
  using T = typename Ops::Element;
  const ConvShape& s = g.s;
  const T* image = ops.x();
  const void** rows = reinterpret_cast<const void**>(scratch + g.rows);
  uint8_t* acc = scratch + g.acc;
  ConvRun runs[3];
  for (size_t i = 0; i < g.count; ++i) {
    const size_t ld = g.segments[i].direct ? s.channels : g.group * kNb;
    runs[i] = {rows + i * s.kernel_h, 0, ld, s.kernel_h, s.kernel_w, s.stride_w, s.dilation_w, nullptr, ops.flip()};
  }
  Signed copied = static_cast<Signed>(task.begin * s.stride_h) - static_cast<Signed>(s.pad_top);
  for (size_t oy = task.begin; oy < task.end; ++oy) {
    if (stop != nullptr && stop->load(std::memory_order_relaxed)) return;
    const Signed top = static_cast<Signed>(oy * s.stride_h) - static_cast<Signed>(s.pad_top);
    const Signed bottom = std::min(top + static_cast<Signed>(g.ring), static_cast<Signed>(s.height));
    for (size_t i = 0; i < g.count; ++i) {
      const Segment& segment = g.segments[i];
      T* copy = reinterpret_cast<T*>(scratch + g.copies[i]);
      const size_t row_size = segment.columns * g.group * kNb;
      if (!segment.direct) {
        for (Signed y = std::max({copied, top, Signed{0}}); y < bottom; ++y) {
          const size_t row = static_cast<size_t>(y);
          CopyRow(g, image, ops.padding(), task, segment, row, copy + row % g.ring * row_size);
        }
      }
      for (size_t ky = 0; ky < s.kernel_h; ++ky) {
        const Signed y = top + static_cast<Signed>(ky * s.dilation_h);
        const void*& row = rows[i * s.kernel_h + ky];
        if (y < 0 || y >= static_cast<Signed>(s.height)) {
          row = pad_row;
        } else if (segment.direct) {
          const size_t first = static_cast<size_t>(segment.first);
          row = image + g.Offset(task.image, task.channel, static_cast<size_t>(y), first, s.height, s.width);
        } else {
          row = copy + static_cast<size_t>(y) % g.ring * row_size;
        }
      }
    }
    copied = std::max(copied, bottom);
    for (size_t ox = 0; ox < s.out_w; ox += kChunk) {
      const size_t chunk_end = std::min(ox + kChunk, s.out_w);
      for (size_t block = task.block; block < task.block + task.blocks; ++block) {
        const size_t channel = ConvBlockStart(block, s.channels) - task.channel;
        for (size_t i = 0; i < g.count; ++i) {
          const Segment& segment = g.segments[i];
          const size_t begin = std::max(ox, segment.begin), end = std::min(chunk_end, segment.end);
          if (begin >= end) continue;
          ConvRun& run = runs[i];
          run.offset = (begin - segment.begin) * s.stride_w * run.ld + channel;
          run.weights = ops.weights(block);
          ops.Multiply(run, end - begin, acc + (begin - ox) * kNb * sizeof(float));
        }
        ops.Store(task, block, oy, ox, chunk_end - ox, acc, scratch + g.out, scratch + g.residual);
      }
    }
  }
}

inline size_t Threads(const ConvShape& s, size_t threads) {
  return s.batch * s.out_channels * s.out_pixels() * s.taps() < kParallelWork ? 1 : threads;
}

inline Status NoScratch(size_t bytes) {
  return {Code::kNoMemory, "Expected " + std::to_string(bytes) + " bytes of scratch memory but the system gave none"};
}

// pad_row: of g.padding() elements.
template <class Ops>
Status Run(const Geometry& g, const Ops& ops, const void* pad_row, size_t threads, const std::atomic<bool>* stop) {
  const ConvShape& s = g.s;
  const size_t groups = DivUp(g.blocks, g.group), strips = s.batch * groups;
  // Each piece copies the rows above it again, so no more pieces than threads need.
  const size_t pieces = threads == 1 ? 1 : std::clamp<size_t>(DivUp(kPieces * threads, strips), 1, s.out_h);
  const size_t rows = DivUp(s.out_h, pieces);
  std::atomic<bool> out_of_memory{false};
  ParallelFor(strips * pieces, threads, [&](size_t i) {
    uint8_t* scratch = Scratch(ScratchSlot::kTask, g.bytes);
    if (scratch == nullptr) {
      out_of_memory = true;
      return;
    }
    Task task;
    task.image = i / pieces / groups;
    task.block = i / pieces % groups * g.group;
    task.blocks = std::min(g.group, g.blocks - task.block);
    task.channel = ConvBlockStart(task.block, s.channels);
    task.channels = std::min((task.block + task.blocks) * kNb, s.channels) - task.channel;
    task.begin = std::min(i % pieces * rows, s.out_h);
    task.end = std::min(task.begin + rows, s.out_h);
    RunTask(g, ops, pad_row, task, scratch, stop);
  });
  if (out_of_memory) return NoScratch(g.bytes);
  if (stop != nullptr && stop->load(std::memory_order_relaxed)) return {Code::kAborted, "The call was cancelled"};
  return {};
}

}  // namespace depthwise
}  // namespace lowp

#endif  // LOWP_KERNELS_CONV_CONV_DEPTHWISE_ROWS_H_
