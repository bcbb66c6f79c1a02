/** Weights of low rank in both products: against the product with the whole of what the factors stand for. */
import '../helpers/ownBinary';
import {
  LowRankWeights,
  lowRank,
  matmul,
  matmulAsync,
  packWeights,
  quantizedMatmul,
  quantizedMatmulAsync,
  runtime,
  type LowRankOptions,
  type Tensor,
} from 'lowp';
import { expectThrows, wrong, type Fragment } from '../helpers/failures';
import { usableIsas, useIsa } from '../helpers/isas';
import { Random } from '../helpers/random';
import { norm, withSpectrum } from '../helpers/spectra';
import { binding, expectFailure } from '../helpers/native';

/** Of rank 5. */
const weightsOf = (k: number, n: number): Tensor<Float32Array> =>
  withSpectrum(new Random(`${k}x${n}`), k, n, (i) => (i < 5 ? 8 / (i + 1) : 0));

function expectNear(got: ArrayLike<number>, want: ArrayLike<number>, error: number): void {
  expect(got.length).toBe(want.length);
  const apart = Float64Array.from(want, (x, i) => x - got[i]);
  expect(norm(apart)).toBeLessThanOrEqual(error * norm(want) + 1e-30);
}

describe.each(usableIsas())('%s', (isa) => {
  useIsa(isa);

  test.each([
    [1, 30, 20],
    [7, 20, 30],
    [33, 65, 48],
    [200, 40, 90],
  ])('M%i K%i N%i: matmul, quantizedMatmul and their asynchronous forms, with all that they take', async (m, k, n) => {
    const r = new Random(`${m} ${k} ${n}`);
    const w = weightsOf(k, n);
    const a = { data: r.floats(m * k), shape: [m, k] };
    const options = { bias: r.floats(n), residual: { data: r.floats(m * n), shape: [m, n] }, activation: 'relu' } as const;
    const want = matmul(a, w, options).data;
    using floats = lowRank(w, { rank: 5 });
    expectNear(matmul(a, floats, options).data, want, 1e-5);
    expect((await matmulAsync(a, floats, options)).data).toEqual(matmul(a, floats, options).data);
    using bytes = lowRank(w, { rank: 5, dtype: 'int8' });
    const got = quantizedMatmul(a, bytes, options).data;
    expectNear(got, want, 0.04);
    expect((await quantizedMatmulAsync(a, bytes, options)).data).toEqual(got);
    for (const threads of [1, 2, 3]) {
      expect(matmul(a, floats, { ...options, threads }).data).toEqual(matmul(a, floats, options).data);
      expect(quantizedMatmul(a, bytes, { ...options, threads }).data).toEqual(got);
    }
  });

  test('weights stored [N, K], activations [K, M], batches, out with a stride, 8-bit output', () => {
    const r = new Random('layouts');
    const w = weightsOf(24, 36);
    const stored = Float32Array.from({ length: 24 * 36 }, (_, i) => w.data[(i % 24) * 36 + Math.floor(i / 24)]);
    using weights = lowRank({ data: stored, shape: [36, 24] }, { rank: 5, transposeB: true });
    expect(weights.shape).toEqual([24, 36]);
    const a = { data: r.floats(2 * 3 * 24), shape: [2, 3, 24] };
    const want = matmul(a, w);
    const got = matmul(a, weights);
    expect(got.shape).toEqual(want.shape);
    expectNear(got.data, want.data, 1e-5);
    const columns = { data: r.floats(24 * 4), shape: [24, 4] };
    expectNear(matmul(columns, weights, { transposeA: true }).data, matmul(columns, w, { transposeA: true }).data, 1e-5);
    const out = new Float32Array(2 * 3 * 40).fill(7);
    matmul(a, weights, { out, outStride: 40 });
    expect(out[39]).toBe(7);
    expectNear(out.subarray(40, 76), want.data.subarray(36, 72), 1e-5);
    using bytes = lowRank(w, { rank: 5, dtype: 'int8' });
    const scale = Math.max(...want.data.map(Math.abs)) / 127;
    const rounded = quantizedMatmul(a, bytes, { output: { dtype: 'int8', scale, zeroPoint: 0 } });
    expectNear(
      Float32Array.from(rounded.data, (x) => x * scale),
      want.data,
      0.05,
    );
  });
});

test('the handle: shape, rank, error, dtype, explain, dispose', () => {
  const w = weightsOf(64, 48);
  const before = runtime.memory();
  const weights = lowRank(w, { rank: 3 });
  expect(weights).toBeInstanceOf(LowRankWeights);
  expect(weights).toMatchObject({ shape: [64, 48], rank: 3, dtype: 'float32', breakEvenRank: 27, disposed: false });
  expect(weights.error).toBeCloseTo(Math.hypot(8 / 4, 8 / 5) / norm(w.data), 4);
  expect(runtime.memory().packedHandles).toBe(before.packedHandles + 1);
  expect(weights.bytes).toBeGreaterThanOrEqual(3 * (64 + 48) * 4);
  expect(runtime.memory().packedBytes).toBe(before.packedBytes + weights.bytes);
  const text = weights.explain([1, 4]);
  for (const words of ['64x48 of rank 3', '3072 -> 336', 'break-even rank 27', '1 rows: ', '4 rows: ', 'times as fast']) {
    expect(text).toContain(words);
  }
  weights.dispose();
  expect(runtime.memory()).toEqual(before);
  const a = { data: new Float32Array(64), shape: [1, 64] };
  expectThrows(() => matmul(a, weights), 'ERR_LOWP_DISPOSED');
  // 4x4: 2 * (4 + 4) is 16 already.
  using even = lowRank(weightsOf(4, 4), { rank: 1 });
  expect(even.breakEvenRank).toBe(1);
});

