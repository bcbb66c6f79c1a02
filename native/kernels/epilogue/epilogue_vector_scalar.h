// One element as a vector, in portable C++.
#ifndef LOWP_KERNELS_EPILOGUE_EPILOGUE_VECTOR_SCALAR_H_
#define LOWP_KERNELS_EPILOGUE_EPILOGUE_VECTOR_SCALAR_H_

#include "kernels/epilogue/epilogue_kernel.h"
#include "kernels/epilogue/epilogue_vector.h"

namespace lowp {
namespace {

struct VectorScalar {
  using F = float;
  using I = int32_t;
  static constexpr size_t kWidth = 1;
  static constexpr bool kStoresPairs = false;
  LOWP_HD static I LoadI(const int32_t* p) { return *p; }
  LOWP_HD static F LoadF(const float* p) { return *p; }
  LOWP_HD static F LoadFirstF(const float* p, size_t) { return *p; }
  LOWP_HD static I LoadFirstU8(const uint8_t* p, size_t) { return *p; }
  LOWP_HD static I LoadFirstS8(const int8_t* p, size_t) { return *p; }
  LOWP_HD static I SetI(int32_t x) { return x; }
  LOWP_HD static F SetF(float x) { return x; }
  LOWP_HD static I AddI(I x, I y) { return Wrap(static_cast<uint32_t>(x) + static_cast<uint32_t>(y)); }
  LOWP_HD static I SubI(I x, I y) { return Wrap(static_cast<uint32_t>(x) - static_cast<uint32_t>(y)); }
  LOWP_HD static I MulI(I x, I y) { return Wrap(static_cast<uint32_t>(x) * static_cast<uint32_t>(y)); }
  LOWP_HD static F ToF(I x) { return static_cast<float>(x); }
  LOWP_HD static F AddF(F x, F y) { return x + y; }
  LOWP_HD static F SubF(F x, F y) { return x - y; }
  LOWP_HD static F MulF(F x, F y) { return x * y; }
  LOWP_HD static F DivF(F x, F y) { return x / y; }
  LOWP_HD static F MinF(F bound, F x) { return bound < x ? bound : x; }
  LOWP_HD static F MaxF(F bound, F x) { return bound > x ? bound : x; }
  LOWP_HD static F NegAbsF(F x) { return FromBits(Bits(x) | kSign); }
  LOWP_HD static F CopySignF(F magnitude, F sign) { return FromBits((Bits(magnitude) & ~kSign) | (Bits(sign) & kSign)); }
  LOWP_HD static F SelectNegativeF(F x, F if_negative, F otherwise) { return (Bits(x) & kSign) != 0 ? if_negative : otherwise; }
  LOWP_HD static F PowerOfTwoF(F shifted, int32_t n) {
    return FromBits((Bits(shifted) << kExponentShift) + (static_cast<uint32_t>(kExponentBias + n) << kExponentShift));
  }
  LOWP_HD static F NanToZero(F x) { return x == x ? x : 0.0f; }
  // lrintf would be a library call here.
  LOWP_HD static I Round(F x) { return static_cast<I>((x + kRoundingShift) - kRoundingShift); }
  LOWP_HD static void StoreI(int32_t* p, I x, size_t) { *p = x; }
  LOWP_HD static void StoreF(float* p, F x, size_t) { *p = x; }
  LOWP_HD static void StoreU8(uint8_t* p, I x, size_t) { *p = static_cast<uint8_t>(x); }
  LOWP_HD static void StoreS8(int8_t* p, I x, size_t) { *p = static_cast<int8_t>(x); }

 private:
  static constexpr uint32_t kSign = 0x80000000u;
  LOWP_HD static I Wrap(uint32_t x) { return static_cast<I>(x); }
  LOWP_HD static uint32_t Bits(F x) {
    uint32_t bits;
    __builtin_memcpy(&bits, &x, sizeof(bits));
    return bits;
  }
  LOWP_HD static F FromBits(uint32_t bits) {
    F x;
    __builtin_memcpy(&x, &bits, sizeof(x));
    return x;
  }
};

}  // namespace
}  // namespace lowp

#endif  // LOWP_KERNELS_EPILOGUE_EPILOGUE_VECTOR_SCALAR_H_
