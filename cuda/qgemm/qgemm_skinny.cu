// The int8 product of at most 16 rows, capability 8.0 and later: bound by the memory from which the weights come.
//
// A block of 8 warps has 16 columns of C; its warps take the tiles of K in turn and join their sums in shared memory. The weights
// are the 16-row operand of mma.sync m16n8k32, read from global memory straight into its registers: where in K the bytes of a
// register come from is free, as long as both operands agree, so that a lane reads whole chunks of 16 bytes and four lanes 64
// neighbouring bytes. Activations (L1 and L2: every block reads all of them) are the operand of 8 columns.
//
//   lane group = lane / 4, quad = lane % 4; chunk 4 j + quad of columns group, group + 8 (rows of activations: group) is four
//   words, of which words 0 and 1 are one mma and words 2 and 3 the next
//
// Bytes: K N of weights, and M K of activations for each 16 columns from L2. Two tiles of 128 depths, 4 KB, are under way in each
// warp: 64 KB in a multiprocessor of two blocks, twice what the H200's 4.8 TB/s take at a latency of 0.8 us. 90 % of the copy
// bandwidth is expected for M <= 8 and N K of some 100 MB, less where weights are so few that starting takes the time. 96
// registers, no spills, 8 KB of shared memory. It has NOT been timed on a GPU yet.
#include <cuda_runtime.h>

#include "cuda/device/launch.h"
#include "cuda/qgemm/qgemm_kernels.h"
#include "cuda/qgemm/qgemm_store.cuh"

namespace lowp {
namespace {

constexpr uint32_t kWarps = 8, kThreads = 32 * kWarps, kAhead = 2;
constexpr uint32_t kRows = kQGemmSkinny.rows, kColumns = kQGemmSkinny.columns, kRowTiles = kRows / 8;
constexpr uint32_t kTileChunks = kQGemmTile / kQGemmChunk;

template <bool kSigned>
LOWP_DEVICE void Mma(int (&d)[4], const uint32_t (&weights)[4], const uint32_t (&activations)[2]) {
  if constexpr (kSigned) {
    MmaS8(d, weights, activations);
  } else {
    MmaS8U8(d, weights, activations);
  }
}

struct Chunk {
  uint32_t word[4];
};
LOWP_DEVICE Chunk LoadChunk(const uint8_t* from, bool valid) {
  const uint4 chunk = valid ? *reinterpret_cast<const uint4*>(from) : make_uint4(0, 0, 0, 0);
  return {{chunk.x, chunk.y, chunk.z, chunk.w}};
}

template <bool kSigned>
LOWP_KERNEL __launch_bounds__(kThreads, 2) QGemmSkinny(QGemmTask task) {
  const uint32_t lane = threadIdx.x % 32, warp = threadIdx.x / 32, group = lane / 4, quad = lane % 4;
  const uint32_t n0 = blockIdx.x * kColumns;
  // Of columns n0 + group and 8 further on: the same places of chunks, since those depend on the column % 8.
  const uint8_t* weights = task.tiles + size_t{n0 / kQGemmTile} * task.k_tiles * kQGemmTileBytes;
  const uint32_t at[2] = {WgmmaOffset128(n0 % kQGemmTile + group, quad * kQGemmChunk),
                          WgmmaOffset128(n0 % kQGemmTile + group, (quad + 4) * kQGemmChunk)};
  const uint8_t* rows[kRowTiles];
  bool valid[kRowTiles];
  LOWP_UNROLL
  for (uint32_t i = 0; i < kRowTiles; ++i) {
    valid[i] = i * 8 + group < task.rows;
    rows[i] = task.a + (valid[i] ? task.a_rows.At(i * 8 + group) : 0) + quad * kQGemmChunk;
  }
  int acc[kRowTiles][4] = {};
  LOWP_NO_UNROLL
  for (uint32_t k = warp; k < task.k_tiles; k += kAhead * kWarps) {
    Chunk w[kAhead][2][2], x[kAhead][kRowTiles][2];
    LOWP_UNROLL
    for (uint32_t t = 0; t < kAhead; ++t) {
      const uint32_t tile = k + t * kWarps;
      LOWP_UNROLL
      for (uint32_t j = 0; j < 2; ++j) {
        const bool in_k = tile < task.k_tiles, has = tile * kTileChunks + j * 4 + quad < task.k_chunks;
        const uint8_t* from = weights + size_t{tile} * kQGemmTileBytes + at[j];
        w[t][j][0] = LoadChunk(from, in_k);
        w[t][j][1] = LoadChunk(from + 8 * kQGemmTile, in_k);
        LOWP_UNROLL
        for (uint32_t i = 0; i < kRowTiles; ++i)
          x[t][i][j] = LoadChunk(rows[i] + size_t{tile} * kQGemmTile + j * 64, has && valid[i]);
      }
    }
    LOWP_UNROLL
    for (uint32_t t = 0; t < kAhead; ++t) {
      LOWP_UNROLL
      for (uint32_t j = 0; j < 2; ++j) {
        LOWP_UNROLL
        for (uint32_t word = 0; word < 4; word += 2) {
          const uint32_t a[4] = {w[t][j][0].word[word], w[t][j][1].word[word], w[t][j][0].word[word + 1],
                                 w[t][j][1].word[word + 1]};
          LOWP_UNROLL
          for (uint32_t i = 0; i < kRowTiles; ++i) Mma<kSigned>(acc[i], a, {x[t][i][j].word[word], x[t][i][j].word[word + 1]});
        }
      }
    }
  }

  int32_t* sums = reinterpret_cast<int32_t*>(DynamicShared());  // [kWarps][kRows][kColumns]
  LOWP_UNROLL
  for (uint32_t i = 0; i < kRowTiles; ++i) {
    LOWP_UNROLL
    for (int e = 0; e < 4; ++e) {
      const Cell cell = MmaCellD(static_cast<int>(lane), e);  // its row is a column of C
      sums[(warp * kRows + i * 8 + cell.column) * kColumns + cell.row] = acc[i][e];
    }
  }
  __syncthreads();
  const uint32_t row = threadIdx.x / (kColumns / kQGemmLanes), column = threadIdx.x % (kColumns / kQGemmLanes) * kQGemmLanes;
  const uint32_t col = n0 + column, cols = Below(col, task.n);
  if (row >= min(kRows, task.rows) || cols == 0) return;
  QGemmVector::I sum = QGemmVector::SetI(0);
  LOWP_UNROLL
  for (uint32_t w = 0; w < kWarps; ++w) {
    const int32_t* four = sums + (w * kRows + row) * kColumns + column;
    sum = QGemmVector::AddI(sum, *reinterpret_cast<const QGemmVector::I*>(four));
  }
  StoreSums<kQGemmLanes>(task.store.e, LoadQGemmColumns(task.store, col, cols), sum, row, col, cols,
                         task.store.rows.At(row) + col);
}

}  // namespace

Status RunQGemmSkinny(CudaContext& context, const QGemmTask& task, bool a_signed) {
  return Launch(context, a_signed ? QGemmSkinny<true> : QGemmSkinny<false>, dim3(task.tiles_n), dim3(kThreads),
                kWarps * kRows * kColumns * sizeof(int32_t), task);
}

}  // namespace lowp
