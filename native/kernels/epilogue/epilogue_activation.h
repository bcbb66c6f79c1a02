// Activations, once for all ISAs, in float32 steps that are each rounded and never fused: the same bits on every ISA and in
// lib/reference/activation.ts, which has the same steps. A fused multiply-add would save instructions and give
// other bits where it is missing.
//
// Error against the exact function of the float32 x, measured over every 64th float32 and 5 million numbers of -16 .. 16 (ulp:
// units in the last place of the exact value; native/test/epilogue_test.cc and test/reference/activation.test.ts hold the bounds
// over samples):
//
//              x >= 0      x < 0                                   at -inf
//   sigmoid    1.5 ulp     2.5 ulp                                 0
//   tanh       2.6 ulp     2.6 ulp                                 -1
//   silu       2.2 ulp     3.2 ulp or 1e-37                        -0
//   geluTanh   2.4 ulp     6e-8                                    -0
//   gelu       3.4 ulp     6e-8                                    0
//
// The last two lose relative precision where they are nearly 0, because the exponent x^2 / 2 is rounded: up to 12 and
// 33 ulp down to -5, 67 and 204 further out.
// clamp, leakyRelu, hardsigmoid and hardswish are their formula, rounded step by step. NaN stays NaN.
#ifndef LOWP_KERNELS_EPILOGUE_EPILOGUE_ACTIVATION_H_
#define LOWP_KERNELS_EPILOGUE_EPILOGUE_ACTIVATION_H_

#include "kernels/epilogue/epilogue_kernel.h"
#include "kernels/epilogue/epilogue_vector.h"

