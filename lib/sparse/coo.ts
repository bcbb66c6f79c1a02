import { expected } from '../errors';
import type { CooMatrix, CsrMatrix, SparseValues } from '../types';
import { checkLength } from '../validate/arrays';
import { checkKeys } from '../validate/options';
import { readSize } from '../validate/shapes';
import { checkNonZeros, readIndices, readSparseScale, readValues } from '../validate/sparse';
import { mergeDuplicates, readDuplicates } from './compressed';
import { readCsr, withScale } from './csr';
import { expandPointers, groupBy, sortRows } from './order';

const KEYS: ReadonlySet<string> = new Set(['duplicates']);

export interface CsrFromCooOptions {
  /** What happens where two elements have the same place: `'refuse'` (default), or `'sum'`. */
  readonly duplicates?: 'sum' | 'refuse';
}

/**
 * Sorts elements by row and column, in linear time. Duplicates are refused, or added with `duplicates: 'sum'`: float32 in float64,
 * rounded once; int8 exactly, refused where the sum is no int8. Zeros stay.
 *
 * @throws ERR_LOWP_TYPE, ERR_LOWP_SHAPE, ERR_LOWP_VALUE, ERR_LOWP_DETACHED: for indices out of range, duplicates (the message has row
 * and column), lengths that do not fit, more than 2^31 - 1 elements.
 * @example
 * const rowIdx = Int32Array.of(1, 0, 1);
 * const colIdx = Int32Array.of(2, 1, 0);
 * const csr = csrFromCoo({ rows: 2, cols: 3, rowIdx, colIdx, values: Float32Array.of(1, 2, 3) });
 * console.log(csr.rowPtr, csr.colIdx, csr.values); // 0 1 3, 1 0 2, 2 3 1
 */
export function csrFromCoo<T extends SparseValues>(coo: CooMatrix<T>, options?: CsrFromCooOptions): CsrMatrix<T>;
export function csrFromCoo(coo: CooMatrix, options?: CsrFromCooOptions): CsrMatrix {
  checkKeys(options, KEYS, 'options');
  const duplicates = readDuplicates(options?.duplicates, 'refuse');
  if (typeof coo !== 'object' || coo === null) throw expected('ERR_LOWP_TYPE', 'a CooMatrix', 'coo', coo);
  const given: Partial<Record<keyof CooMatrix, unknown>> = coo;
  const rows = readSize(given.rows, 'coo.rows');
  const cols = readSize(given.cols, 'coo.cols');
  const values = readValues(given.values, 'coo.values');
  checkNonZeros(values.length, 'coo.values');
  const rowIdx = readIndices(given.rowIdx, 'coo.rowIdx');
  const colIdx = readIndices(given.colIdx, 'coo.colIdx');
  checkLength(rowIdx, values.length, 'one for each value', 'coo.rowIdx');
  checkLength(colIdx, values.length, 'one for each value', 'coo.colIdx');
  checkRange(rowIdx, rows, 'row', 'coo.rowIdx');
  checkRange(colIdx, cols, 'column', 'coo.colIdx');
  const scale = readSparseScale(given.scale, values, rows, 'coo.scale');

  const byRow = groupBy({ keys: rowIdx, others: colIdx, values }, rows);
  sortRows(byRow.ptr, byRow.others, byRow.values, cols);
  const sorted = { rowPtr: byRow.ptr, colIdx: byRow.others, values: byRow.values };
  return withScale({ rows, cols, ...mergeDuplicates(sorted, duplicates, false, 'coo') }, scale);
}

/**
 * The same elements with a row for each, in the order of the rows.
 *
 * @throws ERR_LOWP_TYPE, ERR_LOWP_SHAPE, ERR_LOWP_VALUE, ERR_LOWP_DETACHED, as `checkCsr`.
 * @example
 * const csr = csrFromDense({ data: Float32Array.of(0, 2, 3, 0), shape: [2, 2] });
 * console.log(csrToCoo(csr).rowIdx); // Int32Array(2) [ 0, 1 ]
 */
export function csrToCoo<T extends SparseValues>(csr: CsrMatrix<T>): CooMatrix<T>;
export function csrToCoo(csr: CsrMatrix): CooMatrix {
  const { rows, cols, rowPtr, colIdx, values, scale } = readCsr(csr);
  const elements = { rows, cols, rowIdx: expandPointers(rowPtr), colIdx: colIdx.slice(), values: values.slice() };
  return withScale(elements, scale);
}

function checkRange(indices: Int32Array, size: number, what: string, name: string): void {
  for (let p = 0; p < indices.length; p++) {
    if (indices[p] >= 0 && indices[p] < size) continue;
    throw expected('ERR_LOWP_VALUE', `a ${what} from 0 to ${size - 1}`, `${name}[${p}]`, indices[p]);
  }
}
