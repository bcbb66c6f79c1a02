// Macro-kernel of the int8 sparse product; its loops are those of kernels/sparse/sparse_driver.h.
#include "kernels/qspmm/qspmm.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <string>
#include <utility>

#include "kernels/quantize/quantize.h"
#include "kernels/sparse/sparse_driver.h"

namespace lowp {
namespace {

constexpr size_t kNb = kSparseNb;
constexpr uint8_t kSignBit = 0x80;

Status Validate(const QSpmmArgs& args) {
  int64_t bias = 0;
  if (args.output.bias_s32 != nullptr) {
    for (size_t row = 0; row < args.sparse->layout.rows; ++row)
      bias = std::max(bias, std::abs(int64_t{args.output.bias_s32[row]}));
  }
  return CheckQSpmm(args, args.sparse->longest_row, bias);
}

// The dense operand in bytes, and its zero point as tiles have it.
struct Dense {
  const uint8_t* data;
  size_t ld;
  uint8_t flip;
  float scale;           // unless per row
  int32_t zero;          // unless per row
  const float* scales;   // [M], or null
  const int32_t* zeros;  // [M], or null
};

// What one call computes once and keeps in scratch. Column arrays are read by whole tiles.
struct CallScratch {
  size_t add, scale, bias, zero, data, scales, zeros, bytes;

  explicit CallScratch(const QSpmmArgs& args) {
    const SparseLayout& layout = args.sparse->layout;
    const size_t columns = args.right ? layout.rows + kNb : kNb;
    BufferLayout buffer;
    add = buffer.Add(columns * sizeof(int32_t));
    scale = buffer.Add(columns * sizeof(float));
    bias = buffer.Add(columns * sizeof(float));
    zero = buffer.Add(columns * sizeof(int32_t));
    data = buffer.Add(IsFloat(args.dense_kind) ? args.n * layout.cols : 0);
    const size_t rows = args.dense_kind == QSpmmDense::kFloat32PerRow ? args.n : 0;
    scales = buffer.Add(rows * sizeof(float));
    zeros = buffer.Add(rows * sizeof(int32_t));
    bytes = buffer.size();
  }
};

Dense ReadDense(const QSpmmArgs& args, const CallScratch& at, uint8_t* scratch) {
  const bool to_signed = args.sparse->form().signed_dense, is_signed = args.dense_kind == QSpmmDense::kS8;
  const uint8_t flip = to_signed == is_signed ? uint8_t{0} : kSignBit;
  const int32_t moved = flip == 0 ? 0 : to_signed ? -128 : 128;
  if (!IsFloat(args.dense_kind)) {
    return {static_cast<const uint8_t*>(args.dense), args.ld, flip, args.dense_scale, args.dense_zero + moved, nullptr, nullptr};
  }
  const size_t rows = args.right ? args.n : args.sparse->layout.cols, cols = args.right ? args.sparse->layout.cols : args.n;
  const bool per_row = args.dense_kind == QSpmmDense::kFloat32PerRow;
  float* scales = reinterpret_cast<float*>(scratch + at.scales);
  int32_t* zeros = reinterpret_cast<int32_t*>(scratch + at.zeros);
  const DynamicRows x{static_cast<const float*>(args.dense), 1, rows, cols, args.ld, 0, per_row};
  const QuantParams params = QuantizeRows(x, args.threads, scratch + at.data, scales, zeros);
  for (size_t row = 0; per_row && row < rows; ++row) zeros[row] += moved;
  return {scratch + at.data,        cols, flip, params.scale, params.zero + moved, per_row ? scales : nullptr,
          per_row ? zeros : nullptr};
}

// On the right, columns of C are rows of S, as columns of B are in qgemm.
void SetColumnsRight(const QSpmmArgs& args, const Dense& dense, int32_t* add, float* scale, IntStore* e) {
  const QSpmmPacked& s = *args.sparse;
  const bool per_row = dense.scales != nullptr, requantize = Requantizes(args.output);
  for (size_t n = 0; n < s.layout.rows; ++n) {
    uint32_t sum = per_row ? 0u : 0u - static_cast<uint32_t>(dense.zero) * static_cast<uint32_t>(s.sum[n]);
    if (args.output.bias_s32 != nullptr) sum += static_cast<uint32_t>(args.output.bias_s32[n]);
    add[n] = static_cast<int32_t>(sum);
    scale[n] = per_row ? s.scale[n] : dense.scale * s.scale[n];
    if (!per_row && requantize) scale[n] /= args.output.scale;
  }
  e->a_scale = dense.scales;
  e->a_zero = dense.zeros;
  e->b_corr = s.sum;
}

// On the left all columns are alike, and what differs from row to row stands where qgemm has its activations' parameters.
void SetColumnsLeft(const QSpmmArgs& args, const Dense& dense, int32_t* zero, float* scale, IntStore* e) {
  std::fill_n(zero, kNb, dense.zero);
  std::fill_n(scale, kNb, dense.scale);
  e->a_scale = args.sparse->scale;
  e->row_sum = args.sparse->sum;
  e->b_zero = zero;
}

class Product {
 public:
  Product(const QSpmmArgs& args, const Dense& dense, const IntStore& store)
      : args_(args),
        layout_(args.sparse->layout),
        kernel_(*args.sparse->entry->kernel),
        form_(args.sparse->form()),
        dense_(dense),
        store_(store),
        high_(layout_.height == kSparseHeight) {}

