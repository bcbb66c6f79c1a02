/** The oracle's activations: values known by hand, ends and special values, and the errors that the documentation states. */
import { matmul, type Activation } from 'lowp/reference';
import { ACTIVATIONS, CURVES, EXACT, everyFloat, ulp, type Curve } from '../helpers/activations';

/** activation(x): a product of depth 0 is 0, plus the residual x. */
function apply(activation: Activation, x: ArrayLike<number>): number[] {
  const residual = Float32Array.from(x);
  const a = { data: new Float32Array(0), shape: [1, 0] };
  const b = { data: new Float32Array(0), shape: [0, residual.length] };
  return [...matmul(a, b, { residual, activation }).data];
}

function close(activation: Activation, pairs: readonly (readonly [number, number])[]): void {
  const got = apply(
    activation,
    pairs.map(([x]) => x),
  );
  pairs.forEach(([, y], i) => expect(got[i]).toBeCloseTo(y, 6));
}

describe('known values', () => {
  test('relu, clamp, none', () => {
    expect(apply('none', [-2, 0, 3])).toEqual([-2, 0, 3]);
    expect(apply('relu', [-2, 0, 3])).toEqual([0, 0, 3]);
    expect(apply({ min: -1, max: 2 }, [-2, 0, 3])).toEqual([-1, 0, 2]);
  });

  test('leakyRelu: alpha 0.25, and 0.01 where none is given', () => {
    expect(apply({ type: 'leakyRelu', alpha: 0.25 }, [-8, -1, 0, 3])).toEqual([-2, -0.25, 0, 3]);
    expect(apply({ type: 'leakyRelu' }, [-1, 5])).toEqual([Math.fround(-0.01), 5]);
    expect(apply({ type: 'leakyRelu', alpha: -2 }, [-3, 3])).toEqual([6, 3]);
  });

  test('hardsigmoid is x / 6 + 1/2 in 0..1, hardswish x times that', () => {
    expect(apply('hardsigmoid', [-4, -3, 0, 3, 4])).toEqual([0, 0, 0.5, 1, 1]);
    expect(apply('hardswish', [-4, 0, 3, 4])).toEqual([-0, 0, 3, 4]);
    close('hardsigmoid', [[1.5, 0.75]]);
    close('hardswish', [
      [1.5, 1.125],
      [-1.5, -0.375],
    ]);
  });

  // sigmoid(ln 3) = 3/4, tanh(ln 2) = 3/5; the others from tables of the normal distribution (Phi(1) = 0.8413447, Phi(2) = 0.9772499).
  test('sigmoid, tanh, silu, gelu, geluTanh', () => {
    close('sigmoid', [
      [0, 0.5],
      [Math.log(3), 0.75],
      [-Math.log(3), 0.25],
    ]);
    close('tanh', [
      [0, 0],
      [Math.log(2), 0.6],
      [-Math.log(2), -0.6],
    ]);
    close('silu', [
      [0, 0],
      [Math.log(3), 0.75 * Math.log(3)],
    ]);
    close('gelu', [
      [0, 0],
      [1, 0.8413447],
      [-1, -0.1586553],
      [2, 1.9544997],
      [-2, -0.0455003],
    ]);
    close('geluTanh', [
      [0, 0],
      [1, 0.841192],
      [-1, -0.158808],
      [2, 1.9545977],
    ]);
  });
});

describe('ends', () => {
  const ENDS: readonly [Activation, number, number][] = [
    ['none', -Infinity, Infinity],
    ['relu', 0, Infinity],
    ['gelu', 0, Infinity],
    ['geluTanh', -0, Infinity],
    ['silu', -0, Infinity],
    ['sigmoid', 0, 1],
    ['tanh', -1, 1],
    ['hardswish', -0, Infinity],
    ['hardsigmoid', 0, 1],
    [{ type: 'leakyRelu', alpha: 0.5 }, -Infinity, Infinity],
  ];
  test.each(ENDS)('%j at -Infinity, at Infinity, at the largest finite numbers', (activation, low, high) => {
    const largest = (2 - 2 ** -23) * 2 ** 127;
    const [first, last, below, above] = apply(activation, [-Infinity, Infinity, -largest, largest]);
    expect([first, last]).toEqual([low, high]);
    expect(below).toBe(low === -Infinity ? (activation === 'none' ? -largest : -largest / 2) : low);
    expect(above).toBe(high === Infinity ? largest : high);
  });

  test.each(ACTIVATIONS)('%j of NaN is NaN', (activation) => {
    expect(apply(activation, [NaN])).toEqual([NaN]);
  });
});

/** [ulp where x >= 0, ulp where x < 0, or an absolute error there]: the bounds of the JSDoc of Activation, or tighter. */
const BOUNDS: Readonly<Record<Curve, readonly [number, number, number]>> = {
  sigmoid: [1.5, 2.5, 0],
  tanh: [2.6, 2.6, 0],
  silu: [2.2, 3.2, 1e-37],
  geluTanh: [2.4, 0, 6e-8],
  gelu: [3.4, 0, 6e-8],
};

describe('errors against float64', () => {
  const dense = Array.from({ length: 60_001 }, (_, i) => Math.fround((i - 30_000) / 2000));
  const xs = [...everyFloat(40_961), ...dense];

  test.each(CURVES)(`%s > ${xs.length} numbers`, (curve) => {
    const got = apply(curve, xs);
    const exact = EXACT[curve];
    const [positive, negative, absolute] = BOUNDS[curve];
    let worst = '';
    for (let i = 0; i < xs.length; i++) {
      const y = exact(xs[i]);
      const error = Math.abs(got[i] - y);
      const bound = xs[i] >= 0 ? positive * ulp(y) : Math.max(negative * ulp(y), absolute);
      if (!(error <= bound)) worst = `${curve}(${xs[i]}) is ${got[i]}, expected ${y} +- ${bound}`;
    }
    expect(worst).toBe('');
  });
});
