// Launchers of the product with weights of few bits. See nbits_abi.h for the contract.
#ifndef LOWP_CUDA_NBITS_NBITS_H_
#define LOWP_CUDA_NBITS_NBITS_H_

#include "cuda/device/divide.h"
#include "cuda/nbits/nbits_abi.h"
#include "cuda/runtime/context.h"
#include "kernels/nbits/nbits_kernel.h"

namespace lowp {

Status CudaPackNBits(CudaContext& context, const CudaNBitsPackArgs& args, CudaNBitsWeights* weights);
Status CudaNBits(CudaContext& context, const CudaNBitsArgs& args);

// The activations of a call, quantized: see nbits_layout.h.
struct NBitsActivations {
  int8_t* codes;        // [blocks][rows][64]
  NBitsRowGroup* meta;  // [groups][meta_rows]; correction: as in nbits_kernel.h
  uint32_t rows;
  uint32_t meta_rows;  // rows, rounded up to a multiple of 16
};

struct NBitsTask {
  NBitsActivations a;
  const uint8_t* weights;
  const float* scales;
  const int16_t* zeros;                                  // null: the corrections have them
  uint32_t n, cols, blocks, groups, group, group_shift;  // group = 1 << group_shift
  bool wide;                                             // sums of a group may reach 2^22
  FloatStore store;
  Divisor tiles;  // of n, or of m
};

// From here on there is mma m16n8k32.
inline constexpr int kNBitsMmaCapability = 80;

Status LaunchNBitsQuantize(CudaContext& context, const CudaNBitsArgs& args, const NBitsActivations& to);
// Tiles of 128 x 128 or 64 x 64.
Status LaunchNBitsTiles(CudaContext& context, uint32_t bits, bool large, NBitsTask task);
// 8 rows x 16 columns.
Status LaunchNBitsSkinny(CudaContext& context, uint32_t bits, NBitsTask task);

}  // namespace lowp

#endif  // LOWP_CUDA_NBITS_NBITS_H_
