/** Every activation, and the exact functions in float64: nothing here knows how the library computes them. */
import type { Activation } from 'lowp';

export const CURVES = ['gelu', 'geluTanh', 'silu', 'sigmoid', 'tanh'] as const;
export type Curve = (typeof CURVES)[number];

export const ACTIVATIONS: readonly Activation[] = [
  'none',
  'relu',
  { min: -0.75, max: 1.5 },
  { type: 'leakyRelu', alpha: 0.2 },
  { type: 'leakyRelu', alpha: -1.5 },
  ...CURVES,
  'hardswish',
  'hardsigmoid',
];

const { abs, exp, fround, sqrt, PI } = Math;

/** The upper tail of the normal distribution, t >= 0: a series for small t, a continued fraction for large ones. */
function normalTail(t: number): number {
  const density = exp((-t * t) / 2) / sqrt(2 * PI);
  if (t < 3) {
    let term = t;
    let sum = t;
    for (let i = 3; abs(term) > 1e-18 * sum; i += 2) sum += term *= (t * t) / i;
    return 0.5 - density * sum;
  }
  let fraction = t;
  for (let i = 120; i > 0; i--) fraction = t + i / fraction;
  return density / fraction;
}

export const EXACT: Readonly<Record<Curve, (x: number) => number>> = {
  gelu: (x) => (x < 0 ? x * normalTail(-x) : x - x * normalTail(x)),
  geluTanh: (x) => x / (1 + exp(-2 * sqrt(2 / PI) * (x + 0.044715 * x ** 3))),
  silu: (x) => x / (1 + exp(-x)),
  sigmoid: (x) => 1 / (1 + exp(-x)),
  tanh: Math.tanh,
};

/** The distance from |x| as a float32 to the next one. */
export function ulp(x: number): number {
  const bits = new Int32Array(new Float32Array([abs(fround(x))]).buffer);
  return 2 ** (Math.max(bits[0] >> 23, 1) - 150);
}

/** Every `step`th finite float32, of both signs. */
export function* everyFloat(step: number): Generator<number> {
  const bits = new Uint32Array(1);
  const float = new Float32Array(bits.buffer);
  for (let i = 0; i < 0x7f800000; i += step) {
    bits[0] = i;
    yield float[0];
    yield -float[0];
  }
}
