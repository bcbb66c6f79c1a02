#include <algorithm>
#include <cmath>
#include <cstring>
#include <string>

#include "kernels/nbits/nbits.h"

namespace lowp {
namespace {

Status CheckScales(const NBitsPackArgs& args) {
  const size_t count = args.shape.n * args.shape.groups();
  for (size_t i = 0; i < count; ++i) {
    if (!std::isfinite(args.scales[i])) {
      return {Code::kValue,
              "Expected finite scales for b but received " + std::to_string(args.scales[i]) + " at " + std::to_string(i)};
    }
  }
  return {};
}

// The weight k of a row of groups, as stored.
uint32_t WeightAt(const uint8_t* row, size_t k, size_t bits) {
  if (bits == 8) return row[k];
  return (row[k / 2] >> (k % 2 * 4)) & 15;
}

// Writes one column of one group. The nibbles of the padding after K stay 0: the activations there are 0.
void PackGroup(const NBitsFormat& format, const NBitsShape& shape, size_t nr, const uint8_t* row, size_t depth, uint8_t* to) {
  const size_t kr = format.kr;
  for (size_t k = 0; k < depth; ++k) {
    const uint32_t weight = WeightAt(row, k, shape.bits) - static_cast<uint32_t>(format.b_offset);
    const size_t step = k / kr;
    if (shape.bits == 8) {
      to[step * nr * kr + k % kr] = static_cast<uint8_t>(weight);
    } else {
      uint8_t& pair = to[step / 2 * nr * kr + k % kr];
      pair = static_cast<uint8_t>(pair | weight << (step % 2 * 4));
    }
  }
}

}  // namespace

Status CheckNBitsShape(const NBitsShape& shape) {
  if (shape.bits != 4 && shape.bits != 8)
    return {Code::kValue, "Expected 4 or 8 bits but received " + std::to_string(shape.bits)};
  const bool power = (shape.group & (shape.group - 1)) == 0;
  if (!power || shape.group < kNBitsMinGroup || shape.group > kNBitsMaxGroup)
    return {Code::kValue, "Expected groups of 16, 32, 64, 128 or 256 but received " + std::to_string(shape.group)};
  return {};
}

Status PackNBitsB(const NBitsPackArgs& args, const NBitsEntry& entry, NBitsPackedB* packed) {
  const NBitsShape& shape = args.shape;
  if (Status status = CheckNBitsShape(shape); !status.ok()) return status;
  if (Status status = CheckScales(args); !status.ok()) return status;
  const size_t nr = entry.kernel->nr;
  NBitsPackedB p;
  p.entry = &entry;
  p.k = shape.k;
  p.n = shape.n;
  p.bits = shape.bits;
  p.group = shape.group;
  p.groups = shape.groups();
  const NBitsFormat& format = p.format();
  const size_t weight_bytes = nr * shape.group_bytes(), panels = DivUp(shape.n, nr);
  p.block_bytes = weight_bytes + nr * sizeof(float);
  p.panel_bytes = p.groups * p.block_bytes;
  p.zero = shape.middle() - format.b_offset;

  BufferLayout layout;
  const size_t panels_at = layout.Add(panels * p.panel_bytes);
  const size_t zeros_at = layout.Add(args.zeros == nullptr ? 0 : panels * p.groups * nr * sizeof(int16_t));
  if (!p.storage.Reserve(std::max<size_t>(layout.size(), 1))) {
    return {Code::kNoMemory, "Expected " + std::to_string(layout.size()) + " bytes for packed weights but the system gave none"};
  }
  std::memset(p.storage.data(), 0, layout.size());
  p.panels = p.storage.As<uint8_t>(panels_at);
  if (args.zeros != nullptr) p.zeros = p.storage.As<int16_t>(zeros_at);

  for (size_t n = 0; n < shape.n; ++n) {
    const size_t panel = n / nr, col = n % nr;
    for (size_t g = 0; g < p.groups; ++g) {
      uint8_t* block = p.storage.As<uint8_t>(panels_at) + panel * p.panel_bytes + g * p.block_bytes;
      const uint8_t* from = args.data + n * shape.row_bytes() + g * shape.group_bytes();
      PackGroup(format, shape, nr, from, std::min(shape.group, shape.k - g * shape.group), block + col * format.kr);
      std::memcpy(block + weight_bytes + col * sizeof(float), args.scales + n * p.groups + g, sizeof(float));
      if (args.zeros == nullptr) continue;
      const uint32_t zero = WeightAt(args.zeros + n * shape.zero_row_bytes(), g, shape.bits);
      p.storage.As<int16_t>(zeros_at)[(panel * p.groups + g) * nr + col] =
          static_cast<int16_t>(static_cast<int32_t>(zero) - format.b_offset);
    }
  }
  *packed = std::move(p);
  return {};
}

}  // namespace lowp
