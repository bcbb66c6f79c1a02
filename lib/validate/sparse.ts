/** Sparse matrices: sizes, pointers and indices as the types say; what native code relies on when it follows them. */
import { expected } from '../errors';
import type { BsrMatrix, SparseValues } from '../types';
import { checkLength, isTagged } from './arrays';
import { readScale, readScales } from './quantization';
import { checkShape, readSize } from './shapes';

/** What an Int32Array of pointers can count. */
export const MAX_NON_ZEROS = 2 ** 31 - 1;
const MAX_BLOCK = 16;

/** Of int8 values one, or one for each row; undefined of float32, which has none. */
export type SparseScale = number | Float32Array | undefined;

/** A CsrMatrix or BsrMatrix, checked. */
export interface SparseArrays {
  readonly dtype: 'int8' | 'float32';
  readonly rows: number;
  readonly cols: number;
  /** Undefined of a CsrMatrix. */
  readonly blockShape: readonly [number, number] | undefined;
  readonly rowPtr: Int32Array;
  readonly colIdx: Int32Array;
  readonly values: SparseValues;
  readonly scale: SparseScale;
  /** Stored elements of the longest row. */
  readonly longestRow: number;
}

export function isSparse(value: object): boolean {
  return 'rowPtr' in value;
}

/** Everything that the types promise, in one pass over the pointers and one over the indices. */
export function readSparse(value: unknown, name: string): SparseArrays {
  if (typeof value !== 'object' || value === null || !isSparse(value)) {
    throw expected('ERR_LOWP_TYPE', 'a CsrMatrix or BsrMatrix', name, value);
  }
  const given: Partial<Record<keyof BsrMatrix, unknown>> = value;
  const { rowPtr, colIdx, values, scale, blockShape: givenBlock } = given;
  const rows = readSize(given.rows, `${name}.rows`);
  const cols = readSize(given.cols, `${name}.cols`);
  const blockShape = givenBlock === undefined ? undefined : readBlockShape(givenBlock, `${name}.blockShape`);
  const [r, c] = blockShape ?? [1, 1];
  checkMultiple(rows, r, 'blockShape[0]', `${name}.rows`);
  checkMultiple(cols, c, 'blockShape[1]', `${name}.cols`);
  const checkedValues = readValues(values, `${name}.values`);
  const pattern = checkPattern(
    { major: rows / r, minor: cols / c, ptr: rowPtr, idx: colIdx },
    { ...ROW_NAMES, ptr: `${name}.rowPtr`, idx: `${name}.colIdx` },
  );
  const stored = pattern.idx.length * r * c;
  const meaning = blockShape === undefined ? 'as colIdx has' : `${r} * ${c} for each of colIdx`;
  checkLength(checkedValues, stored, meaning, `${name}.values`);
  const checkedScale = readSparseScale(scale, checkedValues, rows, `${name}.scale`);
  return {
    ...{ dtype: isTagged(checkedValues, 'Int8Array') ? 'int8' : 'float32', rows, cols, blockShape },
    ...{ rowPtr: pattern.ptr, colIdx: pattern.idx, values: checkedValues, scale: checkedScale, longestRow: pattern.longest * c },
  };
}

export function readValues(values: unknown, name: string): SparseValues {
  if (isTagged(values, 'Float32Array') || isTagged(values, 'Int8Array')) return values;
  throw expected('ERR_LOWP_TYPE', 'a Float32Array or Int8Array', name, values);
}

export function readIndices(indices: unknown, name: string): Int32Array {
  if (isTagged(indices, 'Int32Array')) return indices;
  throw expected('ERR_LOWP_TYPE', 'an Int32Array', name, indices);
}

export function checkNonZeros(count: number, name: string): void {
  if (count > MAX_NON_ZEROS) throw expected('ERR_LOWP_VALUE', `at most ${MAX_NON_ZEROS} non-zeros (2^31 - 1)`, name, count);
}

