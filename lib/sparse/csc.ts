import { expected } from '../errors';
import type { CscMatrix, CsrMatrix, SparseValues } from '../types';
import { checkLength } from '../validate/arrays';
import { readSize } from '../validate/shapes';
import { checkPattern, COLUMN_NAMES, readSparseScale, readValues } from '../validate/sparse';
import { readCsr, withScale } from './csr';
import { expandPointers, groupBy } from './order';

/**
 * The same matrix row by row.
 *
 * @throws ERR_LOWP_TYPE, ERR_LOWP_SHAPE, ERR_LOWP_VALUE, ERR_LOWP_DETACHED for a matrix that breaks the rules of its type.
 * @example
 * const colPtr = Int32Array.of(0, 1, 2);
 * const csr = csrFromCsc({ rows: 2, cols: 2, colPtr, rowIdx: Int32Array.of(1, 0), values: Float32Array.of(3, 2) });
 * console.log(csr.colIdx, csr.values); // 1 0, 2 3
 */
export function csrFromCsc<T extends SparseValues>(csc: CscMatrix<T>): CsrMatrix<T>;
export function csrFromCsc(csc: CscMatrix): CsrMatrix {
  if (typeof csc !== 'object' || csc === null) throw expected('ERR_LOWP_TYPE', 'a CscMatrix', 'csc', csc);
  const given: Partial<Record<keyof CscMatrix, unknown>> = csc;
  const rows = readSize(given.rows, 'csc.rows');
  const cols = readSize(given.cols, 'csc.cols');
  const values = readValues(given.values, 'csc.values');
  const names = { ...COLUMN_NAMES, ptr: 'csc.colPtr', idx: 'csc.rowIdx' };
  const { ptr, idx } = checkPattern({ major: cols, minor: rows, ptr: given.colPtr, idx: given.rowIdx }, names);
  checkLength(values, idx.length, 'as rowIdx has', 'csc.values');
  const scale = readSparseScale(given.scale, values, rows, 'csc.scale');
  const flipped = flip(ptr, idx, values, rows);
  return withScale({ rows, cols, rowPtr: flipped.ptr, colIdx: flipped.idx, values: flipped.values }, scale);
}

/**
 * The same matrix column by column.
 *
 * @throws ERR_LOWP_TYPE, ERR_LOWP_SHAPE, ERR_LOWP_VALUE, ERR_LOWP_DETACHED, as `checkCsr`.
 * @example
 * const csr = csrFromDense({ data: Float32Array.of(0, 2, 3, 0), shape: [2, 2] });
 * console.log(csrToCsc(csr).rowIdx); // Int32Array(2) [ 1, 0 ]
 */
export function csrToCsc<T extends SparseValues>(csr: CsrMatrix<T>): CscMatrix<T>;
export function csrToCsc(csr: CsrMatrix): CscMatrix {
  const { rows, cols, rowPtr, colIdx, values, scale } = readCsr(csr);
  const { ptr, idx, values: flipped } = flip(rowPtr, colIdx, values, cols);
  return withScale({ rows, cols, colPtr: ptr, rowIdx: idx, values: flipped }, scale);
}

/**
 * [cols, rows]: element (i, j) at (j, i). int8 values need one scale, because that of a row would become that of a column.
 *
 * @throws ERR_LOWP_TYPE, ERR_LOWP_SHAPE, ERR_LOWP_VALUE (also for a scale by row), ERR_LOWP_DETACHED, as `checkCsr`.
 * @example
 * const csr = csrFromDense({ data: Float32Array.of(0, 2, 3, 0, 4, 0), shape: [2, 3] });
 * console.log(transposeCsr(csr).rowPtr); // Int32Array(4) [ 0, 0, 2, 3 ]
 */
export function transposeCsr<T extends SparseValues>(csr: CsrMatrix<T>): CsrMatrix<T>;
export function transposeCsr(csr: CsrMatrix): CsrMatrix {
  const { rows, cols, rowPtr, colIdx, values, scale } = readCsr(csr);
  if (typeof scale === 'object') {
    throw expected('ERR_LOWP_VALUE', 'one scale (those of rows would be those of columns)', 'csr.scale', scale);
  }
  const { ptr, idx, values: flipped } = flip(rowPtr, colIdx, values, cols);
  return withScale({ rows: cols, cols: rows, rowPtr: ptr, colIdx: idx, values: flipped }, scale);
}

/** From pointers along one dimension to pointers along the other, of `minor` indices: ascending, because rows come in order. */
function flip(ptr: Int32Array, idx: Int32Array, values: SparseValues, minor: number) {
  const grouped = groupBy({ keys: idx, others: expandPointers(ptr), values }, minor);
  return { ptr: grouped.ptr, idx: grouped.others, values: grouped.values };
}
