// Microkernel ABI of the float32 sparse product. Plain data only; the layout is that of kernels/sparse/sparse_kernel.h.
#ifndef LOWP_KERNELS_SPMM_SPMM_KERNEL_H_
#define LOWP_KERNELS_SPMM_SPMM_KERNEL_H_

#include "kernels/epilogue/epilogue_kernel.h"
#include "kernels/sparse/sparse_kernel.h"

namespace lowp {

// One block of a band.
struct SpmmBlock {
  const SparseRow* rows;
  size_t row_count;
  const uint16_t* index;
  const float* values;
};

// acc[row][kSparseNb] (+)= sum over the row's entries of value * tile[index][0..cols)
using SpmmUkernelFn = void (*)(const SpmmBlock& block, size_t cols, const float* tile, float* acc, bool accumulate);

// acc[row] (+)= sum over the row's entries of value * x[index]
using SpmvUkernelFn = void (*)(const SpmmBlock& block, const float* x, float* acc, bool accumulate);

// to[col][row] = from[row][col], both with their own distance between rows.
using SpmmTransposeFn = void (*)(size_t rows, size_t cols, const float* from, size_t ld_from, float* to, size_t ld_to);

// For entries of one width. [0] of height 1, [1] of kSparseHeight.
struct SpmmForm {
  const char* name;
  SpmmUkernelFn ukernels[2];
  SpmvUkernelFn spmv[2];
};

struct SpmmKernel {
  SpmmForm singles, quads;
  // As SparseTraits has it; kWholeQuads or kNoQuads, because a NaN of the dense operand must not meet what is absent.
  uint32_t quad_fill[2];
  // For entries of height 1 of which every four columns have two; blocks begin at a multiple of 32. Null: spmv[0] does.
  SpmvUkernelFn spmv_two_of_four;
  SpmmTransposeFn transpose;
  FloatStoreFn store;  // of tiles [rows][kSparseNb]
};

}  // namespace lowp

#endif  // LOWP_KERNELS_SPMM_SPMM_KERNEL_H_
