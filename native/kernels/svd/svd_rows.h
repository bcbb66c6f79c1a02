// What the SVD does with sets of vectors, which lie as rows: products, Gram matrices, orthonormalisation.
#ifndef LOWP_KERNELS_SVD_SVD_ROWS_H_
#define LOWP_KERNELS_SVD_SVD_ROWS_H_

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "core/aligned_buffer.h"
#include "core/status.h"
#include "kernels/sgemm/sgemm.h"
#include "kernels/svd/svd_kernel.h"

namespace lowp {

// Uniform in [-1, 1): the upper 24 bits of SplitMix64.
class SvdRandom {
 public:
  explicit SvdRandom(uint64_t seed) : state_(seed) {}
  float Next();
  void Fill(float* to, size_t count) {
    for (size_t i = 0; i < count; ++i) to[i] = Next();
  }

 private:
  uint64_t state_;
};

// Rows of floats that grow in number.
class SvdRowBuffer {
 public:
  explicit SvdRowBuffer(size_t length) : length_(length) {}
  // Room for `rows`; what is there stays.
  Status Grow(size_t rows);
  float* Row(size_t row) { return buffer_.As<float>() + row * length_; }
  const float* Row(size_t row) const { return buffer_.As<float>() + row * length_; }
  size_t length() const { return length_; }

 private:
  size_t length_, rows_ = 0;
  AlignedBuffer buffer_;
};

// Below this many multiply-adds of a Gram matrix one thread does them.
inline constexpr size_t kParallelGram = size_t{1} << 18;

struct SvdEngine {
  const SGemmEntry& sgemm;
  const SvdKernel& kernel;
  size_t threads;
  const std::atomic<bool>* stop;

  // `rows` vectors as the right operand: of rows x length (what they are summed with), or, transposed, of length x rows.
  Status Pack(const float* x, size_t rows, size_t length, bool transpose, SGemmPackedB* packed) const {
    return PackSGemmB({transpose ? length : rows, transpose ? rows : length, x, length, transpose, SGemmStorage::kFloat32,
                       SGemmStorage::kFloat32},
                      sgemm, packed);
  }

  // c[count][b.n] = a[count][b.k] * b + residual
  Status Multiply(const float* a, size_t count, const SGemmPackedB& b, float* c, const float* residual = nullptr) const;

  // out[i * ld + j] = a_i * b_j in float64; where a is b, of j <= i at least.
  void Gram(const float* a, size_t a_rows, const float* b, size_t b_rows, size_t length, double* out, size_t ld) const;

  // Replaces the rows by an orthonormal basis of what they span, once: the better their condition was, the more exactly. Rows
  // that depend on those before them, or of whose norm no more than `floor` is left, become random ones; `*replaced` says whether
  // there were any, which have yet to be orthogonalised. scratch: as large as x.
  Status Orthonormalize(float* x, size_t count, size_t length, double floor, SvdRandom* random, float* scratch,
                        bool* replaced) const;
};

}  // namespace lowp

#endif  // LOWP_KERNELS_SVD_SVD_ROWS_H_
