// pool(ctl, x, out) and its asynchronous form.
#include <algorithm>
#include <cmath>
#include <string>

#include "addon/async_call.h"
#include "addon/ctl.h"
#include "addon/cuda_call.h"
#include "core/thread_pool.h"
#include "kernels/pool/pool.h"

namespace lowp {
namespace {

PoolType ReadType(const ArrayView& view, const char* name) {
  switch (view.type) {
    case napi_float32_array: return PoolType::kFloat32;
    case napi_uint8_array: return PoolType::kU8;
    case napi_int8_array: return PoolType::kS8;
    default: Fail(Code::kType, std::string("Expected Float32Array, Int8Array or Uint8Array for ") + name);
  }
}

PoolShape ReadShape(const Control& ctl) {
  PoolShape s;
  s.batch = ctl.Size(PoolSlot::batch, "the batch");
  s.channels = ctl.Size(PoolSlot::channels, "the channels");
  s.height = ctl.Size(PoolSlot::height, "the height");
  s.width = ctl.Size(PoolSlot::width, "the width");
  s.out_h = ctl.Size(PoolSlot::outH, "outH");
  s.out_w = ctl.Size(PoolSlot::outW, "outW");
  s.kernel_h = ctl.Size(PoolSlot::kernelH, "kernelH");
  s.kernel_w = ctl.Size(PoolSlot::kernelW, "kernelW");
  s.stride_h = ctl.Size(PoolSlot::strideH, "strideH");
  s.stride_w = ctl.Size(PoolSlot::strideW, "strideW");
  s.dilation_h = ctl.Size(PoolSlot::dilationH, "dilationH");
  s.dilation_w = ctl.Size(PoolSlot::dilationW, "dilationW");
  s.pad_top = ctl.Size(PoolSlot::padTop, "padTop");
  s.pad_left = ctl.Size(PoolSlot::padLeft, "padLeft");
  s.pad_bottom = ctl.Size(PoolSlot::padBottom, "padBottom");
  s.pad_right = ctl.Size(PoolSlot::padRight, "padRight");
  return s;
}

float ReadScale(const Control& ctl, size_t slot) {
  const float scale = ctl.Float(slot);
  if (!(std::isfinite(scale) && scale > 0))
    Fail(Code::kValue, "Expected a finite scale above 0 but received " + std::to_string(scale));
  return scale;
}

int32_t ReadZero(const Control& ctl, size_t slot, bool is_signed) {
  const int32_t zero = ctl.Int(slot, "the zero point"), low = is_signed ? -128 : 0;
  if (zero < low || zero > low + 255) {
    Fail(Code::kValue, "Expected a zero point from " + std::to_string(low) + " to " + std::to_string(low + 255) +
                           " but received " + std::to_string(zero));
  }
  return zero;
}

struct Call {
  using Slot = PoolSlot;
  static constexpr size_t kOut = 2;
  static constexpr bool kWaits = false;
  PoolArgs args;
  size_t x_bytes, y_count;
  ArrayView out;

  Call(Arguments& arguments, const Control& ctl) {
    const ArrayView x = ReadArray(arguments, 1, "x");
    out = ReadArray(arguments, 2, "out");
    args.entry = &SelectPool(ActiveIsas());
    args.type = ReadType(x, "x");
    args.kind = ctl.Flag(PoolSlot::average) ? PoolKind::kAverage : PoolKind::kMax;
    args.count_include_pad = ctl.Flag(PoolSlot::countIncludePad);
    args.nhwc = ctl.Flag(PoolSlot::nhwc);
    const PoolType type = ReadType(out, "out");
    const bool is_float = args.type == PoolType::kFloat32, average = args.kind == PoolKind::kAverage;
    if (average ? is_float != (type == PoolType::kFloat32) : args.type != type)
      Fail(Code::kType, average ? "Expected out to be of 8 bits where x is" : "Expected out to be of the type of x");
    if (average && !is_float) {
      args.y_signed = type == PoolType::kS8;
      args.x_scale = ReadScale(ctl, PoolSlot::scaleX);
      args.y_scale = ReadScale(ctl, PoolSlot::scaleOut);
      args.x_zero = ReadZero(ctl, PoolSlot::zeroX, args.type == PoolType::kS8);
      args.y_zero = ReadZero(ctl, PoolSlot::zeroOut, args.y_signed);
    }
    const PoolShape& s = args.shape = ReadShape(ctl);
    const size_t planes = SaturatingMul(s.batch, s.channels);
    const size_t x_count = SaturatingMul(planes, SaturatingMul(s.height, s.width));
    y_count = SaturatingMul(planes, SaturatingMul(s.out_h, s.out_w));
    CheckExtent(x, x_count, "x");
    CheckExtent(out, y_count, "out");
    CheckAlias(out, x, "x");
    x_bytes = x_count * x.element_size();
    args.x = x.data;
    args.y = out.data;
    args.threads = std::min(ctl.Size(PoolSlot::threads, "threads"), kMaxThreads);
    if (args.threads == 0) args.threads = DefaultThreads();
  }

  Status Run(const std::atomic<bool>* stop) {
    args.stop = stop;
    return Pool(args);
  }
  Status RunOnDevice(const CudaDevice& device, const std::atomic<bool>*) const {
    const PoolCall& c = args;
    return CallPlugin(device, &CudaApi::pool, &CudaPoolApi::pool, &c);
  }
  void Hold() {}  // nothing is packed
  template <class Visit>
  void EachInput(Visit&& visit) {
    visit(args.x, x_bytes);
  }
  static bool OwnsOut(const Control& ctl) { return ctl.Flag(PoolSlot::ownsOut); }
  ResultRows result() const { return {1, y_count, y_count}; }
  void SetResult(void* data, size_t) { args.y = data; }
};

}  // namespace

void BindPool(Napi::Env env, Napi::Object exports, AddonData* data) { ExportCall<Call>(env, exports, "pool", data); }

}  // namespace lowp
