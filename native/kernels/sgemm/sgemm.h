// float32 GEMM:  C[M,N] = activation(sum_k A[m,k] * B[k,n] + bias[n] + residual[m,n])      row-major, strides in elements
//
// The honest baseline of the int8 product, and the engine of training. k runs upwards in every element's sum and is never cut
// between threads, so the result is the same for any number of them; it differs between ISAs by rounding:
//   |C - exact| <= eps * (K + 1) * max|a| * max|b| * 2.   NaN and infinities propagate.
// The bound is that of the sum, before bias, residual (float32 only; may be C itself) and activation: see kernels/epilogue.
//
// B is stored as float32, or as 16-bit floats that the kernels widen: half the memory, and the same bits as the float32 product
// with B's rounded values. bfloat16 dot instructions (vdpbf16ps, bfmmla) are not used: they round A as well and flush subnormals,
// and so would change results silently.
#ifndef LOWP_KERNELS_SGEMM_SGEMM_H_
#define LOWP_KERNELS_SGEMM_SGEMM_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "core/aligned_buffer.h"
#include "core/isa.h"
#include "core/row_source.h"
#include "core/status.h"
#include "kernels/epilogue/epilogue.h"
#include "kernels/sgemm/sgemm_kernel.h"

namespace lowp {

using SGemmEntry = KernelEntry<SGemmKernel>;
const SGemmEntry& SelectSGemm(IsaSet active);
std::vector<SGemmEntry> SGemmKernels();

// Immutable once packed.
struct SGemmPackedB {
  const SGemmEntry* entry = nullptr;
  SGemmStorage stored_as = SGemmStorage::kFloat32;
  size_t k = 0, n = 0, n_padded = 0;
  AlignedBuffer storage;  // [n_padded / nr][k][nr]
};

inline constexpr size_t SizeOf(SGemmStorage storage) {
  return storage == SGemmStorage::kFloat32 ? sizeof(float) : sizeof(uint16_t);
}

struct SGemmPackArgs {
  size_t k, n;
  const void* b;
  size_t ldb;
  bool transpose;          // stored [N, K]
  SGemmStorage given_as;   // what b is: float32, or what it is to be stored as
  SGemmStorage stored_as;  // rounded to the nearest, ties to even
};
Status PackSGemmB(const SGemmPackArgs& args, const SGemmEntry& entry, SGemmPackedB* packed);

// out[i] = x[i], rounded to the nearest, ties to even, where `to` has fewer bits. See sgemm_storage.h.
void CastFloats(SGemmStorage from, const void* x, SGemmStorage to, size_t count, void* out);

struct SGemmArgs {
  size_t batch = 1, m = 0;
  const float* a = nullptr;
  size_t lda = 0, batch_stride_a = 0;
  bool transpose_a = false;                // stored [K, M]
  const RowSource<float>* rows = nullptr;  // instead of what stands at a, which then is not read
  const SGemmPackedB* b = nullptr;
  float* c = nullptr;
  size_t ldc = 0, batch_stride_c = 0;
  const float* bias = nullptr;  // [n]
  Activation activation{};
  Residual residual{};  // row batch * m + m of it belongs to row m of the batch
  size_t threads = 1;
  const std::atomic<bool>* stop = nullptr;  // polled between blocks
};
Status SGemm(const SGemmArgs& args);

}  // namespace lowp

#endif  // LOWP_KERNELS_SGEMM_SGEMM_H_
