// Ranges, parameters, quantize and dequantize of the plugin: kernels/quantize on the device, bit for bit. All arrays are the
// device's and everything is queued. Scales and zero points that are given are not checked: finite and above 0, and of the
// dtype's range.
#ifndef LOWP_CUDA_QUANTIZE_QUANTIZE_ABI_H_
#define LOWP_CUDA_QUANTIZE_QUANTIZE_ABI_H_

#include <stddef.h>
#include <stdint.h>

namespace lowp {

struct CudaContext;
struct CudaError;

// x seen as [outer, channels, inner], contiguous, one scale and zero point for each channel: per tensor (1, 1, count), per row
// (1, rows, cols), or along any axis.
struct CudaQuantizeShape {
  uint64_t outer, channels, inner;
};

struct CudaQuantizeArgs {
  CudaQuantizeShape shape;
  const float* x;
  const float* scales;   // [channels]
  const int32_t* zeros;  // [channels]
  bool is_signed;
  void* out;
};

struct CudaDequantizeArgs {
  CudaQuantizeShape shape;
  const void* q;
  bool is_signed;
  const float* scales;
  const int32_t* zeros;
  float* out;
};

struct CudaQuantizeParametersArgs {
  CudaQuantizeShape shape;
  const float* x;
  bool symmetric, is_signed;
  float* scales;
  int32_t* zeros;
};

// float32 [batch, rows, cols] as u8, contiguous: ONNX DynamicQuantizeLinear of all of it, or of each row by itself.
struct CudaDynamicQuantizeArgs {
  const float* x;
  uint64_t batch, rows, cols;
  uint64_t ld, batch_stride;
  bool per_row;
  uint8_t* out;
  float* scales;   // [per_row ? batch * rows : 1]
  int32_t* zeros;  // likewise
};

struct CudaQuantizeApi {
  int32_t (*parameters)(CudaContext* context, const CudaQuantizeParametersArgs* args, CudaError* error);
  int32_t (*quantize)(CudaContext* context, const CudaQuantizeArgs* args, CudaError* error);
  int32_t (*dequantize)(CudaContext* context, const CudaDequantizeArgs* args, CudaError* error);
  int32_t (*dynamic)(CudaContext* context, const CudaDynamicQuantizeArgs* args, CudaError* error);
};

// Fills the table.
CudaQuantizeApi CudaQuantizeFunctions();

}  // namespace lowp

#endif  // LOWP_CUDA_QUANTIZE_QUANTIZE_ABI_H_
