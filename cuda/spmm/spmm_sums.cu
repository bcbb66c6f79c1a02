// Adds up what pieces of rows have summed. A block has one row and 32 columns, its eight warps an eighth of the slots each, in
// order; the first warp adds theirs, in order. 256 threads, 1 KB of shared memory. Bound by reading the slots from L2. It has NOT
// been timed on a GPU yet.
#include "core/aligned_buffer.h"
#include "cuda/device/launch.h"
#include "cuda/spmm/spmm_store.cuh"

namespace lowp {
namespace {

constexpr uint32_t kWarp = 32, kWarps = 8;

template <class Sum>
LOWP_KERNEL SparseSumsKernel(SparseTask t) {
  const uint32_t lane = threadIdx.x % kWarp, warp = threadIdx.x / kWarp;
  const SparseCut cut = t.cuts[blockIdx.x % t.cut_count];
  const uint64_t column = static_cast<uint64_t>(blockIdx.x / t.cut_count) * kWarp + lane;
  const uint32_t own = (cut.slots + kWarps - 1) / kWarps;
  const uint32_t from = warp * own < cut.slots ? warp * own : cut.slots, to = cut.slots - from < own ? cut.slots : from + own;
  const bool exists = column < t.n;
  Sum sum = 0;
  for (uint32_t slot = from; exists && slot < to; ++slot)
    sum = AddSums(sum, static_cast<const Sum*>(t.partial)[(cut.slot + slot) * t.n_padded + column]);
  Sum* shared = reinterpret_cast<Sum*>(DynamicShared());
  shared[threadIdx.x] = sum;
  __syncthreads();
  if (warp != 0 || !exists) return;
  for (uint32_t other = 1; other < kWarps; ++other) sum = AddSums(sum, shared[other * kWarp + lane]);
  StoreSparse<1>(t.store, Pack<Sum, 1>{{sum}}, {cut.row, static_cast<uint32_t>(column), 1});
}

}  // namespace

Status LaunchSparseSums(CudaContext& context, const SparseTask& task) {
  const size_t across = DivUp(task.n, kWarp);
  if (task.cut_count > INT32_MAX / across) return {Code::kUnsupported, "Expected at most 2^31 blocks of rows that were cut"};
  const dim3 grid(static_cast<uint32_t>(task.cut_count * across)), block(kWarp * kWarps);
  constexpr size_t kShared = kWarp * kWarps * sizeof(float);
  return task.kind == SparseKind::kFloat32 ? Launch(context, SparseSumsKernel<float>, grid, block, kShared, task)
                                           : Launch(context, SparseSumsKernel<int32_t>, grid, block, kShared, task);
}

}  // namespace lowp
