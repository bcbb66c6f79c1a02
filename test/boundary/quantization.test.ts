/** Bad scales, zero points and axes, wherever they can be given. */
import { dequantize, packWeights, quantize, quantizedMatmul, type LowpErrorCode } from 'lowp';
import { expectThrows, wrong, type Fragment } from '../helpers/failures';
import { qa, qb } from '../helpers/problems';
import { quantizedProduct, refuses, type BadCall } from '../helpers/products';

type BadValue = [title: string, value: unknown, code: LowpErrorCode, ...words: Fragment[]];

const badScales: readonly BadValue[] = [
  ['0', 0, 'ERR_LOWP_VALUE', 0],
  ['-0', -0, 'ERR_LOWP_VALUE', '-0'],
  ['-1', -1, 'ERR_LOWP_VALUE', '-1'],
  ['NaN', NaN, 'ERR_LOWP_VALUE', 'NaN'],
  ['Infinity', Infinity, 'ERR_LOWP_VALUE', 'Infinity'],
  ['1e39, infinite as float32', 1e39, 'ERR_LOWP_VALUE', '1e+39'],
  ['1e-46, 0 as float32', 1e-46, 'ERR_LOWP_VALUE', '1e-46'],
  ['a string', '1', 'ERR_LOWP_TYPE', "'1'"],
  ['null', null, 'ERR_LOWP_TYPE', 'null'],
  ['undefined', undefined, 'ERR_LOWP_TYPE', 'undefined'],
  ['a bigint', 1n, 'ERR_LOWP_TYPE', '1n'],
  ['an array without an axis', Float32Array.of(1, 1), 'ERR_LOWP_TYPE', 'axis', 'Float32Array(2)'],
];

const badZeros: readonly BadValue[] = [
  ['0.5', 0.5, 'ERR_LOWP_VALUE', '0.5'],
  ['NaN', NaN, 'ERR_LOWP_VALUE', 'NaN'],
  ['-Infinity', -Infinity, 'ERR_LOWP_VALUE', '-Infinity'],
  ['-129', -129, 'ERR_LOWP_VALUE', '-129'],
  ['256', 256, 'ERR_LOWP_VALUE', 256],
  ['2^32', 2 ** 32, 'ERR_LOWP_VALUE', 2 ** 32],
  ['a string', '0', 'ERR_LOWP_TYPE', "'0'"],
  ['null', null, 'ERR_LOWP_TYPE', 'null'],
  ['an array without an axis', Int32Array.of(0, 0), 'ERR_LOWP_TYPE', 'axis', 'Int32Array(2)'],
];

/** With an axis of two. */
const badArrays: readonly BadValue[] = [
  ['one short', Float32Array.of(1), 'ERR_LOWP_SHAPE', 2, 'Float32Array(1)'],
  ['one too many', Float32Array.of(1, 1, 1), 'ERR_LOWP_SHAPE', 2, 'Float32Array(3)'],
  ['empty', new Float32Array(0), 'ERR_LOWP_SHAPE', 2, 'Float32Array(0)'],
  ['Float64Array', Float64Array.of(1, 1), 'ERR_LOWP_TYPE', 'Float64Array(2)'],
  ['an array', [1, 1], 'ERR_LOWP_TYPE', '[1, 1]'],
  ['a 0', Float32Array.of(1, 0), 'ERR_LOWP_VALUE', '[1]', 0],
  ['a NaN', Float32Array.of(NaN, 1), 'ERR_LOWP_VALUE', '[0]', 'NaN'],
  ['a negative', Float32Array.of(1, -1), 'ERR_LOWP_VALUE', '[1]', '-1'],
  ['an infinity', Float32Array.of(1, Infinity), 'ERR_LOWP_VALUE', '[1]', 'Infinity'],
];

const badZeroArrays: readonly BadValue[] = [
  ['one short', Int32Array.of(1), 'ERR_LOWP_SHAPE', 2, 'Int32Array(1)'],
  ['one too many', Int8Array.of(1, 1, 1), 'ERR_LOWP_SHAPE', 2, 'Int8Array(3)'],
  ['Float32Array', Float32Array.of(0, 0), 'ERR_LOWP_TYPE', 'Float32Array(2)'],
  ['Int16Array', Int16Array.of(0, 0), 'ERR_LOWP_TYPE', 'Int16Array(2)'],
  ['an array', [0, 0], 'ERR_LOWP_TYPE', '[0, 0]'],
  ['256', Int32Array.of(0, 256), 'ERR_LOWP_VALUE', '[1]', 256],
  ['-129', Int32Array.of(-129, 0), 'ERR_LOWP_VALUE', '[0]', '-129'],
];

