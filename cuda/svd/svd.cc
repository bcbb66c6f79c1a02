// The truncated SVD on the device: block Krylov as on the CPU, with blocks of 16.
//
// Blocks of 32 would halve the steps that wait for the host, but their space is worse: of a 1500 x 1024 matrix with singular
// values 1 / i, rank 128 and `fast`, the excess error is 1.7e-2 in place of 6.7e-3; one wide block with power iterations
// needs 1.5 times the columns and six products for `fast`, and far more for `accurate`. Products read the matrix once for 16
// vectors (sgemm_skinny.cu, cut into some 500 blocks): 3.5 us each for 4096 x 1024 at the H200's 4.8 TB/s, or what L2 gives.
//
// A block takes two products of the matrix, 3 to 4 orthonormalisations, each a Gram matrix in float64, a download, Cholesky on
// the host and a product, and a Gram matrix of the images: some 20 launches and 5 downloads, 120 to 200 us. The eigenproblem of
// 100 to 300 columns is the host's (2 to 10 ms for `accurate`, as on the CPU), which is most of the time then. NOT timed on a GPU
// yet.
#include <cuda_runtime.h>

#include <algorithm>
#include <cmath>
#include <string>

#include "cuda/svd/svd.h"
#include "cuda/svd/svd_space.h"

namespace lowp {
namespace {

constexpr size_t kBlock = 16;

Status Check(const CudaSvdArgs& args) {
  constexpr uint64_t kMost = INT32_MAX - 64;
  if (args.m == 0 || args.n == 0 || args.m > kMost || args.n > kMost) {
    return {Code::kShape, "Expected a matrix of 1 to 2147483583 rows and columns for a but received " + std::to_string(args.m) +
                              " x " + std::to_string(args.n)};
  }
  const uint64_t most = std::min(args.m, args.n);
  if (args.criterion == SvdCriterion::kRank && (args.rank == 0 || args.rank > most))
    return {Code::kValue, "Expected a rank from 1 to " + std::to_string(most) + " but received " + std::to_string(args.rank)};
  return {};
}

}  // namespace

Status CudaSvd(CudaContext& context, const CudaSvdArgs& given, SvdResult* result) {
  if (Status status = Check(given); !status.ok()) return status;
  CudaSvdArgs args = given;
  const auto rows = [&] { return SvdRows{const_cast<float*>(args.a), args.m, args.n, args.lda}; };
  double total = 0;
  if (Status status = SvdSumOfSquares(context, rows(), {}, &total); !status.ok()) return status;
  if (!std::isfinite(total)) return {Code::kValue, "Expected finite elements for a but received NaN or infinities"};
  // Products of numbers that are this large or small would leave float32.
  constexpr int kMostExponent = 40;
  int exponent = 0;
  CudaScratch scaled;
  if (total > 0 && std::abs(std::ilogb(total)) > 2 * kMostExponent) {
    exponent = -std::ilogb(total) / 2;
    if (Status status = scaled.Take(context, args.m * args.n * sizeof(float)); !status.ok()) return status;
    const SvdRows copy{scaled.As<float>(), args.m, args.n, args.n};
    if (Status status = SvdScale(context, rows(), exponent, copy); !status.ok()) return status;
    args.a = copy.data;
    args.lda = args.n;
    if (Status status = SvdSumOfSquares(context, rows(), {}, &total); !status.ok()) return status;
  }

  CudaSvdSpace space(context, args, std::sqrt(total));
  if (Status status = space.Begin(); !status.ok()) return status;
  const auto count = [](uint64_t given) { return given == kCudaSvdDefault ? SvdGoal::kDefault : static_cast<size_t>(given); };
  const SvdGoal goal{args.criterion,
                     static_cast<size_t>(args.rank),
                     args.target,
                     args.accurate,
                     count(args.oversample),
                     count(args.power_iterations),
                     args.measure,
                     total,
                     kBlock};
  if (Status status = SearchSvd(goal, *args.kernel, &space, result); !status.ok()) return status;
  return space.Unscale(exponent);
}

namespace {

int32_t Run(CudaContext* context, const CudaSvdArgs* args, SvdResult* result, CudaError* error) {
  return Guarded(error, [&] {
    *result = {};
    return CudaSvd(*context, *args, result);
  });
}

}  // namespace

CudaSvdApi CudaSvdFunctions() { return {Run}; }

}  // namespace lowp
