// packN, nbits and its asynchronous form, quantizeGroups, dequantizeGroups: weights of 4 and 8 bits in groups.
#include <string>
#include <utility>

#include "addon/gemm_args.h"
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
  const Control ctl(env, arguments.values[1], GroupSlot::length);
  const NBitsShape shape = ReadShape(ctl);
  const Groups groups(arguments, shape, 2);
  NBitsPackedB packed;
  Check(PackNBitsB({shape, groups.data.As<const uint8_t>(), groups.scales.As<const float>(), groups.zeros.As<const uint8_t>()},
                   SelectNBits(ActiveIsas()), &packed));
  WrapPacked(env, arguments.values[0], std::make_shared<const Packed>(Packed{std::move(packed)}), DataOf(arguments).handles);
  return nullptr;
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
    if (out->present) CheckAlias(*out, out->length, w, "w");
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
    if (in->present) CheckAlias(out, count, *in, "the groups");
  DequantizeNBits(shape, groups.data.As<const uint8_t>(), groups.scales.As<const float>(), groups.zeros.As<const uint8_t>(),
                  out.As<float>());
  return nullptr;
}

struct Call {
  NBitsArgs args;
  std::shared_ptr<const Packed> packed;
  GemmSizes sizes;
  size_t extent_a;
  size_t residual_bytes;
  ArrayView a, out, bias, residual;

  Call(Arguments& arguments, const Control& ctl) {
    napi_env env = arguments.env;
    a = ReadArray(env, arguments.values[1], "a", napi_float32_array);
    packed = ReadPacked(env, arguments.values[2], *DataOf(arguments).handles);
    const NBitsPackedB& b = WeightsOf<NBitsPackedB>(*packed, "group-quantized");
    out = ReadArray(env, arguments.values[3], "out", napi_float32_array);
    bias = ReadOptionalArray(arguments, 4, "bias");
    residual = ReadOptionalArray(arguments, 5, "residual");
    sizes = ReadGemmSizes(ctl, b.k, b.n, out);
    if (sizes.lda < sizes.k)
      Fail(Code::kShape, "Expected lda of at least " + std::to_string(sizes.k) + " but received " + std::to_string(sizes.lda));
    extent_a = Extent(sizes.batch, sizes.batch_stride_a, sizes.m, sizes.lda, sizes.k);
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
    args.activation = ReadActivation(ctl);
    if (residual.present && residual.type != napi_float32_array) Fail(Code::kType, "Expected Float32Array for residual");
    args.residual = ReadResidual(ctl, sizes, residual, out, &residual_bytes);
    args.threads = sizes.threads;
  }
};

napi_value NBitsSync(Arguments& arguments) {
  const Control ctl(arguments.env, arguments.values[0], GemmSlot::length);
  const Call call(arguments, ctl);
  Check(NBits(call.args));
  return nullptr;
}

napi_value NBitsAsync(Arguments& arguments) {
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
  NBitsArgs args = call.args;
  size_t offset = 0;
  args.a = Snapshot(*job, &offset, args.a, a_bytes);
  args.bias = Snapshot(*job, &offset, args.bias, bias_bytes);
  args.residual.data = Snapshot(*job, &offset, static_cast<const uint8_t*>(args.residual.data), call.residual_bytes);
  args.c = static_cast<float*>(PrepareResult(*job, ctl, call.sizes, call.out, &args.ldc));
  job->run = [args, packed = call.packed](Job& self) mutable {
    args.stop = &self.stop;
    return NBits(args);
  };
  return DataOf(arguments).queue.Submit(std::move(job), arguments.values[3]);
}

}  // namespace

void BindNBits(Napi::Env env, Napi::Object exports, AddonData* data) {
  Export<PackN>(env, exports, "packN", data);
  Export<NBitsSync>(env, exports, "nbits", data);
  Export<NBitsAsync>(env, exports, "nbitsAsync", data);
  Export<QuantizeGroups>(env, exports, "quantizeGroups", data);
  Export<DequantizeGroups>(env, exports, "dequantizeGroups", data);
}

}  // namespace lowp
