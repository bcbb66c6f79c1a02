#include "kernels/epilogue/epilogue_store.h"
#include "kernels/epilogue/epilogue_vector_scalar.h"
#include "kernels/sgemm/sgemm_kernel.h"

namespace lowp {
namespace {

constexpr size_t kMr = 4, kNr = 8;

template <size_t kRows>
void Ukernel(size_t k, const float* a, const float* b, float* acc, bool accumulate) {
  float sum[kRows][kNr] = {};
  for (size_t i = 0; i < k; ++i, b += kNr) {
    for (size_t row = 0; row < kRows; ++row) {
      for (size_t col = 0; col < kNr; ++col) sum[row][col] += a[row * kSGemmRowStride + i] * b[col];
    }
  }
  for (size_t row = 0; row < kRows; ++row) {
    for (size_t col = 0; col < kNr; ++col) acc[row * kNr + col] = sum[row][col] + (accumulate ? acc[row * kNr + col] : 0.0f);
  }
}

constexpr SGemmUkernelFn kUkernels[kMr] = {Ukernel<1>, Ukernel<2>, Ukernel<3>, Ukernel<4>};

}  // namespace

extern const SGemmKernel kSGemmScalar;
const SGemmKernel kSGemmScalar = {"sgemm_f32_4x8__scalar", kMr, kNr, kUkernels, StoreFloatTile<VectorScalar, kNr>};

}  // namespace lowp
