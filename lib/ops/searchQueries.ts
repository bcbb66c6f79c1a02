/** Queries of a search as codes that the corpus's codes compare with. */
import { expected, lowpError } from '../errors';
import { allocate } from '../validate/arrays';
import { codeBytes, readCodeRows, readFloatRows, type FloatRows, type Grid } from '../validate/embeddings';
import type { CorpusState } from './packEmbeddings';

const f32 = Math.fround;
/** Added to and taken from a float32 of less than 2^22 it leaves the nearest integer, ties to even. */
const ROUNDER = 1.5 * 2 ** 23;

export interface Queries {
  readonly rows: number;
  /** [D] rather than [Q, D]. */
  readonly single: boolean;
  readonly codes: Int8Array | Uint8Array;
  /** What a query's integer scores are multiplied by, and what is then added. */
  readonly scales: Float64Array;
  readonly offsets: Float64Array;
  /** The values of float32 queries, contiguous; else empty. */
  readonly floats: Float32Array;
  readonly isFloat: boolean;
}

export function readQueries(value: unknown, corpus: CorpusState): Queries {
  // By the array: other libraries' tensors have a dtype too.
  const data: unknown = typeof value === 'object' && value !== null && 'data' in value ? value.data : undefined;
  const isCode = ArrayBuffer.isView(data) && 'BYTES_PER_ELEMENT' in data && data.BYTES_PER_ELEMENT === 1;
  return isCode ? readCodes(value, corpus) : quantize(readFloatRows(value, 'queries'), corpus);
}

function checkDimensions(dimensions: number, corpus: CorpusState): void {
  if (dimensions === corpus.dimensions) return;
  throw expected('ERR_LOWP_SHAPE', `${corpus.dimensions} (those of the corpus)`, 'the dimensions of queries', dimensions);
}

function readCodes(value: unknown, corpus: CorpusState): Queries {
  const { dtype, data: codes, rows, dimensions, grid } = readCodeRows(value, 'queries');
  if (dtype !== corpus.dtype) throw expected('ERR_LOWP_TYPE', `'${corpus.dtype}' (that of the corpus)`, 'queries.dtype', dtype);
  checkDimensions(dimensions, corpus);
  const scales = new Float64Array(rows).fill(1);
  const offsets = new Float64Array(rows);
  const query = { rows, single: false, codes, scales, offsets, floats: new Float32Array(0), isFloat: false };
  if (grid === undefined || corpus.grid === undefined) return query;
  checkComparable(grid, corpus.grid);
  scales.fill(corpus.grid.step[0] * grid.step[0]);
  for (let q = 0; q < rows; q++) {
    let sum = 0;
    for (let i = q * dimensions; i < (q + 1) * dimensions; i++) sum += codes[i];
    offsets[q] = corpus.grid.centre[0] * grid.step[0] * sum;
  }
  return query;
}

/** Products of codes are in the order of the real ones where one step holds for all dimensions and queries have no offset. */
function checkComparable(queries: Grid, corpus: Grid): void {
  const advice = '; float32 queries go with any ranges';
  if (corpus.step.length !== 1 || queries.step.length !== 1) {
    const [name, { length }] = corpus.step.length !== 1 ? ['the corpus', corpus.step] : ['queries', queries.step];
    const message = `Expected one range for all dimensions of ${name} (the queries are quantized) but received ${length}${advice}`;
    throw lowpError('ERR_LOWP_VALUE', message);
  }
  if (queries.centre[0] !== 0) {
    const message = `Expected ranges about 0 for quantized queries but received ones about ${queries.centre[0]}${advice}`;
    throw lowpError('ERR_LOWP_VALUE', message);
  }
}

function quantize({ data, rows, dimensions, ld, single }: FloatRows, corpus: CorpusState): Queries {
  checkDimensions(dimensions, corpus);
  const floats = allocate('Float32Array', rows * dimensions);
  for (let q = 0; q < rows; q++) floats.set(data.subarray(q * ld, q * ld + dimensions), q * dimensions);
  checkFinite(floats, dimensions, single);
  const scales = new Float64Array(rows).fill(1);
  const offsets = new Float64Array(rows);
  const query = { rows, single, scales, offsets, floats, isFloat: true };
  const width = codeBytes(dimensions, corpus.dtype);
  const { grid } = corpus;
  if (grid === undefined) {
    const codes = allocate('Uint8Array', rows * width);
    for (let q = 0, i = 0; q < rows; q++) {
      for (let d = 0; d < dimensions; d++, i++) if (floats[i] > 0) codes[q * width + (d >> 3)] |= 128 >> (d & 7);
    }
    return { ...query, codes };
  }
  const codes = allocate('Int8Array', rows * width);
  for (let q = 0; q < rows; q++) {
    const row = floats.subarray(q * dimensions, (q + 1) * dimensions);
    offsets[q] = offsetOf(row, grid);
    scales[q] = quantizeQuery(row, grid, codes.subarray(q * width, (q + 1) * width));
  }
  return { ...query, codes };
}

function checkFinite(floats: Float32Array, dimensions: number, single: boolean): void {
  for (let i = 0; i < floats.length; i++) {
    if (Math.abs(floats[i]) < Infinity) continue;
    const name = single ? `queries[${i}]` : `queries[${Math.floor(i / dimensions)}, ${i % dimensions}]`;
    throw expected('ERR_LOWP_VALUE', 'a finite value', name, floats[i]);
  }
}

/** q . centre: what the centres add to the product with every row. */
function offsetOf(row: Float32Array, { centre }: Grid): number {
  const stride = centre.length === 1 ? 0 : 1;
  let sum = 0;
  for (let d = 0; d < row.length; d++) sum += row[d] * centre[d * stride];
  return sum;
}

/**
 * q . x = sum of q (centre + step * code) = sum of (q * step) * code + q . centre. The factors q * step get one symmetric scale of
 * their own, from -127 to 127; one step for all dimensions goes into the scale. Returns what a sum of products is multiplied by.
 */
function quantizeQuery(row: Float32Array, { step }: Grid, codes: Int8Array): number {
  const shared = step.length === 1;
  const factors = shared ? row : row.map((v, d) => v * step[d]);
  let reach = 0;
  for (let d = 0; d < factors.length; d++) {
    const magnitude = Math.abs(factors[d]);
    if (magnitude > reach) reach = magnitude;
  }
  const scale = f32(reach / 127);
  // Nothing but zeros, or so little that it is nothing: all codes are 0.
  if (scale === 0) return 0;
  for (let d = 0; d < factors.length; d++) {
    const v = f32(factors[d] / scale);
    codes[d] = f32((v > 127 ? 127 : v < -127 ? -127 : v) + ROUNDER) - ROUNDER;
  }
  return shared ? scale * step[0] : scale;
}
