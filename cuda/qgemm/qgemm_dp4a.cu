// The int8 product by dp4a, for capability 7.5, whose mma.sync has other shapes. Plain enough to be the device's own reference.
//
// A block of 256 threads has a tile of 64 x 64 of C, a thread 4 x 4. K passes 64 bytes a row at a time through shared memory,
// turned so that the words of neighbouring rows (columns) stand together: two 16-byte reads for 16 dp4a. The next 64 bytes are on
// their way in registers meanwhile. 8.5 KB of shared memory, 70 registers, no spills. It has NOT been timed on a GPU yet.
#include <cuda_runtime.h>

#include "cuda/device/launch.h"
#include "cuda/qgemm/qgemm_kernels.h"
#include "cuda/qgemm/qgemm_store.cuh"

namespace lowp {
namespace {

constexpr uint32_t kThreads = 256, kTile = kQGemmDp4a.rows, kStep = kQGemmDp4a.step;
constexpr uint32_t kChunks = kStep / kQGemmChunk, kWords = kStep / 4;
static_assert(kTile * kChunks == kThreads, "a thread brings one chunk of each operand");
constexpr uint32_t kPitch = kTile + 4;  // words: a multiple of 4, with which a row's four chunks go to two banks

template <bool kSigned>
LOWP_DEVICE int Dot(uint32_t a, uint32_t b, int c) {
  if constexpr (kSigned) {
    return Dp4aS8S8(a, b, c);
  } else {
    return Dp4aU8S8(a, b, c);
  }
}

LOWP_DEVICE void Scatter(uint32_t* to, const uint4& chunk) {
  to[0] = chunk.x;
  to[kPitch] = chunk.y;
  to[2 * kPitch] = chunk.z;
  to[3 * kPitch] = chunk.w;
}

template <bool kSigned>
LOWP_KERNEL __launch_bounds__(kThreads) QGemmDp4a(QGemmTask task) {
  uint32_t* a_words = reinterpret_cast<uint32_t*>(DynamicShared());  // [kWords][kPitch]
  uint32_t* b_words = a_words + kWords * kPitch;
  const QGemmTileIndex tile = QGemmTileAt(blockIdx.x, task.tiles_m, task.tiles_n);
  const uint32_t m0 = tile.m * kTile, n0 = tile.n * kTile;
  const uint32_t row = threadIdx.x / kChunks, chunk = threadIdx.x % kChunks;
  const bool valid = m0 + row < task.rows;
  const uint8_t* a = task.a + (valid ? task.a_rows.At(m0 + row) : 0) + chunk * kQGemmChunk;
  const uint8_t* b = task.tiles + size_t{n0 / kQGemmTile} * task.k_tiles * kQGemmTileBytes;
  const uint32_t steps = CeilDiv(task.k_chunks, kChunks);

  const uint4 none = make_uint4(0, 0, 0, 0);
  uint4 a_next = none, b_next = none;
  const auto bring = [&](uint32_t step) {
    a_next = valid && step * kChunks + chunk < task.k_chunks ? *reinterpret_cast<const uint4*>(a + size_t{step} * kStep) : none;
    const uint32_t depth = step % (kQGemmTile / kStep) * kStep + chunk * kQGemmChunk;
    b_next = *reinterpret_cast<const uint4*>(b + size_t{step / (kQGemmTile / kStep)} * kQGemmTileBytes +
                                             WgmmaOffset128(n0 % kQGemmTile + row, depth));
  };
  if (steps > 0) bring(0);
  const uint32_t own_row = threadIdx.x / 16 * 4, own_column = threadIdx.x % 16 * 4;
  QGemmVector::I acc[4] = {};
  LOWP_NO_UNROLL
  for (uint32_t step = 0; step < steps; ++step) {
    Scatter(a_words + chunk * 4 * kPitch + row, a_next);
    Scatter(b_words + chunk * 4 * kPitch + row, b_next);
    __syncthreads();
    if (step + 1 < steps) bring(step + 1);
    LOWP_UNROLL
    for (uint32_t k = 0; k < kWords; ++k) {
      const uint4 x = *reinterpret_cast<const uint4*>(a_words + k * kPitch + own_row);
      const uint4 y = *reinterpret_cast<const uint4*>(b_words + k * kPitch + own_column);
      const uint32_t rows[4] = {x.x, x.y, x.z, x.w}, columns[4] = {y.x, y.y, y.z, y.w};
      LOWP_UNROLL
      for (int i = 0; i < 4; ++i) {
        LOWP_UNROLL
        for (int j = 0; j < 4; ++j) acc[i].lane[j] = Dot<kSigned>(rows[i], columns[j], acc[i].lane[j]);
      }
    }
    __syncthreads();
  }
  const uint32_t col = n0 + own_column, cols = Below(col, task.n);
  if (cols == 0) return;
  const QGemmColumns columns = LoadQGemmColumns(task.store, col, cols);
  LOWP_NO_UNROLL
  for (uint32_t r = m0 + own_row; r < min(m0 + own_row + 4, task.rows); ++r) {
    StoreSums<kQGemmLanes>(task.store.e, columns, acc[0], r, col, cols, task.store.rows.At(r) + col);
    LOWP_UNROLL
    for (int i = 1; i < 4; ++i) acc[i - 1] = acc[i];  // the epilogue stands here once
  }
}

}  // namespace

Status RunQGemmDp4a(CudaContext& context, const QGemmTask& task, bool a_signed) {
  return Launch(context, a_signed ? QGemmDp4a<true> : QGemmDp4a<false>, dim3(task.tiles_m * task.tiles_n), dim3(kThreads),
                2 * kWords * kPitch * sizeof(uint32_t), task);
}

}  // namespace lowp
