// Calls (ctl, a, b, out, bias, residual) of the products that are float32 on both sides: sgemm and nbits.
#ifndef LOWP_ADDON_FLOAT_GEMM_H_
#define LOWP_ADDON_FLOAT_GEMM_H_

#include <memory>
#include <string>
#include <utility>

#include "addon/gemm_args.h"

namespace lowp {

// Family has
//   Args                   the kernels' own type
//   SetWeights(packed, args)  what the product reads; returns their sizes
//   Run(args)              the product
//   ReadTranspose          whether a is stored [K, M]
//   SetOut(args, c, ldc)   where C goes
struct WeightSizes {
  size_t k, n;
};

template <class Family>
class FloatGemm {
  using Args = typename Family::Args;

 public:
  static napi_value Sync(Arguments& arguments) {
    const Control ctl(arguments.env, arguments.values[0], GemmSlot::length);
    const FloatGemm call(arguments, ctl);
    Check(Family::Run(call.args_));
    return nullptr;
  }

  static napi_value Async(Arguments& arguments) {
    const Control ctl(arguments.env, arguments.values[0], GemmSlot::length);
    const FloatGemm call(arguments, ctl);
    auto job = std::make_unique<Job>();
    job->id = ctl.Number(GemmSlot::job);
    const size_t a_bytes = call.extent_a_ * sizeof(float), bias_bytes = call.sizes_.n * sizeof(float);
    ReserveInputs(*job, {a_bytes, bias_bytes, call.residual_bytes_});
    Args args = call.args_;
    size_t offset = 0;
    args.a = Snapshot(*job, &offset, args.a, a_bytes);
    args.bias = Snapshot(*job, &offset, args.bias, bias_bytes);
    args.residual.data = Snapshot(*job, &offset, static_cast<const uint8_t*>(args.residual.data), call.residual_bytes_);
    size_t ldc = args.ldc;
    float* c = static_cast<float*>(PrepareResult(*job, ctl, call.sizes_, call.out_, &ldc));
    Family::SetOut(&args, c, ldc);
    job->run = [args, packed = call.packed_](Job& self) mutable {
      args.stop = &self.stop;
      return Family::Run(args);
    };
    return DataOf(arguments).queue.Submit(std::move(job), arguments.values[3]);
  }

 private:
  FloatGemm(Arguments& arguments, const Control& ctl)
      : packed_(ReadPacked(arguments.env, arguments.values[2], *DataOf(arguments).handles)) {
    napi_env env = arguments.env;
    const ArrayView a = ReadArray(env, arguments.values[1], "a", napi_float32_array);
    const WeightSizes b = Family::SetWeights(*packed_, &args_);
    out_ = ReadArray(env, arguments.values[3], "out", napi_float32_array);
    const ArrayView bias = ReadOptionalArray(arguments, 4, "bias"), residual = ReadOptionalArray(arguments, 5, "residual");
    sizes_ = ReadGemmSizes(ctl, b.k, b.n, out_);
    const bool transpose_a = Family::ReadTranspose(ctl, &args_);
    extent_a_ = transpose_a ? CheckA(sizes_, sizes_.k, sizes_.m, a) : CheckA(sizes_, sizes_.m, sizes_.k, a);
    if (bias.present) {
      if (bias.type != napi_float32_array) Fail(Code::kType, "Expected Float32Array for bias");
      CheckLength(bias, sizes_.n, "bias");
      args_.bias = bias.As<const float>();
    }
    CheckAlias(out_, a, "a");
    CheckAlias(out_, bias, "bias");
    args_.batch = sizes_.batch;
    args_.m = sizes_.m;
    args_.a = a.As<const float>();
    args_.lda = sizes_.lda;
    args_.batch_stride_a = sizes_.batch_stride_a;
    Family::SetOut(&args_, out_.As<float>(), sizes_.ldc);
    args_.activation = ReadActivation(ctl);
    if (residual.present && residual.type != napi_float32_array) Fail(Code::kType, "Expected Float32Array for residual");
    args_.residual = ReadResidual(ctl, sizes_, residual, out_, &residual_bytes_);
    args_.threads = sizes_.threads;
  }

  Args args_;
  const std::shared_ptr<const Packed>& packed_;
  GemmSizes sizes_;
  size_t extent_a_, residual_bytes_;
  ArrayView out_;
};

}  // namespace lowp

#endif  // LOWP_ADDON_FLOAT_GEMM_H_
