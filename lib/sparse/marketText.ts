import { expected, lowpError } from '../errors';
import type { CsrMatrix } from '../types';
import { isTagged } from '../validate/arrays';
import { checkKeys, readName } from '../validate/options';
import { readCsr } from './csr';
import { expandPointers, groupBy } from './order';

const KEYS: ReadonlySet<string> = new Set(['symmetry', 'field', 'comment']);
/** Lines joined at a time: one string for each entry of a large matrix would not fit in memory. */
const CHUNK = 4096;

export interface ToMatrixMarketOptions {
  /** `'symmetric'` writes the lower triangle of a matrix that is symmetric. Default `'general'`. */
  readonly symmetry?: 'general' | 'symmetric';
  /** `'integer'` for a matrix of integers, `'pattern'` for one of ones. Default `'real'`. */
  readonly field?: 'real' | 'integer' | 'pattern';
  /** Written below the header, each line after a %. */
  readonly comment?: string;
}

type Field = 'real' | 'integer' | 'pattern';

/**
 * Writes a matrix in the Matrix Market coordinate format, row by row, so that `fromMatrixMarket` reads the same float32 values again:
 * with 7 significant digits where they suffice, else 9. Stored zeros are written.
 *
 * @throws ERR_LOWP_TYPE, ERR_LOWP_SHAPE, ERR_LOWP_VALUE, ERR_LOWP_DETACHED, as `checkCsr`; ERR_LOWP_VALUE for NaN and infinities, which
 * the format has not got, and for a matrix that is not what `symmetry` or `field` say (the message has row and column);
 * ERR_LOWP_NOMEM for a text longer than a string can be.
 * @example
 * const csr = csrFromDense({ data: Float32Array.of(0, 0.1, -2, 0), shape: [2, 2] });
 * console.log(toMatrixMarket(csr)); // header, '2 2 2', '1 2 0.1', '2 1 -2'
 */
export function toMatrixMarket(csr: CsrMatrix<Float32Array>, options?: ToMatrixMarketOptions): string {
  checkKeys(options, KEYS, 'options');
  const {
    symmetry: givenSymmetry,
    field: givenField,
    comment,
  }: Partial<Record<keyof ToMatrixMarketOptions, unknown>> = options ?? {};
  const symmetric =
    givenSymmetry !== undefined && readName(givenSymmetry, ['general', 'symmetric'], 'options.symmetry') === 'symmetric';
  const field = givenField === undefined ? 'real' : readName(givenField, ['real', 'integer', 'pattern'], 'options.field');
  if (comment !== undefined && typeof comment !== 'string')
    throw expected('ERR_LOWP_TYPE', 'a string', 'options.comment', comment);

  const { rows, cols, rowPtr, colIdx, values } = readCsr(csr);
  if (!isTagged(values, 'Float32Array')) throw expected('ERR_LOWP_TYPE', 'a Float32Array', 'csr.values', values);
  checkValues(rowPtr, colIdx, values, field);
  if (symmetric) checkSymmetry(rows, cols, rowPtr, colIdx, values);

  let entries = colIdx.length;
  if (symmetric)
    for (let row = 0; row < rows; row++) for (let p = rowPtr[row]; p < rowPtr[row + 1]; p++) if (colIdx[p] > row) entries--;
  const lines = [`%%MatrixMarket matrix coordinate ${field} ${symmetric ? 'symmetric' : 'general'}`];
  if (comment !== undefined) lines.push(...comment.split(/\r?\n/).map((line) => `%${line}`));
  lines.push(`${rows} ${cols} ${entries}`);
  const chunks: string[] = [];
  for (let row = 0; row < rows; row++) {
    for (let p = rowPtr[row]; p < rowPtr[row + 1]; p++) {
      if (symmetric && colIdx[p] > row) break;
      const place = `${row + 1} ${colIdx[p] + 1}`;
      lines.push(field === 'pattern' ? place : `${place} ${textOf(values[p], field)}`);
    }
    if (lines.length > CHUNK) chunks.push(lines.splice(0).join('\n'));
  }
  // A last line of nothing ends the text with a newline.
  chunks.push([...lines, ''].join('\n'));
  try {
    return chunks.join('\n');
  } catch (cause) {
    throw lowpError('ERR_LOWP_NOMEM', 'Expected a text that fits a string but the allocation failed', undefined, cause);
  }
}

/** 9 significant digits are enough for any float32, 7 for one that came from as many. More attempts cost more than their bytes. */
function textOf(value: number, field: Field): string {
  if (field === 'integer') return BigInt(value).toString();
  if (Object.is(value, -0)) return '-0';
  for (const digits of [7, 9]) {
    const rounded = Number(value.toPrecision(digits));
    if (Math.fround(rounded) === value) return String(rounded);
  }
  return String(value);
}

function checkValues(rowPtr: Int32Array, colIdx: Int32Array, values: Float32Array, field: Field): void {
  const isFit = { real: Number.isFinite, integer: Number.isInteger, pattern: (value: number) => value === 1 }[field];
  const what = { real: 'a finite number', integer: 'an integer', pattern: '1 (a pattern has no other value)' }[field];
  for (let row = 0; row + 1 < rowPtr.length; row++) {
    for (let p = rowPtr[row]; p < rowPtr[row + 1]; p++) {
      if (isFit(values[p])) continue;
      throw expected('ERR_LOWP_VALUE', what, `csr.values[${p}] (row ${row}, column ${colIdx[p]})`, values[p]);
    }
  }
}

/** A matrix is symmetric if its columns are what its rows are. */
function checkSymmetry(rows: number, cols: number, rowPtr: Int32Array, colIdx: Int32Array, values: Float32Array): void {
  if (rows !== cols) throw expected('ERR_LOWP_SHAPE', `${rows} (as rows: symmetric)`, 'csr.cols', cols);
  const flipped = groupBy({ keys: colIdx, others: expandPointers(rowPtr), values }, cols);
  for (let row = 0; row < rows; row++) {
    for (let p = rowPtr[row], q = flipped.ptr[row]; p < rowPtr[row + 1] || q < flipped.ptr[row + 1]; p++, q++) {
      const here = p < rowPtr[row + 1] ? colIdx[p] : Infinity;
      const there = q < flipped.ptr[row + 1] ? flipped.others[q] : Infinity;
      if (here === there && values[p] === flipped.values[q]) continue;
      const col = Math.min(here, there);
      const at = `row ${row}, column ${col} of csr`;
      const mirror = there === col ? `${flipped.values[q]}` : 'nothing';
      throw expected(
        'ERR_LOWP_VALUE',
        `${mirror} (what is at row ${col}, column ${row}: symmetric)`,
        at,
        here === col ? values[p] : undefined,
      );
    }
  }
}
