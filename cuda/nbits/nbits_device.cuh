// Parts that both kernels of the product with weights of few bits share.
#ifndef LOWP_CUDA_NBITS_NBITS_DEVICE_CUH_
#define LOWP_CUDA_NBITS_NBITS_DEVICE_CUH_

#include "cuda/device/epilogue.cuh"
#include "cuda/device/intrinsics.cuh"
#include "cuda/nbits/nbits.h"
#include "cuda/nbits/nbits_layout.h"

namespace lowp {

// A block of 64 depths is two steps, of which these are a lane's operands of m16n8k32.
template <int kBits>
LOWP_DEVICE void LoadWeights(const uint8_t* block, uint32_t step, uint32_t lane, uint32_t (&a)[4]) {
  if constexpr (kBits == 4) {
    const Pack<uint32_t, 2> words = *reinterpret_cast<const Pack<uint32_t, 2>*>(block + lane * 16 + step * 8);
    LOWP_UNROLL
    for (int i = 0; i < 2; ++i) {
      a[i] = words.lane[i] & 0x0f0f0f0fu;
      a[i + 2] = words.lane[i] >> 4 & 0x0f0f0f0fu;
    }
  } else {
    const Pack<uint32_t, 4> words = *reinterpret_cast<const Pack<uint32_t, 4>*>(block + step * kNBitsUnit + lane * 16);
    LOWP_UNROLL
    for (int i = 0; i < 4; ++i) a[i] = words.lane[i];
  }
}

// Of 16 depths: a group of 16 takes a step with zeros in place of the activations of the other half.
struct NBitsHalves {
  bool low, high;
};
LOWP_DEVICE void LoadCodes(const uint8_t* codes, uint32_t step, uint32_t row, uint32_t quad, NBitsHalves halves,
                           uint32_t (&b)[2]) {
  const Pack<uint32_t, 2> words =
      *reinterpret_cast<const Pack<uint32_t, 2>*>(codes + row * kNBitsBlockRow + quad * 16 + step * 8);
  b[0] = halves.low ? words.lane[0] : 0u;
  b[1] = halves.high ? words.lane[1] : 0u;
}

// Sums start from 1.5 * 2^23's bits, so that they are float32 numbers already: an addition takes the place of a conversion, of
// which a multiprocessor does fewer. Those that may reach 2^22 (groups of 256 of 8 bits) start from 0 and are converted.
constexpr int32_t kNBitsShiftBits = 0x4b400000;
LOWP_DEVICE float NBitsSum(int32_t sum, bool wide) {
  return wide ? __int2float_rn(sum) : __fadd_rn(__int_as_float(sum), -kRoundingShift);
}

// f32(f32(sum) * f32(both scales)): what a group adds.
LOWP_DEVICE float NBitsProduct(int32_t sum, bool wide, float a_scale, float b_scale) {
  return __fmul_rn(NBitsSum(sum, wide), __fmul_rn(a_scale, b_scale));
}

// What a group has beside its codes, in shared memory: rows and columns from the block's (or the warp's) first on.
struct NBitsGroup {
  const NBitsRowGroup* rows;
  const float* scales;
  const int16_t* zeros;  // null: in the corrections
};

// Of a lane's four sums, of columns group and group + 8 and rows 2 quad and 2 quad + 1, what they start from.
LOWP_DEVICE void NBitsStart(const NBitsGroup& g, uint32_t col, uint32_t row, int32_t base, int (&d)[4]) {
  const Pack<NBitsRowGroup, 2> rows = *reinterpret_cast<const Pack<NBitsRowGroup, 2>*>(g.rows + row);
  LOWP_UNROLL
  for (int i = 0; i < 4; ++i) {
    const int32_t correction = rows.lane[i % 2].correction;
    d[i] = base + (g.zeros == nullptr ? correction : -correction * g.zeros[col + i / 2 * 8]);
  }
}

LOWP_DEVICE void NBitsEnd(const NBitsGroup& g, uint32_t col, uint32_t row, bool wide, const int (&d)[4], float (&products)[4]) {
  const Pack<NBitsRowGroup, 2> rows = *reinterpret_cast<const Pack<NBitsRowGroup, 2>*>(g.rows + row);
  LOWP_UNROLL
  for (int i = 0; i < 4; ++i) products[i] = NBitsProduct(d[i], wide, rows.lane[i % 2].scale, g.scales[col + i / 2 * 8]);
}

}  // namespace lowp

#endif  // LOWP_CUDA_NBITS_NBITS_DEVICE_CUH_
