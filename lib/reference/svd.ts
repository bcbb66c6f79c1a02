import type { AsyncOptions, Tensor, TruncatedSvd, TruncatedSvdOptions } from '../types';
import { offsetsOf } from './layout';
import { refuse } from './refuse';

/** More sweeps than any matrix needs: convergence is quadratic. */
const MAX_SWEEPS = 60;
/** Two columns are orthogonal where the cosine of their angle is at most this. */
const COSINE = 1e-15;

/** All of them, in float64: `left` has the left singular vectors, `right` the right ones, as columns that are arrays. */
interface Decomposition {
  readonly left: Float64Array[];
  readonly values: Float64Array;
  readonly right: Float64Array[];
}

/**
 * The exact decomposition, in float64 by one-sided Jacobi rotations (Hestenes 1958), cut off at the rank and rounded once to float32.
 * Signs: in each column of u the entry of largest magnitude (the first of equal ones) is positive.
 */
export function truncatedSvd(a: Tensor<Float32Array>, options: TruncatedSvdOptions): TruncatedSvd {
  const [m, n] = a.shape;
  const rows = readRows(a);
  const all = m >= n ? jacobi(transposed(rows, n)) : swap(jacobi(rows));
  const total = rows.reduce((sum, row) => sum + dot(row, row), 0);
  const rank = rankOf(all.values, total, m, n, options);
  const u = new Float32Array(m * rank);
  const vt = new Float32Array(rank * n);
  let kept = 0;
  for (let r = 0; r < rank; r++) {
    const sign = signOf(all.left[r]);
    for (let i = 0; i < m; i++) u[i * rank + r] = sign * all.left[r][i];
    for (let j = 0; j < n; j++) vt[r * n + j] = sign * all.right[r][j];
    kept += all.values[r] ** 2;
  }
  const s = Float32Array.from(all.values.subarray(0, rank));
  const measures = options.measureResidual === true || options.maxError !== undefined;
  return {
    u: { data: u, shape: [m, rank] },
    s: { data: s, shape: [rank] },
    vt: { data: vt, shape: [rank, n] },
    energy: total === 0 ? 1 : kept / total,
    residual: measures ? residualOf(rows, total, u, s, vt) : undefined,
    converged: true,
  };
}

/** The same, at once; the promise only matches the signature. */
export async function truncatedSvdAsync(
  a: Tensor<Float32Array>,
  options: TruncatedSvdOptions & AsyncOptions,
): Promise<TruncatedSvd> {
  options.signal?.throwIfAborted();
  return truncatedSvd(a, options);
}

function readRows(a: Tensor<Float32Array>): Float64Array[] {
  const [m, n] = a.shape;
  const at = offsetsOf(a);
  const rows = Array.from({ length: m }, (_, i) => Float64Array.from({ length: n }, (_, j) => a.data[at[i * n + j]]));
  if (rows.some((row) => row.some((x) => !Number.isFinite(x)))) {
    throw refuse('ERR_LOWP_VALUE', 'Expected finite elements for a but received NaN or infinities');
  }
  return rows;
}

function transposed(rows: Float64Array[], n: number): Float64Array[] {
  return Array.from({ length: n }, (_, j) => Float64Array.from(rows, (row) => row[j]));
}

function swap({ left, values, right }: Decomposition): Decomposition {
  return { left: right, values, right: left };
}

function dot(x: Float64Array, y: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < x.length; i++) sum += x[i] * y[i];
  return sum;
}

/** Of the matrix with these columns, at least as long as there are many: turns pairs of them until all are orthogonal. */
function jacobi(columns: Float64Array[]): Decomposition {
  const n = columns.length;
  const right = Array.from({ length: n }, (_, j) => Float64Array.from({ length: n }, (_, i) => (i === j ? 1 : 0)));
  for (let sweep = 0, turned = true; turned && sweep < MAX_SWEEPS; sweep++) {
    turned = false;
    for (let p = 0; p < n; p++) {
      for (let q = p + 1; q < n; q++) {
        const [app, aqq, apq] = [dot(columns[p], columns[p]), dot(columns[q], columns[q]), dot(columns[p], columns[q])];
        if (Math.abs(apq) <= COSINE * Math.sqrt(app * aqq)) continue;
        turned = true;
        const tau = (aqq - app) / (2 * apq);
        const t = (tau < 0 ? -1 : 1) / (Math.abs(tau) + Math.sqrt(1 + tau * tau));
        const c = 1 / Math.sqrt(1 + t * t);
        turn(columns[p], columns[q], c, c * t);
        turn(right[p], right[q], c, c * t);
      }
    }
  }
  const norms = columns.map((column) => Math.sqrt(dot(column, column)));
  const order = norms.map((_, i) => i).sort((i, j) => norms[j] - norms[i] || i - j);
  const left: Float64Array[] = [];
  for (const i of order) left.push(unit(columns[i], norms[i], norms[order[0]], left));
  return { left, values: Float64Array.from(order, (i) => norms[i]), right: order.map((i) => right[i]) };
}

function turn(x: Float64Array, y: Float64Array, c: number, s: number): void {
  for (let i = 0; i < x.length; i++) {
    const xi = x[i];
    x[i] = c * xi - s * y[i];
    y[i] = s * xi + c * y[i];
  }
}

/**
 * column / norm. Of a column that rounding left over (the matrix has a lower rank) the direction means nothing: any unit vector does
 * that is orthogonal to those before it.
 */
function unit(column: Float64Array, norm: number, largest: number, before: Float64Array[]): Float64Array {
  if (norm > largest * 1e-13) return column.map((x) => x / norm);
  for (let axis = 0; ; axis++) {
    const candidate = new Float64Array(column.length);
    candidate[axis] = 1;
    for (const other of [...before, ...before]) {
      const along = dot(candidate, other);
      for (let i = 0; i < candidate.length; i++) candidate[i] -= along * other[i];
    }
    const length = Math.sqrt(dot(candidate, candidate));
    // Some axis keeps at least 1 / sqrt(rows) of its length, because fewer vectors than rows are there.
    if (length * length * column.length > 0.5) return candidate.map((x) => x / length);
  }
}

function signOf(column: Float64Array): number {
  let largest = 0;
  for (const x of column) if (Math.abs(x) > Math.abs(largest)) largest = x;
  return largest < 0 ? -1 : 1;
}

function rankOf(values: Float64Array, total: number, m: number, n: number, options: TruncatedSvdOptions): number {
  const { rank, energy, maxError, parameterBudget } = options;
  if (rank !== undefined) return rank;
  if (parameterBudget !== undefined) return Math.min(values.length, Math.floor(parameterBudget / (m + n)));
  // What is left out is summed from its end, so that no digits cancel.
  const allowed = total * (energy !== undefined ? 1 - energy : (maxError ?? 0) ** 2);
  let left = 0;
  let r = values.length;
  while (r > 1 && left + values[r - 1] ** 2 <= allowed) {
    left += values[r - 1] ** 2;
    r--;
  }
  return r;
}

/** Of the rounded factors, in float64. */
function residualOf(rows: Float64Array[], total: number, u: Float32Array, s: Float32Array, vt: Float32Array): number {
  const rank = s.length;
  let squares = 0;
  rows.forEach((row, i) => {
    for (let j = 0; j < row.length; j++) {
      let sum = 0;
      for (let r = 0; r < rank; r++) sum += u[i * rank + r] * s[r] * vt[r * row.length + j];
      squares += (row[j] - sum) ** 2;
    }
  });
  return total === 0 ? 0 : Math.sqrt(squares / total);
}
