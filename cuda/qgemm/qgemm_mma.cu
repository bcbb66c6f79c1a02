// The int8 product by mma.sync m16n8k32, capability 8.0 and later.
//
// A block of 4 warps has a tile of 128 x 128 (64 x 64) of C, a warp 64 x 64 (32 x 32) of it. K passes in stages of 64 bytes a
// row through a ring of shared memory filled by cp.async, kStages - 1 of them under way; ldmatrix brings fragments. For each 32
// of K a warp has 8 ldmatrix.x4 for 32 mma (4 for 8): on an A100, per multiprocessor and 128 x 128 x 32, 128 clocks of shared
// memory read and 64 written for 256 of tensor cores. A warp tile of 64 x 32 would need as many clocks of shared memory as of
// tensor cores.
//
// Sums go through shared memory to be stored in whole rows. Where tiles are few, blockIdx.y has a part of K each and stores sums
// for FinishQGemmSplits.
//
// Registers (ptxas, sm_80): 212 and 72, no spills; shared memory 48 and 32 KB. Per stage of the larger tile a warp has 64 mma, 16
// ldmatrix and 8 cp.async among 150 instructions. Expected: 75 % of an A100's 624 TOPS at 4096^3; of an H200's 1979 half at
// most, because mma.sync does not reach its tensor cores' rate. It has NOT been timed on a GPU yet.
#include <cuda_runtime.h>

#include "cuda/device/launch.h"
#include "cuda/qgemm/qgemm_kernels.h"
#include "cuda/qgemm/qgemm_store.cuh"

namespace lowp {
namespace {

constexpr uint32_t kThreads = 128, kStep = 64, kChunks = kStep / kQGemmChunk;

template <uint32_t kTile, uint32_t kStages>
struct Geometry {
  static constexpr uint32_t kWarpTile = kTile / 2, kStageBytes = 2 * kTile * kStep;
  static constexpr uint32_t kSharedBytes = kStages * kStageBytes;
  static constexpr uint32_t kLoads = kTile * kChunks / kThreads;  // chunks a thread brings of each operand
  // Rows of a warp's sums that wait in shared memory at a time.
  static constexpr uint32_t kSumRows = 32, kSumWords = kSumRows * QGemmSumsPitch(kWarpTile);
  static_assert(4 * kSumWords * 4 <= kSharedBytes, "sums wait where the stages were");
};

template <bool kSigned>
LOWP_DEVICE void Mma(int (&d)[4], const uint32_t (&a)[4], const uint32_t (&b)[2]) {
  if constexpr (kSigned) {
    MmaS8(d, a, b);
  } else {
    MmaU8S8(d, a, b);
  }
}

// Brings stages: the same chunk of kLoads rows of A, and of as many columns of B, is this thread's.
template <uint32_t kTile, uint32_t kStages>
class Loader {
 public:
  LOWP_DEVICE Loader(const QGemmTask& task, uint32_t m0, uint32_t n0)
      : k_chunks_(task.k_chunks), chunk_(threadIdx.x % kChunks), row_(threadIdx.x / kChunks) {
    LOWP_UNROLL
    for (uint32_t i = 0; i < kLoads; ++i) {
      const uint32_t row = m0 + row_ + i * kRows;
      valid_[i] = row < task.rows;
      a_[i] = task.a + (valid_[i] ? task.a_rows.At(row) : 0) + chunk_ * kQGemmChunk;
    }
    // Columns kRows apart differ by a multiple of 8, and so their chunks have the same places.
    const uint32_t column = n0 % kQGemmTile + row_;
    b_ = task.tiles + size_t{n0 / kQGemmTile} * task.k_tiles * kQGemmTileBytes;
    first_ = WgmmaOffset128(column, chunk_ * kQGemmChunk);
    second_ = WgmmaOffset128(column, (chunk_ + kChunks) * kQGemmChunk);
  }
  LOWP_DEVICE void Bring(uint32_t step, uint8_t* stage) const {
    const bool in_k = step * kChunks + chunk_ < k_chunks_;
    const uint8_t* b = b_ + size_t{step / 2} * kQGemmTileBytes + (step % 2 == 0 ? first_ : second_);
    LOWP_UNROLL
    for (uint32_t i = 0; i < kLoads; ++i) {
      uint8_t* to = stage + QGemmStageOffset64(row_ + i * kRows, chunk_);
      CpAsync16(to, a_[i] + size_t{step} * kStep, valid_[i] && in_k);
      CpAsync16(to + kTile * kStep, b + i * kRows * kQGemmTile, true);
    }
  }

