#include <algorithm>
#include <cmath>
#include <cstring>
#include <string>
#include <utility>

#include "kernels/conv/conv_check.h"
#include "kernels/conv/conv.h"

namespace lowp {
namespace {

Status NoMemory(size_t bytes) {
  return {Code::kNoMemory, "Expected " + std::to_string(bytes) + " bytes for packed weights but the system gave none"};
}

// The rows of one group as the matrix product wants them: [output][tap][channel].
template <class T>
void ChannelsInnermost(const ConvWeightShape& s, const T* w, T* to) {
  const size_t outputs = s.out_channels / s.groups;
  for (size_t o = 0; o < outputs; ++o) {
    for (size_t tap = 0; tap < s.taps(); ++tap) {
      for (size_t c = 0; c < s.group_channels; ++c) *to++ = w[(o * s.group_channels + c) * s.taps() + tap];
    }
  }
}

}  // namespace

size_t ConvPackedF::bytes() const {
  size_t total = taps.size() + winograd.bytes();
  for (const SGemmPackedB& group : groups) total += group.storage.size();
  return total;
}

const char* ConvPackedF::kernel_name() const {
  if (winograd.tile != 0) return winograd.entry->kernel->name;
  return groups.empty() ? entry->kernel->name : groups[0].entry->kernel->name;
}

Isa ConvPackedF::isa() const {
  if (winograd.tile != 0) return winograd.entry->isa;
  return groups.empty() ? entry->isa : groups[0].entry->isa;
}

size_t ConvPackedQ::bytes() const {
  size_t total = taps.size() + scales.size() + sums.size();
  for (const QGemmPackedB& group : groups) total += group.storage.size();
  return total;
}

Status PackConvF(const ConvWeightShape& shape, const float* w, const SGemmEntry& gemm, const ConvEntry& entry,
                 ConvPackedF* packed) {
  ConvPackedF p;
  p.entry = &entry;
  p.shape = shape;
  if (shape.is_depthwise()) {
    const size_t blocks = DivUp(shape.out_channels, kConvNb), bytes = blocks * kConvNb * shape.taps() * sizeof(float);
    if (!p.taps.Reserve(bytes)) return NoMemory(bytes);
    std::memset(p.taps.data(), 0, bytes);
    for (size_t block = 0; block < blocks; ++block) {
      float* to = p.taps.As<float>() + block * kConvNb * shape.taps();
      const size_t first = ConvBlockStart(block, shape.out_channels), count = std::min(kConvNb, shape.out_channels);
      for (size_t tap = 0; tap < shape.taps(); ++tap) {
        for (size_t c = 0; c < count; ++c) to[tap * kConvNb + c] = w[(first + c) * shape.taps() + tap];
      }
    }
    *packed = std::move(p);
    return {};
  }
  const size_t outputs = shape.out_channels / shape.groups, count = outputs * shape.depth();
  AlignedBuffer rows;
  if (!rows.Reserve(std::max<size_t>(count * sizeof(float), 1))) return NoMemory(count * sizeof(float));
  p.groups.resize(shape.groups);
  for (size_t g = 0; g < shape.groups; ++g) {
    ChannelsInnermost(shape, w + g * count, rows.As<float>());
    const SGemmPackArgs args{
        shape.depth(),         outputs, rows.As<float>(), shape.depth(), /*transpose=*/true, SGemmStorage::kFloat32,
        SGemmStorage::kFloat32};
    if (Status status = PackSGemmB(args, gemm, &p.groups[g]); !status.ok()) return status;
  }
  *packed = std::move(p);
  return {};
}

Status PackConvWinograd(const ConvWeightShape& shape, size_t tile, const float* w, const SGemmEntry& gemm, const ConvEntry& entry,
                        const WinogradEntry& winograd, ConvPackedF* packed) {
  if (!IsWinogradTile(tile) || shape.groups != 1 || shape.kernel_h != 3 || shape.kernel_w != 3) {
    return {Code::kValue, "Expected tiles of 2 or 4, one group and a kernel of 3x3 for Winograd but received " +
                              std::to_string(tile) + ", " + std::to_string(shape.groups) + " and " +
                              std::to_string(shape.kernel_h) + "x" + std::to_string(shape.kernel_w)};
  }
  ConvPackedF p;
  p.entry = &entry;
  p.shape = shape;
  if (Status status = PackWinograd(tile, shape.out_channels, shape.group_channels, w, gemm, winograd, &p.winograd); !status.ok())
    return status;
  *packed = std::move(p);
  return {};
}

Status PackConvQ(const ConvPackQArgs& args, const QGemmEntry& gemm, const ConvEntry& entry, ConvPackedQ* packed) {
  const ConvWeightShape& shape = args.shape;
  ConvPackedQ p;
  p.entry = &entry;
  p.shape = shape;
  const size_t outputs = shape.out_channels / shape.groups, count = outputs * shape.depth();
  const uint8_t* w = static_cast<const uint8_t*>(args.w);
  if (!shape.is_depthwise()) {
    AlignedBuffer rows;
    if (!rows.Reserve(std::max<size_t>(count, 1))) return NoMemory(count);
    p.groups.resize(shape.groups);
    for (size_t g = 0; g < shape.groups; ++g) {
      ChannelsInnermost(shape, w + g * count, rows.data());
      const size_t first = args.per_channel ? g * outputs : 0;
      const QGemmPackArgs b{shape.depth(),   outputs, rows.data(),         args.w_signed,
                            shape.depth(),   true,    args.scales + first, args.zeros + first,
                            args.per_channel};
      if (Status status = PackQGemmB(b, gemm, &p.groups[g]); !status.ok()) return status;
      p.max_magnitude = std::max(p.max_magnitude, p.groups[g].max_magnitude);
    }
    *packed = std::move(p);
    return {};
  }
  const int32_t low = args.w_signed ? -128 : 0, high = low + 255;
  const size_t blocks = DivUp(shape.out_channels, kConvNb), pairs = ConvPairs(shape.kernel_h, shape.kernel_w);
  const size_t block_size = pairs * 2 * kConvNb, bytes = blocks * block_size * sizeof(int16_t);
  if (!p.taps.Reserve(bytes) || !p.scales.Reserve(shape.out_channels * sizeof(float)) ||
      !p.sums.Reserve(shape.out_channels * sizeof(int32_t)))
    return NoMemory(bytes);
  std::memset(p.taps.data(), 0, bytes);
  for (size_t o = 0; o < shape.out_channels; ++o) {
    const size_t i = args.per_channel ? o : 0;
    const int32_t zero = args.zeros[i];
    if (Status status = CheckConvWeights(args.scales[i], zero, args.w_signed); !status.ok()) return status;
    p.scales.As<float>()[o] = args.scales[i];
    p.max_magnitude = std::max({p.max_magnitude, high - zero, zero - low});
    int32_t sum = 0;
    for (size_t tap = 0; tap < shape.taps(); ++tap) {
      const uint8_t byte = w[o * shape.taps() + tap];
      const int32_t value = (args.w_signed ? static_cast<int8_t>(byte) : byte) - zero;
      const size_t slot = ConvSlot(shape.kernel_h, shape.kernel_w, tap / shape.kernel_w, tap % shape.kernel_w);
      sum += value;
      // The last block overlaps the one before.
      for (size_t block = o / kConvNb; block < blocks; ++block) {
        const size_t c = o - ConvBlockStart(block, shape.out_channels);
        if (c >= kConvNb) break;
        int16_t* to = p.taps.As<int16_t>() + block * block_size;
        to[(slot / 2 * kConvNb + c) * 2 + slot % 2] = static_cast<int16_t>(value);
      }
    }
    p.sums.As<int32_t>()[o] = sum;
  }
  *packed = std::move(p);
  return {};
}

}  // namespace lowp
