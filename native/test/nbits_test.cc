#include "kernels/nbits/nbits.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "test/epilogue_cases.h"
#include "test/harness.h"

namespace lowp {
namespace test {
namespace {

enum class Fill { kRandom, kLow, kHigh, kSpecial };

struct Case {
  size_t m, n, k, bits, group;
  bool zeros, bias, epilogue;  // a random activation and residual
  size_t lda_gap, ldc_gap, threads;
  Fill a_fill, b_fill;

  std::string Name(const NBitsKernel& kernel) const {
    return std::string(kernel.name) + " M" + std::to_string(m) + " N" + std::to_string(n) + " K" + std::to_string(k) + " bits" +
           std::to_string(bits) + " group" + std::to_string(group) + (zeros ? " zeros" : "") + " lda+" + std::to_string(lda_gap) +
           " ldc+" + std::to_string(ldc_gap) + " fill" + std::to_string(static_cast<int>(a_fill)) +
           std::to_string(static_cast<int>(b_fill)) + (bias ? " bias" : "") + (epilogue ? " epilogue" : "") + " t" +
           std::to_string(threads);
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

// The contract of nbits.h, written down once more with plain loops.
float Expected(const Case& c, const NBitsShape& shape, const float* a, const uint8_t* b, const float* scales,
               const uint8_t* zeros) {
  float acc = 0;
  for (size_t g = 0; g < shape.groups(); ++g) {
    const size_t k0 = g * c.group, k1 = std::min(c.k, k0 + c.group);
    float largest = 0;
    for (size_t k = k0; k < k1; ++k)
      if (std::isfinite(a[k])) largest = std::max(largest, std::fabs(a[k]));
    const float scale = largest / 127.0f;
    float inverse = 127.0f / largest;
    if (!std::isfinite(inverse)) inverse = 0;
    const int32_t zero = zeros == nullptr ? 1 << (c.bits - 1) : At(zeros, g, c.bits);
    int32_t sum = 0;
    for (size_t k = k0; k < k1; ++k) {
      const float x = a[k] * inverse;
      const int32_t q = x != x ? 0 : static_cast<int32_t>(std::nearbyintf(std::min(std::max(x, -127.0f), 127.0f)));
      sum += q * (At(b, k, c.bits) - zero);
    }
    const float both = scale * scales[g];
    const float product = static_cast<float>(sum) * both;
    acc = acc + product;
  }
  return acc;
}

bool Same(float x, float y) { return (x != x && y != y) || std::memcmp(&x, &y, sizeof(x)) == 0; }

void Run(const NBitsEntry& entry, const Case& c, Random& random) {
  const NBitsShape shape{c.k, c.n, c.bits, c.group};
  const size_t lda = c.k + c.lda_gap, ldc = c.n + c.ldc_gap;
  GuardedArray<float> a((c.m - 1) * lda + c.k), scales(c.n * shape.groups()), bias(c.n), out((c.m - 1) * ldc + c.n);
  GuardedArray<uint8_t> b(c.n * shape.row_bytes()), zeros(c.n * shape.zero_row_bytes());
  for (size_t i = 0; i < a.size(); ++i) a[i] = InputValue(random, c.a_fill);
  for (size_t i = 0; i < b.size(); ++i) b[i] = Code(random, c.b_fill);
  for (size_t i = 0; i < zeros.size(); ++i) zeros[i] = Code(random, c.b_fill == Fill::kRandom ? Fill::kRandom : Fill::kSpecial);
  for (size_t i = 0; i < scales.size(); ++i) scales[i] = random.Below(20) == 0 ? 0.0f : 0.01f * random.Float();
  for (size_t i = 0; i < bias.size(); ++i) bias[i] = random.Float();
  std::memset(out.data(), 0x5a, out.size() * sizeof(float));

  NBitsPackedB packed;
  Status status = PackNBitsB({shape, b.data(), scales.data(), c.zeros ? zeros.data() : nullptr}, entry, &packed);
  NBitsArgs args;
  args.m = c.m;
  args.a = a.data();
  args.lda = lda;
  args.b = &packed;
  args.c = out.data();
  args.ldc = ldc;
  args.bias = c.bias ? bias.data() : nullptr;
  const TestResidual residual(random, c.epilogue && random.Below(3) > 0 ? ResidualKind::kFloat32 : ResidualKind::kNone, c.m, c.n);
  args.activation = c.epilogue ? RandomActivation(random) : kNoActivation;
  args.residual = residual.view();
  args.threads = c.threads;
  if (status.ok()) status = NBits(args);

  bool equal = status.ok();
  for (size_t m = 0; m < c.m && equal; ++m) {
    for (size_t n = 0; n < c.n && equal; ++n) {
      float x = Expected(c, shape, a.data() + m * lda, b.data() + n * shape.row_bytes(), scales.data() + n * shape.groups(),
                         c.zeros ? zeros.data() + n * shape.zero_row_bytes() : nullptr);
      if (c.bias) x = x + bias[n];
      x = Activated(args.activation, residual.Add(x, m, n));
      equal = Same(out[m * ldc + n], x);
    }
    // What lies between the rows is not ours.
    for (size_t i = m * ldc + c.n; m + 1 < c.m && i < (m + 1) * ldc; ++i) {
      uint32_t raw;
      std::memcpy(&raw, &out[i], sizeof(raw));
      equal = equal && raw == 0x5a5a5a5a;
    }
  }
  Expect(equal, c.Name(*entry.kernel) + " " + NameOf(args.activation) + (status.ok() ? "" : ": " + status.message()));
}

constexpr size_t kGroups[] = {16, 32, 64, 128, 256};

Case RandomCase(Random& random, const NBitsKernel& kernel, bool deep) {
  Case c{};
  c.m = 1 + random.Below(2 * kernel.mr + 2);
  c.n = 1 + random.Below(2 * kernel.nr + 2);
  c.bits = random.Below(3) == 0 ? 8 : 4;
  c.group = kGroups[random.Below(5)];
  c.k = deep ? kNBitsKc - 2 + random.Below(5) : random.Below(300);
  if (deep && random.Below(2) == 0) c.k += kNBitsKc;
  c.zeros = random.Below(2) != 0;
  c.bias = random.Below(2) != 0;
  c.epilogue = random.Below(2) == 0;
  c.lda_gap = random.Below(3) == 0 ? random.Below(9) : 0;
  c.ldc_gap = random.Below(3) == 0 ? random.Below(9) : 0;
  c.threads = 1;
  c.a_fill = static_cast<Fill>(random.Below(5) < 3 ? 0 : 1 + random.Below(3));
  c.b_fill = static_cast<Fill>(random.Below(5) < 3 ? 0 : 1 + random.Below(2));
  return c;
}

// The error of a weight is at most half a step, plus what lies beyond the top code of a symmetric group.
void RoundTrip(Random& random, size_t bits, size_t group, bool symmetric, bool transpose) {
  const NBitsShape shape{random.Below(200), 1 + random.Below(9), bits, group};
  GuardedArray<float> w(shape.k * shape.n), scales(shape.n * shape.groups()), back(shape.n * shape.k);
  GuardedArray<uint8_t> data(shape.n * shape.row_bytes()), zeros(shape.n * shape.zero_row_bytes());
  for (size_t i = 0; i < w.size(); ++i) w[i] = random.Float();
  QuantizeNBits(shape, {w.data(), transpose ? shape.k : shape.n, transpose}, data.data(), scales.data(),
                symmetric ? nullptr : zeros.data());
  DequantizeNBits(shape, data.data(), scales.data(), symmetric ? nullptr : zeros.data(), back.data());
  bool near = true;
  for (size_t n = 0; n < shape.n; ++n) {
    for (size_t k = 0; k < shape.k; ++k) {
      const float value = transpose ? w[n * shape.k + k] : w[k * shape.n + n];
      const float step = std::fabs(scales[n * shape.groups() + k / group]);
      near = near && std::fabs(back[n * shape.k + k] - value) <= step * 1.001f;
    }
  }
  Expect(near, "round trip bits" + std::to_string(bits) + " group" + std::to_string(group) + " K" + std::to_string(shape.k));
}

}  // namespace

void TestNBits(bool quick) {
  for (const NBitsEntry& entry : NBitsKernels()) {
    if (!InfoOf(entry.isa).supported) continue;
    const NBitsKernel& kernel = *entry.kernel;
    Random random(3);
    for (size_t bits : {size_t{4}, size_t{8}}) {
      for (size_t group : kGroups) {
        for (size_t m = 1; m <= kernel.mr + size_t{2}; ++m) {
          for (size_t n : {size_t{1}, size_t{kernel.nr} - 1, size_t{kernel.nr}, size_t{kernel.nr} + 1}) {
            if (quick && (m + n) % 3 != 0) continue;
            Case c = RandomCase(random, kernel, false);
            c.m = m;
            c.n = n;
            c.k = random.Below(2) == 0 ? 2 * group : 1 + random.Below(2 * group);
            c.bits = bits;
            c.group = group;
            Run(entry, c, random);
          }
        }
        // The largest magnitudes of every pair: what an instruction that saturates gets wrong.
        for (Fill b_fill : {Fill::kLow, Fill::kHigh}) {
          for (Fill a_fill : {Fill::kLow, Fill::kHigh}) {
            for (bool zeros : {false, true})
              Run(entry, {kernel.mr + size_t{1}, kernel.nr, 2 * group, bits, group, zeros, false, false, 0, 0, 1, a_fill, b_fill},
                  random);
          }
        }
      }
    }
    for (int i = 0; i < (quick ? 60 : 1500); ++i) Run(entry, RandomCase(random, kernel, false), random);
    for (int i = 0; i < (quick ? 6 : 60); ++i) Run(entry, RandomCase(random, kernel, true), random);
    if (quick) continue;
    for (size_t threads : {1, 2, 3})
      Run(entry, {130, 150, 300, 4, 32, true, true, false, 0, 0, threads, Fill::kRandom, Fill::kRandom}, random);
    Run(entry, {400, 40, 4200, 4, 64, false, true, false, 0, 0, 1, Fill::kRandom, Fill::kRandom}, random);
  }
  Random random(4);
  for (int i = 0; i < (quick ? 20 : 200); ++i) {
    const size_t bits = random.Below(2) == 0 ? 4 : 8, group = kGroups[random.Below(5)];
    const bool symmetric = random.Below(2) == 0, transpose = random.Below(2) == 0;
    RoundTrip(random, bits, group, symmetric, transpose);
  }
  for (size_t bits : {0, 3, 5, 16}) Expect(!CheckNBitsShape({1, 1, bits, 32}).ok(), "bits " + std::to_string(bits));
  for (size_t group : {0, 8, 31, 48, 512}) Expect(!CheckNBitsShape({1, 1, 4, group}).ok(), "group " + std::to_string(group));
}

}  // namespace test
}  // namespace lowp
