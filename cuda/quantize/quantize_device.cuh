// What the kernels of quantization share: the formulas of kernels/quantize for packs of elements, and ranges of a block.
#ifndef LOWP_CUDA_QUANTIZE_QUANTIZE_DEVICE_CUH_
#define LOWP_CUDA_QUANTIZE_QUANTIZE_DEVICE_CUH_

#include "cuda/device/divide.h"
#include "cuda/device/epilogue.cuh"
#include "kernels/quantize/quantize_params.h"

namespace lowp {

// Threads of every block, and packs of four elements that each has under way: 64 bytes.
inline constexpr uint32_t kQuantizeThreads = 256, kQuantizePacks = 4, kQuantizeLanes = 4;

// Division of an index that may be large by a number that a launcher knows.
struct IndexDivisor {
  uint64_t divisor = 1;
  Divisor small;
  bool is_small = true;

  IndexDivisor() = default;
  // Of indices below `end`.
  IndexDivisor(uint64_t by, uint64_t end) : divisor(by), is_small(end <= UINT64_C(1) << 31 && by <= UINT64_C(1) << 31) {
    if (is_small) small = Divisor(static_cast<uint32_t>(by));
  }
  LOWP_HD uint64_t Quotient(uint64_t n) const { return is_small ? small.Quotient(static_cast<uint32_t>(n)) : n / divisor; }
};

template <int kLanes>
LOWP_DEVICE Pack<uint8_t, kLanes> QuantizePack(const Pack<float, kLanes>& x, float scale, int32_t zero, int32_t low) {
  Pack<uint8_t, kLanes> q;
  LOWP_UNROLL
  for (int i = 0; i < kLanes; ++i) q.lane[i] = QuantizeOne(x.lane[i], scale, zero, low, low + 255);
  return q;
}

template <int kLanes>
LOWP_DEVICE void Widen(Range& range, const Pack<float, kLanes>& x) {
  LOWP_UNROLL
  for (int i = 0; i < kLanes; ++i) WidenToFinite(x.lane[i], &range.min, &range.max);
}

LOWP_DEVICE void Join(Range& range, const Range& other) {
  if (other.min < range.min) range.min = other.min;
  if (other.max > range.max) range.max = other.max;
}

// That of all lanes, in each of them.
LOWP_DEVICE Range RangeOfWarp(Range range) {
  LOWP_UNROLL
  for (int step = 16; step > 0; step /= 2) {
    Range other;
    other.min = __shfl_xor_sync(0xffffffffu, range.min, step);
    other.max = __shfl_xor_sync(0xffffffffu, range.max, step);
    Join(range, other);
  }
  return range;
}

// That of all threads of a block of kQuantizeThreads, in each of them. `shared`: a Range for each warp.
LOWP_DEVICE Range RangeOfBlock(Range range, Range* shared) {
  constexpr uint32_t kWarps = kQuantizeThreads / 32;
  range = RangeOfWarp(range);
  if (threadIdx.x % 32 == 0) shared[threadIdx.x / 32] = range;
  __syncthreads();
  LOWP_UNROLL
  for (uint32_t warp = 0; warp < kWarps; ++warp) Join(range, shared[warp]);
  __syncthreads();
  return range;
}

}  // namespace lowp

#endif  // LOWP_CUDA_QUANTIZE_QUANTIZE_DEVICE_CUH_
