#include "kernels/sgemm/sgemm.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "test/epilogue_cases.h"
#include "test/harness.h"

namespace lowp {
namespace test {
namespace {

constexpr SGemmStorage kStorages[] = {SGemmStorage::kFloat32, SGemmStorage::kBfloat16, SGemmStorage::kFloat16};
constexpr const char* kNames[] = {"float32", "bfloat16", "float16"};

struct Cast {
  float from;
  uint16_t bfloat16, float16;
};

// By hand. Between neighbours a tie goes to the one whose last bit is 0.
const Cast kCasts[] = {
    {0.0f, 0x0000, 0x0000},
    {-0.0f, 0x8000, 0x8000},
    {1.0f, 0x3f80, 0x3c00},
    {-2.0f, 0xc000, 0xc000},
    {kInfinity, 0x7f80, 0x7c00},
    {-kInfinity, 0xff80, 0xfc00},
    {1 + 0x1p-8f, 0x3f80, 0x3c04},             // tie of bfloat16: down
    {1 + 0x3p-8f, 0x3f82, 0x3c0c},             // tie: up
    {1 + 0x1p-8f + 0x1p-23f, 0x3f81, 0x3c04},  // a little above the tie
    {1 + 0x1p-11f, 0x3f80, 0x3c00},            // tie of float16: down
    {1 + 0x3p-11f, 0x3f80, 0x3c02},            // tie: up
    {1 + 0x1p-11f + 0x1p-23f, 0x3f80, 0x3c01},
    {65504.0f, 0x4780, 0x7bff},  // the largest float16
    {0x1.ffdffep15f, 0x4780, 0x7bff},
    {65520.0f, 0x4780, 0x7c00},  // half a step above: to infinity
    {-1e30f, 0xf14a, 0xfc00},
    {0x1.fep127f, 0x7f7f, 0x7c00},      // the largest bfloat16
    {0x1.fefffep127f, 0x7f7f, 0x7c00},  // and the last that rounds to it
    {0x1.ffp127f, 0x7f80, 0x7c00},
    {0x1p-14f, 0x3880, 0x0400},      // the smallest normal float16
    {0x1.ff8p-15f, 0x3880, 0x03ff},  // the largest subnormal one
    {0x1.ffcp-15f, 0x3880, 0x0400},
    {0x1p-24f, 0x3380, 0x0001},  // the smallest
    {0x3p-25f, 0x33c0, 0x0002},  // ties among the subnormal
    {0x1p-25f, 0x3300, 0x0000},
    {-0x1.000002p-25f, 0xb300, 0x8001},
    {0x1p-126f, 0x0080, 0x0000},
    {0x1p-133f, 0x0001, 0x0000},  // the smallest bfloat16
    {0x1p-134f, 0x0000, 0x0000},
    {0x3p-134f, 0x0002, 0x0000},
};

uint32_t BitsOf(float x) {
  uint32_t bits;
  std::memcpy(&bits, &x, sizeof(bits));
  return bits;
}

uint16_t Rounded(float x, SGemmStorage to) {
  uint16_t code;
  CastFloats(SGemmStorage::kFloat32, &x, to, 1, &code);
  return code;
}

float Widened(uint16_t code, SGemmStorage from) {
  float x;
  CastFloats(from, &code, SGemmStorage::kFloat32, 1, &x);
  return x;
}

void TestCasts() {
  for (const Cast& c : kCasts) {
    const std::string bits = std::to_string(BitsOf(c.from));
    Expect(Rounded(c.from, SGemmStorage::kBfloat16) == c.bfloat16, "bfloat16 of the float32 with bits " + bits);
    Expect(Rounded(c.from, SGemmStorage::kFloat16) == c.float16, "float16 of the float32 with bits " + bits);
  }
  for (const SGemmStorage storage : {SGemmStorage::kBfloat16, SGemmStorage::kFloat16}) {
    const bool bfloat16 = storage == SGemmStorage::kBfloat16;
    const int mantissa_bits = bfloat16 ? 7 : 10, bias = bfloat16 ? 127 : 15, top = bfloat16 ? 255 : 31;
    bool exact = true, returns = true;
    for (uint32_t code = 0; code < 0x10000; ++code) {
      const int exponent = static_cast<int>(code >> mantissa_bits) & top,
                mantissa = static_cast<int>(code) & ((1 << mantissa_bits) - 1);
      const bool nan = exponent == top && mantissa != 0;
      const double magnitude = exponent == top ? kInfinity
                               : exponent == 0 ? std::ldexp(mantissa, 1 - bias - mantissa_bits)
                                               : std::ldexp(mantissa + (1 << mantissa_bits), exponent - bias - mantissa_bits);
      const float x = Widened(static_cast<uint16_t>(code), storage);
      exact =
          exact && (nan ? std::isnan(x) : x == (code & 0x8000 ? -magnitude : magnitude) && std::signbit(x) == (code >> 15 != 0));
      const uint32_t quiet = nan ? 1u << (mantissa_bits - 1) : 0;
      returns = returns && Rounded(x, storage) == (code | quiet);
    }
    Expect(exact, std::string(kNames[static_cast<size_t>(storage)]) + ": every code is widened exactly");
    Expect(returns, std::string(kNames[static_cast<size_t>(storage)]) + ": every code returns");
  }
}

void Run(const SGemmEntry& entry, Random& random, size_t m, size_t n, size_t k, size_t threads) {
  const SGemmStorage storage = kStorages[random.Below(3)];
  const bool codes_given = random.Below(2) != 0;
  const bool transpose_a = random.Below(3) == 0, transpose_b = random.Below(3) == 0, use_bias = random.Below(2) != 0,
             whole = random.Below(2) != 0;  // small whole numbers, whose sums are exact
  const size_t gap = random.Below(3), a_rows = transpose_a ? k : m, a_cols = transpose_a ? m : k, b_rows = transpose_b ? n : k,
               b_cols = transpose_b ? k : n;
  const size_t lda = a_cols + gap, ldb = b_cols + gap, ldc = n + gap;
  GuardedArray<float> a(k == 0 ? 0 : (a_rows - 1) * lda + a_cols), b(k == 0 ? 0 : (b_rows - 1) * ldb + b_cols),
      c((m - 1) * ldc + n), bias(n);
  for (size_t i = 0; i < a.size(); ++i) a[i] = whole ? static_cast<float>(random.Between(-3, 3)) : random.Float();
  for (size_t i = 0; i < b.size(); ++i) b[i] = whole ? static_cast<float>(random.Between(-3, 3)) : random.Float();
  for (size_t i = 0; i < n; ++i) bias[i] = random.Float();
  for (size_t i = 0; i < c.size(); ++i) c[i] = -77;

  SGemmPackedB packed, wide;
  GuardedArray<uint16_t> codes(storage == SGemmStorage::kFloat32 ? 0 : b.size());
  Status status;
  if (storage == SGemmStorage::kFloat32 || !codes_given)
    status = PackSGemmB({k, n, b.data(), ldb, transpose_b, SGemmStorage::kFloat32, storage}, entry, &packed);
  if (storage != SGemmStorage::kFloat32) {
    CastFloats(SGemmStorage::kFloat32, b.data(), storage, b.size(), codes.data());
    CastFloats(storage, codes.data(), SGemmStorage::kFloat32, b.size(), b.data());
    if (codes_given) status = PackSGemmB({k, n, codes.data(), ldb, transpose_b, storage, storage}, entry, &packed);
  }
  SGemmArgs args;
  args.m = m;
  args.a = a.data();
  args.lda = lda;
  args.transpose_a = transpose_a;
  args.b = &packed;
  args.c = c.data();
  args.ldc = ldc;
  args.bias = use_bias ? bias.data() : nullptr;
  args.activation = RandomActivation(random);
  const TestResidual residual(random, random.Below(2) == 0 ? ResidualKind::kNone : ResidualKind::kFloat32, m, n);
  args.residual = residual.view();
  args.threads = threads;
  if (status.ok()) status = SGemm(args);

  // The same bits as with the rounded weights in float32.
  std::vector<float> same(c.size(), -77.0f);
  if (status.ok())
    status = PackSGemmB({k, n, b.data(), ldb, transpose_b, SGemmStorage::kFloat32, SGemmStorage::kFloat32}, entry, &wide);
  args.b = &wide;
  args.c = same.data();
  if (status.ok()) status = SGemm(args);

  bool close = status.ok() && std::memcmp(same.data(), c.data(), c.size() * sizeof(float)) == 0;
  const double bound = 1.2e-7 * (static_cast<double>(k) + 2) * 2;
  for (size_t i = 0; i < m && close; ++i) {
    for (size_t j = 0; j < n && close; ++j) {
      double sum = 0;
      for (size_t x = 0; x < k; ++x)
        sum += double{a[transpose_a ? x * lda + i : i * lda + x]} * b[transpose_b ? j * ldb + x : x * ldb + j];
      float x = static_cast<float>(sum);
      if (use_bias) x = x + bias[j];
      const float expected = Activated(args.activation, residual.Add(x, i, j)), got = c[i * ldc + j];
      // No activation is steeper than 1.2, nor a bound wider than that of the largest value here.
      close = whole ? std::memcmp(&expected, &got, sizeof(got)) == 0 : std::fabs(expected - got) <= 1.2 * bound + 1e-5;
    }
    for (size_t j = n; i + 1 < m && j < ldc; ++j) close = close && c[i * ldc + j] == -77;
  }
  Expect(close, std::string(entry.kernel->name) + " M" + std::to_string(m) + " N" + std::to_string(n) + " K" + std::to_string(k) +
                    (transpose_a ? " ta" : "") + (transpose_b ? " tb" : "") + " " + kNames[static_cast<size_t>(storage)] +
                    (codes_given ? " codes" : "") + (whole ? " whole " : " ") + NameOf(args.activation) + " residual" +
                    std::to_string(static_cast<int>(residual.view().kind)) + " t" + std::to_string(threads));
}

}  // namespace

void TestSGemm(bool quick) {
  TestCasts();
  for (const SGemmEntry& entry : SGemmKernels()) {
    if (!InfoOf(entry.isa).supported) continue;
    Random random(2);
    const size_t mr = entry.kernel->mr, nr = entry.kernel->nr;
    for (size_t m : {size_t{1}, mr - 1, mr, mr + 1}) {
      for (size_t n : {size_t{1}, nr - 1, nr, nr + 1}) {
        for (size_t k : {size_t{0}, size_t{1}, size_t{33}}) Run(entry, random, std::max<size_t>(m, 1), n, k, 1);
      }
    }
    for (int i = 0; i < (quick ? 50 : 1000); ++i)
      Run(entry, random, 1 + random.Below(2 * mr + 2), 1 + random.Below(2 * nr + 2), random.Below(80), 1);
    for (int i = 0; i < (quick ? 5 : 40); ++i)
      Run(entry, random, 1 + random.Below(mr + 2), 1 + random.Below(nr + 2), kSGemmKc - 2 + random.Below(5), 1);
    // Several micropanels at once, and the leftover ones.
    for (size_t m = 1; m <= kSGemmWideRows + 1; ++m) {
      for (size_t panels = 2; panels <= (quick ? 5 : 9); ++panels)
        Run(entry, random, m, panels * nr - random.Below(3), kSGemmKc - 1 + random.Below(3), 1 + random.Below(3));
    }
    // Slabs that are widened once.
    for (int i = 0; i < (quick ? 2 : 12); ++i)
      Run(entry, random, 4 * mr + random.Below(3), 1 + random.Below(3 * nr), kSGemmKc * random.Below(3) + random.Below(3), 1);
    if (!quick) Run(entry, random, 130, 150, 300, 3);
  }
}

}  // namespace test
}  // namespace lowp
