/** The native truncated SVD on every instruction set: against known spectra, the oracle and LAPACK. */
import { runtime, truncatedSvd, truncatedSvdAsync, type Tensor, type TruncatedSvdOptions } from 'lowp';
import * as reference from 'lowp/reference';
import { kernelOf, usableIsas, useIsa } from '../helpers/isas';
import { Random } from '../helpers/random';
import { LAPACK_MATRICES, distance, expectFactors, norm, withSpectrum } from '../helpers/spectra';
import lapack from './fixtures/lapack_svd.json';

const isas = usableIsas();

test('every supported kernel is the choice of some instruction set', () => {
  const supported = runtime.kernels().flatMap((k) => (k.family === 'svd' && k.supported ? [k.name] : []));
  const chosen = isas.flatMap((isa) => kernelOf('svd', isa)?.name ?? []);
  expect([...new Set(chosen)].sort()).toEqual(supported.sort());
});

/** Beyond the smallest error possible: what the mode allows, and float32's share of the norm. */
function expectBest(a: Tensor<Float32Array>, values: ArrayLike<number>, options: TruncatedSvdOptions, excess: number): void {
  const [m, n] = a.shape;
  const result = truncatedSvd(a, options);
  const rank = options.rank ?? result.s.data.length;
  expectFactors(result, m, n, rank);
  const total = norm(values);
  const error = distance(a, result);
  // Rounding is orthogonal to what was left out, so squares add up.
  const rounding = 4e-7 * total;
  expect(error).toBeLessThanOrEqual(Math.hypot(norm(values, rank) * (1 + excess), rounding));
  for (let r = 0; r < rank; r++) expect(result.s.data[r]).toBeLessThanOrEqual(values[r] + 1e-6 * values[0] + 1e-30);
  const left = norm(values, rank) / (total || 1);
  expect(Math.abs(1 - result.energy - left * left)).toBeLessThan(2 * excess * left * left + 1e-6);
}

