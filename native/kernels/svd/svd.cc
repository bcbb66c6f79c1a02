#include "kernels/svd/svd.h"

#include <cmath>
#include <string>

#include "core/thread_pool.h"
#include "kernels/svd/svd_factors.h"
#include "kernels/svd/svd_krylov.h"

namespace lowp {
namespace {

// Blocks of 8 need 5% fewer columns, but read W as often for half the work; blocks of 32 need 20% more.
constexpr size_t kBlock = 16;

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
  SvdFactors space(engine, args, std::sqrt(total));
  if (Status status = space.Begin(); !status.ok()) return status;
  const SvdGoal goal{args.criterion,        args.rank,    args.target, args.accurate, args.oversample,
                     args.power_iterations, args.measure, total,       kBlock};
  if (Status status = SearchSvd(goal, engine.kernel, &space, result); !status.ok()) return status;
  return space.Unscale(exponent);
}

}  // namespace lowp
