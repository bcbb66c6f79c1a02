// Matrices with two entries in every four columns, int8, by mma.sp m16n8k64 (capability >= 80): half the arithmetic of a dense
// product and 0.625 bytes of weights for each dense one.
//
// Wide: tiles of 128 rows of S and 128 dense rows, eight warps of 64 x 32. The dense operand's 64 bytes of a step come by
// cp.async, four stages of 8 KB; a lane's fragment is one load of 16 bytes, and eight neighbouring lanes' are 128 bytes in a row:
// no bank is asked twice. S comes straight from L2 into registers, a step ahead: it is packed as fragments, and the four warps
// that share them find them in L1. 5 KB of S and 8 KB of the dense operand for 128 instructions of 8192 multiplications: L2's 64
// bytes a cycle and multiprocessor would allow 1.3 times the rate of mma.sync's sparse instructions on an A100 and 0.65 on an
// H200, of which some two thirds are expected. Then the sums go through the same shared memory (66 KB) so that stores are in
// rows.
//
// Skinny, up to 32 dense rows: a block has 16 rows of S, its eight warps every eighth column tile; bound by reading S.
//
// 256 threads; registers (ptxas, sm_90a): wide 139, skinny 32 and 48; no spills. They have NOT been timed on a GPU yet.
#include <algorithm>

#include "core/aligned_buffer.h"
#include "cuda/device/launch.h"
#include "cuda/spmm/spmm_store.cuh"

