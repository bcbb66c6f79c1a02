/** Sizes, strides and lengths that do not fit: both products, in both forms. */
import { expectThrows } from '../helpers/failures';
import { type BadCall, products, refuses } from '../helpers/products';

const HUGE = 2 ** 31 - 1;
const NO_SIZES: [unknown, 'ERR_LOWP_TYPE' | 'ERR_LOWP_SHAPE', string][] = [
  [NaN, 'ERR_LOWP_SHAPE', 'NaN'],
  [-1, 'ERR_LOWP_SHAPE', '-1'],
  [1.5, 'ERR_LOWP_SHAPE', '1.5'],
  [2 ** 31, 'ERR_LOWP_SHAPE', '2147483648'],
  [2 ** 53, 'ERR_LOWP_SHAPE', '9007199254740992'],
  [Infinity, 'ERR_LOWP_SHAPE', 'Infinity'],
  [-Infinity, 'ERR_LOWP_SHAPE', '-Infinity'],
  ['3', 'ERR_LOWP_TYPE', "'3'"],
  [3n, 'ERR_LOWP_TYPE', '3n'],
  [null, 'ERR_LOWP_TYPE', 'null'],
  [undefined, 'ERR_LOWP_TYPE', 'undefined'],
  [{}, 'ERR_LOWP_TYPE', 'an object'],
  [[3], 'ERR_LOWP_TYPE', '[3]'],
];

const sizes: BadCall[] = NO_SIZES.flatMap(([size, code, word]) => [
  { title: `a.shape [${word}, 3]`, code, words: ['a.shape[0]', word], a: { shape: [size, 3] } },
  { title: `a.shape [2, ${word}]`, code, words: ['a.shape[1]', word], a: { shape: [2, size] } },
  { title: `b.shape [${word}, 2]`, code, words: ['b.shape[0]', word], b: { shape: [size, 2] } },
  { title: `b.shape [3, ${word}]`, code, words: ['b.shape[1]', word], b: { shape: [3, size] } },
]);

const shapes: BadCall[] = [
  { title: 'a.shape missing', code: 'ERR_LOWP_TYPE', words: ['a.shape', 'undefined'], a: { shape: undefined } },
  { title: 'a.shape a string', code: 'ERR_LOWP_TYPE', words: ['a.shape', "'23'"], a: { shape: '23' } },
  { title: 'a.shape typed', code: 'ERR_LOWP_TYPE', words: ['a.shape', 'Int32Array(2)'], a: { shape: Int32Array.of(2, 3) } },
  { title: 'a.shape an object', code: 'ERR_LOWP_TYPE', words: ['a.shape'], a: { shape: { 0: 2, 1: 3, length: 2 } } },
  { title: 'a.shape with a hole', code: 'ERR_LOWP_TYPE', words: ['a.shape[0]', 'undefined'], a: { shape: [, 3] } },
  { title: 'a.shape empty', code: 'ERR_LOWP_SHAPE', words: ['a.shape', 'at least one'], a: { shape: [] } },
  { title: 'b.shape missing', code: 'ERR_LOWP_TYPE', words: ['b.shape', 'undefined'], b: { shape: undefined } },
  { title: 'b.shape of one dimension', code: 'ERR_LOWP_SHAPE', words: ['b.shape', 'two', '[6]'], b: { shape: [6] } },
  { title: 'b.shape of three dimensions', code: 'ERR_LOWP_SHAPE', words: ['b.shape', '[1, 3, 2]'], b: { shape: [1, 3, 2] } },
  { title: 'K of a and b differ', code: 'ERR_LOWP_SHAPE', words: [3, 2], a: { shape: [3, 2] } },
  { title: 'K differs after transposeB', code: 'ERR_LOWP_SHAPE', words: [3, 2], options: { transposeB: true } },
];

const products53: BadCall[] = [
  { title: 'a 2^31 x 2^31', code: 'ERR_LOWP_SHAPE', words: ['2147483647 * 2147483647', '(6)'], a: { shape: [HUGE, HUGE] } },
  { title: 'a with 2^62 rows', code: 'ERR_LOWP_SHAPE', words: [HUGE, 'rows'], a: { shape: [HUGE, HUGE, 3] } },
  { title: 'a with 2^62 rows in between a zero', code: 'ERR_LOWP_SHAPE', words: ['rows'], a: { shape: [HUGE, HUGE, 0] } },
  { title: 'b 2^31 x 2^31', code: 'ERR_LOWP_SHAPE', words: [4294967296], b: { shape: [HUGE, HUGE] } },
  { title: 'b 65536 x 65536', code: 'ERR_LOWP_SHAPE', words: [4294967296, '(6)'], b: { shape: [65536, 65536] } },
  {
    title: 'an empty a with a result beyond memory',
    code: 'ERR_LOWP_SHAPE',
    words: [4294967296, HUGE, 4],
    a: { shape: [HUGE, 0] },
    b: { shape: [0, 4] },
  },
];

