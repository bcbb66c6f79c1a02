import { expected } from '../errors';
import type { CsrMatrix, QuantizedTensor, SparseValues, Tensor } from '../types';
import { allocate, isTagged } from '../validate/arrays';
import { checkKeys, checkTensor } from '../validate/options';
import { readAxis, readScale, readScales, readZeroPoint, readZeroPoints } from '../validate/quantization';
import { checkCount, checkExtent, checkShape, leadingDimension } from '../validate/shapes';
import { checkNonZeros, type SparseScale } from '../validate/sparse';
import { readCsr, withScale } from './csr';
import { emptyLike } from './order';

const KEYS: ReadonlySet<string> = new Set(['threshold']);

export interface CsrFromDenseOptions {
  /** Elements with |x| <= threshold are left out; float32 only. Default 0. */
  readonly threshold?: number;
}

/** A two-dimensional float32 Tensor, or an int8 QuantizedTensor whose zeros are real zeros, checked. */
export interface DenseMatrix {
  readonly data: SparseValues;
  readonly rows: number;
  readonly cols: number;
  readonly ld: number;
  readonly scale: SparseScale;
}

/**
 * The elements of a matrix that are not zero. NaN counts as such.
 *
 * `x` is [rows, cols]: a float32 Tensor, or an int8 QuantizedTensor with zero points of 0 and one scale or, with `axis` 0, one for each
 * row, whose scales the result keeps.
 *
 * @throws ERR_LOWP_TYPE, ERR_LOWP_SHAPE, ERR_LOWP_VALUE (also for more than 2^31 - 1 elements), ERR_LOWP_DETACHED, ERR_LOWP_NOMEM.
 * @example
 * const csr = csrFromDense({ data: Float32Array.of(0, 2, 0.01, -3), shape: [2, 2] }, { threshold: 0.1 });
 * console.log(csr.rowPtr, csr.colIdx, csr.values); // 0 1 2, 1 1, 2 -3
 */
export function csrFromDense(x: Tensor<Float32Array>, options?: CsrFromDenseOptions): CsrMatrix<Float32Array>;
export function csrFromDense(x: QuantizedTensor<Int8Array>, options?: CsrFromDenseOptions): CsrMatrix<Int8Array>;
export function csrFromDense(x: Tensor<Float32Array> | QuantizedTensor<Int8Array>, options?: CsrFromDenseOptions): CsrMatrix {
  checkKeys(options, KEYS, 'options');
  const { data, rows, cols, ld, scale } = readMatrix(x, 'x');
  const threshold = readThreshold(options?.threshold, scale !== undefined);

  const rowPtr = allocate('Int32Array', rows + 1);
  let count = 0;
  for (let row = 0; row < rows; row++) {
    const end = row * ld + cols;
    // Not `> threshold`, which NaN is not either.
    for (let i = row * ld; i < end; i++) if (!(Math.abs(data[i]) <= threshold)) count++;
    checkNonZeros(count, 'x');
    rowPtr[row + 1] = count;
  }
  const colIdx = allocate('Int32Array', count);
  const values = emptyLike(data, count);
  let p = 0;
  for (let row = 0; row < rows; row++) {
    const begin = row * ld;
    for (let col = 0; col < cols; col++) {
      const value = data[begin + col];
      if (Math.abs(value) <= threshold) continue;
      colIdx[p] = col;
      values[p] = value;
      p++;
    }
  }
  return withScale({ rows, cols, rowPtr, colIdx, values }, scale);
}

/**
 * [rows, cols] with its zeros: a float32 Tensor, or of int8 values a QuantizedTensor with their scales and zero point 0.
 *
 * @throws ERR_LOWP_TYPE, ERR_LOWP_SHAPE, ERR_LOWP_VALUE, ERR_LOWP_DETACHED, as `checkCsr`; ERR_LOWP_NOMEM.
 * @example
 * const csr = csrFromDense({ data: Float32Array.of(0, 2, 3, 0), shape: [2, 2] });
 * console.log(csrToDense(csr).data); // Float32Array(4) [ 0, 2, 3, 0 ]
 */
