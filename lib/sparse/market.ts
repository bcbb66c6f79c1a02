import { describe, expected, lowpError, suggestion, type LowpError } from '../errors';
import type { CsrMatrix } from '../types';
import { allocate, isTagged } from '../validate/arrays';
import { MAX_NON_ZEROS } from '../validate/sparse';
import { Lines } from './lines';
import { groupBy, sortRows } from './order';

const MAX_SIZE = 2 ** 31 - 1;
const BANNER = '%%MatrixMarket';
const FORMATS = ['coordinate', 'array'] as const;
const FIELDS = ['real', 'integer', 'pattern'] as const;
const SYMMETRIES = ['general', 'symmetric', 'skew-symmetric'] as const;

interface Header {
  readonly format: (typeof FORMATS)[number];
  readonly field: (typeof FIELDS)[number];
  readonly symmetry: (typeof SYMMETRIES)[number];
  readonly rows: number;
  readonly cols: number;
  /** Lines of entries that follow. */
  readonly entries: number;
}

/** The entries as they stand in the text, indices from 0. */
interface Entries {
  readonly rowIdx: Int32Array;
  readonly colIdx: Int32Array;
  readonly values: Float32Array;
}

/**
 * Reads a matrix in the Matrix Market exchange format: a string, or the bytes of a file.
 *
 * Formats `coordinate` and `array` (whose zeros are not stored); fields `real`, `integer` and `pattern` (all 1); symmetries `general`,
 * `symmetric` and `skew-symmetric`, of which the other triangle is filled in. Values are rounded to float32; stored zeros stay.
 * Comments, blank lines, CR LF and the case of the header do not matter; one entry stands on each line.
 *
 * Source: Boisvert, Pozo and Remington, The Matrix Market Exchange Formats, NISTIR 5935, 1996.
 *
 * @throws ERR_LOWP_VALUE for text that breaks the rules (header, sizes, too few or too many entries, an index outside the matrix or in
 * the triangle that a symmetric file leaves out, no number, a number that no float32 can hold, two entries at one place): the message
 * has the line, what was expected and what came. ERR_LOWP_UNSUPPORTED for `complex` and `hermitian`; ERR_LOWP_TYPE, ERR_LOWP_NOMEM.
 * @example
 * const text = '%%MatrixMarket matrix coordinate real general\n2 3 2\n1 3 1.5\n2 1 -4\n';
 * console.log(fromMatrixMarket(text).colIdx); // Int32Array(2) [ 2, 0 ]
 */
export function fromMatrixMarket(text: string | Uint8Array): CsrMatrix<Float32Array> {
  const bytes = typeof text === 'string' ? new TextEncoder().encode(text) : text;
  if (!isTagged(bytes, 'Uint8Array')) throw expected('ERR_LOWP_TYPE', 'a string or Uint8Array', 'text', text);
  const lines = new Lines(bytes);
  const header = readHeader(lines);
  const entries = header.format === 'array' ? readArray(lines, header) : readCoordinates(lines, header);
  if (lines.nextData()) throw malformed(lines, `the end of the text after ${header.entries} entries`, lines.word());

  const { rowIdx, colIdx, values } = withMirror(entries, header);
  const { ptr, others, values: byRow } = groupBy({ keys: rowIdx, others: colIdx, values }, header.rows);
  sortRows(ptr, others, byRow, header.cols);
  refuseDuplicates(ptr, others, (row, col) => secondOf(bytes, entries, header, row, col));
  return { rows: header.rows, cols: header.cols, rowPtr: ptr, colIdx: others, values: byRow as Float32Array };
}

function malformed(lines: Lines, expectation: string, received: string | number): LowpError {
  const came = received === '' ? 'nothing' : describe(received);
  return lowpError('ERR_LOWP_VALUE', `Expected ${expectation} at line ${lines.number} of the text but received ${came}`);
}

