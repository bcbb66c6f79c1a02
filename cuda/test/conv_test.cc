// Convolutions on the device against the scalar kernels of kernels/conv: int8 bit for bit, float32 within twice the bound of the
// sum and the same bits where sums are small whole numbers.
#include "kernels/conv/conv.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

#include "cuda/test/plugin_test.h"
#include "test/epilogue_cases.h"

namespace lowp {
namespace test {
namespace {

struct Case {
  ConvShape s;
  bool nhwc;
  size_t skip = 0;  // elements that x and y begin off a boundary

  ConvWeightShape weights() const { return {s.out_channels, s.group_channels(), s.kernel_h, s.kernel_w, s.groups}; }
  size_t x_count() const { return s.batch * s.channels * s.pixels(); }
  size_t y_count() const { return s.batch * s.out_channels * s.out_pixels(); }
  size_t depth() const { return s.group_channels() * s.taps(); }
  std::string Name() const {
    const auto text = [](size_t x) { return std::to_string(x); };
    return " " + text(s.batch) + "x" + text(s.channels) + "x" + text(s.height) + "x" + text(s.width) + " -> " +
           text(s.out_channels) + " kernel " + text(s.kernel_h) + "x" + text(s.kernel_w) + " stride " + text(s.stride_h) + "," +
           text(s.stride_w) + " dilation " + text(s.dilation_h) + "," + text(s.dilation_w) + " pad " + text(s.pad_top) + "," +
           text(s.pad_left) + " out " + text(s.out_h) + "x" + text(s.out_w) + " groups " + text(s.groups) +
           (nhwc ? " nhwc" : " nchw") + " skip " + text(skip);
  }
};

// As many pixels as the padded image has room for, of any padding at the other end.
void SetOut(Random& random, Case* c) {
  ConvShape& s = c->s;
  const auto out = [&](size_t size, size_t pad, size_t kernel, size_t stride, size_t dilation) {
    const size_t extent = (kernel - 1) * dilation + 1, padded = size + pad + random.Below(4);
    return padded < extent ? 1 : (padded - extent) / stride + 1;
  };
  s.out_h = out(s.height, s.pad_top, s.kernel_h, s.stride_h, s.dilation_h);
  s.out_w = out(s.width, s.pad_left, s.kernel_w, s.stride_w, s.dilation_w);
}

Case RandomCase(Random& random, bool depthwise) {
  Case c{};
  ConvShape& s = c.s;
  s.batch = 1 + random.Below(2);
  if (depthwise) {
    s.channels = s.out_channels = s.groups = random.Below(2) == 0 ? 4 * (1 + random.Below(9)) : 2 + random.Below(30);
  } else {
    s.groups = random.Below(4) == 0 ? 1 + random.Below(4) : 1;
    const size_t few = 1 + random.Below(9), some = 16 * (1 + random.Below(4)), any = 1 + random.Below(50);
    s.channels = s.groups * (random.Below(3) == 0 ? few : random.Below(2) == 0 ? some : any);
    s.out_channels = s.groups * (1 + random.Below(random.Below(4) == 0 ? 140 : 40));
  }
  s.height = 1 + random.Below(11);
  s.width = 1 + random.Below(11);
  s.kernel_h = random.Below(3) == 0 ? 1 : 1 + random.Below(4);
  s.kernel_w = random.Below(3) == 0 ? 1 : 1 + random.Below(5);
  s.stride_h = 1 + random.Below(3);
  s.stride_w = 1 + random.Below(3);
  s.dilation_h = 1 + random.Below(3);
  s.dilation_w = 1 + random.Below(3);
  s.pad_top = random.Below(4);
  s.pad_left = random.Below(4);
  SetOut(random, &c);
  c.nhwc = random.Below(3) != 0;
  c.skip = random.Below(3) == 0 ? random.Below(5) : 0;
  return c;
}

Case Layer(size_t channels, size_t size, size_t out_channels, size_t kernel, size_t stride, size_t groups, bool nhwc) {
  Case c{};
  ConvShape& s = c.s;
  s.channels = channels;
  s.height = s.width = size;
  s.out_channels = out_channels;
  s.kernel_h = s.kernel_w = kernel;
  s.stride_h = s.stride_w = stride;
  s.pad_top = s.pad_left = kernel / 2;
  s.groups = groups;
  s.out_h = s.out_w = (size + 2 * (kernel / 2) - kernel) / stride + 1;
  c.nhwc = nhwc;
  return c;
}

// Packs; the storage is freed at the end.
class Weights {
 public:
  explicit Weights(const Plugin& plugin) : plugin_(plugin) {}
  ~Weights() { plugin_.api.runtime.free(plugin_.context, packed.storage); }
  CudaConvWeights packed{};

