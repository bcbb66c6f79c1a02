// The int8 product by wgmma, capability 9.0.
//
// A block for each multiprocessor takes tiles of C of 128 x 256 (128 x 128) in turn. Of its three warpgroups one brings stages of
// 128 depths to a ring of shared memory and the other two multiply, 64 rows each, 128 (64) sums a thread:
//
//   A   128 rows, 16 KB, by cp.async, 16 bytes a time to where the 128-byte swizzle wants them; rows may lie anywhere
//   B   one or two packed tiles of 16 KB, which are in that order already, by one bulk copy each
//
// `full` of a stage counts the bringing threads, each of which arrives when its copies of A are complete and fenced for the
// async proxy, two stages after it started them; and B's bytes. `empty` counts the multiplying warps, which let go of a stage
// when the next one's wgmma are under way. Two stages of lag is the most: with three of four the stage that a warpgroup waits for
// before it lets go of the last one would itself wait for that.
//
// Operations: 2 * 128 * 256 * 128 a stage in 1024 clocks of the tensor cores; bytes of shared memory, of 128 a clock: 80 a clock
// read by wgmma, 48 written. 128 x 128 has 96 and 64: bound by shared memory, at 80 % of the tensor cores' rate. Sums are stored
// through shared memory, 8 rows x 128 columns a warp at a time, while the first stages of the next tile come: some 3000 clocks
// for a tile of plain float32, as long as K = 384 takes, twice that with terms of rows or a residual. On an H200 (1979 TOPS) two
// thirds of that rate are expected at 4096^3 and three quarters at 8192^3, the clock permitting. It has NOT been timed on a GPU
// yet.
//
// Registers: 232 of a multiplying thread, 40 of a bringing one (setmaxnreg). Shared memory: 226 KB.
#include <cuda_runtime.h>

#include <algorithm>

#include "cuda/device/launch.h"
#include "cuda/qgemm/qgemm_kernels.h"
#include "cuda/qgemm/qgemm_store.cuh"

namespace lowp {
namespace {

constexpr uint32_t kWarpgroup = 128, kThreads = 3 * kWarpgroup, kMultiplyingWarps = 8, kLag = 2;
constexpr uint32_t kRows = 128, kRowBytes = kQGemmTile, kATile = kRows * kRowBytes;
constexpr uint32_t kSumRows = 8, kSumColumns = 128, kSumWords = kSumRows * QGemmSumsPitch(kSumColumns);

template <uint32_t kColumns>
struct Geometry {
  static constexpr uint32_t kStages = kColumns == 256 ? 4 : 6, kStageBytes = kATile + kColumns * kRowBytes;
  static constexpr uint32_t kSumsAt = kStages * kStageBytes, kBarriersAt = kSumsAt + kMultiplyingWarps * kSumWords * 4;
  static constexpr uint32_t kSharedBytes = kBarriersAt + 2 * kStages * sizeof(uint64_t);
  static_assert(kLag + 2 <= kStages && kSharedBytes <= 227 << 10, "see above");
};

// Goes round the ring; parity is that of the round.
template <uint32_t kStages>
struct Turn {
  uint32_t stage = 0, parity = 0;

  LOWP_DEVICE void Next() {
    if (++stage == kStages) stage = 0, parity ^= 1;
  }
};

template <uint32_t kColumns>
class Bringer {
 public:
  using G = Geometry<kColumns>;

  LOWP_DEVICE Bringer(const QGemmTask& task, uint8_t* shared, uint64_t* full, uint64_t* empty)
      : task_(task), shared_(shared), full_(full), empty_(empty) {}

