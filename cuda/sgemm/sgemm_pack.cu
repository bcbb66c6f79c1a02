// Packing B and converting between float formats: both as fast as memory, 4 to 8 bytes an element. NOT timed on a GPU yet.
#include <cuda_runtime.h>

#include <algorithm>
#include <string>

#include "cuda/device/launch.h"
#include "cuda/sgemm/sgemm.h"
#include "cuda/sgemm/sgemm_device.cuh"

namespace lowp {
namespace {

constexpr uint64_t SizeOf(SGemmStorage storage) { return storage == SGemmStorage::kFloat32 ? 4 : 2; }

constexpr uint32_t kTile = 32, kTileRows = 8;  // a block's rows go four times over a tile

struct PackTask {
  uint32_t k, n;
  const void* b;
  uint64_t ldb;
  bool transpose;
  SGemmStorage given_as, stored_as;
  void* to;
  uint32_t ld;
  uint32_t k_tiles;
};

// An element as it is stored. Codes stay as they are: a NaN's bits too.
LOWP_DEVICE uint32_t CodeOf(const PackTask& task, uint64_t i) {
  if (task.given_as == task.stored_as)
    return task.stored_as == SGemmStorage::kFloat32 ? static_cast<const uint32_t*>(task.b)[i]
                                                    : static_cast<const uint16_t*>(task.b)[i];
  const float x = static_cast<const float*>(task.b)[i];
  return task.stored_as == SGemmStorage::kBfloat16 ? FloatToBf16(x) : FloatToHalf(x);
}

// A tile of 32 x 32, transposed in shared memory where B is stored [n][k].
LOWP_KERNEL PackTiles(PackTask task) {
  uint32_t(*tile)[kTile + 1] = reinterpret_cast<uint32_t(*)[kTile + 1]>(DynamicShared());
  const uint32_t k0 = blockIdx.x % task.k_tiles * kTile, n0 = blockIdx.x / task.k_tiles * kTile;
  const uint32_t lane = threadIdx.x % kTile, first = threadIdx.x / kTile;
  LOWP_NO_UNROLL
  for (uint32_t i = first; i < kTile; i += kTileRows) {
    const uint32_t k = task.transpose ? k0 + lane : k0 + i, n = task.transpose ? n0 + i : n0 + lane;
    const uint64_t at = task.transpose ? n * task.ldb + k : k * task.ldb + n;
    const uint32_t code = k < task.k && n < task.n ? CodeOf(task, at) : 0;
    tile[task.transpose ? lane : i][task.transpose ? i : lane] = code;
  }
  __syncthreads();
  LOWP_NO_UNROLL
  for (uint32_t i = first; i < kTile; i += kTileRows) {
    if (k0 + i >= task.k || n0 + lane >= task.ld) continue;
    const uint64_t at = static_cast<uint64_t>(k0 + i) * task.ld + n0 + lane;
    if (task.stored_as == SGemmStorage::kFloat32) {
      static_cast<uint32_t*>(task.to)[at] = tile[i][lane];
    } else {
      static_cast<uint16_t*>(task.to)[at] = static_cast<uint16_t>(tile[i][lane]);
    }
  }
}

// Four elements, of which the first `count` exist.
LOWP_DEVICE Pack<float, 4> Read(SGemmStorage storage, const void* x, uint64_t i, uint64_t count) {
  if (storage == SGemmStorage::kFloat32) return LoadPack<4>(static_cast<const float*>(x) + i, count);
  const Pack<uint16_t, 4> codes = LoadPack<4>(static_cast<const uint16_t*>(x) + i, count);
  Pack<float, 4> wide;
  LOWP_UNROLL
  for (int j = 0; j < 4; ++j)
    wide.lane[j] = storage == SGemmStorage::kBfloat16 ? Bf16ToFloat(codes.lane[j]) : HalfToFloat(codes.lane[j]);
  return wide;
}
LOWP_DEVICE void Write(SGemmStorage storage, void* out, uint64_t i, uint64_t count, const Pack<float, 4>& x) {
  if (storage == SGemmStorage::kFloat32) {
    StorePack<4>(static_cast<float*>(out) + i, x, count);
    return;
  }
  Pack<uint16_t, 4> codes;
  LOWP_UNROLL
  for (int j = 0; j < 4; ++j)
    codes.lane[j] = storage == SGemmStorage::kBfloat16 ? FloatToBf16(x.lane[j]) : FloatToHalf(x.lane[j]);
  StorePack<4>(static_cast<uint16_t*>(out) + i, codes, count);
}

LOWP_KERNEL Cast(SGemmStorage from, const void* x, SGemmStorage to, uint64_t count, void* out) {
  const uint64_t step = 4 * static_cast<uint64_t>(gridDim.x) * blockDim.x;
  LOWP_NO_UNROLL
  for (uint64_t i = 4 * (static_cast<uint64_t>(blockIdx.x) * blockDim.x + threadIdx.x); i < count; i += step)
    Write(to, out, i, count - i, Read(from, x, i, count - i));
}

}  // namespace

Status CudaPackSGemm(CudaContext& context, const CudaSGemmPackArgs& args, CudaSGemmWeights* weights) {
  constexpr uint64_t kMost = INT32_MAX;
  if (args.k > kMost || args.n > kMost - kSGemmColumnStep) {
    return {Code::kShape,
            "Expected sizes of at most 2147483639 for packed weights but received " + std::to_string(std::max(args.k, args.n))};
  }
  if (args.given_as != args.stored_as && args.given_as != SGemmStorage::kFloat32)
    return {Code::kValue, "Expected float32 weights or such as they are to be stored"};
  const uint64_t ld = (args.n + kSGemmColumnStep - 1) / kSGemmColumnStep * kSGemmColumnStep;
  const uint64_t k_tiles = (args.k + kTile - 1) / kTile, blocks = k_tiles * ((ld + kTile - 1) / kTile);
  if (blocks > kMost) return {Code::kShape, "Expected at most 2147483647 tiles of packed weights but their sizes give more"};
  const uint64_t bytes = args.k * ld * SizeOf(args.stored_as);
  CudaSGemmWeights packed{args.stored_as, args.k, args.n, ld, nullptr, bytes};
  if (blocks > 0) {
    if (Status status = context.Allocate(bytes, &packed.storage); !status.ok()) return status;
    const PackTask task{static_cast<uint32_t>(args.k),
                        static_cast<uint32_t>(args.n),
                        args.b,
                        args.ldb,
                        args.transpose,
                        args.given_as,
                        args.stored_as,
                        packed.storage,
                        static_cast<uint32_t>(ld),
                        static_cast<uint32_t>(k_tiles)};
    Status status = Launch(context, PackTiles, dim3(static_cast<uint32_t>(blocks)), dim3(kTile * kTileRows),
                           kTile * (kTile + 1) * sizeof(uint32_t), task);
    if (!status.ok()) {
      context.Free(packed.storage);
      return status;
    }
  }
  *weights = packed;
  return {};
}

Status CudaCastFloats(CudaContext& context, SGemmStorage from, const void* x, SGemmStorage to, uint64_t count, void* out) {
  if (count == 0) return {};
  if (from == to) return context.Copy(out, x, count * SizeOf(from));
  constexpr uint64_t kThreads = 256;
  const uint64_t blocks = std::min((count + 4 * kThreads - 1) / (4 * kThreads), uint64_t{32} * context.device().multiprocessors);
  return Launch(context, Cast, dim3(static_cast<uint32_t>(blocks)), dim3(kThreads), 0, from, x, to, count, out);
}

}  // namespace lowp