export function readSparseScale(scale: unknown, values: SparseValues, rows: number, name: string): SparseScale {
  if (!isTagged(values, 'Int8Array')) {
    if (scale !== undefined) throw expected('ERR_LOWP_VALUE', 'nothing (the values are float32)', name, scale);
    return undefined;
  }
  return typeof scale === 'number' ? readScale(scale, name) : readScales(scale, rows, name);
}

export function readBlockShape(value: unknown, name: string): readonly [number, number] {
  checkShape(value, name);
  if (value.length !== 2) throw expected('ERR_LOWP_SHAPE', 'two sizes', name, value);
  for (let i = 0; i < 2; i++) {
    if (value[i] < 1 || value[i] > MAX_BLOCK) {
      throw expected('ERR_LOWP_SHAPE', `from 1 to ${MAX_BLOCK}`, `${name}[${i}]`, value[i]);
    }
  }
  return [value[0], value[1]];
}

export function checkMultiple(size: number, block: number, what: string, name: string): void {
  if (size % block !== 0) throw expected('ERR_LOWP_SHAPE', `a multiple of ${block} (${what})`, name, size);
}

interface Names {
  /** What an index of `ptr` stands for, and what one of `idx` does. */
  readonly major: string;
  readonly minor: string;
  readonly ptr: string;
  readonly idx: string;
}

export const ROW_NAMES = { major: 'row', minor: 'column' } as const;
export const COLUMN_NAMES = { major: 'column', minor: 'row' } as const;

interface Pattern {
  readonly major: number;
  readonly minor: number;
  readonly ptr: unknown;
  readonly idx: unknown;
}

/** Pointers of rows (CSC: columns) and the indices that they divide. Returns also how many the longest row has. */
export function checkPattern({ major, minor, ptr: givenPtr, idx: givenIdx }: Pattern, names: Names) {
  const { ptr, idx, longest } = checkPointers({ major, ptr: givenPtr, idx: givenIdx }, names);
  for (let i = 0; i < major; i++) {
    let last = -1;
    const end = ptr[i + 1];
    for (let p = ptr[i]; p < end; p++) {
      const index = idx[p];
      if (index > last && index < minor) {
        last = index;
        continue;
      }
      const where = `${names.idx}[${p}] (${names.major} ${i})`;
      if (index < 0 || index >= minor) throw expected('ERR_LOWP_VALUE', `a ${names.minor} from 0 to ${minor - 1}`, where, index);
      const rule = `a ${names.minor} above ${last} (strictly ascending within the ${names.major})`;
      throw expected('ERR_LOWP_VALUE', rule, where, index);
    }
  }
  return { ptr, idx, longest };
}

/** The pointers alone: each index belongs to one row, whatever it is. */
export function checkPointers({ major, ptr: givenPtr, idx: givenIdx }: Omit<Pattern, 'minor'>, names: Names) {
  const ptr = readIndices(givenPtr, names.ptr);
  const idx = readIndices(givenIdx, names.idx);
  checkLength(ptr, major + 1, `${names.major}s + 1 = ${major} + 1`, names.ptr);
  checkNonZeros(idx.length, names.idx);
  let longest = 0;
  if (ptr[0] !== 0) throw expected('ERR_LOWP_VALUE', '0', `${names.ptr}[0]`, ptr[0]);
  for (let i = 0; i < major; i++) {
    const length = ptr[i + 1] - ptr[i];
    if (length < 0) {
      const where = `${names.ptr}[${i + 1}] (the end of ${names.major} ${i})`;
      throw expected('ERR_LOWP_VALUE', `at least ${ptr[i]} (its beginning)`, where, ptr[i + 1]);
    }
    if (length > longest) longest = length;
  }
  checkLength(idx, ptr[major], `${names.ptr}[${major}]`, names.idx);
  return { ptr, idx, longest };
}
