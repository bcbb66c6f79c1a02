#include "kernels/quantize/quantize.h"

#include <algorithm>
#include <cmath>
#include <iterator>

#include "core/isa_built.h"
#include "core/partition.h"
#include "core/thread_pool.h"

namespace lowp {

extern const QuantizeKernel kQuantizeAvx2, kQuantizeNeon, kQuantizeScalar;

namespace {

// clang-format off
const QuantizeEntry kTable[] = {
    LOWP_IF_AVX2({Isa::kAvx2, &kQuantizeAvx2}, )
    LOWP_IF_NEON({Isa::kNeon, &kQuantizeNeon}, )
    {Isa::kScalar, &kQuantizeScalar},
};
// clang-format on

const QuantizeKernel& Current() { return *SelectQuantize(ActiveIsas()).kernel; }

}  // namespace

const QuantizeEntry& SelectQuantize(IsaSet active) { return SelectKernel(kTable, active); }

std::vector<QuantizeEntry> QuantizeKernels() { return {std::begin(kTable), std::end(kTable)}; }

Range Union(Range x, Range y) { return {std::min(x.min, y.min), std::max(x.max, y.max)}; }

Range FiniteRange(const float* x, size_t count) {
  Range range;
  Current().finite_range(x, count, &range.min, &range.max);
  return range;
}

void QuantizeRun(const float* x, size_t count, QuantParams params, bool is_signed, uint8_t* out) {
  const int32_t low = is_signed ? -128 : 0;
  Current().quantize(x, count, params.scale, params.zero, low, low + 255, out);
}

QuantParams QuantizeRows(const DynamicRows& x, size_t threads, uint8_t* out, float* scales, int32_t* zeros) {
  const size_t rows = x.batch * x.rows;
  const auto row_of = [&](size_t row) { return x.x + row / x.rows * x.batch_stride + row % x.rows * x.ld; };
  QuantParams shared{};
  if (!x.per_row) {
    Range range;
    for (size_t row = 0; row < rows; ++row) range = Union(range, FiniteRange(row_of(row), x.cols));
    shared = ParamsFromRange(range, /*symmetric=*/false, /*is_signed=*/false);
  }
  constexpr size_t kRowsPerTask = 16;
  ParallelFor(DivUp(rows, kRowsPerTask), rows * x.cols < kParallelWork / 16 ? 1 : threads, [&](size_t task) {
    for (size_t row = task * kRowsPerTask; row < std::min(rows, (task + 1) * kRowsPerTask); ++row) {
      const QuantParams params = x.per_row ? ParamsFromRange(FiniteRange(row_of(row), x.cols), false, false) : shared;
      if (x.per_row) {
        scales[row] = params.scale;
        zeros[row] = params.zero;
      }
      QuantizeRun(row_of(row), x.cols, params, /*is_signed=*/false, out + row * x.cols);
    }
  });
  return shared;
}

void QuantizeParameters(const QuantizeShape& shape, const float* x, bool symmetric, bool is_signed, float* scales,
                        int32_t* zeros) {
  std::vector<Range> ranges(shape.channels);
  if (shape.inner == 1) {
    // The channel is the fastest dimension: whole rows at once instead of runs of one.
    for (size_t o = 0; o < shape.outer; ++o) {
      for (size_t c = 0; c < shape.channels; ++c) {
        const float value = x[o * shape.channels + c];
        if (std::isfinite(value)) ranges[c] = Union(ranges[c], {std::min(value, 0.0f), std::max(value, 0.0f)});
      }
    }
  } else {
    for (size_t i = 0; i < shape.outer * shape.channels; ++i) {
      Range& range = ranges[i % shape.channels];
      range = Union(range, FiniteRange(x + i * shape.inner, shape.inner));
    }
  }
  for (size_t c = 0; c < shape.channels; ++c) {
    const QuantParams params = ParamsFromRange(ranges[c], symmetric, is_signed);
    scales[c] = params.scale;
    zeros[c] = params.zero;
  }
}

void Quantize(const QuantizeShape& shape, const float* x, const float* scales, const int32_t* zeros, bool is_signed,
              uint8_t* out) {
  for (size_t i = 0; i < shape.outer * shape.channels; ++i) {
    const size_t c = i % shape.channels;
    QuantizeRun(x + i * shape.inner, shape.inner, {scales[c], zeros[c]}, is_signed, out + i * shape.inner);
  }
}

void Dequantize(const QuantizeShape& shape, const void* q, bool is_signed, const float* scales, const int32_t* zeros,
                float* out) {
  const QuantizeKernel& kernel = Current();
  for (size_t i = 0; i < shape.outer * shape.channels; ++i) {
    const size_t c = i % shape.channels, at = i * shape.inner;
    if (is_signed) {
      kernel.dequantize_s8(static_cast<const int8_t*>(q) + at, shape.inner, scales[c], zeros[c], out + at);
    } else {
      kernel.dequantize_u8(static_cast<const uint8_t*>(q) + at, shape.inner, scales[c], zeros[c], out + at);
    }
  }
}

}  // namespace lowp
