// packSparse(ctl, rowPtr, colIdx, values, scales); sparse(ctl, a, matrix, out, bias) and its asynchronous form.
#include <cstring>
#include <memory>
#include <string>
#include <utility>

#include "addon/cuda_call.h"
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
  const auto pack_on_device = [&](auto function, auto... given) {
    CudaSparseWeights weights{};
    Check(CallPlugin(**arguments.device, &CudaApi::sparse, function, &structure.matrix, given..., &weights));
    return MakeCudaHandle(arguments, weights);
  };
  if (values.type == napi_float32_array) {
    if (arguments.device != nullptr) return pack_on_device(&CudaSparseApi::pack_float);
    SpmmPacked packed;
    Check(PackSpmm(structure.matrix, SelectSpmm(ActiveIsas()), &packed));
    return handle_of(std::move(packed));
  }
  if (values.type != napi_int8_array || !scales.present || scales.type != napi_float32_array)
    Fail(Code::kType, "Expected Float32Array, or Int8Array with Float32Array scales, for values");
  const bool per_row = scales.length != 1;
  if (per_row) CheckLength(scales, structure.matrix.rows, "the scales");
  if (arguments.device != nullptr) return pack_on_device(&CudaSparseApi::pack_int8, scales.As<const float>(), per_row);
  QSpmmPacked packed;
  Check(PackQSpmm({structure.matrix, scales.As<const float>(), per_row}, SelectQSpmm(ActiveIsas()), &packed));
  return handle_of(std::move(packed));
}

struct Call {
  using Slot = GemmSlot;
  static constexpr size_t kOut = 3;
  const std::shared_ptr<const Packed>& packed;
  std::shared_ptr<const Packed> held;
  const SpmmPacked* real = nullptr;  // one of these
  const QSpmmPacked* quantized = nullptr;
  const CudaSparseWeights* on_device = nullptr;  // in place of both
  static constexpr bool kWaits = false;
  bool is_real, right;
  GemmSizes sizes;
  size_t features;  // rows of the sparse matrix
  size_t extent_a;
  QSpmmDense kind = QSpmmDense::kU8;
  ArrayView a, out, bias;
  IntOutput output;
  float a_scale;
  int32_t a_zero;
  uint32_t bias_magnitude = 0;  // for the device

  Call(Arguments& arguments, const Control& ctl);
  Status Run(const std::atomic<bool>* stop) const;
  Status RunOnDevice(const CudaDevice& device, const std::atomic<bool>* stop) const;
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
  SpmmCall RealCall() const;
  QSpmmCall QuantizedCall() const;
  void ReadA(const Control& ctl);
};

void Call::ReadA(const Control& ctl) {
  const size_t rows = right ? sizes.m : sizes.k, cols = right ? sizes.k : sizes.n;
  extent_a = CheckA(sizes, rows, cols, a);
  a_scale = ctl.Float(GemmSlot::scaleA);
  a_zero = ctl.Int(GemmSlot::zeroA, "the zero point of a");
  if (is_real || a.type == napi_float32_array) {
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
  a = ReadArray(arguments, 1, "a");
  size_t cols;
  if (arguments.device != nullptr) {
    on_device = &WeightsOf<CudaPackedSparse>(*packed, "a sparse matrix packed for the CUDA device").weights;
    is_real = !on_device->is_int8;
    features = on_device->rows;
    cols = on_device->cols;
  } else {
    real = std::get_if<SpmmPacked>(&packed->weights);
    quantized = real != nullptr ? nullptr : &WeightsOf<QSpmmPacked>(*packed, "a packed sparse matrix");
    is_real = real != nullptr;
    const SparseLayout& layout = is_real ? real->layout : quantized->layout;
    features = layout.rows;
    cols = layout.cols;
  }
  out = ReadArray(arguments, 3, "out");
  bias = ReadOptionalArray(arguments, 4, "bias");
  right = ctl.Flag(GemmSlot::right);
  sizes = ReadGemmSizes(ctl, cols, right ? features : ctl.Size(GemmSlot::n, "N"), out);
  if (sizes.batch != 1) Fail(Code::kShape, "Expected a batch of 1 but received " + std::to_string(sizes.batch));
  if (!right && sizes.m != features) {
    Fail(Code::kShape, "Expected M of " + std::to_string(features) + ", the rows of the sparse matrix, but received " +
                           std::to_string(sizes.m));
  }
  ReadA(ctl);
  output = ReadOutput(ctl, out, bias, features, is_real);
  if (on_device != nullptr) bias_magnitude = BiasMagnitude(bias);
  CheckAlias(out, a, "a");
  CheckAlias(out, bias, "bias");
}

SpmmCall Call::RealCall() const {
  return {right,           a.As<const float>(), sizes.lda,       right ? sizes.m : sizes.n,
          out.As<float>(), sizes.ldc,           output.bias_f32, output.activation};
}

QSpmmCall Call::QuantizedCall() const {
  return {right, kind, a.data, sizes.lda, right ? sizes.m : sizes.n, a_scale, a_zero, output, out.data, sizes.ldc};
}

Status Call::Run(const std::atomic<bool>* stop) const {
  return is_real ? Spmm({RealCall(), real, sizes.threads, stop}) : QSpmm({QuantizedCall(), quantized, sizes.threads, stop});
}

Status Call::RunOnDevice(const CudaDevice& device, const std::atomic<bool>*) const {
  if (is_real) {
    const CudaSpmmArgs c{RealCall(), on_device};
    return CallPlugin(device, &CudaApi::sparse, &CudaSparseApi::spmm, &c);
  }
  const CudaQSpmmArgs c{QuantizedCall(), on_device, bias_magnitude};
  return CallPlugin(device, &CudaApi::sparse, &CudaSparseApi::qspmm, &c);
}

}  // namespace

void BindSparse(Napi::Env env, Napi::Object exports, AddonData* data) {
  ExportBoth<PackSparseMatrix>(env, exports, "packSparse", data);
  ExportCall<Call>(env, exports, "sparse", data);
}

}  // namespace lowp
