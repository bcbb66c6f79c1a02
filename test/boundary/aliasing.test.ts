/** `out` must not share bytes with anything that is read; arrays that only stand side by side in one buffer are fine. */
import { dequantize, packWeights, quantize } from 'lowp';
import { expectRejects, expectThrows, wrong } from '../helpers/failures';
import { fa, fb, qa, qb } from '../helpers/problems';
import { floatProduct, quantizedProduct } from '../helpers/products';

const EXPECTED = [8, 2, 26, 2];

/** One buffer with a view of each array in it, `at` byte offsets. */
function floats(buffer: ArrayBufferLike, at: number, values: ArrayLike<number>): Float32Array {
  const view = new Float32Array(buffer, at, values.length);
  view.set(values);
  return view;
}

const BUFFERS: [string, (bytes: number) => ArrayBufferLike][] = [
  ['ArrayBuffer', (bytes) => new ArrayBuffer(bytes)],
  ['SharedArrayBuffer', (bytes) => new SharedArrayBuffer(bytes)],
];

describe.each(BUFFERS)('matmul in one %s', (_, make) => {
  // a: bytes 16 to 40.
  const offsets: [number, 'overlaps' | 'is beside'][] = [
    [0, 'is beside'],
    [4, 'overlaps'],
    [16, 'overlaps'],
    [24, 'overlaps'],
    [36, 'overlaps'],
    [40, 'is beside'],
  ];
  test.each(offsets)('out at byte %i %s a', async (at, what) => {
    const buffer = make(64);
    const out = new Float32Array(buffer, at, 4);
    const a = { data: floats(buffer, 16, fa().data), shape: [2, 3] };
    const bytes = [...new Uint8Array(buffer)];
    if (what === 'is beside') {
      floatProduct.sync(a, fb(), { out });
      expect([...out]).toEqual(EXPECTED);
      out.fill(0);
      await floatProduct.async(a, fb(), { out });
      expect([...out]).toEqual(EXPECTED);
      return;
    }
    const words = ['overlap', ' a ', at, at + 16, 16, 40];
    expectThrows(() => floatProduct.sync(a, fb(), { out }), 'ERR_LOWP_ALIAS', words);
    await expectRejects(() => floatProduct.async(a, fb(), { out }), 'ERR_LOWP_ALIAS', words);
    expect([...new Uint8Array(buffer)]).toEqual(bytes);
  });

  test('out overlaps b and bias', async () => {
    const buffer = make(64);
    const out = new Float32Array(buffer, 0, 4);
    const b = { data: floats(buffer, 12, fb().data), shape: [3, 2] };
    expectThrows(() => floatProduct.sync(fa(), b, { out }), 'ERR_LOWP_ALIAS', [' b ']);
    const bias = floats(buffer, 8, [1, 2]);
    expectThrows(() => floatProduct.sync(fa(), fb(), { out, bias }), 'ERR_LOWP_ALIAS', ['options.bias']);
    await expectRejects(() => floatProduct.async(fa(), fb(), { out, bias }), 'ERR_LOWP_ALIAS', ['options.bias']);
  });

  test('out over the residual: element for element, or refused', async () => {
    const buffer = make(64);
    const out = new Float32Array(buffer, 16, 4);
    const words = ['options.residual'];
    for (const at of [4, 12, 20, 28]) {
      const residual = new Float32Array(buffer, at, 4);
      expectThrows(() => floatProduct.sync(fa(), fb(), { out, residual }), 'ERR_LOWP_ALIAS', words);
      await expectRejects(() => floatProduct.async(fa(), fb(), { out, residual }), 'ERR_LOWP_ALIAS', words);
    }
    const wider = { data: new Float32Array(buffer, 16, 8), shape: [2, 2], strides: [3, 1] };
    expectThrows(() => floatProduct.sync(fa(), fb(), { out, residual: wider }), 'ERR_LOWP_ALIAS', words);
    const bytes = { data: new Int8Array(buffer, 16, 4), shape: [2, 2], scale: 1, zeroPoint: 0 };
    expectThrows(() => quantizedProduct.sync(qa(), qb(), { out, residual: bytes }), 'ERR_LOWP_ALIAS', words);
    for (const at of [0, 16, 32]) {
      const residual = floats(buffer, at, [1, 1, 1, 1]);
      floatProduct.sync(fa(), fb(), { out, residual });
      expect([...out]).toEqual(EXPECTED.map((y) => y + 1));
    }
  });

  test('packed weights are copies: out may lie over what they were made from', () => {
    const b = { data: floats(make(24), 0, fb().data), shape: [3, 2] };
    using packed = packWeights(b);
    floatProduct.sync(fa(), packed, { out: b.data });
    expect([...b.data.subarray(0, 4)]).toEqual(EXPECTED);
  });
});

test('two SharedArrayBuffer objects over the same memory', () => {
  const buffer = new SharedArrayBuffer(24);
  const again = structuredClone(buffer);
  const a = { data: floats(buffer, 0, fa().data), shape: [2, 3] };
  expectThrows(() => floatProduct.sync(a, fb(), { out: new Float32Array(again, 8, 4) }), 'ERR_LOWP_ALIAS');
  expect([...a.data]).toEqual([...fa().data]);
});

