#include "kernels/conv/conv_depthwise.h"

#include <algorithm>
#include <cstring>
#include <string>

#include "core/partition.h"
#include "core/scratch.h"
#include "core/thread_pool.h"

namespace lowp {
namespace {

constexpr size_t kNb = kConvNb;
using Signed = std::ptrdiff_t;

// What float32 and int8 have in common: which pixels a task makes, the strip's rows, and getting results into either layout.
struct Geometry {
  const ConvShape& s;
  const ConvKernel& kernel;
  bool nhwc;
  size_t padded_width;  // pixels of a row of the strip
  size_t ring;          // rows that it holds

  Geometry(const ConvShape& shape, const ConvKernel& k, bool is_nhwc)
      : s(shape),
        kernel(k),
        nhwc(is_nhwc),
        padded_width((shape.out_w - 1) * shape.stride_w + (shape.kernel_w - 1) * shape.dilation_w + 1),
        ring((shape.kernel_h - 1) * shape.dilation_h + 1) {}

  // Element [image][c][y][x] and the distance between channels and pixels.
  size_t Offset(size_t image, size_t c, size_t y, size_t x, size_t height, size_t width) const {
    return nhwc ? ((image * height + y) * width + x) * s.channels + c : ((image * s.channels + c) * height + y) * width + x;
  }
};

struct Task {
  size_t image, channel, channels;  // channels: at most kNb
  size_t begin, end;                // rows of output
};

// Bytes of scratch of a task.
struct Scratchpad {
  size_t strip, zeros, taps, acc, out, residual, bytes;

  Scratchpad(const Geometry& g, size_t strip_element) {
    BufferLayout layout;
    const size_t row = g.padded_width * kNb * strip_element, tile = g.s.out_w * kNb * sizeof(float);
    strip = layout.Add(g.ring * row);
    zeros = layout.Add(row);
    taps = layout.Add(g.s.taps() * sizeof(void*));
    acc = layout.Add(tile);
    out = layout.Add(tile);
    residual = layout.Add(tile);
    bytes = layout.size();
  }
};

// Ops: Element, of the strip; void FillRow(task, y, x, pixels, Element* to): pixels x .. of row y; void Multiply(task, strip,
// acc); void Store(task, oy, acc, out, residual)
template <class Ops>
void RunTask(const Geometry& g, const Ops& ops, const Task& task, const Scratchpad& at, uint8_t* scratch,
             const std::atomic<bool>* stop) {
  using Element = typename Ops::Element;
  const ConvShape& s = g.s;
  Element* strip = reinterpret_cast<Element*>(scratch + at.strip);
  Element* zeros = reinterpret_cast<Element*>(scratch + at.zeros);
  const void** taps = reinterpret_cast<const void**>(scratch + at.taps);
  const size_t row_size = g.padded_width * kNb;
  std::fill_n(strip, g.ring * row_size, Element{0});
  std::fill_n(zeros, row_size, Element{0});
  // Pixels of the padded row that lie in the image.
  const size_t left = std::min(s.pad_left, g.padded_width);
  const size_t inside = std::min(s.width, g.padded_width - left);
  Signed filled = static_cast<Signed>(task.begin * s.stride_h) - static_cast<Signed>(s.pad_top);
  for (size_t oy = task.begin; oy < task.end; ++oy) {
    if (stop != nullptr && stop->load(std::memory_order_relaxed)) return;
    const Signed top = static_cast<Signed>(oy * s.stride_h) - static_cast<Signed>(s.pad_top);
    const Signed bottom = std::min(top + static_cast<Signed>(g.ring), static_cast<Signed>(s.height));
    for (Signed y = std::max({filled, top, Signed{0}}); y < bottom; ++y) {
      Element* row = strip + static_cast<size_t>(y) % g.ring * row_size;
      ops.FillRow(task, static_cast<size_t>(y), inside, row + left * kNb);
    }
    filled = std::max(filled, bottom);
    for (size_t ky = 0; ky < s.kernel_h; ++ky) {
      const Signed y = top + static_cast<Signed>(ky * s.dilation_h);
      const bool in_image = y >= 0 && y < static_cast<Signed>(s.height);
      const Element* row = in_image ? strip + static_cast<size_t>(y) % g.ring * row_size : zeros;
      for (size_t kx = 0; kx < s.kernel_w; ++kx) taps[ky * s.kernel_w + kx] = row + kx * s.dilation_w * kNb;
    }
    ops.Multiply(task, ConvStrip{taps, s.taps(), s.stride_w, nullptr}, scratch + at.acc);
    ops.Store(task, oy, scratch + at.acc, scratch + at.out, scratch + at.residual);
  }
}

template <class Ops>
Status Run(const Geometry& g, const Ops& ops, size_t threads, const std::atomic<bool>* stop) {
  const ConvShape& s = g.s;
  const size_t blocks = DivUp(s.channels, kNb), strips = s.batch * blocks;
  if (s.batch * s.out_channels * s.out_pixels() * s.taps() < kParallelWork) threads = 1;
  // Each piece fills the rows above it again, so no more pieces than threads need.
  const size_t pieces = threads == 1 ? 1 : std::clamp<size_t>(DivUp(4 * threads, strips), 1, s.out_h);
  const size_t rows = DivUp(s.out_h, pieces);
  const Scratchpad at(g, sizeof(typename Ops::Element));
  std::atomic<bool> out_of_memory{false};
  ParallelFor(strips * pieces, threads, [&](size_t i) {
    uint8_t* scratch = Scratch(ScratchSlot::kTask, at.bytes);
    if (scratch == nullptr) {
      out_of_memory = true;
      return;
    }
    const size_t strip = i / pieces, begin = std::min(i % pieces * rows, s.out_h), channel = strip % blocks * kNb;
    const Task task{strip / blocks, channel, std::min(kNb, s.channels - channel), begin, std::min(begin + rows, s.out_h)};
    RunTask(g, ops, task, at, scratch, stop);
  });
  if (out_of_memory)
    return {Code::kNoMemory, "Expected " + std::to_string(at.bytes) + " bytes of scratch memory but the system gave none"};
  if (stop != nullptr && stop->load(std::memory_order_relaxed)) return {Code::kAborted, "The call was cancelled"};
  return {};
}

// A row of planes [channels][pixels] as [pixels][kNb], and back.
template <class T>
void Gather(const ConvKernel& kernel, size_t channels, size_t pixels, const T* from, size_t plane, T* to) {
  if constexpr (sizeof(T) == 1) {
    kernel.transpose_u8(channels, pixels, reinterpret_cast<const uint8_t*>(from), plane, reinterpret_cast<uint8_t*>(to), kNb);
  } else {
    kernel.transpose_f32(channels, pixels, reinterpret_cast<const float*>(from), plane, reinterpret_cast<float*>(to), kNb);
  }
}

class FloatOps {
 public:
  using Element = float;
  FloatOps(const ConvArgs& args, const Geometry& g) : args_(args), g_(g) {}

