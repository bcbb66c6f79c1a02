#include "kernels/svd/svd.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>

#include "core/thread_pool.h"
#include "kernels/svd/svd_eigen.h"
#include "kernels/svd/svd_factors.h"
#include "kernels/svd/svd_krylov.h"

namespace lowp {
namespace {

// Blocks of 8 need 5% fewer columns, but read W as often for half the work; blocks of 32 need 20% more.
constexpr size_t kBlock = 16;
// Where the rank is not known yet.
constexpr size_t kFirstSpace = 64;
// Of `accurate`: relative, of the Frobenius error; and of the sum of squares what float32 can tell.
constexpr double kExcess = 1e-6, kRounding = 1e-14;

// Columns of V that give the usual spectra their error: 1/i with rank 64 has 4e-3 at 108 columns and 3e-7 at 160.
size_t DefaultOversample(size_t rank, bool accurate) { return accurate ? rank + 32 : rank / 4 + 28; }

double KeptBy(const std::vector<double>& squares, size_t rank) {
  double sum = 0;
  for (size_t i = rank; i-- > 0;) sum += std::max(squares[i], 0.0);
  return sum;
}

class Search {
 public:
  Search(const SvdArgs& args, const SvdEngine& engine, double total, SvdKrylov* krylov)
      : args_(args), engine_(engine), total_(total), krylov_(*krylov) {}

  // Extends the space until it holds what is asked for, or `least` triplets if that is more.
  Status Run(size_t least);
  size_t rank() const { return rank_; }
  bool converged() const { return converged_; }

 private:
  size_t SpaceFor(size_t rank) const {
    const size_t more = args_.oversample == SvdArgs::kDefault ? DefaultOversample(rank, args_.accurate) : args_.oversample;
    return more < krylov_.short_side() ? std::min(rank + more, krylov_.short_side()) : krylov_.short_side();
  }
  size_t BlockFor(size_t space) const {
    if (args_.power_iterations == SvdArgs::kDefault) return kBlock;
    return args_.power_iterations < space ? DivUp(space, args_.power_iterations + 1) : 1;
  }
  Status GrowTo(size_t space) {
    if (krylov_.size() == 0) block_ = BlockFor(space);
    while (krylov_.size() < space) {
      const size_t room = krylov_.short_side() - krylov_.size();
      if (Status status = krylov_.Extend(std::min(block_, room)); !status.ok()) return status;
    }
    return {};
  }
  std::vector<double> Squares(size_t space) const {
    return SymmetricEigen(engine_.kernel, krylov_.gram(), krylov_.capacity(), space).Values();
  }
  // The fewest triplets that keep enough, or 0.
  size_t FindRank() const;
  // Blocks that are missing: 0 where the error is as small as it has to be.
  size_t MissingBlocks() const;

