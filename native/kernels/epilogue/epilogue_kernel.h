// Plain data of the epilogue, for files compiled with ISA flags.
#ifndef LOWP_KERNELS_EPILOGUE_EPILOGUE_KERNEL_H_
#define LOWP_KERNELS_EPILOGUE_EPILOGUE_KERNEL_H_

#include <stddef.h>
#include <stdint.h>

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

}  // namespace lowp

#endif  // LOWP_KERNELS_EPILOGUE_EPILOGUE_KERNEL_H_
