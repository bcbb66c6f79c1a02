// Microkernel ABI of the float32 GEMM. Plain data only.
//
// Packed B: micropanels of NR columns, [n / NR][k][NR], zero-padded. Packed A: micropanels of rows kept whole, KC floats and a
// gap of 64 bytes each (as in qgemm_kernel.h: the stride is a constant, and packing is a copy).
#ifndef LOWP_KERNELS_SGEMM_SGEMM_KERNEL_H_
#define LOWP_KERNELS_SGEMM_SGEMM_KERNEL_H_

#include <stddef.h>
#include <stdint.h>

#include "kernels/epilogue/epilogue_kernel.h"

namespace lowp {

static constexpr size_t kSGemmKc = 256;
// In floats.
static constexpr size_t kSGemmRowStride = kSGemmKc + 16;

// acc[rows][NR] (+)= sum_k a[row][k] * b[k][col], k ascending, one rounding a step where the ISA fuses.
using SGemmUkernelFn = void (*)(size_t k, const float* a, const float* b, float* acc, bool accumulate);

struct SGemmKernel {
  const char* name;
  uint32_t mr, nr;
  const SGemmUkernelFn* ukernels;  // [rows - 1]
  FloatStoreFn store;
};

}  // namespace lowp

#endif  // LOWP_KERNELS_SGEMM_SGEMM_KERNEL_H_
