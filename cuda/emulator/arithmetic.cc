#include "cuda/emulator/arithmetic.h"

#include <algorithm>
#include <cmath>

namespace lowp {
namespace emulator {
namespace {

constexpr int kZeroExponent = -126;

struct Format {
  int fraction, exponent_bits;
};

Scaled Decode(uint32_t bits, Format format, bool* special) {
  const int most = (1 << format.exponent_bits) - 1, bias = most / 2;
  const int exponent = static_cast<int>(bits >> format.fraction) & most;
  int32_t significand = static_cast<int32_t>(bits & ((1u << format.fraction) - 1));
  *special = exponent == most;
  if (exponent == 0 && significand == 0) return {0, kZeroExponent};
  if (exponent != 0) significand |= 1 << format.fraction;
  significand <<= Scaled::kFraction - format.fraction;
  const bool negative = (bits >> (format.fraction + format.exponent_bits) & 1) != 0;
  return {negative ? -significand : significand, (exponent == 0 ? 1 : exponent) - bias};
}

// x * 2^shift, toward zero.
int64_t Shift(int64_t x, int shift) {
  if (shift >= 0) return x * (int64_t{1} << shift);
  if (shift < -62) return 0;
  return x < 0 ? -(-x >> -shift) : x >> -shift;
}

// x * 2^exponent, toward zero.
float Truncate(int64_t x, int exponent) {
  if (x == 0) return 0;
  const uint64_t magnitude = static_cast<uint64_t>(x < 0 ? -x : x);
  const int top = 63 - __builtin_clzll(magnitude);
  const int drop = std::max({top - 23, -149 - exponent, 0});
  if (drop > top) return x < 0 ? -0.0f : 0.0f;
  const float kept = std::ldexp(static_cast<float>(magnitude >> drop), exponent + drop);
  return x < 0 ? -kept : kept;
}

float FusedStep(const Scaled* a, const Scaled* b, float c, int depth, int fraction) {
  int exponent_c = 0;
  int64_t significand_c = 0;
  if (c == 0) {
    exponent_c = kZeroExponent;
  } else {
    exponent_c = std::max(std::ilogb(c), -126);
    significand_c = static_cast<int64_t>(std::ldexp(static_cast<double>(c), 23 - exponent_c));
  }
  int largest = exponent_c;
  for (int k = 0; k < depth; ++k) largest = std::max(largest, a[k].exponent + b[k].exponent);
  int64_t sum = Shift(significand_c, fraction - 23 + exponent_c - largest);
  for (int k = 0; k < depth; ++k) {
    const int64_t product = static_cast<int64_t>(a[k].significand) * b[k].significand;
    sum += Shift(product, fraction - 2 * Scaled::kFraction + a[k].exponent + b[k].exponent - largest);
  }
  return Truncate(sum, largest - fraction);
}

}  // namespace

void Unpack(Element type, const uint32_t* words, Vector* vector) {
  const int depth = DepthOf(type);
  vector->special = false;
  for (int k = 0; k < depth; ++k) {
    bool special = false;
    if (type == Element::kTf32) {
      const uint32_t bits = words[k] & ~0x1fffu;
      vector->scaled[k] = Decode(bits >> 13, {10, 8}, &special);
      vector->value[k] = static_cast<double>(FloatFromBits(bits));
    } else {
      const uint16_t bits = static_cast<uint16_t>(words[k / 2] >> k % 2 * 16);
      const bool is_half = type == Element::kF16;
      vector->scaled[k] = Decode(bits, is_half ? Format{10, 5} : Format{7, 8}, &special);
      vector->value[k] = static_cast<double>(is_half ? WidenFloat16(bits) : WidenBfloat16(bits));
    }
    vector->special = vector->special || special;
  }
}

float FusedDot(const Vector& a, const Vector& b, float c, int depth, int capability) {
  if (a.special || b.special || !std::isfinite(c)) {
    double sum = static_cast<double>(c);
    for (int k = 0; k < depth; ++k) sum += a.value[k] * b.value[k];
    return std::isnan(sum) ? FloatFromBits(0x7fffffffu) : static_cast<float>(sum);
  }
  if (capability >= 90) return FusedStep(a.scaled, b.scaled, c, depth, 25);
  const int half = depth / 2;
  const float first = FusedStep(a.scaled, b.scaled, c, half, 24);
  return std::isfinite(first) ? FusedStep(a.scaled + half, b.scaled + half, first, half, 24) : first;
}

}  // namespace emulator
}  // namespace lowp
