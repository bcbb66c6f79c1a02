// The float32 product on the tensor cores, which round A: only on request. See sgemm_abi.h for the error.
//
// Tiles of 128 x 128, 8 warps of 64 x 32, 32 depths of 16-bit floats or 16 of tf32 at a time: 64 bytes of a row of A, of which a
// warp's instruction takes 32. A is rounded as it is stored to shared memory, in rows of 80 bytes: ldmatrix and the stores meet
// all banks. It reads tf32 too, as pairs of 16 bits. B stays [k][column]: 16 bits through transposing ldmatrix, tf32 word by
// word. Shared memory: two halves of 10 KB of A and 8.5 KB of B.
//
// Expected on an H200: about 40% of mma.sync's rate (which is some 60% of wgmma's): 100 TFLOP/s of tf32, 200 of 16-bit floats,
// for 4096^3; one barrier for 32 instructions of a warp keeps it there. NOT timed on a GPU yet.
#include <cuda_runtime.h>

#include "cuda/device/launch.h"
#include "cuda/sgemm/sgemm.h"
#include "cuda/sgemm/sgemm_device.cuh"

namespace lowp {
namespace {

constexpr int kThreads = 256, kTile = 128, kWarpRows = 64, kWarpCols = 32;
constexpr int kRowBytes = 64, kRowStride = 80, kStepBytes = 32;  // of A in shared memory
constexpr int kSteps = kRowBytes / kStepBytes;
constexpr int kSharedA = kTile * kRowStride;
// Elements of A that a thread brings at a time: once for tf32, twice for 16 bits, so that few wait in registers.
constexpr int kPart = 8;

template <SGemmStorage kStorage>
struct Format {
  static constexpr bool kTf32 = kStorage == SGemmStorage::kFloat32;
  static constexpr int kBytes = kTf32 ? 4 : 2, kDepth = kRowBytes / kBytes, kStep = kStepBytes / kBytes;
  static constexpr int kParts = kTile * kDepth / kThreads / kPart;
  // A gap of 16 bytes, or of 32 for tf32, whose words are read 4 rows by 8 columns at a time.
  static constexpr int kStrideB = kTile * kBytes + (kTf32 ? 32 : 16);
  static constexpr int kSharedB = kDepth * kStrideB, kHalf = kSharedA + kSharedB;
};
// Sums pass through here to be stored, 32 rows at a time.
constexpr int kStoreRows = 32;
static_assert(kStoreRows * kTile * 4 <= 2 * Format<SGemmStorage::kBfloat16>::kHalf, "they fit");

LOWP_DEVICE void Multiply(Format<SGemmStorage::kFloat32>, float (&d)[4], const uint32_t (&a)[4], const uint32_t (&b)[2]) {
  MmaTf32(d, a, b);
}
LOWP_DEVICE void Multiply(Format<SGemmStorage::kBfloat16>, float (&d)[4], const uint32_t (&a)[4], const uint32_t (&b)[2]) {
  MmaBf16(d, a, b);
}
LOWP_DEVICE void Multiply(Format<SGemmStorage::kFloat16>, float (&d)[4], const uint32_t (&a)[4], const uint32_t (&b)[2]) {
  MmaF16(d, a, b);
}

// The part that begins at depth k of its row of A, rounded.
template <SGemmStorage kStorage>
LOWP_DEVICE void StoreA(const float (&x)[kPart], uint32_t k, uint8_t* shared) {
  using F = Format<kStorage>;
  Pack<uint32_t, 4>* to = reinterpret_cast<Pack<uint32_t, 4>*>(shared + threadIdx.x % kTile * kRowStride + k * F::kBytes);
  if constexpr (F::kTf32) {
    LOWP_UNROLL
    for (int i = 0; i < 2; ++i) {
      to[i] = {{FloatToTf32(x[4 * i]), FloatToTf32(x[4 * i + 1]), FloatToTf32(x[4 * i + 2]), FloatToTf32(x[4 * i + 3])}};
    }
  } else {
    Pack<uint32_t, 4> words;
    LOWP_UNROLL
    for (int i = 0; i < 4; ++i) {
      const uint32_t low = SGemmElement<kStorage>::Round(x[2 * i]), high = SGemmElement<kStorage>::Round(x[2 * i + 1]);
      words.lane[i] = low | high << 16;
    }
    *to = words;
  }
}

// kDepth rows of B in chunks of 16 bytes, two for each thread: 16-bit ones by cp.async, float32 through registers to be rounded.
template <SGemmStorage kStorage>
struct BringB {
  using F = Format<kStorage>;
  using Element = typename SGemmElement<kStorage>::Type;
  static constexpr int kPerChunk = 16 / F::kBytes, kRowChunks = kTile / kPerChunk;
  Pack<float, 4> held[F::kTf32 ? 2 : 1];

