// packConvF(sizes, w), packConvQ(sizes, w, scales, zeros); conv(ctl, sizes, x, weights, out, bias, residual) and its asynchronous
// form.
#include <algorithm>
#include <memory>
#include <string>
#include <utility>

#include "addon/cuda_call.h"
#include "addon/gemm_args.h"
#include "core/thread_pool.h"
#include "kernels/conv/conv.h"

namespace lowp {
namespace {

// Of each size: their sums and the products of two then fit 64 bits.
constexpr size_t kMaxSize = size_t{1} << 31;

size_t ReadSize(const Control& sizes, size_t slot, const char* name) {
  const size_t size = sizes.Size(slot, name);
  if (size >= kMaxSize)
    Fail(Code::kShape, std::string("Expected less than 2^31 for ") + name + " but received " + std::to_string(size));
  return size;
}

ConvWeightShape ReadWeightShape(const Control& sizes) {
  ConvWeightShape shape{ReadSize(sizes, ConvSlot::outChannels, "the output channels"), 0,
                        ReadSize(sizes, ConvSlot::kernelH, "kernelH"), ReadSize(sizes, ConvSlot::kernelW, "kernelW"),
                        ReadSize(sizes, ConvSlot::groups, "groups")};
  const size_t channels = ReadSize(sizes, ConvSlot::channels, "the channels");
  if (shape.groups == 0 || channels == 0 || shape.out_channels == 0 || shape.kernel_h == 0 || shape.kernel_w == 0 ||
      channels % shape.groups != 0 || shape.out_channels % shape.groups != 0) {
    Fail(Code::kShape, "Expected channels that " + std::to_string(shape.groups) +
                           " groups divide, and no empty kernel, but received " + std::to_string(channels) + " to " +
                           std::to_string(shape.out_channels) + " channels");
  }
  shape.group_channels = channels / shape.groups;
  return shape;
}

size_t Count(std::initializer_list<size_t> sizes) {
  size_t count = 1;
  for (size_t size : sizes) count = SaturatingMul(count, size);
  return count;
}

size_t CountOf(const ConvWeightShape& s) { return Count({s.out_channels, s.group_channels, s.kernel_h, s.kernel_w}); }

napi_value HandleOf(Arguments& arguments, Packed packed) {
  return MakeHandle(arguments.env, std::make_shared<const Packed>(std::move(packed)), DataOf(arguments).handles);
}

napi_value PackFloats(Arguments& arguments) {
  const Control sizes(arguments.env, arguments.values[0], ConvSlot::length);
  const ArrayView w = ReadArray(arguments.env, arguments.values[1], "the weights", napi_float32_array);
  const ConvWeightShape shape = ReadWeightShape(sizes);
  CheckLength(w, CountOf(shape), "the weights");
  const size_t tile = sizes.Size(ConvSlot::winograd, "the tile of Winograd");
  if (arguments.device != nullptr) {
    if (tile != 0)
      Fail(Code::kUnsupported, "Expected no tile of Winograd on the CUDA device but received " + std::to_string(tile));
    CudaConvWeights weights{};
    Check(CallPlugin(**arguments.device, &CudaApi::conv, &CudaConvApi::pack_float, &shape, w.As<const float>(), &weights));
    return MakeCudaHandle(arguments, weights);
  }
  const IsaSet isas = ActiveIsas();
  ConvPackedF packed;
  if (tile == 0) {
    Check(PackConvF(shape, w.As<const float>(), SelectSGemm(isas), SelectConv(isas), &packed));
  } else {
    Check(PackConvWinograd(shape, tile, w.As<const float>(), SelectSGemm(isas), SelectConv(isas), SelectWinograd(isas), &packed));
  }
  return HandleOf(arguments, Packed{std::move(packed)});
}

napi_value PackBytes(Arguments& arguments) {
  napi_env env = arguments.env;
  const Control sizes(env, arguments.values[0], ConvSlot::length);
  const ArrayView w = ReadArray(env, arguments.values[1], "the weights");
  if (w.type != napi_int8_array && w.type != napi_uint8_array)
    Fail(Code::kType, "Expected Int8Array or Uint8Array for the weights");
  const ArrayView scales = ReadArray(env, arguments.values[2], "the scales", napi_float32_array);
  const ArrayView zeros = ReadArray(env, arguments.values[3], "the zero points", napi_int32_array);
  const ConvWeightShape shape = ReadWeightShape(sizes);
  CheckLength(w, CountOf(shape), "the weights");
  const bool per_channel = scales.length != 1 || zeros.length != 1;
  if (per_channel) {
    CheckLength(scales, shape.out_channels, "the scales");
    CheckLength(zeros, shape.out_channels, "the zero points");
  }
  if (arguments.device != nullptr) {
    CudaConvPackQArgs args;
    args.shape = shape;
    args.w = w.data;
    args.w_signed = w.type == napi_int8_array;
    args.scales = scales.As<const float>();
    args.zeros = zeros.As<const int32_t>();
    args.per_channel = per_channel;
    CudaConvWeights weights{};
    Check(CallPlugin(**arguments.device, &CudaApi::conv, &CudaConvApi::pack_int8, &args, &weights));
    return MakeCudaHandle(arguments, weights);
  }
  ConvPackedQ packed;
  Check(PackConvQ({shape, w.data, w.type == napi_int8_array, scales.As<const float>(), zeros.As<const int32_t>(), per_channel},
                  SelectQGemm(ActiveIsas()), SelectConv(ActiveIsas()), &packed));
  return HandleOf(arguments, Packed{std::move(packed)});
}

ConvShape ReadShape(const Control& sizes) {
  ConvShape s;
  s.batch = ReadSize(sizes, ConvSlot::batch, "the batch");
  s.channels = ReadSize(sizes, ConvSlot::channels, "the channels");
  s.height = ReadSize(sizes, ConvSlot::height, "the height");
  s.width = ReadSize(sizes, ConvSlot::width, "the width");
  s.out_channels = ReadSize(sizes, ConvSlot::outChannels, "the output channels");
  s.out_h = ReadSize(sizes, ConvSlot::outH, "outH");
  s.out_w = ReadSize(sizes, ConvSlot::outW, "outW");
  s.kernel_h = ReadSize(sizes, ConvSlot::kernelH, "kernelH");
  s.kernel_w = ReadSize(sizes, ConvSlot::kernelW, "kernelW");
  s.stride_h = ReadSize(sizes, ConvSlot::strideH, "strideH");
  s.stride_w = ReadSize(sizes, ConvSlot::strideW, "strideW");
  s.dilation_h = ReadSize(sizes, ConvSlot::dilationH, "dilationH");
  s.dilation_w = ReadSize(sizes, ConvSlot::dilationW, "dilationW");
  s.pad_top = ReadSize(sizes, ConvSlot::padTop, "padTop");
  s.pad_left = ReadSize(sizes, ConvSlot::padLeft, "padLeft");
  s.groups = ReadSize(sizes, ConvSlot::groups, "groups");
  return s;
}

struct Call {
  using Slot = GemmSlot;
  static constexpr size_t kOut = 4;
  const std::shared_ptr<const Packed>& packed;
  std::shared_ptr<const Packed> held;
  const ConvPackedF* real = nullptr;  // one of these
  const ConvPackedQ* quantized = nullptr;
  const CudaConvWeights* on_device = nullptr;  // in place of both
  static constexpr bool kWaits = false;
  bool is_real;
  ConvShape shape;
  bool nhwc;
  size_t x_count, y_count, threads;
  ArrayView x, out, bias, residual;
  IntOutput output;
  float x_scale;
  int32_t x_zero;
  uint32_t bias_magnitude = 0;  // for the device

