/** Products with 16-bit weights on every instruction set: bit for bit the float32 product with the weights' values. */
import { cast, matmul, matmulAsync, packWeights, runtime, type Float16Tensor, type MatmulOptions, type Tensor } from 'lowp';
import * as reference from 'lowp/reference';
import { expectNear, expectSame } from '../helpers/compare';
import { around, tileOf, unique, usableIsas, useIsa } from '../helpers/isas';
import { Random } from '../helpers/random';

const DTYPES = ['bfloat16', 'float16'] as const;

interface Case {
  readonly m: number;
  readonly n: number;
  readonly k: number;
  readonly batch?: readonly number[];
  readonly padB?: number;
  readonly transposeA?: boolean;
  readonly transposeB?: boolean;
  readonly epilogue?: boolean;
  readonly threads?: number;
}

function titleOf({ m, n, k, ...rest }: Case, dtype: string): string {
  const words = Object.entries(rest).map(([key, value]) => `${key} ${String(value)}`);
  return [dtype, `M${m} N${n} K${k}`, ...words].join(' ');
}

interface Problem {
  readonly a: Tensor<Float32Array>;
  readonly b: Tensor<Float32Array>;
  readonly options: MatmulOptions;
}

function problem(c: Case, r: Random): Problem {
  const { m, n, k, batch = [], padB = 0, transposeA, transposeB = false, threads } = c;
  const rows = batch.reduce((p, size) => p * size, m);
  const normal = (length: number): Float32Array => r.fill(new Float32Array(length), () => r.normal());
  const [bRows, bCols] = transposeB ? [n, k] : [k, n];
  const strides = padB === 0 ? undefined : [bCols + padB, 1];
  const options = c.epilogue === true ? { bias: normal(n), residual: normal(rows * n), activation: 'gelu' as const } : {};
  return {
    a: { data: normal(rows * k), shape: transposeA === true ? [k, m] : [...batch, m, k] },
    b: { data: normal(bRows * (bCols + padB)), shape: [bRows, bCols], strides },
    options: { ...options, transposeA, threads },
  };
}

function bitsOf({ buffer, byteOffset, length }: Float32Array): Uint32Array {
  return new Uint32Array(buffer, byteOffset, length);
}

/** Both ways to hand in the weights give the bits of the float32 product with the rounded ones. */
function check(c: Case): void {
  for (const dtype of DTYPES) {
    const title = titleOf(c, dtype);
    const { a, b, options } = problem(c, new Random(title));
    const { transposeB } = c;
    const half = cast(b, { dtype });
    using wide = packWeights(cast(half, { dtype: 'float32' }), { transposeB });
    using rounded = packWeights(b, { storage: dtype, transposeB });
    using given = packWeights(half, { transposeB });
    const want = bitsOf(matmul(a, wide, options).data);
    expectSame(bitsOf(matmul(a, rounded, options).data), want, `${title} rounded`);
    expectSame(bitsOf(matmul(a, given, options).data), want, `${title} given`);
    expectSame(bitsOf(matmul(a, half, { ...options, transposeB }).data), want, `${title} packed for the call`);
  }
}

describe.each(usableIsas())('float16 > %s', (isa) => {
  const { mr, nr } = tileOf('sgemm', isa);
  useIsa(isa);

  test.each(unique(...around(mr), 2, 3, 4 * mr, 4 * mr + 1))('around the tile > M%i', (m) => {
    for (const n of unique(...around(nr), 4 * nr, 6 * nr + 1)) {
      for (const k of [0, 1, 2, 3, 31]) check({ m, n, k });
      check({ m, n, k: 67, transposeB: true, padB: 3, epilogue: true });
      check({ m, n, k: 35, transposeA: true, padB: 1 });
    }
  });

  test.each([255, 256, 257, 513])('K%i around the block of depth', (k) => {
    for (const m of [1, 2, mr + 1, 4 * mr + 1]) check({ m, n: 4 * nr + 1, k, epilogue: true });
  });

  test.each<Case>([
    { m: 401, n: 33, k: 100, epilogue: true },
    { m: 1, n: 1100, k: 1000 },
    { m: 19, n: 35, k: 321, batch: [2, 3] },
  ])('threads 1, 2 and 5, synchronous or not > M$m N$n K$k', async (c) => {
    for (const threads of [1, 2, 5]) check({ ...c, threads });
    const { a, b, options } = problem(c, new Random('async'));
    using packed = packWeights(b, { storage: 'bfloat16' });
    const want = bitsOf(matmul(a, packed, options).data);
    const half = cast(b, { dtype: 'bfloat16' });
    const calls = [matmulAsync(a, packed, options), matmulAsync(a, half, { ...options, threads: 3 })];
    half.data.fill(0);
    packed.dispose();
    for (const call of calls) expectSame(bitsOf((await call).data), want, 'async');
  });

  test('within the bound of the float64 oracle with the rounded weights', () => {
    for (const dtype of DTYPES) {
      const { a, b } = problem({ m: mr + 1, n: nr + 3, k: 300 }, new Random(dtype));
      using packed = packWeights(b, { storage: dtype });
      const want = reference.matmul(a, reference.packWeights(b, { storage: dtype })).data;
      expectNear(matmul(a, packed).data, want, 2 ** -23 * 301 * 5 * 5 * 2, dtype);
    }
  });

  test('every code, subnormal, infinite and NaN ones too, is multiplied by its value', () => {
    for (const dtype of DTYPES) {
      // One code a column, and a row of ones: each result is a weight.
      const codes: Float16Tensor = { data: Uint16Array.from({ length: 0x10000 }, (_, i) => i), shape: [1, 0x10000], dtype };
      const values = reference.cast(codes, { dtype: 'float32' }).data;
      for (const m of [1, 2, 3, 4 * mr + 1]) {
        const y = matmul({ data: new Float32Array(m).fill(1), shape: [m, 1] }, codes).data;
        for (const row of [0, m - 1]) expectSame(y.subarray(row * 0x10000, (row + 1) * 0x10000), values, `${dtype} M${m}`);
      }
    }
  });

  test('rounding beyond the largest value gives infinity, and 0 * Infinity is NaN', () => {
    const a = { data: Float32Array.of(1, 0), shape: [1, 2] };
    const b = { data: Float32Array.of(65520, -1e30, 1, 65519, -1e30, 1), shape: [2, 3] };
    using packed = packWeights(b, { storage: 'float16' });
    expect([...matmul(a, packed).data]).toEqual([Infinity, NaN, 1]);
  });
});

test('half the memory, and what a handle says of itself', () => {
  const b = { data: new Float32Array(64 * 96), shape: [64, 96] };
  const before = runtime.memory().packedBytes;
  using wide = packWeights(b, { storage: 'float32' });
  for (const dtype of DTYPES) {
    using packed = packWeights(b, { storage: dtype });
    expect(packed).toMatchObject({ shape: [64, 96], dtype, kernel: wide.kernel, isa: wide.isa, groupSize: undefined });
    expect(packed.bytes * 2).toBe(wide.bytes);
    expect(runtime.memory().packedBytes - before).toBe(runtime.backend === 'reference' ? 0 : packed.bytes + wide.bytes);
  }
  expect(wide.dtype).toBe('float32');
});