  void Multiply(const SparseTask& task, const SparseBlock& b, bool accumulate) const {
    const uint8_t* values = static_cast<const uint8_t*>(layout_.values);
    const QSpmmBlock block{layout_.row_list + b.rows_at, b.row_count, layout_.index + b.entries_at,
                           values + b.entries_at * layout_.height * layout_.width * kernel_.value_bytes};
    int32_t* acc = reinterpret_cast<int32_t*>(task.acc);
    if (IsVector(task)) {
      const uint8_t* from = dense_.data + task.n0 * dense_.ld + b.k0;
      for (size_t k = 0; k < b.depth; ++k) task.tile[k] = from[k] ^ dense_.flip;
      const bool two_of_four = layout_.in_two_of_four() && kernel_.spmv_two_of_four != nullptr;
      return (two_of_four ? kernel_.spmv_two_of_four : form_.spmv[high_])(block, task.tile, acc, accumulate);
    }
    if (args_.right) {
      form_.fill_columns(b.depth, task.cols, dense_.data + task.n0 * dense_.ld + b.k0, dense_.ld, dense_.flip, task.tile);
    } else {
      form_.fill_rows(b.depth, task.cols, dense_.data + b.k0 * dense_.ld + task.n0, dense_.ld, dense_.flip, task.tile);
    }
    form_.ukernels[high_](block, task.cols, task.tile, acc, accumulate);
  }

  void Store(const SparseTask& task) const {
    const int32_t* acc = reinterpret_cast<const int32_t*>(task.acc);
    if (args_.right) return StoreTransposed<int32_t>(kernel_, task, store_, IsVector(task));
    IntStore store = store_;
    store.c = static_cast<uint8_t*>(store.c) + task.n0 * SizeOf(args_.output.kind);
    const bool has_bias = args_.output.bias_s32 != nullptr || args_.output.bias_f32 != nullptr;
    if (!has_bias) return kernel_.store(store, acc, task.band.m0, 0, task.band.rows, task.cols);
    // The epilogue has a bias for each column; here it is one for each row.
    int32_t* sums = reinterpret_cast<int32_t*>(task.out);
    float* reals = reinterpret_cast<float*>(sums + kNb);
    for (size_t i = 0, row = task.band.m0; i < task.band.rows; ++i, ++row) {
      if (args_.output.bias_s32 != nullptr) {
        std::fill_n(sums, kNb, args_.output.bias_s32[row]);
        store.col_add = sums;
      } else {
        std::fill_n(reals, kNb, args_.output.bias_f32[row]);
        store.bias = reals;
      }
      kernel_.store(store, acc + i * kNb, row, 0, 1, task.cols);
    }
  }

 private:
  // One row on the right needs neither a tile nor a transposition.
  bool IsVector(const SparseTask& task) const { return args_.right && task.cols == 1; }

