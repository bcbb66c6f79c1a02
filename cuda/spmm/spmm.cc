// Checks a call, brings the dense operand into the order that a kernel wants, and chooses the kernel.
#include <algorithm>
#include <cstdlib>
#include <string>

#include "core/aligned_buffer.h"
#include "cuda/device/transpose.h"
#include "cuda/plugin_abi.h"
#include "cuda/quantize/quantize_abi.h"
#include "cuda/spmm/spmm_pack.h"
#include "cuda/spmm/spmm_task.h"
#include "kernels/epilogue/epilogue.h"

namespace lowp {
namespace {

constexpr size_t kMaxSize = size_t{1} << 31;
constexpr size_t kMaxRowBytes = (size_t{1} << 32) - 1;
constexpr uint32_t kWarp = 32, kThreads = 256;

// The dense operand as the caller has it: [cols of S][n], or with `right` [n][cols of S].
struct Dense {
  const void* data;
  size_t ld, size;
  bool right;
};

template <class T>
const T* At(const CudaSparseWeights& w, uint64_t offset) {
  return reinterpret_cast<const T*>(static_cast<const uint8_t*>(w.storage) + offset);
}

bool IsAligned(const void* p, size_t bytes) { return reinterpret_cast<uintptr_t>(p) % bytes == 0; }

// [n][depth] of S's columns, or [cols][n] with rows padded to n_padded, in scratch.
Status Turn(CudaContext& context, const Dense& dense, size_t rows, size_t cols, bool transpose, size_t padded,
            CudaScratch* scratch) {
  const size_t result_rows = transpose ? cols : rows;
  if (Status status = scratch->Take(context, std::max<size_t>(result_rows * padded * dense.size, 1)); !status.ok()) return status;
  if (!transpose) return PadRows(context, {rows, cols, dense.size, dense.data, dense.ld, scratch->As<void>(), padded});
  TransposeArgs args;
  args.rows = rows;
  args.cols = cols;
  args.size = dense.size;
  args.from = dense.data;
  args.ld_from = dense.ld;
  args.to = scratch->As<void>();
  args.ld_to = padded;
  args.rows_padded = padded;
  return TransposeMatrices(context, args);
}

// Threads that share a row of few columns: about two quads each.
uint32_t NarrowLanes(const CudaSparseWeights& w) {
  const uint64_t average = w.quads / std::max<uint64_t>(w.rows, 1);
  uint32_t lanes = kNarrowMost;
  while (lanes < kWarp && lanes * 2 < average) lanes *= 2;
  return lanes;
}

void ChooseWide(const CudaDevice& device, const CudaSparseWeights& w, SparseTask* task) {
  const uint64_t fours = DivUp(task->n, 4);
  task->lanes = 2;
  while (task->lanes < kWarp && task->lanes < fours) task->lanes *= 2;
  task->slices = 1;
  if (w.merged) return;
  // Slices of at least eight quads, until the device is busy.
  const uint64_t wanted = 1024 * static_cast<uint64_t>(device.multiprocessors), average = w.quads / std::max<uint64_t>(w.rows, 1);
  while (task->slices < 16 && task->slices * task->lanes < kThreads && w.rows * fours * task->slices < wanted &&
         average >= 16 * task->slices)
    task->slices *= 2;
}

Status RunRows(CudaContext& context, const CudaSparseWeights& w, const Dense& dense, SparseTask task) {
  task.rows = static_cast<uint32_t>(w.rows);
  task.starts = At<uint32_t>(w, w.starts_at);
  task.counts = At<uint32_t>(w, w.counts_at);
  task.cols = At<int32_t>(w, w.cols_at);
  task.values = At<uint8_t>(w, w.values_at);
  task.shares = w.merged ? At<SparseShare>(w, w.shares_at) : nullptr;
  task.units = static_cast<uint32_t>(w.merged ? w.shares : w.rows);
  task.cuts = At<SparseCut>(w, w.cuts_at);
  task.cut_count = static_cast<uint32_t>(w.cuts);
  task.n_padded = RoundUp(task.n, 4);
  CudaScratch partial, turned;
  if (w.slots != 0) {
    if (Status status = partial.Take(context, w.slots * task.n_padded * sizeof(float)); !status.ok()) return status;
    task.partial = partial.As<void>();
  }
  if (task.n <= kNarrowMost) {
    task.dense = dense.data;
    task.k_stride = dense.right ? 1 : dense.ld;
    task.d_stride = dense.right ? dense.ld : 1;
    task.lanes = NarrowLanes(w);
    if (Status status = LaunchSparseNarrow(context, task); !status.ok()) return status;
  } else {
    const size_t four = 4 * dense.size;
    const bool as_it_is = !dense.right && task.n % 4 == 0 && dense.ld % 4 == 0 && IsAligned(dense.data, four) &&
                          dense.ld * dense.size <= kMaxRowBytes;
    task.dense = dense.data;
    task.k_stride = dense.ld;
    if (!as_it_is) {
      if (task.n_padded * dense.size > kMaxRowBytes)
        return {Code::kUnsupported,
                "Expected rows of less than 4 GB of the dense operand but received " + std::to_string(task.n)};
      const size_t rows = dense.right ? task.n : w.cols, cols = dense.right ? w.cols : task.n;
      if (Status status = Turn(context, dense, rows, cols, dense.right, task.n_padded, &turned); !status.ok()) return status;
      task.dense = turned.As<void>();
      task.k_stride = task.n_padded;
    }
    task.d_stride = 1;
    ChooseWide(context.device(), w, &task);
    if (Status status = LaunchSparseWide(context, task); !status.ok()) return status;
  }
  return task.cut_count == 0 ? Status{} : LaunchSparseSums(context, task);
}

Status RunTiles(CudaContext& context, const CudaSparseWeights& w, const Dense& dense, const SparseTask& rows) {
  SparseTileTask task{};
  task.rows = static_cast<uint32_t>(w.rows);
  task.row_tiles = static_cast<uint32_t>(DivUp(w.rows, kTileRows));
  task.col_tiles = static_cast<uint32_t>(DivUp(w.cols, kTileCols));
  task.values = At<uint8_t>(w, w.tile_values_at);
  task.metadata = At<uint32_t>(w, w.tile_metadata_at);
  task.n = rows.n;
  task.store = rows.store;
  if (rows.kind == SparseKind::kU8) {
    task.flip = 0x80808080u;
    task.store.dense_moved = -128;
  }
  constexpr size_t kChunk = 16;
  const size_t padded = size_t{task.col_tiles} * kTileCols;
  CudaScratch turned;
  task.dense = static_cast<const uint8_t*>(dense.data);
  task.ld = dense.ld;
  if (!dense.right || w.cols != padded || dense.ld % kChunk != 0 || !IsAligned(dense.data, kChunk)) {
    const size_t dense_rows = dense.right ? task.n : w.cols, dense_cols = dense.right ? w.cols : task.n;
    if (Status status = Turn(context, dense, dense_rows, dense_cols, !dense.right, padded, &turned); !status.ok()) return status;
    task.dense = turned.As<uint8_t>();
    task.ld = padded;
  }
  return LaunchSparseTiles(context, task);
}

Status CheckSize(size_t n) {
  if (n < kMaxSize) return {};
  return {Code::kShape, "Expected less than 2^31 columns but received " + std::to_string(n)};
}

Status Spmm(CudaContext& context, const CudaSpmmArgs& args) {
  const CudaSparseWeights& w = *args.sparse;
  if (w.is_int8) return {Code::kHandle, "Expected a packed sparse matrix of float32"};
  if (Status status = CheckEpilogue(args.activation, {}); !status.ok()) return status;
  if (Status status = CheckSize(args.n); !status.ok()) return status;
  if (args.n == 0 || w.rows == 0) return {};
  SparseTask task{};
  task.kind = SparseKind::kFloat32;
  task.n = static_cast<uint32_t>(args.n);
  task.store.output.activation = args.activation;
  task.store.c = args.c;
  task.store.row_stride = args.right ? 1 : args.ldc;
  task.store.dense_stride = args.right ? args.ldc : 1;
  task.store.bias_f32 = args.bias;
  return RunRows(context, w, {args.dense, args.ld, sizeof(float), args.right}, task);
}

Status Validate(const CudaQSpmmArgs& args) {
  if (!args.sparse->is_int8) return {Code::kHandle, "Expected a packed sparse matrix of int8"};
  if (Status status = CheckQSpmm(args, args.sparse->longest_row, args.bias_magnitude); !status.ok()) return status;
  return CheckSize(args.n);
}

// float32 to u8 in scratch, with its scales and zero points.
Status Quantize(CudaContext& context, const CudaQSpmmArgs& args, CudaScratch* scratch, Dense* dense, SparseStore* store) {
  const size_t rows = args.right ? args.n : args.sparse->cols, cols = args.right ? args.sparse->cols : args.n;
  const bool per_row = args.dense_kind == QSpmmDense::kFloat32PerRow;
  const size_t count = per_row ? rows : 1;
  BufferLayout layout;
  const size_t bytes_at = layout.Add(rows * cols), scales_at = layout.Add(count * sizeof(float));
  const size_t zeros_at = layout.Add(count * sizeof(int32_t));
  if (Status status = scratch->Take(context, layout.size()); !status.ok()) return status;
  uint8_t* base = scratch->As<uint8_t>();
  CudaDynamicQuantizeArgs quantize{};
  quantize.x = static_cast<const float*>(args.dense);
  quantize.batch = 1;
  quantize.rows = rows;
  quantize.cols = cols;
  quantize.ld = args.ld;
  quantize.per_row = per_row;
  quantize.out = base + bytes_at;
  quantize.scales = reinterpret_cast<float*>(base + scales_at);
  quantize.zeros = reinterpret_cast<int32_t*>(base + zeros_at);
  CudaError error{};
  const int32_t code = CudaQuantizeFunctions().dynamic(&context, &quantize, &error);
  if (code != 0) return {static_cast<Code>(code), error.message};
  store->dense_scales = quantize.scales;
  store->dense_zeros = quantize.zeros;
  store->per_dense = per_row;
  *dense = {quantize.out, cols, 1, args.right};
  return {};
}

Status QSpmm(CudaContext& context, const CudaQSpmmArgs& args) {
  if (Status status = Validate(args); !status.ok()) return status;
  const CudaSparseWeights& w = *args.sparse;
  if (args.n == 0 || w.rows == 0) return {};
  SparseTask task{};
  task.kind = args.dense_kind == QSpmmDense::kS8 ? SparseKind::kS8 : SparseKind::kU8;
  task.n = static_cast<uint32_t>(args.n);
  SparseStore& store = task.store;
  SetOutput(args.output, &store.output);
  store.c = args.c;
  store.row_stride = args.right ? 1 : args.ldc;
  store.dense_stride = args.right ? args.ldc : 1;
  store.bias_f32 = args.output.bias_f32;
  store.bias_s32 = args.output.bias_s32;
  store.scales = At<float>(w, w.scales_at);
  store.sums = At<int32_t>(w, w.sums_at);
  store.dense_scale = args.dense_scale;
  store.dense_zero = args.dense_zero;
  Dense dense{args.dense, args.ld, 1, args.right};
  CudaScratch quantized;
  if (IsFloat(args.dense_kind)) {
    if (Status status = Quantize(context, args, &quantized, &dense, &store); !status.ok()) return status;
  }
  return w.two_of_four ? RunTiles(context, w, dense, task) : RunRows(context, w, dense, task);
}

int32_t PackFloatEntryPoint(CudaContext* context, const SparseMatrix* matrix, CudaSparseWeights* weights, CudaError* error) {
  return Guarded(error, [&] { return PackSparseWeights(*context, *matrix, nullptr, false, weights); });
}

int32_t PackInt8EntryPoint(CudaContext* context, const SparseMatrix* matrix, const float* scales, bool per_row,
                           CudaSparseWeights* weights, CudaError* error) {
  return Guarded(error, [&] { return PackSparseWeights(*context, *matrix, scales, per_row, weights); });
}

int32_t SpmmEntryPoint(CudaContext* context, const CudaSpmmArgs* args, CudaError* error) {
  return Guarded(error, [&] { return Spmm(*context, *args); });
}

int32_t QSpmmEntryPoint(CudaContext* context, const CudaQSpmmArgs* args, CudaError* error) {
  return Guarded(error, [&] { return QSpmm(*context, *args); });
}

}  // namespace

CudaSparseApi CudaSparseFunctions() { return {PackFloatEntryPoint, PackInt8EntryPoint, SpmmEntryPoint, QSpmmEntryPoint}; }

}  // namespace lowp
