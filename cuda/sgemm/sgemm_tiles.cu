// The float32 product by fused multiply-adds, one chain a sum, k ascending.
//
//   tile of C     threads   a thread has   k at a time   registers   shared memory (16-bit weights)
//   128 x 128     256       8 x 8          16            125..128    32 (36) KB: two blocks a multiprocessor
//    64 x  32     128       4 x 4          16            87..91      12 (13) KB: four, where the large ones are too few
//
//           32 columns             32          B: [k][column] as packed, by cp.async; 16-bit weights are widened on the way
//         +--------------------+--------+
//      4  | 0 1 .. 7: a thread | again  |      A: [k][row]: each thread brings 8 depths of a row, the lanes of a warp
//      4  | 8 .. 15: 4 x 4     |        |      neighbouring rows, so that storing them transposed meets 32 banks
//      4  |                    |        |
//      4  |                    |        |      A warp of the large tile: 32 x 64, read as 2 + 2 vectors of 16 bytes for
//    16   | again              |        |      64 multiply-adds.
//         +--------------------+--------+
//
// While a tile is multiplied the next one's B is on its way to the other half of shared memory and its A to registers. Sums pass
// through shared memory to be stored in whole rows.
//
// Work: 2 M N K operations; bytes from memory (or L2): (M K N / 128 + K N M / 128) * 4. Expected on an H200 (132 multiprocessors
// of 128 multiply-adds a clock, 66 TFLOP/s at 1.98 GHz): 80 to 85% of that for 4096^3, the rest being loads from shared memory
// that share the issue slots (4 of 68 instructions a depth) and barriers. NOT timed on a GPU yet.
#include <cuda_runtime.h>

#include <type_traits>

#include "cuda/device/launch.h"
#include "cuda/sgemm/sgemm.h"
#include "cuda/sgemm/sgemm_device.cuh"

namespace lowp {
namespace {

constexpr int kDepth = 16;
constexpr int kRowsOfA = 8;  // depths of a row of A that a thread brings

// Warps of 16 kRowGroups x 32 kColGroups.
template <int kWarpsM_, int kWarpsN_, int kRowGroups_, int kColGroups_>
struct Shape {
  static constexpr int kWarpsM = kWarpsM_, kWarpsN = kWarpsN_, kRowGroups = kRowGroups_, kColGroups = kColGroups_;
  static constexpr int kThreads = 32 * kWarpsM * kWarpsN;
  static constexpr int kRows = 16 * kRowGroups * kWarpsM, kCols = 32 * kColGroups * kWarpsN;
  static constexpr int kSharedA = kDepth * kRows, kSharedB = kDepth * kCols;  // floats, of one half
  static constexpr int kSharedBytes = 2 * (kSharedA + kSharedB) * 4;
  static constexpr int kThreadRows = 4 * kRowGroups, kThreadCols = 4 * kColGroups;
  static_assert(kRows * kDepth == kThreads * kRowsOfA, "each thread brings 8 elements of A");
  static_assert(16 * kWarpsM * kCols <= 2 * (kSharedA + kSharedB), "sums of one row group fit");
};
using LargeShape = Shape<4, 2, 2, 2>;
using SmallShape = Shape<4, 1, 1, 1>;

// Brings kDepth rows of B to `shared` by cp.async; 16 bits come to `raw` first, from where each thread widens its own.
template <bool k16Bits, class S>
struct BringB {
  static constexpr int kPerChunk = k16Bits ? 8 : 4;
  static constexpr int kChunks = kDepth * S::kCols / kPerChunk, kPerThread = (kChunks + S::kThreads - 1) / S::kThreads;
  static constexpr int kRawBytes = k16Bits ? 16 * kChunks : 0;
  using Element = std::conditional_t<k16Bits, uint16_t, float>;
  using Chunk = Pack<Element, kPerChunk>;

