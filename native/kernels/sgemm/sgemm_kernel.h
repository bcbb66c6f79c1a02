// Microkernel ABI of the float32 GEMM. Plain data only.
//
// Packed B: micropanels of NR columns, [n / NR][k][NR], zero-padded, of float32 or of 16-bit floats. Packed A: micropanels of
// rows kept whole, KC floats and a gap of 64 bytes each (as in qgemm_kernel.h: the stride is a constant, and packing is a copy).
#ifndef LOWP_KERNELS_SGEMM_SGEMM_KERNEL_H_
#define LOWP_KERNELS_SGEMM_SGEMM_KERNEL_H_

#include <stddef.h>
#include <stdint.h>

#include "kernels/epilogue/epilogue_kernel.h"

namespace lowp {

static constexpr size_t kSGemmKc = 256;
// In floats.
static constexpr size_t kSGemmRowStride = kSGemmKc + 16;

enum class SGemmStorage : uint8_t { kFloat32, kBfloat16, kFloat16 };
static constexpr size_t kSGemmStorages = 3;

// acc[rows][NR] (+)= sum_k a[row][k] * b[k][col], k ascending, one rounding a step where the ISA fuses; the elements of b are
// widened to float32 as they are read. Of several micropanels each next one is b_stride elements on, its sums acc_stride floats.
using SGemmUkernelFn = void (*)(size_t k, const float* a, const void* b, size_t b_stride, float* acc, size_t acc_stride,
                                bool accumulate);

// to[i] = from[i]; count is a multiple of NR.
using SGemmWidenFn = void (*)(const uint16_t* from, size_t count, float* to);

// One or two rows leave the multipliers waiting for their few sums, so these take several micropanels at once: 1x768x768 on AVX2
// 38 us in place of 53, 2x768x768 46 in place of 57. Three rows gain nothing.
static constexpr size_t kSGemmWideRows = 2;
static constexpr size_t kSGemmWidePanels[kSGemmWideRows] = {4, 2};  // [rows - 1]

struct SGemmUkernels {
  const SGemmUkernelFn* tile;  // [rows - 1], one micropanel
  const SGemmUkernelFn* wide;  // [rows - 1], kSGemmWidePanels of them
  SGemmWidenFn widen;          // of 16-bit storage
};

struct SGemmKernel {
  const char* name;
  uint32_t mr, nr;
  // Packed bfloat16 has columns i and NR / 2 + i side by side: a shift widens the one, a mask the other.
  bool pairs_bfloat16;
  SGemmUkernels of[kSGemmStorages];  // [SGemmStorage]
  FloatStoreFn store;
};

}  // namespace lowp

#endif  // LOWP_KERNELS_SGEMM_SGEMM_KERNEL_H_
