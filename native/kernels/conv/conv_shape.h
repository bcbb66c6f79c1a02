// Sizes of a convolution of two dimensions; one of one dimension has height 1.
#ifndef LOWP_KERNELS_CONV_CONV_SHAPE_H_
#define LOWP_KERNELS_CONV_CONV_SHAPE_H_

#include <cstddef>

namespace lowp {

// Output pixel (oy, ox) reads input pixel (oy * stride_h - pad_top + ky * dilation_h, likewise x); outside of the image it reads
// padding.
struct ConvShape {
  size_t batch = 1, channels = 0, height = 0, width = 0;
  size_t out_channels = 0, out_h = 0, out_w = 0;
  size_t kernel_h = 1, kernel_w = 1, stride_h = 1, stride_w = 1, dilation_h = 1, dilation_w = 1;
  size_t pad_top = 0, pad_left = 0;
  size_t groups = 1;

  size_t taps() const { return kernel_h * kernel_w; }
  size_t group_channels() const { return channels / groups; }
  size_t group_outputs() const { return out_channels / groups; }
  size_t pixels() const { return height * width; }
  size_t out_pixels() const { return out_h * out_w; }
  bool is_depthwise() const { return groups == channels && out_channels == channels && groups > 1; }
  // Output pixels are input pixels: nothing has to be gathered.
  bool is_pointwise() const {
    return taps() == 1 && stride_h == 1 && stride_w == 1 && pad_top == 0 && pad_left == 0 && out_h == height && out_w == width;
  }
};

// [out_channels, group_channels, kernel_h, kernel_w]
struct ConvWeightShape {
  size_t out_channels, group_channels, kernel_h, kernel_w, groups;
  size_t taps() const { return kernel_h * kernel_w; }
  size_t depth() const { return group_channels * taps(); }
  // One input and one output channel a group.
  bool is_depthwise() const { return group_channels == 1 && out_channels == groups && groups > 1; }
};

}  // namespace lowp

#endif  // LOWP_KERNELS_CONV_CONV_SHAPE_H_
