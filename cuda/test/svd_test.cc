// The truncated SVD of the plugin: the error contract of kernels/svd, and the same singular values as the CPU's.
#include "kernels/svd/svd.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <string>
#include <vector>

#include "cuda/test/plugin_test.h"

namespace lowp {
namespace test {
namespace {

struct Case {
  size_t m, n, true_rank, rank;
  SvdCriterion criterion;
  double target;
  float magnitude = 1;
  size_t gap = 3;

  std::string Name() const {
    return "cuda svd M" + std::to_string(m) + " N" + std::to_string(n) + " of rank " + std::to_string(true_rank) + " r" +
           std::to_string(rank) + " criterion " + std::to_string(static_cast<int>(criterion)) + " " + std::to_string(target) +
           " times " + std::to_string(magnitude);
  }
};

CudaSvdArgs ArgsOf(const Case& c, const float* a, float* out) {
  CudaSvdArgs args{};
  args.m = c.m;
  args.n = c.n;
  args.a = a;
  args.lda = c.n + c.gap;
  args.criterion = c.criterion;
  args.rank = c.rank;
  args.target = c.target;
  args.accurate = true;
  args.oversample = args.power_iterations = kCudaSvdDefault;
  args.measure = true;
  args.kernel = SelectSvd(ActiveIsas()).kernel;
  args.out = out;
  return args;
}

// Worst |<x_p, x_q> - (p == q)| of `rank` vectors; x(p, i) is element i of the p-th.
template <class At>
double Orthonormality(size_t rank, size_t length, const At& at) {
  double worst = 0;
  for (size_t p = 0; p < rank; ++p) {
    for (size_t q = 0; q <= p; ++q) {
      double sum = p == q ? -1 : 0;
      for (size_t i = 0; i < length; ++i) sum += static_cast<double>(at(p, i)) * at(q, i);
      worst = std::max(worst, std::fabs(sum));
    }
  }
  return worst;
}

// Of the largest entry of each column of u, the first of equal ones.
bool SignsHold(const float* u, size_t m, size_t rank) {
  for (size_t r = 0; r < rank; ++r) {
    float largest = 0;
    for (size_t i = 0; i < m; ++i) {
      if (std::fabs(u[i * rank + r]) > std::fabs(largest)) largest = u[i * rank + r];
    }
    if (largest < 0) return false;
  }
  return true;
}

// The CPU's values, of the same options.
std::vector<float> ValuesOfProcessor(const Case& c, const std::vector<float>& a, size_t* rank) {
  const size_t room = c.criterion == SvdCriterion::kRank ? c.rank : std::min(c.m, c.n);
  std::vector<float> out(room * (c.m + c.n + 1));
  SvdArgs args;
  args.m = c.m;
  args.n = c.n;
  args.a = a.data();
  args.lda = c.n + c.gap;
  args.criterion = c.criterion;
  args.rank = c.rank;
  args.target = c.target;
  args.measure = true;
  args.out = out.data();
  SvdResult result;
  Expect(Svd(args, &result).ok(), c.Name() + " on the CPU");
  *rank = result.rank;
  return std::vector<float>(out.begin() + static_cast<ptrdiff_t>(c.m * result.rank),
                            out.begin() + static_cast<ptrdiff_t>((c.m + 1) * result.rank));
}

// A product of random factors: where the rank is kept, all of it has to come back.
void Run(const Plugin& plugin, Random& random, const Case& c) {
  const size_t lda = c.n + c.gap, most = std::min(c.m, c.n);
  std::vector<float> a(c.m * lda), left(c.m * c.true_rank), right(c.true_rank * c.n);
  for (float& x : left) x = random.Float();
  for (float& x : right) x = random.Float();
  for (float& x : a) x = std::nanf("");  // between the rows
  double total = 0;
  for (size_t i = 0; i < c.m; ++i) {
    for (size_t j = 0; j < c.n; ++j) {
      float sum = 0;
      for (size_t k = 0; k < c.true_rank; ++k) sum += left[i * c.true_rank + k] * right[k * c.n + j];
      a[i * lda + j] = sum * c.magnitude;
      total += static_cast<double>(a[i * lda + j]) * a[i * lda + j];
    }
  }
  const size_t room = c.criterion == SvdCriterion::kRank ? c.rank : most;
  PluginArray<float> d_a(plugin, a), d_out(plugin, room * (c.m + c.n + 1)), d_again(plugin, room * (c.m + c.n + 1));
  CudaSvdArgs args = ArgsOf(c, d_a.data(), d_out.data());
  SvdResult result;
  CudaError error{};
  const int32_t code = plugin.api.svd.run(plugin.context, &args, &result, &error);
  Expect(code == 0 && result.converged && result.rank >= 1 && result.rank <= room, c.Name() + " " + error.message);
  if (code != 0) return;
  const std::vector<float> out = d_out.Read();
  const size_t rank = result.rank;
  const float *u = out.data(), *s = u + c.m * rank, *vt = s + rank;
  double squares = 0;
  for (size_t i = 0; i < c.m; ++i) {
    for (size_t j = 0; j < c.n; ++j) {
      double rest = a[i * lda + j];
      for (size_t r = 0; r < rank; ++r) rest -= static_cast<double>(u[i * rank + r]) * s[r] * vt[r * c.n + j];
      squares += rest * rest;
    }
  }
  const double found = total == 0 ? 0 : std::sqrt(squares / total);
  const double allowed = c.criterion == SvdCriterion::kMaxError ? c.target
                         : c.criterion == SvdCriterion::kEnergy ? std::sqrt(1 - c.target)
                         : rank >= c.true_rank                  ? 0
                                                                : 1;
  Expect(found <= allowed + 1e-6, c.Name() + " error " + std::to_string(found));
  Expect(std::fabs(found - result.residual) <= 1e-6, c.Name() + " residual " + std::to_string(result.residual));
  const double worst = std::max(Orthonormality(rank, c.m, [&](size_t r, size_t i) { return u[i * rank + r]; }),
                                Orthonormality(rank, c.n, [&](size_t r, size_t j) { return vt[r * c.n + j]; }));
  Expect(worst <= 4e-6, c.Name() + " orthonormality " + std::to_string(worst));
  Expect(SignsHold(u, c.m, rank), c.Name() + " signs");
  Expect(std::is_sorted(s, s + rank, std::greater<float>()) && s[rank - 1] >= 0, c.Name() + " order");

  size_t rank_of_processor = 0;
  const std::vector<float> values = ValuesOfProcessor(c, a, &rank_of_processor);
  Expect(rank == rank_of_processor, c.Name() + " rank " + std::to_string(rank));
  for (size_t r = 0; r < std::min(rank, rank_of_processor); ++r)
    Expect(std::fabs(s[r] - values[r]) <= 2e-6 * values[0], c.Name() + " value " + std::to_string(r));

  // The same bits again.
  args.out = d_again.data();
  ExpectOk(plugin.api.svd.run(plugin.context, &args, &result, &error), error, "again");
  const std::vector<float> again = d_again.Read();
  Expect(std::memcmp(again.data(), out.data(), rank * (c.m + c.n + 1) * sizeof(float)) == 0, c.Name() + " again");
}

// diag(1, 1/2, 1/3, ...) between two reflections: the best error of any rank is known.
void TestExcess(const Plugin& plugin, size_t m, size_t n, size_t rank, bool accurate, double allowed) {
  Random random(5);
  std::vector<double> left(m), right(n);
  double left_square = 0, right_square = 0;
  for (double& x : left) {
    x = random.Float();
    left_square += x * x;
  }
  for (double& x : right) {
    x = random.Float();
    right_square += x * x;
  }
  const size_t most = std::min(m, n);
  std::vector<float> a(m * n);
  double total = 0;
  std::vector<double> along(n);  // left^T D
  double both = 0;
  for (size_t j = 0; j < most; ++j) along[j] = left[j] / static_cast<double>(j + 1);
  for (size_t j = 0; j < n; ++j) both += along[j] * right[j];
  for (size_t i = 0; i < m; ++i) {
    for (size_t j = 0; j < n; ++j) {
      const double d = i == j ? 1.0 / static_cast<double>(i + 1) : 0;
      const double d_right = i < most ? right[i] / static_cast<double>(i + 1) : 0;
      const double x = d - 2 / left_square * left[i] * along[j] - 2 / right_square * d_right * right[j] +
                       4 / (left_square * right_square) * left[i] * both * right[j];
      a[i * n + j] = static_cast<float>(x);
      total += static_cast<double>(a[i * n + j]) * a[i * n + j];
    }
  }
  double best = 0;
  for (size_t i = rank; i < most; ++i) best += 1 / (static_cast<double>(i + 1) * static_cast<double>(i + 1));
  PluginArray<float> d_a(plugin, a), d_out(plugin, rank * (m + n + 1));
  CudaSvdArgs args = ArgsOf({m, n, 0, rank, SvdCriterion::kRank, 0, 1, 0}, d_a.data(), d_out.data());
  args.accurate = accurate;
  args.measure = false;
  SvdResult result;
  CudaError error{};
  ExpectOk(plugin.api.svd.run(plugin.context, &args, &result, &error), error, "svd");
  const double excess = std::sqrt(std::max(total * (1 - result.energy), 0.0) / best) - 1;
  // The products' float32 images tell no more of the whole.
  const double rounding = 2e-7 * total / best;
  Expect(result.converged && excess <= allowed + rounding && result.residual == -1,
         "cuda svd of 1 / i M" + std::to_string(m) + " N" + std::to_string(n) + (accurate ? " accurate" : " fast") +
             (result.converged ? "" : " did not converge") + ", excess " + std::to_string(1e6 * excess) + "e-6");
}

void TestRefusals(const Plugin& plugin) {
  CudaError error{};
  SvdResult result;
  PluginArray<float> out(plugin, 400);
  for (float bad : {HUGE_VALF, -HUGE_VALF, std::nanf("")}) {
    PluginArray<float> a(plugin, std::vector<float>{1, bad, 2, 3});
    const CudaSvdArgs args = ArgsOf({2, 2, 0, 1, SvdCriterion::kRank, 0, 1, 0}, a.data(), out.data());
    Expect(plugin.api.svd.run(plugin.context, &args, &result, &error) == static_cast<int32_t>(Code::kValue),
           "cuda svd of what is not finite");
  }
  PluginArray<float> a(plugin, std::vector<float>(100, 3e38f));
  CudaSvdArgs args = ArgsOf({10, 10, 0, 1, SvdCriterion::kRank, 0, 1, 0}, a.data(), out.data());
  Expect(plugin.api.svd.run(plugin.context, &args, &result, &error) == static_cast<int32_t>(Code::kValue),
         "cuda svd of a value beyond float32");
  args.rank = 11;
  Expect(plugin.api.svd.run(plugin.context, &args, &result, &error) == static_cast<int32_t>(Code::kValue), "cuda svd rank");
  args.rank = 1;
  args.n = 0;
  Expect(plugin.api.svd.run(plugin.context, &args, &result, &error) == static_cast<int32_t>(Code::kShape), "cuda svd columns");
  args.n = 10;
  args.stopped = [](void*) -> int32_t { return 1; };
  Expect(plugin.api.svd.run(plugin.context, &args, &result, &error) == static_cast<int32_t>(Code::kAborted), "cuda svd stopped");
}

}  // namespace

void TestPluginSvd(const Plugin& plugin, bool quick) {
  Random random(7);
  const std::vector<Case> cases = {
      {1, 1, 1, 1, SvdCriterion::kRank, 0},
      {1, 9, 1, 1, SvdCriterion::kRank, 0},
      {9, 1, 1, 1, SvdCriterion::kRank, 0},
      {17, 16, 16, 16, SvdCriterion::kRank, 0},
      {40, 60, 5, 12, SvdCriterion::kRank, 0},
      {60, 40, 0, 40, SvdCriterion::kRank, 0},
      {40, 32, 32, 7, SvdCriterion::kRank, 0, 1, 0},  // used as it is
      {32, 40, 32, 7, SvdCriterion::kRank, 0, 1, 0},
      {30, 20, 20, 5, SvdCriterion::kRank, 0, 1e30f},
      {20, 30, 20, 5, SvdCriterion::kRank, 0, 1e-30f},
      {120, 90, 90, 20, SvdCriterion::kRank, 0},
      {90, 120, 30, 0, SvdCriterion::kEnergy, 0.9},
      {130, 100, 100, 0, SvdCriterion::kMaxError, 0.3},
      {700, 50, 50, 10, SvdCriterion::kRank, 0},  // sums that are cut
  };
  for (const Case& c : cases) {
    if (!quick || c.m * c.n < 3000) Run(plugin, random, c);
  }
  TestRefusals(plugin);
  TestExcess(plugin, 150, 100, 8, true, 1e-6);
  if (quick) return;
  TestExcess(plugin, 400, 300, 32, false, 8e-3);
  TestExcess(plugin, 300, 400, 16, true, 1e-6);
}

}  // namespace test
}  // namespace lowp
