/** Elements by row and column, in linear time: stable counting sorts. */
import type { SparseValues } from '../types';
import { allocate, isTagged } from '../validate/arrays';

/** Writing to more places than this at once misses the caches: a million columns of 10 million elements took 2.1 s instead of 0.9. */
const STREAM_BITS = 11;
/** Below this all of it stays in the second-level cache. */
const MIN_PARTITION = 2 ** 16;
/** Rows up to this length are sorted by insertion, longer ones by digits. */
const MAX_INSERTION = 32;
const DIGIT_BITS = 8;

/** Elements: a key each (the row, say), the other index, and the value. */
export interface Elements {
  readonly keys: Int32Array;
  readonly others: Int32Array;
  readonly values: SparseValues;
}

export function emptyLike(values: SparseValues, length: number): SparseValues {
  return allocate(isTagged(values, 'Int8Array') ? 'Int8Array' : 'Float32Array', length);
}

/** Elements by key (from 0 to size - 1); those of a key stay in the order they have. */
export function groupBy({ keys, others, values }: Elements, size: number) {
  const ptr = allocate('Int32Array', size + 1);
  for (let p = 0; p < keys.length; p++) ptr[keys[p] + 1]++;
  for (let i = 0; i < size; i++) ptr[i + 1] += ptr[i];

  const grouped = { others: allocate('Int32Array', keys.length), values: emptyLike(values, keys.length) };
  const shift = Math.max(0, 32 - Math.clz32(size) - STREAM_BITS);
  const near =
    shift === 0 || keys.length < MIN_PARTITION ? { keys, others, values } : partition({ keys, others, values }, ptr, shift);
  scatter(near, ptr.slice(), 0, undefined, grouped.others, grouped.values);
  return { ptr, ...grouped };
}

/** The same elements by the upper bits of their keys, so that what follows stays in one part of its arrays for a while. */
function partition({ keys, others, values }: Elements, ptr: Int32Array, shift: number): Elements {
  const last = ptr.length - 1;
  const next = Int32Array.from({ length: (last >> shift) + 1 }, (_, i) => ptr[Math.min(last, i << shift)]);
  const parted = {
    keys: allocate('Int32Array', keys.length),
    others: allocate('Int32Array', keys.length),
    values: emptyLike(values, keys.length),
  };
  scatter({ keys, others, values }, next, shift, parted.keys, parted.others, parted.values);
  return parted;
}

function scatter(
  { keys, others, values }: Elements,
  next: Int32Array,
  shift: number,
  toKeys: Int32Array | undefined,
  toOthers: Int32Array,
  toValues: SparseValues,
): void {
  for (let p = 0; p < keys.length; p++) {
    const place = next[keys[p] >> shift]++;
    if (toKeys !== undefined) toKeys[place] = keys[p];
    toOthers[place] = others[p];
    toValues[place] = values[p];
  }
}

/** The columns of each row ascending, in place; elements of the same column stay in the order they have. */
export function sortRows(rowPtr: Int32Array, colIdx: Int32Array, values: SparseValues, cols: number): void {
  const digits = Math.ceil((32 - Math.clz32(cols)) / DIGIT_BITS);
  let longest = 0;
  for (let row = 0; row + 1 < rowPtr.length; row++) longest = Math.max(longest, rowPtr[row + 1] - rowPtr[row]);
  const spare = { colIdx: allocate('Int32Array', longest), values: emptyLike(values, longest) };
  const counts = new Int32Array(2 ** DIGIT_BITS);
  for (let row = 0; row + 1 < rowPtr.length; row++) {
    const begin = rowPtr[row];
    const end = rowPtr[row + 1];
    if (isSorted(colIdx, begin, end)) continue;
    if (end - begin <= MAX_INSERTION) insertionSort(colIdx, values, begin, end);
    else for (let d = 0; d < digits; d++) sortDigit(colIdx, values, begin, end, d * DIGIT_BITS, counts, spare);
  }
}

function isSorted(colIdx: Int32Array, begin: number, end: number): boolean {
  for (let p = begin + 1; p < end; p++) if (colIdx[p] < colIdx[p - 1]) return false;
  return true;
}

function insertionSort(colIdx: Int32Array, values: SparseValues, begin: number, end: number): void {
  for (let p = begin + 1; p < end; p++) {
    const col = colIdx[p];
    const value = values[p];
    let q = p;
    for (; q > begin && colIdx[q - 1] > col; q--) {
      colIdx[q] = colIdx[q - 1];
      values[q] = values[q - 1];
    }
    colIdx[q] = col;
    values[q] = value;
  }
}

function sortDigit(
  colIdx: Int32Array,
  values: SparseValues,
  begin: number,
  end: number,
  shift: number,
  next: Int32Array,
  spare: { readonly colIdx: Int32Array; readonly values: SparseValues },
): void {
  const mask = next.length - 1;
  next.fill(0);
  for (let p = begin; p < end; p++) next[(colIdx[p] >> shift) & mask]++;
  for (let i = 0, sum = 0; i < next.length; i++) {
    const count = next[i];
    next[i] = sum;
    sum += count;
  }
  for (let p = begin; p < end; p++) {
    const place = next[(colIdx[p] >> shift) & mask]++;
    spare.colIdx[place] = colIdx[p];
    spare.values[place] = values[p];
  }
  for (let p = begin; p < end; p++) {
    colIdx[p] = spare.colIdx[p - begin];
    values[p] = spare.values[p - begin];
  }
}

/** The row of each element: what pointers stand for. */
export function expandPointers(ptr: Int32Array): Int32Array {
  const keys = allocate('Int32Array', ptr[ptr.length - 1]);
  for (let i = 0; i + 1 < ptr.length; i++) {
    const end = ptr[i + 1];
    for (let p = ptr[i]; p < end; p++) keys[p] = i;
  }
  return keys;
}
