// Weights of few bits on the plugin: bit for bit the contract of nbits.h, written as plain loops, and the CPU's scalar kernel.
#include "kernels/nbits/nbits.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <vector>

#include "cuda/nbits/nbits_layout.h"
#include "cuda/test/plugin_test.h"
#include "test/epilogue_cases.h"

namespace lowp {
namespace test {
namespace {

enum class Fill { kRandom, kLow, kHigh, kSpecial };

struct Case {
  size_t batch, m, n, k, bits, group;
  bool zeros, bias, residual, in_place;
  size_t lda_gap, ldc_gap, offset;
  Fill a_fill, b_fill;
  Activation activation;

  std::string Name() const {
    return "cuda nbits B" + std::to_string(batch) + " M" + std::to_string(m) + " N" + std::to_string(n) + " K" +
           std::to_string(k) + " bits" + std::to_string(bits) + " group" + std::to_string(group) + (zeros ? " zeros" : "") +
           " lda+" + std::to_string(lda_gap) + " ldc+" + std::to_string(ldc_gap) + " offset" + std::to_string(offset) + " fill" +
           std::to_string(static_cast<int>(a_fill)) + std::to_string(static_cast<int>(b_fill)) + (bias ? " bias" : "") +
           (residual ? in_place ? " residual in place" : " residual" : "") + " " + NameOf(activation);
  }
};

float InputValue(Random& random, Fill fill) {
  if (fill == Fill::kLow) return -3;
  if (fill == Fill::kHigh) return 3;
  if (fill == Fill::kSpecial) {
    const float specials[] = {0.0f, -0.0f, 1e-44f, 1e-39f, 3e38f, -3e38f, kInfinity, -kInfinity, std::nanf(""), 1.0f};
    return specials[random.Below(10)];
  }
  return 4 * random.Float();
}

uint8_t Code(Random& random, Fill fill) {
  return fill == Fill::kLow ? 0 : fill == Fill::kHigh ? 255 : static_cast<uint8_t>(random.Below(256));
}

int32_t At(const uint8_t* row, size_t i, size_t bits) { return bits == 8 ? row[i] : row[i / 2] >> (i % 2 * 4) & 15; }

float Sum(const NBitsShape& shape, const float* a, const uint8_t* b, const float* scales, const uint8_t* zeros) {
  float acc = 0;
  for (size_t g = 0; g < shape.groups(); ++g) {
    const size_t k0 = g * shape.group, k1 = std::min(shape.k, k0 + shape.group);
    float largest = 0;
    for (size_t k = k0; k < k1; ++k)
      if (std::isfinite(a[k])) largest = std::max(largest, std::fabs(a[k]));
    const float scale = largest / 127.0f;
    float inverse = 127.0f / largest;
    if (!std::isfinite(inverse)) inverse = 0;
    const int32_t zero = zeros == nullptr ? shape.middle() : At(zeros, g, shape.bits);
    int32_t sum = 0;
    for (size_t k = k0; k < k1; ++k) {
      const float x = a[k] * inverse;
      const int32_t q = x != x ? 0 : static_cast<int32_t>(std::nearbyintf(std::min(std::max(x, -127.0f), 127.0f)));
      sum += q * (At(b, k, shape.bits) - zero);
    }
    const float both = scale * scales[g], product = static_cast<float>(sum) * both;
    acc = acc + product;
  }
  return acc;
}

bool Same(float x, float y) { return (x != x && y != y) || std::memcmp(&x, &y, sizeof(x)) == 0; }

void Run(const Plugin& plugin, Random& random, const Case& c) {
  const NBitsShape shape{c.k, c.n, c.bits, c.group};
  const size_t lda = c.k + c.lda_gap, ldc = c.n + c.ldc_gap, stride_a = c.m * lda + c.lda_gap, rows = c.batch * c.m;
  std::vector<float> a(c.batch * stride_a), scales(c.n * shape.groups()), bias(c.n), before(rows * ldc), added(rows * ldc);
  std::vector<uint8_t> b(c.n * shape.row_bytes()), zeros(c.n * shape.zero_row_bytes());
  for (float& x : a) x = InputValue(random, c.a_fill);
  for (uint8_t& x : b) x = Code(random, c.b_fill);
  for (uint8_t& x : zeros) x = Code(random, c.b_fill == Fill::kRandom ? Fill::kRandom : Fill::kSpecial);
  for (float& x : scales) x = random.Below(20) == 0 ? 0.0f : 0.01f * random.Float();
  for (float& x : bias) x = random.Float();
  for (float& x : before) x = random.Float();
  for (float& x : added) x = random.Float();
  PluginArray<float> d_a(plugin, a, c.offset), d_scales(plugin, scales, c.offset), d_bias(plugin, bias, c.offset),
      d_c(plugin, before, c.offset), d_added(plugin, added, c.offset);
  PluginArray<uint8_t> d_b(plugin, b, c.offset), d_zeros(plugin, zeros, c.offset);

  CudaError error{};
  CudaNBitsWeights weights{};
  const CudaNBitsPackArgs pack{c.k,
                               c.n,
                               static_cast<uint32_t>(c.bits),
                               static_cast<uint32_t>(c.group),
                               d_b.data(),
                               d_scales.data(),
                               c.zeros ? d_zeros.data() : nullptr};
  ExpectOk(plugin.api.nbits.pack(plugin.context, &pack, &weights, &error), error, "pack");
  CudaNBitsArgs args{};
  args.batch = c.batch;
  args.m = c.m;
  args.a = d_a.data();
  args.lda = lda;
  args.batch_stride_a = stride_a;
  args.b = &weights;
  args.c = d_c.data();
  args.ldc = ldc;
  args.bias = c.bias ? d_bias.data() : nullptr;
  args.activation = c.activation;
  if (c.residual) args.residual = {ResidualKind::kFloat32, c.in_place ? d_c.data() : d_added.data(), ldc, 1, 0};
  const int32_t code = plugin.api.nbits.run(plugin.context, &args, &error);
  const std::vector<float> got = d_c.Read();
  if (weights.storage != nullptr) plugin.api.runtime.free(plugin.context, weights.storage);

  std::vector<float> expected = before;
  for (size_t row = 0; row < rows; ++row) {
    const float* from = a.data() + row / c.m * stride_a + row % c.m * lda;
    for (size_t n = 0; n < c.n; ++n) {
      float x = Sum(shape, from, b.data() + n * shape.row_bytes(), scales.data() + n * shape.groups(),
                    c.zeros ? zeros.data() + n * shape.zero_row_bytes() : nullptr);
      if (c.bias) x = x + bias[n];
      if (c.residual) x = x + (c.in_place ? before : added)[row * ldc + n];
      expected[row * ldc + n] = Activated(c.activation, x);
    }
  }
  bool equal = code == 0;
  for (size_t i = 0; i < got.size() && equal; ++i) equal = Same(expected[i], got[i]);
  Expect(equal, c.Name() + (code == 0 ? "" : std::string(": ") + error.message));
}

constexpr size_t kGroups[] = {16, 32, 64, 128, 256};

Case RandomCase(Random& random, size_t most_m, size_t most_n, size_t most_k) {
  Case c{};
  c.batch = random.Below(4) == 0 ? 2 : 1;
  c.m = 1 + random.Below(most_m);
  c.n = 1 + random.Below(most_n);
  c.k = random.Below(most_k);
  c.bits = random.Below(3) == 0 ? 8 : 4;
  c.group = kGroups[random.Below(5)];
  c.zeros = random.Below(2) != 0;
  c.bias = random.Below(2) != 0;
  c.residual = random.Below(3) == 0;
  c.in_place = random.Below(2) == 0;
  c.lda_gap = random.Below(3) == 0 ? random.Below(9) : 0;
  c.ldc_gap = random.Below(3) == 0 ? random.Below(9) : 0;
  c.offset = random.Below(3) == 0 ? random.Below(5) : 0;
  c.a_fill = static_cast<Fill>(random.Below(5) < 3 ? 0 : 1 + random.Below(3));
  c.b_fill = static_cast<Fill>(random.Below(5) < 3 ? 0 : 1 + random.Below(2));
  c.activation = random.Below(2) == 0 ? RandomActivation(random) : kNoActivation;
  return c;
}

// Every byte of a block belongs to one column and depth (4 bits: two), and every byte of a row of activations to one depth.
void TestLayout() {
  for (uint32_t bits : {4u, 8u}) {
    std::vector<int> seen(kNBitsCols * kNBitsDepth);
    for (uint32_t at = 0; at < NBitsBlockBytes(bits); ++at) {
      const NBitsCell cell = NBitsCellAt(bits, at);
      ++seen.at(cell.col * kNBitsDepth + cell.depth);
      if (bits == 4) ++seen.at(cell.col * kNBitsDepth + cell.depth + 16);
      // What a lane loads as the registers of m16n8k32's A.
      const uint32_t lane = at % kNBitsUnit / 16, word = at % 16 / 4, step = bits == 4 ? word / 2 : at / kNBitsUnit;
      const uint32_t index = bits == 4 ? word % 2 : word;
      const Cell expected = MmaCellA8(static_cast<int>(lane), static_cast<int>(index), static_cast<int>(at % 4));
      Expect(cell.col == static_cast<uint32_t>(expected.row) && cell.depth == step * 32 + static_cast<uint32_t>(expected.column),
             "cuda nbits byte " + std::to_string(at) + " of a block of " + std::to_string(bits) + " bits");
    }
    Expect(std::count(seen.begin(), seen.end(), 1) == static_cast<ptrdiff_t>(seen.size()), "cuda nbits blocks are whole");
  }
  for (uint32_t k = 0; k < kNBitsDepth; ++k) {
    const uint32_t byte = NBitsByteOf(k), quad = byte / 16, word = byte % 16 / 4;
    const Cell cell = MmaCellB8(static_cast<int>(quad), static_cast<int>(word % 2), static_cast<int>(byte % 4));
    Expect(k == word / 2 * 32 + static_cast<uint32_t>(cell.row), "cuda nbits depth " + std::to_string(k) + " of activations");
  }
}

// The CPU's packing and product of the same bytes.
void TestAgainstProcessor(const Plugin& plugin) {
  Random random(11);
  const NBitsShape shape{300, 70, 4, 32};
  constexpr size_t kM = 21;
  std::vector<float> w(shape.k * shape.n), scales(shape.n * shape.groups()), a(kM * shape.k), expected(kM * shape.n);
  std::vector<uint8_t> data(shape.n * shape.row_bytes()), zeros(shape.n * shape.zero_row_bytes());
  for (float& x : w) x = random.Float();
  for (float& x : a) x = random.Float();
  QuantizeNBits(shape, {w.data(), shape.n, false}, data.data(), scales.data(), zeros.data());
  NBitsPackedB packed;
  const NBitsEntry& scalar = SelectNBits(IsaSet(Bit(Isa::kScalar)));
  Expect(PackNBitsB({shape, data.data(), scales.data(), zeros.data()}, scalar, &packed).ok(), "pack");
  NBitsArgs args;
  args.m = kM;
  args.a = a.data();
  args.lda = shape.k;
  args.b = &packed;
  args.c = expected.data();
  args.ldc = shape.n;
  args.activation = kRelu;
  Expect(NBits(args).ok(), "product");

  PluginArray<float> d_a(plugin, a), d_scales(plugin, scales), d_c(plugin, expected.size());
  PluginArray<uint8_t> d_data(plugin, data), d_zeros(plugin, zeros);
  CudaError error{};
  CudaNBitsWeights weights{};
  const CudaNBitsPackArgs pack{shape.k, shape.n, 4, 32, d_data.data(), d_scales.data(), d_zeros.data()};
  ExpectOk(plugin.api.nbits.pack(plugin.context, &pack, &weights, &error), error, "pack");
  CudaNBitsArgs device{};
  device.batch = 1;
  device.m = kM;
  device.a = d_a.data();
  device.lda = shape.k;
  device.b = &weights;
  device.c = d_c.data();
  device.ldc = shape.n;
  device.activation = kRelu;
  ExpectOk(plugin.api.nbits.run(plugin.context, &device, &error), error, "run");
  const std::vector<float> got = d_c.Read();
  plugin.api.runtime.free(plugin.context, weights.storage);
  Expect(std::memcmp(got.data(), expected.data(), got.size() * sizeof(float)) == 0, "cuda nbits gives the CPU's bits");
}

void TestRefusals(const Plugin& plugin) {
  std::vector<float> scales(6, 1.0f);
  scales[4] = kInfinity;
  PluginArray<float> d_scales(plugin, scales);
  PluginArray<uint8_t> data(plugin, std::vector<uint8_t>(1024, 1));
  CudaError error{};
  CudaNBitsWeights weights{};
  const auto code = [&](uint64_t k, uint64_t n, uint32_t bits, uint32_t group) {
    const CudaNBitsPackArgs pack{k, n, bits, group, data.data(), d_scales.data(), nullptr};
    return plugin.api.nbits.pack(plugin.context, &pack, &weights, &error);
  };
  for (uint32_t bits : {0u, 3u, 5u, 16u}) Expect(code(32, 1, bits, 32) == static_cast<int32_t>(Code::kValue), "cuda nbits bits");
  for (uint32_t group : {0u, 8u, 31u, 48u, 512u})
    Expect(code(32, 1, 4, group) == static_cast<int32_t>(Code::kValue), "cuda nbits group");
  Expect(code(uint64_t{1} << 40, 1, 4, 32) == static_cast<int32_t>(Code::kShape), "cuda nbits depth");
  Expect(code(96, 2, 4, 32) == static_cast<int32_t>(Code::kValue) && std::strstr(error.message, "inf at 4") != nullptr,
         std::string("cuda nbits infinite scale: ") + error.message);
  CudaMemory memory{};
  plugin.api.runtime.memory(plugin.context, &memory);
  Expect(code(32, 2, 4, 32) == 0, "cuda nbits finite scales");
  CudaNBitsArgs args{};
  args.batch = 1;
  args.m = 1;
  args.b = &weights;
  args.activation = kNoActivation;
  args.residual = {ResidualKind::kS8, data.data(), 2, 1, 0};
  Expect(plugin.api.nbits.run(plugin.context, &args, &error) == static_cast<int32_t>(Code::kValue), "cuda nbits 8-bit residual");
  args.residual = {};
  args.m = args.batch = uint64_t{1} << 33;
  Expect(plugin.api.nbits.run(plugin.context, &args, &error) == static_cast<int32_t>(Code::kShape), "cuda nbits rows");
  args.m = 0;
  ExpectOk(plugin.api.nbits.run(plugin.context, &args, &error), error, "no rows");
  plugin.api.runtime.free(plugin.context, weights.storage);
}

}  // namespace

void TestPluginNBits(const Plugin& plugin, bool quick) {
  TestLayout();
  TestAgainstProcessor(plugin);
  TestRefusals(plugin);
  Random random(3);
  for (size_t bits : {size_t{4}, size_t{8}}) {
    for (size_t group : kGroups) {
      // Around every tile: rows of 8, 64 and 128, columns of 16, 64 and 128.
      for (size_t m : {1, 7, 8, 9, 33, 64, 65, 129}) {
        for (size_t n : {1, 15, 17, 64, 65, 130}) {
          if (quick ? (m + n) % 5 != 0 : (m + n) % 2 != 0) continue;
          Case c = RandomCase(random, 1, 1, 1);
          c.m = m;
          c.n = n;
          c.k = random.Below(2) == 0 ? 2 * group : 1 + random.Below(2 * group);
          c.bits = bits;
          c.group = group;
          Run(plugin, random, c);
        }
      }
      // The largest magnitudes of every pair.
      for (Fill b_fill : {Fill::kLow, Fill::kHigh}) {
        for (Fill a_fill : {Fill::kLow, Fill::kHigh}) {
          for (size_t m : {3, 70}) {
            Case c{1, m, 70, 2 * group, bits, group, m == 70, false, false, false, 0, 0, 0, a_fill, b_fill, kNoActivation};
            Run(plugin, random, c);
            c.zeros = !c.zeros;
            Run(plugin, random, c);
          }
        }
      }
    }
  }
  for (int i = 0; i < (quick ? 20 : 300); ++i) Run(plugin, random, RandomCase(random, 20, 40, 300));
  for (int i = 0; i < (quick ? 4 : 40); ++i) Run(plugin, random, RandomCase(random, 140, 200, 400));
  // Several rounds of the skinny kernel's ring, and of the tiles'.
  for (int i = 0; i < (quick ? 4 : 30); ++i) {
    Case c = RandomCase(random, i % 2 == 0 ? 8 : 70, 20, 1);
    c.k = 1000 + random.Below(3000);
    Run(plugin, random, c);
  }
}

}  // namespace test
}  // namespace lowp
