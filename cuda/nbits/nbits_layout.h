// Weights of few bits on the device, and the quantized activations that meet them: where everything lies.
//
// Both are laid out as the lanes of a warp want them for mma m16n8k32, with 16 columns of the weights as its A and 8 rows of the
// activations as its B, so that 8 rows or fewer fill it. One load of 16 bytes gives a lane all it needs of 64 depths: see
// cuda/device/fragments.h for which those are (group = lane / 4, quad = lane % 4).
//
// Weights: [16 columns][64 depths], as 512 bytes (4 bits) or twice 512 bytes of 32 depths (8 bits):
//
//   lane    4 words; byte e of                      4 bits: low nibble, high nibble         8 bits
//           word 0  column group                    depth      4 quad + e,      16 +        depth      4 quad + e
//           word 1  column group + 8                           4 quad + e,      16 +                   4 quad + e
//           word 2  column group                          32 + 4 quad + e, 32 + 16 +              16 + 4 quad + e
//           word 3  column group + 8                      32 + 4 quad + e, 32 + 16 +              16 + 4 quad + e
//
// 4 bits are 0..15; 8 bits lose 128, to be signed. Behind them the scales, [groups][columns] float32, and where each group has
// its own zero points these, less the 128 that the weights lost, [groups][columns] int16.
//
// Activations: [64 depths][row], 64 bytes each: byte 16 quad + 4 i + e is depth 16 i + 4 quad + e. Beside them the scales and
// sums of groups, [groups][rows] of NBitsRowGroup.
#ifndef LOWP_CUDA_NBITS_NBITS_LAYOUT_H_
#define LOWP_CUDA_NBITS_NBITS_LAYOUT_H_

#include <cstdint>

#include "cuda/device/fragments.h"
#include "cuda/nbits/nbits_abi.h"

namespace lowp {

inline constexpr uint32_t kNBitsCols = 16;      // of a unit
inline constexpr uint32_t kNBitsDepth = 64;     // of a block
inline constexpr uint32_t kNBitsUnit = 512;     // bytes
inline constexpr uint32_t kNBitsBlockRow = 64;  // bytes of a row of activations in a block

// Within a block of 16 columns and 64 depths.
LOWP_HD constexpr uint32_t NBitsBlockBytes(uint32_t bits) { return kNBitsUnit * bits / 4; }

struct NBitsCell {
  uint32_t col, depth;
};
// What is in the low bits of byte `at` of a block. Of 4 bits the high nibble is the same column's depth + 16.
LOWP_HD constexpr NBitsCell NBitsCellAt(uint32_t bits, uint32_t at) {
  const uint32_t unit = at / kNBitsUnit, lane = at % kNBitsUnit / 16, word = at % 16 / 4, e = at % 4;
  return {lane / 4 + word % 2 * 8, unit * 32 + word / 2 * (bits == 4 ? 32 : 16) + lane % 4 * 4 + e};
}

// Byte of depth k of a row of activations within its block.
LOWP_HD constexpr uint32_t NBitsByteOf(uint32_t k) { return k / 4 % 4 * 16 + k / 16 % 4 * 4 + k % 4; }

// Of the weights' storage.
struct NBitsLayout {
  uint64_t groups, cols, blocks;  // cols: padded
  uint64_t scales_at, zeros_at, bytes;

  explicit NBitsLayout(const CudaNBitsWeights& b)
      : groups((b.k + b.group - 1) / b.group),
        cols((b.n + kNBitsCols - 1) / kNBitsCols * kNBitsCols),
        blocks((b.k + kNBitsDepth - 1) / kNBitsDepth),
        scales_at(cols / kNBitsCols * blocks * NBitsBlockBytes(b.bits)),
        zeros_at(scales_at + groups * cols * sizeof(float)),
        bytes(zeros_at + (b.has_zeros ? groups * cols * sizeof(int16_t) : 0)) {}
};

}  // namespace lowp

#endif  // LOWP_CUDA_NBITS_NBITS_LAYOUT_H_