describe.each(isas)('svd > %s', (isa) => {
  useIsa(isa);

  test.each(Object.entries(LAPACK_MATRICES))('singular values of LAPACK > %s', (name, a) => {
    const values = (lapack as Record<string, number[]>)[name];
    const [m, n] = a.shape;
    const { s } = truncatedSvd(a, { rank: Math.min(m, n) });
    for (let i = 0; i < values.length; i++) expect(Math.abs(s.data[i] - values[i])).toBeLessThanOrEqual(1e-6 * values[0]);
    const oracle = reference.truncatedSvd(a, { rank: Math.min(m, n) });
    for (let i = 0; i < values.length; i++) expect(Math.abs(oracle.s.data[i] - values[i])).toBeLessThanOrEqual(1e-7 * values[0]);
    expectBest(a, values, { rank: Math.ceil(Math.min(m, n) / 3) }, 1e-6);
  });

  test.each([
    [1, 1],
    [1, 7],
    [7, 1],
    [2, 3],
    [15, 16],
    [17, 5],
    [33, 40],
    [40, 33],
    [64, 64],
    [100, 65],
  ])('every rank of %ix%i, some of them beyond what the matrix has', (m, n) => {
    const least = Math.min(m, n);
    const r = new Random(`${m}x${n}`);
    const full = Float64Array.from({ length: least }, (_, i) => 0.7 ** i);
    const low = full.map((x, i) => (i < least / 2 ? x : 0));
    for (const values of [full, low]) {
      const a = withSpectrum(r, m, n, (i) => values[i]);
      for (let rank = 1; rank <= least; rank += Math.ceil(least / 6)) {
        expectBest(a, values, { rank }, 1e-6);
        expectBest(a, values, { rank, mode: 'fast' }, 0.05);
      }
      expectBest(a, values, { rank: least, mode: 'fast' }, 1e-6);
    }
  });

  test.each<[string, number, number, (i: number) => number, number]>([
    ['1 / i', 300, 200, (i) => 1 / (i + 1), 20],
    ['1 / i, wide', 150, 400, (i) => 1 / (i + 1), 16],
    ['1 / sqrt i', 250, 250, (i) => (i + 1) ** -0.5, 12],
    ['0.9^i', 200, 180, (i) => 0.9 ** i, 30],
    ['0.5^i: below the rounding of float32 soon', 120, 180, (i) => 0.5 ** i, 40],
    ['a step', 220, 160, (i) => (i < 10 ? 1 : 1e-3), 10],
    ['a step that the rank misses', 220, 160, (i) => (i < 10 ? 1 : 1e-3), 14],
    ['pairs', 200, 160, (i) => 2 ** -Math.floor(i / 2), 5],
    ['all alike', 90, 70, () => 3, 8],
    ['rank 1', 130, 110, (i) => (i === 0 ? 4 : 0), 6],
    ['1e-30', 100, 90, (i) => 1e-30 / (i + 1), 8],
    ['1e30', 100, 90, (i) => 1e30 / (i + 1), 8],
  ])('spectrum %s', (title, m, n, value, rank) => {
    const values = Float64Array.from({ length: Math.min(m, n) }, (_, i) => value(i));
    const a = withSpectrum(new Random(title), m, n, value);
    expectBest(a, values, { rank }, 1e-6);
    expect(truncatedSvd(a, { rank }).converged).toBe(true);
    expectBest(a, values, { rank, mode: 'fast' }, title === 'all alike' ? 0.05 : 0.02);
  });

  test('zeros', () => {
    const result = truncatedSvd({ data: new Float32Array(60 * 50), shape: [60, 50] }, { rank: 20, measureResidual: true });
    expectFactors(result, 60, 50, 20);
    expect([...result.s.data]).toEqual(new Array<number>(20).fill(0));
    expect(result).toMatchObject({ energy: 1, residual: 0, converged: true });
  });

  test.each([0.3, 0.9, 0.99, 0.9999, 1])('energy %d: no rank that is smaller would do', (energy) => {
    const value = (i: number): number => 1 / (i + 1);
    const values = Float64Array.from({ length: 120 }, (_, i) => value(i));
    const a = withSpectrum(new Random(`energy ${energy}`), 200, 120, value);
    const result = truncatedSvd(a, { energy });
    const rank = result.s.data.length;
    expectFactors(result, 200, 120, rank);
    expect(result.converged).toBe(true);
    expect(result.energy).toBeGreaterThanOrEqual(energy - 1e-6);
    expect(1 - (norm(values, rank - 1) / norm(values)) ** 2).toBeLessThan(energy + 1e-6);
  });

  test.each([1, 0.3, 0.05, 1e-3, 1e-5])('maxError %d is kept, as measured', (maxError) => {
    const value = (i: number): number => 0.85 ** i;
    const values = Float64Array.from({ length: 120 }, (_, i) => value(i));
    const a = withSpectrum(new Random(`maxError ${maxError}`), 120, 150, value);
    for (const mode of ['fast', 'accurate'] as const) {
      const result = truncatedSvd(a, { maxError, mode });
      const rank = result.s.data.length;
      expect(result.converged).toBe(true);
      expect(result.residual).toBeLessThanOrEqual(maxError);
      const measured = distance(a, result) / norm(a.data);
      expect(measured).toBeLessThanOrEqual(maxError * (1 + 1e-3) + 1e-7);
      if (mode === 'accurate' && rank > 1) expect(norm(values, rank - 1) / norm(values)).toBeGreaterThan(maxError * 0.99);
    }
  });

  test('an error that float32 cannot reach: all triplets, and converged says no', () => {
    const a = withSpectrum(new Random('exact'), 40, 50, (i) => 1 / (i + 1));
    const result = truncatedSvd(a, { maxError: 0 });
    expectFactors(result, 40, 50, 40);
    expect(result.converged).toBe(false);
    expect(result.residual).toBeLessThan(1e-6);
  });

  test('threads 1, 2, 3 and 5, synchronous or not: the same bits; the same seed, too; another seed not', async () => {
    const r = new Random('threads');
    const a = { data: r.floats(700 * 300), shape: [700, 300] };
    const options = { rank: 24, seed: 7, mode: 'fast', measureResidual: true } as const;
    const want = truncatedSvd(a, { ...options, threads: 1 });
    for (const threads of [1, 2, 3, 5]) {
      expect(truncatedSvd(a, { ...options, threads })).toEqual(want);
      const copy = { ...a, data: a.data.slice() };
      const done = truncatedSvdAsync(copy, { ...options, threads });
      copy.data.fill(NaN);
      expect(await done).toEqual(want);
    }
    const other = truncatedSvd(a, { ...options, seed: 8 });
    expect(other.u.data).not.toEqual(want.u.data);
    expect(Math.abs((other.residual ?? 0) / (want.residual ?? 1) - 1)).toBeLessThan(0.01);
  });

  test('a view with strides is the matrix it shows', () => {
    const r = new Random('strides');
    const data = r.floats(50 * 40);
    const view = { data, shape: [50, 33], strides: [40, 1] };
    const dense = {
      data: Float32Array.from({ length: 50 * 33 }, (_, k) => data[Math.floor(k / 33) * 40 + (k % 33)]),
      shape: [50, 33],
    };
    expect(truncatedSvd(view, { rank: 9 })).toEqual(truncatedSvd(dense, { rank: 9 }));
  });

  test('oversample and powerIterations: more of each is no worse; what does not converge says so', () => {
    const value = (i: number): number => (i + 1) ** -0.5;
    const a = withSpectrum(new Random('space'), 300, 280, value);
    const error = (oversample: number, powerIterations: number): number =>
      distance(a, truncatedSvd(a, { rank: 20, mode: 'fast', oversample, powerIterations }));
    expect(error(10, 1)).toBeLessThan(error(10, 0));
    expect(error(40, 3)).toBeLessThan(error(40, 0));
    expect(error(100, 2)).toBeLessThan(error(10, 2));
    const best = Math.sqrt(Array.from({ length: 260 }, (_, i) => value(i + 20) ** 2).reduce((x, y) => x + y));
    expect(error(260, 5)).toBeLessThan(best * (1 + 1e-6));
    expect(truncatedSvd(a, { rank: 20, oversample: 10, powerIterations: 1 }).converged).toBe(false);
    expect(truncatedSvd(a, { rank: 20 }).converged).toBe(true);
  });

  test('parameterBudget: as many as fit', () => {
    const a = { data: new Random('budget').floats(30 * 20), shape: [30, 20] };
    for (const [budget, rank] of [
      [50, 1],
      [99, 1],
      [100, 2],
      [499.5, 9],
      [1e9, 20],
    ]) {
      expect(truncatedSvd(a, { parameterBudget: budget }).s.data.length).toBe(rank);
    }
  });
});
