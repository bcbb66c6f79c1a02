// packN, nbits and its asynchronous form, quantizeGroups, dequantizeGroups: weights of 4 and 8 bits in groups.
#include <string>
#include <utility>

#include "addon/float_gemm.h"
#include "kernels/nbits/nbits.h"

namespace lowp {
namespace {

NBitsShape ReadShape(const Control& ctl) {
  const NBitsShape shape{ctl.Size(GroupSlot::k, "K"), ctl.Size(GroupSlot::n, "N"), ctl.Size(GroupSlot::bits, "bits"),
                         ctl.Size(GroupSlot::groupSize, "the group size")};
  Check(CheckNBitsShape(shape));
  // An empty product with one huge side passes the lengths below; its padding must still fit.
  constexpr size_t kMaxColumns = size_t{1} << 27;
  if (shape.n > kMaxColumns)
    Fail(Code::kShape, "Expected at most " + std::to_string(kMaxColumns) + " columns but received " + std::to_string(shape.n));
  return shape;
}

// The arrays of a matrix in groups, checked: what its codes, scales and zero points take is known from the sizes.
struct Groups {
  ArrayView data, scales, zeros;

  // They stand at `first` and behind it.
  Groups(const Arguments& arguments, const NBitsShape& shape, size_t first)
      : data(ReadArray(arguments.env, arguments.values[first], "the data of the groups", napi_uint8_array)),
        scales(ReadArray(arguments.env, arguments.values[first + 1], "the scales of the groups", napi_float32_array)),
        zeros(ReadOptionalArray(arguments, first + 2, "the zero points of the groups")) {
    CheckLength(data, SaturatingMul(shape.n, shape.row_bytes()), "the data of the groups");
    CheckLength(scales, SaturatingMul(shape.n, shape.groups()), "the scales of the groups");
    if (!zeros.present) return;
    if (zeros.type != napi_uint8_array) Fail(Code::kType, "Expected Uint8Array for the zero points of the groups");
    CheckLength(zeros, SaturatingMul(shape.n, shape.zero_row_bytes()), "the zero points of the groups");
  }
};

napi_value PackN(Arguments& arguments) {
  napi_env env = arguments.env;
  const Control ctl(env, arguments.values[0], GroupSlot::length);
  const NBitsShape shape = ReadShape(ctl);
  const Groups groups(arguments, shape, 1);
  if (arguments.device != nullptr) {
    CudaFrame frame(*arguments.device);
    const CudaNBitsPackArgs args{shape.k,
                                 shape.n,
                                 static_cast<uint32_t>(shape.bits),
                                 static_cast<uint32_t>(shape.group),
                                 frame.OnDevice<uint8_t>(groups.data),
                                 frame.OnDevice<float>(groups.scales),
                                 frame.OnDevice<uint8_t>(groups.zeros)};
    CudaNBitsWeights weights{};
    Check(CallPlugin(**arguments.device, &CudaApi::nbits, &CudaNBitsApi::pack, &args, &weights));
    return MakeCudaHandle(arguments, weights);
  }
  NBitsPackedB packed;
  Check(PackNBitsB({shape, groups.data.As<const uint8_t>(), groups.scales.As<const float>(), groups.zeros.As<const uint8_t>()},
                   SelectNBits(ActiveIsas()), &packed));
  return MakeHandle(env, std::make_shared<const Packed>(Packed{std::move(packed)}), DataOf(arguments).handles);
}

napi_value QuantizeGroups(Arguments& arguments) {
  napi_env env = arguments.env;
  const Control ctl(env, arguments.values[0], GroupSlot::length);
  const NBitsShape shape = ReadShape(ctl);
  const ArrayView w = ReadArray(env, arguments.values[1], "w", napi_float32_array);
  const size_t ldw = ctl.Size(GroupSlot::ldw, "ldw");
  const bool transpose = ctl.Flag(GroupSlot::transposeB);
  const size_t rows = transpose ? shape.n : shape.k, cols = transpose ? shape.k : shape.n;
  if (ldw < cols) Fail(Code::kShape, "Expected ldw of at least " + std::to_string(cols) + " but received " + std::to_string(ldw));
  CheckExtent(w, Extent(1, 0, rows, ldw, cols), "w");
  const Groups groups(arguments, shape, 2);
  for (const ArrayView* out : {&groups.data, &groups.scales, &groups.zeros})
    if (out->present) CheckAlias(*out, w, "w");
  QuantizeNBits(shape, {w.As<const float>(), ldw, transpose}, groups.data.As<uint8_t>(), groups.scales.As<float>(),
                groups.zeros.As<uint8_t>());
  return nullptr;
}

napi_value DequantizeGroups(Arguments& arguments) {
  napi_env env = arguments.env;
  const Control ctl(env, arguments.values[0], GroupSlot::length);
  const NBitsShape shape = ReadShape(ctl);
  const Groups groups(arguments, shape, 1);
  const ArrayView out = ReadArray(env, arguments.values[4], "out", napi_float32_array);
  const size_t count = SaturatingMul(shape.n, shape.k);
  CheckLength(out, count, "out");
  for (const ArrayView* in : {&groups.data, &groups.scales, &groups.zeros})
    if (in->present) CheckAlias(out, *in, "the groups");
  DequantizeNBits(shape, groups.data.As<const uint8_t>(), groups.scales.As<const float>(), groups.zeros.As<const uint8_t>(),
                  out.As<float>());
  return nullptr;
}

struct NBitsFamily {
  struct Args : NBitsArgs {
    const CudaNBitsWeights* on_device = nullptr;  // in place of b
  };
  static WeightSizes SetWeights(const Packed& packed, bool on_device, Args* args) {
    if (on_device) {
      args->on_device = &WeightsOf<CudaPackedN>(packed, "group-quantized weights packed for the CUDA device").weights;
      return {args->on_device->k, args->on_device->n};
    }
    args->b = &WeightsOf<NBitsPackedB>(packed, "group-quantized packed weights");
    return {args->b->k, args->b->n};
  }
  static Status Run(const Args& args) { return NBits(args); }
  static Status RunOnDevice(const CudaDevice& device, const Args& args) {
    CudaNBitsArgs c{};
    c.batch = args.batch;
    c.m = args.m;
    c.a = args.a;
    c.lda = args.lda;
    c.batch_stride_a = args.batch_stride_a;
    c.b = args.on_device;
    c.c = args.c;
    c.ldc = args.ldc;
    c.bias = args.bias;
    c.activation = args.activation;
    c.residual = args.residual;
    return CallPlugin(device, &CudaApi::nbits, &CudaNBitsApi::run, &c);
  }
  static bool ReadTranspose(const Control&, Args*) { return false; }
  static void SetOut(Args* args, float* c, size_t ldc) {
    args->c = c;
    args->ldc = ldc;
  }
};

}  // namespace

void BindNBits(Napi::Env env, Napi::Object exports, AddonData* data) {
  ExportBoth<PackN>(env, exports, "packN", data);
  ExportCall<FloatGemm<NBitsFamily>>(env, exports, "nbits", data);
  Export<QuantizeGroups>(env, exports, "quantizeGroups", data);
  Export<DequantizeGroups>(env, exports, "dequantizeGroups", data);
}

}  // namespace lowp
