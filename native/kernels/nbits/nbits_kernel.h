// Microkernel ABI of the product with weights of few bits. Plain data only: files compiled with ISA flags include this and
// intrinsics, nothing else.
//
// Packed B (made once, in native memory): one micropanel per NR columns, in it one block per group of K, so that a product of one
// row reads a single stream from end to end:
//
//   group 0   [weights: NR x group x bits / 8 bytes][NR float32 scales]
//   group 1   [weights                             ][scales           ]
//
// The weights of a block stand in steps of KR depths, the operand of one lane of a dot-product instruction:
//
//                 n0          n1       ...     n(NR-1)
//   step 0   [k0..k(KR-1)][k0..k(KR-1)] ... [k0..k(KR-1)]      8 bits: one byte each
//   step 1   [ next KR k ][           ] ...
//
//   step 0, 1 in one   [low nibble: step 0, high nibble: step 1] ...      4 bits: and, shift and and give two registers
//
// Where a micropanel is used for several tiles of rows it is unpacked once, into bytes in scratch that stay in L1.
// Zero points, where each group has its own, stand apart: [panel][group][NR] int16.
//
// Packed A (made for each call): rows of KC depths, quantized to integers of -127..127 by groups of K, with what is added to
// them:
//
//   row 0  [k0 k1 ... k(KC-1)] [group 0: scale, correction] ... [gap]      The stride is a compile-time constant, as in qgemm.
//   row 1  [k0 k1 ...        ] ...
#ifndef LOWP_KERNELS_NBITS_NBITS_KERNEL_H_
#define LOWP_KERNELS_NBITS_NBITS_KERNEL_H_

#include <stddef.h>
#include <stdint.h>

#include "kernels/epilogue/epilogue_kernel.h"

namespace lowp {

// Functions of this header are static: see qgemm_kernel.h.

// Depth of a block: a multiple of every group size.
static constexpr size_t kNBitsKc = 512;
static constexpr size_t kNBitsMinGroup = 16, kNBitsMaxGroup = 256;
// The largest magnitude of quantized activations. Not 128: two products of it with a nibble are then at most 3810.
static constexpr int32_t kNBitsMaxA = 127;

struct NBitsRowGroup {
  float scale;
  // Where all groups of B share a zero point: -zero times the sum of the row's quantized values in the group. Else that sum.
  int32_t correction;
};

static constexpr size_t NBitsRowGroupsAt(size_t a_bytes) { return kNBitsKc * a_bytes; }
static constexpr size_t NBitsRowStride(size_t a_bytes) {
  return NBitsRowGroupsAt(a_bytes) + kNBitsKc / kNBitsMinGroup * sizeof(NBitsRowGroup) + 64;
}

// acc[row][n] += sum(g) * (a.scale[row][g] * b.scale[g][n]) for g ascending, each step rounded to float32, where
// sum(g) = sum_k a[row][k] * (b[k][n] - zero), exact in int32 and in float32: at most 127 * 255 * 256 < 2^24.
struct NBitsTile {
  size_t groups;         // in this block of KC
  size_t group;          // their size
  const void* a;         // the first row
  const uint8_t* b;      // weights of the first group, packed or unpacked
  size_t b_stride;       // bytes to those of the next
  const uint8_t* scale;  // NR float32 of the first group
  size_t scale_stride;   // bytes to those of the next
  const int16_t* zero;   // [groups][NR], or null: then the rows' corrections have it
  float* acc;            // [rows][NR]
};
using NBitsUkernelFn = void (*)(const NBitsTile& tile);

// x[0..k) to integers, group by group: with largest = max|x| over the finite values, scale = largest / 127 and q = round(x * (127
// / largest)), ties to even, within +-127; NaN becomes 0. That is onnxruntime's formula, so its integers are the same, and two
// divisions a group instead of one a value. Padded with zeros to a whole group. correction = factor * sum of q.
using NBitsQuantizeFn = void (*)(size_t k, size_t group, const float* x, int32_t factor, void* row);

// Weights of `groups` blocks that are `stride` bytes apart to one byte each, in the same order of steps, without gaps.
using NBitsUnpackFn = void (*)(size_t groups, size_t bytes, const uint8_t* b, size_t stride, uint8_t* unpacked);

// How weights of one width are multiplied.
struct NBitsFormat {
  uint32_t kr;
  uint32_t a_bytes;  // of one packed element of A
  int32_t b_offset;  // packed weight = weight - b_offset
  NBitsQuantizeFn quantize_a;
  const NBitsUkernelFn* ukernels;        // [rows - 1], for 1..mr rows of packed weights
  const NBitsUkernelFn* panel_ukernels;  // the same of unpacked weights; null: they are never unpacked
  NBitsUnpackFn unpack;
  uint32_t direct_rows;  // up to this many rows unpacking as they are read is faster
};

struct NBitsKernel {
  const char* name;
  uint32_t mr, nr;
  NBitsFormat u4, u8;
  FloatStoreFn store;
};

}  // namespace lowp

#endif  // LOWP_KERNELS_NBITS_NBITS_KERNEL_H_