 private:
  const Plugin& plugin_;
};

// The scalar kernel of a family, to which packed weights point.
template <class Entry>
const Entry& Last(std::vector<Entry> (*all)()) {
  static const std::vector<Entry> kernels = all();
  return kernels.back();
}

void RunFloat(const Plugin& p, Random& random, const Case& c) {
  const ConvShape& s = c.s;
  const bool whole = random.Below(2) == 0, use_bias = random.Below(2) == 0, use_residual = random.Below(2) == 0;
  const bool in_place = random.Below(2) == 0, special = !whole && random.Below(4) == 0;
  const auto value = [&] { return whole ? static_cast<float>(random.Between(-3, 3)) : random.Float(); };
  std::vector<float> x(c.x_count()), y(c.y_count()), w(s.out_channels * c.depth()), bias(s.out_channels), residual(c.y_count());
  for (float& v : x) {
    v = value();
    if (special && random.Below(50) == 0) v = random.Below(2) == 0 ? std::nanf("") : std::numeric_limits<float>::infinity();
  }
  for (float& v : w) v = value();
  for (float& v : bias) v = value();
  for (float& v : residual) v = value();
  ConvPackedF packed;
  Status status = PackConvF(c.weights(), w.data(), Last(SGemmKernels), Last(ConvKernels), &packed);
  ConvArgs on_host;
  on_host.weights = &packed;
  on_host.shape = s;
  on_host.nhwc = c.nhwc;
  on_host.x = x.data();
  on_host.y = y.data();
  on_host.bias = use_bias ? bias.data() : nullptr;
  on_host.activation = RandomActivation(random);
  on_host.residual = use_residual ? residual.data() : nullptr;
  if (status.ok()) status = Conv(on_host);

  Weights weights(p);
  CudaError error{};
  const ConvWeightShape shape = c.weights();
  int32_t code = p.api.conv.pack_float(p.context, &shape, w.data(), &weights.packed, &error);
  PluginArray<float> dx(p, x, c.skip), dr(p, residual, c.skip), db(p, bias);
  PluginArray<float> dy(p, in_place && use_residual ? residual : std::vector<float>(y.size(), -77), c.skip);
  CudaConvArgs args;
  args.weights = &weights.packed;
  args.shape = s;
  args.nhwc = c.nhwc;
  args.x = dx.data();
  args.y = dy.data();
  args.bias = use_bias ? db.data() : nullptr;
  args.activation = on_host.activation;
  args.residual = !use_residual ? nullptr : in_place ? dy.data() : dr.data();
  if (code == 0) code = p.api.conv.conv(p.context, &args, &error);
  const std::vector<float> got = dy.Read();
  const double bound = 2 * (1.2 * 1.2e-7 * (static_cast<double>(c.depth()) + 2) * 2 + 1e-5);
  bool close = status.ok() && code == 0;
  for (size_t i = 0; i < y.size() && close; ++i) {
    if (!std::isfinite(y[i]))
      close = std::isnan(y[i]) ? std::isnan(got[i]) : y[i] == got[i];
    else
      close = whole ? std::memcmp(&y[i], &got[i], sizeof(float)) == 0 : std::fabs(y[i] - got[i]) <= bound;
  }
  Expect(close, "conv float32" + c.Name() +
                    (whole     ? " whole"
                     : special ? " special"
                               : "") +
                    (use_bias ? " bias" : "") +
                    (!use_residual ? " "
                     : in_place    ? " residual in place "
                                   : " residual ") +
                    NameOf(args.activation) + " " + status.message() + error.message);
}

void RunInt(const Plugin& p, Random& random, const Case& c) {
  const ConvShape& s = c.s;
  const bool x_signed = random.Below(2) == 0, w_signed = random.Below(2) == 0, per_channel = random.Below(2) == 0;
  const bool extreme = random.Below(4) == 0, symmetric = random.Below(2) == 0;
  std::vector<uint8_t> x(c.x_count()), w(s.out_channels * c.depth());
  for (uint8_t& v : x) v = static_cast<uint8_t>(extreme ? (x_signed ? 0x80 : 0xff) : random.Below(256));
  for (uint8_t& v : w) v = static_cast<uint8_t>(extreme ? (w_signed ? 0x80 : 0xff) : random.Below(256));
  const size_t channels = per_channel ? s.out_channels : 1;
  std::vector<float> scales(channels), bias_f(s.out_channels);
  std::vector<int32_t> zeros(channels), bias_s(s.out_channels);
  for (size_t i = 0; i < channels; ++i) {
    scales[i] = 0.001f + 0.01f * std::fabs(random.Float());
    zeros[i] = (symmetric ? 128 : random.Between(0, 255)) - (w_signed ? 128 : 0);
  }
  for (float& v : bias_f) v = 10 * random.Float();
  for (int32_t& v : bias_s) v = random.Between(-10000, 10000);
  QConvArgs on_host;
  IntOutput& output = on_host.output;
  output.kind = static_cast<OutputKind>(random.Below(4));
  output.scale = 0.37f;
  output.zero = output.kind == OutputKind::kS8 ? -5 : 17;
  const size_t which = random.Below(3);
  if (which == 1 && output.kind != OutputKind::kInt32) output.bias_f32 = bias_f.data();
  if (which == 2 && output.kind != OutputKind::kFloat32) output.bias_s32 = bias_s.data();
  const bool real = output.kind != OutputKind::kInt32;
  output.activation = real ? RandomActivation(random) : kNoActivation;
  Residual& residual = output.residual;
  residual = {static_cast<ResidualKind>(real ? random.Below(4) : 0), nullptr, s.out_channels, 0.05f, 3};
  const size_t size = SizeOf(output.kind), added_size = SizeOf(residual.kind);
  std::vector<uint8_t> added(c.y_count() * added_size), y(c.y_count() * size);
  for (uint8_t& v : added) v = static_cast<uint8_t>(random.Below(256));
  for (size_t i = 0; residual.kind == ResidualKind::kFloat32 && i < c.y_count(); ++i) {
    const float v = 4 * random.Float();
    std::memcpy(added.data() + i * sizeof(float), &v, sizeof(float));
  }
  if (residual.kind != ResidualKind::kNone) residual.data = added.data();
  const bool in_place = added_size == size && random.Below(2) == 0;
  ConvPackedQ packed;
  Status status = PackConvQ({c.weights(), w.data(), w_signed, scales.data(), zeros.data(), per_channel}, Last(QGemmKernels),
                            Last(ConvKernels), &packed);
  on_host.weights = &packed;
  on_host.shape = s;
  on_host.nhwc = c.nhwc;
  on_host.x = x.data();
  on_host.x_signed = x_signed;
  on_host.x_scale = 0.02f;
  on_host.x_zero = x_signed ? -3 : 120;
  on_host.y = y.data();
  if (status.ok()) status = QConv(on_host);

  Weights weights(p);
  CudaError error{};
  CudaConvPackQArgs pack;
  pack.shape = c.weights();
  pack.w = w.data();
  pack.w_signed = w_signed;
  pack.scales = scales.data();
  pack.zeros = zeros.data();
  pack.per_channel = per_channel;
  int32_t code = p.api.conv.pack_int8(p.context, &pack, &weights.packed, &error);
  PluginArray<uint8_t> dx(p, x, c.skip), dr(p, added, c.skip * added_size);
  PluginArray<uint8_t> dy(p, in_place ? added : std::vector<uint8_t>(y.size(), 0x5a), c.skip * size);
  PluginArray<float> db(p, bias_f);
  PluginArray<int32_t> dbs(p, bias_s);
  CudaQConvArgs args;
  args.weights = &weights.packed;
  args.shape = s;
  args.nhwc = c.nhwc;
  args.x = dx.data();
  args.x_signed = x_signed;
  args.x_scale = on_host.x_scale;
  args.x_zero = on_host.x_zero;
  args.y = dy.data();
  args.output = output;
  args.output.residual.data = residual.kind == ResidualKind::kNone ? nullptr : in_place ? dy.data() : dr.data();
  if (output.bias_f32 != nullptr) args.output.bias_f32 = db.data();
  if (output.bias_s32 != nullptr) args.output.bias_s32 = dbs.data();
  args.bias_magnitude = 10000;
  if (code == 0) code = p.api.conv.qconv(p.context, &args, &error);
  Expect(status.ok() && code == 0 && dy.Read() == y,
         std::string("qconv") + (x_signed ? " s8" : " u8") + (w_signed ? "s8" : "u8") + (symmetric ? " symmetric" : "") +
             c.Name() + " output" + std::to_string(static_cast<int>(output.kind)) + " bias" + std::to_string(which) +
             " residual" + std::to_string(static_cast<int>(residual.kind)) + (in_place ? " in place " : " ") +
             NameOf(output.activation) + " " + status.message() + error.message);
}

void RunBoth(const Plugin& p, Random& random, const Case& c) {
  RunFloat(p, random, c);
  RunInt(p, random, c);
}

void RunLayers(const Plugin& p, Random& random) {
  for (bool nhwc : {true, false}) {
    RunBoth(p, random, Layer(3, 17, 20, 7, 2, 1, nhwc));    // a first layer
    RunBoth(p, random, Layer(64, 8, 130, 3, 1, 1, nhwc));   // several tiles each way
    RunBoth(p, random, Layer(20, 16, 130, 3, 1, 1, nhwc));  // the larger ones
    RunBoth(p, random, Layer(64, 7, 40, 3, 1, 1, nhwc));    // K in splits
    RunBoth(p, random, Layer(32, 12, 64, 1, 1, 1, nhwc));   // nothing to gather
    RunBoth(p, random, Layer(1, 9, 5, 3, 1, 1, nhwc));
    RunBoth(p, random, Layer(64, 1, 70, 1, 1, 1, nhwc));  // a matrix times a vector
    RunBoth(p, random, Layer(32, 9, 64, 3, 2, 4, nhwc));
    RunBoth(p, random, Layer(24, 9, 24, 3, 1, 24, nhwc));
    RunBoth(p, random, Layer(24, 9, 48, 3, 1, 24, nhwc));  // two outputs a channel
    RunBoth(p, random, Layer(7, 11, 7, 5, 2, 7, nhwc));
  }
}

void TestRefusals(const Plugin& p) {
  const ConvWeightShape shape{2, 1, 1, 1, 1};
  const float w[] = {1, 2};
  Weights weights(p);
  CudaError error{};
  ExpectOk(p.api.conv.pack_float(p.context, &shape, w, &weights.packed, &error), error, "pack");
  CudaConvArgs args;
  args.weights = &weights.packed;
  args.shape.channels = 2;
  Expect(p.api.conv.conv(p.context, &args, &error) == static_cast<int32_t>(Code::kShape), "other channels are refused");
  CudaQConvArgs bytes;
  bytes.weights = &weights.packed;
  Expect(p.api.conv.qconv(p.context, &bytes, &error) == static_cast<int32_t>(Code::kHandle), "weights of float32 are refused");
  const int8_t values[] = {1, 2};
  const float scale = 1;
  const int32_t zero = 128;
  CudaConvPackQArgs pack;
  pack.shape = shape;
  pack.w = values;
  pack.scales = &scale;
  pack.zeros = &zero;
  CudaConvWeights none{};
  Expect(p.api.conv.pack_int8(p.context, &pack, &none, &error) == static_cast<int32_t>(Code::kValue) && none.storage == nullptr,
         "a zero point out of range is refused");
}

}  // namespace

void TestPluginConv(const Plugin& plugin, bool quick) {
  Random random(8);
  RunLayers(plugin, random);
  for (size_t i = 0; i < (quick ? 40u : 400u); ++i) RunBoth(plugin, random, RandomCase(random, i % 3 == 0));
  TestRefusals(plugin);
}

}  // namespace test
}  // namespace lowp
