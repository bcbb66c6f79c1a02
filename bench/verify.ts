/**
 * Checks results against lib/reference before anything is timed. The whole product where that is quick, else some rows and columns
 * (the first and last among them): a product of rows of A and columns of B is a product of its own, with the same elements.
 */
import type { GroupQuantizedTensor, QuantizedTensor, Tensor } from 'lowp';
import type { Random } from './inputs';
import { operations, type GemmShape } from './shapes';

const WHOLE_UP_TO = 2 ** 23;
const ROWS = 8;
const COLUMNS = 32;

/** Indices of the output elements to check: every row with every column. */
export interface Sample {
  readonly rows: readonly number[];
  readonly columns: readonly number[];
}

export function pick(shape: GemmShape, random: Random): Sample {
  const whole = operations(shape) <= WHOLE_UP_TO;
  return {
    rows: indices(shape.m, whole ? shape.m : ROWS, random),
    columns: indices(shape.n, whole ? shape.n : COLUMNS, random),
  };
}

function indices(size: number, count: number, random: Random): number[] {
  if (size <= count) return Array.from({ length: size }, (_, i) => i);
  const chosen = new Set([0, size - 1]);
  while (chosen.size < count) chosen.add(random() % size);
  return [...chosen].sort((x, y) => x - y);
}

type Values = Float32Array | Int32Array | Int8Array | Uint8Array;

function gather<T extends Values>(data: T, stride: number, rows: readonly number[], columns: readonly number[]): T;
function gather(data: Values, stride: number, rows: readonly number[], columns: readonly number[]): Values {
  const picked = data.slice(0, rows.length * columns.length);
  let to = 0;
  for (const row of rows) for (const column of columns) picked[to++] = data[row * stride + column];
  return picked;
}

const upTo = (size: number): number[] => Array.from({ length: size }, (_, i) => i);

/** The sampled rows of a [M, K]. */
export function rowsOf<T extends Tensor<Values>>(a: T, sample: Sample): T {
  const k = a.shape[1];
  return { ...a, data: gather(a.data, k, sample.rows, upTo(k)), shape: [sample.rows.length, k] };
}

/** The sampled columns of b [K, N], with their scales. */
export function columnsOf<T extends Tensor<Float32Array> | QuantizedTensor>(b: T, sample: Sample): T {
  const [k, n] = b.shape;
  const picked = { ...b, data: gather<Values>(b.data, n, upTo(k), sample.columns), shape: [k, sample.columns.length] };
  if (!('scale' in b) || typeof b.scale === 'number' || typeof b.zeroPoint === 'number') return picked;
  return { ...picked, scale: ofColumns(b.scale, sample), zeroPoint: ofColumns(b.zeroPoint, sample) };
}

/** The sampled columns of weights in groups without zero points: rows, as they are stored. */
export function groupColumnsOf(q: GroupQuantizedTensor, { columns }: Sample): GroupQuantizedTensor {
  const [n, k] = q.shape;
  const rows = <T extends Float32Array | Uint8Array>(array: T): T =>
    gather(array, array.length / n, columns, upTo(array.length / n));
  return { ...q, data: rows(q.data), scales: rows(q.scales), shape: [columns.length, k] };
}

/** The sampled elements of a vector with one value a column. */
export function ofColumns<T extends Values>(values: T, sample: Sample): T {
  return gather(values, 0, [0], sample.columns);
}

/** Undefined if the sampled elements of `actual` [M, N] are within `tolerance` of `expected`, else what is wrong. */
export function difference(actual: Values, n: number, sample: Sample, expected: Values, tolerance: number): string | undefined {
  const picked = gather(actual, n, sample.rows, sample.columns);
  let wrong = 0;
  let first = '';
  for (let i = 0; i < picked.length; i++) {
    if (Math.abs(picked[i] - expected[i]) <= tolerance) continue;
    if (wrong === 0) first = `expected ${expected[i]} but received ${picked[i]}`;
    wrong += 1;
  }
  return wrong === 0 ? undefined : `${wrong} of ${picked.length} checked elements are wrong (the first: ${first})`;
}

/** The bound on the error of a float32 product plus bias: eps (K + 1) max|a| max|b| 2, and the two roundings of the sum with it. */
export function floatTolerance(a: Float32Array, b: Float32Array, bias: Float32Array | undefined, k: number): number {
  const eps = 2 ** -23;
  return 2 * eps * ((k + 1) * magnitude(a) * magnitude(b) + (bias === undefined ? 0 : magnitude(bias)));
}

/** max |x|. */
export function magnitude(values: Float32Array): number {
  let max = 0;
  for (const v of values) max = Math.max(max, Math.abs(v));
  return max;
}
