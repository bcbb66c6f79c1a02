/** Duplicates and zeros of sorted rows: what `csrFromCoo` and `repairCsr` share. */
import { expected, lowpError } from '../errors';
import type { SparseValues } from '../types';
import { isTagged } from '../validate/arrays';
import { readName } from '../validate/options';

export type Duplicates = 'sum' | 'refuse';

export interface Compressed {
  readonly rowPtr: Int32Array;
  readonly colIdx: Int32Array;
  readonly values: SparseValues;
}

export function readDuplicates(value: unknown, byDefault: Duplicates): Duplicates {
  return value === undefined ? byDefault : readName(value, ['sum', 'refuse'], 'options.duplicates');
}

/**
 * One element for each column that a row has: neighbours of the same column are added (float32 in float64, rounded once; int8
 * exactly, refused where the sum is no int8). Works in place, and returns the arrays themselves where nothing went.
 */
export function mergeDuplicates(
  { rowPtr, colIdx, values }: Compressed,
  duplicates: Duplicates,
  dropZeros: boolean,
  name: string,
) {
  const int8 = isTagged(values, 'Int8Array');
  let kept = 0;
  let begin = 0;
  for (let row = 0; row + 1 < rowPtr.length; row++) {
    const end = rowPtr[row + 1];
    for (let p = begin; p < end;) {
      const col = colIdx[p];
      let sum = values[p];
      let q = p + 1;
      for (; q < end && colIdx[q] === col; q++) sum += values[q];
      if (q > p + 1) {
        if (duplicates === 'refuse') throw duplicate(row, col, q - p, name);
        if (int8 && sum !== (sum << 24) >> 24) {
          throw expected('ERR_LOWP_VALUE', 'a sum from -128 to 127 (int8)', `row ${row}, column ${col} of ${name}`, sum);
        }
      }
      if (!dropZeros || sum !== 0) {
        colIdx[kept] = col;
        values[kept] = sum;
        kept++;
      }
      p = q;
    }
    begin = end;
    rowPtr[row + 1] = kept;
  }
  if (kept === colIdx.length) return { rowPtr, colIdx, values };
  return { rowPtr, colIdx: colIdx.slice(0, kept), values: values.slice(0, kept) };
}

function duplicate(row: number, col: number, count: number, name: string) {
  return lowpError(
    'ERR_LOWP_VALUE',
    `Expected one element at row ${row}, column ${col} of ${name} but received ${count} (duplicates: 'sum' would add them)`,
  );
}
