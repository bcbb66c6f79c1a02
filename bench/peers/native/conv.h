// What the peers convolve: one image, square kernels; plain loops judge the results.
#ifndef LOWP_BENCH_PEERS_CONV_H_
#define LOWP_BENCH_PEERS_CONV_H_

#include <cstdint>
#include <string>
#include <vector>

#include "problem.h"

namespace lowp_peers {

struct ConvShape {
  int channels;
  int height;
  int width;
  int out_channels;
  int kernel;
  int stride;
  int padding;
  int groups;

  int OutHeight() const { return (height + 2 * padding - kernel) / stride + 1; }
  int OutWidth() const { return (width + 2 * padding - kernel) / stride + 1; }
  int PerGroup() const { return channels / groups; }
  // As a product: rows are pixels of the result, columns its channels, and the depth is what an element sums.
  Shape AsProduct() const { return {OutHeight() * OutWidth(), out_channels, PerGroup() * kernel * kernel}; }
  bool Valid() const;
};

// Of the distributions of matrix products: an image [C, H, W], weights [O, C / groups, k, k].
template <typename T>
std::vector<T> MakeImage(const ConvShape& shape);
template <typename T>
std::vector<T> MakeKernels(const ConvShape& shape);
// The bias is of the size of the sums; without a scale where these are floats.
template <typename T>
Layer MakeConvLayer(const ConvShape& shape);

// y is [H, W, O]. Empty if its sampled elements are right, else what is wrong: bias, relu and a scale for each channel (see
// Layer).
std::string CheckConv(const ConvShape& shape, const uint8_t* x, const int8_t* w, const Layer& layer, const uint8_t* y);
// The same with bias and relu only, within 2 eps (K + 1) max|x| max|w| and the rounding of the sum with its bias.
std::string CheckConv(const ConvShape& shape, const float* x, const float* w, const Layer& layer, const float* y);

}  // namespace lowp_peers

#endif  // LOWP_BENCH_PEERS_CONV_H_
