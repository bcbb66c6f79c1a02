// ONNX DynamicQuantizeLinear, of all rows together or of each by itself. Bound by memory.
//
// Per row, one kernel: a warp (a block, of rows longer than 512) finds the range of its row and quantizes it, keeping what it has
// read in registers up to 512 (4096) columns and reading the rest again, from L2. Few elements that lie together are one row too.
// Else ranges first (quantize_range.cu), then this file's other kernel. 5 bytes an element, or 9. NOT timed on a GPU yet.
#include <cuda_runtime.h>

#include <algorithm>
#include <string>

#include "cuda/device/launch.h"
#include "cuda/quantize/quantize.h"
#include "cuda/quantize/quantize_device.cuh"
#include "cuda/quantize/quantize_range.h"

namespace lowp {
namespace {

using Four = Pack<float, kQuantizeLanes>;

struct Task {
  const float* x;
  MatrixRows rows;
  uint64_t row_count, cols;
  uint64_t packs;  // of a row with what may be written behind it
  uint64_t pitch;
  uint8_t* out;
  float* scales;
  int32_t* zeros;
};

LOWP_DEVICE uint64_t Left(uint64_t at, uint64_t end) { return at < end ? end - at : 0; }

LOWP_DEVICE Four LoadFour(const Task& task, const float* row, uint64_t pack) {
  const uint64_t col = pack * kQuantizeLanes;
  return LoadPack<kQuantizeLanes>(row + col, Left(col, task.cols));
}

LOWP_DEVICE void StoreFour(const Task& task, uint64_t row, uint64_t pack, const Four& x, float scale, int32_t zero) {
  const uint64_t col = pack * kQuantizeLanes;
  StorePack<kQuantizeLanes>(task.out + row * task.pitch + col, QuantizePack(x, scale, zero, 0), task.pitch - col);
}

template <uint32_t kTeam>
LOWP_KERNEL __launch_bounds__(kQuantizeThreads) QuantizeEachRow(Task task) {
  const uint32_t t = threadIdx.x % kTeam;
  const uint64_t row = uint64_t{blockIdx.x} * (kQuantizeThreads / kTeam) + threadIdx.x / kTeam;
  if (row >= task.row_count) return;  // all of a team
  const float* x = task.x + task.rows.At(row);
  Four kept[kQuantizePacks] = {};
  Range range;
  LOWP_UNROLL
  for (uint32_t i = 0; i < kQuantizePacks; ++i) {
    if (t + i * kTeam < task.packs) kept[i] = LoadFour(task, x, t + i * kTeam);
  }
  LOWP_UNROLL
  for (uint32_t i = 0; i < kQuantizePacks; ++i) Widen(range, kept[i]);
  LOWP_NO_UNROLL
  for (uint64_t pack = t + kQuantizePacks * kTeam; pack < task.packs; pack += kTeam) Widen(range, LoadFour(task, x, pack));
  if constexpr (kTeam == 32) {
    range = RangeOfWarp(range);
  } else {
    range = RangeOfBlock(range, reinterpret_cast<Range*>(DynamicShared()));
  }
  const QuantParams params = ParamsFromRange(range, /*symmetric=*/false, /*is_signed=*/false);
  if (t == 0) {
    task.scales[row] = params.scale;
    task.zeros[row] = params.zero;
  }
  LOWP_UNROLL
  for (uint32_t i = 0; i < kQuantizePacks; ++i) {
    if (t + i * kTeam < task.packs) StoreFour(task, row, t + i * kTeam, kept[i], params.scale, params.zero);
  }
  LOWP_NO_UNROLL
  for (uint64_t pack = t + kQuantizePacks * kTeam; pack < task.packs; pack += kTeam)
    StoreFour(task, row, pack, LoadFour(task, x, pack), params.scale, params.zero);
}

LOWP_KERNEL __launch_bounds__(kQuantizeThreads) QuantizeAllRows(Task task, IndexDivisor packs) {
  const uint64_t first = uint64_t{blockIdx.x} * kQuantizeThreads * kQuantizePacks + threadIdx.x;
  const uint64_t count = task.row_count * task.packs;
  const float scale = *task.scales;
  const int32_t zero = *task.zeros;
  Four x[kQuantizePacks];
  LOWP_UNROLL
  for (uint32_t i = 0; i < kQuantizePacks; ++i) {
    const uint64_t at = first + i * kQuantizeThreads, row = packs.Quotient(min(at, count - 1));
    if (at < count) x[i] = LoadFour(task, task.x + task.rows.At(row), at - row * task.packs);
  }
  LOWP_UNROLL
  for (uint32_t i = 0; i < kQuantizePacks; ++i) {
    const uint64_t at = first + i * kQuantizeThreads, row = packs.Quotient(min(at, count - 1));
    if (at < count) StoreFour(task, row, at - row * task.packs, x[i], scale, zero);
  }
}

Status EachRow(CudaContext& context, const Task& task) {
  constexpr uint64_t kWarpColumns = 32 * kQuantizePacks * kQuantizeLanes, kTeams = kQuantizeThreads / 32;
  const bool by_warp = task.cols <= kWarpColumns;
  const uint64_t blocks = by_warp ? (task.row_count + kTeams - 1) / kTeams : task.row_count;
  return Launch(context, by_warp ? QuantizeEachRow<32> : QuantizeEachRow<kQuantizeThreads>, dim3(static_cast<uint32_t>(blocks)),
                dim3(kQuantizeThreads), kTeams * sizeof(Range), task);
}

}  // namespace

Status QuantizeDynamically(CudaContext& context, const CudaDynamicQuantizeArgs& args, uint64_t pitch) {
  uint64_t rows = args.batch * args.rows, cols = args.cols;
  if (args.batch > INT32_MAX || args.rows > INT32_MAX || rows > INT32_MAX) {
    return {Code::kUnsupported, "Expected fewer than 2^31 rows on a CUDA device but received " + std::to_string(args.batch) +
                                    " times " + std::to_string(args.rows)};
  }
  if (rows == 0 && args.per_row) return {};
  MatrixRows where;
  if (rows > 0) where = MatrixRows(args.batch, args.rows, args.ld, args.batch_stride);
  const bool together = rows <= 1 || (where.even && args.ld == cols);
  if (!args.per_row && together && pitch == cols) {
    cols *= rows;
    pitch = cols;
    rows = 1;
  }
  const Task task{args.x, where,    rows,        cols,      (std::max(pitch, cols) + kQuantizeLanes - 1) / kQuantizeLanes,
                  pitch,  args.out, args.scales, args.zeros};
  // As many as a block reads in as long as starting another kernel takes.
  constexpr uint64_t kFew = 16384;
  if (args.per_row || (rows == 1 && cols <= kFew)) return EachRow(context, task);
  const uint64_t range_rows = together ? 1 : rows, range_cols = together ? rows * cols : cols;
  Status status = ParametersOfRanges(
      context, {args.x, 1, 0, range_rows, range_cols, where, /*symmetric=*/false, /*is_signed=*/false, args.scales, args.zeros});
  const uint64_t packs = rows * task.packs;
  if (!status.ok() || packs == 0) return status;
  constexpr uint64_t kOfBlock = kQuantizeThreads * kQuantizePacks;
  return Launch(context, QuantizeAllRows, dim3(static_cast<uint32_t>((packs + kOfBlock - 1) / kOfBlock)), dim3(kQuantizeThreads),
                0, task, IndexDivisor(task.packs, packs));
}

}  // namespace lowp
