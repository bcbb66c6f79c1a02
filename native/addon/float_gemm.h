// Calls (ctl, a, b, out, bias, residual) of the products that are float32 on both sides: sgemm and nbits.
#ifndef LOWP_ADDON_FLOAT_GEMM_H_
#define LOWP_ADDON_FLOAT_GEMM_H_

#include <memory>
#include <string>
#include <utility>

#include "addon/cuda_call.h"
#include "addon/gemm_args.h"

namespace lowp {

// Family has
//   Args                   the kernels' own type
//   SetWeights(packed, on_device, args)  what the product reads; returns their sizes
//   Run(args)              the product
//   RunOnDevice(device, args)  the product on the device
//   ReadTranspose          whether a is stored [K, M]
//   SetOut(args, c, ldc)   where C goes
struct WeightSizes {
  size_t k, n;
};

template <class Family>
class FloatGemm {
  using Args = typename Family::Args;

 public:
  using Slot = GemmSlot;
  static constexpr size_t kOut = 3;
  static constexpr bool kWaits = false;
  ArrayView out;

  FloatGemm(Arguments& arguments, const Control& ctl)
      : packed_(ReadPacked(arguments.env, arguments.values[2], *DataOf(arguments).handles)) {
    const ArrayView a = ReadArray(arguments, 1, "a", napi_float32_array);
    const WeightSizes b = Family::SetWeights(*packed_, arguments.device != nullptr, &args_);
    out = ReadArray(arguments, 3, "out", napi_float32_array);
    const ArrayView bias = ReadOptionalArray(arguments, 4, "bias"), residual = ReadOptionalArray(arguments, 5, "residual");
    sizes_ = ReadGemmSizes(ctl, b.k, b.n, out);
    const bool transpose_a = Family::ReadTranspose(ctl, &args_);
    extent_a_ = transpose_a ? CheckA(sizes_, sizes_.k, sizes_.m, a) : CheckA(sizes_, sizes_.m, sizes_.k, a);
    if (bias.present) {
      if (bias.type != napi_float32_array) Fail(Code::kType, "Expected Float32Array for bias");
      CheckLength(bias, sizes_.n, "bias");
      args_.bias = bias.As<const float>();
    }
    CheckAlias(out, a, "a");
    CheckAlias(out, bias, "bias");
    args_.batch = sizes_.batch;
    args_.m = sizes_.m;
    args_.a = a.As<const float>();
    args_.lda = sizes_.lda;
    args_.batch_stride_a = sizes_.batch_stride_a;
    Family::SetOut(&args_, out.As<float>(), sizes_.ldc);
    args_.activation = ReadActivation(ctl);
    if (residual.present && residual.type != napi_float32_array) Fail(Code::kType, "Expected Float32Array for residual");
    args_.residual = ReadResidual(ctl, sizes_, residual, out, &residual_bytes_);
    args_.threads = sizes_.threads;
  }

  Status Run(const std::atomic<bool>* stop) {
    args_.stop = stop;
    return Family::Run(args_);
  }
  Status RunOnDevice(const CudaDevice& device, const std::atomic<bool>*) const { return Family::RunOnDevice(device, args_); }
  void Hold() { held_ = packed_; }
  template <class Visit>
  void EachInput(Visit&& visit) {
    visit(args_.a, extent_a_ * sizeof(float));
    visit(args_.bias, sizes_.n * sizeof(float));
    visit(args_.residual.data, residual_bytes_);
  }
  static bool OwnsOut(const Control& ctl) { return ctl.Flag(GemmSlot::ownsOut); }
  ResultRows result() const { return RowsOf(sizes_); }
  void SetResult(void* data, size_t ldc) { Family::SetOut(&args_, static_cast<float*>(data), ldc); }

 private:
  Args args_;
  const std::shared_ptr<const Packed>& packed_;
  std::shared_ptr<const Packed> held_;
  GemmSizes sizes_;
  size_t extent_a_, residual_bytes_;
};

}  // namespace lowp

#endif  // LOWP_ADDON_FLOAT_GEMM_H_
