#include "kernels/qgemm/qgemm.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "kernels/quantize/quantize.h"
#include "test/epilogue_cases.h"
#include "test/harness.h"

namespace lowp {
namespace test {
namespace {

// kNarrow: see kNarrowPair; kEdge: with pairs that just reach it.
enum class Fill { kRandom, kLow, kHigh, kNarrow, kEdge };

struct Case {
  size_t m, n, k;
  bool a_signed, b_signed, transpose_b, per_channel, per_row;
  size_t lda_gap, ldc_gap, threads;
  Fill a_fill, b_fill;
  OutputKind output;
  bool bias, float_bias;
  Activation activation;
  ResidualKind residual;
  bool in_place;  // C starts as the residual

  std::string Name(const QGemmKernel& kernel) const {
    return std::string(kernel.name) + " M" + std::to_string(m) + " N" + std::to_string(n) + " K" + std::to_string(k) +
           (a_signed ? " s8" : " u8") + (b_signed ? "s8" : "u8") + (transpose_b ? " tb" : "") + (per_channel ? " channel" : "") +
           (per_row ? " row" : "") + " lda+" + std::to_string(lda_gap) + " ldc+" + std::to_string(ldc_gap) + " fill" +
           std::to_string(static_cast<int>(a_fill)) + std::to_string(static_cast<int>(b_fill)) + " out" +
           std::to_string(static_cast<int>(output)) + (bias ? " bias" : "") + (float_bias ? "f" : "") + " " + NameOf(activation) +
           " residual" + std::to_string(static_cast<int>(residual)) + (in_place ? " in place" : "") + " t" +
           std::to_string(threads);
  }
};

int Value(Random& random, Fill fill, bool is_signed) {
  const int low = is_signed ? -128 : 0, middle = low + 128;
  if (fill == Fill::kNarrow) return middle + random.Between(-64, 64);
  if (fill == Fill::kEdge) return middle + (random.Below(2) == 0 ? 64 : -64);
  return fill == Fill::kLow ? low : fill == Fill::kHigh ? low + 255 : random.Between(low, low + 255);
}

int32_t Saturate(float rounded, int32_t zero, bool is_signed) {
  const int32_t low = is_signed ? -128 : 0;
  const float shifted = rounded + static_cast<float>(zero);
  return static_cast<int32_t>(std::min(std::max(shifted, static_cast<float>(low)), static_cast<float>(low + 255)));
}

size_t ElementSize(OutputKind kind) { return kind == OutputKind::kInt32 || kind == OutputKind::kFloat32 ? 4 : 1; }

void Run(const QGemmEntry& entry, const Case& c, Random& random) {
  const size_t lda = c.k + c.lda_gap, ldc = c.n + c.ldc_gap, ldb = (c.transpose_b ? c.k : c.n) + c.lda_gap;
  const size_t b_rows = c.transpose_b ? c.n : c.k, b_cols = c.transpose_b ? c.k : c.n;
  GuardedArray<uint8_t> a((c.m - 1) * lda + c.k), b(b_rows == 0 || b_cols == 0 ? 0 : (b_rows - 1) * ldb + b_cols);
  for (size_t i = 0; i < a.size(); ++i) a[i] = static_cast<uint8_t>(Value(random, c.a_fill, c.a_signed));
  for (size_t i = 0; i < b.size(); ++i) b[i] = static_cast<uint8_t>(Value(random, c.b_fill, c.b_signed));

  const size_t channels = c.per_channel ? c.n : 1, rows = c.per_row ? c.m : 1;
  GuardedArray<float> b_scale(channels), a_scale(rows), bias_f(c.n);
  GuardedArray<int32_t> b_zero(channels), a_zero(rows), bias_i(c.n);
  for (size_t i = 0; i < channels; ++i) {
    b_scale[i] = 0.001f + 0.01f * std::fabs(random.Float());
    b_zero[i] = Value(random, random.Below(4) == 0 ? Fill::kLow : random.Below(4) == 0 ? Fill::kHigh : Fill::kRandom, c.b_signed);
  }
  for (size_t i = 0; i < rows; ++i) {
    a_scale[i] = 0.001f + 0.01f * std::fabs(random.Float());
    a_zero[i] = Value(random, Fill::kRandom, c.a_signed);
  }
  for (size_t i = 0; i < c.n; ++i) {
    bias_i[i] = random.Between(-100000, 100000);
    bias_f[i] = 10 * random.Float();
  }

  QGemmPackedB packed;
  Status status = PackQGemmB({c.k, c.n, b.data(), c.b_signed, ldb, c.transpose_b, b_scale.data(), b_zero.data(), c.per_channel},
                             entry, &packed);
  const QGemmKernel& narrow = entry.kernel->narrow != nullptr ? *entry.kernel->narrow : *entry.kernel;
  if (c.b_fill == Fill::kNarrow || c.b_fill == Fill::kEdge)
    Expect(status.ok() && packed.kernel == &narrow, c.Name(narrow) + " for narrow weights");
  const size_t size = ElementSize(c.output);
  GuardedArray<uint8_t> out(((c.m - 1) * ldc + c.n) * size);
  std::memset(out.data(), 0x5a, out.size());

  QGemmArgs args;
  args.m = c.m;
  args.a_kind = c.a_signed ? QGemmA::kS8 : QGemmA::kU8;
  args.a = a.data();
  args.lda = lda;
  args.a_scale = a_scale[0];
  args.a_zero = a_zero[0];
  if (c.per_row) {
    args.a_scales = a_scale.data();
    args.a_zeros = a_zero.data();
  }
  args.b = &packed;
  args.output.kind = c.output;
  args.c = out.data();
  args.ldc = ldc;
  args.output.scale = 0.07f;
  args.output.zero = c.output == OutputKind::kS8 ? -7 : 9;
  const bool is_float = c.output == OutputKind::kFloat32, is_int32 = c.output == OutputKind::kInt32;
  const bool use_float_bias = c.bias && !is_int32 && (is_float || c.float_bias);
  if (use_float_bias) args.output.bias_f32 = bias_f.data();
  if (c.bias && !use_float_bias) args.output.bias_s32 = bias_i.data();
  args.output.activation = is_int32 ? kNoActivation : c.activation;
  const TestResidual other(random, is_int32 || c.in_place ? ResidualKind::kNone : c.residual, c.m, c.n);
  args.output.residual = other.view();
  GuardedArray<float> real_before(c.in_place && is_float ? out.size() / 4 : 0);
  if (c.in_place && is_float) {
    for (size_t i = 0; i < real_before.size(); ++i) real_before[i] = random.Float();
    std::memcpy(out.data(), real_before.data(), out.size());
    args.output.residual = {ResidualKind::kFloat32, out.data(), ldc, 0, 0};
  }
  args.threads = c.threads;
  if (status.ok()) status = QGemm(args);

  bool equal = status.ok();
  const auto a_at = [&](size_t m, size_t k) { return c.a_signed ? static_cast<int8_t>(a[m * lda + k]) : int{a[m * lda + k]}; };
  const auto b_at = [&](size_t k, size_t n) {
    const uint8_t raw = b[c.transpose_b ? n * ldb + k : k * ldb + n];
    return c.b_signed ? static_cast<int8_t>(raw) : int{raw};
  };
  for (size_t m = 0; m < c.m && equal; ++m) {
    for (size_t n = 0; n < c.n && equal; ++n) {
      const int32_t za = a_zero[c.per_row ? m : 0], zb = b_zero[c.per_channel ? n : 0];
      int64_t sum = 0;
      for (size_t k = 0; k < c.k; ++k) sum += int64_t{a_at(m, k) - za} * (b_at(k, n) - zb);
      if (args.output.bias_s32 != nullptr) sum += bias_i[n];
      uint8_t expected[4];
      const float scale = a_scale[c.per_row ? m : 0] * b_scale[c.per_channel ? n : 0];
      float real = static_cast<float>(static_cast<int32_t>(sum)) * scale;
      if (use_float_bias) real = real + bias_f[n];
      real = real_before.size() > 0 ? real + real_before[m * ldc + n] : other.Add(real, m, n);
      real = Activated(args.output.activation, real);
      if (is_int32) {
        const int32_t s = static_cast<int32_t>(sum);
        std::memcpy(expected, &s, 4);
      } else if (is_float) {
        std::memcpy(expected, &real, 4);
      } else {
        const bool requantized =
            !use_float_bias && other.view().kind == ResidualKind::kNone && args.output.activation.kind == ActivationKind::kClamp;
        const float scaled =
            requantized ? static_cast<float>(static_cast<int32_t>(sum)) * (scale / args.output.scale) : real / args.output.scale;
        const bool is_signed = c.output == OutputKind::kS8;
        int32_t q = Saturate(std::nearbyintf(scaled), args.output.zero, is_signed);
        const auto bound = [&](float x) { return Saturate(std::nearbyintf(x / args.output.scale), args.output.zero, is_signed); };
        if (requantized) q = std::min(std::max(q, bound(args.output.activation.min)), bound(args.output.activation.max));
        expected[0] = static_cast<uint8_t>(q);
      }
      equal = std::memcmp(expected, out.data() + (m * ldc + n) * size, size) == 0;
    }
    // What lies between the rows is not ours.
    for (size_t i = (m * ldc + c.n) * size; real_before.size() == 0 && m + 1 < c.m && i < (m + 1) * ldc * size; ++i)
      equal = equal && out[i] == 0x5a;
  }
  Expect(equal, c.Name(*packed.kernel) + (status.ok() ? "" : ": " + status.message()));
}

Case RandomCase(Random& random, const QGemmKernel& kernel, bool deep) {
  Case c{};
  c.m = 1 + random.Below(2 * kernel.mr + 2);
  c.n = 1 + random.Below(2 * kernel.nr + 2);
  c.k = deep ? kernel.kc - 2 + random.Below(5) : random.Below(100);
  if (deep && random.Below(2) == 0) c.k += kernel.kc;
  c.a_signed = random.Below(2) != 0;
  c.b_signed = random.Below(2) != 0;
  c.transpose_b = random.Below(3) == 0;
  c.per_channel = random.Below(2) != 0;
  c.per_row = random.Below(3) == 0;
  c.lda_gap = random.Below(3) == 0 ? random.Below(9) : 0;
  c.ldc_gap = random.Below(3) == 0 ? random.Below(9) : 0;
  c.threads = 1;
  c.a_fill = static_cast<Fill>(random.Below(5) < 3 ? 0 : 1 + random.Below(2));
  c.b_fill = static_cast<Fill>(random.Below(5) < 2 ? 0 : 1 + random.Below(4));
  c.output = static_cast<OutputKind>(random.Below(4));
  c.bias = random.Below(2) != 0;
  c.float_bias = random.Below(2) != 0;
  c.activation = RandomActivation(random);
  c.residual = static_cast<ResidualKind>(random.Below(4));
  c.in_place = random.Below(4) == 0;
  return c;
}

// 255 times each of one column of weights. Returns false where that was refused.
bool Run255(const QGemmEntry& entry, const std::vector<int8_t>& b, QGemmPackedB* packed, int32_t* out) {
  const size_t k = b.size();
  const std::vector<uint8_t> a(k, 255);
  const float scale = 1;
  const int32_t zero = 0;
  Status status = PackQGemmB({k, 1, b.data(), true, 1, false, &scale, &zero, false}, entry, packed);
  QGemmArgs args;
  args.m = 1;
  args.a = a.data();
  args.lda = k;
  args.b = packed;
  args.output.kind = OutputKind::kInt32;
  args.c = out;
  args.ldc = 1;
  args.output.activation = kNoActivation;
  return status.ok() && QGemm(args).ok();
}

// Weights all 0 but for the pair that `first` begins: which kernel takes them, and that 255 times them is right.
void RunPair(const QGemmEntry& entry, size_t first, int8_t low, int8_t high, bool narrow) {
  std::vector<int8_t> b(37);
  b[first] = low;
  b[first + 1] = high;
  QGemmPackedB packed;
  int32_t out = 0;
  const bool ran = Run255(entry, b, &packed, &out);
  const std::string name = "pair " + std::to_string(low) + " " + std::to_string(high) + " at " + std::to_string(first);
  Expect(ran && out == 255 * (low + high), std::string(entry.kernel->name) + " " + name);
  if (ran && entry.kernel->narrow != nullptr)
    Expect((packed.kernel == entry.kernel->narrow) == narrow, std::string(packed.kernel->name) + " is chosen for " + name);
}

// Float32 activations: quantized inside the call as Quantize() does, then as above.
void RunDynamic(const QGemmEntry& entry, Random& random, bool per_row) {
  const size_t m = 1 + random.Below(9), k = 1 + random.Below(70), n = 1 + random.Below(40);
  GuardedArray<float> a(m * k), scale(1), out(m * n), expected(m * n);
  GuardedArray<int8_t> b(k * n);
  GuardedArray<int32_t> zero(1);
  for (size_t i = 0; i < m * k; ++i) a[i] = 5 * random.Float();
  for (size_t i = 0; i < k * n; ++i) b[i] = static_cast<int8_t>(random.Between(-127, 127));
  scale[0] = 0.02f;
  zero[0] = 0;
  QGemmPackedB packed;
  Status status = PackQGemmB({k, n, b.data(), true, n, false, scale.data(), zero.data(), false}, entry, &packed);

  GuardedArray<uint8_t> q(m * k);
  GuardedArray<float> a_scales(m);
  GuardedArray<int32_t> a_zeros(m);
  const QuantizeShape shape = per_row ? QuantizeShape{1, m, k} : QuantizeShape{1, 1, m * k};
  QuantizeParameters(shape, a.data(), false, false, a_scales.data(), a_zeros.data());
  Quantize(shape, a.data(), a_scales.data(), a_zeros.data(), false, q.data());
  for (size_t row = 1; row < m && !per_row; ++row) {
    a_scales[row] = a_scales[0];
    a_zeros[row] = a_zeros[0];
  }

  QGemmArgs args;
  args.m = m;
  args.b = &packed;
  args.lda = k;
  args.ldc = n;
  args.output.activation = kNoActivation;
  args.a_kind = per_row ? QGemmA::kFloat32PerRow : QGemmA::kFloat32PerTensor;
  args.a = a.data();
  args.c = out.data();
  if (status.ok()) status = QGemm(args);
  args.a_kind = QGemmA::kU8;
  args.a = q.data();
  args.a_scales = a_scales.data();
  args.a_zeros = a_zeros.data();
  args.c = expected.data();
  if (status.ok()) status = QGemm(args);
  Expect(
      status.ok() && std::memcmp(out.data(), expected.data(), m * n * sizeof(float)) == 0,
      std::string(entry.kernel->name) + " dynamic M" + std::to_string(m) + " N" + std::to_string(n) + " K" + std::to_string(k));
}

}  // namespace

void TestQGemm(bool quick) {
  for (const QGemmEntry& entry : QGemmKernels()) {
    if (!InfoOf(entry.isa).supported) continue;
    const QGemmKernel& kernel = *entry.kernel;
    Random random(1);
    for (size_t m : {size_t{1}, size_t{kernel.mr} - 1, size_t{kernel.mr}, size_t{kernel.mr} + 1}) {
      for (size_t n : {size_t{1}, size_t{kernel.nr} - 1, size_t{kernel.nr}, size_t{kernel.nr} + 1}) {
        for (size_t k : {size_t{0}, size_t{1}, size_t{kernel.kr} + 1, size_t{35}}) {
          Case c = RandomCase(random, kernel, false);
          c.m = std::max<size_t>(m, 1);
          c.n = n;
          c.k = k;
          Run(entry, c, random);
        }
      }
    }
    for (int i = 0; i < (quick ? 200 : 3000); ++i) Run(entry, RandomCase(random, kernel, false), random);
    for (int i = 0; i < (quick ? 10 : 60); ++i) Run(entry, RandomCase(random, kernel, true), random);
    for (int i = 0; i < (quick ? 20 : 200); ++i) RunDynamic(entry, random, i % 2 == 0);
    for (size_t first : {0, 1, 17, 34}) {
      const bool together = first % 2 == 0;
      RunPair(entry, first, 64, 64, true);
      RunPair(entry, first, 127, 1, true);
      RunPair(entry, first, 127, -128, true);
      RunPair(entry, first, -64, -64, true);
      RunPair(entry, first, 65, 64, !together);
      RunPair(entry, first, -1, -128, !together);
      RunPair(entry, first, 127, 127, !together);
    }
    if (quick) continue;
    for (size_t threads : {1, 2, 3}) {
      Case c = RandomCase(random, kernel, false);
      c.m = 130;
      c.n = 150;
      c.k = 120;
      c.threads = threads;
      Run(entry, c, random);
    }
  }
  // The largest magnitude of every pair: what a saturating instruction gets wrong.
  for (const QGemmEntry& entry : QGemmKernels()) {
    if (!InfoOf(entry.isa).supported) continue;
    QGemmPackedB packed;
    int32_t out = 0;
    const bool ran = Run255(entry, std::vector<int8_t>(4096, 127), &packed, &out);
    Expect(ran && out == 4096 * 255 * 127, std::string(entry.kernel->name) + " 255 * 127 repeated");
  }
}

}  // namespace test
}  // namespace lowp
