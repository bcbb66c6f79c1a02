#include "kernels/svd/svd.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "test/harness.h"

namespace lowp {
namespace test {
namespace {

bool Near(double got, double want, double scale) { return std::fabs(got - want) <= 1e-12 * scale; }

// The loops of one ISA around the length of its vectors.
void TestLoops(const SvdEntry& entry) {
  const SvdKernel& kernel = *entry.kernel;
  Random random(3);
  for (size_t length : {0, 1, 2, 3, 4, 7, 8, 9, 31, 100}) {
    const std::string name = std::string(kernel.name) + " length " + std::to_string(length);
    GuardedArray<float> x((kSvdGramRows + kSvdGramCols) * length);
    for (size_t i = 0; i < x.size(); ++i) x[i] = random.Float();
    const float* rows[kSvdGramRows + kSvdGramCols];
    for (size_t i = 0; i < kSvdGramRows + kSvdGramCols; ++i) rows[i] = x.data() + i * length;
    double sums[kSvdGramRows * kSvdGramCols];
    kernel.gram(length, rows, rows + kSvdGramRows, sums);
    bool good = true;
    for (size_t i = 0; i < kSvdGramRows; ++i) {
      for (size_t j = 0; j < kSvdGramCols; ++j) {
        double sum = 0;
        for (size_t k = 0; k < length; ++k) sum += static_cast<double>(rows[i][k]) * rows[kSvdGramRows + j][k];
        good = good && Near(sums[i * kSvdGramCols + j], sum, static_cast<double>(length));
      }
    }
    Expect(good, name + " gram");

    GuardedArray<double> v(length), w(length), row(length), p(length);
    std::vector<double> want_row(length), want_p(length);
    for (size_t k = 0; k < length; ++k) {
      v[k] = random.Float();
      w[k] = random.Float();
      row[k] = random.Float();
      p[k] = random.Float();
      want_row[k] = row[k] - (0.5 * w[k] + 0.25 * v[k]);
      want_p[k] = p[k] + 3 * want_row[k];
    }
    kernel.update(length, 0.5, w.data(), 0.25, v.data(), 3, row.data(), p.data());
    good = true;
    for (size_t k = 0; k < length; ++k) good = good && Near(row[k], want_row[k], 10) && Near(p[k], want_p[k], 10);
    Expect(good, name + " update");
  }
  for (size_t count : {0, 1, 5}) {
    constexpr size_t kWidth = 2 * kSvdRotateWidth;
    GuardedArray<double> z((count + 1) * kWidth), c(count), s(count);
    for (size_t i = 0; i < z.size(); ++i) z[i] = random.Float();
    std::vector<double> want(z.data(), z.data() + z.size());
    for (size_t i = count; i-- > 0;) {
      c[i] = std::cos(static_cast<double>(i) + 1);
      s[i] = std::sin(static_cast<double>(i) + 1);
      for (size_t k = 0; k < kWidth; ++k) {
        const double upper = want[i * kWidth + k], lower = want[(i + 1) * kWidth + k];
        want[i * kWidth + k] = c[i] * upper - s[i] * lower;
        want[(i + 1) * kWidth + k] = s[i] * upper + c[i] * lower;
      }
    }
    kernel.rotate(count, c.data(), s.data(), z.data(), kWidth);
    bool good = true;
    for (size_t i = 0; i < want.size(); ++i) good = good && Near(z[i], want[i], 10);
    Expect(good, std::string(kernel.name) + " rotate " + std::to_string(count));
  }
}

struct Case {
  size_t m, n, true_rank, rank, threads;
  SvdCriterion criterion;
  double target;
};

std::string Name(const char* isa, const Case& c) {
  return std::string("svd ") + isa + " M" + std::to_string(c.m) + " N" + std::to_string(c.n) + " of rank " +
         std::to_string(c.true_rank) + " r" + std::to_string(c.rank) + " t" + std::to_string(c.threads) + " criterion " +
         std::to_string(static_cast<int>(c.criterion)) + " " + std::to_string(c.target);
}

// A product of random factors: where the rank is kept, all of it has to come back.
void Run(const char* isa, Random& random, const Case& c) {
  const size_t lda = c.n + 3, most = std::min(c.m, c.n);
  GuardedArray<float> a((c.m - 1) * lda + c.n);
  std::vector<float> left(c.m * c.true_rank), right(c.true_rank * c.n);
  for (float& x : left) x = random.Float();
  for (float& x : right) x = random.Float();
  double total = 0;
  for (size_t i = 0; i < a.size(); ++i) a[i] = random.Float();
  for (size_t i = 0; i < c.m; ++i) {
    for (size_t j = 0; j < c.n; ++j) {
      float sum = 0;
      for (size_t k = 0; k < c.true_rank; ++k) sum += left[i * c.true_rank + k] * right[k * c.n + j];
      a[i * lda + j] = sum;
      total += static_cast<double>(sum) * sum;
    }
  }
  const size_t room = c.criterion == SvdCriterion::kRank ? c.rank : most;
  GuardedArray<float> out(room * (c.m + c.n + 1));
  SvdArgs args;
  args.m = c.m;
  args.n = c.n;
  args.a = a.data();
  args.lda = lda;
  args.criterion = c.criterion;
  args.rank = c.rank;
  args.target = c.target;
  args.threads = c.threads;
  args.measure = true;
  args.out = out.data();
  SvdResult result;
  const Status status = Svd(args, &result);
  const std::string name = Name(isa, c);
  Expect(status.ok() && result.converged && result.rank >= 1 && result.rank <= room, name + " " + status.message());
  if (!status.ok()) return;
  const float* s = out.data() + c.m * result.rank;
  const float* vt = s + result.rank;
  double squares = 0, worst = 0;
  for (size_t i = 0; i < c.m; ++i) {
    for (size_t j = 0; j < c.n; ++j) {
      double rest = a[i * lda + j];
      for (size_t r = 0; r < result.rank; ++r) rest -= static_cast<double>(out[i * result.rank + r]) * s[r] * vt[r * c.n + j];
      squares += rest * rest;
    }
  }
  for (size_t p = 0; p < result.rank; ++p) {
    for (size_t q = 0; q <= p; ++q) {
      double u_sum = p == q ? -1 : 0, v_sum = u_sum;
      for (size_t i = 0; i < c.m; ++i) u_sum += static_cast<double>(out[i * result.rank + p]) * out[i * result.rank + q];
      for (size_t j = 0; j < c.n; ++j) v_sum += static_cast<double>(vt[p * c.n + j]) * vt[q * c.n + j];
      worst = std::max({worst, std::fabs(u_sum), std::fabs(v_sum)});
    }
  }
  const double error = total == 0 ? 0 : std::sqrt(squares / total);
  const double allowed = c.criterion == SvdCriterion::kMaxError ? c.target
                         : c.criterion == SvdCriterion::kEnergy ? std::sqrt(1 - c.target)
                         : result.rank >= c.true_rank           ? 0
                                                                : 1;
  Expect(error <= allowed + 1e-6, name + " error " + std::to_string(error));
  Expect(std::fabs(error - result.residual) <= 1e-6, name + " residual " + std::to_string(result.residual));
  Expect(worst <= 4e-6, name + " orthonormality " + std::to_string(worst));
}

}  // namespace

void TestSvd(bool quick) {
  for (const SvdEntry& entry : SvdKernels()) {
    if (InfoOf(entry.isa).supported) TestLoops(entry);
  }
  for (const IsaInfo& info : AllIsas()) {
    if (!info.built || !info.supported) continue;
    Expect(SetIsa(info.name).ok(), info.name);
    Random random(7);
    const std::vector<Case> cases = {
        {1, 1, 1, 1, 1, SvdCriterion::kRank, 0},
        {1, 9, 1, 1, 1, SvdCriterion::kRank, 0},
        {9, 1, 1, 1, 2, SvdCriterion::kRank, 0},
        {17, 16, 16, 16, 1, SvdCriterion::kRank, 0},
        {40, 60, 5, 12, 3, SvdCriterion::kRank, 0},
        {60, 40, 0, 40, 1, SvdCriterion::kRank, 0},
        {120, 90, 90, 20, 3, SvdCriterion::kRank, 0},
        {90, 120, 30, 0, 2, SvdCriterion::kEnergy, 0.9},
        {130, 100, 100, 0, 1, SvdCriterion::kMaxError, 0.3},
    };
    for (const Case& c : cases) {
      if (!quick || c.m * c.n < 3000) Run(info.name, random, c);
    }
  }
  Expect(SetIsa("").ok(), "detection");
  float out[3];
  for (float bad : {HUGE_VALF, -HUGE_VALF, std::nanf("")}) {
    SvdArgs args;
    args.m = args.n = args.lda = 1;
    args.a = &bad;
    args.out = out;
    SvdResult result;
    Expect(Svd(args, &result).code() == Code::kValue, "svd of what is not finite");
  }
}

}  // namespace test
}  // namespace lowp
