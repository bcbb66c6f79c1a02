// What the int8 product does beside multiplying: rows of A made fit for it, and the end of a product whose K was split. Bound by
// memory. NOT timed on a GPU yet.
#include <cuda_runtime.h>

#include <algorithm>

#include "cuda/device/launch.h"
#include "cuda/qgemm/qgemm_bytes.cuh"
#include "cuda/qgemm/qgemm_kernels.h"
#include "cuda/qgemm/qgemm_store.cuh"

namespace lowp {
namespace {

constexpr uint32_t kThreads = 256, kWarps = kThreads / 32;

// A row a warp.
LOWP_KERNEL __launch_bounds__(kThreads) PrepareRows(QGemmRowsArgs p) {
  const uint32_t lane = threadIdx.x % 32;
  for (uint32_t row = blockIdx.x * kWarps + threadIdx.x / 32; row < p.rows; row += gridDim.x * kWarps) {
    const uint8_t* from = p.a + p.a_rows.At(row);
    int sum = 0;
    LOWP_NO_UNROLL
    for (uint32_t k = lane * kQGemmChunk; k < p.k; k += 32 * kQGemmChunk) {
      const ByteChunk chunk = LoadByteChunk(from + k, p.k - k);
      if (p.copy != nullptr) StoreByteChunk(p.copy + row * p.pitch + k, chunk);
      sum += p.is_signed ? SumBytes<true>(chunk) : SumBytes<false>(chunk);
    }
    if (p.sums == nullptr) continue;
    for (int step = 16; step > 0; step /= 2) sum += __shfl_xor_sync(0xffffffffu, sum, step);
    if (lane == 0) p.sums[row] = sum;
  }
}

LOWP_KERNEL __launch_bounds__(kThreads) FinishSplits(QGemmTask task, const int32_t* sums, size_t ld) {
  const uint32_t col = (blockIdx.x * 32 + threadIdx.x % 32) * kQGemmLanes, cols = Below(col, task.n);
  if (cols == 0) return;
  const QGemmColumns columns = LoadQGemmColumns(task.store, col, cols);
  LOWP_NO_UNROLL
  for (uint32_t row = blockIdx.y * kWarps + threadIdx.x / 32; row < task.rows; row += gridDim.y * kWarps) {
    QGemmVector::I sum = QGemmVector::SetI(0);
    LOWP_NO_UNROLL
    for (uint32_t split = 0; split < task.splits; ++split) {
      const int32_t* part = sums + split * task.split_stride + row * ld + col;
      sum = QGemmVector::AddI(sum, *reinterpret_cast<const QGemmVector::I*>(part));
    }
    StoreSums<kQGemmLanes>(task.store.e, columns, sum, row, col, cols, task.store.rows.At(row) + col);
  }
}

}  // namespace

Status PrepareQGemmRows(CudaContext& context, const QGemmRowsArgs& args) {
  // Enough blocks to fill any device; each then takes several rows.
  const uint32_t blocks = std::min(CeilDiv(args.rows, kWarps), static_cast<uint32_t>(context.device().multiprocessors) * 8);
  return Launch(context, PrepareRows, dim3(blocks), dim3(kThreads), 0, args);
}

Status FinishQGemmSplits(CudaContext& context, const QGemmTask& task, const int32_t* sums, size_t ld) {
  const uint32_t rows = std::min<uint32_t>(CeilDiv(task.rows, kWarps), 65535);
  return Launch(context, FinishSplits, dim3(CeilDiv(task.n, 32 * kQGemmLanes), rows), dim3(kThreads), 0, task, sums, ld);
}

}  // namespace lowp
