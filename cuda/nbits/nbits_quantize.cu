// Activations to integers of -127..127, each row by groups of K: the formula of nbits_kernel.h, hence the same integers.
//
// A warp has 256 depths of a row, a lane 8 of them, a group 2 to 32 lanes. Bytes: 4 read and 1 written an element; as fast as
// memory, about a quarter of a percent of a square product's time at 4096. NOT timed on a GPU yet.
#include <cuda_runtime.h>

#include <algorithm>

#include "cuda/device/intrinsics.cuh"
#include "cuda/device/launch.h"
#include "cuda/nbits/nbits.h"
#include "cuda/nbits/nbits_layout.h"

namespace lowp {
namespace {

constexpr uint32_t kThreads = 128, kLaneDepths = 8, kWarpDepths = 32 * kLaneDepths;
constexpr float kLargestFloat = 3.40282347e38f, kTop = static_cast<float>(kNBitsMaxA);

struct QuantizeTask {
  const float* x;
  uint64_t ld, batch_stride;
  Divisor rows_of_batch;
  uint32_t k, blocks, groups, group_lanes, chunks;
  int32_t factor;  // of the correction
  NBitsActivations to;
};

LOWP_DEVICE uint32_t Quantized(float x, float inverse, int32_t* sum) {
  float y = __fmul_rn(x, inverse);
  y = y != y ? 0.0f : y < -kTop ? -kTop : y > kTop ? kTop : y;
  const int32_t q = __float2int_rn(y);
  *sum += q;
  return static_cast<uint32_t>(q) & 0xffu;
}

LOWP_KERNEL __launch_bounds__(kThreads) QuantizeRows(QuantizeTask task) {
  const uint64_t all = static_cast<uint64_t>(task.to.rows) * task.chunks,
                 step = static_cast<uint64_t>(gridDim.x) * (kThreads / 32);
  const uint32_t lane = threadIdx.x % 32;
  LOWP_NO_UNROLL
  for (uint64_t i = static_cast<uint64_t>(blockIdx.x) * (kThreads / 32) + threadIdx.x / 32; i < all; i += step) {
    const uint32_t row = static_cast<uint32_t>(i / task.chunks), k0 = static_cast<uint32_t>(i % task.chunks) * kWarpDepths;
    uint32_t batch = row;
    const uint32_t m = Divide(batch, task.rows_of_batch);
    const float* from = task.x + batch * task.batch_stride + m * task.ld;
    const uint32_t k = k0 + lane * kLaneDepths;
    float x[kLaneDepths];
    float largest = 0;
    LOWP_UNROLL
    for (uint32_t j = 0; j < kLaneDepths; ++j) {
      x[j] = k + j < task.k ? from[k + j] : 0.0f;
      const float magnitude = fabsf(x[j]);
      if (magnitude <= kLargestFloat && magnitude > largest) largest = magnitude;
    }
    LOWP_NO_UNROLL
    for (uint32_t other = 1; other < task.group_lanes; other *= 2) {
      const float its = __shfl_xor_sync(0xffffffffu, largest, static_cast<int>(other));
      largest = its > largest ? its : largest;
    }
    // 0 where that is no finite number.
    const float quotient = __fdiv_rn(kTop, largest), inverse = quotient <= kLargestFloat ? quotient : 0.0f;
    int32_t sum = 0;
    uint32_t words[2] = {};
    LOWP_UNROLL
    for (uint32_t j = 0; j < kLaneDepths; ++j) words[j / 4] |= Quantized(x[j], inverse, &sum) << (j % 4 * 8);
    LOWP_NO_UNROLL
    for (uint32_t other = 1; other < task.group_lanes; other *= 2)
      sum += __shfl_xor_sync(0xffffffffu, sum, static_cast<int>(other));

    const uint32_t block = k / kNBitsDepth;
    if (block < task.blocks) {
      int8_t* to = task.to.codes + (static_cast<uint64_t>(block) * task.to.rows + row) * kNBitsBlockRow;
      *reinterpret_cast<uint32_t*>(to + NBitsByteOf(k)) = words[0];
      *reinterpret_cast<uint32_t*>(to + NBitsByteOf(k + 4)) = words[1];
    }
    const uint32_t group = k / (task.group_lanes * kLaneDepths);
    if (lane % task.group_lanes == 0 && group < task.groups)
      task.to.meta[static_cast<uint64_t>(group) * task.to.meta_rows + row] = {__fdiv_rn(largest, kTop), sum * task.factor};
  }
}

}  // namespace

Status LaunchNBitsQuantize(CudaContext& context, const CudaNBitsArgs& args, const NBitsActivations& to) {
  const CudaNBitsWeights& b = *args.b;
  const NBitsLayout layout(b);
  QuantizeTask task{};
  task.x = args.a;
  task.ld = args.lda;
  task.batch_stride = args.batch_stride_a;
  task.rows_of_batch = Divisor(static_cast<uint32_t>(args.m));
  task.k = static_cast<uint32_t>(b.k);
  task.blocks = static_cast<uint32_t>(layout.blocks);
  task.groups = static_cast<uint32_t>(layout.groups);
  task.group_lanes = b.group / kLaneDepths;
  task.chunks = (task.k + kWarpDepths - 1) / kWarpDepths;
  // Weights of 8 bits have lost their common zero point as they were packed.
  task.factor = b.has_zeros ? 1 : b.bits == 4 ? -8 : 0;
  task.to = to;
  const uint64_t warps = static_cast<uint64_t>(to.rows) * task.chunks, blocks = (warps + kThreads / 32 - 1) / (kThreads / 32);
  const uint64_t most = 32 * static_cast<uint64_t>(context.device().multiprocessors);
  if (blocks == 0) return {};
  return Launch(context, QuantizeRows, dim3(static_cast<uint32_t>(std::min(blocks, most))), dim3(kThreads), 0, task);
}

}  // namespace lowp