function readHeader(lines: Lines): Header {
  lines.next();
  const banner = lines.word();
  if (banner.toLowerCase() !== BANNER.toLowerCase()) throw malformed(lines, `'${BANNER}'`, banner);
  readWord(lines, ['matrix'], 'the object');
  const format = readWord(lines, FORMATS, 'the format');
  const field = readWord(lines, FIELDS, 'the field', 'complex');
  const symmetry = readWord(lines, SYMMETRIES, 'the symmetry', 'hermitian');
  if (!lines.isDone()) throw malformed(lines, 'the end of the line after the symmetry', lines.word());
  const array = format === 'array';
  if (array && field === 'pattern') throw malformed(lines, "'real' or 'integer' for the field (of an array)", field);
  if (field === 'pattern' && symmetry === 'skew-symmetric') {
    throw malformed(lines, "'general' or 'symmetric' for the symmetry (of a pattern)", symmetry);
  }

  if (!lines.nextData()) throw malformed(lines, 'a line of sizes', '');
  const rows = readSize(lines, 'rows', MAX_SIZE);
  const cols = readSize(lines, 'columns', MAX_SIZE);
  if (symmetry !== 'general' && rows !== cols) throw malformed(lines, `${rows} columns (as rows: ${symmetry})`, cols);
  const entries = array ? arrayEntries(rows, cols, symmetry) : readSize(lines, 'entries', MAX_NON_ZEROS);
  if (!lines.isDone()) throw malformed(lines, 'the end of the line after the sizes', lines.word());
  return { format, field, symmetry, rows, cols, entries };
}

function readWord<T extends string>(lines: Lines, names: readonly T[], what: string, unsupported?: string): T {
  const word = lines.word();
  const lower = word.toLowerCase();
  for (const name of names) if (name === lower) return name;
  const expectation = `${names.map((name) => `'${name}'`).join(', ')} for ${what}`;
  if (lower === unsupported) {
    const message = `Expected ${expectation} at line ${lines.number} of the text but received '${word}': values are real here`;
    throw lowpError('ERR_LOWP_UNSUPPORTED', message);
  }
  const error = malformed(lines, expectation, word);
  error.message += suggestion(word, names);
  throw error;
}

function readSize(lines: Lines, what: string, most: number): number {
  const size = lines.readCount();
  if (size <= most) return size;
  throw malformed(lines, `a number of ${what} from 0 to ${most}`, Number.isNaN(size) ? lines.word() : size);
}

/** Columns one after another, of a symmetric matrix from the diagonal on, of a skew-symmetric one from below it. */
function arrayEntries(rows: number, cols: number, symmetry: Header['symmetry']): number {
  if (symmetry === 'general') return rows * cols;
  return symmetry === 'symmetric' ? (rows * (rows + 1)) / 2 : (rows * (rows - 1)) / 2;
}

function readCoordinates(lines: Lines, { field, symmetry, rows, cols, entries }: Header): Entries {
  // No more than the text has room for ('1 1' and a newline), whatever the size line says.
  const room = Math.min(entries, Math.ceil(lines.left / 4));
  const rowIdx = allocate('Int32Array', room);
  const colIdx = allocate('Int32Array', room);
  const values = allocate('Float32Array', room);
  if (field === 'pattern') values.fill(1);
  for (let p = 0; p < entries; p++) {
    if (!lines.nextData()) throw malformed(lines, `${entries} entries`, p);
    const row = readIndex(lines, 'a row', rows);
    const col = readIndex(lines, 'a column', cols);
    if (symmetry !== 'general') checkTriangle(lines, row, col, symmetry);
    rowIdx[p] = row - 1;
    colIdx[p] = col - 1;
    if (field !== 'pattern') values[p] = readValue(lines, field);
    if (!lines.isDone()) throw malformed(lines, 'the end of the line after the entry', lines.word());
  }
  return { rowIdx, colIdx, values };
}