  const QSpmmArgs& args_;
  const SparseLayout& layout_;
  const QSpmmKernel& kernel_;
  const QSpmmForm& form_;
  const Dense& dense_;
  const IntStore& store_;
  bool high_;
};

}  // namespace

Status PackQSpmm(const QSpmmPackArgs& args, const QSpmmEntry& entry, QSpmmPacked* packed) {
  const SparseMatrix& m = args.matrix;
  if (Status status = CheckSparse(m); !status.ok()) return status;
  for (size_t row = 0; row < (args.per_row ? m.rows : 1); ++row) {
    if (!IsValidScale(args.scales[row])) {
      return {Code::kValue, "Expected finite scales above 0 for the sparse matrix but received " +
                                std::to_string(args.scales[row]) + " at position " + std::to_string(row)};
    }
  }
  QSpmmPacked p;
  p.entry = &entry;
  p.k = m.cols;
  p.n = m.rows;
  const QSpmmKernel& kernel = *entry.kernel;
  const SparseTraits traits{kernel.value_bytes == 1 ? SparseValues::kInt8 : SparseValues::kInt16,
                            kernel.tile_row_bytes,
                            kernel.group,
                            {kernel.quad_fill[0], kernel.quad_fill[1]}};
  if (Status status = PackSparse(m, traits, &p.layout); !status.ok()) return status;

  BufferLayout layout;
  const size_t padded = m.rows + kNb;  // read by whole tiles
  const size_t scale_at = layout.Add(padded * sizeof(float)), sum_at = layout.Add(padded * sizeof(int32_t));
  if (!p.constants.Reserve(layout.size()))
    return {Code::kNoMemory, "Expected " + std::to_string(layout.size()) + " bytes for scales and sums but the system gave none"};
  std::memset(p.constants.data(), 0, layout.size());
  float* scale = p.constants.As<float>(scale_at);
  int32_t* sum = p.constants.As<int32_t>(sum_at);
  const int8_t* values = static_cast<const int8_t*>(m.values);
  for (size_t row = 0; row < m.rows; ++row) {
    scale[row] = args.scales[args.per_row ? row : 0];
    const size_t block_row = row / m.block_rows, in_block = row % m.block_rows;
    const size_t begin = static_cast<size_t>(m.row_ptr[block_row]), end = static_cast<size_t>(m.row_ptr[block_row + 1]);
    p.longest_row = std::max(p.longest_row, (end - begin) * m.block_cols);
    uint32_t total = 0;
    for (size_t block = begin; block < end; ++block) {
      const int8_t* from = values + (block * m.block_rows + in_block) * m.block_cols;
      for (size_t c = 0; c < m.block_cols; ++c) total += static_cast<uint32_t>(int32_t{from[c]});
    }
    sum[row] = static_cast<int32_t>(total);
  }
  p.scale = scale;
  p.sum = sum;
  *packed = std::move(p);
  return {};
}

Status QSpmm(const QSpmmArgs& given) {
  if (Status status = Validate(given); !status.ok()) return status;
  QSpmmArgs args = given;
  const SparseLayout& layout = args.sparse->layout;
  if (args.n == 0 || layout.rows == 0) return {};
  if (!args.right && args.n == 1 && args.ld == 1 && args.ldc == 1) {  // a column that lies as a row would, multiplied as one
    args.right = true;
    args.ld = layout.cols;
    args.ldc = layout.rows;
  }
  const CallScratch at(args);
  uint8_t* scratch = Scratch(ScratchSlot::kCall, at.bytes);
  if (scratch == nullptr)
    return {Code::kNoMemory, "Expected " + std::to_string(at.bytes) + " bytes of scratch memory but the system gave none"};
  const Dense dense = ReadDense(args, at, scratch);
  int32_t* add = reinterpret_cast<int32_t*>(scratch + at.add);
  float* scale = reinterpret_cast<float*>(scratch + at.scale);
  float* bias = reinterpret_cast<float*>(scratch + at.bias);
  // Also what tiles read beyond the last row must be initialized.
  std::memset(scratch, 0, at.data);
  IntStore store{};
  SetOutput(args.output, &store);
  store.c = args.c;
  store.ldc = args.ldc;
  store.col_add = add;
  store.scale = scale;
  if (args.right) {
    SetColumnsRight(args, dense, add, scale, &store);
    if (args.output.bias_f32 != nullptr) {
      std::copy_n(args.output.bias_f32, layout.rows, bias);
      store.bias = bias;
    }
  } else {
    SetColumnsLeft(args, dense, reinterpret_cast<int32_t*>(scratch + at.zero), scale, &store);
  }
  Status status =
      RunSparse(layout, args.n, args.sparse->entry->kernel->tile_row_bytes, args.threads, args.stop, Product(args, dense, store));
  TrimScratch(ScratchSlot::kCall);
  return status;
}

}  // namespace lowp
