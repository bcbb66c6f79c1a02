// Microkernel ABI of the int8 GEMM. Plain data only: files compiled with ISA flags include this and intrinsics, nothing else.
//
// Packed B (made once, in native memory), one micropanel per NR columns, zero-padded in both directions:
//
//            n0        n1      ...  n(NR-1)
//   kb 0   [k0..k(KR-1)][k0..k(KR-1)] ... [k0..k(KR-1)]     KR consecutive k of a column stand together: the operand of
//   kb 1   [ next KR k ][           ] ...                    one lane of a dot-product instruction
//
// Packed A (made for each call, in scratch), one micropanel per MR rows and KC depths, rows kept whole:
//
//   row 0  [k0 k1 k2 ... k(KC-1)] [64 bytes of gap]          The stride is a compile-time constant, so a row costs a
//   row 1  [k0 k1 k2 ...        ] [gap]                      displacement and no register; the gap keeps rows off each
//   ...                                                      other's cache sets. Packing is a widening copy of rows,
//                                                            which needs no transposition.
// Values are shifted while packing where an instruction wants another signedness: a' = a + a_offset, b' = b - 128 for u8.
// Zero points shift with them, so results do not change.
#ifndef LOWP_KERNELS_QGEMM_QGEMM_KERNEL_H_
#define LOWP_KERNELS_QGEMM_QGEMM_KERNEL_H_

#include <stddef.h>
#include <stdint.h>

#include "kernels/epilogue/epilogue_kernel.h"

namespace lowp {

// Functions of this header are static: an inline one that a file compiled for AVX-512 emits could be the copy that the linker
// keeps for everybody.

static inline int32_t Load32(const char* p) {
  int32_t x;
  __builtin_memcpy(&x, p, sizeof(x));
  return x;
}

// Bytes between the rows of packed A.
static constexpr size_t QGemmRowStride(size_t kc, size_t a_bytes) { return kc * a_bytes + 64; }

// acc[rows][NR] (+)= sum_k a'[row][k] * b'[k][col], mod 2^32. `rows` is fixed by which function is called.
using QGemmUkernelFn = void (*)(size_t k_blocks, const void* a, const int8_t* b, int32_t* acc, bool accumulate);

// packed[row] = a[row][0..k) + offset, padded to a multiple of KR; row_sum[row] += sum of the packed values.
using QGemmPackAFn = void (*)(size_t rows, size_t k, const void* a, size_t lda, void* packed, int32_t* row_sum);

struct QGemmKernel {
  const char* name;
  uint32_t mr, nr, kr;
  uint32_t kc;       // depth of a block, a multiple of kr
  uint32_t a_bytes;  // of one packed element of A
  int32_t a_offset_u8, a_offset_s8;
  const QGemmUkernelFn* ukernels;  // [rows - 1], for 1..mr rows, so that short edges cost what they are
  QGemmPackAFn pack_a_u8, pack_a_s8;
  IntStoreFn store;
  // Faster, for narrow weights alone: see kNarrowPair. Null: there is none.
  const QGemmKernel* narrow = nullptr;
};

// Of narrow weights (after the shift to s8) k = 2 i and 2 i + 1 of a column have positive parts of at most this together, and
// negative ones likewise, so that 255 times them fits 16 bits.
static constexpr int kNarrowPair = 128;

}  // namespace lowp

#endif  // LOWP_KERNELS_QGEMM_QGEMM_KERNEL_H_
