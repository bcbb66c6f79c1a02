// int8 GEMM:  C[M,N] = Output(sum_k (A[m,k] - za[m]) * (B[k,n] - zb[n]))      row-major, strides in elements
//
// A is u8 or s8 (one scale and zero point, or one for each row) or float32, which is quantized to u8 inside the call. B is
// u8 or s8, per tensor or per column, packed beforehand. The int32 sum is exact on every ISA; depths at which it could leave
// int32 are refused. Output, with s the sum and every step rounded to float32:
//   int32        s + bias[n]
//   float32      activation(s * (sa * sb[n]) + bias[n] + residual[m,n])
//   u8, s8       int32 bias or none, no residual, no activation but a clamp:
//                saturate(round((s + bias[n]) * (sa * sb[n] / sc)) + zc), the ONNX QLinearMatMul rule;
//                else saturate(round(float32 output / sc) + zc), where an int32 bias is in s
// The residual is float32 or 8-bit (scale * (q - zero)) and may be C itself: see kernels/epilogue for it and the activations.
// round is half to even; NaN becomes the zero point. Not supported: beta * C, K split over threads.
#ifndef LOWP_KERNELS_QGEMM_QGEMM_H_
#define LOWP_KERNELS_QGEMM_QGEMM_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "core/aligned_buffer.h"
#include "core/isa.h"
#include "core/row_source.h"
#include "core/status.h"
#include "kernels/epilogue/epilogue.h"
#include "kernels/qgemm/qgemm_kernel.h"

namespace lowp {

using QGemmEntry = KernelEntry<QGemmKernel>;
const QGemmEntry& SelectQGemm(IsaSet active);
std::vector<QGemmEntry> QGemmKernels();

// Weights in the layout of one kernel, with the constants of their zero points. Immutable once packed.
struct QGemmPackedB {
  const QGemmEntry* entry = nullptr;
  const QGemmKernel* kernel = nullptr;  // the entry's, or that for narrow weights
  size_t k = 0, n = 0;
  size_t k_padded = 0, n_padded = 0;
  int32_t max_magnitude = 0;  // of b - zb over the dtype and all columns
  bool has_zero = false;      // some zero point, after the shift to s8, is not 0
  AlignedBuffer storage;
  const int8_t* panels = nullptr;  // [n_padded / nr][k_padded / kr][nr][kr]
  const float* scale = nullptr;    // [n_padded]
  const int32_t* zero = nullptr;   // [n_padded], of the shifted values
  const int32_t* corr = nullptr;   // [n_padded]: sum_k (b - zb)
};

struct QGemmPackArgs {
  size_t k, n;
  const void* b;
  bool b_signed;
  size_t ldb;
  bool transpose;  // stored [N, K]
  const float* scales;
  const int32_t* zeros;
  bool per_channel;  // n scales and zeros instead of one
};
Status PackQGemmB(const QGemmPackArgs& args, const QGemmEntry& entry, QGemmPackedB* packed);

enum class QGemmA : uint8_t { kU8, kS8, kFloat32PerTensor, kFloat32PerRow };

struct QGemmArgs {
  size_t batch = 1, m = 0;
  QGemmA a_kind = QGemmA::kU8;
  const void* a = nullptr;
  size_t lda = 0, batch_stride_a = 0;
  const RowSource<uint8_t>* rows = nullptr;  // instead of what stands at a, which then is not read; 8-bit kinds only
  float a_scale = 1;
  int32_t a_zero = 0;
  const float* a_scales = nullptr;  // [batch * m] instead of a_scale and a_zero
  const int32_t* a_zeros = nullptr;
  const QGemmPackedB* b = nullptr;
  void* c = nullptr;
  size_t ldc = 0, batch_stride_c = 0;
  IntOutput output;  // row batch * m + m of the residual belongs to row m of the batch
  size_t threads = 1;
  const std::atomic<bool>* stop = nullptr;  // polled between blocks
};
Status QGemm(const QGemmArgs& args);

// What every backend asks of the numbers it is given.
Status CheckQGemmWeights(const QGemmPackArgs& args);
Status CheckQGemmScales(const float* scales, size_t count);
// Raises magnitude to the largest |a - zero| of the dtype.
Status CheckQGemmZeros(const int32_t* zeros, size_t count, bool is_signed, int64_t* magnitude);
// |sum| <= K * max|a - za| * max|b - zb| + max|bias| must fit int32.
Status CheckQGemmDepth(size_t k, int64_t a_magnitude, int64_t b_magnitude, int64_t bias_magnitude);

}  // namespace lowp

#endif  // LOWP_KERNELS_QGEMM_QGEMM_H_
