// Weights into the layout of qgemm_layout.h, once. Scales and zero points are looked at on the host, which therefore waits.
#include <cuda_runtime.h>

#include <algorithm>
#include <cstring>
#include <string>
#include <vector>

#include "cuda/device/launch.h"
#include "cuda/qgemm/qgemm.h"
#include "cuda/qgemm/qgemm_bytes.cuh"

namespace lowp {
namespace {

constexpr uint32_t kThreads = 256, kTileChunks = kQGemmTile / kQGemmChunk;
constexpr uint32_t kChunksOfThread = kQGemmTile * kTileChunks / kThreads;

struct PackTask {
  const uint8_t* b;
  size_t ldb;
  uint64_t k, n;
  uint32_t k_tiles;
  bool transpose, flip;
  uint8_t* tiles;
  int32_t* corr;  // the columns' sums are added
};

LOWP_DEVICE uint64_t Left(uint64_t at, uint64_t end) { return at < end ? end - at : 0; }

// 16 depths of one column, ldb apart: neighbouring lanes read neighbouring columns.
LOWP_DEVICE ByteChunk GatherChunk(const uint8_t* from, size_t ldb, uint64_t left) {
  ByteChunk chunk{};
  LOWP_UNROLL
  for (uint32_t i = 0; i < kQGemmChunk; ++i) {
    if (i < left) chunk.word[i / 4] |= static_cast<uint32_t>(from[i * ldb]) << i % 4 * 8;
  }
  return chunk;
}

// A tile a block. A thread has chunks of one depth and several columns (of the transposed, where a warp reads rows of K) or of
// one column and several depths.
LOWP_KERNEL __launch_bounds__(kThreads) PackTiles(PackTask p) {
  const uint32_t n_tile = blockIdx.x / p.k_tiles, k_tile = blockIdx.x % p.k_tiles;
  uint8_t* tile = p.tiles + size_t{blockIdx.x} * kQGemmTileBytes;
  LOWP_NO_UNROLL
  for (uint32_t i = 0; i < kChunksOfThread; ++i) {
    const uint32_t index = i * kThreads + threadIdx.x;
    const uint32_t column = p.transpose ? index / kTileChunks : index % kQGemmTile;
    const uint32_t depth = (p.transpose ? index % kTileChunks : index / kQGemmTile) * kQGemmChunk;
    const uint64_t n = uint64_t{n_tile} * kQGemmTile + column, k = uint64_t{k_tile} * kQGemmTile + depth;
    const uint64_t left = n < p.n ? Left(k, p.k) : 0;
    ByteChunk chunk{};
    if (left > 0) chunk = p.transpose ? LoadByteChunk(p.b + n * p.ldb + k, left) : GatherChunk(p.b + k * p.ldb + n, p.ldb, left);
    if (p.flip) FlipTopBits(chunk, left);
    StoreByteChunk(tile + WgmmaOffset128(column, depth), chunk);
    if (left > 0) atomicAdd(p.corr + n, SumBytes<true>(chunk));
  }
}

}  // namespace

Status PackQGemmWeights(CudaContext& context, const CudaQGemmPackArgs& args, CudaQGemmWeights* weights) {
  *weights = {};
  weights->k = args.k;
  weights->n = args.n;
  if (args.k > INT32_MAX || args.n > INT32_MAX) {
    return {Code::kUnsupported, "Expected a depth and columns below 2^31 on a CUDA device but received " +
                                    std::to_string(args.k) + " and " + std::to_string(args.n)};
  }
  const size_t count = args.per_channel ? args.n : 1;
  std::vector<float> scales(count);
  std::vector<int32_t> zeros(count);
  Status status = context.Download(scales.data(), args.scales, count * sizeof(float));
  if (status.ok()) status = context.Download(zeros.data(), args.zeros, count * sizeof(int32_t));
  if (status.ok()) {
    status = CheckQGemmWeights(
        {args.k, args.n, nullptr, args.b_signed, args.ldb, args.transpose, scales.data(), zeros.data(), args.per_channel});
  }
  if (!status.ok() || args.n == 0) return status;

  const QGemmLayout layout(args.k, args.n);
  if (layout.k_tiles * layout.n_tiles > INT32_MAX)
    return {Code::kNoMemory, "Expected memory of the CUDA device for " + std::to_string(layout.bytes) + " bytes of weights"};
  // Scale, zero and corr as they follow each other; corr = sum_k b - k zero begins with the latter.
  std::vector<uint32_t> constants(3 * layout.n_padded);
  const int32_t low = args.b_signed ? -128 : 0, high = low + 255;
  for (size_t n = 0; n < args.n; ++n) {
    const size_t i = args.per_channel ? n : 0;
    const uint32_t zero = static_cast<uint32_t>(zeros[i] - (args.b_signed ? 0 : 128));
    std::memcpy(&constants[n], &scales[i], sizeof(float));
    constants[layout.n_padded + n] = zero;
    constants[2 * layout.n_padded + n] = 0u - static_cast<uint32_t>(args.k) * zero;
    weights->has_zero |= zero != 0;
    weights->max_magnitude = std::max({weights->max_magnitude, high - zeros[i], zeros[i] - low});
  }
  void* storage = nullptr;
  status = context.Allocate(layout.bytes, &storage);
  if (!status.ok()) return status;
  uint8_t* bytes = static_cast<uint8_t*>(storage);
  status = context.Upload(bytes + layout.scale_at, constants.data(), constants.size() * sizeof(uint32_t));
  if (status.ok() && layout.k_tiles > 0) {
    const PackTask task{static_cast<const uint8_t*>(args.b),
                        args.ldb,
                        args.k,
                        args.n,
                        static_cast<uint32_t>(layout.k_tiles),
                        args.transpose,
                        !args.b_signed,
                        bytes,
                        reinterpret_cast<int32_t*>(bytes + layout.corr_at)};
    status = Launch(context, PackTiles, dim3(static_cast<uint32_t>(layout.k_tiles * layout.n_tiles)), dim3(kThreads), 0, task);
  }
  if (!status.ok()) {
    context.Free(storage);
    return status;
  }
  weights->storage = storage;
  weights->bytes = layout.bytes;
  return {};
}

}  // namespace lowp
