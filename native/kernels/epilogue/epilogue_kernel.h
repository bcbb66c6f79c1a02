// Plain data of the epilogue, for files compiled with ISA flags.
#ifndef LOWP_KERNELS_EPILOGUE_EPILOGUE_KERNEL_H_
#define LOWP_KERNELS_EPILOGUE_EPILOGUE_KERNEL_H_

#include <stddef.h>
#include <stdint.h>

// Before functions that run on a CUDA device too. The same line stands in cuda/device/fragments.h.
#ifdef __CUDACC__
#define LOWP_HD __host__ __device__
#else
#define LOWP_HD
#endif

namespace lowp {

// In the order of ActivationCode of addon/ctl.h.
enum class ActivationKind : uint8_t {
  kClamp,  // none and relu too
  kLeakyRelu,
  kGelu,
  kGeluTanh,
  kSilu,
  kSigmoid,
  kTanh,
  kHardswish,
  kHardsigmoid,
};

struct Activation {
  ActivationKind kind;
  float min, max;  // kClamp; -inf and inf: none
  float alpha;     // kLeakyRelu
};

enum class ResidualKind : uint8_t { kNone, kFloat32, kU8, kS8 };

// Element [row][n] is data[row * ld + n]; an 8-bit one stands for scale * (q - zero).
struct Residual {
  ResidualKind kind;
  const void* data;
  size_t ld;
  float scale;
  int32_t zero;
};

// What comes after float32 sums. Row 0 of c and residual is that of one matrix of the batch.
struct FloatStore {
  const float* bias;  // [N] or null
  Activation activation;
  Residual residual;
  float* c;
  size_t ldc;
};

// C[m .. m+rows)[n .. n+cols) = activation(acc[rows][NR] + bias + residual)
using FloatStoreFn = void (*)(const FloatStore& store, const float* acc, size_t m, size_t n, size_t rows, size_t cols);

enum class IntStoreMode : uint8_t {
  kInt32,       // s
  kFloat32,     // x = activation(s * scale + bias + residual)
  kRequantize,  // saturate(round(s * scale) + zero): no float32 bias, no residual, and no activation but a clamp
  kQuantize,    // saturate(round(x / c_scale) + zero)
};

// What comes after exact int32 sums, one set for a call. Column arrays are padded to a whole tile.
//   s[m][n] = acc + col_add[n] - row_sum[m] * b_zero[n] - a_zero[m] * b_corr[n]      (mod 2^32; the true value fits)
// with b_corr[n] = sum_k (b - zb). For one a_zero the last term is already in col_add. Null: the term is absent.
struct IntStore {
  IntStoreMode mode;
  bool c_signed;  // 8-bit output: int8, else uint8
  const int32_t* col_add;
  const int32_t* b_zero;   // with row_sum
  const int32_t* b_corr;   // with a_zero
  const float* scale;      // a_scale * b_scale (/ c_scale); with a_scale[m]: b_scale alone
  const float* bias;       // float32 modes
  const int32_t* row_sum;  // [M]
  const int32_t* a_zero;   // [M]
  const float* a_scale;    // [M]
  Activation activation;   // float32 modes
  Residual residual;       // float32 modes; row 0 is that of C
  float c_scale;
  float c_low, c_high;  // 8-bit modes: bounds of the rounded value before the zero point is added
  int32_t c_zero;
  void* c;
  size_t ldc;
};

// Applies the epilogue to acc[rows][NR] and writes C[m .. m+rows)[n .. n+cols).
using IntStoreFn = void (*)(const IntStore& store, const int32_t* acc, size_t m, size_t n, size_t rows, size_t cols);

}  // namespace lowp

#endif  // LOWP_KERNELS_EPILOGUE_EPILOGUE_KERNEL_H_
