// Division of an index by a number that a launcher knows: a multiplication and a shift, where the hardware's division takes some
// twenty instructions.
#ifndef LOWP_CUDA_DEVICE_DIVIDE_H_
#define LOWP_CUDA_DEVICE_DIVIDE_H_

#include <stdint.h>

#include "cuda/device/fragments.h"

namespace lowp {

// Of n below 2^31 by a divisor from 1 to 2^31. With 2^(s-1) < divisor <= 2^s and magic = ceil(2^(31+s) / divisor), which fits 32
// bits, magic * divisor exceeds 2^(31+s) by less than 2^s: too little to reach the next quotient.
struct Divisor {
  uint32_t divisor = 1, magic = UINT32_C(1) << 31, shift = 31;

  Divisor() = default;
  explicit Divisor(uint32_t by) : divisor(by) {
    uint32_t s = 0;
    while ((UINT64_C(1) << s) < by) ++s;
    shift = 31 + s;
    magic = static_cast<uint32_t>(((UINT64_C(1) << shift) + by - 1) / by);
  }

  LOWP_HD uint32_t Quotient(uint32_t n) const { return static_cast<uint32_t>((static_cast<uint64_t>(n) * magic) >> shift); }
};

// n becomes the quotient; the remainder is returned.
LOWP_HD inline uint32_t Divide(uint32_t& n, const Divisor& by) {
  const uint32_t quotient = by.Quotient(n), remainder = n - quotient * by.divisor;
  n = quotient;
  return remainder;
}

}  // namespace lowp

#endif  // LOWP_CUDA_DEVICE_DIVIDE_H_