  LOWP_DEVICE static uint8_t* Place(uint8_t* shared, int chunk) {
    return shared + chunk / kRowChunks * F::kStrideB + chunk % kRowChunks * 16;
  }
  LOWP_DEVICE void Start(const SGemmTask& task, const SGemmBlock& block, uint32_t k0, uint8_t* shared) {
    LOWP_UNROLL
    for (int i = 0; i < 2; ++i) {
      const int chunk = static_cast<int>(threadIdx.x) + i * kThreads;
      const uint32_t k = k0 + chunk / kRowChunks, n = block.n0 + chunk % kRowChunks * kPerChunk;
      const bool valid = k < block.k_end && n < task.ldb;
      const Element* from = static_cast<const Element*>(task.b) + (valid ? k * task.ldb + n : 0);
      if constexpr (F::kTf32) {
        held[i] = {};
        if (valid) held[i] = *reinterpret_cast<const Pack<float, 4>*>(from);
      } else {
        CpAsync16(Place(shared, chunk), from, valid);
      }
    }
    CpAsyncCommit();
  }
  LOWP_DEVICE void Finish(uint8_t* shared) {
    if constexpr (F::kTf32) {
      LOWP_UNROLL
      for (int i = 0; i < 2; ++i) {
        const Pack<float, 4>& x = held[i];
        *reinterpret_cast<Pack<uint32_t, 4>*>(Place(shared, static_cast<int>(threadIdx.x) + i * kThreads)) = {
            {FloatToTf32(x.lane[0]), FloatToTf32(x.lane[1]), FloatToTf32(x.lane[2]), FloatToTf32(x.lane[3])}};
      }
    }
  }
};

// B of one step and kWarpCols columns: `shared` is at the first of each.
template <SGemmStorage kStorage>
LOWP_DEVICE void LoadB(const uint8_t* shared, uint32_t (&b)[kWarpCols / 8][2]) {
  using F = Format<kStorage>;
  const uint32_t lane = threadIdx.x % 32;
  if constexpr (F::kTf32) {
    LOWP_UNROLL
    for (int j = 0; j < kWarpCols / 8; ++j) {
      LOWP_UNROLL
      for (int i = 0; i < 2; ++i)
        b[j][i] = *reinterpret_cast<const uint32_t*>(shared + (lane % 4 + 4 * i) * F::kStrideB + (j * 8 + lane / 4) * 4);
    }
  } else {
    LOWP_UNROLL
    for (int j = 0; j < kWarpCols / 8; j += 2) {
      uint32_t four[4];
      LdMatrix4Trans(four, shared + lane % 16 * F::kStrideB + (j * 8 + lane / 16 * 8) * 2);
      b[j][0] = four[0];
      b[j][1] = four[1];
      b[j + 1][0] = four[2];
      b[j + 1][1] = four[3];
    }
  }
}

using Sums = float[kWarpRows / 16][kWarpCols / 8][4];

// By 16 rows of both rows of warps.
LOWP_DEVICE void Store(const SGemmTask& task, const SGemmBlock& block, const Sums& acc, float* shared) {
  const int warp = static_cast<int>(threadIdx.x) / 32, lane = static_cast<int>(threadIdx.x) % 32;
  LOWP_NO_UNROLL
  for (int g = 0; g < kWarpRows / 16; ++g) {
    __syncthreads();
    LOWP_UNROLL
    for (int i = 0; i < kWarpRows / 16; ++i) {
      if (i != g) continue;
      LOWP_UNROLL
      for (int j = 0; j < kWarpCols / 8; ++j) {
        LOWP_UNROLL
        for (int e = 0; e < 4; ++e) {
          const Cell cell = MmaCellD(lane, e);
          shared[(warp / 4 * 16 + cell.row) * kTile + warp % 4 * kWarpCols + j * 8 + cell.column] = acc[i][j][e];
        }
      }
    }
    __syncthreads();
    LOWP_NO_UNROLL
    for (int i = static_cast<int>(threadIdx.x); i < kStoreRows * kTile / 4; i += kThreads) {
      const int from_row = i / (kTile / 4), from_col = i % (kTile / 4) * 4;
      const uint32_t m = block.m0 + from_row / 16 * kWarpRows + g * 16 + from_row % 16, n = block.n0 + from_col;
      if (m < task.m && n < task.n)
        StoreFloats<4>(block.store, *reinterpret_cast<const Pack<float, 4>*>(shared + i * 4), m, n, task.n - n);
    }
  }
}

template <SGemmStorage kStorage>
LOWP_KERNEL __launch_bounds__(kThreads, 2) SGemmTensor(SGemmTask task) {
  using F = Format<kStorage>;
  uint8_t* shared = DynamicShared();
  const SGemmBlock block = SGemmBlockOf(task, kTile, kTile);
  const uint32_t warp = threadIdx.x / 32, lane = threadIdx.x % 32;
  const uint32_t my_row = block.m0 + threadIdx.x % kTile, my_k = threadIdx.x / kTile * (F::kParts * kPart);
  const uint32_t a_at = (warp / 4 * kWarpRows + lane % 16) * kRowStride + lane / 16 * 16,
                 b_at = kSharedA + warp % 4 * kWarpCols * F::kBytes;

  Sums acc = {};
  float a[kPart];
  BringB<kStorage> b;
  if (block.k_begin < block.k_end) {
    b.Start(task, block, block.k_begin, shared + kSharedA);
    LOWP_UNROLL
    for (int part = 0; part < F::kParts; ++part) {
      LoadRowOfA(task, block, my_row, block.k_begin + my_k + part * kPart, a);
      StoreA<kStorage>(a, my_k + part * kPart, shared);
    }
    b.Finish(shared + kSharedA);
  }
  LOWP_NO_UNROLL
  for (uint32_t k0 = block.k_begin, half = 0; k0 < block.k_end; k0 += F::kDepth, half ^= 1) {
    CpAsyncWait<0>();
    __syncthreads();
    const bool more = k0 + F::kDepth < block.k_end;
    uint8_t* next = shared + (half ^ 1) * F::kHalf;
    if (more) {
      b.Start(task, block, k0 + F::kDepth, next + kSharedA);
      LoadRowOfA(task, block, my_row, k0 + F::kDepth + my_k, a);
    }
    const uint8_t* now = shared + half * F::kHalf;
    LOWP_UNROLL
    for (int step = 0; step < kSteps; ++step) {
      uint32_t weights[kWarpCols / 8][2];
      LoadB<kStorage>(now + b_at + step * F::kStep * F::kStrideB, weights);
      LOWP_UNROLL
      for (int i = 0; i < kWarpRows / 16; ++i) {
        uint32_t rows[4];
        LdMatrix4(rows, now + a_at + i * 16 * kRowStride + step * kStepBytes);
        LOWP_UNROLL
        for (int j = 0; j < kWarpCols / 8; ++j) Multiply(F{}, acc[i][j], rows, weights[j]);
      }
      if (!more || step < kSteps - F::kParts) continue;
      const uint32_t part = step + F::kParts - kSteps;
      StoreA<kStorage>(a, my_k + part * kPart, next);
      if (step + 1 < kSteps) LoadRowOfA(task, block, my_row, k0 + F::kDepth + my_k + (part + 1) * kPart, a);
    }
    if (more) b.Finish(next + kSharedA);
  }
  Store(task, block, acc, reinterpret_cast<float*>(shared));
}

template <SGemmStorage kStorage>
Status Start(CudaContext& context, SGemmTask task) {
  uint64_t blocks;
  if (!SetTiles(&task, kTile, kTile, &blocks))
    return {Code::kShape, "Expected at most 2147483647 tiles of a product but its sizes give more"};
  return Launch(context, SGemmTensor<kStorage>, dim3(static_cast<uint32_t>(blocks)), dim3(kThreads), 2 * Format<kStorage>::kHalf,
                task);
}

}  // namespace

Status LaunchSGemmTensor(CudaContext& context, SGemmStorage storage, SGemmTask task) {
  switch (storage) {
    case SGemmStorage::kFloat32: return Start<SGemmStorage::kFloat32>(context, task);
    case SGemmStorage::kBfloat16: return Start<SGemmStorage::kBfloat16>(context, task);
    case SGemmStorage::kFloat16: return Start<SGemmStorage::kFloat16>(context, task);
  }
  return {};
}

}  // namespace lowp
