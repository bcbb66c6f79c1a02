#include "kernels/qgemm/qgemm_call.h"

#include <algorithm>

#include "kernels/quantize/quantize.h"

namespace lowp {
namespace {

bool IsPerRow(const QGemmArgs& args) { return args.a_kind == QGemmA::kFloat32PerRow || args.a_scales != nullptr; }

}  // namespace

QGemmScratch::QGemmScratch(const QGemmArgs& args) {
  const size_t rows = args.batch * args.m, columns = args.b->n_padded;
  BufferLayout layout;
  col_add = layout.Add(columns * sizeof(int32_t));
  scale = layout.Add(columns * sizeof(float));
  bias = layout.Add(columns * sizeof(float));
  a_data = layout.Add(IsFloat(args.a_kind) ? rows * args.b->k : 0);
  a_scales = layout.Add(args.a_kind == QGemmA::kFloat32PerRow ? rows * sizeof(float) : 0);
  a_zeros = layout.Add(IsPerRow(args) ? rows * sizeof(int32_t) : 0);
  bytes = layout.size();
}

QGemmActivations ReadActivations(const QGemmArgs& args, const QGemmScratch& at, uint8_t* scratch) {
  const QGemmKernel& kernel = *args.b->kernel;
  const bool is_signed = args.a_kind == QGemmA::kS8;
  const int32_t offset = is_signed ? kernel.a_offset_s8 : kernel.a_offset_u8;
  int32_t* zeros = reinterpret_cast<int32_t*>(scratch + at.a_zeros);
  QGemmActivations a{static_cast<const uint8_t*>(args.a),
                     is_signed,
                     args.lda,
                     args.batch_stride_a,
                     args.a_scale,
                     args.a_zero,
                     args.a_scales,
                     nullptr};
  if (IsFloat(args.a_kind)) {
    const bool per_row = args.a_kind == QGemmA::kFloat32PerRow;
    float* scales = reinterpret_cast<float*>(scratch + at.a_scales);
    const DynamicRows x{static_cast<const float*>(args.a), args.batch, args.m, args.b->k, args.lda, args.batch_stride_a, per_row};
    const QuantParams params = QuantizeRows(x, args.threads, scratch + at.a_data, scales, zeros);
    a = {scratch + at.a_data,        false,  args.b->k, args.m * args.b->k, params.scale, params.zero,
         per_row ? scales : nullptr, nullptr};
  } else if (args.a_zeros != nullptr) {
    std::copy_n(args.a_zeros, args.batch * args.m, zeros);
  }
  a.zero += offset;
  if (IsPerRow(args)) {
    for (size_t row = 0; row < args.batch * args.m; ++row) zeros[row] += offset;
    a.zeros = zeros;
  }
  return a;
}

IntStore MakeStore(const QGemmArgs& args, const QGemmActivations& a, const QGemmScratch& at, uint8_t* scratch) {
  const QGemmPackedB& b = *args.b;
  const bool per_row = a.scales != nullptr;
  const bool requantize = Requantizes(args.output);
  // Plain loops, which become vectors: a small product has as many columns as rows.
  int32_t* col_add = reinterpret_cast<int32_t*>(scratch + at.col_add);
  const uint32_t zero = per_row ? 0 : static_cast<uint32_t>(a.zero);
  for (size_t n = 0; n < b.n_padded; ++n) col_add[n] = static_cast<int32_t>(0u - zero * static_cast<uint32_t>(b.corr[n]));
  if (args.output.bias_s32 != nullptr) {
    for (size_t n = 0; n < b.n; ++n)
      col_add[n] = static_cast<int32_t>(static_cast<uint32_t>(col_add[n]) + static_cast<uint32_t>(args.output.bias_s32[n]));
  }
  const float* scale = b.scale;
  if (!per_row) {
    float* scaled = reinterpret_cast<float*>(scratch + at.scale);
    for (size_t n = 0; n < b.n_padded; ++n) scaled[n] = a.scale * b.scale[n];
    if (requantize) {
      for (size_t n = 0; n < b.n_padded; ++n) scaled[n] /= args.output.scale;
    }
    scale = scaled;
  }
  const float* bias = args.output.bias_f32;
  if (bias != nullptr && b.n < b.n_padded) {
    float* padded = reinterpret_cast<float*>(scratch + at.bias);
    std::copy_n(bias, b.n, padded);
    std::fill(padded + b.n, padded + b.n_padded, 0.0f);
    bias = padded;
  }
  IntStore store{};
  SetOutput(args.output, &store);
  store.col_add = col_add;
  store.b_zero = b.zero;
  store.b_corr = b.corr;
  store.scale = scale;
  store.bias = bias;
  store.a_zero = a.zeros;
  store.a_scale = a.scales;
  store.ldc = args.ldc;
  return store;
}

}  // namespace lowp