namespace lowp {
namespace {

constexpr uint32_t kThreads = 256, kWarp = 32, kWarps = kThreads / kWarp;
constexpr uint32_t kBlockRows = 128, kBlockDense = 128, kStages = 4, kStageBytes = kBlockDense * kTileCols;
constexpr uint32_t kWarpsAcross = 4, kRowFrags = 4, kDenseFrags = 4;  // of the wide kernel
constexpr uint32_t kPitch = kBlockRows + 4;                           // of sums in shared memory, which keeps banks apart

struct RowFragment {
  uint32_t a[4];
  uint32_t metadata;
};

// The first two of each four columns: of what is 0.
constexpr uint32_t kAnyMetadata = 0x44444444u;

LOWP_DEVICE RowFragment LoadRows(const SparseTileTask& t, uint32_t row_tile, uint32_t col_tile, uint32_t lane) {
  RowFragment f = {{0, 0, 0, 0}, kAnyMetadata};
  if (row_tile >= t.row_tiles) return f;
  const uint64_t at = (static_cast<uint64_t>(row_tile) * t.col_tiles + col_tile) * kWarp + lane;
  const uint4 v = static_cast<const uint4*>(t.values)[at];
  f.a[0] = v.x;
  f.a[1] = v.y;
  f.a[2] = v.z;
  f.a[3] = v.w;
  f.metadata = t.metadata[at];
  return f;
}

LOWP_DEVICE void Unpack(const uint4& v, uint32_t flip, uint32_t (&b)[4]) {
  b[0] = v.x ^ flip;
  b[1] = v.y ^ flip;
  b[2] = v.z ^ flip;
  b[3] = v.w ^ flip;
}

// Four sums of a tile in shared memory, [dense][kPitch], to C.
LOWP_DEVICE void StoreFour(const SparseTileTask& t, const int32_t* sums, uint32_t pitch, uint32_t row0, uint32_t dense0,
                           uint32_t row, uint32_t dense, bool along_rows) {
  if (row0 + row >= t.rows || dense0 + dense >= t.n) return;
  const uint32_t left = along_rows ? t.rows - row0 - row : t.n - dense0 - dense;
  Pack<int32_t, 4> four;
  LOWP_UNROLL
  for (uint32_t i = 0; i < 4; ++i) four.lane[i] = along_rows ? sums[dense * pitch + row + i] : sums[(dense + i) * pitch + row];
  StoreSparse<4>(t.store, four, {row0 + row, dense0 + dense, left < 4 ? left : 4, along_rows});
}

LOWP_KERNEL SparseTilesKernel(SparseTileTask t, uint32_t blocks_down) {
  uint8_t* stages = DynamicShared();
  const uint32_t lane = threadIdx.x % kWarp, warp = threadIdx.x / kWarp;
  const uint32_t row0 = blockIdx.x % blocks_down * kBlockRows, dense0 = blockIdx.x / blocks_down * kBlockDense;
  const uint32_t warp_tile = row0 / kTileRows + warp / kWarpsAcross * kRowFrags,
                 warp_dense = warp % kWarpsAcross * 8 * kDenseFrags;
  const auto fetch = [&](uint32_t step) {
    if (step < t.col_tiles) {
      uint8_t* to = stages + step % kStages * kStageBytes;
      LOWP_UNROLL
      for (uint32_t i = 0; i < kStageBytes / 16 / kThreads; ++i) {
        const uint32_t chunk = i * kThreads + threadIdx.x, dense = dense0 + chunk / 4;
        const bool valid = dense < t.n;
        CpAsync16(to + chunk * 16, t.dense + (valid ? dense : 0) * t.ld + step * kTileCols + chunk % 4 * 16, valid);
      }
    }
    CpAsyncCommit();
  };
  int acc[kRowFrags][kDenseFrags][4] = {};
  RowFragment rows[kRowFrags];
  LOWP_UNROLL
  for (uint32_t i = 0; i < kRowFrags; ++i) rows[i] = LoadRows(t, warp_tile + i, 0, lane);
  LOWP_UNROLL
  for (uint32_t stage = 0; stage < kStages - 1; ++stage) fetch(stage);
  for (uint32_t step = 0; step < t.col_tiles; ++step) {
    CpAsyncWait<kStages - 2>();
    __syncthreads();  // the stage is whole, and everyone has left the one that is overwritten next
    fetch(step + kStages - 1);
    const uint8_t* stage = stages + step % kStages * kStageBytes;
    uint32_t b[kDenseFrags][4];
    LOWP_UNROLL
    for (uint32_t j = 0; j < kDenseFrags; ++j)
      Unpack(*reinterpret_cast<const uint4*>(stage + (warp_dense + 8 * j) * kTileCols + lane * 16), t.flip, b[j]);
    LOWP_UNROLL
    for (uint32_t i = 0; i < kRowFrags; ++i) {
      const RowFragment now = rows[i];
      if (step + 1 < t.col_tiles) rows[i] = LoadRows(t, warp_tile + i, step + 1, lane);
      LOWP_UNROLL
      for (uint32_t j = 0; j < kDenseFrags; ++j) MmaSparseS8(acc[i][j], now.a, b[j], now.metadata);
    }
  }
  CpAsyncWait<0>();
  __syncthreads();
  int32_t* sums = reinterpret_cast<int32_t*>(stages);
  LOWP_UNROLL
  for (uint32_t i = 0; i < kRowFrags; ++i) {
    LOWP_UNROLL
    for (uint32_t j = 0; j < kDenseFrags; ++j) {
      LOWP_UNROLL
      for (int index = 0; index < 4; ++index) {
        const Cell cell = MmaCellD(static_cast<int>(lane), index);
        const uint32_t row = (warp / kWarpsAcross * kRowFrags + i) * kTileRows + cell.row;
        sums[(warp_dense + 8 * j + cell.column) * kPitch + row] = acc[i][j][index];
      }
    }
  }
  __syncthreads();
  const bool along_rows = t.store.row_stride == 1;
  const uint32_t fours = (along_rows ? kBlockRows : kBlockDense) / 4;
  LOWP_NO_UNROLL
  for (uint32_t i = threadIdx.x; i < kBlockRows * kBlockDense / 4; i += kThreads) {
    const uint32_t inner = i % fours * 4, outer = i / fours;
    StoreFour(t, sums, kPitch, row0, dense0, along_rows ? inner : outer, along_rows ? outer : inner, along_rows);
  }
}

template <int kFrags>
LOWP_KERNEL SparseTilesSkinnyKernel(SparseTileTask t) {
  constexpr uint32_t kPitchHere = kTileRows + 4, kDense = 8 * kFrags;
  const uint32_t lane = threadIdx.x % kWarp, warp = threadIdx.x / kWarp;
  int acc[kFrags][4] = {};
  for (uint32_t step = warp; step < t.col_tiles; step += kWarps) {
    const RowFragment rows = LoadRows(t, blockIdx.x, step, lane);
    LOWP_UNROLL
    for (uint32_t j = 0; j < kFrags; ++j) {
      const uint32_t dense = 8 * j + lane / 4;
      uint4 v = make_uint4(0, 0, 0, 0);
      if (dense < t.n) v = *reinterpret_cast<const uint4*>(t.dense + dense * t.ld + step * kTileCols + lane % 4 * 16);
      uint32_t b[4];
      Unpack(v, t.flip, b);
      MmaSparseS8(acc[j], rows.a, b, rows.metadata);
    }
  }
  int32_t* sums = reinterpret_cast<int32_t*>(DynamicShared());  // [warp][dense][kPitchHere]
  LOWP_UNROLL
  for (uint32_t j = 0; j < kFrags; ++j) {
    LOWP_UNROLL
    for (int index = 0; index < 4; ++index) {
      const Cell cell = MmaCellD(static_cast<int>(lane), index);
      sums[(warp * kDense + 8 * j + cell.column) * kPitchHere + cell.row] = acc[j][index];
    }
  }
  __syncthreads();
  for (uint32_t i = threadIdx.x; i < kDense * kTileRows; i += kThreads) {
    const uint32_t at = i / kTileRows * kPitchHere + i % kTileRows;
    int32_t sum = sums[at];
    LOWP_UNROLL
    for (uint32_t other = 1; other < kWarps; ++other) sum = AddSums(sum, sums[other * kDense * kPitchHere + at]);
    sums[at] = sum;
  }
  __syncthreads();
  const bool along_rows = t.store.row_stride == 1;
  const uint32_t fours = (along_rows ? kTileRows : kDense) / 4;
  if (threadIdx.x >= kDense * kTileRows / 4) return;
  const uint32_t inner = threadIdx.x % fours * 4, outer = threadIdx.x / fours;
  StoreFour(t, sums, kPitchHere, blockIdx.x * kTileRows, 0, along_rows ? inner : outer, along_rows ? outer : inner, along_rows);
}

}  // namespace

Status LaunchSparseTiles(CudaContext& context, const SparseTileTask& task) {
  const auto skinny_bytes = [](uint32_t frags) { return kWarps * 8 * frags * (kTileRows + 4) * sizeof(int32_t); };
  const dim3 block(kThreads);
  if (task.n <= 8) return Launch(context, SparseTilesSkinnyKernel<1>, dim3(task.row_tiles), block, skinny_bytes(1), task);
  if (task.n <= 32) return Launch(context, SparseTilesSkinnyKernel<4>, dim3(task.row_tiles), block, skinny_bytes(4), task);
  const size_t down = DivUp(task.rows, kBlockRows), across = DivUp(task.n, kBlockDense);
  if (down > INT32_MAX / across) return {Code::kUnsupported, "Expected a sparse product of at most 2^31 tiles"};
  constexpr size_t kShared = std::max<size_t>(kStages * kStageBytes, kBlockDense * kPitch * sizeof(int32_t));
  return Launch(context, SparseTilesKernel, dim3(static_cast<uint32_t>(down * across)), block, kShared, task,
                static_cast<uint32_t>(down));
}

}  // namespace lowp
