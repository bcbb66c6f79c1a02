// What a convolution computes, wherever: plain data.
#ifndef LOWP_KERNELS_CONV_CONV_CALL_H_
#define LOWP_KERNELS_CONV_CONV_CALL_H_

#include <cstdint>

#include "kernels/conv/conv_shape.h"
#include "kernels/epilogue/epilogue.h"

namespace lowp {

struct ConvCall {
  ConvShape shape;
  bool nhwc = false;
  const float* x = nullptr;
  float* y = nullptr;
  const float* bias = nullptr;  // [out_channels]
  Activation activation{};
  const float* residual = nullptr;  // like y, and may be y
};

struct QConvCall {
  ConvShape shape;
  bool nhwc = false;
  const void* x = nullptr;
  bool x_signed = false;
  float x_scale = 1;
  int32_t x_zero = 0;
  void* y = nullptr;
  IntOutput output;  // its residual: contiguous, like y, and may be y where its elements are as wide
};

}  // namespace lowp

#endif  // LOWP_KERNELS_CONV_CONV_CALL_H_
