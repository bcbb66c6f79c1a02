/** Shapes and strides: sizes are integers, strides step over what they hold, and all of it lies within the array. */
import type { TensorArray } from '../native/binding';
import { Gemm } from '../native/slots';
import { describe, expected, lowpError, type LowpError } from '../errors';
import { tooShort } from './arrays';

/** Sizes reach native code as 32-bit integers. */
const MAX_SIZE = 2 ** 31 - 1;
/** No typed array is longer in the oldest supported Node, and products up to here are far from 2 ** 53. */
const MAX_ELEMENTS = 2 ** 32;

function isSize(value: unknown): value is number {
  return typeof value === 'number' && (value | 0) === value && value >= 0;
}

export function readSize(value: unknown, name: string): number {
  if (isSize(value)) return value;
  if (typeof value !== 'number') throw expected('ERR_LOWP_TYPE', 'a number', name, value);
  throw expected('ERR_LOWP_SHAPE', `an integer from 0 to ${MAX_SIZE}`, name, value);
}

export function checkShape(shape: unknown, name: string): asserts shape is readonly number[] {
  if (!Array.isArray(shape)) throw expected('ERR_LOWP_TYPE', 'an array of sizes', name, shape);
  for (let i = 0; i < shape.length; i++) {
    if (!isSize(shape[i])) readSize(shape[i], `${name}[${i}]`);
  }
}

/** The number of elements of a shape, refused where no array could hold them. */
export function checkCount(shape: readonly number[], name: string): number {
  let count = 1;
  for (let i = 0; i < shape.length; i++) {
    count *= shape[i];
    // A zero further on makes the tensor empty, but no real tensor has such sizes beside it.
    if (count > MAX_ELEMENTS) {
      throw expected('ERR_LOWP_SHAPE', `at most ${MAX_ELEMENTS} elements (the product of the sizes)`, name, shape);
    }
  }
  return count;
}

/**
 * Row-major views only: the last stride is 1 and every other at least as long as what it steps over. Returns the extent (elements
 * from the first to behind the last); 0 for an empty view.
 */
export function checkStrides(strides: unknown, shape: readonly number[], name: string): number {
  if (!Array.isArray(strides)) throw expected('ERR_LOWP_TYPE', 'an array of strides', name, strides);
  if (strides.length !== shape.length) {
    throw expected('ERR_LOWP_SHAPE', `${shape.length} strides (one per dimension)`, name, strides);
  }
  const empty = shape.includes(0);
  let extent = 1;
  for (let i = shape.length - 1; i >= 0; i--) {
    const stride: unknown = strides[i];
    if (typeof stride !== 'number') throw expected('ERR_LOWP_TYPE', 'a number', `${name}[${i}]`, stride);
    const last = i === shape.length - 1;
    if (last && stride !== 1) throw expected('ERR_LOWP_VALUE', '1 (rows are contiguous)', `${name}[${i}]`, stride);
    if (!Number.isSafeInteger(stride) || stride < 0) {
      throw expected('ERR_LOWP_VALUE', 'an integer of 0 or more', `${name}[${i}]`, stride);
    }
    // The stride of a dimension of size 1 is never used, nor any of a tensor without elements: any will do.
    if (empty || shape[i] === 1) continue;
    if (stride < extent) {
      throw expected('ERR_LOWP_VALUE', `at least ${extent} (the extent it steps over)`, `${name}[${i}]`, stride);
    }
    extent += (shape[i] - 1) * stride;
  }
  return empty ? 0 : extent;
}

/** Elements that a tensor needs; refuses an array that is shorter. */
export function checkExtent(data: TensorArray, shape: readonly number[], strides: unknown, name: string): number {
  const count = checkCount(shape, `${name}.shape`);
  const extent = strides === undefined ? count : checkStrides(strides, shape, `${name}.strides`);
  if (extent > data.length) {
    const formula = strides === undefined ? shape.join(' * ') : `shape ${describe(shape)}, strides ${describe(strides)}`;
    throw tooShort(data, extent, formula, name);
  }
  return extent;
}

export type OperandName = 'a' | 'b';
/** Made once: a string put together in every call is a tenth of a small one. */
const SHAPE_NAMES = { a: 'a.shape', b: 'b.shape' } as const;

/**
 * An operand [..., M, K] as `batch` matrices of m rows: writes batch, m, k, lda and batchStrideA. Leading dimensions become rows as far as
 * they are evenly spaced, so that a contiguous a is one matrix. [K] is one row. Returns the number of rows.
 */
