import { expected, lowpError } from '../errors';
import { breakEvenRank, denseOf, packLowRank, timeProducts, type Factors, type LowRankWeights } from '../ops/lowRankWeights';
import { truncatedSvd } from '../ops/truncatedSvd';
import type { Tensor, TruncatedSvd, TruncatedSvdOptions } from '../types';
import { isTagged } from '../validate/arrays';
import { checkKeys, checkTensor, readBoolean, readName } from '../validate/options';
import { checkExtent, checkShape, leadingDimension, readSize } from '../validate/shapes';

const CRITERIA = ['rank', 'energy', 'maxError', 'parameterBudget', 'speedup'] as const;
const KEYS: ReadonlySet<string> = new Set([...CRITERIA, 'dtype', 'rows', 'transposeB', 'mode', 'seed', 'threads']);
const DTYPES = ['float32', 'int8'] as const;
const DEFAULT_ROWS = 32;
/** Kernels take this many columns at a time, so ranks in between cost as much as the next. */
const RANK_STEP = 16;

/** Exactly one of `rank`, `energy`, `maxError`, `parameterBudget` and `speedup` decides the rank; all but the last as in `truncatedSvd`. */
export interface LowRankOptions extends Pick<
  TruncatedSvdOptions,
  'rank' | 'energy' | 'maxError' | 'parameterBudget' | 'mode' | 'seed' | 'threads'
> {
  /**
   * The largest rank with which a product of `rows` rows is this many times as fast as with the whole matrix, measured in this call on
   * this machine: above 0. 1: the largest rank that still pays.
   */
  readonly speedup?: number;
  /** Rows of activations for `speedup`. Default 32. */
  readonly rows?: number;
  /** `'float32'` (default), for `matmul`, or `'int8'` (a scale for each column of both factors), for `quantizedMatmul`. */
  readonly dtype?: 'float32' | 'int8';
  /** The weights are [N, K] instead of [K, N]. Default `false`. */
  readonly transposeB?: boolean;
}

/**
 * Weights [K, N] as packed factors [K, r] and [r, N] of their truncated singular value decomposition, the singular values shared out
 * evenly: for `matmul`, or with `dtype: 'int8'` for `quantizedMatmul`, in place of packed weights. Fewer parameters and multiply-adds where
 * r < K * N / (K + N); `explain()` of the result says what it saves.
 *
 * Source: Denton, Zaremba, Bruna, LeCun, Fergus, Exploiting Linear Structure Within Convolutional Networks, 2014.
 *
 * @throws ERR_LOWP_TYPE, ERR_LOWP_SHAPE, ERR_LOWP_VALUE (also weights that are not finite, or a `speedup` that no rank reaches),
 * ERR_LOWP_DETACHED, ERR_LOWP_UNSUPPORTED (no native binary), ERR_LOWP_NOMEM.
 * @example
 * const w = { data: Float32Array.of(1, 2, 2, 4, 3, 6), shape: [3, 2] };
 * using weights = lowRank(w, { maxError: 0.01 });
 * const x = { data: Float32Array.of(1, 0, 1), shape: [1, 3] };
 * console.log(weights.rank, matmul(x, weights).data); // 1, about 4 8
 */
export function lowRank(weights: Tensor<Float32Array>, options: LowRankOptions): LowRankWeights {
  if (options === undefined) throw expected('ERR_LOWP_TYPE', 'an object', 'options', options);
  checkKeys(options, KEYS, 'options');
  const {
    speedup,
    rows,
    dtype: givenDtype,
    transposeB: givenTranspose,
    rank,
    energy,
    maxError,
    parameterBudget,
    ...svd
  } = options;
  const { mode, seed, threads } = svd;
  const dtype = givenDtype === undefined ? 'float32' : readName(givenDtype, DTYPES, 'options.dtype');
  const transposeB = readBoolean(givenTranspose, 'options.transposeB');
  const matrix = readMatrix(weights);
  const common = { mode, seed, threads, measureResidual: true };
  if (speedup === undefined) {
    if (rows !== undefined) throw expected('ERR_LOWP_VALUE', 'nothing (without speedup)', 'options.rows', rows);
    const found = truncatedSvd(matrix, { ...common, rank, energy, maxError, parameterBudget });
    return packLowRank(factorsOf(found, matrix.shape, transposeB, dtype), lowRank);
  }
  const others = CRITERIA.filter((name) => options[name] !== undefined);
  if (others.length > 1) {
    throw lowpError('ERR_LOWP_VALUE', `Expected one of ${CRITERIA.join(', ')} in options but received ${others.join(' and ')}`);
  }
  if (typeof speedup !== 'number') throw expected('ERR_LOWP_TYPE', 'a number', 'options.speedup', speedup);
  if (!(speedup > 0 && speedup < Infinity)) {
    throw expected('ERR_LOWP_VALUE', 'a finite number above 0', 'options.speedup', speedup);
  }
  const m = rows === undefined ? DEFAULT_ROWS : readSize(rows, 'options.rows');
  if (m < 1) throw expected('ERR_LOWP_VALUE', '1 or more', 'options.rows', m);
  const [k, n] = transposeB ? [matrix.shape[1], matrix.shape[0]] : matrix.shape;
  const fastest = rankForSpeed(k, n, dtype, speedup, m);
  return packLowRank(factorsOf(truncatedSvd(matrix, { ...common, rank: fastest }), matrix.shape, transposeB, dtype), lowRank);
}

