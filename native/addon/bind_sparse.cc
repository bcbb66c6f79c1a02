// packSparse(ctl, rowPtr, colIdx, values, scales); sparse(ctl, a, matrix, out, bias) and its asynchronous form.
#include <cstring>
#include <memory>
#include <string>
#include <utility>

#include "addon/gemm_args.h"
#include "kernels/qspmm/qspmm.h"
#include "kernels/spmm/spmm.h"

namespace lowp {
namespace {

constexpr size_t kMaxSize = size_t{1} << 31;  // of rows and columns, whose indices are int32
constexpr size_t kMaxBlock = 16;

// Copies of the structure: what has been checked must not change before it is followed, and a SharedArrayBuffer may.
struct Structure {
  SparseMatrix matrix;
  AlignedBuffer copies;

  Structure(const Control& ctl, const ArrayView& row_ptr, const ArrayView& col_idx, const ArrayView& values) {
    SparseMatrix& m = matrix;
    m.rows = ctl.Size(SparseSlot::rows, "the rows");
    m.cols = ctl.Size(SparseSlot::cols, "the columns");
    m.block_rows = ctl.Size(SparseSlot::blockRows, "the rows of a block");
    m.block_cols = ctl.Size(SparseSlot::blockCols, "the columns of a block");
    m.blocks = col_idx.length;
    const auto is_block = [](size_t size) { return size >= 1 && size <= kMaxBlock; };
    if (!is_block(m.block_rows) || !is_block(m.block_cols) || m.rows % m.block_rows != 0 || m.cols % m.block_cols != 0 ||
        m.rows >= kMaxSize || m.cols >= kMaxSize) {
      Fail(Code::kShape, "Expected sizes below 2^31 that are multiples of a block of at most 16x16 but received " +
                             std::to_string(m.rows) + "x" + std::to_string(m.cols) + " in blocks of " +
                             std::to_string(m.block_rows) + "x" + std::to_string(m.block_cols));
    }
    CheckLength(row_ptr, m.rows / m.block_rows + 1, "rowPtr");
    CheckLength(values, SaturatingMul(m.blocks, m.block_rows * m.block_cols), "values");
    BufferLayout layout;
    const size_t rows_at = layout.Add(row_ptr.length * sizeof(int32_t)), cols_at = layout.Add(m.blocks * sizeof(int32_t));
    if (!copies.Reserve(layout.size()))
      Fail(Code::kNoMemory,
           "Expected " + std::to_string(layout.size()) + " bytes to copy the structure but the system gave none");
    std::memcpy(copies.data() + rows_at, row_ptr.data, row_ptr.length * sizeof(int32_t));
    if (m.blocks != 0) std::memcpy(copies.data() + cols_at, col_idx.data, m.blocks * sizeof(int32_t));
    m.row_ptr = copies.As<int32_t>(rows_at);
    m.col_idx = copies.As<int32_t>(cols_at);
    m.values = values.data;
  }
};

napi_value PackSparseMatrix(Arguments& arguments) {
  napi_env env = arguments.env;
  const Control ctl(env, arguments.values[0], SparseSlot::length);
  const ArrayView row_ptr = ReadArray(env, arguments.values[1], "rowPtr", napi_int32_array);
  const ArrayView col_idx = ReadArray(env, arguments.values[2], "colIdx", napi_int32_array);
  const ArrayView values = ReadArray(env, arguments.values[3], "values");
  const ArrayView scales = ReadOptionalArray(arguments, 4, "the scales");
  const Structure structure(ctl, row_ptr, col_idx, values);
  const auto handle_of = [&](auto packed) {
    return MakeHandle(env, std::make_shared<const Packed>(Packed{std::move(packed)}), DataOf(arguments).handles);
  };
  if (values.type == napi_float32_array) {
    SpmmPacked packed;
    Check(PackSpmm(structure.matrix, SelectSpmm(ActiveIsas()), &packed));
    return handle_of(std::move(packed));
  }
  if (values.type != napi_int8_array || !scales.present || scales.type != napi_float32_array)
    Fail(Code::kType, "Expected Float32Array, or Int8Array with Float32Array scales, for values");
  const bool per_row = scales.length != 1;
  if (per_row) CheckLength(scales, structure.matrix.rows, "the scales");
  QSpmmPacked packed;
  Check(PackQSpmm({structure.matrix, scales.As<const float>(), per_row}, SelectQSpmm(ActiveIsas()), &packed));
  return handle_of(std::move(packed));
}

struct Call {
  using Slot = GemmSlot;
  static constexpr size_t kOut = 3;
  const std::shared_ptr<const Packed>& packed;
  std::shared_ptr<const Packed> held;
  const SpmmPacked* real;  // one of these
  const QSpmmPacked* quantized;
  bool right;
  GemmSizes sizes;
  size_t features;  // rows of the sparse matrix
  size_t extent_a;
  QSpmmDense kind = QSpmmDense::kU8;
  ArrayView a, out, bias;
  IntOutput output;
  float a_scale;
  int32_t a_zero;

