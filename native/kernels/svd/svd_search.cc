#include "kernels/svd/svd_search.h"

#include <algorithm>
#include <cmath>

#include "core/aligned_buffer.h"
#include "kernels/svd/svd_eigen.h"

namespace lowp {
namespace {

// Where the rank is not known yet.
constexpr size_t kFirstSpace = 64;
// Of `accurate`: relative, of the Frobenius error; and of the sum of squares what float32 can tell.
constexpr double kExcess = 1e-6, kRounding = 1e-14;
constexpr double kEvenSpectrum = 16, kUnevenSpectrum = 1e4;

// Columns of V that give the usual spectra their error: 1/i with rank 64 has 4e-3 at 108 columns and 3e-7 at 160.
size_t DefaultOversample(size_t rank, bool accurate) { return accurate ? rank + 32 : rank / 4 + 28; }

double KeptBy(const std::vector<double>& squares, size_t rank) {
  double sum = 0;
  for (size_t i = rank; i-- > 0;) sum += std::max(squares[i], 0.0);
  return sum;
}

class Search {
 public:
  Search(const SvdGoal& goal, const SvdKernel& kernel, SvdSpace* space)
      : goal_(goal), kernel_(kernel), total_(goal.total), space_(*space), block_(goal.block) {}

  // Extends the space until it holds what is asked for, or `least` triplets if that is more.
  Status Run(size_t least);
  size_t rank() const { return rank_; }
  bool converged() const { return converged_; }

 private:
  size_t SpaceFor(size_t rank) const {
    const size_t more = goal_.oversample == SvdGoal::kDefault ? DefaultOversample(rank, goal_.accurate) : goal_.oversample;
    return more < space_.short_side() ? std::min(rank + more, space_.short_side()) : space_.short_side();
  }
  size_t BlockFor(size_t space) const {
    if (goal_.power_iterations == SvdGoal::kDefault) return goal_.block;
    return goal_.power_iterations < space ? DivUp(space, goal_.power_iterations + 1) : 1;
  }
  Status GrowTo(size_t space) {
    if (space_.size() == 0) block_ = BlockFor(space);
    while (space_.size() < space) {
      const size_t room = space_.short_side() - space_.size();
      if (Status status = space_.Extend(std::min(block_, room)); !status.ok()) return status;
    }
    return {};
  }
  std::vector<double> Squares(size_t space) const {
    return SymmetricEigen(kernel_, space_.gram(), space_.capacity(), space).Values();
  }
  // The fewest triplets that keep enough, or 0.
  size_t FindRank() const;
  // Blocks that are missing: 0 where the error is as small as it has to be.
  size_t MissingBlocks() const;

  const SvdGoal& goal_;
  const SvdKernel& kernel_;
  const double total_;
  SvdSpace& space_;
  size_t rank_ = 0, block_;
  bool converged_ = false;
};

size_t Search::FindRank() const {
  const double share = goal_.criterion == SvdCriterion::kEnergy ? 1 - goal_.target : goal_.target * goal_.target;
  const std::vector<double> squares = Squares(space_.size());
  double left = total_ - KeptBy(squares, squares.size());
  // Within the rounding of float32 a space that holds everything has left out nothing.
  if (space_.size() == space_.short_side()) left = 0;
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
  const size_t size = space_.size();
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
  const size_t whole = space_.short_side();
  const bool fixed = goal_.criterion == SvdCriterion::kRank;
  size_t space = fixed ? SpaceFor(goal_.rank) : std::max(std::min(kFirstSpace, whole), space_.size());
  for (;;) {
    if (Status status = GrowTo(space); !status.ok()) return status;
    const size_t size = space_.size(), found = fixed ? goal_.rank : FindRank();
    rank_ = std::max(found, std::min(least, whole));
    // Half as much again for a rank that is further off.
    space = found == 0 ? std::min(size + size / 2, whole) : SpaceFor(rank_);
    if (size < space) continue;
    converged_ = found > 0;
    if (size == whole || !goal_.accurate) return {};
    const size_t missing = MissingBlocks();
    converged_ = missing == 0;
    if (missing == 0) return {};
    // Spectra that do not decay need not converge in any space that pays.
    const size_t most = goal_.oversample == SvdGoal::kDefault ? std::min(6 * rank_ + 256, whole) : size;
    if (size >= most) return {};
    space = std::min(size + std::min(missing, DivUp(size, 2 * block_)) * block_, most);
  }
}

}  // namespace

Status SearchSvd(const SvdGoal& goal, const SvdKernel& kernel, SvdSpace* space, SvdResult* result) {
  Search search(goal, kernel, space);
  std::vector<double> squares;
  for (size_t least = 1;; least = search.rank() + 1) {
    if (Status status = search.Run(least); !status.ok()) return status;
    if (Status status = space->MakeFactors(search.rank(), &squares); !status.ok()) return status;
    result->rank = search.rank();
    result->converged = search.converged();
    result->energy = goal.total == 0 ? 1 : std::min(KeptBy(squares, search.rank()) / goal.total, 1.0);
    if (!goal.measure && goal.criterion != SvdCriterion::kMaxError) return {};
    double left = 0;
    if (Status status = space->MeasureResidual(&left); !status.ok()) return status;
    result->residual = goal.total == 0 ? 0 : std::sqrt(left / goal.total);
    if (goal.criterion != SvdCriterion::kMaxError || result->residual <= goal.target) return {};
    if (search.rank() == space->short_side()) {
      result->converged = false;
      return {};
    }
  }
}

SvdCombination::SvdCombination(const SvdKernel& kernel, const SvdSpace& space, size_t rank, double floor)
    : values(rank), right(rank * space.size()), left(rank * space.size()) {
  const size_t d = space.size();
  std::vector<double> p;
  SymmetricEigen(kernel, space.gram(), space.capacity(), d).Largest(rank, &squares, &p);
  bool empty = false;
  for (size_t r = 0; r < rank; ++r) {
    squares[r] = std::max(squares[r], 0.0);
    values[r] = std::sqrt(squares[r]);
    const bool none = values[r] <= floor;
    empty = empty || none;
    for (size_t k = 0; k < d; ++k) {
      right[r * d + k] = static_cast<float>(p[k * rank + r]);
      left[r * d + k] = none ? 0 : static_cast<float>(p[k * rank + r] / values[r]);
    }
  }
  const double ratio = empty ? HUGE_VAL : values[0] / values[rank - 1];
  passes = ratio <= kEvenSpectrum ? 0 : ratio < kUnevenSpectrum ? 1 : 2;
}

}  // namespace lowp
