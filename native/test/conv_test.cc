// Convolutions against matrix products of explicit patches: int8 bit for bit the scalar kernel of qgemm, float32 within the bound
// of the sum, and the same bits where sums are small whole numbers.
#include "kernels/conv/conv.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "test/epilogue_cases.h"
#include "test/harness.h"

namespace lowp {
namespace test {
namespace {

struct Case {
  ConvShape s;
  bool nhwc;
  size_t threads;

  ConvWeightShape weights() const { return {s.out_channels, s.group_channels(), s.kernel_h, s.kernel_w, s.groups}; }
  size_t x_size() const { return s.batch * s.channels * s.pixels(); }
  size_t y_size() const { return s.batch * s.out_channels * s.out_pixels(); }
  size_t depth() const { return s.group_channels() * s.taps(); }
  size_t XAt(size_t image, size_t c, size_t y, size_t x) const {
    return nhwc ? ((image * s.height + y) * s.width + x) * s.channels + c
                : ((image * s.channels + c) * s.height + y) * s.width + x;
  }
  // Pixels in order, then channels: what a matrix product gives.
  size_t YAt(size_t image, size_t pixel, size_t o) const {
    return nhwc ? (image * s.out_pixels() + pixel) * s.out_channels + o : (image * s.out_channels + o) * s.out_pixels() + pixel;
  }

  std::string Name() const {
    const auto text = [](size_t x) { return std::to_string(x); };
    return " " + text(s.batch) + "x" + text(s.channels) + "x" + text(s.height) + "x" + text(s.width) + " -> " +
           text(s.out_channels) + " kernel " + text(s.kernel_h) + "x" + text(s.kernel_w) + " stride " + text(s.stride_h) + "," +
           text(s.stride_w) + " dilation " + text(s.dilation_h) + "," + text(s.dilation_w) + " pad " + text(s.pad_top) + "," +
           text(s.pad_left) + " out " + text(s.out_h) + "x" + text(s.out_w) + " groups " + text(s.groups) +
           (nhwc ? " nhwc" : " nchw") + " t" + text(threads);
  }