describe('quantizedMatmul', () => {
  const buffer = new ArrayBuffer(64);
  const out = new Int32Array(buffer, 16, 4);
  const place = <T extends Float32Array | Int32Array | Int8Array | Uint8Array>(array: T, at: number): T => {
    const view = Reflect.construct(array.constructor, [buffer, at, array.length]) as T;
    view.set(array);
    return view;
  };
  const cases: [string, number, (at: number) => [unknown, unknown, object?]][] = [
    [' a ', 6, (at) => [{ ...qa(), data: place(qa().data, at) }, qb()]],
    [' b ', 6, (at) => [qa(), { ...qb(), data: place(qb().data, at) }]],
    ['options.bias', 8, (at) => [qa(), qb(), { bias: place(Int32Array.of(0, 0), at) }]],
    ['a.scale', 8, (at) => [{ ...qa(), scale: place(Float32Array.of(1, 1), at), zeroPoint: Int32Array.of(1, 1), axis: 0 }, qb()]],
    [
      'a.zeroPoint',
      8,
      (at) => [{ ...qa(), scale: Float32Array.of(1, 1), zeroPoint: place(Int32Array.of(1, 1), at), axis: 0 }, qb()],
    ],
  ];
  const offsets = (bytes: number): [number, boolean][] => [
    [16 - (bytes + (bytes % 4 === 0 ? 0 : 2)), false],
    [12, bytes > 4],
    [16, true],
    [28, true],
    [32, false],
  ];
  const table = cases.flatMap(([name, bytes, make]) => offsets(bytes).map(([at, overlaps]) => ({ name, at, overlaps, make })));

  test.each(table)('$name at byte $at, out from 16 to 32: refused is $overlaps', async ({ name, at, overlaps, make }) => {
    const [a, b, more] = make(at);
    const options = { ...more, output: 'int32', out };
    if (overlaps) {
      expectThrows(() => quantizedProduct.sync(a, b, options), 'ERR_LOWP_ALIAS', [name]);
      await expectRejects(() => quantizedProduct.async(a, b, options), 'ERR_LOWP_ALIAS', [name]);
    } else {
      quantizedProduct.sync(a, b, options);
      expect([...out]).toEqual(EXPECTED);
      out.fill(0);
      await quantizedProduct.async(a, b, options);
      expect([...out]).toEqual(EXPECTED);
    }
  });

  test('an int8 out between the bytes of a', () => {
    const bytes = new Int8Array(16);
    const a = { data: bytes.subarray(2, 8), shape: [2, 3], scale: 1, zeroPoint: 0 };
    const output = { dtype: 'int8', scale: 1 };
    const run = (begin: number): unknown => quantizedProduct.sync(a, qb(), { output, out: bytes.subarray(begin, begin + 4) });
    for (const begin of [0, 1, 4, 7]) expectThrows(() => run(begin), 'ERR_LOWP_ALIAS', [begin, begin + 4, 2, 8]);
    expect(run(8)).toMatchObject({ shape: [2, 2] });
  });
});

describe('quantize and dequantize', () => {
  test('quantize > out over x', () => {
    const data = Float32Array.of(1, 2, 3, 4);
    const run = (at: number): unknown =>
      quantize({ data: data.subarray(0, 2), shape: [2] }, { out: new Int8Array(data.buffer, at, 2) });
    expectThrows(() => run(0), 'ERR_LOWP_ALIAS', [' x ', 0, 2, 8]);
    expectThrows(() => run(7), 'ERR_LOWP_ALIAS', [7, 9]);
    expect(run(8)).toMatchObject({ data: Int8Array.of(64, 127) });
    expect([...data.subarray(0, 2)]).toEqual([1, 2]);
  });

  test('quantize > given scales are copied, so that the result keeps them when out lies over them', () => {
    const scale = Float32Array.of(1, 0.5);
    const x = { data: Float32Array.of(1, 2), shape: [2] };
    const q = quantize(x, { axis: 0, scale, out: new Int8Array(scale.buffer) });
    expect([...q.data.subarray(0, 2)]).toEqual([1, 4]);
    expect(q.scale).toEqual(Float32Array.of(1, 0.5));
  });

  test('dequantize > out over q, its scales and zero points', () => {
    const buffer = new ArrayBuffer(32);
    const out = new Float32Array(buffer, 8, 2);
    const q = { data: Int8Array.of(1, 2), shape: [2], scale: 1, zeroPoint: 0 };
    const parts: [string, object][] = [
      ['q.scale', { scale: floats(buffer, 12, [1, 1]), axis: 0 }],
      ['q.zeroPoint', { scale: Float32Array.of(1, 1), zeroPoint: new Int32Array(buffer, 4, 2), axis: 0 }],
      [' q ', { data: new Int8Array(buffer, 15, 2) }],
    ];
    for (const [name, over] of parts) expectThrows(() => dequantize(wrong({ ...q, ...over }), { out }), 'ERR_LOWP_ALIAS', [name]);
    expect([...out]).toEqual([0, 1]);
    expect(dequantize({ ...q, data: new Int8Array(buffer, 16, 2) }, { out }).data).toBe(out);
  });
});
