/** quantize and dequantize on every instruction set against the oracle: values, scales and zero points equal. */
import {
  dequantize,
  quantize,
  runtime,
  type QuantizedDtype,
  type QuantizedTensor,
  type QuantizeOptions,
  type Tensor,
} from 'lowp';
import * as reference from 'lowp/reference';
import { expectSame } from '../helpers/compare';
import { kernelOf, usableIsas, useIsa } from '../helpers/isas';
import { Random } from '../helpers/random';

const DTYPES: readonly QuantizedDtype[] = ['int8', 'uint8'];
const LENGTHS = [0, 1, 3, 7, 8, 9, 15, 16, 17, 31, 32, 33, 63, 64, 65, 127, 128, 129, 1000];
// float32's largest and smallest, and what spans that overflow or vanish are made of.
const HUGE = 3.4028234663852886e38;
const TINY = 2 ** -149;

function asArray(x: number | ArrayLike<number>): ArrayLike<number> {
  return typeof x === 'number' ? [x] : x;
}

/** quantize, then dequantize what came out, both equal to the oracle. */
function check(x: Tensor<Float32Array>, options: QuantizeOptions, title: string): void {
  const full = `${title} [${x.shape.join(', ')}] ${JSON.stringify(options)}`;
  const want = reference.quantize<QuantizedDtype>(x, options);
  const got = quantize<QuantizedDtype>(x, options);
  expectSame(asArray(got.scale), asArray(want.scale), `${full} scale`);
  expectSame(asArray(got.zeroPoint), asArray(want.zeroPoint), `${full} zeroPoint`);
  expectSame(got.data, want.data, full);
  expect({ shape: got.shape, axis: got.axis }).toEqual({ shape: want.shape, axis: want.axis });
  expectSame(dequantize(got).data, reference.dequantize(want).data, `${full} dequantize`);
}

/** Starts off any vector's alignment and ends where the values do. */
function vector(values: ArrayLike<number>): Tensor<Float32Array> {
  const data = new Float32Array(values.length + 1).subarray(1);
  data.set(values);
  return { data, shape: [values.length] };
}

const SPECIAL: Readonly<Record<string, readonly number[]>> = {
  zeros: [0, 0, 0, -0, 0],
  'one NaN': [NaN],
  'NaN and infinities only': [NaN, Infinity, -Infinity],
  'finite among NaN and infinities': [1, NaN, Infinity, -2, -Infinity, 0.5, NaN],
  'a span that overflows': [3e38, -3e38, 1, -1, 0, 1e38],
  'the largest span': [HUGE, -HUGE, HUGE / 2, 0],
  'the largest positive': [HUGE, 1, 0],
  'the largest negative': [-HUGE, -1, 0],
  denormals: [TINY, -TINY, 5 * TINY, 1e-40, -1e-41, 0],
  'a span that vanishes': [TINY, 0],
  'a span of a few hundred denormals': [127 * TINY, 128 * TINY, -127 * TINY, 300 * TINY],
  'the smallest normals': [2 ** -126, -(2 ** -126), 2 ** -120],
  positive: [0.1, 0.2, 5],
  negative: [-0.1, -0.2, -5],
  ties: [-255, -2.5, -1.5, -0.5, 0.5, 1.5, 2.5, 127.5, 255],
  'ties of a half step': [0, 255, 0.5, 1.5, 2.5, 253.5, 254.5],
};

const isas = usableIsas();

test('every supported kernel is the choice of some instruction set', () => {
  const supported = runtime.kernels().flatMap((k) => (k.family === 'quantize' && k.supported ? [k.name] : []));
  const chosen = isas.flatMap((isa) => kernelOf('quantize', isa)?.name ?? []);
  expect([...new Set(chosen)].sort()).toEqual(supported.sort());
});

