// Packs on the host, whose arrays the weights are, and copies the result: see conv_layout.h.
#include <algorithm>
#include <string>
#include <vector>

#include "cuda/conv/conv_layout.h"
#include "cuda/conv/conv_pack.h"
#include "kernels/conv/conv_check.h"
#include "kernels/epilogue/epilogue.h"

namespace lowp {
namespace {

// Their products fit 64 bits, and indices of taps and of a row of K 31.
Status CheckWeightShape(const ConvWeightShape& s) {
  constexpr size_t kMaxSize = size_t{1} << 31;
  const bool small = std::max({s.out_channels, s.group_channels, s.kernel_h, s.kernel_w, s.groups}) < kMaxSize;
  const bool full = std::min({s.out_channels, s.group_channels, s.kernel_h, s.kernel_w, s.groups}) > 0;
  if (!small || !full || s.out_channels % s.groups != 0)
    return {Code::kShape, "Expected channels that the groups divide, and no empty kernel"};
  constexpr size_t kMaxRowBytes = size_t{1} << 30;
  if (s.taps() < kMaxRowBytes && s.group_channels + kConvChunkBytes <= kMaxRowBytes / sizeof(float) / s.taps()) return {};
  return {Code::kUnsupported, "Expected less than 2^28 weights for an output channel on the device"};
}

Status Upload(CudaContext& context, const std::vector<uint8_t>& bytes, CudaConvWeights* weights) {
  if (Status status = context.Allocate(bytes.size(), &weights->storage); !status.ok()) return status;
  if (Status status = context.Upload(weights->storage, bytes.data(), bytes.size()); !status.ok()) {
    context.Free(weights->storage);
    return status;
  }
  return {};
}

// place(o, tap, channel of the group): where a weight goes, counted in elements.
template <class T, class Place, class Convert>
void Fill(const ConvWeightShape& s, const T* w, T* to, const Place& place, const Convert& convert) {
  for (size_t o = 0; o < s.out_channels; ++o) {
    for (size_t c = 0; c < s.group_channels; ++c) {
      for (size_t tap = 0; tap < s.taps(); ++tap) to[place(o, tap, c)] = convert(*w++);
    }
  }
}

template <class T, class Convert>
void FillWeights(const CudaConvWeights& weights, const T* w, T* to, const Convert& convert) {
  const ConvWeightShape& s = weights.shape;
  const size_t channels = ConvPaddedChannels(s.group_channels, weights.is_int8), depth = weights.depth_padded;
  if (!s.is_depthwise()) {
    Fill(
        s, w, to, [&](size_t o, size_t tap, size_t c) { return o * depth + tap * channels + c; }, convert);
  } else if (weights.is_int8) {
    const auto place = [&](size_t o, size_t tap, size_t) {
      return (tap / kConvTapGroup * s.out_channels + o) * kConvTapGroup + tap % kConvTapGroup;
    };
    Fill(s, w, to, place, convert);
  } else {
    Fill(
        s, w, to, [&](size_t o, size_t tap, size_t) { return tap * s.out_channels + o; }, convert);
  }
}

size_t WeightBytes(const CudaConvWeights& weights) {
  const ConvWeightShape& s = weights.shape;
  if (!s.is_depthwise()) return s.out_channels * weights.depth_padded * (weights.is_int8 ? 1 : sizeof(float));
  return s.out_channels * (weights.is_int8 ? RoundUp(s.taps(), kConvTapGroup) : s.taps() * sizeof(float));
}

size_t DepthPadded(const ConvWeightShape& s, bool is_int8) {
  return RoundUp(s.taps() * ConvPaddedChannels(s.group_channels, is_int8), kConvStepBytes / (is_int8 ? 1 : sizeof(float)));
}

}  // namespace

Status PackConvFloat(CudaContext& context, const ConvWeightShape& shape, const float* w, CudaConvWeights* weights) {
  if (Status status = CheckWeightShape(shape); !status.ok()) return status;
  CudaConvWeights p{};
  p.shape = shape;
  p.depth_padded = DepthPadded(shape, false);
  p.kernel = shape.is_depthwise() ? "conv_f32__cuda_depthwise" : "conv_f32__cuda";
  p.bytes = WeightBytes(p);
  std::vector<uint8_t> bytes(p.bytes);
  FillWeights(p, w, reinterpret_cast<float*>(bytes.data()), [](float x) { return x; });
  if (Status status = Upload(context, bytes, &p); !status.ok()) return status;
  *weights = p;
  return {};
}

Status PackConvInt8(CudaContext& context, const CudaConvPackQArgs& args, CudaConvWeights* weights) {
  const ConvWeightShape& s = args.shape;
  if (Status status = CheckWeightShape(s); !status.ok()) return status;
  CudaConvWeights p{};
  p.shape = s;
  p.is_int8 = true;
  p.depth_padded = DepthPadded(s, true);
  p.kernel = s.is_depthwise()                    ? "conv_s8__cuda_depthwise"
             : context.device().capability >= 80 ? "conv_s8__cuda_mma"
                                                 : "conv_s8__cuda_dp4a";
  BufferLayout layout;
  layout.Add(WeightBytes(p));
  p.scales_at = layout.Add(s.out_channels * sizeof(float));
  p.zeros_at = layout.Add(s.out_channels * sizeof(int32_t));
  p.sums_at = layout.Add(s.out_channels * sizeof(int32_t));
  p.bytes = layout.size();
  std::vector<uint8_t> bytes(p.bytes);
  const uint8_t flip = args.w_signed ? 0 : 0x80, *w = static_cast<const uint8_t*>(args.w);
  FillWeights(p, w, bytes.data(), [flip](uint8_t x) { return static_cast<uint8_t>(x ^ flip); });
  const int32_t low = args.w_signed ? -128 : 0, high = low + 255, moved = args.w_signed ? 0 : 128;
  for (size_t o = 0; o < s.out_channels; ++o) {
    const size_t i = args.per_channel ? o : 0;
    const int32_t zero = args.zeros[i];
    if (Status status = CheckConvWeights(args.scales[i], zero, args.w_signed); !status.ok()) return status;
    uint32_t sum = 0;
    for (size_t k = 0; k < s.depth(); ++k) {
      const uint8_t byte = w[o * s.depth() + k];
      sum += static_cast<uint32_t>((args.w_signed ? static_cast<int8_t>(byte) : byte) - zero);
    }
    p.max_magnitude = std::max({p.max_magnitude, high - zero, zero - low});
    p.has_zero = p.has_zero || zero != moved;
    reinterpret_cast<float*>(bytes.data() + p.scales_at)[o] = args.scales[i];
    reinterpret_cast<int32_t*>(bytes.data() + p.zeros_at)[o] = zero - moved;
    reinterpret_cast<int32_t*>(bytes.data() + p.sums_at)[o] = static_cast<int32_t>(sum);
  }
  if (Status status = Upload(context, bytes, &p); !status.ok()) return status;
  *weights = p;
  return {};
}

}  // namespace lowp
