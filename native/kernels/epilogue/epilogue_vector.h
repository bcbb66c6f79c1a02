// What a vector type V of the epilogue offers, all in the types F (kWidth floats) and I (kWidth int32):
//
//   LoadI LoadF                          kWidth lanes, no alignment
//   LoadFirstF LoadFirstU8 LoadFirstS8   the first `cols` lanes (no byte beyond them is read); the others are unspecified
//   StoreI StoreF StoreU8 StoreS8        the first `cols` lanes
//   StorePairU8 StorePairS8              all lanes of two vectors, where kStoresPairs
//   SetI SetF, AddI SubI MulI (mod 2^32), ToF, AddF SubF MulF DivF (each rounded)
//   MinF(bound, x)  MaxF(bound, x)       bound < x ? bound : x and bound > x ? bound : x, so NaN passes and -0 stays
//   NegAbsF(x), CopySignF(magnitude, sign), SelectNegativeF(x, if_negative, otherwise): by the sign bit of x
//   PowerOfTwoF(shifted, n)              2^(n + m) where shifted = m + kRoundingShift, with n + m in [-126, 127]: the integer m
//                                        stands in the low bits of `shifted`, so no conversion is needed. NaN: unspecified
//   NanToZero, Round                     to an integer, ties to even, of |x| < 2^22
//
// Each type stands in an anonymous namespace, so that every instance made of it has internal linkage. Multiplication and addition
// stay separate; -ffp-contract=off keeps the compiler from fusing them.
#ifndef LOWP_KERNELS_EPILOGUE_EPILOGUE_VECTOR_H_
#define LOWP_KERNELS_EPILOGUE_EPILOGUE_VECTOR_H_

#include <stddef.h>
#include <stdint.h>

namespace lowp {

// 1.5 * 2^23: adding it moves the integer part of |x| < 2^22 into the low mantissa bits, rounded to nearest even by the
// addition itself.
static constexpr float kRoundingShift = 12582912.0f;
// Shifted left by 23 bits, the bits of kRoundingShift vanish and those of the integer become those of an exponent.
static constexpr int kExponentShift = 23;
static constexpr int32_t kExponentBias = 127;

// The first `cols` lanes of a vector that was spilled to `lanes`, or is to be read from them.
template <class T, class L>
static inline void StoreLanes(T* out, const L* lanes, size_t cols) {
  for (size_t i = 0; i < cols; ++i) out[i] = static_cast<T>(lanes[i]);
}

}  // namespace lowp

#endif  // LOWP_KERNELS_EPILOGUE_EPILOGUE_VECTOR_H_
