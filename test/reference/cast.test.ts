/** The oracle of `cast` against codes worked out by hand. The table is that of native/test/sgemm_test.cc. */
import type { Float16Tensor } from 'lowp';
import { cast, matmul, packWeights } from 'lowp/reference';

/** float32, its bfloat16 and its float16. Between neighbours a tie goes to the one whose last bit is 0. */
const CASES: readonly (readonly [string, number, number, number])[] = [
  ['0', 0, 0x0000, 0x0000],
  ['-0', -0, 0x8000, 0x8000],
  ['1', 1, 0x3f80, 0x3c00],
  ['-2', -2, 0xc000, 0xc000],
  ['Infinity', Infinity, 0x7f80, 0x7c00],
  ['-Infinity', -Infinity, 0xff80, 0xfc00],
  ['bfloat16 tie, down', 1 + 2 ** -8, 0x3f80, 0x3c04],
  ['bfloat16 tie, up', 1 + 3 * 2 ** -8, 0x3f82, 0x3c0c],
  ['above the tie', 1 + 2 ** -8 + 2 ** -23, 0x3f81, 0x3c04],
  ['float16 tie, down', 1 + 2 ** -11, 0x3f80, 0x3c00],
  ['float16 tie, up', 1 + 3 * 2 ** -11, 0x3f80, 0x3c02],
  ['above the tie of float16', 1 + 2 ** -11 + 2 ** -23, 0x3f80, 0x3c01],
  ['the largest float16', 65504, 0x4780, 0x7bff],
  ['below half a step more', 65520 - 2 ** -8, 0x4780, 0x7bff],
  ['half a step more', 65520, 0x4780, 0x7c00],
  ['-1e30', Math.fround(-1e30), 0xf14a, 0xfc00],
  ['the largest bfloat16', 255 * 2 ** 120, 0x7f7f, 0x7c00],
  ['below half a step more', (511 * 2 ** 15 - 1) * 2 ** 104, 0x7f7f, 0x7c00],
  ['half a step more', 511 * 2 ** 119, 0x7f80, 0x7c00],
  ['the smallest normal float16', 2 ** -14, 0x3880, 0x0400],
  ['the largest subnormal float16', 1023 * 2 ** -24, 0x3880, 0x03ff],
  ['the tie between the two', 2047 * 2 ** -25, 0x3880, 0x0400],
  ['the smallest float16', 2 ** -24, 0x3380, 0x0001],
  ['a tie of subnormal float16, up', 3 * 2 ** -25, 0x33c0, 0x0002],
  ['half the smallest float16', 2 ** -25, 0x3300, 0x0000],
  ['just more than half, negative', -(2 ** -25 + 2 ** -48), 0xb300, 0x8001],
  ['the smallest normal bfloat16', 2 ** -126, 0x0080, 0x0000],
  ['the smallest bfloat16', 2 ** -133, 0x0001, 0x0000],
  ['half of it', 2 ** -134, 0x0000, 0x0000],
  ['one and a half of it', 3 * 2 ** -134, 0x0002, 0x0000],
];

const one = (x: number) => ({ data: Float32Array.of(x), shape: [] });

test.each(CASES)('%s', (_, x, bfloat16, float16) => {
  expect(Math.fround(x)).toBe(x);
  expect([...cast(one(x), { dtype: 'bfloat16' }).data]).toEqual([bfloat16]);
  expect([...cast(one(x), { dtype: 'float16' }).data]).toEqual([float16]);
});

/** Sign, exponent and mantissa of a 16-bit code. */
const WIDENED: readonly (readonly ['bfloat16' | 'float16', number, number])[] = [
  ['float16', 0x3c01, 1 + 2 ** -10],
  ['float16', 0x8001, -(2 ** -24)],
  ['float16', 0x03ff, 1023 * 2 ** -24],
  ['float16', 0xfbff, -65504],
  ['float16', 0x7c00, Infinity],
  ['bfloat16', 0x3f81, 1 + 2 ** -7],
  ['bfloat16', 0x8001, -(2 ** -133)],
  ['bfloat16', 0x7f7f, 255 * 2 ** 120],
  ['bfloat16', 0xff80, -Infinity],
];

test.each(WIDENED)('%s %i is %d', (dtype, code, value) => {
  expect([...cast({ data: Uint16Array.of(code), shape: [1], dtype }, { dtype: 'float32' }).data]).toEqual([value]);
});

/** A signalling NaN with a mantissa, and the quiet one that it becomes. */
test('NaN stays NaN: its sign and highest bits, quiet', () => {
  const x = { data: new Float32Array(Uint32Array.of(0x7fc00000, 0xffc00000, 0x7f800001, 0xff8fe000).buffer), shape: [4] };
  expect([...cast(x, { dtype: 'bfloat16' }).data]).toEqual([0x7fc0, 0xffc0, 0x7fc0, 0xffcf]);
  expect([...cast(x, { dtype: 'float16' }).data]).toEqual([0x7e00, 0xfe00, 0x7e00, 0xfe7f]);
  const halves: Float16Tensor = { data: Uint16Array.of(0x7e00, 0xfc01), shape: [2], dtype: 'float16' };
  expect([...new Uint32Array(cast(halves, { dtype: 'float32' }).data.buffer)]).toEqual([0x7fc00000, 0xffc02000]);
});

test('strides, shape and out', () => {
  const out = new Uint16Array(7).fill(7);
  const x = { data: Float32Array.of(1, 2, 9, 3, 4), shape: [2, 2], strides: [3, 1] };
  const y = cast(x, { dtype: 'bfloat16', out });
  expect(y).toEqual({ data: out, shape: [2, 2], dtype: 'bfloat16' });
  expect([...out]).toEqual([0x3f80, 0x4000, 0x4040, 0x4080, 7, 7, 7]);
});

test('products with 16-bit weights are those with their values', () => {
  const a = { data: Float32Array.of(1, 10), shape: [1, 2] };
  const b = { data: Float32Array.of(1 + 2 ** -9, 2, 3, 1e6), shape: [2, 2] };
  expect([...matmul(a, packWeights(b, { storage: 'bfloat16' })).data]).toEqual([31, 9994242]);
  expect([...matmul(a, packWeights(b, { storage: 'float16' })).data]).toEqual([31 + 2 ** -9, Infinity]);
  expect([...matmul(a, cast(b, { dtype: 'bfloat16' })).data]).toEqual([31, 9994242]);
  const packed = packWeights(cast(b, { dtype: 'float16' }), { transposeB: true });
  expect([packed.dtype, packed.bytes]).toEqual(['float16', 8]);
  expect(matmul(a, packed).data[0]).toBe(21 + 2 ** -9);
  expect(() => packWeights(cast(b, { dtype: 'float16' }), { storage: 'float16' })).toThrow(RangeError);
});
