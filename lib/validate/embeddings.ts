/** Matrices of embeddings, their codes and the ranges of codes. */
import { expected, lowpError } from '../errors';
import type { EmbeddingDtype } from '../types';
import { checkLength, isTagged } from './arrays';
import { checkKeys, checkTensor, readName } from './options';
import { checkExtent, checkShape, leadingDimension } from './shapes';

const f32 = Math.fround;

const RANGE_KEYS: ReadonlySet<string> = new Set(['min', 'max']);
const DTYPES = ['int8', 'binary'] as const;

/** kSearchMaxDepth: 128 * 127 * D stays in int32. */
const MAX_DIMENSIONS = 132_104;
/** kSearchMaxBits: a distance is exact as float32. */
const MAX_BITS = 2 ** 24;

/** A float32 matrix, checked. */
export interface FloatRows {
  readonly data: Float32Array;
  readonly rows: number;
  readonly dimensions: number;
  /** Elements from row to row. */
  readonly ld: number;
  /** Elements that it spans. */
  readonly extent: number;
  /** [D] rather than [1, D]. */
  readonly single: boolean;
}

/** [N, D], or [D] for one row. */
export function readFloatRows(x: unknown, name: string): FloatRows {
  checkTensor(x, 'a float32 Tensor', name);
  const { data, shape, strides }: { data: unknown; shape: unknown; strides?: unknown } = x;
  if (!isTagged(data, 'Float32Array')) throw expected('ERR_LOWP_TYPE', 'a Float32Array', `${name}.data`, data);
  checkShape(shape, `${name}.shape`);
  if (shape.length !== 1 && shape.length !== 2) {
    throw expected('ERR_LOWP_SHAPE', 'two dimensions (rows, dimensions) or one', `${name}.shape`, shape);
  }
  const extent = checkExtent(data, shape, strides, name);
  const single = shape.length === 1;
  const dimensions = single ? shape[0] : shape[1];
  if (dimensions === 0) throw expected('ERR_LOWP_SHAPE', 'at least one dimension of an embedding', `${name}.shape`, shape);
  return {
    data,
    rows: single ? 1 : shape[0],
    dimensions,
    ld: single ? dimensions : leadingDimension(shape, strides),
    extent,
    single,
  };
}

export function readEmbeddingDtype(value: unknown, name: string): EmbeddingDtype {
  return readName(value, DTYPES, name);
}

/** Codes of rows, checked. */
export interface CodeRows {
  readonly dtype: EmbeddingDtype;
  readonly data: Int8Array | Uint8Array;
  readonly rows: number;
  readonly dimensions: number;
  /** int8 only. */
  readonly grid: Grid | undefined;
}

export function codeBytes(dimensions: number, dtype: EmbeddingDtype): number {
  return dtype === 'binary' ? Math.ceil(dimensions / 8) : dimensions;
}

export function readCodeRows(value: unknown, name: string): CodeRows {
  checkTensor(value, 'the result of quantizeEmbeddings()', name);
  const { data, shape, ranges, dtype: given }: Record<'data' | 'shape', unknown> & { ranges?: unknown; dtype?: unknown } = value;
  const dtype = readEmbeddingDtype(given, `${name}.dtype`);
  const tag = dtype === 'binary' ? 'Uint8Array' : 'Int8Array';
  if (!isTagged(data, tag)) throw expected('ERR_LOWP_TYPE', `a ${tag} (dtype is '${dtype}')`, `${name}.data`, data);
  checkShape(shape, `${name}.shape`);
  if (shape.length !== 2) throw expected('ERR_LOWP_SHAPE', 'two dimensions', `${name}.shape`, shape);
  const [rows, dimensions] = shape;
  const most = dtype === 'binary' ? MAX_BITS : MAX_DIMENSIONS;
  if (dimensions < 1 || dimensions > most) {
    throw expected('ERR_LOWP_SHAPE', `from 1 to ${most} dimensions (${dtype})`, `${name}.shape`, shape);
  }
  const bytes = codeBytes(dimensions, dtype);
  checkLength(data, rows * bytes, `N * ${dtype === 'binary' ? 'ceil(D / 8)' : 'D'} = ${rows} * ${bytes}`, `${name}.data`);
  const grid = dtype === 'binary' ? undefined : gridOf(readRanges(ranges, dimensions, `${name}.ranges`));
  return { dtype, data, rows, dimensions, grid };
}

/** Ranges as arrays of their own, of 1 or D elements. */
export interface Ranges {
  readonly min: Float32Array;
  readonly max: Float32Array;
}

export function readRanges(value: unknown, dimensions: number, name: string): Ranges {
  if (typeof value !== 'object' || value === null) throw expected('ERR_LOWP_TYPE', 'an object { min, max }', name, value);
  checkKeys(value, RANGE_KEYS, name);
  const given: { min?: unknown; max?: unknown } = value;
  const min = readEnds(given.min, dimensions, `${name}.min`);
  const max = readEnds(given.max, dimensions, `${name}.max`);
  if (min.length !== max.length) throw expected('ERR_LOWP_SHAPE', `${min.length} elements (as min)`, `${name}.max`, given.max);
  for (let i = 0; i < min.length; i++) {
    if (min[i] <= max[i]) continue;
    throw lowpError('ERR_LOWP_VALUE', `Expected at least ${min[i]} (min) for ${name}.max[${i}] but received ${max[i]}`);
  }
  return { min, max };
}

function readEnds(value: unknown, dimensions: number, name: string): Float32Array {
  if (typeof value !== 'number' && !isTagged(value, 'Float32Array')) {
    throw expected('ERR_LOWP_TYPE', 'a number or Float32Array', name, value);
  }
  const ends = typeof value === 'number' ? Float32Array.of(value) : value.slice();
  if (ends.length !== 1) checkLength(ends, dimensions, 'one for all dimensions, or one for each', name);
  const wrong = ends.findIndex((v) => !Number.isFinite(v));
  if (wrong >= 0)
    throw expected('ERR_LOWP_VALUE', 'a finite float32', typeof value === 'number' ? name : `${name}[${wrong}]`, value);
  return ends;
}

/** What codes stand for: x = centre + step * code, with codes from -127 to 127 over the range. */
export interface Grid {
  readonly centre: Float32Array;
  readonly step: Float32Array;
}

export function gridOf({ min, max }: Ranges): Grid {
  const centre = new Float32Array(min.length);
  const step = new Float32Array(min.length);
  for (let i = 0; i < min.length; i++) {
    centre[i] = f32((min[i] + max[i]) / 2);
    step[i] = f32((max[i] - min[i]) / 254);
  }
  return { centre, step };
}
