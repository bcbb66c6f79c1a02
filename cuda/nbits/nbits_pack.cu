// Packing weights of few bits: once for a model. NOT timed on a GPU yet.
#include <cuda_runtime.h>

#include <algorithm>
#include <string>

#include "cuda/device/intrinsics.cuh"
#include "cuda/device/launch.h"
#include "cuda/nbits/nbits.h"
#include "cuda/nbits/nbits_layout.h"

namespace lowp {
namespace {

constexpr uint32_t kThreads = 256;

struct PackTask {
  uint64_t k, n, groups, cols, blocks;
  uint32_t bits, group;
  const uint8_t* data;
  const float* scales;
  const uint8_t* zeros;
  uint8_t* to;
  float* to_scales;
  int16_t* to_zeros;
};

// The weight, or zero point, i of a row.
LOWP_DEVICE uint32_t CodeAt(const uint8_t* row, uint64_t i, uint32_t bits) {
  return bits == 8 ? row[i] : row[i / 2] >> (i % 2 * 4) & 15u;
}

LOWP_DEVICE uint32_t WeightAt(const PackTask& task, uint64_t col, uint64_t k) {
  if (col >= task.n || k >= task.k) return 0;
  const uint64_t row_bytes = task.groups * (task.group * task.bits / 8);
  return CodeAt(task.data + col * row_bytes, k, task.bits) - (task.bits == 8 ? 128u : 0u);
}

LOWP_DEVICE uint64_t FirstIndex() { return static_cast<uint64_t>(blockIdx.x) * blockDim.x + threadIdx.x; }
LOWP_DEVICE uint64_t IndexStep() { return static_cast<uint64_t>(gridDim.x) * blockDim.x; }

// A byte at a time.
LOWP_KERNEL PackWeights(PackTask task) {
  const uint32_t block_bytes = NBitsBlockBytes(task.bits);
  const uint64_t count = task.cols / kNBitsCols * task.blocks * block_bytes;
  LOWP_NO_UNROLL
  for (uint64_t i = FirstIndex(); i < count; i += IndexStep()) {
    const uint64_t block = i / block_bytes, panel = block / task.blocks;
    const NBitsCell cell = NBitsCellAt(task.bits, static_cast<uint32_t>(i % block_bytes));
    const uint64_t col = panel * kNBitsCols + cell.col, k = block % task.blocks * kNBitsDepth + cell.depth;
    uint32_t code = WeightAt(task, col, k);
    if (task.bits == 4) code |= WeightAt(task, col, k + 16) << 4;
    task.to[i] = static_cast<uint8_t>(code);
  }
}

LOWP_KERNEL PackScales(PackTask task) {
  const uint64_t count = task.groups * task.cols;
  const uint64_t zero_row_bytes = (task.groups * task.bits + 7) / 8;
  LOWP_NO_UNROLL
  for (uint64_t i = FirstIndex(); i < count; i += IndexStep()) {
    const uint64_t group = i / task.cols, col = i % task.cols;
    const bool there = col < task.n;
    task.to_scales[i] = there ? task.scales[col * task.groups + group] : 0.0f;
    if (task.zeros == nullptr) continue;
    const uint32_t zero = there ? CodeAt(task.zeros + col * zero_row_bytes, group, task.bits) : 0;
    task.to_zeros[i] = static_cast<int16_t>(static_cast<int32_t>(zero) - (task.bits == 8 ? 128 : 0));
  }
}

// The first scale that is not finite.
LOWP_KERNEL FindNotFinite(const float* scales, uint64_t count, unsigned* first) {
  LOWP_NO_UNROLL
  for (uint64_t i = FirstIndex(); i < count; i += IndexStep()) {
    const bool finite = (__float_as_uint(scales[i]) & 0x7f800000u) != 0x7f800000u;
    if (!finite) atomicMin(first, static_cast<unsigned>(i));
  }
}

dim3 GridFor(const CudaContext& context, uint64_t count) {
  const uint64_t most = 32 * static_cast<uint64_t>(context.device().multiprocessors);
  return dim3(static_cast<uint32_t>(std::max<uint64_t>(std::min((count + kThreads - 1) / kThreads, most), 1)));
}

Status CheckScales(CudaContext& context, const float* scales, uint64_t count) {
  CudaScratch scratch;
  if (Status status = scratch.Take(context, sizeof(unsigned)); !status.ok()) return status;
  constexpr unsigned kNone = UINT32_MAX;
  unsigned first = kNone;
  if (Status status = context.Upload(scratch.As<unsigned>(), &first, sizeof(first)); !status.ok()) return status;
  Status status =
      Launch(context, FindNotFinite, GridFor(context, count), dim3(kThreads), 0, scales, count, scratch.As<unsigned>());
  if (!status.ok()) return status;
  if (status = context.Download(&first, scratch.As<unsigned>(), sizeof(first)); !status.ok()) return status;
  if (first == kNone) return {};
  float scale;
  if (status = context.Download(&scale, scales + first, sizeof(scale)); !status.ok()) return status;
  return {Code::kValue, "Expected finite scales for b but received " + std::to_string(scale) + " at " + std::to_string(first)};
}

Status CheckShape(const CudaNBitsPackArgs& args) {
  if (args.bits != 4 && args.bits != 8) return {Code::kValue, "Expected 4 or 8 bits but received " + std::to_string(args.bits)};
  const bool power = (args.group & (args.group - 1)) == 0;
  if (!power || args.group < kNBitsMinGroup || args.group > kNBitsMaxGroup)
    return {Code::kValue, "Expected groups of 16, 32, 64, 128 or 256 but received " + std::to_string(args.group)};
  constexpr uint64_t kMost = INT32_MAX - kNBitsMaxGroup;
  const uint64_t groups = (args.k + args.group - 1) / args.group;
  if (args.k > kMost || args.n > kMost || (groups > 0 && args.n > (kMost - groups * kNBitsCols) / groups)) {
    return {Code::kShape, "Expected at most 2147483391 rows, columns and scales for packed weights but received " +
                              std::to_string(args.k) + " x " + std::to_string(args.n)};
  }
  return {};
}

Status StartPacking(CudaContext& context, const PackTask& task) {
  const uint64_t weights = task.cols / kNBitsCols * task.blocks * NBitsBlockBytes(task.bits);
  Status status = Launch(context, PackWeights, GridFor(context, weights), dim3(kThreads), 0, task);
  if (!status.ok()) return status;
  return Launch(context, PackScales, GridFor(context, task.groups * task.cols), dim3(kThreads), 0, task);
}

}  // namespace

Status CudaPackNBits(CudaContext& context, const CudaNBitsPackArgs& args, CudaNBitsWeights* weights) {
  if (Status status = CheckShape(args); !status.ok()) return status;
  CudaNBitsWeights packed{args.k, args.n, args.bits, args.group, args.zeros != nullptr, nullptr, 0};
  const NBitsLayout layout(packed);
  packed.bytes = layout.bytes;
  if (layout.bytes == 0) {
    *weights = packed;
    return {};
  }
  if (Status status = CheckScales(context, args.scales, args.n * layout.groups); !status.ok()) return status;
  if (Status status = context.Allocate(layout.bytes, &packed.storage); !status.ok()) return status;
  uint8_t* storage = static_cast<uint8_t*>(packed.storage);
  const PackTask task{args.k,
                      args.n,
                      layout.groups,
                      layout.cols,
                      layout.blocks,
                      args.bits,
                      args.group,
                      args.data,
                      args.scales,
                      args.zeros,
                      storage,
                      reinterpret_cast<float*>(storage + layout.scales_at),
                      reinterpret_cast<int16_t*>(storage + layout.zeros_at)};
  if (Status status = StartPacking(context, task); !status.ok()) {
    context.Free(packed.storage);
    return status;
  }
  *weights = packed;
  return {};
}

}  // namespace lowp
