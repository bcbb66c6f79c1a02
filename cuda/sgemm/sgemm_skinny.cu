// The float32 product with few rows: as fast as B comes from memory.
//
// A block of 4 warps has 32 columns and all of K, 64 depths at a time: five stages of B (and of A, at most 16 rows) in a ring of
// shared memory, four of them under way by cp.async. Each warp then has every fourth row, or four of sixteen, each lane one
// column. No more threads work on a sum, because it is one chain of multiply-adds, k ascending: the same bits as from the tiles.
//
// Bytes: K N of B's elements (each is read once), operations 2 M N K. A chain takes 4 clocks a depth: K = 4096 takes 8 us at
// 1.98 GHz, as long as a multiprocessor with 20 KB of the H200's 4.8 TB/s needs for its 32 columns of float32, so that about 80%
// of the bandwidth is expected from N = 4096 (128 blocks for 132 multiprocessors) upwards, and less than that in proportion for
// fewer columns; 16-bit weights take as long as the chain, not half as long. NOT timed on a GPU yet.
#include <cuda_runtime.h>

#include "cuda/device/launch.h"
#include "cuda/sgemm/sgemm.h"
#include "cuda/sgemm/sgemm_device.cuh"

namespace lowp {
namespace {

constexpr int kWarps = 4, kThreads = 32 * kWarps, kCols = 32, kDepth = 64, kStages = 5;

template <SGemmStorage kStorage, int kWarpRows>
struct Stage {
  static constexpr int kRows = kWarps * kWarpRows;
  float a[kRows][kDepth];
  typename SGemmElement<kStorage>::Type b[kDepth][kCols];
};

template <SGemmStorage kStorage, int kWarpRows>
LOWP_DEVICE void Bring(const SGemmTask& task, const SGemmBlock& block, uint32_t k0, Stage<kStorage, kWarpRows>* to) {
  using Element = typename SGemmElement<kStorage>::Type;
  constexpr int kPerChunk = 16 / static_cast<int>(sizeof(Element)), kRowChunks = kCols / kPerChunk;
  LOWP_UNROLL
  for (int i = 0; i < kDepth * kRowChunks / kThreads; ++i) {
    const int chunk = static_cast<int>(threadIdx.x) + i * kThreads;
    const uint32_t k = k0 + chunk / kRowChunks, n = block.n0 + chunk % kRowChunks * kPerChunk;
    const bool valid = k < block.k_end && n < task.ldb;
    CpAsync16(&to->b[0][0] + chunk * kPerChunk, static_cast<const Element*>(task.b) + (valid ? k * task.ldb + n : 0), valid);
  }
  const uint32_t rows = min(task.m - block.m0, static_cast<uint32_t>(Stage<kStorage, kWarpRows>::kRows));
  LOWP_NO_UNROLL
  for (uint32_t i = threadIdx.x; i < rows * kDepth; i += kThreads) {
    const uint32_t row = block.m0 + i / kDepth, k = k0 + i % kDepth;
    const bool valid = k < block.k_end;
    const uint64_t at = task.transpose_a ? k * task.lda + row : row * task.lda + k;
    CpAsync4(&to->a[0][0] + i, block.a + (valid ? at : 0), valid);
  }
}

template <SGemmStorage kStorage, int kWarpRows>
LOWP_KERNEL __launch_bounds__(kThreads) SGemmSkinny(SGemmTask task) {
  using Ring = Stage<kStorage, kWarpRows>;
  Ring* ring = reinterpret_cast<Ring*>(DynamicShared());
  const SGemmBlock block = SGemmBlockOf(task, Ring::kRows, kCols);
  // Of blocks on one multiprocessor other warps have the first rows, because a warp's number decides which scheduler it is on.
  const uint32_t warp = (threadIdx.x / 32 + blockIdx.x) % kWarps, lane = threadIdx.x % 32;
  const bool works = block.m0 + warp * kWarpRows < task.m;

  LOWP_NO_UNROLL
  for (int stage = 0; stage < kStages - 1; ++stage) {
    const uint32_t k0 = block.k_begin + stage * kDepth;
    if (k0 < block.k_end) Bring(task, block, k0, ring + stage);
    CpAsyncCommit();
  }
  float acc[kWarpRows] = {};
  uint32_t at = 0;
  LOWP_NO_UNROLL
  for (uint32_t k0 = block.k_begin; k0 < block.k_end; k0 += kDepth) {
    CpAsyncWait<kStages - 2>();
    __syncthreads();
    // Where everyone has read what the last round left.
    const uint32_t k_next = k0 + (kStages - 1) * kDepth;
    if (k_next < block.k_end) Bring(task, block, k_next, ring + (at == 0 ? kStages - 1 : at - 1));
    CpAsyncCommit();
    const float(*a)[kDepth] = ring[at].a + warp * kWarpRows;
    const auto(*b)[kCols] = ring[at].b;
    if (works && k0 + kDepth <= block.k_end) {
      LOWP_UNROLL
      for (int k = 0; k < kDepth; k += 4) {
        float weight[4];
        LOWP_UNROLL
        for (int i = 0; i < 4; ++i) weight[i] = SGemmElement<kStorage>::Widen(b[k + i][lane]);
        LOWP_UNROLL
        for (int row = 0; row < kWarpRows; ++row) {
          const Pack<float, 4> four = *reinterpret_cast<const Pack<float, 4>*>(&a[row][k]);
          LOWP_UNROLL
          for (int i = 0; i < 4; ++i) acc[row] = __fmaf_rn(four.lane[i], weight[i], acc[row]);
        }
      }
    } else if (works) {
      LOWP_NO_UNROLL
      for (uint32_t k = 0; k < block.k_end - k0; ++k) {
        const float weight = SGemmElement<kStorage>::Widen(b[k][lane]);
        LOWP_UNROLL
        for (int row = 0; row < kWarpRows; ++row) acc[row] = __fmaf_rn(a[row][k], weight, acc[row]);
      }
    }
    at = at + 1 == kStages ? 0 : at + 1;
  }
  CpAsyncWait<0>();
  __syncthreads();
  float* sums = reinterpret_cast<float*>(DynamicShared());
  LOWP_UNROLL
  for (int row = 0; row < kWarpRows; ++row) sums[(warp * kWarpRows + row) * kCols + lane] = acc[row];
  __syncthreads();
  LOWP_NO_UNROLL
  for (uint32_t i = threadIdx.x; i < Ring::kRows * kCols; i += kThreads) {
    const uint32_t m = block.m0 + i / kCols, n = block.n0 + i % kCols;
    if (m < task.m && n < task.n) StoreFloat(block.store, sums[i], m, n);
  }
}

template <SGemmStorage kStorage, int kWarpRows>
Status Start(CudaContext& context, SGemmTask task) {
  using Ring = Stage<kStorage, kWarpRows>;
  uint64_t blocks;
  if (!SetTiles(&task, Ring::kRows, kCols, &blocks))
    return {Code::kShape, "Expected at most 2147483647 tiles of a product but its sizes give more"};
  return Launch(context, SGemmSkinny<kStorage, kWarpRows>, dim3(static_cast<uint32_t>(blocks)), dim3(kThreads),
                kStages * sizeof(Ring), task);
}

template <SGemmStorage kStorage>
Status StartAs(CudaContext& context, const SGemmTask& task) {
  return task.m <= kWarps ? Start<kStorage, 1>(context, task) : Start<kStorage, 4>(context, task);
}

}  // namespace

Status LaunchSGemmSkinny(CudaContext& context, SGemmStorage storage, SGemmTask task) {
  switch (storage) {
    case SGemmStorage::kFloat32: return StartAs<SGemmStorage::kFloat32>(context, task);
    case SGemmStorage::kBfloat16: return StartAs<SGemmStorage::kBfloat16>(context, task);
    case SGemmStorage::kFloat16: return StartAs<SGemmStorage::kFloat16>(context, task);
  }
  return {};
}

}  // namespace lowp
