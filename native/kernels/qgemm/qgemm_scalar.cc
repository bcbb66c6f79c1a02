// Portable C++. Also what a machine without AVX2 or NEON dot product runs, so the loops are shaped for auto-vectorization
// by the base ISA: 16-bit operands and 32-bit sums along NR.
#include "kernels/epilogue/epilogue_int_store.h"
#include "kernels/epilogue/epilogue_vector_scalar.h"
#include "kernels/qgemm/qgemm_kernel.h"

namespace lowp {
namespace {

constexpr size_t kMr = 4, kNr = 8, kKr = 1, kKc = 512;
constexpr size_t kStride = QGemmRowStride(kKc, sizeof(int16_t));

template <size_t kRows>
void Ukernel(size_t k_blocks, const void* a, const int8_t* b, int32_t* acc, bool accumulate) {
  uint32_t sum[kRows][kNr] = {};  // unsigned: wrapping is defined, and only the final value has to fit
  for (size_t k = 0; k < k_blocks; ++k, b += kNr) {
    for (size_t row = 0; row < kRows; ++row) {
      const int16_t value = reinterpret_cast<const int16_t*>(static_cast<const char*>(a) + row * kStride)[k];
      for (size_t col = 0; col < kNr; ++col) sum[row][col] += static_cast<uint32_t>(int32_t{value} * int32_t{b[col]});
    }
  }
  for (size_t row = 0; row < kRows; ++row) {
    for (size_t col = 0; col < kNr; ++col) {
      int32_t& out = acc[row * kNr + col];
      out = static_cast<int32_t>(sum[row][col] + (accumulate ? static_cast<uint32_t>(out) : 0u));
    }
  }
}

template <class T>
void PackA(size_t rows, size_t k, const void* a, size_t lda, void* packed, int32_t* row_sum) {
  for (size_t row = 0; row < rows; ++row) {
    const T* from = static_cast<const T*>(a) + row * lda;
    int16_t* to = reinterpret_cast<int16_t*>(static_cast<char*>(packed) + row * kStride);
    int32_t sum = 0;
    for (size_t i = 0; i < k; ++i) {
      to[i] = from[i];
      sum += from[i];
    }
    row_sum[row] += sum;
  }
}

constexpr QGemmUkernelFn kUkernels[kMr] = {Ukernel<1>, Ukernel<2>, Ukernel<3>, Ukernel<4>};

}  // namespace

extern const QGemmKernel kQGemmScalar;
const QGemmKernel kQGemmScalar = {
    "qgemm_s16s8s32_4x8c1__scalar", kMr, kNr, kKr, kKc, sizeof(int16_t), 0, 0, kUkernels, PackA<uint8_t>, PackA<int8_t>,
    StoreIntTile<VectorScalar, kNr>};

}  // namespace lowp
