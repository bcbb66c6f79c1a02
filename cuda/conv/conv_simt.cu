// Dense convolutions without matrix instructions: float32, and int8 by dp4a on devices below 80.
//
// 256 threads of kPerThread x kPerThread results each, 128 x 128 or, where there are fewer such tiles than multiprocessors, 64 x
// 64. For each 16 bytes of K a thread loads kPerThread of either operand, 16 bytes each, for kPerThread^2 times four
// multiplications: 8 neighbouring lanes read one row of A, which is a broadcast, and 8 neighbouring rows of B, whose chunks the
// swizzle has in different banks. Each float32 sum is one chain of fused multiply-adds, K ascending, or where K is split as many
// chains, added in order. 50 KB of shared memory (25); registers (ptxas, sm_90a): 128, of the smaller tile 120 and with dp4a 108;
// no spills. Expected on an H200: 60 % of the rate of FMA. It has NOT been timed on a GPU yet.
#include <algorithm>
#include <type_traits>

#include "cuda/conv/conv_gather.cuh"
#include "cuda/conv/conv_store.cuh"
#include "cuda/device/launch.h"

namespace lowp {
namespace {

constexpr uint32_t kThreads = 256, kWarp = 32, kStages = 3;

struct FloatChunk {
  using Sum = float;
  LOWP_DEVICE static uint4 Prepare(const uint4& a, uint32_t) { return a; }
  LOWP_DEVICE static float Add(float acc, const uint4& a, const uint4& b) {
    acc = __fmaf_rn(__uint_as_float(a.x), __uint_as_float(b.x), acc);
    acc = __fmaf_rn(__uint_as_float(a.y), __uint_as_float(b.y), acc);
    acc = __fmaf_rn(__uint_as_float(a.z), __uint_as_float(b.z), acc);
    return __fmaf_rn(__uint_as_float(a.w), __uint_as_float(b.w), acc);
  }
};

struct ByteChunk {
  using Sum = int32_t;
  LOWP_DEVICE static uint4 Prepare(const uint4& a, uint32_t flip) {
    return make_uint4(a.x ^ flip, a.y ^ flip, a.z ^ flip, a.w ^ flip);
  }
  LOWP_DEVICE static int32_t Add(int32_t acc, const uint4& a, const uint4& b) {
    return Dp4aS8S8(a.w, b.w, Dp4aS8S8(a.z, b.z, Dp4aS8S8(a.y, b.y, Dp4aS8S8(a.x, b.x, acc))));
  }
};

template <class Chunk, uint32_t kPerThread>
LOWP_KERNEL __launch_bounds__(kThreads, 2) ConvSimtKernel(ConvTask t) {
  using Sum = typename Chunk::Sum;
  constexpr uint32_t kTile = 16 * kPerThread, kChunks = kConvStepBytes / kConvChunkBytes;
  using Gather = ConvGather<kTile, kTile, kThreads, kStages>;
  const ConvPlace place = ConvPlaceOf(t, blockIdx.x);
  const uint32_t m0 = place.m_tile * kTile, n0 = place.n_tile * kTile;
  const uint32_t lane = threadIdx.x % kWarp, warp = threadIdx.x / kWarp;
  // Warps four down and two across, lanes four down and eight across.
  const uint32_t row0 = warp / 2 * 4 * kPerThread + lane / 8, col0 = warp % 2 * 8 * kPerThread + lane % 8;
  Gather gather(t, DynamicShared(), place);
  Sum acc[kPerThread][kPerThread] = {};
  gather.FetchFirst();
  for (uint32_t step = 0; step < gather.steps(); ++step) {
    gather.Next(step);
    const uint8_t *a_tile = gather.a(step), *b_tile = gather.b(step);
    LOWP_UNROLL
    for (uint32_t chunk = 0; chunk < kChunks; ++chunk) {
      // Every fourth row of A has one of two swizzles, every eighth of B the same.
      const uint8_t* a_rows[2] = {a_tile + ConvChunkAt(row0, chunk), a_tile + ConvChunkAt(row0 + 4, chunk) - 4 * kConvStepBytes};
      const uint8_t* b_rows = b_tile + ConvChunkAt(col0, chunk);
      uint4 a[kPerThread];
      LOWP_UNROLL
      for (uint32_t i = 0; i < kPerThread; ++i)
        a[i] = Chunk::Prepare(*reinterpret_cast<const uint4*>(a_rows[i % 2] + i * 4 * kConvStepBytes), t.flip);
      LOWP_UNROLL
      for (uint32_t j = 0; j < kPerThread; ++j) {
        const uint4 b = *reinterpret_cast<const uint4*>(b_rows + j * 8 * kConvStepBytes);
        LOWP_UNROLL
        for (uint32_t i = 0; i < kPerThread; ++i) acc[i][j] = Chunk::Add(acc[i][j], a[i], b);
      }
    }
  }
  gather.Finish();
  Sum* sums = reinterpret_cast<Sum*>(DynamicShared());
  constexpr uint32_t kHalf = kTile / 2;
  const uint32_t pitch = ConvPitch(kTile, t);
  LOWP_NO_UNROLL
  for (uint32_t pass = 0; pass < 2; ++pass) {
    if (row0 / kHalf == pass) {
      LOWP_UNROLL
      for (uint32_t i = 0; i < kPerThread; ++i) {
        LOWP_UNROLL
        for (uint32_t j = 0; j < kPerThread; ++j) sums[(row0 % kHalf + 4 * i) * pitch + col0 + 8 * j] = acc[i][j];
      }
    }
    __syncthreads();
    StoreConvSums<Sum, kHalf, kTile, kThreads>(t, sums, m0 + pass * kHalf, n0, place.group, place.split);
    __syncthreads();
  }
}

template <class Chunk, uint32_t kPerThread>
Status Run(CudaContext& context, const ConvTask& task) {
  constexpr uint32_t kTile = 16 * kPerThread;
  using Gather = ConvGather<kTile, kTile, kThreads, kStages>;
  static_assert(Gather::kBytes >= kTile / 2 * (kTile + 4) * sizeof(float), "sums take the place of stages");
  constexpr bool kFloat = std::is_same_v<typename Chunk::Sum, float>;
  return LaunchConvTiles(context, task, ConvSimtKernel<Chunk, kPerThread>, kTile, kTile, kThreads, Gather::kBytes, kFloat);
}

template <class Sum>
LOWP_KERNEL ConvFinishKernel(ConvTask t, uint32_t splits, Divisor by_group_outputs) {
  const uint64_t sums = static_cast<uint64_t>(t.pixels) * t.store.out_channels;
  for (uint64_t index = static_cast<uint64_t>(blockIdx.x) * kThreads + threadIdx.x; index < sums;
       index += uint64_t{gridDim.x} * kThreads) {
    const uint32_t m = static_cast<uint32_t>(index / t.store.out_channels),
                   channel = static_cast<uint32_t>(index % t.store.out_channels);
    Sum sum = 0;
    for (uint32_t split = 0; split < splits; ++split) {
      const Sum more = static_cast<const Sum*>(t.partial)[split * sums + index];
      if constexpr (std::is_same_v<Sum, float>) {
        sum = __fadd_rn(sum, more);
      } else {
        sum = VectorScalar::AddI(sum, more);
      }
    }
    StoreConvSum<Sum>(t, sum, m, channel, by_group_outputs.Quotient(channel));
  }
}

// Sums of x over the windows of a group. A thread has one; only weights with zero points ask for it.
LOWP_KERNEL ConvRowSumsKernel(ConvTask t, uint32_t group_channels, bool x_signed, int32_t* sums) {
  const uint64_t index = static_cast<uint64_t>(blockIdx.x) * kThreads + threadIdx.x;
  if (index >= static_cast<uint64_t>(t.groups) * t.pixels) return;
  constexpr uint32_t kOnes = 0x01010101u;
  const ConvRow row = ConvRowOf(t, static_cast<uint32_t>(index % t.pixels), static_cast<uint32_t>(index / t.pixels));
  const int32_t pad = x_signed ? static_cast<int8_t>(t.pad & 0xff) : static_cast<int32_t>(t.pad & 0xff);
  int32_t sum = 0;
  for (uint32_t at = 0; at < t.window.taps * t.channel_bytes; at += t.channel_bytes) {
    const ConvTap tap = ConvTapOf(t, at);
    if (!IsInside(t.window, row, tap)) {
      sum += pad * static_cast<int32_t>(group_channels);
      continue;
    }
    const uint32_t* words = reinterpret_cast<const uint32_t*>(t.x + row.at + tap.at);
    for (uint32_t i = 0; i < t.channel_bytes / 4; ++i)
      sum = x_signed ? Dp4aS8S8(words[i], kOnes, sum) : Dp4aU8S8(words[i], kOnes, sum);
  }
  sums[index] = t.flip == 0 ? sum : sum - 128 * static_cast<int32_t>(group_channels * t.window.taps);
}

}  // namespace

Status LaunchConvFloat(CudaContext& context, const ConvTask& task) {
  constexpr uint32_t kLarge = 128;
  const uint64_t large = uint64_t{DivUp(task.pixels, kLarge)} * DivUp(task.group_outputs, kLarge) * task.groups;
  const bool fills = task.group_outputs > kLarge / 2 && large >= static_cast<uint64_t>(context.device().multiprocessors);
  return fills ? Run<FloatChunk, 8>(context, task) : Run<FloatChunk, 4>(context, task);
}

Status LaunchConvDot(CudaContext& context, const ConvTask& task) { return Run<ByteChunk, 4>(context, task); }

Status LaunchConvFinish(CudaContext& context, const ConvTask& task, bool is_float, uint32_t splits) {
  constexpr uint64_t kMostBlocks = 65536;
  const uint64_t blocks = std::min(DivUp(uint64_t{task.pixels} * task.store.out_channels, kThreads), kMostBlocks);
  const dim3 grid(static_cast<uint32_t>(blocks)), block(kThreads);
  const Divisor by_group_outputs(task.group_outputs);
  return is_float ? Launch(context, ConvFinishKernel<float>, grid, block, 0, task, splits, by_group_outputs)
                  : Launch(context, ConvFinishKernel<int32_t>, grid, block, 0, task, splits, by_group_outputs);
}

Status LaunchConvRowSums(CudaContext& context, const ConvTask& task, uint32_t group_channels, bool x_signed, int32_t* sums) {
  const uint64_t blocks = DivUp(uint64_t{task.groups} * task.pixels, kThreads);
  if (blocks > INT32_MAX) return {Code::kUnsupported, "Expected a convolution of less than 2^39 windows on the device"};
  return Launch(context, ConvRowSumsKernel, dim3(static_cast<uint32_t>(blocks)), dim3(kThreads), 0, task, group_channels,
                x_signed, sums);
}

}  // namespace lowp
