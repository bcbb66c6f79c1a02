// The product with weights of few bits: checks, which kernel, and the ABI.
#include <cuda_runtime.h>

#include <string>

#include "cuda/nbits/nbits.h"
#include "cuda/nbits/nbits_layout.h"
#include "kernels/epilogue/epilogue.h"

namespace lowp {
namespace {

// Up to one instruction's rows there is nothing better; up to kFewRows it reads weights four times, from L2, which is better than
// few blocks.
constexpr uint64_t kSkinnyRows = 8, kFewRows = 32;

Status Check(const CudaNBitsArgs& args) {
  constexpr uint64_t kMost = INT32_MAX - 16;
  if (args.batch > 0 && args.m > kMost / args.batch) {
    return {Code::kShape, "Expected at most 2147483631 rows in a product on the device but received " +
                              std::to_string(args.batch) + " x " + std::to_string(args.m)};
  }
  if (args.residual.kind != ResidualKind::kNone && args.residual.kind != ResidualKind::kFloat32)
    return {Code::kValue, "Expected a float32 residual for weights of few bits but received one of 8 bits"};
  return CheckEpilogue(args.activation, args.residual);
}

// Tiles of `size` rows and columns keep three quarters of the device busy.
bool Fill(const CudaContext& context, const NBitsTask& task, uint64_t size) {
  const uint64_t tiles = ((task.a.rows + size - 1) / size) * ((task.n + size - 1) / size);
  return 4 * tiles >= 3 * static_cast<uint64_t>(context.device().multiprocessors);
}

Status Choose(CudaContext& context, uint32_t bits, const NBitsTask& task) {
  const bool few = task.a.rows <= kFewRows && !Fill(context, task, 64);
  if (task.a.rows <= kSkinnyRows || few || context.device().capability < kNBitsMmaCapability)
    return LaunchNBitsSkinny(context, bits, task);
  return LaunchNBitsTiles(context, bits, Fill(context, task, 128), task);
}

}  // namespace

Status CudaNBits(CudaContext& context, const CudaNBitsArgs& args) {
  if (Status status = Check(args); !status.ok()) return status;
  const CudaNBitsWeights& b = *args.b;
  const uint64_t rows = args.batch * args.m;
  if (rows == 0 || b.n == 0) return {};

  const NBitsLayout layout(b);
  const uint8_t* storage = static_cast<const uint8_t*>(b.storage);
  NBitsTask task{};
  task.a.rows = static_cast<uint32_t>(rows);
  task.a.meta_rows = (task.a.rows + 15) / 16 * 16;
  const uint64_t codes_bytes = layout.blocks * rows * kNBitsBlockRow,
                 meta_bytes = layout.groups * task.a.meta_rows * sizeof(NBitsRowGroup);
  CudaScratch scratch;
  if (codes_bytes > 0) {
    if (Status status = scratch.Take(context, codes_bytes + meta_bytes); !status.ok()) return status;
    task.a.codes = scratch.As<int8_t>();
    task.a.meta = reinterpret_cast<NBitsRowGroup*>(scratch.As<int8_t>() + codes_bytes);
    if (Status status = LaunchNBitsQuantize(context, args, task.a); !status.ok()) return status;
  }
  task.weights = storage;
  task.scales = reinterpret_cast<const float*>(storage + layout.scales_at);
  if (b.has_zeros) task.zeros = reinterpret_cast<const int16_t*>(storage + layout.zeros_at);
  task.n = static_cast<uint32_t>(b.n);
  task.cols = static_cast<uint32_t>(layout.cols);
  task.blocks = static_cast<uint32_t>(layout.blocks);
  task.groups = static_cast<uint32_t>(layout.groups);
  task.group = b.group;
  while ((1u << task.group_shift) < b.group) ++task.group_shift;
  task.wide = b.bits == 8 && b.group == kNBitsMaxGroup;
  task.store = {args.bias, args.activation, args.residual, args.c, args.ldc};
  return Choose(context, b.bits, task);
}

namespace {

int32_t PackB(CudaContext* context, const CudaNBitsPackArgs* args, CudaNBitsWeights* weights, CudaError* error) {
  return Guarded(error, [&] { return CudaPackNBits(*context, *args, weights); });
}

int32_t Run(CudaContext* context, const CudaNBitsArgs* args, CudaError* error) {
  return Guarded(error, [&] { return CudaNBits(*context, *args); });
}

}  // namespace

CudaNBitsApi CudaNBitsFunctions() { return {PackB, Run}; }

}  // namespace lowp
