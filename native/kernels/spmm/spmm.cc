// Macro-kernel of the float32 sparse product; its loops are those of kernels/sparse/sparse_driver.h.
#include "kernels/spmm/spmm.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "kernels/sparse/sparse_driver.h"

namespace lowp {
namespace {

constexpr size_t kNb = kSparseNb;

class Product {
 public:
  explicit Product(const SpmmArgs& args)
      : args_(args),
        layout_(args.sparse->layout),
        kernel_(*args.sparse->entry->kernel),
        form_(args.sparse->form()),
        high_(layout_.height == kSparseHeight) {}

  void Multiply(const SparseTask& task, const SparseBlock& b, bool accumulate) const {
    const SpmmBlock block{layout_.row_list + b.rows_at, b.row_count, layout_.index + b.entries_at,
                          static_cast<const float*>(layout_.values) + b.entries_at * layout_.height * layout_.width};
    float* acc = reinterpret_cast<float*>(task.acc);
    if (IsVector(task)) {
      const bool two_of_four = layout_.in_two_of_four() && kernel_.spmv_two_of_four != nullptr;
      const SpmvUkernelFn spmv = two_of_four ? kernel_.spmv_two_of_four : form_.spmv[high_];
      return spmv(block, args_.dense + task.n0 * args_.ld + b.k0, acc, accumulate);
    }
    float* tile = reinterpret_cast<float*>(task.tile);
    // Columns beyond the edge are computed and thrown away.
    if (task.cols < kNb) std::memset(tile, 0, b.depth * kNb * sizeof(float));
    if (args_.right) {
      kernel_.transpose(task.cols, b.depth, args_.dense + task.n0 * args_.ld + b.k0, args_.ld, tile, kNb);
    } else {
      CopyRows(b.depth, task.cols, args_.dense + b.k0 * args_.ld + task.n0, args_.ld, tile);
    }
    form_.ukernels[high_](block, task.cols, tile, acc, accumulate);
  }

  void Store(const SparseTask& task) const {
    const float* acc = reinterpret_cast<const float*>(task.acc);
    if (args_.right) {
      const FloatStore store{args_.bias, args_.activation, {}, args_.c, args_.ldc};
      return StoreTransposed<float>(kernel_, task, store, IsVector(task));
    }
    FloatStore store{nullptr, args_.activation, {}, args_.c + task.n0, args_.ldc};
    if (args_.bias == nullptr) return kernel_.store(store, acc, task.band.m0, 0, task.band.rows, task.cols);
    // The epilogue has a bias for each column; here it is one for each row.
    float* bias = reinterpret_cast<float*>(task.out);
    store.bias = bias;
    for (size_t row = 0; row < task.band.rows; ++row) {
      std::fill_n(bias, task.cols, args_.bias[task.band.m0 + row]);
      kernel_.store(store, acc + row * kNb, task.band.m0 + row, 0, 1, task.cols);
    }
  }

 private:
  // One row on the right needs neither a tile nor a transposition.
  bool IsVector(const SparseTask& task) const { return args_.right && task.cols == 1; }

  static void CopyRows(size_t depth, size_t cols, const float* from, size_t ld, float* tile) {
    if (cols == kNb) {  // of constant size: no call for each row
      for (size_t k = 0; k < depth; ++k) std::memcpy(tile + k * kNb, from + k * ld, kNb * sizeof(float));
    } else {
      for (size_t k = 0; k < depth; ++k) std::memcpy(tile + k * kNb, from + k * ld, cols * sizeof(float));
    }
  }

  const SpmmArgs& args_;
  const SparseLayout& layout_;
  const SpmmKernel& kernel_;
  const SpmmForm& form_;
  bool high_;
};

}  // namespace

Status PackSpmm(const SparseMatrix& matrix, const SpmmEntry& entry, SpmmPacked* packed) {
  if (Status status = CheckSparse(matrix); !status.ok()) return status;
  SpmmPacked p;
  p.entry = &entry;
  p.k = matrix.cols;
  p.n = matrix.rows;
  const SpmmKernel& kernel = *entry.kernel;
  const SparseTraits traits{SparseValues::kFloat32, kNb * sizeof(float), 1, {kernel.quad_fill[0], kernel.quad_fill[1]}};
  if (Status status = PackSparse(matrix, traits, &p.layout); !status.ok()) return status;
  *packed = std::move(p);
  return {};
}

Status Spmm(const SpmmArgs& given) {
  if (Status status = CheckEpilogue(given.activation, {}); !status.ok()) return status;
  SpmmArgs args = given;
  const SparseLayout& layout = args.sparse->layout;
  if (!args.right && args.n == 1 && args.ld == 1 && args.ldc == 1) {  // a column that lies as a row would, multiplied as one
    args.right = true;
    args.ld = layout.cols;
    args.ldc = layout.rows;
  }
  return RunSparse(layout, args.n, kNb * sizeof(float), args.threads, args.stop, Product(args));
}

}  // namespace lowp