describe.each(isas)('quantize > %s', (isa) => {
  useIsa(isa);

  test('reduceRange: values between -64 and 64', () => {
    for (const name of Object.keys(SPECIAL)) check(vector(SPECIAL[name]), { reduceRange: true }, name);
    for (const shape of [[0], [1000], [33, 20]]) {
      const x = {
        data: new Random(`reduced ${shape.join('x')}`).floats(
          shape.reduce((p, n) => p * n, 1),
          3,
        ),
        shape,
      };
      for (const axis of [undefined, 0, -1]) {
        check(x, { reduceRange: true, ...(axis !== undefined && { axis }) }, 'reduced');
        const { data } = quantize(x, { reduceRange: true, ...(axis !== undefined && { axis }) });
        expect(data.reduce((most, q) => Math.max(most, Math.abs(q)), 0)).toBe(shape[0] === 0 ? 0 : 64);
      }
    }
  });

  describe.each(DTYPES)('%s', (dtype) => {
    test.each([true, false])('lengths around the vectors, computed parameters > symmetric %s', (symmetric) => {
      for (const length of LENGTHS) {
        for (const spread of [1, 1e-30, 1e30]) {
          const r = new Random(`${length} ${spread}`);
          check(vector(r.floats(length, spread)), { dtype, symmetric }, 'normal');
          check(vector(r.floats(length, spread).map(Math.abs)), { dtype, symmetric }, 'positive');
          const special = r.floats(length, spread).map((x) => (r.chance(0.3) ? r.pick([NaN, Infinity, -Infinity, -0, TINY]) : x));
          check(vector(special), { dtype, symmetric }, 'special');
        }
      }
    });

    test.each(Object.keys(SPECIAL))('%s, alone and repeated past the vectors', (name) => {
      for (const symmetric of [true, false]) {
        const values = SPECIAL[name];
        check(vector(values), { dtype, symmetric }, name);
        for (const length of [32, 45, 70]) {
          check(vector(Array.from({ length }, (_, i) => values[i % values.length])), { dtype, symmetric }, name);
        }
      }
    });

    test('given scales: every tie, both ends and beyond, each zero point', () => {
      const low = dtype === 'int8' ? -128 : 0;
      const halves = Array.from({ length: 1201 }, (_, i) => (i - 600) / 2);
      const near = halves.flatMap((h) => [h, Math.fround(h * (1 + 2 ** -23)), Math.fround(h * (1 - 2 ** -23))]);
      for (const zeroPoint of [low, low + 1, low + 77, low + 128, low + 255]) {
        for (const scale of [1, 0.5, 2 ** -140, 2 ** 120]) {
          check(vector(near.map((x) => x * scale)), { dtype, scale, zeroPoint }, 'ties');
        }
        check(
          vector([NaN, Infinity, -Infinity, HUGE, -HUGE, 2 ** 31, -(2 ** 31), 2 ** 31 * 0.5, TINY, -0]),
          { dtype, scale: 1, zeroPoint },
          'ends',
        );
        check(vector([3e38, -3e38, 1e-8, -1e-8, 0, NaN]), { dtype, scale: 1e-38, zeroPoint }, 'overflowing quotient');
        check(vector([3e38, -3e38, TINY]), { dtype, scale: TINY, zeroPoint }, 'smallest scale');
        check(vector(new Random('thirds').floats(999, 90)), { dtype, scale: 1 / 3, zeroPoint }, 'thirds');
      }
    });

    test('each axis, given and computed, shapes with a dimension of 1, strides', () => {
      const shapes = [[5], [1, 7], [3, 4], [33, 2], [2, 33], [2, 3, 5], [4, 1, 9], [2, 1, 3, 17], [1, 1, 1], [0, 3], [3, 0, 2]];
      for (const shape of shapes) {
        const count = shape.reduce((p, n) => p * n, 1);
        for (let axis = -shape.length; axis < shape.length; axis++) {
          const r = new Random(`${shape.join('x')} axis ${axis}`);
          const values = r.floats(count, 3).map((x) => (r.chance(0.05) ? r.pick([NaN, Infinity, 0]) : x));
          const x = { data: values, shape };
          const channels = shape.at(axis) ?? 0;
          const low = dtype === 'int8' ? -128 : 0;
          const scale = r.fill(new Float32Array(channels), () => r.real(0.01, 0.1));
          const zeroPoint = r.fill(new Int32Array(channels), () => r.int(low, low + 255));
          check(x, { dtype, axis }, 'computed');
          check(x, { dtype, axis, symmetric: dtype !== 'int8' }, 'computed');
          check(x, { dtype, axis, scale, zeroPoint }, 'given');
          check(x, { dtype, axis, scale: 0.25, zeroPoint: low + 3 }, 'given once');
        }
      }
      const r = new Random('strides');
      const view = { data: r.floats(200), shape: [3, 4, 5], strides: [60, 7, 1] };
      for (const axis of [undefined, 0, 1, 2]) check(view, axis === undefined ? { dtype } : { dtype, axis }, 'strides');
    });

    test('dequantize of every value with zero points at both ends, scales that overflow and vanish', () => {
      const low = dtype === 'int8' ? -128 : 0;
      const all = Array.from({ length: 256 }, (_, i) => low + i);
      const data = dtype === 'int8' ? Int8Array.from([...all, ...all, 1]) : Uint8Array.from([...all, ...all, 1]);
      for (const zeroPoint of [low, low + 1, low + 128, low + 255]) {
        for (const scale of [1, 1 / 3, TINY, 2 ** -126 / 3, HUGE, 2e36]) {
          for (const length of [1, 7, 9, 500]) {
            const q: QuantizedTensor = { data: data.subarray(3, 3 + length), shape: [length], scale, zeroPoint };
            expectSame(dequantize(q).data, reference.dequantize(q).data, `zp ${zeroPoint} scale ${scale} length ${length}`);
          }
        }
      }
    });

    test('random > 300 cases', () => {
      const r = new Random(dtype);
      for (let i = 0; i < 300; i++) {
        const shape = Array.from({ length: r.int(1, 4) }, () => r.int(1, r.pick([1, 6, 40])));
        if (shape.reduce((p, n) => p * n, 1) > 5000) continue;
        const spread = 10 ** r.int(-38, 37);
        const x = {
          data: r.floats(
            shape.reduce((p, n) => p * n, 1),
            spread,
          ),
          shape,
        };
        const axis = r.chance(0.5) ? r.int(-shape.length, shape.length - 1) : undefined;
        check(x, { dtype, symmetric: r.chance(0.5), ...(axis !== undefined && { axis }) }, `case ${i} spread ${spread}`);
      }
    });

    test('random > 20000 values', () => {
      const r = new Random(dtype);
      for (const symmetric of [true, false]) check(vector(r.floats(20000, 1e3)), { dtype, symmetric }, 'large');
    });
  });
});
