/** The oracle's poolings against results worked out by hand; the ones users call against the oracle, bit for bit. */
import * as lowp from 'lowp';
import * as reference from 'lowp/reference';
import type { AveragePool2dOptions, QuantizedTensor, Tensor } from 'lowp';
import { expectSame } from '../helpers/compare';
import { toNhwc } from '../helpers/convs';
import { Random } from '../helpers/random';

const f = (...values: number[]): Float32Array => Float32Array.from(values);
/** 1 to 9. */
const x = { data: f(1, 2, 3, 4, 5, 6, 7, 8, 9), shape: [1, 1, 3, 3] };
/** 0 to 8 in halves, real zero at 100. */
const q = { data: Uint8Array.from(x.data, (v) => v + 99), shape: [1, 1, 3, 3], scale: 0.5, zeroPoint: 100 };

describe.each([
  ['lowp', lowp],
  ['lowp/reference', reference],
])('%s', (_, { averagePool2d, globalAveragePool2d, maxPool2d }) => {
  test.each<[string, AveragePool2dOptions, number[], number[], number[]]>([
    ['kernel 2', { kernel: 2 }, [2, 2], [5, 6, 8, 9], [3, 4, 6, 7]],
    ['kernel [1, 2]', { kernel: [1, 2] }, [3, 2], [2, 3, 5, 6, 8, 9], [1.5, 2.5, 4.5, 5.5, 7.5, 8.5]],
    ['stride 2', { kernel: 2, strides: 2 }, [1, 1], [5], [3]],
    ['stride 2 with ceilMode', { kernel: 2, strides: 2, ceilMode: true }, [2, 2], [5, 6, 8, 9], [3, 4.5, 7.5, 9]],
    ['same', { kernel: 2, strides: 2, padding: 'same' }, [2, 2], [5, 6, 8, 9], [3, 4.5, 7.5, 9]],
    ['sameLower', { kernel: 2, strides: 2, padding: 'sameLower' }, [2, 2], [1, 3, 7, 9], [1, 2.5, 5.5, 7]],
    ['padding 1', { kernel: 3, padding: 1, strides: 2 }, [2, 2], [5, 6, 8, 9], [3, 4, 6, 7]],
    ['dilation 2', { kernel: 2, dilations: 2 }, [1, 1], [9], [5]],
    [
      'no window begins behind x',
      { kernel: 1, strides: 3, padding: 1, ceilMode: true },
      [2, 2],
      [-Infinity, -Infinity, -Infinity, 9],
      [0, 0, 0, 9],
    ],
  ])('%s', (_title, options, spatial, largest, mean) => {
    const shape = [1, 1, ...spatial];
    expect(averagePool2d(x, options)).toEqual({ data: Float32Array.from(mean), shape });
    const { kernel, strides, dilations, padding, ceilMode } = options;
    expect(maxPool2d(x, { kernel, strides, dilations, padding, ceilMode })).toEqual({ data: Float32Array.from(largest), shape });
  });

  test('countIncludePad counts padding, but not what is behind it', () => {
    const options = { kernel: 2, padding: [1, 1, 0, 0], countIncludePad: true } as const;
    expect(averagePool2d(x, options).data).toEqual(f(0.25, 0.75, 1.25, 1.25, 3, 4, 2.75, 6, 7));
    expect(averagePool2d(x, { kernel: 2, strides: 2, ceilMode: true, countIncludePad: true }).data).toEqual(f(3, 4.5, 7.5, 9));
  });

  test('one spatial dimension; NHWC; a batch', () => {
    const line = { data: f(1, 5, 2, 4), shape: [1, 1, 4] };
    expect(maxPool2d(line, { kernel: 2 })).toEqual({ data: f(5, 5, 4), shape: [1, 1, 3] });
    expect(averagePool2d(line, { kernel: [3], padding: [1, 0] }).data).toEqual(f(3, 8 / 3, 11 / 3));
    const two = { data: f(1, -1, 2, -2, 3, -3, 4, -4), shape: [2, 1, 2, 2] };
    const y = maxPool2d(two, { kernel: [1, 2], layout: 'NHWC' });
    expect(y).toEqual({ data: f(2, -1, 4, -3), shape: [2, 1, 1, 2] });
  });

  test('NaN stays; -Infinity is a value', () => {
    const image = { data: f(NaN, 1, 2, -Infinity, -Infinity, NaN), shape: [1, 1, 6] };
    expect(maxPool2d(image, { kernel: 2 }).data).toEqual(f(NaN, 2, 2, -Infinity, NaN));
  });

  test('8 bits: the scale stays; averages to even, by the multiplier', () => {
    expect(maxPool2d(q, { kernel: 2 })).toEqual({ ...q, data: Uint8Array.of(104, 105, 107, 108), shape: [1, 1, 2, 2] });
    // 0.5 1.5 3.5 4.5 6.5 7.5
    expect(averagePool2d(q, { kernel: [1, 2] }).data).toEqual(Uint8Array.of(100, 102, 104, 104, 106, 108));
    const output = { dtype: 'int8', scale: 0.25, zeroPoint: -10 } as const;
    expect(averagePool2d(q, { kernel: 2, output })).toEqual({
      ...{ data: Int8Array.of(-6, -4, 0, 2), shape: [1, 1, 2, 2], scale: 0.25, zeroPoint: -10 },
    });
    expect(averagePool2d(q, { kernel: 3, output: { ...output, scale: 0.001 } }).data).toEqual(Int8Array.of(127));
    expect(
      maxPool2d({ ...q, data: new Int8Array(9).fill(-128), zeroPoint: 0 }, { kernel: 1, padding: [0, 0, 0, 1] }).data[3],
    ).toBe(-128);
  });

  test('globalAveragePool2d', () => {
    expect(globalAveragePool2d(x)).toEqual({ data: f(5), shape: [1, 1, 1, 1] });
    expect(globalAveragePool2d({ data: x.data, shape: [1, 3, 3] }, { layout: 'NHWC' })).toEqual({
      data: f(4, 5, 6),
      shape: [1, 1, 3],
    });
    expect(globalAveragePool2d(q)).toEqual({ ...q, data: Uint8Array.of(104), shape: [1, 1, 1, 1] });
  });

  test('views; out', () => {
    const gaps = { data: f(1, 2, NaN, 3, 4), shape: [1, 1, 2, 2], strides: [5, 5, 3, 1] };
    const out = new Float32Array(2).fill(7);
    expect(averagePool2d(gaps, { kernel: 2, out }).data).toBe(out);
    expect(out).toEqual(f(2.5, 7));
  });
});

