/** Truncated singular value decomposition. */
import type { Device, Tensor } from '../types';

/** Exactly one of `rank`, `energy`, `maxError` and `parameterBudget` says how many singular triplets are kept. */
export interface TruncatedSvdOptions {
  /** From 1 to min(m, n). */
  readonly rank?: number;
  /** The smallest rank that keeps this share of the sum of squares of `a`: above 0, up to 1. */
  readonly energy?: number;
  /** The smallest rank whose relative error ||a - u diag(s) vt|| / ||a|| (Frobenius) is at most this: from 0 to 1. It is measured. */
  readonly maxError?: number;
  /** The largest rank whose factors have at most this many numbers: floor(budget / (m + n)), which must be 1 or more. */
  readonly parameterBudget?: number;
  /**
   * `'accurate'` (default): the error is within 1e-6, relatively, of the smallest that is possible with this rank (in float32), or
   * `converged` is false. `'fast'`: within about 1e-2 on usual spectra, in half the time.
   */
  readonly mode?: 'fast' | 'accurate';
  /** Columns of the search space beyond the rank. Default: rank + 32 (accurate, more where that is too few) or rank / 4 + 28 (fast). */
  readonly oversample?: number;
  /**
   * How often a * aT is applied to the random start; the search space is made of powerIterations + 1 blocks. Default: as many as give
   * blocks of 16 columns.
   */
  readonly powerIterations?: number;
  /** Of the random start, from 0 to 2^53 - 1. Default 0. */
  readonly seed?: number;
  /** Computes `residual`, at the cost of one more product. Default `false`; with `maxError` it is always computed. */
  readonly measureResidual?: boolean;
  /** Threads for this call, 1 or more. Default: `runtime.threads`. The result does not depend on it. */
  readonly threads?: number;
  /** Where it runs; see `Device`. */
  readonly device?: Device;
}

/** a ~ u * diag(s) * vt: the r largest singular values, descending, with orthonormal columns of u and rows of vt. */
export interface TruncatedSvd {
  /** [m, r] */
  readonly u: Tensor<Float32Array>;
  /** [r] */
  readonly s: Tensor<Float32Array>;
  /** [r, n] */
  readonly vt: Tensor<Float32Array>;
  /** sum of s^2 / sum of a^2: the share of the energy that is kept; 1 for a matrix of zeros. */
  readonly energy: number;
  /** ||a - u diag(s) vt|| / ||a|| (Frobenius), computed from the factors; undefined where nobody asked for it. 0 for zeros. */
  readonly residual: number | undefined;
  /**
   * Whether what was asked for was reached: `energy` or `maxError`, and in mode `'accurate'` an error that is within 1e-6 of the best
   * for this rank, as the last steps of the iteration let expect.
   */
  readonly converged: boolean;
}