namespace lowp {

// c[0] + c[1] x + ... in Horner's order.
template <class V, size_t kCount>
LOWP_HD inline typename V::F Polynomial(const float (&c)[kCount], typename V::F x) {
  typename V::F sum = V::SetF(c[kCount - 1]);
#pragma GCC unroll 8
  for (size_t i = kCount - 1; i > 0; --i) sum = V::AddF(V::MulF(sum, x), V::SetF(c[i - 1]));
  return sum;
}

// z = n ln 2 + r with whole n and |r| <= ln(2) / 2.
template <class V>
struct Reduced {
  typename V::F shifted;  // n + kRoundingShift
  typename V::F expm1;    // e^r - 1, without the cancellation of computing e^r first
};

template <class V>
LOWP_HD inline Reduced<V> Reduce(typename V::F z) {
  // ln 2 in two parts; the first has 9 bits, so that n times it is exact.
  constexpr float kLog2E = 1.442695f, kLn2High = 0.693359375f, kLn2Low = -0.00021219444f;
  // (e^r - 1 - r) / r^2, with which e^r - 1 is within 0.22 * 2^-24 of itself.
  constexpr float kExp[] = {0.49999997f, 0.16666543f, 0.0416672f, 0.0083665205f, 0.0013882521f};
  const typename V::F shift = V::SetF(kRoundingShift);
  const typename V::F shifted = V::AddF(V::MulF(z, V::SetF(kLog2E)), shift);
  const typename V::F n = V::SubF(shifted, shift);
  const typename V::F r = V::SubF(V::SubF(z, V::MulF(n, V::SetF(kLn2High))), V::MulF(n, V::SetF(kLn2Low)));
  return {shifted, V::AddF(V::MulF(Polynomial<V>(kExp, r), V::MulF(r, r)), r)};
}

// e^z for z <= 0; 0 from -104 down. 2^n could not be a normal number where e^z is denormal, hence 2^(n + 64) * 2^-64.
template <class V>
LOWP_HD inline typename V::F ExpNegative(typename V::F z) {
  const Reduced<V> e = Reduce<V>(V::MaxF(V::SetF(-104.0f), z));
  const typename V::F scaled = V::MulF(V::AddF(e.expm1, V::SetF(1.0f)), V::PowerOfTwoF(e.shifted, 64));
  return V::MulF(scaled, V::SetF(0x1p-64f));
}

// 1 / (1 + e^-x), from e = e^-|x| so that nothing overflows.
template <class V>
LOWP_HD inline typename V::F Sigmoid(typename V::F x) {
  const typename V::F one = V::SetF(1.0f), e = ExpNegative<V>(V::NegAbsF(x));
  return V::DivF(V::SelectNegativeF(x, e, one), V::AddF(e, one));
}

// With m = e^(-2|x|) - 1: |tanh x| = -m / (m + 2).
template <class V>
LOWP_HD inline typename V::F Tanh(typename V::F x) {
  const typename V::F z = V::MulF(V::NegAbsF(x), V::SetF(2.0f));
  const Reduced<V> e = Reduce<V>(V::MaxF(V::SetF(-40.0f), z));
  const typename V::F power = V::PowerOfTwoF(e.shifted, 0);
  const typename V::F m = V::AddF(V::MulF(e.expm1, power), V::SubF(power, V::SetF(1.0f)));
  return V::CopySignF(V::DivF(m, V::AddF(m, V::SetF(2.0f))), x);
}

// x sigmoid(y). The bound keeps -inf * 0 from being NaN: there y is so low that sigmoid is 0 anyway.
template <class V>
LOWP_HD inline typename V::F TimesSigmoid(typename V::F x, typename V::F y) {
  return V::MulF(V::MaxF(V::SetF(-104.0f), x), Sigmoid<V>(y));
}

// x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))) / 2 = x sigmoid(2 sqrt(2 / pi) (x + 0.044715 x^3))
template <class V>
LOWP_HD inline typename V::F GeluTanh(typename V::F x) {
  const typename V::F slope = V::AddF(V::MulF(V::MulF(x, x), V::SetF(0.071354814f)), V::SetF(1.5957692f));
  return TimesSigmoid<V>(x, V::MulF(x, slope));
}

// x Phi(x) = max(0, x) - t Phi(-t), t = |x|: one formula for both signs, with no cancellation where the result is small. The tail
// Phi(-t) is e^(-t^2 / 2) times a function that is smooth and nearly 1 / t: a quotient of polynomials with positive coefficients,
// within 0.1 * 2^-24 of itself up to t = 14.5, where the tail is 0. (A polynomial in 1 / (1 + t / 3) needs three more terms for
// the same; erf itself needs two of them, one on either side of t = 1.)
template <class V>
LOWP_HD inline typename V::F Gelu(typename V::F x) {
  constexpr float kP[] = {0.5f, 0.4382949f, 0.18323511f, 0.04063322f, 0.0041163093f};
  constexpr float kQ[] = {1.0f, 1.6744747f, 1.202503f, 0.46947056f, 0.101858824f, 0.0103179375f};
  const typename V::F e = ExpNegative<V>(V::MulF(V::MulF(x, x), V::SetF(-0.5f)));
  const typename V::F t = V::MinF(V::SetF(14.5f), V::CopySignF(x, V::SetF(0.0f)));
  const typename V::F tail = V::MulF(V::MulF(t, e), V::DivF(Polynomial<V>(kP, t), Polynomial<V>(kQ, t)));
  return V::SubF(V::MaxF(V::SetF(0.0f), x), tail);
}

// x / 6 + 1/2 between 0 and 1.
template <class V>
LOWP_HD inline typename V::F Hardsigmoid(typename V::F x) {
  const typename V::F line = V::AddF(V::MulF(x, V::SetF(1.0f / 6.0f)), V::SetF(0.5f));
  return V::MinF(V::SetF(1.0f), V::MaxF(V::SetF(0.0f), line));
}

template <class V, ActivationKind kKind>
LOWP_HD inline typename V::F Activate(const Activation& activation, typename V::F x) {
  if constexpr (kKind == ActivationKind::kClamp) {
    return V::MinF(V::SetF(activation.max), V::MaxF(V::SetF(activation.min), x));
  } else if constexpr (kKind == ActivationKind::kLeakyRelu) {
    return V::SelectNegativeF(x, V::MulF(V::SetF(activation.alpha), x), x);
  } else if constexpr (kKind == ActivationKind::kGelu) {
    return Gelu<V>(x);
  } else if constexpr (kKind == ActivationKind::kGeluTanh) {
    return GeluTanh<V>(x);
  } else if constexpr (kKind == ActivationKind::kSilu) {
    return TimesSigmoid<V>(x, x);
  } else if constexpr (kKind == ActivationKind::kSigmoid) {
    return Sigmoid<V>(x);
  } else if constexpr (kKind == ActivationKind::kTanh) {
    return Tanh<V>(x);
  } else if constexpr (kKind == ActivationKind::kHardsigmoid) {
    return Hardsigmoid<V>(x);
  } else {
    // Bounded, because -inf * 0 is NaN.
    return V::MulF(V::MaxF(V::SetF(-3.0f), x), Hardsigmoid<V>(x));
  }
}

}  // namespace lowp

#endif  // LOWP_KERNELS_EPILOGUE_EPILOGUE_ACTIVATION_H_
