// The C ABI of the convolutions: kernels/conv on the device. Formulas, outputs and refusals are theirs; int8 equals them bit for
// bit, float32 is within their bound, and both give the same bits at every call.
#ifndef LOWP_CUDA_CONV_CONV_ABI_H_
#define LOWP_CUDA_CONV_CONV_ABI_H_

#include <stddef.h>
#include <stdint.h>

#include "kernels/conv/conv_call.h"

namespace lowp {

struct CudaContext;
struct CudaError;

// Weights on the device. Plain data that the caller keeps; immutable once packed. runtime.free(storage) ends it. Offsets are
// bytes in storage.
struct CudaConvWeights {
  void* storage;
  uint64_t bytes;
  ConvWeightShape shape;
  bool is_int8;           // else float32
  int32_t max_magnitude;  // int8: of w - zw over the dtype and all channels
  const char* kernel;     // the name of what multiplies by it; static

  // See conv_layout.h.
  uint64_t depth_padded;                  // dense: of [out_channels][depth_padded]
  uint64_t scales_at, zeros_at, sums_at;  // int8: [out_channels] float32, int32 and int32
  bool has_zero;                          // int8: some zero point, as stored, is not 0
};

// Arrays of the host.
struct CudaConvPackQArgs {
  ConvWeightShape shape{};
  const void* w = nullptr;  // [out_channels, group_channels, kernel_h, kernel_w]
  bool w_signed = true;
  const float* scales = nullptr;
  const int32_t* zeros = nullptr;
  bool per_channel = false;  // out_channels scales and zeros instead of one
};

struct CudaConvArgs : ConvCall {
  const CudaConvWeights* weights = nullptr;
};

struct CudaQConvArgs : QConvCall {
  const CudaConvWeights* weights = nullptr;
  // At least max|output.bias_s32|, which lies on the device: for the check that sums fit int32.
  uint32_t bias_magnitude = 0;
};

struct CudaConvApi {
  // Arrays given to pack are the host's, and have been read when it returns.
  int32_t (*pack_float)(CudaContext* context, const ConvWeightShape* shape, const float* w, CudaConvWeights* weights,
                        CudaError* error);
  int32_t (*pack_int8)(CudaContext* context, const CudaConvPackQArgs* args, CudaConvWeights* weights, CudaError* error);
  // Queued; all arrays are the device's.
  int32_t (*conv)(CudaContext* context, const CudaConvArgs* args, CudaError* error);
  int32_t (*qconv)(CudaContext* context, const CudaQConvArgs* args, CudaError* error);
};

// Fills the table.
CudaConvApi CudaConvFunctions();

}  // namespace lowp

#endif  // LOWP_CUDA_CONV_CONV_ABI_H_
