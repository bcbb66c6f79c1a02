// What the kernels of the convolutions are given, and who launches them.
#ifndef LOWP_CUDA_CONV_CONV_TASK_H_
#define LOWP_CUDA_CONV_CONV_TASK_H_

#include <cstdint>

#include "cuda/device/divide.h"
#include "cuda/runtime/context.h"
#include "kernels/epilogue/epilogue_kernel.h"

namespace lowp {

// From sums to y: see conv_store.cuh.
struct ConvStore {
  IntStore output;  // y (c), float32 bias, mode, activation, residual (ld 0), what 8-bit output needs, and row_sum,
                    // [groups][pixels], where weights have zero points; of float32 the activation and residual alone
  bool nhwc;
  uint32_t out_channels, out_pixels;
  Divisor by_pixels;  // out_pixels
  const int32_t* bias_s32;
  // int8
  const float* scales;
  const int32_t* zeros;
  const int32_t* sums;
  float x_scale;
  int32_t x_zero;  // of what the kernel multiplies: less 128 where it flips the sign bit
};

struct ConvWindow {
  int32_t height, width, stride_h, stride_w, dilation_h, dilation_w, pad_top, pad_left;
  uint32_t kernel_w, taps;
  Divisor by_out_w, by_out_h, by_kernel_w;
};

// A matrix product whose left operand is gathered from the image: rows are pixels of the result, columns output channels of a
// group.
struct ConvTask {
  ConvWindow window;
  const uint8_t* x;
  uint64_t image_bytes, group_bytes, pixel_bytes;  // from one to the next
  uint32_t channel_bytes;                          // of a pixel of a group
  Divisor by_channel_bytes;
  bool wide;      // chunks of 16 bytes; else of 4
  uint32_t pad;   // what is outside of the image, four bytes of it
  uint32_t flip;  // turns the sign bits of four bytes of x, in the multiplication
  const uint8_t* w;
  uint64_t w_row_bytes;
  uint32_t steps;  // of kConvStepBytes
  uint32_t pixels, groups, group_outputs;
  ConvStore store;
  // Set as a kernel is launched.
  uint32_t n_tiles;
  Divisor by_n_tiles, by_groups, by_splits;
  uint32_t split_steps;  // of a block
  void* partial;         // [splits][pixels][out_channels] sums, where there are several splits
};

// Capability >= 80.
Status LaunchConvMma(CudaContext& context, const ConvTask& task);
Status LaunchConvDot(CudaContext& context, const ConvTask& task);
Status LaunchConvFloat(CudaContext& context, const ConvTask& task);
// Adds the sums of the splits up, in order, and stores.
Status LaunchConvFinish(CudaContext& context, const ConvTask& task, bool is_float, uint32_t splits);
// Sums of x over the windows, into [groups][pixels], in the units that products have.
Status LaunchConvRowSums(CudaContext& context, const ConvTask& task, uint32_t group_channels, bool x_signed, int32_t* sums);

struct DepthwiseTask {
  ConvWindow window;
  const void* x;
  uint64_t image, channel, pixel;  // elements from one to the next
  bool vectors;                    // four channels of a pixel together
  const void* w;
  uint32_t channels;
  uint32_t outputs;     // results, or fours of them
  Divisor by_channels;  // innermost with nhwc: channels or fours of them
  uint32_t pad, flip;
  bool has_zero;
  ConvStore store;
};
Status LaunchDepthwiseInt8(CudaContext& context, const DepthwiseTask& task);
Status LaunchDepthwiseFloat(CudaContext& context, const DepthwiseTask& task);

}  // namespace lowp

#endif  // LOWP_CUDA_CONV_CONV_TASK_H_