test('random poolings of both layouts equal the oracle > 300 cases', () => {
  const r = new Random('pool');
  for (let i = 0; i < 300; i++) {
    const shape = [r.int(0, 2), r.int(1, 4), r.int(1, 7), r.int(1, 7)];
    const count = shape.reduce((product, size) => product * size, 1);
    const scale = r.pick([0.5, 0.1]);
    const bytes = r.bytes(count);
    const image: Tensor<Float32Array> | QuantizedTensor = r.pick([
      { data: r.floats(count), shape },
      { data: bytes, shape, scale, zeroPoint: r.int(0, 255) },
      { data: new Int8Array(bytes), shape, scale, zeroPoint: r.int(-128, 127) },
    ]);
    const padding = r.pick([[r.int(0, 3), r.int(0, 3), r.int(0, 3), r.int(0, 3)], 'same', 'sameLower'] as const);
    const fits = (size: number, k: number, d: number, pad: number): boolean => (k - 1) * d + 1 <= size + pad;
    const [kernel, strides, dilations] = [0, 1, 2].map((j) => [r.int(1, j === 2 ? 2 : 3), r.int(1, 3)]);
    const named = typeof padding === 'string';
    if (!named && !fits(shape[2], kernel[0], dilations[0], padding[0] + padding[2])) continue;
    if (!named && !fits(shape[3], kernel[1], dilations[1], padding[1] + padding[3])) continue;
    const window = { kernel, strides, dilations, padding, ceilMode: r.chance(0.5) };
    const output = 'scale' in image && r.chance(0.5) ? ({ dtype: 'uint8', scale: 0.3, zeroPoint: 9 } as const) : undefined;
    const average = { ...window, countIncludePad: r.chance(0.5), output };
    const title = `case ${i} [${shape.join(', ')}] ${JSON.stringify(average)}`;
    const want = reference.maxPool2d(image, window);
    expectSame(lowp.maxPool2d(image, window).data, want.data, title);
    const other = toNhwc(image);
    expectSame(lowp.maxPool2d(other, { ...window, layout: 'NHWC' }).data, toNhwc(want).data, `NHWC ${title}`);
    const mean = reference.averagePool2d(image, average);
    expectSame(lowp.averagePool2d(image, average).data, mean.data, title);
    expectSame(lowp.averagePool2d(other, { ...average, layout: 'NHWC' }).data, toNhwc(mean).data, `NHWC ${title}`);
    const whole = reference.globalAveragePool2d(image, { output });
    expectSame(lowp.globalAveragePool2d(image, { output }).data, whole.data, `global ${title}`);
  }
});