test('the rank: by error, by energy, by budget, by speed', () => {
  const w = weightsOf(60, 50);
  const rankOf = (options: LowRankOptions): number => {
    using weights = lowRank(w, options);
    return weights.rank;
  };
  expect(rankOf({ maxError: 1e-3 })).toBe(5);
  expect(rankOf({ energy: 0.9 })).toBe(3);
  expect(rankOf({ parameterBudget: 440 })).toBe(4);
  // What it finds depends on the machine; that it finds one does not.
  const found = rankOf({ speedup: 1e-3, rows: 4 });
  expect(found).toBeGreaterThanOrEqual(1);
  expect(found).toBeLessThanOrEqual(50);
});

test.each<[string, object, LowRankOptions, 'ERR_LOWP_TYPE' | 'ERR_LOWP_SHAPE' | 'ERR_LOWP_VALUE', ...Fragment[]]>([
  ['no options', {}, wrong(undefined), 'ERR_LOWP_TYPE', 'options'],
  ['no criterion', {}, {}, 'ERR_LOWP_VALUE', 'rank', 'none'],
  ['two', {}, { rank: 1, speedup: 2 }, 'ERR_LOWP_VALUE', 'rank and speedup'],
  ['rows without speedup', {}, { rank: 1, rows: 3 }, 'ERR_LOWP_VALUE', 'options.rows', 3],
  ['speedup 0', {}, { speedup: 0 }, 'ERR_LOWP_VALUE', 'options.speedup', 0],
  ['speedup 1e9', {}, { speedup: 1e9, rows: 1 }, 'ERR_LOWP_VALUE', 'options.speedup', 'rank 1', '1000000000'],
  ['rank 9', {}, { rank: 9 }, 'ERR_LOWP_VALUE', 'options.rank', 8, 9],
  ['dtype', {}, wrong({ rank: 1, dtype: 'int4' }), 'ERR_LOWP_TYPE', 'options.dtype', "'int4'"],
  ['rnak', {}, wrong({ rnak: 1 }), 'ERR_LOWP_TYPE', "did you mean 'rank'"],
  ['a row of weights', { shape: [96] }, { rank: 1 }, 'ERR_LOWP_SHAPE', 'weights.shape', 'two dimensions'],
  ['bytes', { data: new Int8Array(96) }, { rank: 1 }, 'ERR_LOWP_TYPE', 'weights.data', 'Int8Array(96)'],
  ['NaN', { data: new Float32Array(96).fill(NaN) }, { rank: 1 }, 'ERR_LOWP_VALUE', 'finite'],
])('refused: %s', (_, over, options, code, ...words) => {
  expectThrows(() => lowRank(wrong({ ...weightsOf(8, 12), ...over }), options), code, words);
});

test('of the wrong kind for the product; an int32 result', () => {
  using floats = lowRank(weightsOf(8, 12), { rank: 2 });
  using bytes = lowRank(weightsOf(8, 12), { rank: 2, dtype: 'int8' });
  const a = { data: new Float32Array(8), shape: [1, 8] };
  expectThrows(() => matmul(a, bytes), 'ERR_LOWP_HANDLE', ['int8']);
  expectThrows(() => quantizedMatmul(a, floats), 'ERR_LOWP_HANDLE', ['float32']);
  const q = { data: new Int8Array(8), shape: [1, 8], scale: 1, zeroPoint: 0 };
  expect(quantizedMatmul(q, bytes).data).toEqual(new Float32Array(12));
  expect(() => quantizedMatmul(q, bytes, { output: 'int32' })).toThrow();
});

test('packLowRank of the binding: two of a kind that fit', () => {
  const native = binding();
  const handleOf = (k: number, n: number, int8 = false) => {
    const data = int8 ? new Int8Array(k * n) : new Float32Array(k * n);
    const slots = new Float64Array([k, n, n, 0, 0]);
    const ctl = new Uint8Array(slots.buffer);
    return data instanceof Int8Array ? native.packQ(ctl, data, Float32Array.of(1), Int32Array.of(0)) : native.packF(ctl, data);
  };
  native.dispose(native.packLowRank(handleOf(4, 2), handleOf(2, 3)));
  expectFailure(() => native.packLowRank(handleOf(4, 2), handleOf(3, 3)), 'SHAPE');
  expectFailure(() => native.packLowRank(handleOf(4, 2), handleOf(2, 3, true)), 'HANDLE');
  expectFailure(() => native.packLowRank(handleOf(4, 2), wrong(packWeights(weightsOf(2, 3)))), 'HANDLE');
});
