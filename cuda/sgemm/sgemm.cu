// The float32 product: checks, which kernel, and the ABI.
#include <cuda_runtime.h>

#include <limits>
#include <string>

#include "cuda/device/epilogue.cuh"
#include "cuda/device/launch.h"
#include "cuda/sgemm/sgemm.h"
#include "kernels/epilogue/epilogue.h"

namespace lowp {
namespace {

// Rows that the skinny kernel takes at once.
constexpr uint32_t kSkinnyRows = 16;
constexpr int kTensorCapability = 80;

constexpr uint64_t kMostSize = INT32_MAX;

Status CheckSizes(const CudaSGemmArgs& args) {
  const CudaSGemmWeights& b = *args.b;
  for (uint64_t size : {args.batch, args.m, b.n, b.k}) {
    if (size > kMostSize)
      return {Code::kShape,
              "Expected sizes of at most 2147483647 for a product on the device but received " + std::to_string(size)};
  }
  if (args.residual.kind != ResidualKind::kNone && args.residual.kind != ResidualKind::kFloat32)
    return {Code::kValue, "Expected a float32 residual for a float32 product but received one of 8 bits"};
  return CheckEpilogue(args.activation, args.residual);
}

// Matrices of a batch that lie one behind the other are one taller matrix.
void Fold(CudaSGemmArgs* args) {
  const bool a_follows = args->m == 1 || args->batch_stride_a == args->m * args->lda;
  const bool c_follows = args->m == 1 || args->batch_stride_c == args->m * args->ldc;
  if (args->batch == 1 || args->transpose_a || !a_follows || !c_follows || args->batch * args->m > kMostSize) return;
  if (args->m == 1) {
    args->lda = args->batch_stride_a;
    args->ldc = args->batch_stride_c;
  }
  args->m *= args->batch;
  args->batch = 1;
}

// Sums of splits, added in their order.
struct SumTask {
  const float* partial;
  uint32_t splits;
  uint64_t stride;
  uint32_t m, n;
  FloatStore store;
};

LOWP_KERNEL SumSplits(SumTask task) {
  const uint32_t quads = (task.n + 3) / 4;
  const uint64_t count = static_cast<uint64_t>(task.m) * quads, step = static_cast<uint64_t>(gridDim.x) * blockDim.x;
  LOWP_NO_UNROLL
  for (uint64_t i = static_cast<uint64_t>(blockIdx.x) * blockDim.x + threadIdx.x; i < count; i += step) {
    const uint32_t row = static_cast<uint32_t>(i / quads), col = static_cast<uint32_t>(i % quads) * 4, cols = task.n - col;
    const float* from = task.partial + static_cast<uint64_t>(row) * task.n + col;
    Pack<float, 4> sum = LoadPack<4>(from, cols);
    LOWP_NO_UNROLL
    for (uint32_t split = 1; split < task.splits; ++split) {
      const Pack<float, 4> more = LoadPack<4>(from + split * task.stride, cols);
      LOWP_UNROLL
      for (int j = 0; j < 4; ++j) sum.lane[j] = __fadd_rn(sum.lane[j], more.lane[j]);
    }
    StoreFloats<4>(task.store, sum, row, col, cols);
  }
}

Status LaunchSum(CudaContext& context, const SumTask& task) {
  constexpr uint32_t kThreads = 128;
  const uint64_t count = uint64_t{task.m} * ((task.n + 3) / 4), blocks = (count + kThreads - 1) / kThreads;
  const uint64_t most = 16 * static_cast<uint64_t>(context.device().multiprocessors);
  return Launch(context, SumSplits, dim3(static_cast<uint32_t>(blocks < most ? blocks : most)), dim3(kThreads), 0, task);
}

// The large tiles where they keep three quarters of the device busy.
bool UsesLargeTiles(const CudaContext& context, const SGemmTask& task) {
  constexpr uint64_t kTile = 128;
  const uint64_t tiles = ((task.m + kTile - 1) / kTile) * ((task.n + kTile - 1) / kTile) * task.batch * task.splits;
  return 4 * tiles >= 3 * static_cast<uint64_t>(context.device().multiprocessors);
}

Status Choose(CudaContext& context, const CudaSGemmArgs& args, const SGemmTask& task) {
  if (task.m <= kSkinnyRows) return LaunchSGemmSkinny(context, args.b->stored_as, task);
  if (args.tensor_cores) return LaunchSGemmTensor(context, args.b->stored_as, task);
  return LaunchSGemmTiles(context, args.b->stored_as, UsesLargeTiles(context, task), task);
}

}  // namespace

Status CudaSGemm(CudaContext& context, const CudaSGemmArgs& given, uint32_t splits) {
  if (Status status = CheckSizes(given); !status.ok()) return status;
  if (given.tensor_cores && context.device().capability < kTensorCapability) {
    return {Code::kUnsupported, "Expected a device of compute capability 8.0 or more for tensor cores but this one has " +
                                    std::to_string(context.device().capability / 10) + "." +
                                    std::to_string(context.device().capability % 10)};
  }
  const CudaSGemmWeights& b = *given.b;
  if (given.batch == 0 || given.m == 0 || b.n == 0) return {};
  CudaSGemmArgs args = given;
  Fold(&args);

  SGemmTask task{};
  task.a = args.a;
  task.lda = args.lda;
  task.batch_stride_a = args.batch_stride_a;
  task.transpose_a = args.transpose_a;
  task.a_vectors = reinterpret_cast<uintptr_t>(args.a) % 16 == 0 && args.lda % 4 == 0 && args.batch_stride_a % 4 == 0;
  task.b = b.storage;
  task.ldb = b.ld;
  task.m = static_cast<uint32_t>(args.m);
  task.n = static_cast<uint32_t>(b.n);
  task.k = static_cast<uint32_t>(b.k);
  task.batch = static_cast<uint32_t>(args.batch);
  task.splits = 1;
  task.split_depth = task.k;
  task.store = {args.bias, args.activation, args.residual, args.c, args.ldc};
  task.batch_stride_c = args.batch_stride_c;
  const uint32_t steps = (task.k + kSGemmSplitStep - 1) / kSGemmSplitStep;
  if (splits > steps) splits = steps;
  if (splits <= 1) return Choose(context, args, task);

  // Even in steps; rounding up may leave fewer splits.
  task.split_depth = (steps + splits - 1) / splits * kSGemmSplitStep;
  task.splits = (task.k + task.split_depth - 1) / task.split_depth;
  CudaScratch scratch;
  const uint64_t per_split = uint64_t{task.m} * task.n;
  if (Status status = scratch.Take(context, task.splits * per_split * sizeof(float)); !status.ok()) return status;
  const SumTask sum{scratch.As<float>(), task.splits, per_split, task.m, task.n, task.store};
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  task.store = {nullptr, {ActivationKind::kClamp, -kInfinity, kInfinity, 0}, {}, scratch.As<float>(), task.n};
  task.split_stride_c = per_split;
  if (Status status = Choose(context, args, task); !status.ok()) return status;
  return LaunchSum(context, sum);
}

namespace {

int32_t PackB(CudaContext* context, const CudaSGemmPackArgs* args, CudaSGemmWeights* weights, CudaError* error) {
  return Guarded(error, [&] { return CudaPackSGemm(*context, *args, weights); });
}

int32_t Run(CudaContext* context, const CudaSGemmArgs* args, CudaError* error) {
  return Guarded(error, [&] { return CudaSGemm(*context, *args); });
}

int32_t Cast(CudaContext* context, SGemmStorage from, const void* x, SGemmStorage to, uint64_t count, void* out,
             CudaError* error) {
  return Guarded(error, [&] { return CudaCastFloats(*context, from, x, to, count, out); });
}

}  // namespace

CudaSGemmApi CudaSGemmFunctions() { return {PackB, Run, Cast}; }

}  // namespace lowp
