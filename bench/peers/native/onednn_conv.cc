// oneDNN: the convolution primitive with images and weights in the layouts that it asks for, as a network in oneDNN keeps them.
#include <dnnl.hpp>
#include <type_traits>
#include <unordered_map>

#include "conv.h"
#include "onednn_types.h"

namespace lowp_peers {
namespace {

using dnnl::memory;
using tag = memory::format_tag;

// Bias and relu; of bytes also a scale for each output channel.
template <typename X, typename W>
class Convolution : public Product {
 public:
  explicit Convolution(const ConvShape& shape)
      : shape_(shape),
        layer_(MakeConvLayer<X>(shape)),
        bias_(layer_.bias),
        x_(MakeImage<X>(shape)),
        w_(MakeKernels<W>(shape)),
        stream_(Engine()) {
    const auto [c, h, w, o, k, s, p, g] = shape;
    const memory::dims sizes = g == 1 ? memory::dims{o, c, k, k} : memory::dims{g, o / g, c / g, k, k};
    const memory::dims out = {1, o, shape.OutHeight(), shape.OutWidth()};
    dnnl::primitive_attr attributes;
    AppendRelu(&attributes);
    if (kBytes) SetScales(&attributes);
    const auto any = [](const memory::dims& dims, memory::data_type type) { return memory::desc(dims, type, tag::any); };
    const memory::desc bias({o}, memory::data_type::f32, tag::a);
    const auto chosen = Choose(any({1, c, h, w}, kType<X>), any(sizes, kType<W>), bias, any(out, kType<X>), attributes);
    implementation_ = chosen.impl_info_str();
    memory x(chosen.src_desc(), Engine());
    Reorder(memory(memory::desc({1, c, h, w}, kType<X>, tag::nchw), Engine(), x_.data()), x);
    memory weights(chosen.weights_desc(), Engine());
    Reorder(memory(memory::desc(sizes, kType<W>, g == 1 ? tag::oihw : tag::goihw), Engine(), w_.data()), weights);
    y_ = memory(chosen.dst_desc(), Engine());
    convolution_ = dnnl::convolution_forward(chosen);
    arguments_ = {{DNNL_ARG_SRC, x},
                  {DNNL_ARG_WEIGHTS, weights},
                  {DNNL_ARG_BIAS, memory(bias, Engine(), bias_.data())},
                  {DNNL_ARG_DST, y_}};
#if DNNL_VERSION_MAJOR >= 3
    const memory::desc scales({o}, memory::data_type::f32, tag::a);
    if (kBytes) arguments_.insert({DNNL_ARG_ATTR_SCALES | DNNL_ARG_WEIGHTS, memory(scales, Engine(), layer_.scale.data())});
#endif
  }

  void Run() override {
    convolution_.execute(stream_, arguments_);
    stream_.wait();
  }

  std::string Check() const override {
    const memory::dims out = {1, shape_.out_channels, shape_.OutHeight(), shape_.OutWidth()};
    std::vector<X> y(static_cast<size_t>(out[1] * out[2] * out[3]));
    memory plain(memory::desc(out, kType<X>, tag::nhwc), Engine(), y.data());
    Reorder(y_, plain);
    return CheckConv(shape_, x_.data(), w_.data(), layer_, y.data());
  }

  std::string Describe() const override { return implementation_; }

 private:
  static constexpr bool kBytes = std::is_same_v<X, uint8_t>;

  static void Reorder(memory from, memory to) {
    dnnl::stream stream(Engine());
    dnnl::reorder(from, to).execute(stream, from, to);
    stream.wait();
  }

  // As for products: version 2 multiplies the sum with its bias by the scale, from 3 on the scale belongs to the weights.
#if DNNL_VERSION_MAJOR >= 3
  void SetScales(dnnl::primitive_attr* attributes) {
    attributes->set_scales_mask(DNNL_ARG_WEIGHTS, shape_.groups == 1 ? 1 << 0 : (1 << 0) | (1 << 1));
    for (size_t n = 0; n < bias_.size(); n++) bias_[n] *= layer_.scale[n];
  }
#else
  void SetScales(dnnl::primitive_attr* attributes) { attributes->set_output_scales(1 << 1, layer_.scale); }
#endif

  dnnl::convolution_forward::primitive_desc Choose(const memory::desc& x, const memory::desc& w, const memory::desc& bias,
                                                   const memory::desc& y, const dnnl::primitive_attr& attributes) const {
    const memory::dims strides = {shape_.stride, shape_.stride};
    const memory::dims padding = {shape_.padding, shape_.padding};
    const auto kind = dnnl::prop_kind::forward_inference;
    const auto algorithm = dnnl::algorithm::convolution_direct;
#if DNNL_VERSION_MAJOR >= 3
    return {Engine(), kind, algorithm, x, w, bias, y, strides, padding, padding, attributes};
#else
    return {{kind, algorithm, x, w, bias, y, strides, padding, padding}, attributes, Engine()};
#endif
  }

  ConvShape shape_;
  Layer layer_;
  std::vector<float> bias_;
  std::vector<X> x_;
  std::vector<W> w_;
  dnnl::stream stream_;
  std::string implementation_;
  memory y_;
  dnnl::convolution_forward convolution_;
  std::unordered_map<int, memory> arguments_;
};

template <typename C>
std::unique_ptr<Product> Open(const ConvShape& shape) {
  return std::make_unique<C>(shape);
}

}  // namespace

std::vector<ConvOperator> OneDnnConvolutions() {
  return {{"conv u8s8 -> u8", "u8s8", Open<Convolution<uint8_t, int8_t>>}, {"conv f32", "f32", Open<Convolution<float, float>>}};
}

}  // namespace lowp_peers
