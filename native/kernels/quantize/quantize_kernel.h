// Microkernel ABI of quantize: contiguous runs, any length, no alignment beyond the element's.
#ifndef LOWP_KERNELS_QUANTIZE_QUANTIZE_KERNEL_H_
#define LOWP_KERNELS_QUANTIZE_QUANTIZE_KERNEL_H_

#include <stddef.h>
#include <stdint.h>

namespace lowp {

struct QuantizeKernel {
  const char* name;
  // Minimum and maximum of 0 and the finite values of x.
  void (*finite_range)(const float* x, size_t count, float* min, float* max);
  // out = saturate(round(x / scale) + zero), ties to even; NaN gives zero. Low and high are the dtype's.
  void (*quantize)(const float* x, size_t count, float scale, int32_t zero, int32_t low, int32_t high, uint8_t* out);
  // out = scale * (q - zero)
  void (*dequantize_u8)(const uint8_t* q, size_t count, float scale, int32_t zero, float* out);
  void (*dequantize_s8)(const int8_t* q, size_t count, float scale, int32_t zero, float* out);
};

}  // namespace lowp

#endif  // LOWP_KERNELS_QUANTIZE_QUANTIZE_KERNEL_H_
