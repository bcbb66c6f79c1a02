// Chunks of 16 bytes that need not be whole nor aligned.
#ifndef LOWP_CUDA_QGEMM_QGEMM_BYTES_CUH_
#define LOWP_CUDA_QGEMM_QGEMM_BYTES_CUH_

#include "cuda/device/intrinsics.cuh"
#include "cuda/qgemm/qgemm_layout.h"

namespace lowp {

struct ByteChunk {
  uint32_t word[4];
};

// The 16 bytes from `from` on, of which `left` exist; the others are 0 and not read.
LOWP_DEVICE ByteChunk LoadByteChunk(const uint8_t* from, uint64_t left) {
  const uintptr_t address = reinterpret_cast<uintptr_t>(from);
  if (left >= kQGemmChunk && address % 16 == 0) {
    const uint4 whole = *reinterpret_cast<const uint4*>(from);
    return {{whole.x, whole.y, whole.z, whole.w}};
  }
  ByteChunk chunk{};
  if (left >= kQGemmChunk && address % 4 == 0) {
    LOWP_UNROLL
    for (int i = 0; i < 4; ++i) chunk.word[i] = reinterpret_cast<const uint32_t*>(from)[i];
  } else {
    LOWP_UNROLL
    for (uint32_t i = 0; i < kQGemmChunk; ++i) {
      if (i < left) chunk.word[i / 4] |= static_cast<uint32_t>(from[i]) << i % 4 * 8;
    }
  }
  return chunk;
}

LOWP_DEVICE void StoreByteChunk(uint8_t* to, const ByteChunk& chunk) {
  *reinterpret_cast<uint4*>(to) = make_uint4(chunk.word[0], chunk.word[1], chunk.word[2], chunk.word[3]);
}

// u8 to s8: the top bits of the first `left` bytes flipped.
LOWP_DEVICE void FlipTopBits(ByteChunk& chunk, uint64_t left) {
  LOWP_UNROLL
  for (uint32_t i = 0; i < kQGemmChunk; ++i) {
    if (i < left) chunk.word[i / 4] ^= 0x80u << i % 4 * 8;
  }
}

template <bool kSigned>
LOWP_DEVICE int SumBytes(const ByteChunk& chunk) {
  constexpr uint32_t kOnes = 0x01010101u;
  int sum = 0;
  LOWP_UNROLL
  for (int i = 0; i < 4; ++i) sum = kSigned ? Dp4aS8S8(chunk.word[i], kOnes, sum) : Dp4aU8S8(chunk.word[i], kOnes, sum);
  return sum;
}

}  // namespace lowp

#endif  // LOWP_CUDA_QGEMM_QGEMM_BYTES_CUH_
