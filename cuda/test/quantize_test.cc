// Quantization on the device against the processor's, byte for byte.
#include "kernels/quantize/quantize.h"

#include <cmath>
#include <cstring>
#include <limits>
#include <string>
#include <vector>

#include "cuda/test/plugin_test.h"

namespace lowp {
namespace test {
namespace {

float Sample(Random& random, float magnitude) {
  switch (random.Below(30)) {
    case 0: return std::numeric_limits<float>::quiet_NaN();
    case 1: return std::numeric_limits<float>::infinity();
    case 2: return -std::numeric_limits<float>::infinity();
    case 3: return 0.5f * static_cast<float>(random.Between(-600, 600));
    case 4: return 1e-40f * random.Float();
    case 5: return -0.0f;
    default: return magnitude * random.Float();
  }
}

std::vector<float> Samples(Random& random, size_t count) {
  // The span of the largest overflows, and that of the least is denormal.
  const float magnitudes[] = {300, 1, 3e38f, 1e-43f, 0};
  const float magnitude = magnitudes[random.Below(2) == 0 ? 0 : random.Below(5)];
  // Only positive, as behind a relu, or only negative now and then.
  const size_t sign = random.Below(4);
  std::vector<float> x(count);
  for (float& value : x) {
    value = Sample(random, magnitude);
    if (sign < 2 && magnitude < 1e30f && !std::isinf(value)) value = sign == 0 ? std::fabs(value) : -std::fabs(value);
    if (magnitude == 1e-43f && std::fabs(value) > 1e-30f) value = 0;
  }
  return x;
}

template <class T>
bool Same(const std::vector<T>& x, const std::vector<T>& y) {
  return x.size() == y.size() && (x.empty() || std::memcmp(x.data(), y.data(), x.size() * sizeof(T)) == 0);
}

void RunShape(const Plugin& plugin, Random& random, const QuantizeShape& shape) {
  const size_t count = shape.outer * shape.channels * shape.inner, offset = random.Below(2) == 0 ? 0 : random.Below(5);
  const bool symmetric = random.Below(2) != 0, is_signed = random.Below(2) != 0;
  const std::string name = "quantize " + std::to_string(shape.outer) + " x " + std::to_string(shape.channels) + " x " +
                           std::to_string(shape.inner) + (symmetric ? " symmetric" : "") + (is_signed ? " s8" : " u8") + " @" +
                           std::to_string(offset);
  const std::vector<float> x = Samples(random, count);
  std::vector<float> scales(shape.channels), back(count);
  std::vector<int32_t> zeros(shape.channels);
  std::vector<uint8_t> q(count);
  QuantizeParameters(shape, x.data(), symmetric, is_signed, scales.data(), zeros.data());
  Quantize(shape, x.data(), scales.data(), zeros.data(), is_signed, q.data());
  Dequantize(shape, q.data(), is_signed, scales.data(), zeros.data(), back.data());

  const CudaQuantizeShape on_device{shape.outer, shape.channels, shape.inner};
  PluginArray<float> d_x(plugin, x, offset), d_scales(plugin, scales.size()), d_back(plugin, count, offset);
  PluginArray<int32_t> d_zeros(plugin, zeros.size());
  PluginArray<uint8_t> d_q(plugin, count, offset);
  CudaError error;
  const CudaQuantizeParametersArgs parameters{on_device, d_x.data(), symmetric, is_signed, d_scales.data(), d_zeros.data()};
  ExpectOk(plugin.api.quantize.parameters(plugin.context, &parameters, &error), error, "parameters");
  const CudaQuantizeArgs quantize{on_device, d_x.data(), d_scales.data(), d_zeros.data(), is_signed, d_q.data()};
  ExpectOk(plugin.api.quantize.quantize(plugin.context, &quantize, &error), error, "quantize");
  const CudaDequantizeArgs dequantize{on_device, d_q.data(), is_signed, d_scales.data(), d_zeros.data(), d_back.data()};
  ExpectOk(plugin.api.quantize.dequantize(plugin.context, &dequantize, &error), error, "dequantize");
  Expect(Same(d_scales.Read(), scales) && Same(d_zeros.Read(), zeros), name + ": parameters");
  Expect(Same(d_q.Read(), q), name);
  Expect(Same(d_back.Read(), back), name + ": back");
}

void RunDynamic(const Plugin& plugin, Random& random, size_t batch, size_t rows, size_t cols, bool per_row) {
  const size_t ld = cols + (random.Below(2) == 0 ? 0 : random.Below(6)), gap = random.Below(2) == 0 ? 0 : random.Below(9);
  const size_t stride = rows * ld + gap, parameters = per_row ? batch * rows : 1, offset = random.Below(3);
  const size_t count = batch * rows * cols == 0 ? 0 : (batch - 1) * stride + (rows - 1) * ld + cols;
  const std::string name = "quantize dynamically " + std::to_string(batch) + " x " + std::to_string(rows) + " x " +
                           std::to_string(cols) + " ld " + std::to_string(ld) + " stride " + std::to_string(stride) +
                           (per_row ? " per row" : "") + " @" + std::to_string(offset);
  const std::vector<float> x = Samples(random, count);
  std::vector<uint8_t> q(batch * rows * cols);
  std::vector<float> scales(parameters);
  std::vector<int32_t> zeros(parameters);
  const QuantParams shared =
      QuantizeRows({x.data(), batch, rows, cols, ld, stride, per_row}, 1, q.data(), scales.data(), zeros.data());
  if (!per_row) {
    scales[0] = shared.scale;
    zeros[0] = shared.zero;
  }
  PluginArray<float> d_x(plugin, x, offset), d_scales(plugin, parameters);
  PluginArray<uint8_t> d_q(plugin, q.size(), offset);
  PluginArray<int32_t> d_zeros(plugin, parameters);
  CudaError error;
  const CudaDynamicQuantizeArgs args{d_x.data(), batch,           rows,          cols, ld, stride, per_row,
                                     d_q.data(), d_scales.data(), d_zeros.data()};
  ExpectOk(plugin.api.quantize.dynamic(plugin.context, &args, &error), error, "dynamic");
  Expect(Same(d_scales.Read(), scales) && Same(d_zeros.Read(), zeros), name + ": parameters");
  Expect(Same(d_q.Read(), q), name);
}

}  // namespace

void TestPluginQuantize(const Plugin& plugin, bool quick) {
  Random random(5);
  const size_t few[] = {1, 2, 3, 4, 7, 8, 33, 64};
  const auto any = [&] { return few[random.Below(std::size(few))]; };
  for (int i = 0; i < (quick ? 40 : 400); ++i) RunShape(plugin, random, {any(), any(), any()});
  for (size_t count : {1, 3, 4, 1023, 4096, 4099, 70000}) {
    RunShape(plugin, random, {1, 1, count});
    RunShape(plugin, random, {1, 3, count});
    RunShape(plugin, random, {count, 5, 1});
    RunShape(plugin, random, {count, 8, 1});
    RunShape(plugin, random, {count, 1, 1});
  }
  RunShape(plugin, random, {9, 4, 2500});  // parts of channels
  RunShape(plugin, random, {0, 3, 4});
  RunShape(plugin, random, {3, 0, 4});
  RunShape(plugin, random, {3, 4, 0});
  for (int i = 0; i < (quick ? 40 : 300); ++i) RunDynamic(plugin, random, any(), any(), any(), i % 2 == 0);
  for (bool per_row : {false, true}) {
    for (size_t cols : {511, 513, 4095, 4098, 5001, 20000})
      RunDynamic(plugin, random, 1 + random.Below(2), 1 + random.Below(3), cols, per_row);
    RunDynamic(plugin, random, 2, 300, 40, per_row);
    RunDynamic(plugin, random, 1, 3, 0, per_row);
    RunDynamic(plugin, random, 0, 3, 5, per_row);
  }
}

}  // namespace test
}  // namespace lowp
