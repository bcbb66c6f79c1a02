#include "kernels/sgemm/sgemm.h"

#include <algorithm>
#include <cmath>

#include "test/epilogue_cases.h"
#include "test/harness.h"

namespace lowp {
namespace test {
namespace {

void Run(const SGemmEntry& entry, Random& random, size_t m, size_t n, size_t k, size_t threads) {
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

  SGemmPackedB packed;
  Status status = PackSGemmB({k, n, b.data(), ldb, transpose_b}, entry, &packed);
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

  bool close = status.ok();
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
                    (transpose_a ? " ta" : "") + (transpose_b ? " tb" : "") + (whole ? " whole " : " ") +
                    NameOf(args.activation) + " residual" + std::to_string(static_cast<int>(residual.view().kind)) + " t" +
                    std::to_string(threads));
}

}  // namespace

void TestSGemm(bool quick) {
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
    if (!quick) Run(entry, random, 130, 150, 300, 3);
  }
}

}  // namespace test
}  // namespace lowp
