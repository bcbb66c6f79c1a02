// One element as a vector, in portable C++.
#ifndef LOWP_KERNELS_EPILOGUE_EPILOGUE_VECTOR_SCALAR_H_
#define LOWP_KERNELS_EPILOGUE_EPILOGUE_VECTOR_SCALAR_H_

#include "kernels/epilogue/epilogue_vector.h"

namespace lowp {
namespace {

struct VectorScalar {
  using F = float;
  using I = int32_t;
  static constexpr size_t kWidth = 1;
  static constexpr bool kStoresPairs = false;
  static I LoadI(const int32_t* p) { return *p; }
  static F LoadF(const float* p) { return *p; }
  static F LoadFirstF(const float* p, size_t) { return *p; }
  static I LoadFirstU8(const uint8_t* p, size_t) { return *p; }
  static I LoadFirstS8(const int8_t* p, size_t) { return *p; }
  static I SetI(int32_t x) { return x; }
  static F SetF(float x) { return x; }
  static I AddI(I x, I y) { return Wrap(static_cast<uint32_t>(x) + static_cast<uint32_t>(y)); }
  static I SubI(I x, I y) { return Wrap(static_cast<uint32_t>(x) - static_cast<uint32_t>(y)); }
  static I MulI(I x, I y) { return Wrap(static_cast<uint32_t>(x) * static_cast<uint32_t>(y)); }
  static F ToF(I x) { return static_cast<float>(x); }
  static F AddF(F x, F y) { return x + y; }
  static F SubF(F x, F y) { return x - y; }
  static F MulF(F x, F y) { return x * y; }
  static F DivF(F x, F y) { return x / y; }
  static F MinF(F bound, F x) { return bound < x ? bound : x; }
  static F MaxF(F bound, F x) { return bound > x ? bound : x; }
  static F NegAbsF(F x) { return FromBits(Bits(x) | kSign); }
  static F CopySignF(F magnitude, F sign) { return FromBits((Bits(magnitude) & ~kSign) | (Bits(sign) & kSign)); }
  static F SelectNegativeF(F x, F if_negative, F otherwise) { return (Bits(x) & kSign) != 0 ? if_negative : otherwise; }
  static F PowerOfTwoF(F shifted, int32_t n) {
    return FromBits((Bits(shifted) << kExponentShift) + (static_cast<uint32_t>(kExponentBias + n) << kExponentShift));
  }
  static F NanToZero(F x) { return x == x ? x : 0.0f; }
  // lrintf would be a library call here.
  static I Round(F x) { return static_cast<I>((x + kRoundingShift) - kRoundingShift); }
  static void StoreI(int32_t* p, I x, size_t) { *p = x; }
  static void StoreF(float* p, F x, size_t) { *p = x; }
  static void StoreU8(uint8_t* p, I x, size_t) { *p = static_cast<uint8_t>(x); }
  static void StoreS8(int8_t* p, I x, size_t) { *p = static_cast<int8_t>(x); }

 private:
  static constexpr uint32_t kSign = 0x80000000u;
  static I Wrap(uint32_t x) { return static_cast<I>(x); }
  static uint32_t Bits(F x) {
    uint32_t bits;
    __builtin_memcpy(&bits, &x, sizeof(bits));
    return bits;
  }
  static F FromBits(uint32_t bits) {
    F x;
    __builtin_memcpy(&x, &bits, sizeof(x));
    return x;
  }
};

}  // namespace
}  // namespace lowp

#endif  // LOWP_KERNELS_EPILOGUE_EPILOGUE_VECTOR_SCALAR_H_
