// The search space of the SVD on the device: kernels/svd/svd_krylov.h and svd_factors.h once more, step by step, with the vectors
// in device memory. The host has the Gram matrices, whose Cholesky factors and eigenvectors are small.
#ifndef LOWP_CUDA_SVD_SVD_SPACE_H_
#define LOWP_CUDA_SVD_SVD_SPACE_H_

#include <cstdint>
#include <vector>

#include "cuda/sgemm/sgemm_abi.h"
#include "cuda/svd/svd_abi.h"
#include "cuda/svd/svd_kernels.h"
#include "kernels/svd/svd_search.h"

namespace lowp {

class CudaSvdSpace : public SvdSpace {
 public:
  // Of the matrix at args.a, whose Frobenius norm is `norm`. Begin() comes first.
  CudaSvdSpace(CudaContext& context, const CudaSvdArgs& args, double norm);
  ~CudaSvdSpace() override;
  Status Begin();

  size_t short_side() const override { return short_side_; }
  size_t long_side() const override { return long_side_; }
  Status Extend(size_t count) override;
  size_t size() const override { return size_; }
  const double* gram() const override { return gram_.data(); }
  size_t capacity() const override { return capacity_; }
  Status MakeFactors(size_t rank, std::vector<double>* squares) override;
  Status MeasureResidual(double* squares) override;

  // Of a matrix that was multiplied by 2^exponent. Refuses singular values that leave float32.
  Status Unscale(int exponent);

 private:
  Status Reserve(size_t vectors);
  // c = a * b, rows of a following each other, plus what is at c where `adds`.
  Status Multiply(const float* a, uint64_t lda, uint64_t count, const CudaSGemmWeights& b, float* c, uint64_t ldc,
                  bool adds = false);
  Status Draw(const SvdRows& rows);
  // See SvdEngine::Orthonormalize and SvdKrylov::MakeOrthonormal.
  Status Orthonormalize(const SvdRows& x, double floor, const std::vector<double>& gram, bool* replaced);
  Status DownloadGram(const SvdRows& x, std::vector<double>* gram);
  Status MakeOrthonormal(const SvdRows& x, size_t before, size_t passes);
  SvdRows Basis(size_t first, size_t count) const { return {basis_.As<float>(first * short_ld_), count, short_side_, short_ld_}; }
  SvdRows Images(size_t first, size_t count) const { return {images_.As<float>(first * long_ld_), count, long_side_, long_ld_}; }
  float* s() const { return args_.out + args_.m * rank_; }

  CudaContext& context_;
  const CudaSvdArgs args_;
  const size_t short_side_, long_side_;
  const uint64_t short_ld_, long_ld_;
  const double floor_;
  uint64_t drawn_ = 0;
  CudaSGemmWeights to_long_{}, to_short_{};  // W^T and W
  std::vector<void*> owned_;
  SvdBuffer basis_, images_, block_, product_, small_, right_, left_;
  size_t size_ = 0, last_ = 0, capacity_ = 0, rank_ = 0;
  std::vector<double> gram_;
  std::vector<float> values_;
};

}  // namespace lowp

#endif  // LOWP_CUDA_SVD_SVD_SPACE_H_
