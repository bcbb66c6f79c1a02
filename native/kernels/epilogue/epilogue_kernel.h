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

}  // namespace lowp

#endif  // LOWP_KERNELS_EPILOGUE_EPILOGUE_KERNEL_H_
