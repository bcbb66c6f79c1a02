// The sums that tensor cores make.
#ifndef LOWP_CUDA_EMULATOR_ARITHMETIC_H_
#define LOWP_CUDA_EMULATOR_ARITHMETIC_H_

#include <cstdint>

#include "cuda/emulator/intrinsics.h"

namespace lowp {
namespace emulator {

// Four bytes of a register as integers.
inline void Widen(Element type, uint32_t bytes, int16_t* wide) {
  for (int i = 0; i < 4; ++i) {
    const uint8_t byte = static_cast<uint8_t>(bytes >> 8 * i);
    wide[i] = type == Element::kU8 ? static_cast<int16_t>(byte) : static_cast<int16_t>(static_cast<int8_t>(byte));
  }
}

template <int K>
inline int32_t Dot(const int16_t* a, const int16_t* b) {
  int32_t sum = 0;
  for (int k = 0; k < K; ++k) sum += a[k] * b[k];
  return sum;
}

// Wraps.
inline int32_t Add(int32_t x, int32_t y) { return static_cast<int32_t>(static_cast<uint32_t>(x) + static_cast<uint32_t>(y)); }

// A float as significand * 2^(exponent - kFraction), with one number of fraction bits for all types of operands.
struct Scaled {
  static constexpr int kFraction = 10;
  int32_t significand;
  int32_t exponent;
};

// A row of A or a column of B.
struct Vector {
  Scaled scaled[16];
  double value[16];  // used where one is special
  bool special;      // infinite or NaN
};

// Elements per 32 bits and for each instruction.
inline int ElementsOf(Element type) { return type == Element::kTf32 ? 1 : type == Element::kS8 || type == Element::kU8 ? 4 : 2; }
inline int DepthOf(Element type) { return 8 * ElementsOf(type); }

void Unpack(Element type, const uint32_t* words, Vector* vector);

// c + sum a[k] b[k] for k in [0, depth), as measured on tensor cores (Xie et al., "MMA-Sim", arXiv 2511.10909): products are
// exact; they and c are cut off, toward zero, at `fraction` bits behind the point of the largest of them, summed exactly, and the
// sum is cut off to float32. Capability 9.0 has 25 bits and takes all at once; 8.x has 24 and takes one half, then the other. It
// is no nearer than that to other devices: kernels keep to bounds.
float FusedDot(const Vector& a, const Vector& b, float c, int depth, int capability);

}  // namespace emulator
}  // namespace lowp

#endif  // LOWP_CUDA_EMULATOR_ARITHMETIC_H_
