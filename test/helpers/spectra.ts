/** Matrices whose singular values are known, and what a truncated decomposition of one has to be. */
import type { Tensor, TruncatedSvd } from 'lowp';
import type { Random } from './random';

/** Enough for a matrix that looks random everywhere. */
const REFLECTIONS = 4;

/** Q1 * diag(values) * Q2 with orthogonal factors, products of random reflections, made in float64 and rounded once. */
export function withSpectrum(r: Random, m: number, n: number, values: (i: number) => number): Tensor<Float32Array> {
  const a = Array.from({ length: m }, () => new Float64Array(n));
  for (let i = 0; i < Math.min(m, n); i++) a[i][i] = values(i);
  for (let k = 0; k < REFLECTIONS; k++) {
    const left = axis(r, m);
    const sums = new Float64Array(n);
    for (let i = 0; i < m; i++) for (let j = 0; j < n; j++) sums[j] += left[i] * a[i][j];
    for (let i = 0; i < m; i++) for (let j = 0; j < n; j++) a[i][j] -= 2 * left[i] * sums[j];
    const right = axis(r, n);
    for (const row of a) {
      const along = row.reduce((sum, x, j) => sum + x * right[j], 0);
      for (let j = 0; j < n; j++) row[j] -= 2 * along * right[j];
    }
  }
  const data = new Float32Array(m * n);
  a.forEach((row, i) => data.set(row, i * n));
  return { data, shape: [m, n] };
}

function axis(r: Random, length: number): Float64Array {
  const x = Float64Array.from({ length }, () => r.normal());
  const norm = Math.hypot(...x) || 1;
  return x.map((v) => v / norm);
}

const grid = (m: number, n: number, at: (i: number, j: number) => number): Tensor<Float32Array> => ({
  data: Float32Array.from({ length: m * n }, (_, k) => at(Math.floor(k / n) + 1, (k % n) + 1)),
  shape: [m, n],
});

/** Those of fixtures/lapack_svd.py. */
export const LAPACK_MATRICES: Readonly<Record<string, Tensor<Float32Array>>> = {
  hilbert: grid(40, 30, (i, j) => 1 / (i + j - 1)),
  remainders: grid(40, 30, (i, j) => ((7 * i + 13 * j + i * j) % 17) - 8),
  distances: grid(40, 30, (i, j) => Math.abs(i - j)),
  gaussians: grid(40, 30, (i, j) => 2 ** -Math.abs(i - j)),
  'tall and thin': grid(40, 3, (i, j) => (3 * i + j * j) % 11),
  wide: grid(5, 30, (i, j) => ((i * i * j) % 23) - 11),
};

/** sqrt(sum of squares) from index `from` on. */
export function norm(values: ArrayLike<number>, from = 0): number {
  let sum = 0;
  for (let i = from; i < values.length; i++) sum += values[i] * values[i];
  return Math.sqrt(sum);
}

/** ||a - u diag(s) vt|| in float64. */
export function distance(a: Tensor<Float32Array>, { u, s, vt }: TruncatedSvd): number {
  const [m, n] = a.shape;
  const rank = s.data.length;
  let squares = 0;
  const row = new Float64Array(n);
  for (let i = 0; i < m; i++) {
    row.set(a.data.subarray(i * n, (i + 1) * n));
    for (let r = 0; r < rank; r++) {
      const weight = u.data[i * rank + r] * s.data[r];
      for (let j = 0; j < n; j++) row[j] -= weight * vt.data[r * n + j];
    }
    for (let j = 0; j < n; j++) squares += row[j] * row[j];
  }
  return Math.sqrt(squares);
}

/** The largest |x_i * x_j - (i = j)| of vectors that lie as rows. */
function imperfection(count: number, length: number, at: (vector: number, i: number) => number): number {
  let worst = 0;
  for (let p = 0; p < count; p++) {
    for (let q = 0; q <= p; q++) {
      let sum = p === q ? -1 : 0;
      for (let i = 0; i < length; i++) sum += at(p, i) * at(q, i);
      worst = Math.max(worst, Math.abs(sum));
    }
  }
  return worst;
}

/** Shapes, orthonormal factors, descending values of 0 or more, and the signs that the doc comment promises. */
export function expectFactors({ u, s, vt }: TruncatedSvd, m: number, n: number, rank: number): void {
  expect([u.shape, s.shape, vt.shape]).toEqual([[m, rank], [rank], [rank, n]]);
  expect([u.data.length, s.data.length, vt.data.length]).toEqual([m * rank, rank, rank * n]);
  expect(imperfection(rank, m, (r, i) => u.data[i * rank + r])).toBeLessThan(3e-6);
  expect(imperfection(rank, n, (r, j) => vt.data[r * n + j])).toBeLessThan(3e-6);
  for (let r = 0; r < rank; r++) {
    expect(s.data[r]).toBeGreaterThanOrEqual(0);
    if (r > 0) expect(s.data[r]).toBeLessThanOrEqual(s.data[r - 1]);
    let largest = 0;
    for (let i = 0; i < m; i++) {
      if (Math.abs(u.data[i * rank + r]) > Math.abs(largest)) largest = u.data[i * rank + r];
    }
    expect(largest).toBeGreaterThan(0);
  }
}