  LOWP_DEVICE void Bring(uint32_t index) {
    const QGemmTileIndex tile = QGemmTileAt(index, task_.tiles_m, task_.tiles_n);
    const uint32_t chunk = threadIdx.x % kChunks, first_row = threadIdx.x / kChunks;
    const uint8_t* rows[kLoads];
    bool valid[kLoads];
    LOWP_UNROLL
    for (uint32_t i = 0; i < kLoads; ++i) {
      const uint32_t row = tile.m * kRows + first_row + i * kRowsAtOnce;
      valid[i] = row < task_.rows;
      rows[i] = task_.a + (valid[i] ? task_.a_rows.At(row) : 0) + chunk * kQGemmChunk;
    }
    // A tile behind the last is never stored; the last one stands in for it.
    const uint32_t first = tile.n * (kColumns / kQGemmTile), last = CeilDiv(task_.n, kQGemmTile) - 1;
    const uint8_t* b = task_.tiles + size_t{first} * task_.k_tiles * kQGemmTileBytes;
    const uint8_t* next_b = task_.tiles + size_t{min(first + 1, last)} * task_.k_tiles * kQGemmTileBytes;
    LOWP_NO_UNROLL
    for (uint32_t k = 0; k < task_.k_tiles; ++k) {
      MBarrierWait(empty_ + turn_.stage, turn_.parity ^ 1);
      uint8_t* stage = shared_ + turn_.stage * G::kStageBytes;
      if (threadIdx.x == 0) {
        MBarrierExpect(full_ + turn_.stage, kColumns * kRowBytes);
        BulkLoad(stage + kATile, b + size_t{k} * kQGemmTileBytes, kQGemmTileBytes, full_ + turn_.stage);
        if constexpr (kColumns > kQGemmTile) {
          BulkLoad(stage + kATile + kQGemmTileBytes, next_b + size_t{k} * kQGemmTileBytes, kQGemmTileBytes, full_ + turn_.stage);
        }
      }
      const bool in_k = k * kChunks + chunk < task_.k_chunks;
      uint8_t* to = stage + WgmmaOffset128(first_row, chunk * kQGemmChunk);
      LOWP_UNROLL
      for (uint32_t i = 0; i < kLoads; ++i)
        CpAsync16(to + i * kRowsAtOnce * kRowBytes, rows[i] + size_t{k} * kRowBytes, valid[i] && in_k);
      CpAsyncCommit();
      turn_.Next();
      if (started_ < kLag) {
        ++started_;
      } else {
        CpAsyncWait<kLag>();
        Arrive();
      }
    }
  }
  LOWP_DEVICE void Finish() {
    CpAsyncWait<0>();
    for (; started_ > 0; --started_) Arrive();
  }

 private:
  static constexpr uint32_t kChunks = kRowBytes / kQGemmChunk, kRowsAtOnce = kWarpgroup / kChunks, kLoads = kRows / kRowsAtOnce;
  static_assert(kRowsAtOnce % 8 == 0, "rows of a thread have their chunks in the same places");

  // For the oldest stage that this thread has not arrived for.
  LOWP_DEVICE void Arrive() {
    FenceProxyAsync();
    MBarrierArrive(full_ + arrived_.stage);
    arrived_.Next();
  }

