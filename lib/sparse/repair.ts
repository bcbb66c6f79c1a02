import { expected } from '../errors';
import type { CsrMatrix, SparseValues } from '../types';
import { checkLength } from '../validate/arrays';
import { checkKeys, readBoolean } from '../validate/options';
import { readSize } from '../validate/shapes';
import { checkPointers, readSparseScale, readValues, ROW_NAMES } from '../validate/sparse';
import { mergeDuplicates, readDuplicates } from './compressed';
import { withScale } from './csr';
import { sortRows } from './order';

const KEYS: ReadonlySet<string> = new Set(['sort', 'duplicates', 'dropZeros']);
const NAMES = { ...ROW_NAMES, ptr: 'csr.rowPtr', idx: 'csr.colIdx' };

export interface RepairCsrOptions {
  /** Columns of a row are put in order. Default `true`; else columns that descend are refused. */
  readonly sort?: boolean;
  /** Elements of a row with the same column are added (default), or refused. */
  readonly duplicates?: 'sum' | 'refuse';
  /** Elements that are 0, or that add up to 0, are left out. Default `false`. */
  readonly dropZeros?: boolean;
}

/**
 * A sound copy of a matrix whose columns are not in order, or which has elements twice, or stored zeros: each as the options ask.
 * Duplicates are added as `csrFromCoo` does. Whatever can't be repaired without guessing is refused: columns out of range, pointers that
 * descend or do not fit the arrays, wrong types. Linear in rows and elements.
 *
 * @throws ERR_LOWP_TYPE, ERR_LOWP_SHAPE, ERR_LOWP_VALUE, ERR_LOWP_DETACHED. The message has the row and the place.
 * @example
 * const rowPtr = Int32Array.of(0, 3);
 * const colIdx = Int32Array.of(2, 0, 2);
 * const csr = repairCsr({ rows: 1, cols: 3, rowPtr, colIdx, values: Float32Array.of(1, 2, 3) });
 * console.log(csr.colIdx, csr.values); // 0 2, 2 4
 */
export function repairCsr<T extends SparseValues>(csr: CsrMatrix<T>, options?: RepairCsrOptions): CsrMatrix<T>;
export function repairCsr(csr: CsrMatrix, options?: RepairCsrOptions): CsrMatrix {
  checkKeys(options, KEYS, 'options');
  const sort = options?.sort === undefined || readBoolean(options.sort, 'options.sort');
  const duplicates = readDuplicates(options?.duplicates, 'sum');
  const dropZeros = readBoolean(options?.dropZeros, 'options.dropZeros');
  if (typeof csr !== 'object' || csr === null) throw expected('ERR_LOWP_TYPE', 'a CsrMatrix', 'csr', csr);
  const given: Partial<Record<keyof CsrMatrix, unknown>> = csr;
  const rows = readSize(given.rows, 'csr.rows');
  const cols = readSize(given.cols, 'csr.cols');
  const values = readValues(given.values, 'csr.values');
  const { ptr, idx } = checkPointers({ major: rows, ptr: given.rowPtr, idx: given.colIdx }, NAMES);
  checkLength(values, idx.length, 'as colIdx has', 'csr.values');
  const scale = readSparseScale(given.scale, values, rows, 'csr.scale');

  checkColumns(ptr, idx, cols, sort);
  const copy = { rowPtr: ptr.slice(), colIdx: idx.slice(), values: values.slice() };
  if (sort) sortRows(copy.rowPtr, copy.colIdx, copy.values, cols);
  return withScale({ rows, cols, ...mergeDuplicates(copy, duplicates, dropZeros, 'csr') }, scale);
}

/** Within the matrix, and never descending within a row where they may not be sorted. */
function checkColumns(ptr: Int32Array, idx: Int32Array, cols: number, sort: boolean): void {
  for (let row = 0; row + 1 < ptr.length; row++) {
    let last = -1;
    for (let p = ptr[row]; p < ptr[row + 1]; p++) {
      const col = idx[p];
      if (col < 0 || col >= cols) {
        throw expected('ERR_LOWP_VALUE', `a column from 0 to ${cols - 1}`, `csr.colIdx[${p}] (row ${row})`, col);
      }
      if (col < last && !sort) {
        const rule = `a column of ${last} or above (sort is false)`;
        throw expected('ERR_LOWP_VALUE', rule, `csr.colIdx[${p}] (row ${row})`, col);
      }
      last = col;
    }
  }
}