  // The patches of one group as a matrix [batch * pixels][c, ky, kx].
  template <class T>
  std::vector<T> Patches(const T* x, size_t group, T padding) const {
    std::vector<T> rows;
    for (size_t image = 0; image < s.batch; ++image) {
      for (size_t pixel = 0; pixel < s.out_pixels(); ++pixel) {
        for (size_t c = 0; c < s.group_channels(); ++c) {
          for (size_t tap = 0; tap < s.taps(); ++tap) {
            const long y =
                static_cast<long>(pixel / s.out_w * s.stride_h + tap / s.kernel_w * s.dilation_h) - static_cast<long>(s.pad_top);
            const long at =
                static_cast<long>(pixel % s.out_w * s.stride_w + tap % s.kernel_w * s.dilation_w) - static_cast<long>(s.pad_left);
            const bool inside = y >= 0 && at >= 0 && y < static_cast<long>(s.height) && at < static_cast<long>(s.width);
            const size_t channel = group * s.group_channels() + c;
            rows.push_back(inside ? x[XAt(image, channel, static_cast<size_t>(y), static_cast<size_t>(at))] : padding);
          }
        }
      }
    }
    return rows;
  }
};

// wide: depthwise, with rows that are read from the image itself in several chunks, and kernels and strides that have
// microkernels of their own.
Case RandomCase(Random& random, bool wide) {
  Case c;
  ConvShape& s = c.s;
  const bool depthwise = wide || random.Below(3) == 0;
  s.batch = 1 + random.Below(2);
  s.groups = depthwise ? 2 + random.Below(40) : random.Below(3) == 0 ? 1 + random.Below(3) : 1;
  s.channels = s.groups * (depthwise ? 1 : 1 + random.Below(random.Below(3) == 0 ? 40 : 5));
  s.out_channels = s.groups * (depthwise ? 1 + (random.Below(4) == 0) : 1 + random.Below(20));
  s.height = 1 + random.Below(12);
  s.width = 1 + random.Below(random.Below(4) == 0 ? 80 : 12);
  s.kernel_h = 1 + random.Below(4);
  s.kernel_w = 1 + random.Below(5);
  s.stride_h = 1 + random.Below(3);
  s.stride_w = 1 + random.Below(3);
  s.dilation_h = 1 + random.Below(3);
  s.dilation_w = 1 + random.Below(3);
  if (wide) {
    s.out_channels = s.channels = s.groups = 14 + random.Below(30);
    s.height = 1 + random.Below(5);
    s.width = 20 + random.Below(random.Below(3) == 0 ? 300 : 60);
    s.kernel_h = 1 + random.Below(7);
    s.kernel_w = random.Below(5) == 0 ? 1 + random.Below(8) : 3 + 2 * random.Below(3);
    s.stride_w = 1 + random.Below(random.Below(4) == 0 ? 3 : 2);
    s.dilation_w = 1 + (random.Below(4) == 0);
  }
  s.pad_top = random.Below(4);
  s.pad_left = random.Below(4);
  // As many pixels as the padded image has room for, of any padding at the other end.
  const auto out = [&](size_t size, size_t pad, size_t kernel, size_t stride, size_t dilation) {
    const size_t extent = (kernel - 1) * dilation + 1, padded = size + pad + random.Below(4);
    return padded < extent ? 1 : (padded - extent) / stride + 1;
  };
  s.out_h = out(s.height, s.pad_top, s.kernel_h, s.stride_h, s.dilation_h);
  s.out_w = out(s.width, s.pad_left, s.kernel_w, s.stride_w, s.dilation_w);
  c.nhwc = random.Below(2) == 0;
  c.threads = 1 + random.Below(2);
  return c;
}

void RunFloat(const SGemmEntry& gemm, const ConvEntry& entry, Random& random, const Case& c) {
  const ConvShape& s = c.s;
  const bool whole = random.Below(2) == 0, use_bias = random.Below(2) == 0, use_residual = random.Below(2) == 0;
  const auto value = [&] { return whole ? static_cast<float>(random.Between(-3, 3)) : random.Float(); };
  GuardedArray<float> x(c.x_size()), y(c.y_size()), w(s.out_channels * c.depth()), bias(s.out_channels), residual(c.y_size());
  for (size_t i = 0; i < x.size(); ++i) x[i] = value();
  for (size_t i = 0; i < w.size(); ++i) w[i] = value();
  for (size_t i = 0; i < bias.size(); ++i) bias[i] = value();
  for (size_t i = 0; i < residual.size(); ++i) residual[i] = value();
  ConvPackedF packed;
  Status status = PackConvF(c.weights(), w.data(), gemm, entry, &packed);
  ConvArgs args;
  args.weights = &packed;
  args.shape = s;
  args.nhwc = c.nhwc;
  args.x = x.data();
  args.y = y.data();
  args.bias = use_bias ? bias.data() : nullptr;
  args.activation = RandomActivation(random);
  args.residual = use_residual ? residual.data() : nullptr;
  args.threads = c.threads;
  if (status.ok()) status = Conv(args);
  bool close = status.ok();
  const double bound = 1.2 * 1.2e-7 * (static_cast<double>(c.depth()) + 2) * 2 + 1e-5;
  for (size_t g = 0; g < s.groups && close; ++g) {
    const std::vector<float> rows = c.Patches(x.data(), g, 0.0f);
    for (size_t m = 0; m < s.batch * s.out_pixels() && close; ++m) {
      for (size_t o = g * s.group_outputs(); o < (g + 1) * s.group_outputs() && close; ++o) {
        double sum = 0;
        for (size_t k = 0; k < c.depth(); ++k) sum += double{rows[m * c.depth() + k]} * w[o * c.depth() + k];
        const size_t at = c.YAt(m / s.out_pixels(), m % s.out_pixels(), o);
        float real = static_cast<float>(sum);
        if (use_bias) real = real + bias[o];
        if (use_residual) real = real + residual[at];
        const float expected = Activated(args.activation, real);
        close = whole ? std::memcmp(&expected, &y[at], sizeof(float)) == 0 : std::fabs(expected - y[at]) <= bound;
      }
    }
  }
  Expect(close, std::string(entry.kernel->name) + " float32" + c.Name() + (whole ? " whole" : "") + (use_bias ? " bias" : "") +
                    (use_residual ? " residual " : " ") + NameOf(args.activation) + " " + status.message());
}

void RunInt(const QGemmEntry& gemm, const ConvEntry& entry, Random& random, const Case& c) {
  const ConvShape& s = c.s;
  const bool x_signed = random.Below(2) == 0, w_signed = random.Below(2) == 0, per_channel = random.Below(2) == 0;
  const bool extreme = random.Below(4) == 0;
  GuardedArray<uint8_t> x(c.x_size()), w(s.out_channels * c.depth());
  for (size_t i = 0; i < x.size(); ++i) x[i] = static_cast<uint8_t>(extreme ? (x_signed ? 0x80 : 0xff) : random.Below(256));
  for (size_t i = 0; i < w.size(); ++i) w[i] = static_cast<uint8_t>(extreme ? (w_signed ? 0x80 : 0xff) : random.Below(256));
  const size_t channels = per_channel ? s.out_channels : 1;
  GuardedArray<float> scales(channels), bias_f(s.out_channels);
  GuardedArray<int32_t> zeros(channels), bias_s(s.out_channels);
  for (size_t i = 0; i < channels; ++i) {
    scales[i] = 0.001f + 0.01f * std::fabs(random.Float());
    zeros[i] = random.Between(0, 255) - (w_signed ? 128 : 0);
  }
  for (size_t o = 0; o < s.out_channels; ++o) {
    bias_f[o] = 10 * random.Float();
    bias_s[o] = random.Between(-10000, 10000);
  }
  QConvArgs args;
  IntOutput& output = args.output;
  output.kind = static_cast<OutputKind>(random.Below(4));
  output.scale = 0.37f;
  output.zero = output.kind == OutputKind::kS8 ? -5 : 17;
  const size_t which = random.Below(3);
  if (which == 1 && output.kind != OutputKind::kInt32) output.bias_f32 = bias_f.data();
  if (which == 2 && output.kind != OutputKind::kFloat32) output.bias_s32 = bias_s.data();
  const bool real = output.kind != OutputKind::kInt32;
  output.activation = real ? RandomActivation(random) : kNoActivation;
  const auto residual_kind = static_cast<ResidualKind>(real ? random.Below(4) : 0);
  // Of one row: contiguous, and in the layout of the result.
  const TestResidual added(random, residual_kind, 1, c.y_size());
  output.residual = added.view();

  const size_t size = SizeOf(output.kind);
  GuardedArray<uint8_t> y(c.y_size() * size);
  ConvPackedQ packed;
  Status status = PackConvQ({c.weights(), w.data(), w_signed, scales.data(), zeros.data(), per_channel}, gemm, entry, &packed);
  args.weights = &packed;
  args.shape = s;
  args.nhwc = c.nhwc;
  args.x = x.data();
  args.x_signed = x_signed;
  args.x_scale = 0.02f;
  args.x_zero = x_signed ? -3 : 120;
  args.y = y.data();
  args.threads = c.threads;
  if (status.ok()) status = QConv(args);

  bool equal = status.ok();
  const std::vector<QGemmEntry> kernels = QGemmKernels();
  const size_t rows = s.batch * s.out_pixels(), outputs = s.group_outputs();
  for (size_t g = 0; g < s.groups && equal; ++g) {
    const std::vector<uint8_t> patches = c.Patches(x.data(), g, static_cast<uint8_t>(args.x_zero));
    const size_t first = g * outputs, channel = per_channel ? first : 0;
    QGemmPackedB b;
    status = PackQGemmB({c.depth(), outputs, w.data() + first * c.depth(), w_signed, c.depth(), true, scales.data() + channel,
                         zeros.data() + channel, per_channel},
                        kernels.back(), &b);
    std::vector<uint8_t> expected(rows * outputs * size), residual;
    QGemmArgs product;
    product.m = rows;
    product.a_kind = x_signed ? QGemmA::kS8 : QGemmA::kU8;
    product.a = patches.data();
    product.lda = c.depth();
    product.a_scale = args.x_scale;
    product.a_zero = args.x_zero;
    product.b = &b;
    product.output = output;
    if (output.bias_f32 != nullptr) product.output.bias_f32 += first;
    if (output.bias_s32 != nullptr) product.output.bias_s32 += first;
    const size_t added_size = SizeOf(residual_kind);
    for (size_t m = 0; m < rows && added_size != 0; ++m) {
      for (size_t o = 0; o < outputs; ++o) {
        const size_t at = c.YAt(m / s.out_pixels(), m % s.out_pixels(), first + o) * added_size;
        const uint8_t* from = static_cast<const uint8_t*>(added.view().data) + at;
        residual.insert(residual.end(), from, from + added_size);
      }
    }
    product.output.residual.data = residual.data();
    product.output.residual.ld = outputs;
    product.c = expected.data();
    product.ldc = outputs;
    if (status.ok()) status = QGemm(product);
    equal = status.ok();
    for (size_t m = 0; m < rows && equal; ++m) {
      for (size_t o = 0; o < outputs && equal; ++o) {
        const size_t at = c.YAt(m / s.out_pixels(), m % s.out_pixels(), first + o) * size;
        equal = std::memcmp(y.data() + at, expected.data() + (m * outputs + o) * size, size) == 0;
      }
    }
  }
  Expect(equal, std::string(entry.kernel->name) + (x_signed ? " s8" : " u8") + (w_signed ? "s8" : "u8") + c.Name() + " output" +
                    std::to_string(static_cast<int>(output.kind)) + " bias" + std::to_string(which) + " residual" +
                    std::to_string(static_cast<int>(residual_kind)) + " " + NameOf(output.activation) + " " + status.message());
}

}  // namespace

void TestConv(bool quick) {
  for (const ConvEntry& entry : ConvKernels()) {
    if (!InfoOf(entry.isa).supported) continue;
    Random random(8);
    const std::vector<SGemmEntry> sgemm = SGemmKernels();
    const std::vector<QGemmEntry> qgemm = QGemmKernels();
    for (int i = 0; i < (quick ? 60 : 1500); ++i) {
      const Case c = RandomCase(random, /*wide=*/i % 5 == 0);
      // The products have tests of their own; here any of them will do.
      RunFloat(sgemm.back(), entry, random, c);
      RunInt(qgemm.back(), entry, random, c);
      const IsaSet isas = ActiveIsas();
      RunFloat(SelectSGemm(isas), entry, random, c);
      RunInt(SelectQGemm(isas), entry, random, c);
    }
  }
}

}  // namespace test
}  // namespace lowp
