// What the files that call oneDNN share.
#ifndef LOWP_BENCH_PEERS_ONEDNN_TYPES_H_
#define LOWP_BENCH_PEERS_ONEDNN_TYPES_H_

#include <dnnl.hpp>

namespace lowp_peers {

template <typename T>
constexpr dnnl::memory::data_type kType = dnnl::memory::data_type::undef;
template <>
constexpr dnnl::memory::data_type kType<uint8_t> = dnnl::memory::data_type::u8;
template <>
constexpr dnnl::memory::data_type kType<int8_t> = dnnl::memory::data_type::s8;
template <>
constexpr dnnl::memory::data_type kType<int32_t> = dnnl::memory::data_type::s32;
template <>
constexpr dnnl::memory::data_type kType<float> = dnnl::memory::data_type::f32;

inline const dnnl::engine& Engine() {
  static const dnnl::engine engine(dnnl::engine::kind::cpu, 0);
  return engine;
}

inline void AppendRelu(dnnl::primitive_attr* attributes) {
  dnnl::post_ops relu;
#if DNNL_VERSION_MAJOR >= 3
  relu.append_eltwise(dnnl::algorithm::eltwise_relu, 0.0f, 0.0f);
#else
  relu.append_eltwise(1.0f, dnnl::algorithm::eltwise_relu, 0.0f, 0.0f);
#endif
  attributes->set_post_ops(relu);
}

}  // namespace lowp_peers

#endif  // LOWP_BENCH_PEERS_ONEDNN_TYPES_H_