  Call(Arguments& arguments, const Control& ctl);
  Status Run(const std::atomic<bool>* stop) const;
  Status RunOnDevice(const CudaDevice& device, const std::atomic<bool>* stop) const;
  void Hold() { held = packed; }
  template <class Visit>
  void EachInput(Visit&& visit) {
    visit(x.data, x_count * x.element_size());
    visit(output.bias_f32, shape.out_channels * sizeof(float));
    visit(output.bias_s32, shape.out_channels * sizeof(int32_t));
    visit(output.residual.data, y_count * residual.element_size());
  }
  static bool OwnsOut(const Control& ctl) { return ctl.Flag(GemmSlot::ownsOut); }
  ResultRows result() const { return {1, y_count, y_count}; }
  void SetResult(void* data, size_t) { out.data = data; }

 private:
  ConvCall RealCall() const;
  QConvCall QuantizedCall() const;
  void ReadConvResidual(const Control& ctl);
};

void Call::ReadConvResidual(const Control& ctl) {
  if (!residual.present) return;
  Residual& r = output.residual;
  switch (residual.type) {
    case napi_float32_array: r.kind = ResidualKind::kFloat32; break;
    case napi_uint8_array: r.kind = ResidualKind::kU8; break;
    case napi_int8_array: r.kind = ResidualKind::kS8; break;
    default: Fail(Code::kType, "Expected Float32Array, Int8Array or Uint8Array for residual");
  }
  if (is_real && r.kind != ResidualKind::kFloat32) Fail(Code::kType, "Expected Float32Array for residual");
  CheckExtent(residual, y_count, "residual");
  r.data = residual.data;
  r.scale = ctl.Float(GemmSlot::scaleResidual);
  r.zero = ctl.Int(GemmSlot::zeroResidual, "the zero point of residual");
  // Each element is read before it is written, by the same thread.
  const bool in_place = residual.data == out.data && residual.element_size() == out.element_size();
  if (!in_place) CheckAlias(out, residual, "residual");
}

Call::Call(Arguments& arguments, const Control& ctl)
    : packed(ReadPacked(arguments.env, arguments.values[3], *DataOf(arguments).handles)) {
  napi_env env = arguments.env;
  const Control sizes(env, arguments.values[1], ConvSlot::length);
  x = ReadArray(arguments, 2, "x");
  if (arguments.device != nullptr) {
    on_device = &WeightsOf<CudaPackedConv>(*packed, "weights of a convolution packed for the CUDA device").weights;
    is_real = !on_device->is_int8;
  } else {
    real = std::get_if<ConvPackedF>(&packed->weights);
    quantized = real != nullptr ? nullptr : &WeightsOf<ConvPackedQ>(*packed, "packed weights of a convolution");
    is_real = real != nullptr;
  }
  out = ReadArray(arguments, 4, "out");
  bias = ReadOptionalArray(arguments, 5, "bias");
  residual = ReadOptionalArray(arguments, 6, "residual");
  const bool is_8_bit = x.type == napi_int8_array || x.type == napi_uint8_array;
  if (is_real ? x.type != napi_float32_array : !is_8_bit)
    Fail(Code::kType, is_real ? "Expected Float32Array for x" : "Expected Int8Array or Uint8Array for x");
  shape = ReadShape(sizes);
  nhwc = sizes.Flag(ConvSlot::nhwc);
  x_count = Count({shape.batch, shape.channels, shape.height, shape.width});
  y_count = Count({shape.batch, shape.out_channels, shape.out_h, shape.out_w});
  CheckExtent(x, x_count, "x");
  CheckExtent(out, y_count, "out");
  // A strip of padded rows is as wide as the result wants it, whatever the image is.
  constexpr size_t kMaxReach = size_t{1} << 24;
  const size_t reach = std::max({shape.out_w * shape.stride_w, shape.kernel_w * shape.dilation_w,
                                 shape.kernel_h * shape.dilation_h, shape.pad_left, shape.pad_top});
  if (reach > kMaxReach) {
    Fail(Code::kShape, "Expected strides, dilations and padding that reach at most " + std::to_string(kMaxReach) +
                           " pixels but received " + std::to_string(reach));
  }
  threads = std::min(ctl.Size(GemmSlot::threads, "threads"), kMaxThreads);
  if (threads == 0) threads = DefaultThreads();
  x_scale = ctl.Float(GemmSlot::scaleA);
  x_zero = ctl.Int(GemmSlot::zeroA, "the zero point of x");
  output = ReadOutput(ctl, out, bias, shape.out_channels, is_real);
  if (on_device != nullptr) bias_magnitude = BiasMagnitude(bias);
  ReadConvResidual(ctl);
  CheckAlias(out, x, "x");
  CheckAlias(out, bias, "bias");
}

ConvCall Call::RealCall() const {
  return {shape,
          nhwc,
          x.As<const float>(),
          out.As<float>(),
          output.bias_f32,
          output.activation,
          static_cast<const float*>(output.residual.data)};
}

QConvCall Call::QuantizedCall() const {
  return {shape, nhwc, x.data, x.type == napi_int8_array, x_scale, x_zero, out.data, output};
}

Status Call::Run(const std::atomic<bool>* stop) const {
  return is_real ? Conv({RealCall(), real, threads, stop}) : QConv({QuantizedCall(), quantized, threads, stop});
}

Status Call::RunOnDevice(const CudaDevice& device, const std::atomic<bool>*) const {
  if (is_real) {
    const CudaConvArgs c{RealCall(), on_device};
    return CallPlugin(device, &CudaApi::conv, &CudaConvApi::conv, &c);
  }
  const CudaQConvArgs c{QuantizedCall(), on_device, bias_magnitude};
  return CallPlugin(device, &CudaApi::conv, &CudaConvApi::qconv, &c);
}

}  // namespace

void BindConv(Napi::Env env, Napi::Object exports, AddonData* data) {
  ExportBoth<PackFloats>(env, exports, "packConvF", data);
  ExportBoth<PackBytes>(env, exports, "packConvQ", data);
  ExportCall<Call>(env, exports, "conv", data);
}

}  // namespace lowp
