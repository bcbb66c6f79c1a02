// Pooling on the device against the scalar kernel: maxima and averages of bytes bit for bit, averages of float32 within the bound
// of pool.h.
#include "kernels/pool/pool.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "cuda/test/plugin_test.h"
#include "kernels/pool/pool_window.h"

namespace lowp {
namespace test {
namespace {

struct Case {
  PoolShape s;
  bool nhwc, average, include_pad;
  PoolType type;
  size_t skip = 0;  // elements from a boundary

  size_t x_count() const { return s.batch * s.channels * s.pixels(); }
  size_t y_count() const { return s.batch * s.channels * s.out_pixels(); }
  std::string Name() const {
    const auto text = [](size_t x) { return std::to_string(x); };
    return std::string("pool ") + (average ? include_pad ? "average with padding " : "average " : "maximum ") +
           (type == PoolType::kFloat32 ? "f32 "
            : type == PoolType::kU8    ? "u8 "
                                       : "s8 ") +
           (nhwc ? "nhwc " : "nchw ") + text(s.batch) + "x" + text(s.channels) + "x" + text(s.height) + "x" + text(s.width) +
           " kernel " + text(s.kernel_h) + "x" + text(s.kernel_w) + " stride " + text(s.stride_h) + "," + text(s.stride_w) +
           " dilation " + text(s.dilation_h) + "," + text(s.dilation_w) + " pad " + text(s.pad_top) + "," + text(s.pad_left) +
           "," + text(s.pad_bottom) + "," + text(s.pad_right) + " out " + text(s.out_h) + "x" + text(s.out_w) + " skip " +
           text(skip);
  }
};

void SetOut(Case* c) {
  PoolShape& s = c->s;
  const auto out = [](size_t padded, size_t kernel, size_t stride, size_t dilation) {
    const size_t extent = (kernel - 1) * dilation + 1;
    return padded < extent ? 1 : (padded - extent) / stride + 1;
  };
  s.out_h = out(s.height + s.pad_top + s.pad_bottom, s.kernel_h, s.stride_h, s.dilation_h);
  s.out_w = out(s.width + s.pad_left + s.pad_right, s.kernel_w, s.stride_w, s.dilation_w);
}

const PoolEntry& Scalar() {
  static const std::vector<PoolEntry> kernels = PoolKernels();
  return kernels.back();
}

bool IsClose(const Case& c, const std::vector<uint8_t>& x, float expected, float got, float largest) {
  if (std::isnan(expected)) return std::isnan(got);
  if (!std::isfinite(expected)) return expected == got;
  const double taps = static_cast<double>(RowsOf(c.s).most() * ColumnsOf(c.s).most());
  const double bound = std::ldexp(2.0, -24) * std::fabs(expected) + std::ldexp(2.0, -52) * taps * largest;
  return !x.empty() && std::fabs(double{expected} - got) <= bound + 1e-45;
}

void Run(const Plugin& p, Random& random, const Case& c) {
  const size_t size = c.type == PoolType::kFloat32 ? sizeof(float) : 1;
  std::vector<uint8_t> x(c.x_count() * size), y(c.y_count() * size, 0xa5);
  const size_t fill = random.Below(4);
  float largest = 0;
  if (c.type == PoolType::kFloat32) {
    float* values = reinterpret_cast<float*>(x.data());
    for (size_t i = 0; i < c.x_count(); ++i) {
      const size_t what = random.Below(fill == 0 ? 60 : 1000000);
      values[i] = what == 0   ? std::numeric_limits<float>::quiet_NaN()
                  : what == 1 ? std::numeric_limits<float>::infinity()
                  : what == 2 ? -std::numeric_limits<float>::infinity()
                  : what < 5  ? -0.0f
                              : random.Float();
      if (std::isfinite(values[i])) largest = std::max(largest, std::fabs(values[i]));
    }
  } else {
    for (uint8_t& byte : x) byte = fill == 0 ? 0xff : fill == 1 ? 0x80 : static_cast<uint8_t>(random.Next() >> 20);
  }
  PoolArgs args;
  args.entry = &Scalar();
  args.shape = c.s;
  args.nhwc = c.nhwc;
  args.kind = c.average ? PoolKind::kAverage : PoolKind::kMax;
  args.count_include_pad = c.include_pad;
  args.type = c.type;
  args.x = x.data();
  args.y = y.data();
  if (c.average) {
    args.y_signed = random.Below(2) == 0;
    args.x_scale = 0.01f + 0.02f * std::fabs(random.Float());
    args.y_scale = 0.01f + 0.02f * std::fabs(random.Float());
    args.x_zero = random.Between(0, 255) - (c.type == PoolType::kS8 ? 128 : 0);
    args.y_zero = random.Between(0, 255) - (args.y_signed ? 128 : 0);
  }
  const Status expected = Pool(args);
  PoolCall device;
  device.shape = c.s;
  device.nhwc = c.nhwc;
  device.kind = args.kind;
  device.count_include_pad = c.include_pad;
  device.type = c.type;
  device.y_signed = args.y_signed;
  device.x_scale = args.x_scale;
  device.y_scale = args.y_scale;
  device.x_zero = args.x_zero;
  device.y_zero = args.y_zero;
  PluginArray<uint8_t> dx(p, x, c.skip * size);
  PluginArray<uint8_t> dy(p, std::vector<uint8_t>(y.size(), 0x5a), c.skip * size);
  device.x = dx.data();
  device.y = dy.data();
  CudaError error{};
  const int32_t code = p.api.pool.pool(p.context, &device, &error);
  const std::vector<uint8_t> got = dy.Read();
  bool same = expected.ok() && code == 0;
  if (same && c.type == PoolType::kFloat32 && c.y_count() != 0) {
    const float *e = reinterpret_cast<const float*>(y.data()), *g = reinterpret_cast<const float*>(got.data());
    for (size_t i = 0; i < c.y_count() && same; ++i) {
      const bool bits = std::memcmp(e + i, g + i, sizeof(float)) == 0 || (std::isnan(e[i]) && std::isnan(g[i]));
      same = c.average ? IsClose(c, x, e[i], g[i], largest) : bits;
    }
  } else {
    same = same && got == y;
  }
  Expect(same, c.Name() + " " + error.message);
}

Case RandomCase(Random& random) {
  Case c{};
  PoolShape& s = c.s;
  c.nhwc = random.Below(2) == 0;
  c.average = random.Below(2) == 0;
  c.include_pad = random.Below(2) == 0;
  c.type = static_cast<PoolType>(random.Below(3));
  c.skip = random.Below(3) == 0 ? random.Below(5) : 0;
  s.batch = 1 + random.Below(3);
  s.channels = random.Below(3) == 0 ? 16 * (1 + random.Below(3)) : 1 + random.Below(21);
  s.height = 1 + random.Below(14);
  s.width = 1 + random.Below(14);
  s.kernel_h = 1 + random.Below(5);
  s.kernel_w = 1 + random.Below(5);
  s.stride_h = 1 + random.Below(3);
  s.stride_w = 1 + random.Below(3);
  s.dilation_h = 1 + random.Below(3);
  s.dilation_w = 1 + random.Below(3);
  s.pad_top = random.Below(4);
  s.pad_left = random.Below(4);
  s.pad_bottom = random.Below(4);
  s.pad_right = random.Below(4);
  SetOut(&c);
  return c;
}

// Windows that several threads share: whole images, and few large ones.
Case LargeWindow(Random& random) {
  Case c = RandomCase(random);
  PoolShape& s = c.s;
  const bool whole = random.Below(2) == 0;
  s.height = 5 + random.Below(40);
  s.width = 5 + random.Below(40);
  s.kernel_h = whole ? s.height : 3 + random.Below(s.height);
  s.kernel_w = whole ? s.width : 3 + random.Below(s.width);
  s.stride_h = 1 + random.Below(s.height);
  s.stride_w = 1 + random.Below(s.width);
  s.dilation_h = s.dilation_w = 1;
  if (whole) s.pad_top = s.pad_left = s.pad_bottom = s.pad_right = 0;
  SetOut(&c);
  return c;
}

void Extremes(const Plugin& p) {
  Random random(5);
  Case c{};
  c.s.batch = 1;
  c.s.channels = 4;
  c.s.height = c.s.width = 6;
  c.s.kernel_h = c.s.kernel_w = 2;
  // Windows that lie wholly in the padding.
  c.s.pad_top = c.s.pad_left = c.s.pad_bottom = c.s.pad_right = 5;
  c.s.dilation_h = c.s.dilation_w = 2;
  for (int type = 0; type < 3; ++type) {
    for (int kind = 0; kind < 4; ++kind) {
      c.type = static_cast<PoolType>(type);
      c.average = kind > 1;
      c.include_pad = kind > 2;
      c.nhwc = kind % 2 == 0;
      SetOut(&c);
      Run(p, random, c);
    }
  }
  // Nothing at all, and what is refused.
  c.s.batch = 0;
  Run(p, random, c);
  PoolCall args;
  args.shape = c.s;
  args.shape.stride_h = 0;
  CudaError error{};
  Expect(p.api.pool.pool(p.context, &args, &error) == static_cast<int32_t>(Code::kShape), "a stride of 0 is refused");
}

}  // namespace

void TestPluginPool(const Plugin& p, bool quick) {
  Random random(31);
  Extremes(p);
  for (size_t i = 0; i < (quick ? 60u : 600u); ++i) Run(p, random, RandomCase(random));
  for (size_t i = 0; i < (quick ? 12u : 100u); ++i) Run(p, random, LargeWindow(random));
}

}  // namespace test
}  // namespace lowp
