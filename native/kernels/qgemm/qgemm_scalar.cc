// Portable C++. Also what a machine without AVX2 or NEON dot product runs, so the loops are shaped for auto-vectorization
// by the base ISA: 16-bit operands and 32-bit sums along NR.
#include "kernels/qgemm/qgemm_epilogue.h"

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

// 1.5 * 2^23: adding it moves the integer part of |x| < 2^22 into the low mantissa bits, rounded to nearest even by the
// addition itself. lrintf would be a library call here.
constexpr float kRoundingShift = 12582912.0f;

struct Scalar {
  using F = float;
  using I = int32_t;
  static constexpr size_t kWidth = 1;
  static I Wrap(uint32_t x) { return static_cast<I>(x); }
  static I LoadI(const int32_t* p) { return *p; }
  static F LoadF(const float* p) { return *p; }
  static I SetI(int32_t x) { return x; }
  static F SetF(float x) { return x; }
  static I AddI(I x, I y) { return Wrap(static_cast<uint32_t>(x) + static_cast<uint32_t>(y)); }
  static I SubI(I x, I y) { return Wrap(static_cast<uint32_t>(x) - static_cast<uint32_t>(y)); }
  static I MulI(I x, I y) { return Wrap(static_cast<uint32_t>(x) * static_cast<uint32_t>(y)); }
  static F ToF(I x) { return static_cast<float>(x); }
  static F AddF(F x, F y) { return x + y; }
  static F MulF(F x, F y) { return x * y; }
  static F DivF(F x, F y) { return x / y; }
  static F MinF(F bound, F x) { return bound < x ? bound : x; }
  static F MaxF(F bound, F x) { return bound > x ? bound : x; }
  static F NanToZero(F x) { return x == x ? x : 0.0f; }
  static I Round(F x) { return static_cast<I>((x + kRoundingShift) - kRoundingShift); }
  static void StoreI(int32_t* p, I x, size_t) { *p = x; }
  static void StoreF(float* p, F x, size_t) { *p = x; }
  static void StoreU8(uint8_t* p, I x, size_t) { *p = static_cast<uint8_t>(x); }
  static void StoreS8(int8_t* p, I x, size_t) { *p = static_cast<int8_t>(x); }
};

constexpr QGemmUkernelFn kUkernels[kMr] = {Ukernel<1>, Ukernel<2>, Ukernel<3>, Ukernel<4>};

}  // namespace

extern const QGemmKernel kQGemmScalar;
const QGemmKernel kQGemmScalar = {
    "qgemm_s16s8s32_4x8c1__scalar", kMr, kNr, kKr, kKc, sizeof(int16_t), 0, 0, kUkernels, PackA<uint8_t>, PackA<int8_t>,
    StoreTile<Scalar, kNr>};

}  // namespace lowp
