// oneDNN: the matmul primitive with weights in the layout that it asks for, as a framework uses it, and the plain gemm functions.
#include <dnnl.h>

#include <dnnl.hpp>
#include <type_traits>
#include <unordered_map>

#include "onednn_types.h"
#include "problem.h"

namespace lowp_peers {
namespace {

using dnnl::memory;

template <typename T>
memory::desc RowMajor(int rows, int columns) {
  return memory::desc({rows, columns}, kType<T>, memory::format_tag::ab);
}

// uint8_t results come with bias, relu and a scale for each column; the others are plain products.
template <typename A, typename B, typename C>
class Matmul : public Product {
 public:
  explicit Matmul(const Shape& shape)
      : shape_(shape),
        layer_(MakeLayer(shape)),
        bias_(layer_.bias),
        a_(MakeActivations<A>(shape)),
        b_(MakeWeights<B>(shape)),
        c_(static_cast<size_t>(shape.m) * static_cast<size_t>(shape.n)),
        stream_(Engine()) {
    const int m = shape.m, n = shape.n, k = shape.k;
    const memory::desc a_desc = RowMajor<A>(m, k);
    const memory::desc b_desc = RowMajor<B>(k, n);
    const memory::desc bias_desc = RowMajor<float>(1, n);
    const memory::desc c_desc = RowMajor<C>(m, n);
    const memory::desc any({k, n}, kType<B>, memory::format_tag::any);
    dnnl::primitive_attr attributes;
    if (kFused) Fuse(&attributes);
    const dnnl::matmul::primitive_desc chosen = Choose(a_desc, any, kFused ? bias_desc : memory::desc(), c_desc, attributes);
    packed_ = chosen.weights_desc() != b_desc;
    implementation_ = chosen.impl_info_str();
    memory plain(b_desc, Engine(), b_.data());
    memory weights(chosen.weights_desc(), Engine());
    dnnl::reorder(plain, weights).execute(stream_, plain, weights);
    stream_.wait();
    matmul_ = dnnl::matmul(chosen);
    arguments_ = {{DNNL_ARG_SRC, memory(a_desc, Engine(), a_.data())},
                  {DNNL_ARG_WEIGHTS, weights},
                  {DNNL_ARG_DST, memory(c_desc, Engine(), c_.data())}};
    if (!kFused) return;
    arguments_.insert({DNNL_ARG_BIAS, memory(bias_desc, Engine(), bias_.data())});
#if DNNL_VERSION_MAJOR >= 3
    const memory::desc scales({n}, memory::data_type::f32, memory::format_tag::a);
    arguments_.insert({DNNL_ARG_ATTR_SCALES | DNNL_ARG_WEIGHTS, memory(scales, Engine(), layer_.scale.data())});
#endif
  }

  void Run() override {
    matmul_.execute(stream_, arguments_);
    stream_.wait();
  }

  std::string Check() const override {
    if constexpr (kFused) {
      return CheckLayer(shape_, a_.data(), b_.data(), layer_, c_.data());
    } else if constexpr (std::is_same_v<C, float>) {
      return CheckFloats(shape_, a_.data(), b_.data(), c_.data());
    } else {
      return CheckSums(shape_, a_.data(), b_.data(), c_.data());
    }
  }

  std::string Describe() const override { return implementation_ + (packed_ ? ", prepacked" : ", weights row-major"); }

