// qgemm(ctl, a, b, out, bias, aScales, aZeros, residual) and its asynchronous form.
#include <string>
#include <utility>

#include "addon/gemm_args.h"
#include "kernels/qgemm/qgemm.h"

namespace lowp {
namespace {

struct Call {
  QGemmArgs args;
  const std::shared_ptr<const Packed>& packed;
  GemmSizes sizes;
  size_t extent_a;        // elements
  size_t residual_bytes;  // 0: none
  ArrayView a, out, bias, scales, zeros, residual;
  const LowRankPackedQ* low_rank;  // in place of args.b

  explicit Call(Arguments& arguments, const Control& ctl);

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
  napi_env env = arguments.env;
  a = ReadArray(env, arguments.values[1], "a");
  low_rank = std::get_if<LowRankPackedQ>(&packed->weights);
  const QGemmPackedB& b = low_rank != nullptr ? *low_rank->first : WeightsOf<QGemmPackedB>(*packed, "8-bit packed weights");
  out = ReadArray(env, arguments.values[3], "out");
  bias = ReadOptionalArray(arguments, 4, "bias");
  scales = ReadOptionalArray(arguments, 5, "the scales of a");
  zeros = ReadOptionalArray(arguments, 6, "the zero points of a");
  residual = ReadOptionalArray(arguments, 7, "residual");
  sizes = ReadGemmSizes(ctl, b.k, low_rank != nullptr ? low_rank->second->n : b.n, out);
  args.b = &b;
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
  CheckAlias(out, a, "a");
  CheckAlias(out, bias, "bias");
  CheckAlias(out, scales, "the scales of a");
  CheckAlias(out, zeros, "the zero points of a");
}

Status Run(const QGemmArgs& args, const LowRankPackedQ* low_rank) {
  return low_rank != nullptr ? LowRankQGemm(args, *low_rank) : QGemm(args);
}

napi_value QGemmSync(Arguments& arguments) {
  const Control ctl(arguments.env, arguments.values[0], GemmSlot::length);
  const Call call(arguments, ctl);
  Check(Run(call.args, call.low_rank));
  return nullptr;
}

napi_value QGemmAsync(Arguments& arguments) {
  const Control ctl(arguments.env, arguments.values[0], GemmSlot::length);
  Call call(arguments, ctl);
  auto job = std::make_unique<Job>();
  job->id = ctl.Number(GemmSlot::job);
  const size_t a_bytes = call.extent_a * call.a.element_size(), bias_bytes = call.sizes.n * 4, row_bytes = call.sizes.rows * 4;
  ReserveInputs(*job, {a_bytes, bias_bytes, row_bytes, row_bytes, call.residual_bytes});
  QGemmArgs args = call.args;
  size_t offset = 0;
  args.a = Snapshot(*job, &offset, call.a.As<const uint8_t>(), a_bytes);
  args.output.bias_f32 = Snapshot(*job, &offset, args.output.bias_f32, bias_bytes);
  args.output.bias_s32 = Snapshot(*job, &offset, args.output.bias_s32, bias_bytes);
  args.a_scales = Snapshot(*job, &offset, args.a_scales, row_bytes);
  args.a_zeros = Snapshot(*job, &offset, args.a_zeros, row_bytes);
  args.output.residual.data =
      Snapshot(*job, &offset, static_cast<const uint8_t*>(args.output.residual.data), call.residual_bytes);
  args.c = PrepareResult(*job, ctl, call.sizes, call.out, &args.ldc);
  args.batch_stride_c = args.m * args.ldc;
  job->run = [args, packed = call.packed, low_rank = call.low_rank](Job& self) mutable {
    args.stop = &self.stop;
    return Run(args, low_rank);
  };
  return DataOf(arguments).queue.Submit(std::move(job), arguments.values[3]);
}

}  // namespace

void BindQGemm(Napi::Env env, Napi::Object exports, AddonData* data) {
  Export<QGemmSync>(env, exports, "qgemm", data);
  Export<QGemmAsync>(env, exports, "qgemmAsync", data);
}

}  // namespace lowp
