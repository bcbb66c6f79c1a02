// Dense int8 convolutions by mma.sync m16n8k32 (capability >= 80).
//
// Two tiles, each in two rows of warps:
//   128 x 128   256 threads, warps of 64 x 32, 66 KB of shared memory (three stages of 16 KB, then the sums), 2 blocks a
//               multiprocessor where it has 164 KB and more
//    64 x  64   128 threads, warps of 32 x 32, 25 KB: where there are fewer blocks of the larger than multiprocessors, or columns
// A step of the larger reads 16 KB for 2 x 128 instructions of 4096 multiplications; each warp loads 6 fragments for 16 of them.
// u8 images become s8 as fragments are multiplied: 16 exclusive ors beside 16 mma, which leave issue slots enough. Sums go
// through shared memory, so that stores are whole rows. Registers (ptxas, sm_90a): 116 and 96, no spills. Expected on an H200:
// half of its mma.sync rate (about 60 % of wgmma's) at 256 channels and more; with 64 the epilogue takes as long as the products.
// Of few tiles K is split between blocks (conv_gather.cuh). It has NOT been timed on a GPU yet.
#include <algorithm>

#include "cuda/conv/conv_gather.cuh"
#include "cuda/conv/conv_store.cuh"
#include "cuda/device/launch.h"

namespace lowp {
namespace {

constexpr uint32_t kWarp = 32, kStages = 3, kWarpCols = 32;

template <uint32_t kTile>
struct Shape {
  static constexpr uint32_t kThreads = 2 * kWarp * (kTile / kWarpCols);
  static constexpr uint32_t kWarpRows = kTile / 2, kRowFrags = kWarpRows / 16, kColFrags = kWarpCols / 8;
  using Gather = ConvGather<kTile, kTile, kThreads, kStages>;
};

template <uint32_t kTile>
LOWP_KERNEL __launch_bounds__(Shape<kTile>::kThreads, 512 / Shape<kTile>::kThreads) ConvMmaKernel(ConvTask t) {
  using S = Shape<kTile>;
  const ConvPlace place = ConvPlaceOf(t, blockIdx.x);
  const uint32_t m0 = place.m_tile * kTile, n0 = place.n_tile * kTile;
  const uint32_t lane = threadIdx.x % kWarp, warp = threadIdx.x / kWarp;
  const uint32_t half = warp % 2, warp_col = warp / 2 * kWarpCols;
  typename S::Gather gather(t, DynamicShared(), place);
  int acc[S::kRowFrags][S::kColFrags][4] = {};
  gather.FetchFirst();
  for (uint32_t step = 0; step < gather.steps(); ++step) {
    gather.Next(step);
    const uint8_t *a_tile = gather.a(step), *b_tile = gather.b(step);
    LOWP_UNROLL
    for (uint32_t k = 0; k < 2; ++k) {  // 32 bytes each
      // Eight rows further the swizzle is the same.
      const uint8_t* a_rows = a_tile + ConvChunkAt(half * S::kWarpRows + lane % 16, 2 * k + lane / 16);
      const uint8_t* b_rows = b_tile + ConvChunkAt(warp_col + lane / 16 * 8 + lane % 8, 2 * k + lane / 8 % 2);
      uint32_t b[S::kColFrags][2];
      LOWP_UNROLL
      for (uint32_t j = 0; j < S::kColFrags; j += 2) {
        uint32_t two[4];
        LdMatrix4(two, b_rows + 8 * j * kConvStepBytes);
        b[j][0] = two[0];
        b[j][1] = two[1];
        b[j + 1][0] = two[2];
        b[j + 1][1] = two[3];
      }
      LOWP_UNROLL
      for (uint32_t i = 0; i < S::kRowFrags; ++i) {
        uint32_t a[4];
        LdMatrix4(a, a_rows + 16 * i * kConvStepBytes);
        LOWP_UNROLL
        for (int r = 0; r < 4; ++r) a[r] ^= t.flip;
        LOWP_UNROLL
        for (uint32_t j = 0; j < S::kColFrags; ++j) MmaS8(acc[i][j], a, b[j]);
      }
    }
  }
  gather.Finish();
  int32_t* sums = reinterpret_cast<int32_t*>(DynamicShared());
  const uint32_t pitch = ConvPitch(kTile, t);
  LOWP_UNROLL
  for (uint32_t i = 0; i < S::kRowFrags; ++i) {
    LOWP_UNROLL
    for (uint32_t j = 0; j < S::kColFrags; ++j) {
      LOWP_UNROLL
      for (int index = 0; index < 4; ++index) {
        const Cell cell = MmaCellD(static_cast<int>(lane), index);
        sums[(half * S::kWarpRows + 16 * i + cell.row) * pitch + warp_col + 8 * j + cell.column] = acc[i][j][index];
      }
    }
  }
  __syncthreads();
  StoreConvSums<int32_t, kTile, kTile, S::kThreads>(t, sums, m0, n0, place.group, place.split);
}

template <uint32_t kTile>
Status Run(CudaContext& context, const ConvTask& task) {
  using S = Shape<kTile>;
  constexpr size_t kShared = std::max<size_t>(S::Gather::kBytes, kTile * (kTile + 4) * sizeof(int32_t));
  return LaunchConvTiles(context, task, ConvMmaKernel<kTile>, kTile, kTile, S::kThreads, kShared, /*is_float=*/false);
}

}  // namespace

Status LaunchConvMma(CudaContext& context, const ConvTask& task) {
  constexpr uint32_t kLarge = 128, kSmall = 64;
  const uint64_t large = uint64_t{DivUp(task.pixels, kLarge)} * DivUp(task.group_outputs, kLarge) * task.groups;
  const bool fills = task.group_outputs > kSmall && large >= static_cast<uint64_t>(context.device().multiprocessors);
  return fills ? Run<kLarge>(context, task) : Run<kSmall>(context, task);
}

}  // namespace lowp