 private:
  // Version 2 multiplies the sum with its bias by the scale; from 3 on the scale belongs to the weights and the bias
  // comes after it.
#if DNNL_VERSION_MAJOR >= 3
  void Fuse(dnnl::primitive_attr* attributes) {
    AppendRelu(attributes);
    attributes->set_scales_mask(DNNL_ARG_WEIGHTS, 1 << 1);
    for (size_t n = 0; n < bias_.size(); n++) bias_[n] *= layer_.scale[n];
  }
  static dnnl::matmul::primitive_desc Choose(const memory::desc& a, const memory::desc& b, const memory::desc& bias,
                                             const memory::desc& c, const dnnl::primitive_attr& attributes) {
    return kFused ? dnnl::matmul::primitive_desc(Engine(), a, b, bias, c, attributes)
                  : dnnl::matmul::primitive_desc(Engine(), a, b, c, attributes);
  }
#else
  void Fuse(dnnl::primitive_attr* attributes) {
    AppendRelu(attributes);
    attributes->set_output_scales(1 << 1, layer_.scale);
  }
  static dnnl::matmul::primitive_desc Choose(const memory::desc& a, const memory::desc& b, const memory::desc& bias,
                                             const memory::desc& c, const dnnl::primitive_attr& attributes) {
    const auto desc = kFused ? dnnl::matmul::desc(a, b, bias, c) : dnnl::matmul::desc(a, b, c);
    return dnnl::matmul::primitive_desc(desc, attributes, Engine());
  }
#endif
  static constexpr bool kFused = std::is_same_v<C, uint8_t>;
  Shape shape_;
  Layer layer_;
  std::vector<float> bias_;
  std::vector<A> a_;
  std::vector<B> b_;
  std::vector<C> c_;
  dnnl::stream stream_;
  bool packed_ = false;
  std::string implementation_;
  dnnl::matmul matmul_;
  std::unordered_map<int, memory> arguments_;
};

dnnl_status_t Gemm(const Shape& s, const uint8_t* a, const int8_t* b, int32_t* c) {
  const int32_t offset = 0;
  return dnnl_gemm_u8s8s32('N', 'N', 'F', s.m, s.n, s.k, 1.0f, a, s.k, 0, b, s.n, 0, 0.0f, c, s.n, &offset);
}
dnnl_status_t Gemm(const Shape& s, const int8_t* a, const int8_t* b, int32_t* c) {
  const int32_t offset = 0;
  return dnnl_gemm_s8s8s32('N', 'N', 'F', s.m, s.n, s.k, 1.0f, a, s.k, 0, b, s.n, 0, 0.0f, c, s.n, &offset);
}

template <typename A>
class IntegerGemm : public Product {
 public:
  explicit IntegerGemm(const Shape& shape)
      : shape_(shape),
        a_(MakeActivations<A>(shape)),
        b_(MakeWeights<int8_t>(shape)),
        c_(static_cast<size_t>(shape.m) * static_cast<size_t>(shape.n)) {}

  void Run() override { dnnl::error::wrap_c_api(Gemm(shape_, a_.data(), b_.data(), c_.data()), "the gemm function failed"); }
  std::string Check() const override { return CheckSums(shape_, a_.data(), b_.data(), c_.data()); }
  std::string Describe() const override { return "weights packed in every call"; }

 private:
  Shape shape_;
  std::vector<A> a_;
  std::vector<int8_t> b_;
  std::vector<int32_t> c_;
};

template <typename P>
std::unique_ptr<Product> Open(const Shape& shape) {
  return std::make_unique<P>(shape);
}

}  // namespace

Library OpenOneDnn() {
  const dnnl_version_t* v = dnnl_version();
  const std::string version = std::to_string(v->major) + "." + std::to_string(v->minor) + "." + std::to_string(v->patch);
  return {"oneDNN",
          version,
          {
              {"matmul u8s8 -> u8", "int8", "u8s8", Open<Matmul<uint8_t, int8_t, uint8_t>>},
              {"matmul s8s8 -> u8", "int8", "s8s8", Open<Matmul<int8_t, int8_t, uint8_t>>},
              {"matmul u8s8", "int8", "u8s8", Open<Matmul<uint8_t, int8_t, int32_t>>},
              {"matmul s8s8", "int8", "s8s8", Open<Matmul<int8_t, int8_t, int32_t>>},
              {"gemm u8s8", "int8", "u8s8", Open<IntegerGemm<uint8_t>>},
              {"gemm s8s8", "int8", "s8s8", Open<IntegerGemm<int8_t>>},
              {"matmul f32", "float32", "f32", Open<Matmul<float, float, float>>},
          },
          OneDnnConvolutions()};
}

}  // namespace lowp_peers
