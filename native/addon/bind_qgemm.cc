// qgemm(ctl, a, b, out, bias, aScales, aZeros, residual) and its asynchronous form.
#include <string>
#include <utility>

#include "addon/cuda_call.h"
#include "addon/gemm_args.h"
#include "kernels/qgemm/qgemm.h"

namespace lowp {
namespace {

struct Call {
  using Slot = GemmSlot;
  static constexpr size_t kOut = 3;
  QGemmArgs args;
  const std::shared_ptr<const Packed>& packed;
  std::shared_ptr<const Packed> held;
  GemmSizes sizes;
  size_t extent_a;        // elements
  size_t residual_bytes;  // 0: none
  ArrayView a, out, bias, scales, zeros, residual;
  uint32_t bias_magnitude = 0;                  // for the device
  const LowRankPackedQ* low_rank;               // in place of args.b
  const CudaQGemmWeights* on_device = nullptr;  // likewise
  static constexpr bool kWaits = false;

  Call(Arguments& arguments, const Control& ctl);
  Status Run(const std::atomic<bool>* stop) {
    args.stop = stop;
    return low_rank != nullptr ? LowRankQGemm(args, *low_rank) : QGemm(args);
  }
  Status RunOnDevice(const CudaDevice& device, const std::atomic<bool>* stop) const;
  void Hold() { held = packed; }
  template <class Visit>
  void EachInput(Visit&& visit) {
    visit(args.a, extent_a * a.element_size());
    visit(args.output.bias_f32, sizes.n * sizeof(float));
    visit(args.output.bias_s32, sizes.n * sizeof(int32_t));
    visit(args.a_scales, sizes.rows * sizeof(float));
    visit(args.a_zeros, sizes.rows * sizeof(int32_t));
    visit(args.output.residual.data, residual_bytes);
  }
  static bool OwnsOut(const Control& ctl) { return ctl.Flag(GemmSlot::ownsOut); }
  ResultRows result() const { return RowsOf(sizes); }
  void SetResult(void* data, size_t ldc) {
    args.c = data;
    args.ldc = ldc;
    args.batch_stride_c = args.m * ldc;
  }

 private:
  void ReadA(const Control& ctl);
};

void Call::ReadA(const Control& ctl) {
  const size_t kind = ctl.Size(GemmSlot::quantization, "the activations' quantization");
  const bool dynamic = kind == ActivationQuantization::dynamicPerTensor || kind == ActivationQuantization::dynamicPerRow;
  const bool is_8_bit = a.type == napi_int8_array || a.type == napi_uint8_array;
  if (kind > ActivationQuantization::dynamicPerRow || (dynamic ? a.type != napi_float32_array : !is_8_bit)) {
    Fail(Code::kType, "Expected Int8Array, Uint8Array or, for dynamic quantization, Float32Array for a");
  }
  extent_a = CheckA(sizes, sizes.m, sizes.k, a);
  if (dynamic) {
    args.a_kind = kind == ActivationQuantization::dynamicPerRow ? QGemmA::kFloat32PerRow : QGemmA::kFloat32PerTensor;
    return;
  }
  args.a_kind = a.type == napi_int8_array ? QGemmA::kS8 : QGemmA::kU8;
  args.a_scale = ctl.Float(GemmSlot::scaleA);
  args.a_zero = ctl.Int(GemmSlot::zeroA, "the zero point of a");
  if (kind == ActivationQuantization::perRow) {
    if (scales.type != napi_float32_array || zeros.type != napi_int32_array)
      Fail(Code::kType, "Expected Float32Array scales and Int32Array zero points for a");
    CheckLength(scales, sizes.rows, "the scales of a");
    CheckLength(zeros, sizes.rows, "the zero points of a");
    args.a_scales = scales.As<const float>();
    args.a_zeros = zeros.As<const int32_t>();
  }
}

Call::Call(Arguments& arguments, const Control& ctl)
    : packed(ReadPacked(arguments.env, arguments.values[2], *DataOf(arguments).handles)) {
  a = ReadArray(arguments, 1, "a");
  low_rank = std::get_if<LowRankPackedQ>(&packed->weights);
  size_t k, n;
  if (arguments.device != nullptr) {
    on_device = &WeightsOf<CudaPackedQ>(*packed, "8-bit weights packed for the CUDA device").weights;
    k = on_device->k;
    n = on_device->n;
  } else {
    args.b = low_rank != nullptr ? low_rank->first.get() : &WeightsOf<QGemmPackedB>(*packed, "8-bit packed weights");
    k = args.b->k;
    n = low_rank != nullptr ? low_rank->second->n : args.b->n;
  }
  out = ReadArray(arguments, 3, "out");
  bias = ReadOptionalArray(arguments, 4, "bias");
  scales = ReadOptionalArray(arguments, 5, "the scales of a");
  zeros = ReadOptionalArray(arguments, 6, "the zero points of a");
  residual = ReadOptionalArray(arguments, 7, "residual");
  sizes = ReadGemmSizes(ctl, k, n, out);
  args.batch = sizes.batch;
  args.m = sizes.m;
  args.lda = sizes.lda;
  args.batch_stride_a = sizes.batch_stride_a;
  args.a = a.data;
  args.c = out.data;
  args.ldc = sizes.ldc;
  args.batch_stride_c = sizes.m * sizes.ldc;
  args.threads = sizes.threads;
  ReadA(ctl);
  args.output = ReadOutput(ctl, out, bias, sizes.n, /*real=*/false);
  args.output.residual = ReadResidual(ctl, sizes, residual, out, &residual_bytes);
  if (on_device != nullptr) bias_magnitude = BiasMagnitude(bias);
  CheckAlias(out, a, "a");
  CheckAlias(out, bias, "bias");
  CheckAlias(out, scales, "the scales of a");
  CheckAlias(out, zeros, "the zero points of a");
}

Status Call::RunOnDevice(const CudaDevice& device, const std::atomic<bool>*) const {
  CudaQGemmArgs c{};
  c.batch = args.batch;
  c.m = args.m;
  c.a_kind = args.a_kind;
  c.a = args.a;
  c.lda = args.lda;
  c.batch_stride_a = args.batch_stride_a;
  c.a_scale = args.a_scale;
  c.a_zero = args.a_zero;
  c.a_scales = args.a_scales;
  c.a_zeros = args.a_zeros;
  c.weights = on_device;
  c.c = args.c;
  c.ldc = args.ldc;
  c.batch_stride_c = args.batch_stride_c;
  c.output = args.output;
  c.bias_magnitude = bias_magnitude;
  return CallPlugin(device, &CudaApi::qgemm, &CudaQGemmApi::run, &c);
}

}  // namespace

void BindQGemm(Napi::Env env, Napi::Object exports, AddonData* data) { ExportCall<Call>(env, exports, "qgemm", data); }

}  // namespace lowp
