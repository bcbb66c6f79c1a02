#include "addon/gemm_args.h"

#include <algorithm>
#include <string>

#include "core/thread_pool.h"

namespace lowp {

GemmSizes ReadGemmSizes(const Control& ctl, size_t weights_k, size_t weights_n, const ArrayView& out) {
  GemmSizes s{};
  s.batch = ctl.Size(GemmSlot::batch, "batch");
  s.m = ctl.Size(GemmSlot::m, "M");
  s.n = ctl.Size(GemmSlot::n, "N");
  s.k = ctl.Size(GemmSlot::k, "K");
  s.lda = ctl.Size(GemmSlot::lda, "lda");
  s.batch_stride_a = ctl.Size(GemmSlot::batchStrideA, "the batch stride of a");
  s.ldc = ctl.Size(GemmSlot::ldc, "ldc");
  const size_t batch_stride_c = ctl.Size(GemmSlot::batchStrideC, "the batch stride of out");
  s.threads = std::min(ctl.Size(GemmSlot::threads, "threads"), kMaxThreads);
  if (s.threads == 0) s.threads = DefaultThreads();
  if (s.k != weights_k || s.n != weights_n) {
    Fail(Code::kShape, "Expected packed weights of " + std::to_string(s.k) + "x" + std::to_string(s.n) + " but received " +
                           std::to_string(weights_k) + "x" + std::to_string(weights_n));
  }
  s.rows = SaturatingMul(s.batch, s.m);
  if (s.ldc < s.n)
    Fail(Code::kShape, "Expected ldc of at least " + std::to_string(s.n) + " but received " + std::to_string(s.ldc));
  if (s.batch > 1 && batch_stride_c != SaturatingMul(s.m, s.ldc)) {
    Fail(Code::kShape, "Expected a batch stride of out of M * ldc = " + std::to_string(SaturatingMul(s.m, s.ldc)) +
                           " but received " + std::to_string(batch_stride_c));
  }
  s.extent_c = Extent(1, 0, s.rows, s.ldc, s.n);
  CheckExtent(out, s.extent_c, "out");
  return s;
}

size_t CheckA(const GemmSizes& sizes, size_t rows, size_t cols, const ArrayView& a) {
  if (sizes.lda < cols)
    Fail(Code::kShape, "Expected lda of at least " + std::to_string(cols) + " but received " + std::to_string(sizes.lda));
  const size_t extent = Extent(sizes.batch, sizes.batch_stride_a, rows, sizes.lda, cols);
  CheckExtent(a, extent, "a");
  return extent;
}

Activation ReadActivation(const Control& ctl) {
  static_assert(ActivationCode::length - 1 == static_cast<size_t>(ActivationKind::kHardsigmoid));
  const size_t code = ctl.Size(GemmSlot::activation, "the activation");
  if (code >= ActivationCode::length) {
    Fail(Code::kValue, "Expected a code below " + std::to_string(size_t{ActivationCode::length}) +
                           " for the activation but received " + std::to_string(code));
  }
  return {static_cast<ActivationKind>(code), ctl.Float(GemmSlot::min), ctl.Float(GemmSlot::max), ctl.Float(GemmSlot::alpha)};
}

SGemmStorage ReadStorage(const Control& ctl, size_t slot, const char* name) {
  static_assert(StorageCode::length == kSGemmStorages);
  const size_t code = ctl.Size(slot, name);
  if (code >= StorageCode::length) {
    Fail(Code::kValue, "Expected a code below " + std::to_string(size_t{StorageCode::length}) + " for " + name +
                           " but received " + std::to_string(code));
  }
  return static_cast<SGemmStorage>(code);
}

void CheckHolds(const ArrayView& view, SGemmStorage storage, const char* name) {
  const bool is_float = storage == SGemmStorage::kFloat32;
  if (view.type != (is_float ? napi_float32_array : napi_uint16_array))
    Fail(Code::kType, std::string("Expected ") + (is_float ? "Float32Array" : "Uint16Array") + " for " + name);
}

IntOutput ReadOutput(const Control& ctl, const ArrayView& out, const ArrayView& bias, size_t features, bool real) {
  IntOutput output;
  switch (out.type) {
    case napi_int32_array: output.kind = OutputKind::kInt32; break;
    case napi_float32_array: output.kind = OutputKind::kFloat32; break;
    case napi_int8_array: output.kind = OutputKind::kS8; break;
    case napi_uint8_array: output.kind = OutputKind::kU8; break;
    default: Fail(Code::kType, "Expected Int32Array, Float32Array, Int8Array or Uint8Array for out");
  }
  if (real && output.kind != OutputKind::kFloat32) Fail(Code::kType, "Expected Float32Array for out");
  output.scale = ctl.Float(GemmSlot::scaleOut);
  output.zero = ctl.Int(GemmSlot::zeroOut, "the zero point of out");
  output.activation = ReadActivation(ctl);
  if (!bias.present) return output;
  CheckLength(bias, features, "bias");
  if (bias.type == napi_float32_array) {
    output.bias_f32 = bias.As<const float>();
  } else if (bias.type == napi_int32_array && !real) {
    output.bias_s32 = bias.As<const int32_t>();
  } else {
    Fail(Code::kType, real ? "Expected Float32Array for bias" : "Expected Float32Array or Int32Array for bias");
  }
  return output;
}

Residual ReadResidual(const Control& ctl, const GemmSizes& sizes, const ArrayView& view, const ArrayView& out, size_t* bytes) {
  *bytes = 0;
  if (!view.present) return {};
  Residual residual{};
  switch (view.type) {
    case napi_float32_array: residual.kind = ResidualKind::kFloat32; break;
    case napi_uint8_array: residual.kind = ResidualKind::kU8; break;
    case napi_int8_array: residual.kind = ResidualKind::kS8; break;
    default: Fail(Code::kType, "Expected Float32Array, Int8Array or Uint8Array for residual");
  }
  residual.data = view.data;
  residual.ld = ctl.Size(GemmSlot::ldResidual, "the row stride of residual");
  residual.scale = ctl.Float(GemmSlot::scaleResidual);
  residual.zero = ctl.Int(GemmSlot::zeroResidual, "the zero point of residual");
  if (residual.ld < sizes.n) {
    Fail(Code::kShape, "Expected a row stride of residual of at least " + std::to_string(sizes.n) + " but received " +
                           std::to_string(residual.ld));
  }
  const size_t extent = Extent(1, 0, sizes.rows, residual.ld, sizes.n);
  CheckExtent(view, extent, "residual");
  *bytes = extent * view.element_size();
  // Each element is read before it is written, by the same thread.
  const bool in_place = view.data == out.data && residual.ld == sizes.ldc && view.element_size() == out.element_size();
  if (!in_place) CheckAlias(out, view, "residual");
  return residual;
}

}  // namespace lowp