  const QGemmTask& task_;
  uint8_t* shared_;
  uint64_t *full_, *empty_;
  Turn<G::kStages> turn_, arrived_;
  uint32_t started_ = 0;  // stages not arrived for
};

template <bool kSigned, uint32_t kColumns>
LOWP_DEVICE void MultiplyStage(int (&acc)[kColumns / 2], uint64_t a, uint64_t b) {
  LOWP_UNROLL
  for (uint32_t i = 0; i < kRowBytes / 32; ++i) {  // 32 bytes further on in both
    if constexpr (kSigned) {
      WgmmaS8<kColumns>(acc, a + 2 * i, b + 2 * i);
    } else {
      WgmmaU8S8<kColumns>(acc, a + 2 * i, b + 2 * i);
    }
  }
}

// The sums of a warp: 16 rows from `row` of C on.
template <uint32_t kColumns>
LOWP_DEVICE void StoreTile(const QGemmTask& task, const int (&acc)[kColumns / 2], int32_t* sums, uint32_t row, uint32_t n0) {
  const uint32_t lane = threadIdx.x % 32;
  const QGemmLane<kSumColumns> own(lane);
  // Neither loop is unrolled, so that the epilogue stands here once; which registers are stored is a branch.
  LOWP_NO_UNROLL
  for (uint32_t right = 0; right < kColumns / kSumColumns; ++right) {
    const uint32_t first = n0 + right * kSumColumns, col = first + own.column, cols = Below(col, task.n);
    if (first >= task.n) break;
    const QGemmColumns columns = LoadQGemmColumns(task.store, col, cols);
    LOWP_NO_UNROLL
    for (uint32_t down = 0; down < 2; ++down) {
      LOWP_UNROLL
      for (uint32_t part = 0; part < 2 * kColumns / kSumColumns; ++part) {
        if (part != right * 2 + down) continue;
        LOWP_UNROLL
        for (uint32_t j = 0; j < kSumColumns / 8; ++j) {
          const uint32_t d = (part / 2 * (kSumColumns / 8) + j) * 4 + part % 2 * 2;
          *reinterpret_cast<int2*>(sums + lane / 4 * QGemmSumsPitch(kSumColumns) + j * 8 + lane % 4 * 2) =
              make_int2(acc[d], acc[d + 1]);
        }
      }
      __syncwarp();
      const uint32_t at = row + down * kSumRows;
      StoreQGemmRows<kSumColumns>(task.store, 0, sums, own, columns, at, min(kSumRows, Below(at, task.rows)), col, cols);
      __syncwarp();
    }
  }
}

template <bool kSigned, uint32_t kColumns>
LOWP_KERNEL __launch_bounds__(kThreads, 1) QGemmWgmma(QGemmTask task) {
  if constexpr (kHasWgmma) {
    using G = Geometry<kColumns>;
    uint8_t* shared = DynamicShared();
    uint64_t* full = reinterpret_cast<uint64_t*>(shared + G::kBarriersAt);
    uint64_t* empty = full + G::kStages;
    if (threadIdx.x == 0) {
      for (uint32_t i = 0; i < G::kStages; ++i) {
        MBarrierInit(full + i, kWarpgroup + 1);
        MBarrierInit(empty + i, kMultiplyingWarps);
      }
      MBarrierInitFence();
    }
    __syncthreads();
    const uint32_t tiles = task.tiles_m * task.tiles_n;
    if (threadIdx.x < kWarpgroup) {
      FewerRegisters<40>();
      Bringer<kColumns> bringer(task, shared, full, empty);
      LOWP_NO_UNROLL
      for (uint32_t index = blockIdx.x; index < tiles; index += gridDim.x) bringer.Bring(index);
      bringer.Finish();
    } else {
      MoreRegisters<232>();
      const uint32_t warp = threadIdx.x / 32 - kWarpgroup / 32, half = warp / 4;
      int32_t* sums = reinterpret_cast<int32_t*>(shared + G::kSumsAt) + warp * kSumWords;
      Turn<G::kStages> turn;
      LOWP_NO_UNROLL
      for (uint32_t index = blockIdx.x; index < tiles; index += gridDim.x) {
        const QGemmTileIndex tile = QGemmTileAt(index, task.tiles_m, task.tiles_n);
        int acc[kColumns / 2] = {};
        uint32_t last = 0;
        LOWP_NO_UNROLL
        for (uint32_t k = 0; k < task.k_tiles; ++k) {
          MBarrierWait(full + turn.stage, turn.parity);
          const uint8_t* stage = shared + turn.stage * G::kStageBytes;
          WgmmaKeep(acc);
          WgmmaFence();
          MultiplyStage<kSigned, kColumns>(acc, WgmmaDescriptor128(stage + half * (kATile / 2)),
                                           WgmmaDescriptor128(stage + kATile));
          WgmmaCommit();
          WgmmaWait<1>();
          WgmmaKeep(acc);
          if (k > 0 && threadIdx.x % 32 == 0) MBarrierArrive(empty + last);
          last = turn.stage;
          turn.Next();
        }
        WgmmaWait<0>();
        WgmmaKeep(acc);
        if (task.k_tiles > 0 && threadIdx.x % 32 == 0) MBarrierArrive(empty + last);
        StoreTile<kColumns>(task, acc, sums, tile.m * kRows + warp * 16, tile.n * kColumns);
      }
    }
  }
}

template <uint32_t kColumns>
Status Run(CudaContext& context, const QGemmTask& task, bool a_signed) {
  const uint32_t blocks = std::min(task.tiles_m * task.tiles_n, static_cast<uint32_t>(context.device().multiprocessors));
  return Launch(context, a_signed ? QGemmWgmma<true, kColumns> : QGemmWgmma<false, kColumns>, dim3(blocks), dim3(kThreads),
                Geometry<kColumns>::kSharedBytes, task);
}

}  // namespace

Status RunQGemmWgmma128(CudaContext& context, const QGemmTask& task, bool a_signed) { return Run<128>(context, task, a_signed); }
Status RunQGemmWgmma256(CudaContext& context, const QGemmTask& task, bool a_signed) { return Run<256>(context, task, a_signed); }

}  // namespace lowp
