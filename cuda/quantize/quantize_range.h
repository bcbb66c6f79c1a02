// Scales and zero points from the ranges of channels.
#ifndef LOWP_CUDA_QUANTIZE_QUANTIZE_RANGE_H_
#define LOWP_CUDA_QUANTIZE_QUANTIZE_RANGE_H_

#include "core/status.h"
#include "cuda/device/matrix_rows.h"
#include "cuda/plugin_abi.h"

namespace lowp {

// Element (row, col) of channel c is x[c * channel_stride + rows.At(row) + col].
struct RangeArgs {
  const float* x;
  uint64_t channels, channel_stride;
  uint64_t row_count, cols;
  MatrixRows rows;
  bool symmetric, is_signed;
  float* scales;   // [channels]
  int32_t* zeros;  // [channels]
};
Status ParametersOfRanges(CudaContext& context, const RangeArgs& args);

}  // namespace lowp

#endif  // LOWP_CUDA_QUANTIZE_QUANTIZE_RANGE_H_
