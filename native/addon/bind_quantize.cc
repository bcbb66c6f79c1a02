// quantizeParams(ctl, x, scales, zeros), quantize(ctl, x, scales, zeros, out), dequantize(ctl, q, scales, zeros, out).
#include <cmath>
#include <string>

#include "addon/addon_data.h"
#include "addon/ctl.h"
#include "addon/cuda_call.h"
#include "kernels/quantize/quantize.h"

namespace lowp {
namespace {

struct Call {
  Control ctl;
  QuantizeShape shape;
  size_t count;
  ArrayView x, scales, zeros;

  explicit Call(Arguments& arguments) : ctl(arguments.env, arguments.values[0], QuantizeSlot::length) {
    x = ReadArray(arguments, 1, "x");
    scales = ReadArray(arguments.env, arguments.values[2], "the scales", napi_float32_array);
    zeros = ReadArray(arguments.env, arguments.values[3], "the zero points", napi_int32_array);
    shape = {ctl.Size(QuantizeSlot::outer, "the outer size"), ctl.Size(QuantizeSlot::channels, "the channels"),
             ctl.Size(QuantizeSlot::inner, "the inner size")};
    count = SaturatingMul(SaturatingMul(shape.outer, shape.channels), shape.inner);
    CheckLength(x, count, "x");
    CheckLength(scales, shape.channels, "the scales");
    CheckLength(zeros, shape.channels, "the zero points");
    if (count == 0) shape.outer = 0;  // no loop over what holds nothing
  }

  void CheckParameters(bool is_signed) const {
    const int32_t low = is_signed ? -128 : 0;
    for (size_t c = 0; c < shape.channels; ++c) {
      const float scale = scales.As<const float>()[c];
      const int32_t zero = zeros.As<const int32_t>()[c];
      if (!(std::isfinite(scale) && scale > 0))
        Fail(Code::kValue, "Expected finite scales above 0 but received " + std::to_string(scale));
      if (zero < low || zero > low + 255) {
        Fail(Code::kValue, "Expected zero points from " + std::to_string(low) + " to " + std::to_string(low + 255) +
                               " but received " + std::to_string(zero));
      }
    }
  }
};

CudaQuantizeShape OnDevice(const QuantizeShape& shape) { return {shape.outer, shape.channels, shape.inner}; }

bool Is8Bit(const ArrayView& view) { return view.type == napi_int8_array || view.type == napi_uint8_array; }

void CheckFloat(const ArrayView& view, const char* name) {
  if (view.type != napi_float32_array) Fail(Code::kType, std::string("Expected Float32Array for ") + name);
}

napi_value BoundQuantizeParams(Arguments& arguments) {
  const Call call(arguments);
  CheckFloat(call.x, "x");
  CheckAlias(call.scales, call.x, "x");
  CheckAlias(call.zeros, call.x, "x");
  CheckAlias(call.scales, call.zeros, "the zero points");
  if (arguments.device != nullptr) {
    const CudaDevice& device = **arguments.device;
    CudaFrame frame(*arguments.device);
    const size_t bytes = call.shape.channels * sizeof(float);
    const CudaQuantizeParametersArgs args{OnDevice(call.shape),
                                          frame.OnDevice<float>(call.x),
                                          call.ctl.Flag(QuantizeSlot::symmetric),
                                          call.ctl.Flag(QuantizeSlot::isSigned),
                                          frame.Make<float>(bytes),
                                          frame.Make<int32_t>(bytes)};
    Check(CallPlugin(device, &CudaApi::quantize, &CudaQuantizeApi::parameters, &args));
    Check(device.Download(call.scales.data, args.scales, bytes));
    Check(device.Download(call.zeros.data, args.zeros, bytes));
    return nullptr;
  }
  QuantizeParameters(call.shape, call.x.As<const float>(), call.ctl.Flag(QuantizeSlot::symmetric),
                     call.ctl.Flag(QuantizeSlot::isSigned), call.scales.As<float>(), call.zeros.As<int32_t>());
  return nullptr;
}

napi_value BoundQuantize(Arguments& arguments) {
  const Call call(arguments);
  CheckFloat(call.x, "x");
  const ArrayView out = ReadArray(arguments, 4, "out");
  if (!Is8Bit(out)) Fail(Code::kType, "Expected Int8Array or Uint8Array for out");
  CheckLength(out, call.count, "out");
  CheckAlias(out, call.x, "x");
  CheckAlias(out, call.scales, "the scales");
  CheckAlias(out, call.zeros, "the zero points");
  const bool is_signed = out.type == napi_int8_array;
  call.CheckParameters(is_signed);
  if (arguments.device != nullptr) {
    CudaFrame frame(*arguments.device);
    CudaQuantizeArgs args{OnDevice(call.shape),
                          frame.OnDevice<float>(call.x),
                          frame.OnDevice<float>(call.scales),
                          frame.OnDevice<int32_t>(call.zeros),
                          is_signed,
                          frame.Out<void>(out)};
    Check(CallPlugin(**arguments.device, &CudaApi::quantize, &CudaQuantizeApi::quantize, &args));
    frame.Deliver(out, args.out, call.count);
    return nullptr;
  }
  Quantize(call.shape, call.x.As<const float>(), call.scales.As<const float>(), call.zeros.As<const int32_t>(), is_signed,
           out.As<uint8_t>());
  return nullptr;
}

napi_value BoundDequantize(Arguments& arguments) {
  const Call call(arguments);
  if (!Is8Bit(call.x)) Fail(Code::kType, "Expected Int8Array or Uint8Array for q");
  const ArrayView out = ReadArray(arguments, 4, "out", napi_float32_array);
  CheckLength(out, call.count, "out");
  CheckAlias(out, call.x, "q");
  CheckAlias(out, call.scales, "the scales");
  CheckAlias(out, call.zeros, "the zero points");
  const bool is_signed = call.x.type == napi_int8_array;
  call.CheckParameters(is_signed);
  if (arguments.device != nullptr) {
    CudaFrame frame(*arguments.device);
    CudaDequantizeArgs args{OnDevice(call.shape),
                            frame.OnDevice<void>(call.x),
                            is_signed,
                            frame.OnDevice<float>(call.scales),
                            frame.OnDevice<int32_t>(call.zeros),
                            frame.Out<float>(out)};
    Check(CallPlugin(**arguments.device, &CudaApi::quantize, &CudaQuantizeApi::dequantize, &args));
    frame.Deliver(out, args.out, call.count);
    return nullptr;
  }
  Dequantize(call.shape, call.x.data, is_signed, call.scales.As<const float>(), call.zeros.As<const int32_t>(), out.As<float>());
  return nullptr;
}

}  // namespace

void BindQuantize(Napi::Env env, Napi::Object exports, AddonData* data) {
  ExportBoth<BoundQuantizeParams>(env, exports, "quantizeParams", data);
  ExportBoth<BoundQuantize>(env, exports, "quantize", data);
  ExportBoth<BoundDequantize>(env, exports, "dequantize", data);
}

}  // namespace lowp
