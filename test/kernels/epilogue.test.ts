/** The epilogue on every instruction set against the oracle, bit for bit: activation x output x residual, special values, in place. */
import {
  matmul,
  matmulAsync,
  quantizedMatmul,
  quantizedMatmulAsync,
  type Activation,
  type QuantizedMatmulOptions,
  type QuantizedTensor,
} from 'lowp';
import * as reference from 'lowp/reference';
import { ACTIVATIONS, everyFloat } from '../helpers/activations';
import { tileOf, usableIsas, useIsa } from '../helpers/isas';
import { Random } from '../helpers/random';

type Values = Float32Array | Int8Array | Uint8Array | Int32Array;

/** Also the sign of zero; all NaN are one. */
function expectBits(got: Values, want: Values, title: string): void {
  expect(got.length).toBe(want.length);
  for (let i = 0; i < want.length; i++) {
    if (!Object.is(got[i], want[i])) throw new Error(`${title}: [${i}] is ${got[i]}, expected ${want[i]}`);
  }
}

const OUTPUTS: readonly QuantizedMatmulOptions['output'][] = [
  'float32',
  { dtype: 'int8', scale: 0.03, zeroPoint: -7 },
  { dtype: 'uint8', scale: 0.03, zeroPoint: 100 },
];
const RESIDUALS = ['none', 'float32', 'int8', 'uint8'] as const;
const BIASES = ['none', 'float32', 'int32'] as const;

interface Layer {
  readonly a: QuantizedTensor;
  readonly b: QuantizedTensor;
  readonly residuals: Readonly<Record<(typeof RESIDUALS)[number], QuantizedMatmulOptions['residual']>>;
  readonly biases: Readonly<Record<(typeof BIASES)[number], QuantizedMatmulOptions['bias']>>;
}

/** Real values of about -4 .. 4. */
function makeLayer(m: number, n: number, k: number): Layer {
  const r = new Random(`${m} ${n} ${k}`);
  const shape = [m, n];
  return {
    a: { data: r.bytes(m * k), shape: [m, k], scale: 0.01, zeroPoint: 120 },
    b: { data: new Int8Array(r.bytes(k * n).buffer, 0, k * n), shape: [k, n], scale: 0.004, zeroPoint: 0 },
    residuals: {
      none: undefined,
      float32: { data: r.floats(m * n, 2), shape },
      int8: { data: new Int8Array(r.bytes(m * n).buffer, 0, m * n), shape, scale: 0.02, zeroPoint: -3 },
      uint8: { data: r.bytes(m * n), shape, scale: 0.02, zeroPoint: 130 },
    },
    biases: { none: undefined, float32: r.floats(n, 1), int32: r.fill(new Int32Array(n), () => r.int(-9000, 9000)) },
  };
}

