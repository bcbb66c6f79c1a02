// ABI of the loops of the truncated SVD that sgemm has not: sums in float64. Plain data only.
#ifndef LOWP_KERNELS_SVD_SVD_KERNEL_H_
#define LOWP_KERNELS_SVD_SVD_KERNEL_H_

#include <stddef.h>
#include <stdint.h>

namespace lowp {

static constexpr size_t kSvdGramRows = 4, kSvdGramCols = 3;

struct SvdKernel {
  const char* name;

  // sums[i][j] = sum_k a[i][k] * b[j][k], in float64: products of float32 numbers are exact there. a and b: pointers to rows.
  void (*gram)(size_t depth, const float* const* a, const float* const* b, double* sums);

  // A sweep of plane rotations over neighbouring rows of z, from the last pair upwards; for i = count - 1 .. 0:
  //   z[i], z[i + 1] = c[i] * z[i] - s[i] * z[i + 1],  s[i] * z[i] + c[i] * z[i + 1]
  // Rows are `width` doubles, a multiple of kSvdRotateWidth.
  void (*rotate)(size_t count, const double* c, const double* s, double* z, size_t width);

  // One row of a rank-2 update, and its part in the matrix-vector product that the next step needs:
  //   row -= v_i * w + w_i * v,  p += u_i * row
  void (*update)(size_t length, double v_i, const double* w, double w_i, const double* v, double u_i, double* row, double* p);
};

static constexpr size_t kSvdRotateWidth = 8;

}  // namespace lowp

#endif  // LOWP_KERNELS_SVD_SVD_KERNEL_H_