export function csrToDense(csr: CsrMatrix<Float32Array>): Tensor<Float32Array>;
export function csrToDense(csr: CsrMatrix<Int8Array>): QuantizedTensor<Int8Array>;
export function csrToDense(csr: CsrMatrix): Tensor<Float32Array> | QuantizedTensor<Int8Array> {
  const { rows, cols, rowPtr, colIdx, values, scale } = readCsr(csr);
  const data = emptyLike(values, checkCount([rows, cols], 'csr'));
  for (let row = 0; row < rows; row++) {
    for (let p = rowPtr[row]; p < rowPtr[row + 1]; p++) data[row * cols + colIdx[p]] = values[p];
  }
  return denseOf(data, [rows, cols], scale);
}

export function denseOf(
  data: SparseValues,
  shape: number[],
  scale: SparseScale,
): Tensor<Float32Array> | QuantizedTensor<Int8Array> {
  if (!isTagged(data, 'Int8Array') || scale === undefined) return { data: data as Float32Array, shape };
  if (typeof scale === 'number') return { data, shape, scale, zeroPoint: 0 };
  return { data, shape, scale: scale.slice(), zeroPoint: allocate('Int32Array', scale.length), axis: 0 };
}

export function readMatrix(x: unknown, name: string): DenseMatrix {
  checkTensor(x, 'a float32 Tensor or an int8 QuantizedTensor', name);
  const { data, shape, strides, scale, zeroPoint, axis }: Partial<Record<keyof QuantizedTensor, unknown>> = x;
  const int8 = isTagged(data, 'Int8Array');
  if (!int8 && !isTagged(data, 'Float32Array')) {
    throw expected('ERR_LOWP_TYPE', 'a Float32Array or Int8Array', `${name}.data`, data);
  }
  checkShape(shape, `${name}.shape`);
  if (shape.length !== 2) throw expected('ERR_LOWP_SHAPE', 'two dimensions', `${name}.shape`, shape);
  checkExtent(data, shape, strides, name);
  const [rows, cols] = shape;
  const matrix = { data, rows, cols, ld: leadingDimension(shape, strides) };
  if (!int8) return { ...matrix, scale: undefined };

  if (axis === undefined) {
    const zero = readZeroPoint(zeroPoint, 'int8', `${name}.zeroPoint`);
    if (zero !== 0) throw expected('ERR_LOWP_VALUE', '0 (what is not stored is real zero)', `${name}.zeroPoint`, zero);
    return { ...matrix, scale: readScale(scale, `${name}.scale`) };
  }
  if (readAxis(axis, 2, `${name}.axis`) !== 0) throw expected('ERR_LOWP_VALUE', '0 (the rows)', `${name}.axis`, axis);
  const zeros = readZeroPoints(zeroPoint, rows, 'int8', `${name}.zeroPoint`);
  const wrong = zeros.findIndex((zero) => zero !== 0);
  if (wrong >= 0) {
    throw expected('ERR_LOWP_VALUE', '0 (what is not stored is real zero)', `${name}.zeroPoint[${wrong}]`, zeros[wrong]);
  }
  return { ...matrix, scale: readScales(scale, rows, `${name}.scale`) };
}

export function readThreshold(value: unknown, int8: boolean): number {
  if (value === undefined) return 0;
  if (int8) throw expected('ERR_LOWP_VALUE', 'nothing (the values are int8)', 'options.threshold', value);
  if (typeof value !== 'number') throw expected('ERR_LOWP_TYPE', 'a number', 'options.threshold', value);
  if (!(value >= 0 && value < Infinity))
    throw expected('ERR_LOWP_VALUE', 'a finite number of 0 or more', 'options.threshold', value);
  return value;
}
