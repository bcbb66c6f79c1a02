// sgemm(ctl, a, b, out, bias, residual) and its asynchronous form.
#include <string>
#include <utility>

#include "addon/gemm_args.h"
#include "kernels/sgemm/sgemm.h"

namespace lowp {
namespace {

struct Call {
  SGemmArgs args;
  std::shared_ptr<const Packed> packed;
  GemmSizes sizes;
  size_t extent_a;
  size_t residual_bytes;
  ArrayView a, out, bias, residual;

  Call(Arguments& arguments, const Control& ctl) {
    napi_env env = arguments.env;
    a = ReadArray(env, arguments.values[1], "a", napi_float32_array);
    packed = ReadPacked(env, arguments.values[2], *DataOf(arguments).handles);
    const SGemmPackedB& b = WeightsOf<SGemmPackedB>(*packed, "float32 packed weights");
    out = ReadArray(env, arguments.values[3], "out", napi_float32_array);
    bias = ReadOptionalArray(arguments, 4, "bias");
    residual = ReadOptionalArray(arguments, 5, "residual");
    sizes = ReadGemmSizes(ctl, b.k, b.n, out);
    args.transpose_a = ctl.Flag(GemmSlot::transposeA);
    const size_t stored_rows = args.transpose_a ? sizes.k : sizes.m, stored_cols = args.transpose_a ? sizes.m : sizes.k;
    if (sizes.lda < stored_cols)
      Fail(Code::kShape,
           "Expected lda of at least " + std::to_string(stored_cols) + " but received " + std::to_string(sizes.lda));
    extent_a = Extent(sizes.batch, sizes.batch_stride_a, stored_rows, sizes.lda, stored_cols);
    CheckExtent(a, extent_a, "a");
    if (bias.present) {
      if (bias.type != napi_float32_array) Fail(Code::kType, "Expected Float32Array for bias");
      CheckLength(bias, sizes.n, "bias");
      args.bias = bias.As<const float>();
    }
    CheckAlias(out, sizes.extent_c, a, "a");
    CheckAlias(out, sizes.extent_c, bias, "bias");
    args.batch = sizes.batch;
    args.m = sizes.m;
    args.a = a.As<const float>();
    args.lda = sizes.lda;
    args.batch_stride_a = sizes.batch_stride_a;
    args.b = &b;
    args.c = out.As<float>();
    args.ldc = sizes.ldc;
    args.batch_stride_c = sizes.m * sizes.ldc;
    args.activation = ReadActivation(ctl);
    if (residual.present && residual.type != napi_float32_array) Fail(Code::kType, "Expected Float32Array for residual");
    args.residual = ReadResidual(ctl, sizes, residual, out, &residual_bytes);
    args.threads = sizes.threads;
  }
};

napi_value SGemmSync(Arguments& arguments) {
  const Control ctl(arguments.env, arguments.values[0], GemmSlot::length);
  const Call call(arguments, ctl);
  Check(SGemm(call.args));
  return nullptr;
}

napi_value SGemmAsync(Arguments& arguments) {
  const Control ctl(arguments.env, arguments.values[0], GemmSlot::length);
  const Call call(arguments, ctl);
  auto job = std::make_unique<Job>();
  job->id = ctl.Number(GemmSlot::job);
  const size_t a_bytes = call.extent_a * sizeof(float), bias_bytes = call.sizes.n * sizeof(float);
  if (!job->inputs.Reserve(RoundUp(a_bytes, kCacheLine) + RoundUp(bias_bytes, kCacheLine) +
                           RoundUp(call.residual_bytes, kCacheLine) + 1)) {
    Fail(Code::kNoMemory,
         "Expected " + std::to_string(a_bytes + call.residual_bytes) + " bytes to copy a and residual but the system gave none");
  }
  SGemmArgs args = call.args;
  size_t offset = 0;
  args.a = Snapshot(*job, &offset, args.a, a_bytes);
  args.bias = Snapshot(*job, &offset, args.bias, bias_bytes);
  args.residual.data = Snapshot(*job, &offset, static_cast<const uint8_t*>(args.residual.data), call.residual_bytes);
  args.c = static_cast<float*>(PrepareResult(*job, ctl, call.sizes, call.out, &args.ldc));
  args.batch_stride_c = args.m * args.ldc;
  job->run = [args, packed = call.packed](Job& self) mutable {
    args.stop = &self.stop;
    return SGemm(args);
  };
  return DataOf(arguments).queue.Submit(std::move(job), arguments.values[3]);
}

}  // namespace

void BindSGemm(Napi::Env env, Napi::Object exports, AddonData* data) {
  Export<SGemmSync>(env, exports, "sgemm", data);
  Export<SGemmAsync>(env, exports, "sgemmAsync", data);
}

}  // namespace lowp
