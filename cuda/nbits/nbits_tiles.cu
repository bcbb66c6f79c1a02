// The product with weights of few bits for many rows: int8 tensor cores within a group, float32 between groups.
//
//   rows x columns   warps   a warp has     k at a time   registers   shared memory, of 4 stages
//   128 x 128        8       64 rows x 32   64            240..251    76 KB (4 bits), 92 KB (8 bits): one block a multiprocessor
//    64 x  64        4       32 rows x 32   64            127         38 KB, 46 KB: up to four, where the large ones are too few
//
// Weights are the instruction's A, so that what a lane unpacks (6 operations for 4 registers) serves all rows of its warp. A step
// of 32 depths is 16 independent instructions, between what its groups need at their ends. The ring has four stages filled by
// cp.async, two where the device has less shared memory.
//
// At the end of a group each sum takes 4 instructions (to float32, product of the scales, product, sum), one more with zero
// points, which are there at its start. A group of 32 costs an instruction of 4096 multiply-adds 16 to 20 of these: 4 to 5 clocks
// of a multiprocessor, while its tensor cores would need 2. So expected on an H200: 350 TOPS with groups of 32, 600 from 128
// upwards (of 1200 that mma.sync can give), for 4096^3. NOT timed on a GPU yet.
#include <cuda_runtime.h>

#include "cuda/device/launch.h"
#include "cuda/nbits/nbits_device.cuh"

