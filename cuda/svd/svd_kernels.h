// What the SVD does with sets of vectors on the device besides products in float32. Vectors lie as rows, `ld` floats apart.
#ifndef LOWP_CUDA_SVD_SVD_KERNELS_H_
#define LOWP_CUDA_SVD_SVD_KERNELS_H_

#include <cstdint>

#include "cuda/runtime/context.h"

namespace lowp {

// Device memory that can grow.
class SvdBuffer {
 public:
  SvdBuffer() = default;
  ~SvdBuffer() { Free(); }
  SvdBuffer(const SvdBuffer&) = delete;
  // Room for `bytes`, of which the first `kept` are what they were.
  Status Reserve(CudaContext& context, size_t bytes, size_t kept = 0);
  template <class T>
  T* As(size_t at = 0) const {
    return static_cast<T*>(memory_) + at;
  }

 private:
  void Free() {
    if (memory_ != nullptr) context_->Free(memory_);
  }
  CudaContext* context_ = nullptr;
  void* memory_ = nullptr;
  size_t bytes_ = 0;
};

struct SvdRows {
  float* data;
  uint64_t count, length, ld;
};

// The random numbers drawn + 1 .. drawn + count * length of SvdRandom, row by row.
Status SvdFill(CudaContext& context, uint64_t seed, uint64_t drawn, const SvdRows& rows);

// out[i][j] = a_i * b_j, summed in float64, as float64; or, with `negated`, as float32 with the other sign. Rows of out follow
// each other; it has b.count columns. The order of the sums depends on the sizes alone.
Status SvdGramMatrix(CudaContext& context, const SvdRows& a, const SvdRows& b, double* out);
Status SvdCoefficients(CudaContext& context, const SvdRows& a, const SvdRows& b, float* negated);

// The sum of squares of a - b in float64, in an order that depends on the sizes alone; b.data null: of a. Waits for the device.
Status SvdSumOfSquares(CudaContext& context, const SvdRows& a, const SvdRows& b, double* sum);

// to = from * 2^exponent, rounded once.
Status SvdScale(CudaContext& context, const SvdRows& from, int exponent, const SvdRows& to);

// to[i][r] = u[i][r] * s[r] for rows of `count` factors.
Status SvdTimesValues(CudaContext& context, const float* u, const float* s, uint64_t rows, uint64_t count, float* to);

// Both vectors of each pair change sign if the entry of largest magnitude of the first, the first of equal ones, is negative.
Status SvdSetSigns(CudaContext& context, const SvdRows& u, const SvdRows& v);

}  // namespace lowp

#endif  // LOWP_CUDA_SVD_SVD_KERNELS_H_
