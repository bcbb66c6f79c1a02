// What a pooling is, as plain data.
#ifndef LOWP_KERNELS_POOL_POOL_SHAPE_H_
#define LOWP_KERNELS_POOL_POOL_SHAPE_H_

#include <cstddef>
#include <cstdint>

namespace lowp {

// One spatial dimension: heights are 1. No product of two sizes leaves 64 bits where the window's reach is at most kPoolMaxReach.
struct PoolShape {
  size_t batch = 1, channels = 0, height = 0, width = 0;
  size_t out_h = 0, out_w = 0;
  size_t kernel_h = 1, kernel_w = 1, stride_h = 1, stride_w = 1, dilation_h = 1, dilation_w = 1;
  size_t pad_top = 0, pad_left = 0, pad_bottom = 0, pad_right = 0;

  size_t pixels() const { return height * width; }
  size_t out_pixels() const { return out_h * out_w; }
};
// Of an image with its padding, and of the last window.
inline constexpr size_t kPoolMaxReach = size_t{1} << 33;

enum class PoolKind { kMax, kAverage };
enum class PoolType { kFloat32, kU8, kS8 };

// What is computed, wherever.
struct PoolCall {
  PoolShape shape;
  bool nhwc = false;
  PoolKind kind = PoolKind::kMax;
  bool count_include_pad = false;
  PoolType type = PoolType::kFloat32;
  const void* x = nullptr;
  void* y = nullptr;
  // Averages of 8-bit values only; y is 8-bit too.
  bool y_signed = false;
  float x_scale = 1, y_scale = 1;
  int32_t x_zero = 0, y_zero = 0;
};

}  // namespace lowp

#endif  // LOWP_KERNELS_POOL_POOL_SHAPE_H_