  template <class Body>
  LOWP_DEVICE static void ForChunks(const Body& body) {
    LOWP_UNROLL
    for (int i = 0; i < kPerThread; ++i) {
      const int chunk = static_cast<int>(threadIdx.x) + i * S::kThreads;
      if (kChunks % S::kThreads == 0 || chunk < kChunks) body(chunk);
    }
  }
  LOWP_DEVICE static void Start(const SGemmTask& task, const SGemmBlock& block, uint32_t k0, float* shared, Chunk* raw) {
    ForChunks([&](int chunk) {
      const uint32_t k = k0 + chunk / (S::kCols / kPerChunk), n = block.n0 + chunk % (S::kCols / kPerChunk) * kPerChunk;
      const bool valid = k < block.k_end && n < task.ldb;
      const Element* from = static_cast<const Element*>(task.b) + (valid ? k * task.ldb + n : 0);
      CpAsync16(k16Bits ? static_cast<void*>(raw + chunk) : shared + chunk * kPerChunk, from, valid);
    });
    CpAsyncCommit();
  }
  LOWP_DEVICE static void Finish(SGemmStorage storage, float* shared, const Chunk* raw) {
    if constexpr (k16Bits) {
      CpAsyncWait<0>();
      ForChunks([&](int chunk) {
        const Chunk codes = raw[chunk];
        Pack<float, 4> wide[2];
        LOWP_UNROLL
        for (int j = 0; j < 8; ++j) {
          const uint16_t code = codes.lane[j];
          wide[j / 4].lane[j % 4] = storage == SGemmStorage::kBfloat16 ? Bf16ToFloat(code) : HalfToFloatAnyNan(code);
        }
        Pack<float, 4>* to = reinterpret_cast<Pack<float, 4>*>(shared + chunk * kPerChunk);
        to[0] = wide[0];
        to[1] = wide[1];
      });
    }
  }
};

template <class S>
LOWP_DEVICE void StoreA(const float (&x)[kRowsOfA], float* shared) {
  const int row = static_cast<int>(threadIdx.x) % S::kRows, k = static_cast<int>(threadIdx.x) / S::kRows * kRowsOfA;
  LOWP_UNROLL
  for (int i = 0; i < kRowsOfA; ++i) shared[(k + i) * S::kRows + row] = x[i];
}

// One depth: a and b point to its rows in shared memory, at this thread's first row and column.
template <class S>
LOWP_DEVICE void MultiplyAdd(const float* a, const float* b, float (&acc)[S::kThreadRows][S::kThreadCols]) {
  Pack<float, 4> rows[S::kRowGroups], cols[S::kColGroups];
  LOWP_UNROLL
  for (int g = 0; g < S::kRowGroups; ++g) rows[g] = *reinterpret_cast<const Pack<float, 4>*>(a + g * 16);
  LOWP_UNROLL
  for (int h = 0; h < S::kColGroups; ++h) cols[h] = *reinterpret_cast<const Pack<float, 4>*>(b + h * 32);
  LOWP_UNROLL
  for (int i = 0; i < S::kThreadRows; ++i) {
    LOWP_UNROLL
    for (int j = 0; j < S::kThreadCols; ++j) acc[i][j] = __fmaf_rn(rows[i / 4].lane[i % 4], cols[j / 4].lane[j % 4], acc[i][j]);
  }
}

// By 16 rows of each row of warps.
template <class S>
LOWP_DEVICE void Store(const SGemmTask& task, const SGemmBlock& block, const float (&acc)[S::kThreadRows][S::kThreadCols],
                       float* shared) {
  const int warp = static_cast<int>(threadIdx.x) / 32, lane = static_cast<int>(threadIdx.x) % 32;
  const int row = warp / S::kWarpsN * 16 + lane / 8 * 4, col = warp % S::kWarpsN * 32 * S::kColGroups + lane % 8 * 4;
  LOWP_NO_UNROLL
  for (int g = 0; g < S::kRowGroups; ++g) {
    __syncthreads();
    LOWP_UNROLL
    for (int i = 0; i < S::kThreadRows; ++i) {
      if (i / 4 != g) continue;
      LOWP_UNROLL
      for (int h = 0; h < S::kColGroups; ++h) {
        Pack<float, 4>* to = reinterpret_cast<Pack<float, 4>*>(shared + (row + i % 4) * S::kCols + col + h * 32);
        *to = {{acc[i][h * 4], acc[i][h * 4 + 1], acc[i][h * 4 + 2], acc[i][h * 4 + 3]}};
      }
    }
    __syncthreads();
    LOWP_NO_UNROLL
    for (int i = static_cast<int>(threadIdx.x); i < 4 * S::kWarpsM * S::kCols; i += S::kThreads) {
      const int from_row = i / (S::kCols / 4), from_col = i % (S::kCols / 4) * 4;
      const uint32_t m = block.m0 + from_row / 16 * 16 * S::kRowGroups + g * 16 + from_row % 16, n = block.n0 + from_col;
      if (m < task.m && n < task.n) {
        StoreFloats<4>(block.store, *reinterpret_cast<const Pack<float, 4>*>(shared + from_row * S::kCols + from_col), m, n,
                       task.n - n);
      }
    }
  }
}

template <bool k16Bits, class S>
LOWP_KERNEL __launch_bounds__(S::kThreads, 512 / S::kThreads) SGemmTiles(SGemmTask task, SGemmStorage storage) {
  float* shared_a = reinterpret_cast<float*>(DynamicShared());
  float* shared_b = shared_a + 2 * S::kSharedA;
  const SGemmBlock block = SGemmBlockOf(task, S::kRows, S::kCols);
  const int warp = static_cast<int>(threadIdx.x) / 32, lane = static_cast<int>(threadIdx.x) % 32;
  const int row = warp / S::kWarpsN * 16 * S::kRowGroups + lane / 8 * 4,
            col = warp % S::kWarpsN * 32 * S::kColGroups + lane % 8 * 4;
  const uint32_t my_row = block.m0 + threadIdx.x % S::kRows, my_k = threadIdx.x / S::kRows * kRowsOfA;

  float acc[S::kThreadRows][S::kThreadCols] = {};
  float a[kRowsOfA];
  using B = BringB<k16Bits, S>;
  typename B::Chunk* raw = reinterpret_cast<typename B::Chunk*>(shared_b + 2 * S::kSharedB);
  if (block.k_begin < block.k_end) {
    B::Start(task, block, block.k_begin, shared_b, raw);
    LoadRowOfA(task, block, my_row, block.k_begin + my_k, a);
    StoreA<S>(a, shared_a);
    B::Finish(storage, shared_b, raw);
  }
  LOWP_NO_UNROLL
  for (uint32_t k0 = block.k_begin, half = 0; k0 < block.k_end; k0 += kDepth, half ^= 1) {
    CpAsyncWait<0>();
    __syncthreads();
    const bool more = k0 + kDepth < block.k_end;
    float* next_b = shared_b + (half ^ 1) * S::kSharedB;
    if (more) {
      B::Start(task, block, k0 + kDepth, next_b, raw);
      LoadRowOfA(task, block, my_row, k0 + kDepth + my_k, a);
    }
    const float* from_a = shared_a + half * S::kSharedA + row;
    const float* from_b = shared_b + half * S::kSharedB + col;
    if (k0 + kDepth <= block.k_end) {
      LOWP_UNROLL
      for (int k = 0; k < kDepth; ++k) MultiplyAdd<S>(from_a + k * S::kRows, from_b + k * S::kCols, acc);
    } else {
      // No depth too many: a sum of -0 plus 0 would be 0.
      LOWP_NO_UNROLL
      for (uint32_t k = 0; k < block.k_end - k0; ++k) MultiplyAdd<S>(from_a + k * S::kRows, from_b + k * S::kCols, acc);
    }
    if (more) {
      StoreA<S>(a, shared_a + (half ^ 1) * S::kSharedA);
      B::Finish(storage, next_b, raw);
    }
  }
  Store<S>(task, block, acc, shared_a);
}

template <bool k16Bits, class S>
Status Start(CudaContext& context, SGemmStorage storage, SGemmTask task) {
  uint64_t blocks;
  if (!SetTiles(&task, S::kRows, S::kCols, &blocks))
    return {Code::kShape, "Expected at most 2147483647 tiles of a product but its sizes give more"};
  return Launch(context, SGemmTiles<k16Bits, S>, dim3(static_cast<uint32_t>(blocks)), dim3(S::kThreads),
                S::kSharedBytes + BringB<k16Bits, S>::kRawBytes, task, storage);
}

}  // namespace

Status LaunchSGemmTiles(CudaContext& context, SGemmStorage storage, bool large, SGemmTask task) {
  if (storage == SGemmStorage::kFloat32)
    return large ? Start<false, LargeShape>(context, storage, task) : Start<false, SmallShape>(context, storage, task);
  return large ? Start<true, LargeShape>(context, storage, task) : Start<true, SmallShape>(context, storage, task);
}

}  // namespace lowp
