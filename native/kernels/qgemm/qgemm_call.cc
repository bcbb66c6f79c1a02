#include "kernels/qgemm/qgemm_call.h"

#include <algorithm>
#include <cmath>

#include "core/partition.h"
#include "core/thread_pool.h"
#include "kernels/quantize/quantize.h"

namespace lowp {
namespace {

bool IsPerRow(const QGemmArgs& args) { return args.a_kind == QGemmA::kFloat32PerRow || args.a_scales != nullptr; }
// Nothing in real units lies between the sum and the rounding.
bool Requantizes(const QGemmArgs& args) {
  return Is8Bit(args.c_kind) && args.bias_f32 == nullptr && !HasResidual(args) && IsClamp(args);
}

// Quantizes float32 A to u8 (ONNX DynamicQuantizeLinear, for the tensor or row by row).
void QuantizeActivations(const QGemmArgs& args, uint8_t* to, float* scales, int32_t* zeros, QGemmActivations* a) {
  const float* from = static_cast<const float*>(args.a);
  const size_t k = args.b->k, rows = args.batch * args.m;
  const auto row_of = [&](size_t row) { return from + (row / args.m) * args.batch_stride_a + (row % args.m) * args.lda; };
  const bool per_row = args.a_kind == QGemmA::kFloat32PerRow;
  QuantParams shared{};
  if (!per_row) {
    Range range;
    for (size_t row = 0; row < rows; ++row) range = Union(range, FiniteRange(row_of(row), k));
    shared = ParamsFromRange(range, /*symmetric=*/false, /*is_signed=*/false);
    a->scale = shared.scale;
    a->zero = shared.zero;
  }
  constexpr size_t kRowsPerTask = 16;
  const size_t threads = rows * k < kParallelWork / 16 ? 1 : args.threads;
  ParallelFor(DivUp(rows, kRowsPerTask), threads, [&](size_t task) {
    for (size_t row = task * kRowsPerTask; row < std::min(rows, (task + 1) * kRowsPerTask); ++row) {
      const QuantParams params = per_row ? ParamsFromRange(FiniteRange(row_of(row), k), false, false) : shared;
      if (per_row) {
        scales[row] = params.scale;
        zeros[row] = params.zero;
      }
      QuantizeRun(row_of(row), k, params, /*is_signed=*/false, to + row * k);
    }
  });
  a->data = to;
  a->is_signed = false;
  a->lda = k;
  a->batch_stride = args.m * k;
  a->scales = per_row ? scales : nullptr;
}

// The rounded value of bound x in the output's units, before the zero point: where clamping x lands.
float QuantizedBound(float x, float scale, float low, float high) {
  const float q = std::nearbyintf(x / scale);
  return std::min(std::max(q, low), high);
}

IntStoreMode ModeOf(const QGemmArgs& args) {
  if (args.c_kind == QGemmC::kInt32) return IntStoreMode::kInt32;
  if (args.c_kind == QGemmC::kFloat32) return IntStoreMode::kFloat32;
  return Requantizes(args) ? IntStoreMode::kRequantize : IntStoreMode::kQuantize;
}

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
  const QGemmKernel& kernel = *args.b->entry->kernel;
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
    QuantizeActivations(args, scratch + at.a_data, reinterpret_cast<float*>(scratch + at.a_scales), zeros, &a);
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
  const IntStoreMode mode = ModeOf(args);
  const bool requantize = mode == IntStoreMode::kRequantize;
  // Plain loops, which become vectors: a small product has as many columns as rows.
  int32_t* col_add = reinterpret_cast<int32_t*>(scratch + at.col_add);
  const uint32_t zero = per_row ? 0 : static_cast<uint32_t>(a.zero);
  for (size_t n = 0; n < b.n_padded; ++n) col_add[n] = static_cast<int32_t>(0u - zero * static_cast<uint32_t>(b.corr[n]));
  if (args.bias_s32 != nullptr) {
    for (size_t n = 0; n < b.n; ++n)
      col_add[n] = static_cast<int32_t>(static_cast<uint32_t>(col_add[n]) + static_cast<uint32_t>(args.bias_s32[n]));
  }
  const float* scale = b.scale;
  if (!per_row) {
    float* scaled = reinterpret_cast<float*>(scratch + at.scale);
    for (size_t n = 0; n < b.n_padded; ++n) scaled[n] = a.scale * b.scale[n];
    if (requantize) {
      for (size_t n = 0; n < b.n_padded; ++n) scaled[n] /= args.c_scale;
    }
    scale = scaled;
  }
  const float* bias = args.bias_f32;
  if (bias != nullptr && b.n < b.n_padded) {
    float* padded = reinterpret_cast<float*>(scratch + at.bias);
    std::copy_n(bias, b.n, padded);
    std::fill(padded + b.n, padded + b.n_padded, 0.0f);
    bias = padded;
  }
  const bool c_signed = args.c_kind == QGemmC::kS8;
  float low = (c_signed ? -128.0f : 0.0f) - static_cast<float>(args.c_zero), high = low + 255.0f;
  if (requantize) {
    const float least = low, most = high;
    low = QuantizedBound(args.activation.min, args.c_scale, least, most);
    high = QuantizedBound(args.activation.max, args.c_scale, least, most);
  }
  return {mode,     c_signed,        col_add,       b.zero,       b.corr, scale, bias,        nullptr, a.zeros,
          a.scales, args.activation, args.residual, args.c_scale, low,    high,  args.c_zero, nullptr, args.ldc};
}

}  // namespace lowp