namespace lowp {
namespace {

// Groups that a block of 64 depths touches, at most.
constexpr uint32_t kMostGroups = kNBitsDepth / kNBitsMinGroup;

// kWarpsN x 2 warps, of 32 columns x 8 kRowBlocks rows.
template <int kBits, int kWarpsN_, int kRowBlocks_>
struct Tile {
  static constexpr int kWarpsN = kWarpsN_, kRowBlocks = kRowBlocks_, kColBlocks = 2;
  static constexpr uint32_t kThreads = 64 * kWarpsN, kRows = 16 * kRowBlocks, kCols = 32 * kWarpsN, kWarpRows = 8 * kRowBlocks;
  // A stage.
  static constexpr uint32_t kBlockBytes = NBitsBlockBytes(kBits);
  static constexpr uint32_t kCodesAt = 0, kWeightsAt = kRows * kNBitsBlockRow,
                            kMetaAt = kWeightsAt + kCols / kNBitsCols * kBlockBytes,
                            kScalesAt = kMetaAt + kMostGroups * kRows * sizeof(NBitsRowGroup),
                            kZerosAt = kScalesAt + kMostGroups * kCols * 4, kStage = kZerosAt + kMostGroups * kCols * 2;
};

struct Place {
  uint32_t m0, n0;
};

// `count` rows of `chunks` pieces of 16 bytes, kStride bytes apart in memory; valid(row, piece) says which exist.
template <uint32_t kThreads, class Valid>
LOWP_DEVICE void Bring(uint8_t* to, const void* from, uint32_t count, uint32_t chunks, uint64_t stride, const Valid& valid) {
  LOWP_NO_UNROLL
  for (uint32_t i = threadIdx.x; i < count * chunks; i += kThreads) {
    const uint32_t row = i / chunks, chunk = i % chunks;
    const bool there = valid(row, chunk);
    CpAsync16(to + i * 16, static_cast<const uint8_t*>(from) + (there ? row * stride + chunk * 16 : 0), there);
  }
}

template <class T>
LOWP_DEVICE void BringStage(const NBitsTask& task, Place place, uint32_t block, uint8_t* stage) {
  const uint32_t rows = task.a.rows - place.m0;
  Bring<T::kThreads>(stage + T::kCodesAt, task.a.codes + (static_cast<uint64_t>(block) * task.a.rows + place.m0) * kNBitsBlockRow,
                     T::kRows, kNBitsBlockRow / 16, kNBitsBlockRow, [&](uint32_t row, uint32_t) { return row < rows; });
  const uint64_t panel_bytes = static_cast<uint64_t>(task.blocks) * T::kBlockBytes;
  const uint32_t panel = place.n0 / kNBitsCols, panels = task.cols / kNBitsCols - panel;
  Bring<T::kThreads>(stage + T::kWeightsAt, task.weights + panel * panel_bytes + block * T::kBlockBytes, T::kCols / kNBitsCols,
                     T::kBlockBytes / 16, panel_bytes, [&](uint32_t row, uint32_t) { return row < panels; });
  const uint32_t first = block * kNBitsDepth >> task.group_shift, left = task.groups - first,
                 groups = task.group < kNBitsDepth ? kNBitsDepth >> task.group_shift : 1;
  const uint64_t meta_at = static_cast<uint64_t>(first) * task.a.meta_rows + place.m0,
                 cols_at = static_cast<uint64_t>(first) * task.cols + place.n0;
  Bring<T::kThreads>(stage + T::kMetaAt, task.a.meta + meta_at, groups, T::kRows / 2, task.a.meta_rows * sizeof(NBitsRowGroup),
                     [&](uint32_t g, uint32_t chunk) { return g < left && place.m0 + chunk * 2 < task.a.meta_rows; });
  Bring<T::kThreads>(stage + T::kScalesAt, task.scales + cols_at, groups, T::kCols / 4, task.cols * sizeof(float),
                     [&](uint32_t g, uint32_t chunk) { return g < left && place.n0 + chunk * 4 < task.cols; });
  if (task.zeros == nullptr) return;
  Bring<T::kThreads>(stage + T::kZerosAt, task.zeros + cols_at, groups, T::kCols / 8, task.cols * sizeof(int16_t),
                     [&](uint32_t g, uint32_t chunk) { return g < left && place.n0 + chunk * 8 < task.cols; });
}

// What a warp does with a stage, a step (or half of one) after the other. sums: of a group that is not complete; acc: of complete
// ones.
template <int kBits, class T>
LOWP_DEVICE void Multiply(const NBitsTask& task, const uint8_t* stage, uint32_t block,
                          int (&sums)[T::kRowBlocks][T::kColBlocks][4], float (&acc)[T::kRowBlocks][T::kColBlocks][4]) {
  const uint32_t lane = threadIdx.x % 32, warp = threadIdx.x / 32;
  const uint32_t col = warp % T::kWarpsN * 32 + lane / 4, first_row = warp / T::kWarpsN * T::kWarpRows;
  const uint32_t row = first_row + lane % 4 * 2, group = task.group, depths = group < 32 ? group : 32;
  const uint8_t* weights = stage + T::kWeightsAt + warp % T::kWarpsN * T::kColBlocks * T::kBlockBytes;
  const int32_t base = task.wide ? 0 : kNBitsShiftBits;
  LOWP_NO_UNROLL
  for (uint32_t at = 0; at < kNBitsDepth; at += depths) {
    const uint32_t step = at / 32, g = group < kNBitsDepth ? at >> task.group_shift : 0;
    const NBitsGroup constants{
        reinterpret_cast<const NBitsRowGroup*>(stage + T::kMetaAt) + g * T::kRows,
        reinterpret_cast<const float*>(stage + T::kScalesAt) + g * T::kCols,
        task.zeros == nullptr ? nullptr : reinterpret_cast<const int16_t*>(stage + T::kZerosAt) + g * T::kCols};
    const uint32_t depth = block * kNBitsDepth + at;
    if ((depth & (group - 1)) == 0) {
      LOWP_UNROLL
      for (int j = 0; j < T::kRowBlocks; ++j) {
        LOWP_UNROLL
        for (int i = 0; i < T::kColBlocks; ++i) NBitsStart(constants, col + i * 16, row + j * 8, base, sums[j][i]);
      }
    }
    uint32_t a[T::kColBlocks][4];
    LOWP_UNROLL
    for (int i = 0; i < T::kColBlocks; ++i) LoadWeights<kBits>(weights + i * T::kBlockBytes, step, lane, a[i]);
    const NBitsHalves halves{at % 32 == 0, at % 32 != 0 || depths == 32};
    LOWP_UNROLL
    for (int j = 0; j < T::kRowBlocks; ++j) {
      uint32_t b[2];
      LoadCodes(stage + T::kCodesAt, step, first_row + j * 8 + lane / 4, lane % 4, halves, b);
      LOWP_UNROLL
      for (int i = 0; i < T::kColBlocks; ++i) MmaS8(sums[j][i], a[i], b);
    }
    const bool last = block + 1 == task.blocks && at + depths == kNBitsDepth;
    if (((depth + depths) & (group - 1)) != 0 && !last) continue;
    LOWP_UNROLL
    for (int j = 0; j < T::kRowBlocks; ++j) {
      LOWP_UNROLL
      for (int i = 0; i < T::kColBlocks; ++i) {
        float products[4];
        NBitsEnd(constants, col + i * 16, row + j * 8, task.wide, sums[j][i], products);
        LOWP_UNROLL
        for (int e = 0; e < 4; ++e) acc[j][i][e] = __fadd_rn(acc[j][i][e], products[e]);
      }
    }
  }
}

// By 16 rows of both rows of warps.
template <class T>
LOWP_DEVICE void Store(const NBitsTask& task, Place place, const float (&acc)[T::kRowBlocks][T::kColBlocks][4], float* shared) {
  constexpr uint32_t kStride = T::kCols + 4;  // a gap, because lanes have columns and registers rows
  const uint32_t lane = threadIdx.x % 32, warp = threadIdx.x / 32;
  LOWP_NO_UNROLL
  for (int pass = 0; pass < T::kRowBlocks / 2; ++pass) {
    __syncthreads();
    LOWP_UNROLL
    for (int j = 0; j < T::kRowBlocks; ++j) {
      if (j / 2 != pass) continue;
      LOWP_UNROLL
      for (int i = 0; i < T::kColBlocks; ++i) {
        LOWP_UNROLL
        for (int e = 0; e < 4; ++e) {
          const Cell cell = MmaCellD(static_cast<int>(lane), e);
          shared[(warp / T::kWarpsN * 16 + j % 2 * 8 + cell.column) * kStride + warp % T::kWarpsN * 32 + i * 16 + cell.row] =
              acc[j][i][e];
        }
      }
    }
    __syncthreads();
    LOWP_NO_UNROLL
    for (uint32_t i = threadIdx.x; i < 32 * T::kCols / 4; i += T::kThreads) {
      const uint32_t from_row = i / (T::kCols / 4), from_col = i % (T::kCols / 4) * 4;
      const uint32_t m = place.m0 + from_row / 16 * T::kWarpRows + pass * 16 + from_row % 16, n = place.n0 + from_col;
      if (m < task.a.rows && n < task.n) {
        StoreFloats<4>(task.store, *reinterpret_cast<const Pack<float, 4>*>(shared + from_row * kStride + from_col), m, n,
                       task.n - n);
      }
    }
  }
}

template <int kBits, int kWarpsN, int kRowBlocks>
LOWP_KERNEL __launch_bounds__(64 * kWarpsN, 1) NBitsTiles(NBitsTask task, uint32_t stages) {
  using T = Tile<kBits, kWarpsN, kRowBlocks>;
  uint8_t* shared = DynamicShared();
  uint32_t m_tile = blockIdx.x;
  const uint32_t n_tile = Divide(m_tile, task.tiles);
  const Place place{m_tile * T::kRows, n_tile * T::kCols};

  float acc[T::kRowBlocks][T::kColBlocks][4] = {};
  int sums[T::kRowBlocks][T::kColBlocks][4] = {};
  LOWP_NO_UNROLL
  for (uint32_t stage = 0; stage + 1 < stages; ++stage) {
    if (stage < task.blocks) BringStage<T>(task, place, stage, shared + stage * T::kStage);
    CpAsyncCommit();
  }
  uint32_t at = 0;
  LOWP_NO_UNROLL
  for (uint32_t block = 0; block < task.blocks; ++block) {
    if (stages == 4) {
      CpAsyncWait<2>();
    } else {
      CpAsyncWait<0>();
    }
    __syncthreads();
    const uint32_t next = block + stages - 1;
    if (next < task.blocks) BringStage<T>(task, place, next, shared + (at == 0 ? stages - 1 : at - 1) * T::kStage);
    CpAsyncCommit();
    Multiply<kBits, T>(task, shared + at * T::kStage, block, sums, acc);
    at = at + 1 == stages ? 0 : at + 1;
  }
  CpAsyncWait<0>();
  Store<T>(task, place, acc, reinterpret_cast<float*>(shared));
}

template <int kBits, int kWarpsN, int kRowBlocks>
Status Start(CudaContext& context, NBitsTask task) {
  using T = Tile<kBits, kWarpsN, kRowBlocks>;
  const uint64_t m_tiles = (uint64_t{task.a.rows} + T::kRows - 1) / T::kRows,
                 n_tiles = (uint64_t{task.n} + T::kCols - 1) / T::kCols;
  if (m_tiles * n_tiles > INT32_MAX)
    return {Code::kShape, "Expected at most 2147483647 tiles of a product but its sizes give more"};
  // Neighbouring blocks share rows, which the columns' weights are the smaller part of.
  task.tiles = Divisor(static_cast<uint32_t>(n_tiles));
  const uint32_t stages = 4 * T::kStage <= context.device().shared_bytes ? 4 : 2;
  return Launch(context, NBitsTiles<kBits, kWarpsN, kRowBlocks>, dim3(static_cast<uint32_t>(m_tiles * n_tiles)),
                dim3(T::kThreads), stages * T::kStage, task, stages);
}

}  // namespace

Status LaunchNBitsTiles(CudaContext& context, uint32_t bits, bool large, NBitsTask task) {
  if (bits == 4) return large ? Start<4, 4, 8>(context, task) : Start<4, 2, 4>(context, task);
  return large ? Start<8, 4, 8>(context, task) : Start<8, 2, 4>(context, task);
}

}  // namespace lowp