  void FillRow(const Task& task, size_t y, size_t pixels, float* to) const {
    const ConvShape& s = g_.s;
    const float* from = args_.x + g_.Offset(task.image, task.channel, y, 0, s.height, s.width);
    if (!g_.nhwc) return Gather(g_.kernel, task.channels, pixels, from, s.pixels(), to);
    if (task.channels == kNb) {  // of constant size: no call for each pixel
      for (size_t x = 0; x < pixels; ++x) std::memcpy(to + x * kNb, from + x * s.channels, kNb * sizeof(float));
    } else {
      for (size_t x = 0; x < pixels; ++x) std::memcpy(to + x * kNb, from + x * s.channels, task.channels * sizeof(float));
    }
  }

  void Multiply(const Task& task, ConvStrip strip, uint8_t* acc) const {
    strip.weights = args_.weights->taps.As<float>() + task.channel * g_.s.taps();
    g_.kernel.float_ukernel(strip, g_.s.out_w, reinterpret_cast<float*>(acc));
  }

  void Store(const Task& task, size_t oy, const uint8_t* acc, uint8_t* out, uint8_t* residual) const {
    const ConvShape& s = g_.s;
    const size_t at = g_.Offset(task.image, task.channel, oy, 0, s.out_h, s.out_w);
    const float* bias = args_.bias != nullptr ? args_.bias + task.channel : nullptr;
    FloatStore store{bias, args_.activation, {}, args_.y + at, s.channels};
    const float* added = args_.residual != nullptr ? args_.residual + at : nullptr;
    if (added != nullptr) store.residual = {ResidualKind::kFloat32, added, s.channels, 1, 0};
    if (!g_.nhwc) {
      store.c = reinterpret_cast<float*>(out);
      store.ldc = kNb;
      if (added != nullptr) {
        Gather(g_.kernel, task.channels, s.out_w, added, s.out_pixels(), reinterpret_cast<float*>(residual));
        store.residual.data = residual;
        store.residual.ld = kNb;
      }
    }
    g_.kernel.store_float(store, reinterpret_cast<const float*>(acc), 0, 0, s.out_w, task.channels);
    if (!g_.nhwc)
      g_.kernel.transpose_f32(s.out_w, task.channels, reinterpret_cast<const float*>(out), kNb, args_.y + at, s.out_pixels());
  }

 private:
  const ConvArgs& args_;
  const Geometry& g_;
};

class IntOps {
 public:
  using Element = int16_t;
  IntOps(const QConvArgs& args, const Geometry& g, const IntStore& store) : args_(args), g_(g), store_(store) {}