const badAxes: readonly BadValue[] = [
  ['2', 2, 'ERR_LOWP_VALUE', 2],
  ['-3', -3, 'ERR_LOWP_VALUE', '-3'],
  ['0.5', 0.5, 'ERR_LOWP_VALUE', '0.5'],
  ['NaN', NaN, 'ERR_LOWP_VALUE', 'NaN'],
  ['2^53', 2 ** 53, 'ERR_LOWP_VALUE', 2 ** 53],
  ['a string', '1', 'ERR_LOWP_TYPE', "'1'"],
  ['null', null, 'ERR_LOWP_TYPE', 'null'],
];

const one = Float32Array.of(1, 1);
const zero = Int32Array.of(0, 0);

function calls(name: string, values: readonly BadValue[], place: (value: unknown) => Partial<BadCall>): BadCall[] {
  return values.map(([title, value, code, ...words]) => ({
    title: `${name} ${title}`,
    code,
    words: [name, ...words],
    ...place(value),
  }));
}

const out = new Int8Array(4).fill(7);
refuses(quantizedProduct, [
  ...calls('a.scale', badScales, (scale) => ({ a: { scale } })),
  ...calls('a.zeroPoint', badZeros, (zeroPoint) => ({ a: { zeroPoint } })),
  ...calls('a.scale', badArrays, (scale) => ({ a: { scale, zeroPoint: 0, axis: 0 } })),
  ...calls('a.zeroPoint', badZeroArrays, (zeroPoint) => ({ a: { scale: 1, zeroPoint, axis: -2 } })),
  ...calls('a.axis', badAxes, (axis) => ({ a: { scale: one, zeroPoint: zero, axis } })),
  { title: 'a.axis on the depth', code: 'ERR_LOWP_VALUE', words: [0, 1], a: { scale: one, zeroPoint: zero, axis: 1 } },
  {
    title: 'a.axis of one row',
    code: 'ERR_LOWP_VALUE',
    words: ['one row'],
    a: { shape: [3], scale: one, zeroPoint: 0, axis: 0 },
  },
  { title: 'a.zeroPoint -1 of uint8', code: 'ERR_LOWP_VALUE', words: ['0 to 255', '-1'], a: { zeroPoint: -1 } },
  ...calls('b.scale', badScales, (scale) => ({ b: { scale } })),
  ...calls('b.zeroPoint', badZeros, (zeroPoint) => ({ b: { zeroPoint } })),
  ...calls('b.scale', badArrays, (scale) => ({ b: { scale, axis: 1 } })),
  ...calls('b.zeroPoint', badZeroArrays, (zeroPoint) => ({ b: { zeroPoint, axis: -1 } })),
  ...calls('b.axis', badAxes, (axis) => ({ b: { scale: one, zeroPoint: zero, axis } })),
  { title: 'b.axis on the depth', code: 'ERR_LOWP_VALUE', words: [1, 0], b: { scale: 1, zeroPoint: 0, axis: 0 } },
  { title: 'b.zeroPoint 128 of int8', code: 'ERR_LOWP_VALUE', words: ['-128 to 127', 128], b: { zeroPoint: 128 } },
  ...calls('options.output.scale', badScales, (scale) => ({ options: { output: { dtype: 'int8', scale }, out } })),
  ...calls('options.output.zeroPoint', badZeros, (zeroPoint) => ({
    options: { output: { dtype: 'int8', scale: 1, zeroPoint }, out },
  })),
]);

test('refused calls left the int8 out alone', () => expect(out).toEqual(new Int8Array(4).fill(7)));

describe('depths at which the sum could leave int32', () => {
  // 255 * 255 * K: 33025 is the last that fits.
  const a = (k: number): object => ({ data: new Uint8Array(k), shape: [1, k], scale: 1, zeroPoint: 0 });
  const b = (k: number): object => ({ data: new Uint8Array(k), shape: [k, 1], scale: 1, zeroPoint: 0 });
  const run = (k: number, bias?: Int32Array): unknown => quantizedMatmul(wrong(a(k)), wrong(b(k)), { output: 'int32', bias });

  test('K33025 fits, K33026 does not', () => {
    expect(run(33025)).toMatchObject({ shape: [1, 1] });
    expectThrows(() => run(33026), 'ERR_LOWP_VALUE', [33025, 33026]);
  });

  test('a bias takes its part', () => {
    const rest = 2 ** 31 - 1 - 33025 * 65025;
    expect(run(33025, Int32Array.of(-rest))).toMatchObject({ shape: [1, 1] });
    expectThrows(() => run(33025, Int32Array.of(rest + 1)), 'ERR_LOWP_VALUE', [33024, 33025]);
    expectThrows(() => run(1, Int32Array.of(-(2 ** 31))), 'ERR_LOWP_VALUE', [0, 1]);
  });
});