 private:
  static constexpr uint32_t kLoads = Geometry<kTile, kStages>::kLoads, kRows = kThreads / kChunks;
  const uint8_t* a_[kLoads];
  bool valid_[kLoads];
  const uint8_t* b_;
  uint32_t first_, second_, k_chunks_, chunk_, row_;
};

template <bool kSigned, uint32_t kTile, uint32_t kStages>
LOWP_KERNEL __launch_bounds__(kThreads) QGemmMma(QGemmTask task) {
  using G = Geometry<kTile, kStages>;
  constexpr uint32_t kWarpTile = G::kWarpTile, kRowTiles = kWarpTile / 16, kColumnTiles = kWarpTile / 8;
  uint8_t* shared = DynamicShared();
  const uint32_t lane = threadIdx.x % 32, warp = threadIdx.x / 32;
  const QGemmTileIndex tile = QGemmTileAt(blockIdx.x, task.tiles_m, task.tiles_n);
  const uint32_t m0 = tile.m * kTile, n0 = tile.n * kTile;
  const Loader<kTile, kStages> loader(task, m0, n0);
  const uint32_t first = blockIdx.y * task.steps_of_split;
  const uint32_t steps = min(task.steps_of_split, CeilDiv(task.k_chunks, kChunks) - first);

  LOWP_UNROLL
  for (uint32_t i = 0; i < kStages - 1; ++i) {
    if (i < steps) loader.Bring(first + i, shared + i * G::kStageBytes);
    CpAsyncCommit();
  }
  // This lane's rows of ldmatrix within the first 16 rows of the warp's A (columns of its B), first and second 32 bytes of a
  // stage.
  const uint32_t a_row = warp / 2 * kWarpTile + lane % 16, b_row = warp % 2 * kWarpTile + lane / 16 * 8 + lane % 8;
  const uint32_t a_at[2] = {QGemmStageOffset64(a_row, lane / 16), QGemmStageOffset64(a_row, lane / 16 + 2)};
  const uint32_t b_at[2] = {QGemmStageOffset64(b_row, lane / 8 % 2), QGemmStageOffset64(b_row, lane / 8 % 2 + 2)};

  int acc[kRowTiles][kColumnTiles][4] = {};
  uint32_t slot = 0, next_slot = kStages - 1;
  LOWP_NO_UNROLL
  for (uint32_t step = 0; step < steps; ++step) {
    CpAsyncWait<kStages - 2>();
    __syncthreads();  // behind it everyone has also read what the last step left in next_slot
    if (step + kStages - 1 < steps) loader.Bring(first + step + kStages - 1, shared + next_slot * G::kStageBytes);
    CpAsyncCommit();
    const uint8_t* a_tile = shared + slot * G::kStageBytes;
    const uint8_t* b_tile = a_tile + kTile * kStep;
    LOWP_UNROLL
    for (uint32_t half = 0; half < 2; ++half) {
      uint32_t a[kRowTiles][4], b[kColumnTiles][2];
      LOWP_UNROLL
      for (uint32_t i = 0; i < kRowTiles; ++i) LdMatrix4(a[i], a_tile + a_at[half] + i * 16 * kStep);
      LOWP_UNROLL
      for (uint32_t j = 0; j < kColumnTiles; j += 2) {
        uint32_t pair[4];
        LdMatrix4(pair, b_tile + b_at[half] + j * 8 * kStep);
        b[j][0] = pair[0], b[j][1] = pair[1], b[j + 1][0] = pair[2], b[j + 1][1] = pair[3];
      }
      LOWP_UNROLL
      for (uint32_t i = 0; i < kRowTiles; ++i) {
        LOWP_UNROLL
        for (uint32_t j = 0; j < kColumnTiles; ++j) Mma<kSigned>(acc[i][j], a[i], b[j]);
      }
    }
    slot = slot + 1 == kStages ? 0 : slot + 1;
    next_slot = next_slot + 1 == kStages ? 0 : next_slot + 1;
  }
  CpAsyncWait<0>();
  __syncthreads();

  // kSumRows rows at a time. The loop is not unrolled, so that the epilogue stands here once: the next sums move down instead.
  constexpr uint32_t kPassTiles = G::kSumRows / 16;
  int32_t* sums = reinterpret_cast<int32_t*>(shared) + warp * G::kSumWords;
  const QGemmLane<kWarpTile> own(lane);
  const uint32_t col = n0 + warp % 2 * kWarpTile + own.column, cols = Below(col, task.n);
  const QGemmColumns columns = LoadQGemmColumns(task.store, col, cols);
  uint32_t row = m0 + warp / 2 * kWarpTile;
  LOWP_NO_UNROLL
  for (uint32_t pass = 0; pass < kWarpTile / G::kSumRows; ++pass, row += G::kSumRows) {
    LOWP_UNROLL
    for (uint32_t i = 0; i < kPassTiles; ++i) {
      LOWP_UNROLL
      for (uint32_t j = 0; j < kColumnTiles; ++j) {
        LOWP_UNROLL
        for (uint32_t half = 0; half < 2; ++half) {
          const uint32_t r = i * 16 + half * 8 + lane / 4, c = j * 8 + lane % 4 * 2;
          *reinterpret_cast<int2*>(sums + r * QGemmSumsPitch(kWarpTile) + c) =
              make_int2(acc[i][j][half * 2], acc[i][j][half * 2 + 1]);
        }
      }
    }
    __syncwarp();
    StoreQGemmRows<kWarpTile>(task.store, blockIdx.y * task.split_stride, sums, own, columns, row,
                              min(G::kSumRows, Below(row, task.rows)), col, cols);
    __syncwarp();
    LOWP_UNROLL
    for (uint32_t i = kPassTiles; i < kRowTiles; ++i) {
      LOWP_UNROLL
      for (uint32_t j = 0; j < kColumnTiles; ++j) {
        LOWP_UNROLL
        for (uint32_t e = 0; e < 4; ++e) acc[i - kPassTiles][j][e] = acc[i][j][e];
      }
    }
  }
}

template <uint32_t kTile, uint32_t kStages>
Status Run(CudaContext& context, const QGemmTask& task, bool a_signed) {
  const auto kernel = a_signed ? QGemmMma<true, kTile, kStages> : QGemmMma<false, kTile, kStages>;
  return Launch(context, kernel, dim3(task.tiles_m * task.tiles_n, task.splits), dim3(kThreads),
                Geometry<kTile, kStages>::kSharedBytes, task);
}

}  // namespace

// 48 KB and 32 KB: two and three blocks on the 100 KB of capability 8.6 and 8.9.
Status RunQGemmMma128(CudaContext& context, const QGemmTask& task, bool a_signed) { return Run<128, 3>(context, task, a_signed); }
Status RunQGemmMma64(CudaContext& context, const QGemmTask& task, bool a_signed) { return Run<64, 4>(context, task, a_signed); }

}  // namespace lowp