  void FillRow(const Task& task, size_t y, size_t pixels, int16_t* to) const {
    const ConvShape& s = g_.s;
    const uint8_t flip = args_.x_signed ? 0x80 : 0;
    const uint8_t* from = static_cast<const uint8_t*>(args_.x) + g_.Offset(task.image, task.channel, y, 0, s.height, s.width);
    if (g_.nhwc) return g_.kernel.widen(pixels, task.channels, from, s.channels, flip, args_.x_zero, to);
    // In pieces that stay in registers' reach.
    constexpr size_t kPixels = 64;
    alignas(64) uint8_t bytes[kPixels * kNb] = {};
    for (size_t x = 0; x < pixels; x += kPixels) {
      const size_t count = std::min(kPixels, pixels - x);
      Gather(g_.kernel, task.channels, count, from + x, s.pixels(), bytes);
      g_.kernel.widen(count, task.channels, bytes, kNb, flip, args_.x_zero, to + x * kNb);
    }
  }

  void Multiply(const Task& task, ConvStrip strip, uint8_t* acc) const {
    strip.weights = args_.weights->taps.As<int16_t>() + task.channel * DivUp(g_.s.taps(), 2) * 2;
    g_.kernel.int_ukernel(strip, g_.s.out_w, reinterpret_cast<int32_t*>(acc));
  }

  void Store(const Task& task, size_t oy, const uint8_t* acc, uint8_t* out, uint8_t* residual) const {
    const ConvShape& s = g_.s;
    const bool bytes = args_.output.kind == OutputKind::kU8 || args_.output.kind == OutputKind::kS8;
    const size_t size = bytes ? 1 : 4, at = g_.Offset(task.image, task.channel, oy, 0, s.out_h, s.out_w);
    uint8_t* y = static_cast<uint8_t*>(args_.y) + at * size;
    IntStore store = store_;
    store.col_add += task.channel;
    store.scale += task.channel;
    if (store.bias != nullptr) store.bias += task.channel;
    store.c = g_.nhwc ? y : out;
    store.ldc = g_.nhwc ? s.channels : kNb;
    Residual& r = store.residual;
    if (r.kind != ResidualKind::kNone) {
      const bool wide = r.kind == ResidualKind::kFloat32;
      const uint8_t* from = static_cast<const uint8_t*>(r.data) + at * (wide ? sizeof(float) : 1);
      r.data = from;
      r.ld = s.channels;
      if (!g_.nhwc) {
        if (wide)
          Gather(g_.kernel, task.channels, s.out_w, reinterpret_cast<const float*>(from), s.out_pixels(),
                 reinterpret_cast<float*>(residual));
        else
          Gather(g_.kernel, task.channels, s.out_w, from, s.out_pixels(), residual);
        r.data = residual;
        r.ld = kNb;
      }
    }
    g_.kernel.store_int(store, reinterpret_cast<const int32_t*>(acc), 0, 0, s.out_w, task.channels);
    if (g_.nhwc) return;
    if (bytes)
      g_.kernel.transpose_u8(s.out_w, task.channels, out, kNb, y, s.out_pixels());
    else
      g_.kernel.transpose_f32(s.out_w, task.channels, reinterpret_cast<const float*>(out), kNb, reinterpret_cast<float*>(y),
                              s.out_pixels());
  }

 private:
  const QConvArgs& args_;
  const Geometry& g_;
  const IntStore& store_;
};

}  // namespace

Status DepthwiseConv(const ConvArgs& args) {
  const Geometry g(args.shape, *args.weights->entry->kernel, args.nhwc);
  return Run(g, FloatOps(args, g), args.threads, args.stop);
}

Status DepthwiseQConv(const QConvArgs& args) {
  const Geometry g(args.shape, *args.weights->entry->kernel, args.nhwc);
  const size_t channels = RoundUp(args.shape.channels, kNb);
  BufferLayout layout;
  const size_t add_at = layout.Add(channels * sizeof(int32_t)), scale_at = layout.Add(channels * sizeof(float));
  const size_t bias_at = layout.Add(channels * sizeof(float));
  uint8_t* scratch = Scratch(ScratchSlot::kCall, layout.size());
  if (scratch == nullptr)
    return {Code::kNoMemory, "Expected " + std::to_string(layout.size()) + " bytes of scratch memory but the system gave none"};
  std::memset(scratch, 0, layout.size());
  int32_t* add = reinterpret_cast<int32_t*>(scratch + add_at);
  float* scale = reinterpret_cast<float*>(scratch + scale_at);
  float* bias = reinterpret_cast<float*>(scratch + bias_at);
  for (size_t c = 0; c < channels; ++c) {
    scale[c] = args.x_scale * args.weights->scales.As<float>()[c];
    if (Requantizes(args.output)) scale[c] /= args.output.scale;
  }
  IntStore store{};
  SetOutput(args.output, &store);
  if (args.output.bias_s32 != nullptr) std::copy_n(args.output.bias_s32, args.shape.channels, add);
  if (args.output.bias_f32 != nullptr) {
    std::copy_n(args.output.bias_f32, args.shape.channels, bias);
    store.bias = bias;
  }
  store.col_add = add;
  store.scale = scale;
  return Run(g, IntOps(args, g, store), args.threads, args.stop);
}

}  // namespace lowp