  const SvdArgs& args_;
  const SvdEngine& engine_;
  const double total_;
  SvdKrylov& krylov_;
  size_t rank_ = 0, block_ = kBlock;
  bool converged_ = false;
};

size_t Search::FindRank() const {
  const double share = args_.criterion == SvdCriterion::kEnergy ? 1 - args_.target : args_.target * args_.target;
  const std::vector<double> squares = Squares(krylov_.size());
  double left = total_ - KeptBy(squares, squares.size());
  // Within the rounding of float32 a space that holds everything has left out nothing.
  if (krylov_.size() == krylov_.short_side()) left = 0;
  if (left > share * total_) return 0;
  size_t rank = squares.size();
  for (; rank > 1; --rank) {
    left += std::max(squares[rank - 1], 0.0);
    if (left > share * total_) break;
  }
  return rank;
}

// The energy that blocks add falls at least geometrically, so what is still missing is at most the sum of a geometric series, of
// which the last two blocks tell the rate.
size_t Search::MissingBlocks() const {
  const size_t size = krylov_.size();
  if (size < rank_ + 2 * block_) return 1;
  const double now = KeptBy(Squares(size), rank_), before = KeptBy(Squares(size - block_), rank_),
               first = KeptBy(Squares(size - 2 * block_), rank_);
  const double last_gain = std::max(now - before, 0.0), gain = std::max(before - first, 0.0);
  // (1 + x)^2 = 1 + 2x of the squared error
  const double allowed = std::max(2 * kExcess * (total_ - now), kRounding * total_);
  if (last_gain <= allowed * 1e-3) return 0;
  const double rate = std::min(last_gain / std::max(gain, last_gain * 1e-6), 0.9);
  const double missing = last_gain * rate / (1 - rate);
  if (missing <= allowed) return 0;
  // Convergence accelerates: each block is better by more than the one before.
  size_t blocks = 0;
  for (double rest = missing, factor = rate; rest > allowed; ++blocks) rest *= factor *= 0.8;
  return blocks;
}

Status Search::Run(size_t least) {
  const size_t whole = krylov_.short_side();
  const bool fixed = args_.criterion == SvdCriterion::kRank;
  size_t space = fixed ? SpaceFor(args_.rank) : std::max(std::min(kFirstSpace, whole), krylov_.size());
  for (;;) {
    if (Status status = GrowTo(space); !status.ok()) return status;
    const size_t size = krylov_.size(), found = fixed ? args_.rank : FindRank();
    rank_ = std::max(found, std::min(least, whole));
    // Half as much again for a rank that is further off.
    space = found == 0 ? std::min(size + size / 2, whole) : SpaceFor(rank_);
    if (size < space) continue;
    converged_ = found > 0;
    if (size == whole || !args_.accurate) return {};
    const size_t missing = MissingBlocks();
    converged_ = missing == 0;
    if (missing == 0) return {};
    // Spectra that do not decay need not converge in any space that pays.
    const size_t most = args_.oversample == SvdArgs::kDefault ? std::min(6 * rank_ + 256, whole) : size;
    if (size >= most) return {};
    space = std::min(size + std::min(missing, DivUp(size, 2 * block_)) * block_, most);
  }
}

// Sums of squares of the rows in float64, which no float32 leaves; added up in order.
double SumOfSquares(const SvdArgs& args) {
  std::vector<double> rows(args.m);
  const size_t threads = args.m * args.n < (size_t{1} << 18) ? 1 : args.threads;
  ParallelFor(args.m, threads, [&](size_t i) {
    constexpr size_t kLanes = 8;
    const float* row = args.a + i * args.lda;
    double sums[kLanes] = {};
    size_t k = 0;
    for (; k + kLanes <= args.n; k += kLanes) {
      for (size_t lane = 0; lane < kLanes; ++lane) sums[lane] += static_cast<double>(row[k + lane]) * row[k + lane];
    }
    double sum = 0;
    for (; k < args.n; ++k) sum += static_cast<double>(row[k]) * row[k];
    for (double lane : sums) sum += lane;
    rows[i] = sum;
  });
  double total = 0;
  for (double row : rows) total += row;
  return total;
}

// A copy of `a` times 2^exponent: products of numbers that are this large or small would leave float32.
Status Scale(const SvdArgs& args, int exponent, AlignedBuffer* copy) {
  const size_t bytes = args.m * args.n * sizeof(float);
  if (!copy->Reserve(bytes))
    return {Code::kNoMemory, "Expected " + std::to_string(bytes) + " bytes for a scaled copy but the system gave none"};
  for (size_t i = 0; i < args.m; ++i) {
    for (size_t j = 0; j < args.n; ++j) copy->As<float>()[i * args.n + j] = std::ldexp(args.a[i * args.lda + j], exponent);
  }
  return {};
}

}  // namespace

Status Svd(const SvdArgs& given, SvdResult* result) {
  SvdArgs args = given;
  double total = SumOfSquares(args);
  if (!std::isfinite(total)) return {Code::kValue, "Expected finite elements for a but received NaN or infinities"};
  constexpr int kMostExponent = 40;
  int exponent = 0;
  AlignedBuffer scaled;
  if (total > 0 && std::abs(std::ilogb(total)) > 2 * kMostExponent) {
    exponent = -std::ilogb(total) / 2;
    if (Status status = Scale(given, exponent, &scaled); !status.ok()) return status;
    args.a = scaled.As<float>();
    args.lda = args.n;
    total = SumOfSquares(args);
  }

  const IsaSet isas = ActiveIsas();
  const SvdEngine engine{SelectSGemm(isas), *SelectSvd(isas).kernel, args.threads, args.stop};
  SvdKrylov krylov(engine, args.a, args.m, args.n, args.lda, std::sqrt(total), args.seed);
  if (Status status = krylov.Begin(); !status.ok()) return status;
  Search search(args, engine, total, &krylov);
  SvdFactors factors{args.m, args.n, args.out};
  for (size_t least = 1;; least = search.rank() + 1) {
    if (Status status = search.Run(least); !status.ok()) return status;
    if (Status status = factors.Compute(engine, &krylov, search.rank()); !status.ok()) return status;
    result->rank = search.rank();
    result->converged = search.converged();
    result->energy = total == 0 ? 1 : std::min(KeptBy(factors.squares(), search.rank()) / total, 1.0);
    if (!args.measure && args.criterion != SvdCriterion::kMaxError) break;
    double squares = 0;
    if (Status status = factors.Residual(engine, args.a, args.lda, &squares); !status.ok()) return status;
    result->residual = total == 0 ? 0 : std::sqrt(squares / total);
    if (args.criterion != SvdCriterion::kMaxError || result->residual <= args.target) break;
    if (search.rank() == std::min(args.m, args.n)) {
      result->converged = false;
      break;
    }
  }
  return factors.Unscale(exponent);
}

}  // namespace lowp
