/**
 * Requantization where the last bit decides: sums, scales and biases chosen so that a step left out (a product kept in float64, a
 * fused multiply-add, a reciprocal instead of a division) lands on the other side of a tie. Each test counts how many of its values
 * tell the wrong rule from the right one.
 */
import { quantizedMatmul, type MatmulOutput, type QuantizedDtype, type QuantizedMatmulOptions, type QuantizedTensor } from 'lowp';
import * as reference from 'lowp/reference';
import { expectSame } from '../helpers/compare';
import { usableIsas, useIsa } from '../helpers/isas';
import { Random } from '../helpers/random';

const f32 = Math.fround;
const N = 1003;
const SCALE_A = f32(0.0123);
const SCALE_OUT = f32(0.037);

interface Problem {
  readonly a: QuantizedTensor;
  readonly b: QuantizedTensor & { readonly scale: Float32Array };
  /** Real values are multiples of a tie of this output. */
  readonly ties: Float32Array;
}

/** All activations are the zero point, so that the sums are the bias alone; one scale per column. */
function problem(r: Random, perRow: boolean): Problem {
  const data = new Uint8Array(3).fill(7);
  const a: QuantizedTensor = perRow
    ? {
        data,
        shape: [3, 1],
        scale: Float32Array.of(SCALE_A, f32(SCALE_A * 3), SCALE_A),
        zeroPoint: Uint8Array.of(7, 7, 7),
        axis: 0,
      }
    : { data, shape: [3, 1], scale: SCALE_A, zeroPoint: 7 };
  const scale = r.fill(new Float32Array(N), () => r.real(1e-5, 2e-5));
  const b = {
    data: r.fill(new Int8Array(N), () => r.int(-128, 127)),
    shape: [1, N],
    scale,
    zeroPoint: new Int8Array(N),
    axis: 1,
  };
  return { a, b, ties: r.fill(new Float32Array(N), () => r.int(-120, 120) + 0.5) };
}

function differing(values: ArrayLike<number>, wrong: (n: number) => number): number {
  return Array.from({ length: N }, (_, n) => n).filter((n) => values[n] !== wrong(n)).length;
}

function run(p: Problem, options: QuantizedMatmulOptions & { readonly output: MatmulOutput }): ArrayLike<number> {
  const want = reference.quantizedMatmul(p.a, p.b, options);
  expectSame(quantizedMatmul(p.a, p.b, options).data, want.data, JSON.stringify(options.output));
  return want.data;
}

/** Round half to even, as float64 has it. */
function nearest(x: number, zeroPoint: number): number {
  const up = Math.round(x);
  return (up - x === 0.5 && up % 2 !== 0 ? up - 1 : up) + zeroPoint;
}

describe.each(usableIsas())('rounding > %s', (isa) => {
  useIsa(isa);

  describe.each([false, true])('scales of the activations per row: %s', (perRow) => {
    test.each<QuantizedDtype>(['int8', 'uint8'])(
      'int32 bias -> %s: the sum, the multiplier and the product are float32',
      (dtype) => {
        const p = problem(new Random(dtype), perRow);
        const { scale } = p.b;
        const zeroPoint = dtype === 'int8' ? 0 : 128;
        const multiplier = (n: number): number => f32(f32(SCALE_A * scale[n]) / SCALE_OUT);
        const bias = Int32Array.from(p.ties, (tie, n) => Math.round(tie / multiplier(n)));
        const got = run(p, { bias, output: { dtype, scale: SCALE_OUT, zeroPoint } });
        expect(differing(got, (n) => nearest(bias[n] * multiplier(n), zeroPoint))).toBeGreaterThan(10);
        expect(
          differing(got, (n) => nearest(f32(f32(bias[n]) * f32((SCALE_A * scale[n]) / SCALE_OUT)), zeroPoint)),
        ).toBeGreaterThan(10);
        expect(differing(got, (n) => nearest(f32(bias[n] * multiplier(n)), zeroPoint))).toBeGreaterThan(10);
      },
    );

    test.each<QuantizedDtype>(['int8', 'uint8'])('float32 bias -> %s: the quotient is float32, and a division', (dtype) => {
      const p = problem(new Random(dtype), perRow);
      const zeroPoint = dtype === 'int8' ? 0 : 128;
      const bias = Float32Array.from(p.ties, (tie) => tie * SCALE_OUT);
      const got = run(p, { bias, output: { dtype, scale: SCALE_OUT, zeroPoint } });
      expect(differing(got, (n) => nearest(bias[n] / SCALE_OUT, zeroPoint))).toBeGreaterThan(10);
      expect(differing(got, (n) => nearest(f32(bias[n] * f32(1 / SCALE_OUT)), zeroPoint))).toBeGreaterThan(10);
    });

    test('float32 output: sums above 2^24 are rounded, then the product, then the bias', () => {
      const r = new Random('float32');
      const { a: one, b, ties } = problem(r, perRow);
      const k = 1031;
      const a = { ...one, data: r.fill(new Uint8Array(3 * k), () => r.int(128, 255)), shape: [3, k] };
      const data = r.fill(new Int8Array(k * N), () => r.int(90, 127));
      const p: Problem = { a, b: { ...b, data, shape: [k, N] }, ties };
      const sums = quantizedMatmul(a, p.b, { output: 'int32' }).data;
      const scale = Float32Array.from(b.scale, (s) => SCALE_A * s);
      const got = run(p, { output: 'float32' });
      expect(differing(got, (n) => f32(sums[n] * scale[n]))).toBeGreaterThan(10);
      const bias = Float32Array.from(scale, (s) => -1e6 * s);
      const biased = run(p, { output: 'float32', bias });
      expect(differing(biased, (n) => f32(f32(sums[n]) * scale[n] + bias[n]))).toBeGreaterThan(10);
      run(p, { output: { dtype: 'int8', scale: SCALE_OUT }, bias, activation: 'relu' });
    });
  });
});
