// Winograd convolutions against plain loops in float64: exact for tiles of 2 x 2 where values are small whole numbers (its
// transforms halve twice), else within what the sum may err, four times that for tiles of 4 x 4.
#include "kernels/winograd/winograd.h"

#include <cmath>

#include "test/epilogue_cases.h"
#include "test/harness.h"

namespace lowp {
namespace test {
namespace {

constexpr double kEpsilon = 1.1920928955078125e-7;

struct Case {
  size_t batch, channels, height, width, outputs, out_h, out_w, pad_top, pad_left, threads;

  std::string Name() const {
    std::string text;
    for (const size_t size : {batch, channels, height, width, outputs, out_h, out_w, pad_top, pad_left, threads})
      text += " " + std::to_string(size);
    return text;
  }
};

Case RandomCase(Random& random) {
  Case c;
  c.batch = 1 + random.Below(3);
  c.channels = 1 + random.Below(random.Below(2) == 0 ? 40 : 10);
  c.outputs = 1 + random.Below(random.Below(2) == 0 ? 40 : 10);
  c.height = 1 + random.Below(12);
  c.width = 1 + random.Below(random.Below(4) == 0 ? 60 : 12);
  c.pad_top = random.Below(4);
  c.pad_left = random.Below(4);
  const auto out = [&](size_t size, size_t pad) {
    const size_t padded = size + pad + random.Below(4);
    return padded < 3 ? 1 : padded - 2;
  };
  c.out_h = out(c.height, c.pad_top);
  c.out_w = out(c.width, c.pad_left);
  c.threads = 1 + random.Below(3);
  return c;
}

void Run(const SGemmEntry& gemm, const WinogradEntry& entry, size_t tile, Random& random, const Case& c) {
  const size_t x_size = c.batch * c.height * c.width * c.channels, y_size = c.batch * c.out_h * c.out_w * c.outputs;
  const bool whole = random.Below(2) == 0, use_bias = random.Below(2) == 0, use_residual = random.Below(2) == 0;
  const auto value = [&] { return whole ? static_cast<float>(random.Between(-3, 3)) : random.Float(); };
  GuardedArray<float> x(x_size), y(y_size), w(c.outputs * c.channels * 9), bias(c.outputs), residual(y_size);
  for (size_t i = 0; i < x.size(); ++i) x[i] = value();
  for (size_t i = 0; i < w.size(); ++i) w[i] = value();
  for (size_t i = 0; i < bias.size(); ++i) bias[i] = value();
  for (size_t i = 0; i < residual.size(); ++i) residual[i] = value();
  WinogradPacked packed;
  Status status = PackWinograd(tile, c.outputs, c.channels, w.data(), gemm, entry, &packed);
  WinogradArgs args;
  args.weights = &packed;
  args.batch = c.batch;
  args.height = c.height;
  args.width = c.width;
  args.out_h = c.out_h;
  args.out_w = c.out_w;
  args.pad_top = c.pad_top;
  args.pad_left = c.pad_left;
  args.x = x.data();
  args.y = y.data();
  args.bias = use_bias ? bias.data() : nullptr;
  args.activation = RandomActivation(random);
  args.residual = use_residual ? residual.data() : nullptr;
  args.threads = c.threads;
  if (status.ok()) status = Winograd(args);
  bool close = status.ok();
  const bool exact = whole && tile == 2;
  const double magnitude = whole ? 9 : 1, slope = 1.2;  // max|x| max|w|; no activation is steeper
  const double bound =
      slope * (tile == 2 ? 1 : 4) * kEpsilon * (9 * static_cast<double>(c.channels) + 1) * magnitude * 2 + 1e-5 * magnitude;
  for (size_t at = 0; at < y_size && close; ++at) {
    const size_t o = at % c.outputs, pixel = at / c.outputs, ox = pixel % c.out_w, oy = pixel / c.out_w % c.out_h;
    const float* image = x.data() + pixel / (c.out_w * c.out_h) * c.height * c.width * c.channels;
    double sum = 0;
    for (size_t tap = 0; tap < 9; ++tap) {
      const size_t iy = oy + tap / 3 - c.pad_top, ix = ox + tap % 3 - c.pad_left;  // beyond the image also where it wraps around
      if (iy >= c.height || ix >= c.width) continue;
      for (size_t i = 0; i < c.channels; ++i)
        sum += double{image[(iy * c.width + ix) * c.channels + i]} * w[(o * c.channels + i) * 9 + tap];
    }
    float real = static_cast<float>(sum);
    if (use_bias) real = real + bias[o];
    if (use_residual) real = real + residual[at];
    const float expected = Activated(args.activation, real);
    close = exact ? expected == y[at] : std::fabs(expected - y[at]) <= bound;
  }
  Expect(close, std::string(entry.kernel->name) + " tile " + std::to_string(tile) + c.Name() + (whole ? " whole" : "") +
                    (use_bias ? " bias" : "") + (use_residual ? " residual " : " ") + NameOf(args.activation) + " " +
                    status.message());
}

}  // namespace

void TestWinograd(bool quick) {
  for (const WinogradEntry& entry : WinogradKernels()) {
    if (!InfoOf(entry.isa).supported) continue;
    Random random(9);
    for (int i = 0; i < (quick ? 40 : 600); ++i) {
      const Case c = RandomCase(random);
      for (const size_t tile : {2, 4}) {
        // The products have tests of their own; here any of them will do.
        Run(SGemmKernels().back(), entry, tile, random, c);
        Run(SelectSGemm(ActiveIsas()), entry, tile, random, c);
      }
    }
    // More tiles than a block holds.
    const Case large{2, 20, 45, 47, 18, 45, 47, 1, 1, 2};
    for (const size_t tile : {2, 4}) Run(SelectSGemm(ActiveIsas()), entry, tile, random, large);
  }
}

}  // namespace test
}  // namespace lowp