describe('packWeights', () => {
  const pack = (over: object, options?: object): unknown => packWeights(wrong({ ...qb(), ...over }), wrong(options));
  test.each(badScales)('scale %s', (_, scale, code, ...words) =>
    expectThrows(() => pack({ scale }), code, ['b.scale', ...words]),
  );
  test.each(badZeros)('zeroPoint %s', (_, zeroPoint, code, ...words) => expectThrows(() => pack({ zeroPoint }), code, words));
  test.each(badArrays)('scales %s', (_, scale, code, ...words) => expectThrows(() => pack({ scale, axis: 1 }), code, words));
  test.each(badAxes)('axis %s', (_, axis, code, ...words) => expectThrows(() => pack({ scale: 1, axis }), code, words));
  test('axis 1 of [N, K]', () => {
    expectThrows(
      () => pack({ shape: [2, 3], scale: one, zeroPoint: 0, axis: 1 }, { transposeB: true }),
      'ERR_LOWP_VALUE',
      [0, 1],
    );
  });
});

describe('dequantize', () => {
  const run = (over: object): unknown => dequantize(wrong({ ...qa(), ...over }));
  test.each(badScales)('scale %s', (_, scale, code, ...words) => expectThrows(() => run({ scale }), code, ['q.scale', ...words]));
  test.each(badZeros)('zeroPoint %s', (_, zeroPoint, code, ...words) => expectThrows(() => run({ zeroPoint }), code, words));
  test.each(badArrays)('scales %s', (_, scale, code, ...words) =>
    expectThrows(() => run({ scale, zeroPoint: 0, axis: 0 }), code, words),
  );
  test.each(badZeroArrays)('zeroPoints %s', (_, zeroPoint, code, ...words) =>
    expectThrows(() => run({ zeroPoint, axis: 0 }), code, words),
  );
  test.each(badAxes)('axis %s', (_, axis, code, ...words) =>
    expectThrows(() => run({ scale: 1, zeroPoint: 0, axis }), code, words),
  );
});

describe('quantize', () => {
  const x = { data: Float32Array.of(1, 2, 3, 4), shape: [2, 2] };
  const run = (options: object): unknown => quantize(x, wrong(options));
  // An absent scale is computed.
  const given = badScales.filter(([title]) => title !== 'undefined');
  test.each(given)('scale %s', (_, scale, code, ...words) =>
    expectThrows(() => run({ scale }), code, ['options.scale', ...words]),
  );
  test.each(badZeros.filter(([title]) => title !== 'null'))('zeroPoint %s', (_, zeroPoint, code, ...words) =>
    expectThrows(() => run({ scale: 1, zeroPoint }), code, words),
  );
  test.each(badArrays)('scales %s', (_, scale, code, ...words) => expectThrows(() => run({ scale, axis: 0 }), code, words));
  test.each(badZeroArrays)('zeroPoints %s', (_, zeroPoint, code, ...words) =>
    expectThrows(() => run({ scale: 1, zeroPoint, axis: 1 }), code, words),
  );
  test.each(badAxes)('axis %s', (_, axis, code, ...words) => expectThrows(() => run({ axis }), code, words));
  test('zeroPoint null', () =>
    expectThrows(() => run({ scale: 1, zeroPoint: null }), 'ERR_LOWP_TYPE', ['options.zeroPoint', 'null']));
  test('zeroPoint without scale', () => expectThrows(() => run({ zeroPoint: 3 }), 'ERR_LOWP_VALUE', ['options.scale']));
  test('symmetric and zeroPoint 3', () =>
    expectThrows(() => run({ scale: 1, zeroPoint: 3, symmetric: true }), 'ERR_LOWP_VALUE', [0, 3]));

  test('reduceRange: for symmetric int8 whose scale is computed', () => {
    expectThrows(() => run({ reduceRange: true, dtype: 'uint8' }), 'ERR_LOWP_VALUE', ['symmetric int8', 'asymmetric uint8']);
    expectThrows(() => run({ reduceRange: true, symmetric: false }), 'ERR_LOWP_VALUE', ['symmetric int8', 'asymmetric int8']);
    expectThrows(() => run({ reduceRange: true, scale: 1 }), 'ERR_LOWP_VALUE', ['computed scale', 'given scale']);
    expectThrows(() => run({ reduceRange: 1 } as never), 'ERR_LOWP_TYPE', ['a boolean', 1]);
  });
});
