// real = scale * (q - zero). Ranges, parameters, quantize and dequantize; the same numbers on every ISA.
//
// Parameters come from the finite values only; NaN becomes the zero point and infinities saturate.
//   asymmetric  ONNX DynamicQuantizeLinear: scale = (max - min) / 255 with 0 in the range, zero = round(low - min / scale)
//   symmetric   scale = max|x| / 127, zero = 0 (int8) or 128 (uint8)
#ifndef LOWP_KERNELS_QUANTIZE_QUANTIZE_H_
#define LOWP_KERNELS_QUANTIZE_QUANTIZE_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "core/isa.h"
#include "kernels/quantize/quantize_kernel.h"
#include "kernels/quantize/quantize_params.h"

namespace lowp {

using QuantizeEntry = KernelEntry<QuantizeKernel>;
const QuantizeEntry& SelectQuantize(IsaSet active);
std::vector<QuantizeEntry> QuantizeKernels();

Range Union(Range x, Range y);
Range FiniteRange(const float* x, size_t count);
void QuantizeRun(const float* x, size_t count, QuantParams params, bool is_signed, uint8_t* out);

// float32 [batch, rows, cols] as u8, contiguous: ONNX DynamicQuantizeLinear of all of it, or of each row by itself.
struct DynamicRows {
  const float* x;
  size_t batch, rows, cols;
  size_t ld, batch_stride;
  bool per_row;
};
// Per row: into scales and zeros, and what is returned means nothing; else these may be null.
QuantParams QuantizeRows(const DynamicRows& x, size_t threads, uint8_t* out, float* scales, int32_t* zeros);

// x seen as [outer, channels, inner], one scale and zero point for each channel.
struct QuantizeShape {
  size_t outer, channels, inner;
};
void QuantizeParameters(const QuantizeShape& shape, const float* x, bool symmetric, bool is_signed, float* scales,
                        int32_t* zeros);
void Quantize(const QuantizeShape& shape, const float* x, const float* scales, const int32_t* zeros, bool is_signed,
              uint8_t* out);
void Dequantize(const QuantizeShape& shape, const void* q, bool is_signed, const float* scales, const int32_t* zeros, float* out);

}  // namespace lowp

#endif  // LOWP_KERNELS_QUANTIZE_QUANTIZE_H_