  Call(Arguments& arguments, const Control& ctl);
  Status Run(const std::atomic<bool>* stop) const;
  void Hold() { held = packed; }
  template <class Visit>
  void EachInput(Visit&& visit) {
    visit(a.data, extent_a * a.element_size());
    visit(output.bias_f32, features * sizeof(float));
    visit(output.bias_s32, features * sizeof(int32_t));
  }
  static bool OwnsOut(const Control& ctl) { return ctl.Flag(GemmSlot::ownsOut); }
  ResultRows result() const { return RowsOf(sizes); }
  void SetResult(void* data, size_t ldc) {
    out.data = data;
    sizes.ldc = ldc;
  }

 private:
  void ReadA(const Control& ctl);
};

void Call::ReadA(const Control& ctl) {
  const size_t rows = right ? sizes.m : sizes.k, cols = right ? sizes.k : sizes.n;
  extent_a = CheckA(sizes, rows, cols, a);
  a_scale = ctl.Float(GemmSlot::scaleA);
  a_zero = ctl.Int(GemmSlot::zeroA, "the zero point of a");
  if (real != nullptr || a.type == napi_float32_array) {
    if (a.type != napi_float32_array) Fail(Code::kType, "Expected Float32Array for a");
    const size_t quantization = ctl.Size(GemmSlot::quantization, "the activations' quantization");
    kind = quantization == ActivationQuantization::dynamicPerRow ? QSpmmDense::kFloat32PerRow : QSpmmDense::kFloat32PerTensor;
    return;
  }
  if (a.type != napi_int8_array && a.type != napi_uint8_array)
    Fail(Code::kType, "Expected Int8Array, Uint8Array or, for dynamic quantization, Float32Array for a");
  kind = a.type == napi_int8_array ? QSpmmDense::kS8 : QSpmmDense::kU8;
}

Call::Call(Arguments& arguments, const Control& ctl)
    : packed(ReadPacked(arguments.env, arguments.values[2], *DataOf(arguments).handles)) {
  napi_env env = arguments.env;
  a = ReadArray(env, arguments.values[1], "a");
  real = std::get_if<SpmmPacked>(&packed->weights);
  quantized = real != nullptr ? nullptr : &WeightsOf<QSpmmPacked>(*packed, "a packed sparse matrix");
  const SparseLayout& layout = real != nullptr ? real->layout : quantized->layout;
  features = layout.rows;
  out = ReadArray(env, arguments.values[3], "out");
  bias = ReadOptionalArray(arguments, 4, "bias");
  right = ctl.Flag(GemmSlot::right);
  sizes = ReadGemmSizes(ctl, layout.cols, right ? features : ctl.Size(GemmSlot::n, "N"), out);
  if (sizes.batch != 1) Fail(Code::kShape, "Expected a batch of 1 but received " + std::to_string(sizes.batch));
  if (!right && sizes.m != features) {
    Fail(Code::kShape, "Expected M of " + std::to_string(features) + ", the rows of the sparse matrix, but received " +
                           std::to_string(sizes.m));
  }
  ReadA(ctl);
  output = ReadOutput(ctl, out, bias, features, real != nullptr);
  CheckAlias(out, a, "a");
  CheckAlias(out, bias, "bias");
}

Status Call::Run(const std::atomic<bool>* stop) const {
  const size_t n = right ? sizes.m : sizes.n;
  if (real != nullptr) {
    SpmmArgs args;
    args.sparse = real;
    args.right = right;
    args.dense = a.As<const float>();
    args.ld = sizes.lda;
    args.n = n;
    args.c = out.As<float>();
    args.ldc = sizes.ldc;
    args.bias = output.bias_f32;
    args.activation = output.activation;
    args.threads = sizes.threads;
    args.stop = stop;
    return Spmm(args);
  }
  QSpmmArgs args;
  args.sparse = quantized;
  args.right = right;
  args.dense_kind = kind;
  args.dense = a.data;
  args.ld = sizes.lda;
  args.n = n;
  args.dense_scale = a_scale;
  args.dense_zero = a_zero;
  args.output = output;
  args.c = out.data;
  args.ldc = sizes.ldc;
  args.threads = sizes.threads;
  args.stop = stop;
  return QSpmm(args);
}

}  // namespace

void BindSparse(Napi::Env env, Napi::Object exports, AddonData* data) {
  Export<PackSparseMatrix>(env, exports, "packSparse", data);
  Export<CallSync<Call>>(env, exports, "sparse", data);
  Export<CallAsync<Call>>(env, exports, "sparseAsync", data);
}

}  // namespace lowp
