#include "kernels/conv/conv_depthwise.h"

#include <algorithm>
#include <cstring>

#include "kernels/conv/conv_depthwise_rows.h"

namespace lowp {
namespace {

using namespace depthwise;

class FloatOps {
 public:
  using Element = float;
  FloatOps(const ConvArgs& args, const Geometry& g) : args_(args), g_(g) {}

  const float* x() const { return args_.x; }
  float padding() const { return 0; }

  uint8_t flip() const { return 0; }
  const void* weights(size_t block) const { return args_.weights->taps.As<float>() + block * kNb * g_.s.taps(); }

  void Multiply(const ConvRun& run, size_t pixels, uint8_t* acc) const {
    g_.kernel.float_ukernel(run, pixels, reinterpret_cast<float*>(acc));
  }

  void Store(const Task& task, size_t block, size_t oy, size_t ox, size_t pixels, const uint8_t* sums, uint8_t* out,
             uint8_t* residual) const {
    const ConvShape& s = g_.s;
    const size_t n = block * kNb, cols = std::min(kNb, s.channels - n);
    const float* acc = reinterpret_cast<const float*>(sums) + (n - ConvBlockStart(block, s.channels));
    const size_t at = g_.Offset(task.image, n, oy, ox, s.out_h, s.out_w);
    const float* bias = args_.bias != nullptr ? args_.bias + n : nullptr;
    FloatStore store{bias, args_.activation, {}, args_.y + at, s.channels};
    const float* added = args_.residual != nullptr ? args_.residual + at : nullptr;
    if (added != nullptr) store.residual = {ResidualKind::kFloat32, added, s.channels, 1, 0};
    if (!g_.nhwc) {
      store.c = reinterpret_cast<float*>(out);
      store.ldc = kNb;
      if (added != nullptr) {
        Gather(g_.kernel, cols, pixels, added, s.out_pixels(), reinterpret_cast<float*>(residual), kNb);
        store.residual.data = residual;
        store.residual.ld = kNb;
      }
    }
    g_.kernel.store_float(store, acc, 0, 0, pixels, cols);
    if (!g_.nhwc) g_.kernel.transpose_f32(pixels, cols, reinterpret_cast<const float*>(out), kNb, args_.y + at, s.out_pixels());
  }

 private:
  const ConvArgs& args_;
  const Geometry& g_;
};

class IntOps {
 public:
  using Element = uint8_t;
  IntOps(const QConvArgs& args, const Geometry& g, const IntStore& store) : args_(args), g_(g), store_(store) {}

  const uint8_t* x() const { return static_cast<const uint8_t*>(args_.x); }
  uint8_t padding() const { return static_cast<uint8_t>(args_.x_zero); }

  uint8_t flip() const { return args_.x_signed ? 0x80 : 0; }
  const void* weights(size_t block) const {
    return args_.weights->taps.As<int16_t>() + block * kNb * 2 * ConvPairs(g_.s.kernel_h, g_.s.kernel_w);
  }

  void Multiply(const ConvRun& run, size_t pixels, uint8_t* acc) const {
    g_.kernel.int_ukernel(run, pixels, reinterpret_cast<int32_t*>(acc));
  }

  void Store(const Task& task, size_t block, size_t oy, size_t ox, size_t pixels, const uint8_t* sums, uint8_t* out,
             uint8_t* residual) const {
    const ConvShape& s = g_.s;
    const size_t n = block * kNb, cols = std::min(kNb, s.channels - n);
    const int32_t* acc = reinterpret_cast<const int32_t*>(sums) + (n - ConvBlockStart(block, s.channels));
    const bool bytes = args_.output.kind == OutputKind::kU8 || args_.output.kind == OutputKind::kS8;
    const size_t size = bytes ? 1 : 4, at = g_.Offset(task.image, n, oy, ox, s.out_h, s.out_w);
    uint8_t* y = static_cast<uint8_t*>(args_.y) + at * size;
    IntStore store = store_;
    store.col_add += n;
    store.scale += n;
    if (store.bias != nullptr) store.bias += n;
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
          Gather(g_.kernel, cols, pixels, reinterpret_cast<const float*>(from), s.out_pixels(),
                 reinterpret_cast<float*>(residual), kNb);
        else
          Gather(g_.kernel, cols, pixels, from, s.out_pixels(), residual, kNb);
        r.data = residual;
        r.ld = kNb;
      }
    }
    g_.kernel.store_int(store, acc, 0, 0, pixels, cols);
    if (g_.nhwc) return;
    if (bytes)
      g_.kernel.transpose_u8(pixels, cols, out, kNb, y, s.out_pixels());
    else
      g_.kernel.transpose_f32(pixels, cols, reinterpret_cast<const float*>(out), kNb, reinterpret_cast<float*>(y),
                              s.out_pixels());
  }

 private:
  const QConvArgs& args_;
  const Geometry& g_;
  const IntStore& store_;
};

}  // namespace

Status DepthwiseConv(const ConvArgs& args) {
  const size_t threads = Threads(args.shape, args.threads);
  const Geometry g(args.shape, *args.weights->entry->kernel, args.nhwc, sizeof(float), threads);
  const size_t bytes = g.padding() * sizeof(float);
  uint8_t* pad_row = Scratch(ScratchSlot::kCall, bytes);
  if (pad_row == nullptr) return NoScratch(bytes);
  std::memset(pad_row, 0, bytes);
  return Run(g, FloatOps(args, g), pad_row, threads, args.stop);
}

Status DepthwiseQConv(const QConvArgs& args) {
  const size_t threads = Threads(args.shape, args.threads);
  const Geometry g(args.shape, *args.weights->entry->kernel, args.nhwc, 1, threads);
  const size_t channels = args.shape.channels, padded = RoundUp(channels, kNb);
  BufferLayout layout;
  const size_t add_at = layout.Add(padded * sizeof(int32_t)), scale_at = layout.Add(padded * sizeof(float));
  const size_t bias_at = layout.Add(padded * sizeof(float)), pad_at = layout.Add(g.padding());
  uint8_t* scratch = Scratch(ScratchSlot::kCall, layout.size());
  if (scratch == nullptr) return NoScratch(layout.size());
  std::memset(scratch, 0, pad_at);
  std::memset(scratch + pad_at, args.x_zero, g.padding());
  int32_t* add = reinterpret_cast<int32_t*>(scratch + add_at);
  float* scale = reinterpret_cast<float*>(scratch + scale_at);
  float* bias = reinterpret_cast<float*>(scratch + bias_at);
  for (size_t c = 0; c < channels; ++c) {
    scale[c] = args.x_scale * args.weights->scales.As<float>()[c];
    if (Requantizes(args.output)) scale[c] /= args.output.scale;
    // sum (x - zx) * w = sum x * w - zx * sum w, modulo 2^32
    const uint32_t zero = static_cast<uint32_t>(args.x_zero + (args.x_signed ? 128 : 0));
    const uint32_t sum = zero * static_cast<uint32_t>(args.weights->sums.As<int32_t>()[c]);
    const uint32_t given = args.output.bias_s32 != nullptr ? static_cast<uint32_t>(args.output.bias_s32[c]) : 0;
    add[c] = static_cast<int32_t>(given - sum);
  }
  IntStore store{};
  SetOutput(args.output, &store);
  if (args.output.bias_f32 != nullptr) {
    std::copy_n(args.output.bias_f32, channels, bias);
    store.bias = bias;
  }
  store.col_add = add;
  store.scale = scale;
  return Run(g, IntOps(args, g, store), scratch + pad_at, threads, args.stop);
}

}  // namespace lowp