const lengths: BadCall[] = [
  { title: 'a one row short', code: 'ERR_LOWP_SHAPE', words: [9, '(6)', ' a '], a: { shape: [3, 3] } },
  { title: 'a with a batch too many', code: 'ERR_LOWP_SHAPE', words: [12, '(6)'], a: { shape: [2, 2, 3] } },
  { title: 'b one row short', code: 'ERR_LOWP_SHAPE', words: [8, '(6)', ' b '], b: { shape: [4, 2] } },
  { title: 'bias short', code: 'ERR_LOWP_SHAPE', words: [2, 'Float32Array(1)', 'bias'], options: { bias: new Float32Array(1) } },
  { title: 'bias long', code: 'ERR_LOWP_SHAPE', words: [2, 'Float32Array(3)', 'bias'], options: { bias: new Float32Array(3) } },
  { title: 'bias empty', code: 'ERR_LOWP_SHAPE', words: [2, 'Float32Array(0)'], options: { bias: new Float32Array(0) } },
  { title: 'out short', code: 'ERR_LOWP_SHAPE', words: [4, 'Float32Array(3)', 'out'], options: { out: new Float32Array(3) } },
  { title: 'out empty', code: 'ERR_LOWP_SHAPE', words: [4, 'Float32Array(0)'], options: { out: new Float32Array(0) } },
];

const aStrides: [string, unknown, BadCall['code'], BadCall['words']][] = [
  ['not an array', 3, 'ERR_LOWP_TYPE', ['a.strides', '3']],
  ['typed', Int32Array.of(3, 1), 'ERR_LOWP_TYPE', ['a.strides', 'Int32Array(2)']],
  ['null', null, 'ERR_LOWP_TYPE', ['a.strides', 'null']],
  ['one too few', [1], 'ERR_LOWP_SHAPE', [2, '[1]']],
  ['one too many', [6, 3, 1], 'ERR_LOWP_SHAPE', [2, '[6, 3, 1]']],
  ['last 2', [6, 2], 'ERR_LOWP_VALUE', [1, 2]],
  ['last 0', [3, 0], 'ERR_LOWP_VALUE', [1, 0]],
  ['a string', ['3', 1], 'ERR_LOWP_TYPE', ["'3'"]],
  ['NaN', [NaN, 1], 'ERR_LOWP_VALUE', ['NaN']],
  ['negative', [-3, 1], 'ERR_LOWP_VALUE', [-3]],
  ['fractional', [3.5, 1], 'ERR_LOWP_VALUE', ['3.5']],
  ['infinite', [Infinity, 1], 'ERR_LOWP_VALUE', ['Infinity']],
  ['shorter than a row', [2, 1], 'ERR_LOWP_VALUE', [3, 2]],
  ['past the end', [4, 1], 'ERR_LOWP_SHAPE', [7, '(6)']],
  ['far past the end', [2 ** 40, 1], 'ERR_LOWP_SHAPE', [2 ** 40 + 3, '(6)']],
  ['past 2^53', [2 ** 53, 1], 'ERR_LOWP_VALUE', [2 ** 53]],
];

const strides: BadCall[] = [
  ...aStrides.map(([title, value, code, words]) => ({ title: `a.strides ${title}`, code, words, a: { strides: value } })),
  { title: 'b.strides past the end', code: 'ERR_LOWP_SHAPE', words: [8, '(6)'], b: { strides: [3, 1] } },
  { title: 'b.strides shorter than a row', code: 'ERR_LOWP_VALUE', words: [2, 1], b: { strides: [1, 1] } },
  { title: 'b.strides column-major', code: 'ERR_LOWP_VALUE', words: [1, 3], b: { strides: [1, 3] } },
];

const outStrides: BadCall[] = [
  { title: 'outStride below N', code: 'ERR_LOWP_VALUE', words: [2, 1], options: { outStride: 1 } },
  { title: 'outStride 0', code: 'ERR_LOWP_VALUE', words: [2, 0], options: { outStride: 0 } },
  { title: 'outStride -2', code: 'ERR_LOWP_VALUE', words: [2, '-2'], options: { outStride: -2 } },
  { title: 'outStride NaN', code: 'ERR_LOWP_VALUE', words: [2, 'NaN'], options: { outStride: NaN } },
  { title: 'outStride 2.5', code: 'ERR_LOWP_VALUE', words: [2, '2.5'], options: { outStride: 2.5 } },
  { title: 'outStride 2^53', code: 'ERR_LOWP_VALUE', words: [2, 2 ** 53], options: { outStride: 2 ** 53 } },
  { title: "outStride '2'", code: 'ERR_LOWP_TYPE', words: ["'2'"], options: { outStride: '2' } },
  { title: 'outStride past the end of out', code: 'ERR_LOWP_SHAPE', words: [9, 'Float32Array(8)'], options: { outStride: 7 } },
  { title: 'outStride far past the end', code: 'ERR_LOWP_SHAPE', words: [HUGE + 2], options: { outStride: HUGE } },
];

describe.each(products)('$name > sizes', (product) => {
  refuses(product, [...sizes, ...shapes, ...products53, ...lengths, ...strides, ...outStrides]);

  test('a.strides of batches that are not evenly spaced > ERR_LOWP_VALUE', () => {
    const data: unknown = Reflect.construct(product.a().data.constructor, [24]);
    const a = { ...product.a(), data, shape: [2, 2, 2, 1], strides: [12, 5, 2, 1] };
    const b = { ...product.b(), shape: [1, 2] };
    expectThrows(() => product.sync(a, b), 'ERR_LOWP_VALUE', ['evenly', '[12, 5, 2, 1]']);
    const even = { ...a, strides: [8, 4, 2, 1] };
    expect(product.sync(even, b)).toMatchObject({ shape: [2, 2, 2, 2] });
  });
});
