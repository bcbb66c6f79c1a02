#include "conv.h"

#include <algorithm>
#include <cmath>

namespace lowp_peers {
namespace {

// The sum of one element: of pixel m of the result and output channel n.
template <typename Sum, typename T, typename W>
Sum SumOf(const ConvShape& s, const T* x, const W* w, int m, int n) {
  const int per_group = s.PerGroup();
  const int first = n / (s.out_channels / s.groups) * per_group;
  const int top = m / s.OutWidth() * s.stride - s.padding;
  const int left = m % s.OutWidth() * s.stride - s.padding;
  Sum sum = 0;
  for (int c = 0; c < per_group; c++) {
    for (int p = 0; p < s.kernel; p++) {
      for (int q = 0; q < s.kernel; q++) {
        const int i = top + p;
        const int j = left + q;
        if (i < 0 || i >= s.height || j < 0 || j >= s.width) continue;
        const size_t at = (static_cast<size_t>(first + c) * static_cast<size_t>(s.height) + static_cast<size_t>(i)) *
                              static_cast<size_t>(s.width) +
                          static_cast<size_t>(j);
        const size_t weight = static_cast<size_t>(((n * per_group + c) * s.kernel + p) * s.kernel + q);
        sum += static_cast<Sum>(x[at]) * static_cast<Sum>(w[weight]);
      }
    }
  }
  return sum;
}

}  // namespace

bool ConvShape::Valid() const {
  for (int size : {channels, height, width, out_channels, kernel, stride, groups}) {
    if (size < 1) return false;
  }
  return padding >= 0 && OutHeight() >= 1 && OutWidth() >= 1 && channels % groups == 0 && out_channels % groups == 0;
}

template <typename T>
std::vector<T> MakeImage(const ConvShape& s) {
  return MakeActivations<T>({s.channels * s.height, 1, s.width});
}
template std::vector<uint8_t> MakeImage(const ConvShape&);
template std::vector<float> MakeImage(const ConvShape&);

template <typename T>
std::vector<T> MakeKernels(const ConvShape& s) {
  return MakeWeights<T>(s.AsProduct());
}
template std::vector<int8_t> MakeKernels(const ConvShape&);
template std::vector<float> MakeKernels(const ConvShape&);

template <>
Layer MakeConvLayer<uint8_t>(const ConvShape& shape) {
  return MakeLayer(shape.AsProduct());
}
template <>
Layer MakeConvLayer<float>(const ConvShape& shape) {
  Layer layer = MakeLayer(shape.AsProduct());
  for (float& v : layer.bias) v /= kLayerDeviation;
  layer.scale.clear();
  return layer;
}

std::string CheckConv(const ConvShape& shape, const uint8_t* x, const int8_t* w, const Layer& layer, const uint8_t* y) {
  return CheckLayer(shape.AsProduct(), layer, y,
                    [&](int m, int n) { return static_cast<double>(SumOf<int64_t>(shape, x, w, m, n)); });
}

std::string CheckConv(const ConvShape& shape, const float* x, const float* w, const Layer& layer, const float* y) {
  const Shape product = shape.AsProduct();
  const size_t image = static_cast<size_t>(shape.channels) * static_cast<size_t>(shape.height) * static_cast<size_t>(shape.width);
  const size_t kernels = static_cast<size_t>(product.k) * static_cast<size_t>(product.n);
  const double largest = static_cast<double>(Magnitude(x, image)) * Magnitude(w, kernels) * (product.k + 1);
  const double tolerance = std::ldexp(1.0, -22) * (largest + Magnitude(layer.bias.data(), layer.bias.size()));
  return Compare(product, y, tolerance, [&](int m, int n) {
    return std::max(0.0, SumOf<double>(shape, x, w, m, n) + layer.bias[static_cast<size_t>(n)]);
  });
}

}  // namespace lowp_peers
