/**
 * Activations in float32 steps: each multiplication, addition and division is rounded by itself, in the order in which every kernel
 * does them (native/kernels/epilogue/epilogue_activation.h says why it is done so), so that results are equal bit for bit.
 */
import type { Activation } from '../types';

// Once: in a test each use of a global is a look-up through the sandbox.
const { abs, fround: f32 } = Math;
const add = (x: number, y: number): number => f32(x + y);
const mul = (x: number, y: number): number => f32(x * y);
const div = (x: number, y: number): number => f32(x / y);

/** What is applied to each real value. */
export type Activate = (x: number) => number;

const LOG2_E = f32(1.442695);
/** ln 2 in two parts; the first has 9 bits, so that its product with a whole number up to 2^15 is exact. */
const LN2_HIGH = 0.693359375;
const LN2_LOW = f32(-0.00021219444);
/** 1.5 * 2^23: adding it rounds to a whole number, ties to even; subtracting it gives that number. */
const ROUNDING_SHIFT = 12582912;
/** (e^r - 1 - r) / r^2 for |r| <= ln(2) / 2. */
const EXP = [0.49999997, 0.16666543, 0.0416672, 0.0083665205, 0.0013882521].map(f32);
/** e^(t^2 / 2) * erfc(t / sqrt(2)) / 2 for 0 <= t <= 14.5: numerator and denominator. */
const TAIL_P = [0.5, 0.4382949, 0.18323511, 0.04063322, 0.0041163093].map(f32);
const TAIL_Q = [1, 1.6744747, 1.202503, 0.46947056, 0.101858824, 0.0103179375].map(f32);
/** 2 sqrt(2 / pi), and that times 0.044715. */
const GELU_LINEAR = f32(1.5957692);
const GELU_CUBIC = f32(0.071354814);
const SIXTH = f32(1 / 6);

/** Comparisons, not Math.min/max: NaN fails both and so propagates, and -0 stays -0. */
function atLeast(bound: number, x: number): number {
  return bound > x ? bound : x;
}
function atMost(bound: number, x: number): number {
  return bound < x ? bound : x;
}
/** By the sign bit. */
function isNegative(x: number): boolean {
  return x < 0 || (x === 0 && 1 / x < 0);
}

/** coefficients[0] + coefficients[1] x + ..., from the highest down. */
function polynomial(coefficients: readonly number[], x: number): number {
  return coefficients.reduceRight((sum, c) => add(mul(sum, x), c));
}

/** z = n ln 2 + r with whole n and |r| <= ln(2) / 2; returns n and e^r - 1. */
function reduce(z: number): { n: number; expm1: number } {
  const n = f32(add(mul(z, LOG2_E), ROUNDING_SHIFT) - ROUNDING_SHIFT);
  const r = f32(f32(z - mul(n, LN2_HIGH)) - mul(n, LN2_LOW));
  return { n, expm1: add(mul(polynomial(EXP, r), mul(r, r)), r) };
}

/** e^z for z <= 0. In two steps, because 2^n alone could not be a float32 where e^z is denormal. */
function expNegative(z: number): number {
  const { n, expm1 } = reduce(atLeast(-104, z));
  return mul(mul(add(expm1, 1), 2 ** (n + 64)), 2 ** -64);
}

function sigmoid(x: number): number {
  const e = expNegative(-abs(x));
  return div(isNegative(x) ? e : 1, add(e, 1));
}

/** From m = e^(-2|x|) - 1, without the cancellation of 1 - e^(-2|x|) near 0. */
function tanh(x: number): number {
  const { n, expm1 } = reduce(atLeast(-40, -2 * abs(x)));
  const power = 2 ** n;
  const m = add(mul(expm1, power), f32(power - 1));
  const y = abs(div(m, add(m, 2)));
  return isNegative(x) ? -y : y;
}

/** The bound keeps -Infinity * 0 from being NaN: there sigmoid is 0 anyway. */
function silu(x: number): number {
  return mul(atLeast(-104, x), sigmoid(x));
}

/** x Phi(x) = max(0, x) - |x| Phi(-|x|), the standard normal distribution's tail being e^(-x^2 / 2) times a smooth function. */
function gelu(x: number): number {
  const t = atMost(14.5, abs(x));
  const e = expNegative(mul(mul(x, x), -0.5));
  const tail = mul(mul(t, e), div(polynomial(TAIL_P, t), polynomial(TAIL_Q, t)));
  return f32(atLeast(0, x) - tail);
}

/** 0.5 (1 + tanh(u)) is sigmoid(2u). */
function geluTanh(x: number): number {
  const twice = mul(x, add(mul(mul(x, x), GELU_CUBIC), GELU_LINEAR));
  return mul(atLeast(-104, x), sigmoid(twice));
}

function hardsigmoid(x: number): number {
  return clamp(add(mul(x, SIXTH), 0.5), 0, 1);
}

function hardswish(x: number): number {
  return mul(atLeast(-3, x), hardsigmoid(x));
}

function clamp(x: number, min: number, max: number): number {
  return atMost(max, atLeast(min, x));
}

const CURVES = { gelu, geluTanh, silu, sigmoid, tanh, hardswish, hardsigmoid } as const;

export interface Bounds {
  readonly min: number;
  readonly max: number;
}

/** The bounds of an activation that only clamps; undefined for every other one. */
export function boundsOf(activation: Activation = 'none'): Bounds | undefined {
  if (activation === 'none') return { min: -Infinity, max: Infinity };
  if (activation === 'relu') return { min: 0, max: Infinity };
  if (typeof activation === 'string' || 'type' in activation) return undefined;
  return { min: f32(activation.min ?? -Infinity), max: f32(activation.max ?? Infinity) };
}

export function activationOf(activation: Activation = 'none'): Activate {
  const bounds = boundsOf(activation);
  if (bounds !== undefined) return (x) => clamp(x, bounds.min, bounds.max);
  if (typeof activation === 'string') return CURVES[activation as keyof typeof CURVES];
  const alpha = f32(('alpha' in activation ? activation.alpha : undefined) ?? 0.01);
  return (x) => (isNegative(x) ? mul(alpha, x) : x);
}