export function writeRows(ctl: Float64Array, data: TensorArray, shape: unknown, strides: unknown, name: OperandName): number {
  checkShape(shape, SHAPE_NAMES[name]);
  const rank = shape.length;
  if (rank === 0) throw expected('ERR_LOWP_SHAPE', 'at least one dimension', SHAPE_NAMES[name], shape);
  const k = shape[rank - 1];
  ctl[Gemm.batch] = 1;
  ctl[Gemm.k] = k;
  ctl[Gemm.lda] = k;
  ctl[Gemm.batchStrideA] = 0;
  if (strides !== undefined) return writeStridedRows(ctl, data, shape, strides, name);

  let m = 1;
  for (let i = 0; i < rank - 1; i++) m *= shape[i];
  if (m > MAX_SIZE) throw tooManyRows(shape, name);
  if (m * k > data.length) throw tooShort(data, m * k, rank === 1 ? 'K' : `rows * cols = ${m} * ${k}`, name);
  ctl[Gemm.m] = m;
  return m;
}

function tooManyRows(shape: readonly number[], name: OperandName): LowpError {
  return expected('ERR_LOWP_SHAPE', `at most ${MAX_SIZE} rows (the product of the leading sizes)`, SHAPE_NAMES[name], shape);
}

function writeStridedRows(
  ctl: Float64Array,
  data: TensorArray,
  shape: readonly number[],
  given: unknown,
  name: OperandName,
): number {
  checkExtent(data, shape, given, name);
  const strides = given as readonly number[];
  let m = 1;
  let lda = ctl[Gemm.k];
  let batch = 1;
  let batchStride = 0;
  for (let i = shape.length - 2; i >= 0; i--) {
    const size = shape[i];
    if (size === 1) continue;
    if (m === 1 && batch === 1) {
      m = size;
      lda = Math.max(strides[i], lda);
    } else if (batch === 1 && strides[i] === m * lda) {
      m *= size;
    } else if (batch === 1) {
      batch = size;
      batchStride = strides[i];
    } else if (strides[i] === batch * batchStride) {
      batch *= size;
    } else {
      throw expected(
        'ERR_LOWP_VALUE',
        'leading dimensions that are evenly spaced (at most one batch stride)',
        `${name}.strides`,
        strides,
      );
    }
  }
  ctl[Gemm.m] = m;
  ctl[Gemm.lda] = lda;
  ctl[Gemm.batch] = batch;
  ctl[Gemm.batchStrideA] = batchStride;
  return m * batch;
}

/** The row stride of a two-dimensional tensor whose extent was checked. */
export function leadingDimension(shape: readonly number[], strides: unknown): number {
  if (!Array.isArray(strides) || shape[0] <= 1) return shape[1];
  return Math.max(Number(strides[0]), shape[1]);
}

/**
 * Writes n, ldc and batchStrideC for a result of `rows` rows. Returns its extent: the elements that `out` needs.
 */
export function writeResult(ctl: Float64Array, rows: number, n: number, outStride: unknown): number {
  let ldc = n;
  if (outStride !== undefined) ldc = readOutStride(outStride, n);
  ctl[Gemm.n] = n;
  ctl[Gemm.ldc] = ldc;
  ctl[Gemm.batchStrideC] = ctl[Gemm.m] * ldc;
  if (rows * ldc > MAX_ELEMENTS) throw tooLarge(rows, ldc);
  return rows === 0 || n === 0 ? 0 : (rows - 1) * ldc + n;
}

function readOutStride(outStride: unknown, n: number): number {
  if (typeof outStride !== 'number') throw expected('ERR_LOWP_TYPE', 'a number', 'options.outStride', outStride);
  if (isSize(outStride) && outStride >= n) return outStride;
  throw expected('ERR_LOWP_VALUE', `an integer of at least ${n} (N)`, 'options.outStride', outStride);
}

function tooLarge(rows: number, ldc: number): LowpError {
  const message = `Expected at most ${MAX_ELEMENTS} elements in the result but received ${rows} rows of ${ldc}`;
  return lowpError('ERR_LOWP_SHAPE', message);
}

/** [..., M, N] from the shape of a; [N] from [K]. */
export function resultShape(aShape: readonly number[], n: number): number[] {
  const rank = aShape.length;
  if (rank === 2) return [aShape[0], n];
  const shape: number[] = [];
  for (let i = 0; i < rank - 1; i++) shape.push(aShape[i]);
  shape.push(n);
  return shape;
}

/** Strides of a result whose rows are `ldc` apart, or undefined where they are contiguous or there is one row only. */
export function resultStrides(shape: readonly number[], ldc: number): number[] | undefined {
  const rank = shape.length;
  if (rank === 1 || ldc === shape[rank - 1]) return undefined;
  const strides = new Array<number>(rank).fill(1);
  for (let i = rank - 2, step = ldc; i >= 0; step *= shape[i], i--) strides[i] = step;
  return strides;
}