describe.each(usableIsas())('epilogue > %s', (isa) => {
  const { mr, nr } = tileOf('qgemm', isa);
  useIsa(isa);
  const layers = [makeLayer(mr + 1, 2 * nr + 3, 21), makeLayer(2, 1, 30), makeLayer(1, nr - 1, 9)];

  test.each(ACTIVATIONS)('quantizedMatmul > %j > each output, residual and bias', (activation) => {
    for (const { a, b, residuals, biases } of layers) {
      for (const output of OUTPUTS) {
        for (const kind of RESIDUALS) {
          for (const bias of BIASES) {
            if (bias === 'int32' && output === 'float32') continue;
            const options = { activation, output, residual: residuals[kind], bias: biases[bias] };
            const want = reference.quantizedMatmul(a, b, options);
            const title = `M${a.shape[0]} N${b.shape[1]} ${JSON.stringify(output)} residual ${kind} bias ${bias}`;
            expectBits(quantizedMatmul(a, b, options).data, want.data, title);
          }
        }
      }
    }
  });

  // A product of depth 0 is 0, so that activations see the residual itself.
  test.each(ACTIVATIONS)('matmul > %j of float32 numbers of every size', (activation) => {
    const specials = [NaN, Infinity, -Infinity, 0, 2 ** -149, -(2 ** -149), 2 ** -126, 3.4e38, -3.4e38, -103.97, -104, 14.5];
    const dense = Array.from({ length: 8000 }, (_, i) => (i - 4000) / 150);
    const residual = Float32Array.from([...specials, ...dense, ...everyFloat(500_009)]);
    const n = 37;
    const m = Math.floor(residual.length / n);
    const x = residual.subarray(0, m * n);
    const a = { data: new Float32Array(0), shape: [m, 0] };
    const b = { data: new Float32Array(0), shape: [0, n] };
    const want = reference.matmul(a, b, { residual: x, activation }).data;
    expectBits(matmul(a, b, { residual: x, activation }).data, want, isa);
    const qa = { data: new Uint8Array(0), shape: [m, 0], scale: 1, zeroPoint: 0 };
    const qb = { data: new Int8Array(0), shape: [0, n], scale: 1, zeroPoint: 0 };
    expectBits(quantizedMatmul(qa, qb, { residual: x, activation }).data, want, `${isa} quantized`);
    for (const dtype of ['int8', 'uint8'] as const) {
      const options = { residual: x, activation, output: { dtype, scale: 0.01, zeroPoint: 9 } };
      expectBits(
        quantizedMatmul(qa, qb, options).data,
        reference.quantizedMatmul(qa, qb, options).data,
        `${isa} quantized to ${dtype}`,
      );
    }
  });

  test('-0, of a scale that underflows', () => {
    const a = { data: Int8Array.of(-1), shape: [1, 1], scale: 1e-30, zeroPoint: 0 };
    const b = { data: new Int8Array(nr + 1).fill(1), shape: [1, nr + 1], scale: 1e-30, zeroPoint: 0 };
    for (const activation of ACTIVATIONS) {
      const want = reference.quantizedMatmul(a, b, { activation }).data;
      expectBits(quantizedMatmul(a, b, { activation }).data, want, JSON.stringify(activation));
    }
    expect(quantizedMatmul(a, b, { activation: 'gelu' }).data[0]).toBe(-0);
  });

  describe('the residual is out itself', () => {
    const { a, b } = layers[0];
    const [m] = a.shape;
    const n = b.shape[1];
    const activation: Activation = 'silu';

    test.each([0, 5])('float32, ldc+%i, threads 1 and 3, synchronous or not', async (pad) => {
      const r = new Random('in place');
      const start = r.floats((m - 1) * (n + pad) + n, 3);
      const make = () => ({ data: start.slice(), shape: [m, n], strides: [n + pad, 1] });
      const options = { activation, outStride: n + pad };
      const want = reference.quantizedMatmul(a, b, { ...options, residual: make(), out: start.slice() }).data;
      for (const threads of [1, 3]) {
        const [h, awaited] = [make(), make()];
        expectBits(quantizedMatmul(a, b, { ...options, threads, residual: h, out: h.data }).data, want, 'sync');
        const done = quantizedMatmulAsync(a, b, { ...options, threads, residual: awaited, out: awaited.data });
        expectBits((await done).data, want, 'async');
      }
      const fa = { data: r.fill(new Float32Array(m * 3), () => r.int(-3, 3)), shape: [m, 3] };
      const fb = { data: r.fill(new Float32Array(3 * n), () => r.int(-3, 3)), shape: [3, n] };
      const product = reference.matmul(fa, fb, { ...options, residual: make(), out: start.slice() }).data;
      const [h, awaited] = [make(), make()];
      expectBits(matmul(fa, fb, { ...options, residual: h, out: h.data }).data, product, 'matmul');
      await matmulAsync(fa, fb, { ...options, residual: awaited, out: awaited.data });
      expectBits(awaited.data, product, 'matmulAsync');
    });

    test.each(['int8', 'uint8'] as const)('%s', (dtype) => {
      const bytes = new Random(dtype).bytes(m * n);
      const make = () => (dtype === 'int8' ? new Int8Array(bytes.slice().buffer) : bytes.slice());
      const output = { dtype, scale: 0.03, zeroPoint: 5 };
      const residual = { data: make(), shape: [m, n], scale: 0.02, zeroPoint: 1 };
      const want = reference.quantizedMatmul(a, b, { activation, output, residual }).data;
      const { data } = quantizedMatmul(a, b, { activation, output, residual, out: residual.data });
      expect(data).toBe(residual.data);
      expectBits(data, want, dtype);
    });
  });

  test('a batch reads its own rows of the residual', () => {
    const r = new Random('batch');
    const a = { data: r.bytes(2 * 3 * 40), shape: [2, 3, 5], strides: [40, 7, 1], scale: 0.01, zeroPoint: 128 };
    const b = { data: new Int8Array(r.bytes(35).buffer, 0, 35), shape: [5, 7], scale: 0.01, zeroPoint: 0 };
    const residual = { data: r.floats(6 * 9), shape: [2, 3, 7], strides: [27, 9, 1] };
    const want = reference.quantizedMatmul(a, b, { residual, activation: 'relu' }).data;
    expectBits(quantizedMatmul(a, b, { residual, activation: 'relu' }).data, want, 'quantized');
    const fa = { data: Float32Array.from(a.data, (q) => q % 5), shape: a.shape, strides: a.strides };
    const fb = { data: Float32Array.from(b.data), shape: b.shape };
    expectBits(matmul(fa, fb, { residual }).data, reference.matmul(fa, fb, { residual }).data, 'float32');
  });
});
