// The end of a group, once for all ISAs: templates over a vector type that each ISA file defines in its anonymous namespace, so
// that every instance has internal linkage. Multiplications and additions stay separate, each rounded to float32.
//
// V has: kWidth, F, I; SetI SetF LoadF StoreF LoadI16 (kWidth int16 widened) AddI SubI MulI ToF AddF MulF.
#ifndef LOWP_KERNELS_NBITS_NBITS_FINISH_H_
#define LOWP_KERNELS_NBITS_NBITS_FINISH_H_

#include "kernels/nbits/nbits_kernel.h"

namespace lowp {

// What groups of B have beside their weights, as the tile walks over them.
struct GroupConstants {
  const float* scale;
  const int16_t* zero;
};

// sum (in which the correction is, unless kZeros) times both scales.
template <class V, bool kZeros>
inline typename V::F Scaled(typename V::I sum, const NBitsRowGroup& a, const GroupConstants& b, size_t col) {
  if (kZeros) sum = V::SubI(sum, V::MulI(V::SetI(a.correction), V::LoadI16(b.zero + col)));
  return V::MulF(V::ToF(sum), V::MulF(V::SetF(a.scale), V::LoadF(b.scale + col)));
}

}  // namespace lowp

#endif  // LOWP_KERNELS_NBITS_NBITS_FINISH_H_
