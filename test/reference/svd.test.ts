/** The oracle's decomposition against results worked out by hand. */
import { truncatedSvd, truncatedSvdAsync } from 'lowp/reference';
import type { Tensor } from 'lowp';
import { expectThrows } from '../helpers/failures';
import { Random } from '../helpers/random';
import { distance, expectFactors, norm, withSpectrum } from '../helpers/spectra';

const t = (shape: number[], ...values: number[]): Tensor<Float32Array> => ({ data: Float32Array.from(values), shape });
const close = (got: ArrayLike<number>, want: readonly number[]): void => {
  expect(got.length).toBe(want.length);
  want.forEach((value, i) => expect(got[i]).toBeCloseTo(value, 6));
};
const r2 = Math.SQRT1_2;

describe('by hand', () => {
  test('a diagonal: its magnitudes in order, signs in vt', () => {
    const { u, s, vt, energy, residual, converged } = truncatedSvd(t([2, 3], 0, 2, 0, -3, 0, 0), { rank: 2 });
    close(s.data, [3, 2]);
    close(u.data, [0, 1, 1, 0]);
    close(vt.data, [-1, 0, 0, 0, 1, 0]);
    expect([energy, residual, converged]).toEqual([1, undefined, true]);
  });

  test('[[1, 1], [0, 0], [1, 1]]: rank 1, s = 2', () => {
    const { u, s, vt } = truncatedSvd(t([3, 2], 1, 1, 0, 0, 1, 1), { rank: 1 });
    close(s.data, [2]);
    close(u.data, [r2, 0, r2]);
    close(vt.data, [r2, r2]);
  });

  test('[[3, 0], [4, 5]]: s = 3 sqrt 5 and sqrt 5, with its vectors', () => {
    const { u, s, vt } = truncatedSvd(t([2, 2], 3, 0, 4, 5), { rank: 2 });
    const w = Math.sqrt(0.1);
    close(s.data, [3 * Math.sqrt(5), Math.sqrt(5)]);
    close(u.data, [w, 3 * w, 3 * w, -w]);
    close(vt.data, [r2, r2, r2, -r2]);
  });

  test('the transpose has u and v swapped, up to the signs', () => {
    const { u, s, vt } = truncatedSvd(t([2, 2], 3, 4, 0, 5), { rank: 1 });
    close(s.data, [3 * Math.sqrt(5)]);
    close(u.data, [r2, r2]);
    close(vt.data, [Math.sqrt(0.1), 3 * Math.sqrt(0.1)]);
  });

  test('zeros: s is 0, the factors are orthonormal all the same', () => {
    const result = truncatedSvd(t([3, 2], 0, 0, 0, 0, 0, 0), { rank: 2, measureResidual: true });
    expectFactors(result, 3, 2, 2);
    close(result.s.data, [0, 0]);
    expect([result.energy, result.residual]).toEqual([1, 0]);
  });

  test('one element; a row; a column', () => {
    close(truncatedSvd(t([1, 1], -2), { rank: 1 }).vt.data, [-1]);
    close(truncatedSvd(t([1, 2], 3, -4), { rank: 1 }).s.data, [5]);
    close(truncatedSvd(t([2, 1], 3, -4), { rank: 1 }).u.data, [-0.6, 0.8]);
  });

  test('a view with strides', () => {
    const a = { data: Float32Array.of(3, 0, 9, 0, 2, 9), shape: [2, 2], strides: [3, 1] };
    close(truncatedSvd(a, { rank: 2 }).s.data, [3, 2]);
  });
});

describe('the rank, of values 4, 2, 1, 1', () => {
  const a = t([4, 4], 4, 0, 0, 0, 0, 2, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1);
  test.each([
    [{ energy: 0.01 }, 1],
    [{ energy: 16 / 22 }, 1],
    [{ energy: 0.75 }, 2],
    [{ energy: 20 / 22 }, 2],
    [{ energy: 1 }, 4],
    [{ maxError: 0 }, 4],
    [{ maxError: Math.sqrt(1.01 / 22) }, 3],
    [{ maxError: Math.sqrt(2.01 / 22) }, 2],
    [{ maxError: 1 }, 1],
    [{ parameterBudget: 15 }, 1],
    [{ parameterBudget: 16 }, 2],
    [{ parameterBudget: 1000 }, 4],
  ])('%o: %i', (options, rank) => {
    const result = truncatedSvd(a, options);
    expect(result.s.data.length).toBe(rank);
    expect(result.energy).toBeCloseTo([16, 20, 21, 22][rank - 1] / 22, 12);
    expect(result.residual !== undefined).toBe('maxError' in options);
    if (result.residual !== undefined) expect(result.residual).toBeCloseTo(Math.sqrt([6, 2, 1, 0][rank - 1] / 22), 6);
  });
});

test.each([
  [12, 9],
  [9, 12],
  [10, 10],
])('%ix%i of known singular values, two of them 0', (m, n) => {
  const values = [5, 3, 3, 1, 0.1, 1e-3, 1e-6, 0, 0, 0];
  const a = withSpectrum(new Random(`${m} ${n}`), m, n, (i) => values[i]);
  const result = truncatedSvd(a, { rank: 7 });
  expectFactors(result, m, n, 7);
  for (let i = 0; i < 7; i++) expect(Math.abs(result.s.data[i] - values[i])).toBeLessThan(2e-6);
  const cut = truncatedSvd(a, { rank: 3 });
  expect(distance(a, cut)).toBeCloseTo(norm(values, 3), 5);
});

test('NaN and infinities are refused; the asynchronous form is the same', async () => {
  for (const bad of [NaN, Infinity, -Infinity])
    expectThrows(() => truncatedSvd(t([1, 2], 1, bad), { rank: 1 }), 'ERR_LOWP_VALUE');
  const a = t([2, 2], 1, 2, 3, 4);
  expect(await truncatedSvdAsync(a, { rank: 2 })).toEqual(truncatedSvd(a, { rank: 2 }));
});