/** The largest rank that reaches it, by bisection: time grows with the rank. */
function rankForSpeed(k: number, n: number, dtype: 'float32' | 'int8', speedup: number, rows: number): number {
  using dense = denseOf(dtype, [k, n]);
  const reaches = (rank: number): boolean => {
    const some = { first: new Float32Array(rank * k).fill(0.5), second: new Float32Array(n * rank).fill(0.5) };
    using low = packLowRank({ dtype, k, n, rank, error: 0, ...some }, lowRank);
    const times = timeProducts(low, rows, dense);
    return times.dense >= speedup * times.low;
  };
  const most = Math.min(k, n);
  if (!reaches(1)) {
    const message = `Expected a speed-up that rank 1 of ${k}x${n} reaches with ${rows} rows on this machine for options.speedup`;
    throw lowpError('ERR_LOWP_VALUE', `${message} but received ${speedup}`);
  }
  let [good, bad] = [1, Math.min(most, 2 * breakEvenRank([k, n]) + RANK_STEP) + 1];
  while (bad - good > 1) {
    const middle = Math.floor((good + bad) / 2);
    const step = bad - good > 2 * RANK_STEP ? Math.round(middle / RANK_STEP) * RANK_STEP : middle;
    if (reaches(step)) good = step;
    else bad = step;
  }
  return good;
}

function readMatrix(weights: unknown): { data: Float32Array; shape: [number, number]; strides: number[] } {
  checkTensor(weights, 'a float32 Tensor', 'weights');
  const { data, shape, strides }: Partial<Record<keyof Tensor<unknown>, unknown>> = weights;
  if (!isTagged(data, 'Float32Array')) throw expected('ERR_LOWP_TYPE', 'a Float32Array', 'weights.data', data);
  checkShape(shape, 'weights.shape');
  if (shape.length !== 2) throw expected('ERR_LOWP_SHAPE', 'two dimensions', 'weights.shape', shape);
  if (shape[0] === 0 || shape[1] === 0) throw expected('ERR_LOWP_SHAPE', 'at least one row and column', 'weights.shape', shape);
  checkExtent(data, shape, strides, 'weights');
  return { data, shape: [shape[0], shape[1]], strides: [leadingDimension(shape, strides), 1] };
}

/** The factors, each with the roots of the singular values: [r, K] and [N, r]. */
function factorsOf(
  { u, s, vt, residual }: TruncatedSvd,
  [rows, cols]: readonly [number, number],
  transposeB: boolean,
  dtype: 'float32' | 'int8',
): Factors {
  const rank = s.data.length;
  const roots = s.data.map(Math.sqrt);
  const tall = u.data.map((x, i) => x * roots[i % rank]); // [rows, r]
  const wide = vt.data.map((x, i) => x * roots[Math.floor(i / cols)]); // [r, cols]
  const error = residual ?? NaN;
  // Stored [N, K], the decomposition already has N on the left.
  if (transposeB) return { dtype, k: cols, n: rows, rank, first: wide, second: tall, error };
  return { dtype, k: rows, n: cols, rank, first: transpose(tall, rows, rank), second: transpose(wide, rank, cols), error };
}

function transpose(x: Float32Array, rows: number, cols: number): Float32Array {
  const to = new Float32Array(x.length);
  for (let i = 0; i < rows; i++) for (let j = 0; j < cols; j++) to[j * rows + i] = x[i * cols + j];
  return to;
}
