// Poolings against plain loops: maxima and 8-bit averages bit for bit, float32 averages within the bound of pool.h.
#include "kernels/pool/pool.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <type_traits>
#include <vector>

#include "test/harness.h"

namespace lowp {
namespace test {
namespace {

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr float kInfinity = std::numeric_limits<float>::infinity();

struct Case {
  PoolShape s;
  bool nhwc = false, average = false, include_pad = false, y_signed = false;
  size_t threads = 1;
  float x_scale = 0.5f, y_scale = 0.5f;
  int32_t x_zero = 0, y_zero = 0;

  size_t At(size_t image, size_t c, size_t y, size_t x, size_t height, size_t width) const {
    return nhwc ? ((image * height + y) * width + x) * s.channels + c : ((image * s.channels + c) * height + y) * width + x;
  }
  std::string Name() const {
    const auto text = [](size_t x) { return std::to_string(x); };
    return " " + text(s.batch) + "x" + text(s.channels) + "x" + text(s.height) + "x" + text(s.width) + " kernel " +
           text(s.kernel_h) + "x" + text(s.kernel_w) + " stride " + text(s.stride_h) + "," + text(s.stride_w) + " dilation " +
           text(s.dilation_h) + "," + text(s.dilation_w) + " pad " + text(s.pad_top) + "," + text(s.pad_left) + "," +
           text(s.pad_bottom) + "," + text(s.pad_right) + " out " + text(s.out_h) + "x" + text(s.out_w) +
           (nhwc ? " nhwc" : " nchw") + (average ? include_pad ? " average with padding" : " average" : " max") + " t" +
           text(threads);
  }
};

// How many windows of `extent` there are; with `ceil` also one that ends behind the padding.
size_t Windows(size_t size, size_t before, size_t after, size_t extent, size_t stride, bool ceil) {
  const size_t steps = size + before + after - extent;
  size_t out = (ceil ? (steps + stride - 1) / stride : steps / stride) + 1;
  if (ceil && (out - 1) * stride >= size + before) --out;
  return out;
}

template <class T>
float Expected(const Case& c, const std::vector<T>& inside, size_t divisor, double* magnitude) {
  if (!c.average) {
    float largest = std::is_same_v<T, float> ? -kInfinity : static_cast<float>(std::numeric_limits<T>::min());
    for (const T x : inside) largest = static_cast<float>(x) > largest || x != x ? static_cast<float>(x) : largest;
    return largest;
  }
  double sum = 0;
  for (const T x : inside) {
    sum += static_cast<double>(x);
    *magnitude += std::abs(static_cast<double>(x));
  }
  if (std::is_same_v<T, float>) return divisor == 0 ? 0 : static_cast<float>(sum / static_cast<double>(divisor));
  if (divisor == 0) return static_cast<float>(c.y_zero);
  const float multiplier = c.x_scale / (c.y_scale * static_cast<float>(divisor));
  const float real = static_cast<float>(sum - static_cast<double>(inside.size()) * c.x_zero) * multiplier;
  const float low = c.y_signed ? -128 : 0;
  return std::min(low + 255, std::max(low, std::nearbyint(real) + static_cast<float>(c.y_zero)));
}

template <class T>
void Run(const PoolEntry& entry, Random& random, const Case& c, bool special) {
  const PoolShape& s = c.s;
  GuardedArray<T> x(s.batch * s.channels * s.pixels()), y(s.batch * s.channels * s.out_pixels());
  for (size_t i = 0; i < x.size(); ++i) {
    if constexpr (std::is_same_v<T, float>) {
      const size_t kind = special ? random.Below(40) : 9;
      x[i] = kind == 0 ? kNan : kind == 1 ? -kInfinity : kind == 2 && !c.average ? kInfinity : random.Float() * 8;
    } else {
      x[i] = static_cast<T>(special ? random.Below(2) * 255 : random.Next());
    }
  }
  PoolArgs args;
  args.entry = &entry;
  args.shape = s;
  args.nhwc = c.nhwc;
  args.kind = c.average ? PoolKind::kAverage : PoolKind::kMax;
  args.count_include_pad = c.include_pad;
  args.type = std::is_same_v<T, float> ? PoolType::kFloat32 : std::is_same_v<T, int8_t> ? PoolType::kS8 : PoolType::kU8;
  args.x = x.data();
  args.y = y.data();
  args.y_signed = c.y_signed;
  args.x_scale = c.x_scale;
  args.y_scale = c.y_scale;
  args.x_zero = c.x_zero;
  args.y_zero = c.y_zero;
  args.threads = c.threads;
  const Status status = Pool(args);
  bool same = status.ok();
  const auto along = [](size_t o, size_t stride, size_t pad, size_t i, size_t dilation) {
    return static_cast<long>(o * stride + i * dilation) - static_cast<long>(pad);
  };
  for (size_t i = 0; i < y.size() && same; ++i) {
    const size_t ox = i % s.out_w, oy = i / s.out_w % s.out_h, channel = i / s.out_pixels() % s.channels,
                 image = i / s.out_pixels() / s.channels;
    std::vector<T> inside;
    size_t padded = 0;
    for (size_t ky = 0; ky < s.kernel_h; ++ky) {
      for (size_t kx = 0; kx < s.kernel_w; ++kx) {
        const long row = along(oy, s.stride_h, s.pad_top, ky, s.dilation_h),
                   column = along(ox, s.stride_w, s.pad_left, kx, s.dilation_w);
        padded += row < static_cast<long>(s.height + s.pad_bottom) && column < static_cast<long>(s.width + s.pad_right);
        if (row >= 0 && row < static_cast<long>(s.height) && column >= 0 && column < static_cast<long>(s.width))
          inside.push_back(x[c.At(image, channel, static_cast<size_t>(row), static_cast<size_t>(column), s.height, s.width)]);
      }
    }
    const size_t divisor = c.include_pad ? padded : inside.size();
    double magnitude = 0;
    const float want = Expected(c, inside, divisor, &magnitude);
    const size_t at = c.At(image, channel, oy, ox, s.out_h, s.out_w);
    float got = static_cast<float>(y[at]);
    if (!std::is_same_v<T, float> && c.average)
      got = c.y_signed ? static_cast<float>(static_cast<int8_t>(y[at])) : static_cast<float>(static_cast<uint8_t>(y[at]));
    same = got == want || (got != got && want != want);
    if (std::is_same_v<T, float> && c.average && std::isfinite(want))
      same = std::abs(got - want) <= std::ldexp(std::abs(want), -23) + std::ldexp(magnitude, -52);
    if (std::is_same_v<T, float> && !c.average && got == 0) same = same && !std::signbit(got);
  }
  const char* type = std::is_same_v<T, float> ? " f32" : std::is_same_v<T, int8_t> ? " s8" : " u8";
  Expect(same, entry.kernel->name + c.Name() + type + (status.ok() ? "" : ": " + status.message()));
}

void RunTypes(const PoolEntry& entry, Random& random, Case c) {
  const bool special = random.Below(3) == 0;
  c.y_signed = random.Below(2) == 0;
  c.y_zero = c.y_signed ? random.Between(-128, 127) : random.Between(0, 255);
  c.x_scale = random.Below(2) == 0 ? 0.5f : 0.3f;
  c.y_scale = random.Below(2) == 0 ? 0.5f : 0.1f;
  c.average = random.Below(2) == 0;
  c.include_pad = c.average && random.Below(2) == 0;
  Run<float>(entry, random, c, special);
  c.x_zero = random.Between(0, 255);
  Run<uint8_t>(entry, random, c, special);
  c.x_zero -= 128;
  Run<int8_t>(entry, random, c, special);
}

Case RandomCase(Random& random) {
  Case c;
  PoolShape& s = c.s;
  const size_t kind = random.Below(5);  // 0: the whole image; 1: a window wider than the result; 2: a long row; else small
  c.nhwc = random.Below(2) == 0;
  s.batch = 1 + random.Below(2);
  s.channels = 1 + random.Below(c.nhwc ? 150 : kind == 0 ? 70 : 4);
  s.height = 1 + random.Below(kind == 2 ? 4 : 20);
  s.width = 1 + random.Below(kind == 2 ? 300 : 20);
  s.kernel_h = kind == 0 ? s.height : 1 + random.Below(4);
  s.kernel_w = kind == 0 ? s.width : kind == 1 ? 1 + random.Below(40) : 1 + random.Below(5);
  s.stride_h = 1 + random.Below(3);
  s.stride_w = 1 + random.Below(random.Below(8) == 0 ? 12 : 4);
  if (kind > 0 && random.Below(3) == 0) {
    s.dilation_h = 1 + random.Below(3);
    s.dilation_w = 1 + random.Below(3);
  }
  const size_t extent_h = (s.kernel_h - 1) * s.dilation_h + 1, extent_w = (s.kernel_w - 1) * s.dilation_w + 1;
  if (kind > 0) {
    s.pad_top = random.Below(4);
    s.pad_left = random.Below(4);
    s.pad_bottom = random.Below(4);
    s.pad_right = random.Below(4);
  }
  if (extent_h > s.height + s.pad_top + s.pad_bottom) s.pad_bottom = extent_h - s.height - s.pad_top;
  if (extent_w > s.width + s.pad_left + s.pad_right) s.pad_left = extent_w - s.width - s.pad_right;
  const bool ceil = random.Below(2) == 0;
  s.out_h = Windows(s.height, s.pad_top, s.pad_bottom, extent_h, s.stride_h, ceil);
  s.out_w = Windows(s.width, s.pad_left, s.pad_right, extent_w, s.stride_w, ceil);
  c.threads = 1 + random.Below(3);
  return c;
}

Case Plain(size_t batch, size_t channels, size_t height, size_t width, size_t kernel, size_t stride, size_t pad) {
  Case c;
  c.s.batch = batch;
  c.s.channels = channels;
  c.s.height = height;
  c.s.width = width;
  c.s.kernel_h = std::min(kernel, height);
  c.s.kernel_w = std::min(kernel, width);
  c.s.stride_h = c.s.stride_w = stride;
  c.s.pad_top = c.s.pad_left = c.s.pad_bottom = c.s.pad_right = pad;
  c.s.out_h = Windows(height, pad, pad, c.s.kernel_h, stride, false);
  c.s.out_w = Windows(width, pad, pad, c.s.kernel_w, stride, false);
  return c;
}

// Sums of words, of int32 and more; rows of more results than are made at a time; windows far beyond the image.
void TestLimits(const PoolEntry& entry, Random& random, bool quick) {
  for (const bool nhwc : {false, true}) {
    for (const size_t side : {15, 16, 17, 23}) {
      Case c = Plain(1, 19, side, side, side, 1, 0);
      c.nhwc = nhwc;
      RunTypes(entry, random, c);
      c.s.dilation_w = 2;  // of a kernel that leaves the image: each window by itself
      c.s.pad_right = side;
      RunTypes(entry, random, c);
    }
    Case wide = Plain(1, nhwc ? 3000 : 3, 3, nhwc ? 5 : 3000, 3, 1, 1);
    wide.nhwc = nhwc;
    RunTypes(entry, random, wide);
    if (quick) continue;
    Case far = Plain(1, 5, 3, 3, 3, 1, 0);
    far.nhwc = nhwc;
    far.s.kernel_w = far.s.pad_left = size_t{100000};
    far.s.out_w = 4;
    RunTypes(entry, random, far);
    const size_t channels = nhwc ? 2 : 1;
    Case huge = Plain(1, channels, 2900, 2900, 2900, 1, 0);
    huge.nhwc = nhwc;
    huge.average = true;
    huge.x_scale = huge.y_scale = 1;
    const std::vector<uint8_t> x(2900 * 2900 * channels, 255);
    uint8_t y[2] = {0, 255};
    PoolArgs args;
    args.entry = &entry;
    args.shape = huge.s;
    args.nhwc = nhwc;
    args.kind = PoolKind::kAverage;
    args.type = PoolType::kU8;
    args.x = x.data();
    args.y = y;
    Expect(Pool(args).ok() && y[0] == 255 && y[1] == 255, entry.kernel->name + huge.Name() + " of 255");
  }
}

void TestRefusals() {
  float x[9] = {}, y[9] = {};
  PoolArgs args;
  args.entry = &SelectPool(ActiveIsas());
  args.shape = Plain(1, 1, 3, 3, 2, 1, 0).s;
  args.x = x;
  args.y = y;
  const auto code = [&](auto change) {
    PoolArgs wrong = args;
    change(wrong.shape);
    return Pool(wrong).code();
  };
  Expect(Pool(args).ok(), "a pooling as it should be");
  Expect(code([](PoolShape& s) { s.kernel_h = 0; }) == Code::kShape, "kernel 0");
  Expect(code([](PoolShape& s) { s.stride_w = 0; }) == Code::kShape, "stride 0");
  Expect(code([](PoolShape& s) { s.dilation_w = size_t{1} << 31; }) == Code::kShape, "a dilation of 2^31");
  Expect(code([](PoolShape& s) { s.kernel_w = s.dilation_w = 1000000; }) == Code::kShape, "a window of 10^12");
  std::atomic<bool> stop{true};
  args.stop = &stop;
  Expect(Pool(args).code() == Code::kAborted, "a pooling that is stopped");
}

}  // namespace

void TestPool(bool quick) {
  for (const PoolEntry& entry : PoolKernels()) {
    if (!InfoOf(entry.isa).supported) continue;
    Random random(11);
    for (int i = 0; i < (quick ? 60 : 3000); ++i) RunTypes(entry, random, RandomCase(random));
    for (const size_t threads : {1, 2, 3}) {
      Case c = Plain(2, 17, 57, 61, 3, 2, 1);  // enough work for threads
      c.s.channels = quick ? 17 : 40;
      c.threads = threads;
      RunTypes(entry, random, c);
      c.nhwc = true;
      RunTypes(entry, random, c);
    }
    TestLimits(entry, random, quick);
  }
  TestRefusals();
}

}  // namespace test
}  // namespace lowp