function readArray(lines: Lines, { field, symmetry, rows, cols, entries }: Header): Entries {
  // As many as there are lines: a value and a newline.
  const room = Math.min(entries, Math.ceil(lines.left / 2));
  const rowIdx = allocate('Int32Array', room);
  const colIdx = allocate('Int32Array', room);
  const values = allocate('Float32Array', room);
  const below = symmetry === 'symmetric' ? 0 : 1;
  let kept = 0;
  let read = 0;
  for (let col = 0; col < cols; col++) {
    for (let row = symmetry === 'general' ? 0 : col + below; row < rows; row++, read++) {
      if (!lines.nextData()) throw malformed(lines, `${entries} entries`, read);
      const value = readValue(lines, field);
      if (!lines.isDone()) throw malformed(lines, 'the end of the line after the entry', lines.word());
      if (value === 0) continue;
      rowIdx[kept] = row;
      colIdx[kept] = col;
      values[kept] = value;
      kept++;
    }
  }
  return { rowIdx: rowIdx.subarray(0, kept), colIdx: colIdx.subarray(0, kept), values: values.subarray(0, kept) };
}

function readIndex(lines: Lines, what: string, size: number): number {
  const index = lines.readCount();
  if (index >= 1 && index <= size) return index;
  throw malformed(lines, `${what} from 1 to ${size}`, Number.isNaN(index) ? lines.word() : index);
}

function readValue(lines: Lines, field: Header['field']): number {
  const value = lines.readNumber();
  if (Number.isNaN(value)) throw malformed(lines, field === 'integer' ? 'an integer' : 'a number', lines.word());
  const rounded = Math.fround(value);
  if (!Number.isFinite(rounded)) throw malformed(lines, 'a number that float32 can hold', value);
  if (field === 'integer' && !Number.isInteger(value)) throw malformed(lines, 'an integer', value);
  return rounded;
}

function checkTriangle(lines: Lines, row: number, col: number, symmetry: Header['symmetry']): void {
  if (row > col || (row === col && symmetry === 'symmetric')) return;
  const where = symmetry === 'symmetric' ? 'on or below the diagonal' : 'below the diagonal';
  throw malformed(lines, `an entry ${where} (${symmetry})`, `row ${row}, column ${col}`);
}

/** The entries and, of a symmetric matrix, those of the other triangle. */
function withMirror(entries: Entries, { symmetry }: Header): Entries {
  if (symmetry === 'general') return entries;
  const { rowIdx, colIdx, values } = entries;
  let mirrored = 0;
  for (let p = 0; p < rowIdx.length; p++) if (rowIdx[p] !== colIdx[p]) mirrored++;
  const count = rowIdx.length + mirrored;
  if (count > MAX_NON_ZEROS) throw expected('ERR_LOWP_VALUE', `at most ${MAX_NON_ZEROS} non-zeros (2^31 - 1)`, 'text', count);
  const all = {
    rowIdx: allocate('Int32Array', count),
    colIdx: allocate('Int32Array', count),
    values: allocate('Float32Array', count),
  };
  all.rowIdx.set(rowIdx);
  all.colIdx.set(colIdx);
  all.values.set(values);
  const sign = symmetry === 'symmetric' ? 1 : -1;
  for (let p = 0, to = rowIdx.length; p < rowIdx.length; p++) {
    if (rowIdx[p] === colIdx[p]) continue;
    all.rowIdx[to] = colIdx[p];
    all.colIdx[to] = rowIdx[p];
    all.values[to] = sign * values[p];
    to++;
  }
  return all;
}

function refuseDuplicates(rowPtr: Int32Array, colIdx: Int32Array, errorOf: (row: number, col: number) => LowpError): void {
  for (let row = 0; row + 1 < rowPtr.length; row++) {
    for (let p = rowPtr[row] + 1; p < rowPtr[row + 1]; p++) if (colIdx[p] === colIdx[p - 1]) throw errorOf(row, colIdx[p]);
  }
}

/** The second entry at a place (of a symmetric matrix, at its mirror); reads once more up to it, for its line. */
function secondOf(bytes: Uint8Array, { rowIdx, colIdx }: Entries, header: Header, row: number, col: number): LowpError {
  const [i, j] = header.symmetry === 'general' || row > col ? [row, col] : [col, row];
  let p = -1;
  for (let found = 0; found < 2;) {
    p++;
    if (rowIdx[p] === i && colIdx[p] === j) found++;
  }
  const lines = new Lines(bytes);
  lines.next();
  lines.nextData();
  for (let n = 0; n <= p; n++) lines.nextData();
  return malformed(lines, 'one entry at a place', `row ${i + 1}, column ${j + 1} again`);
}
