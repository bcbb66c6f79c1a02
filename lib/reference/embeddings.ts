import type {
  EmbeddingDtype,
  EmbeddingRanges,
  EmbeddingsOf,
  QuantizedEmbeddings,
  QuantizeEmbeddingsOptions,
  Tensor,
} from '../types';
import { rowsOf } from './layout';
import { roundHalfEven } from './numbers';

const f32 = Math.fround;

/** Rows of numbers, whatever the tensor's strides. */
export function rowsOfFloats(x: Tensor<Float32Array>): number[][] {
  const { starts, k } = rowsOf(x);
  return starts.map((start) => Array.from(x.data.subarray(start, start + k)));
}

/** int8: centre + step * code; binary: x > 0. The oracle of `quantizeEmbeddings` of the main module. */
export function quantizeEmbeddings<D extends EmbeddingDtype = 'int8'>(
  x: Tensor<Float32Array>,
  options?: QuantizeEmbeddingsOptions & { readonly dtype?: D },
): EmbeddingsOf<D>;
export function quantizeEmbeddings(x: Tensor<Float32Array>, options: QuantizeEmbeddingsOptions = {}): QuantizedEmbeddings {
  const rows = rowsOfFloats(x);
  const dimensions = x.shape[x.shape.length - 1];
  const shape = [rows.length, dimensions];
  if (options.dtype === 'binary') return { dtype: 'binary', data: Uint8Array.from(rows.flatMap(packBits)), shape };
  const { ranges = 'perTensor', calibration = x } = options;
  const span =
    typeof ranges === 'object' ? arrays(ranges) : rangesOf(rowsOfFloats(calibration), dimensions, ranges === 'perDimension');
  const { centre, step } = gridOf(span);
  const codes = rows.flatMap((row) => row.map((v, d) => int8(f32(f32(v - at(centre, d)) / at(step, d)))));
  return { dtype: 'int8', data: Int8Array.from(codes), shape, ranges: span };
}

/** One value for all dimensions, or one for each. */
export function at(values: Float32Array, d: number): number {
  return values[values.length === 1 ? 0 : d];
}

/** Nearest code from -127 to 127, ties to even; NaN is 0. */
export function int8(x: number): number {
  if (Number.isNaN(x)) return 0;
  return roundHalfEven(Math.min(127, Math.max(-127, x)));
}

/** The first dimension is the highest bit of the first byte. */
export function packBits(row: readonly number[]): number[] {
  const bytes = new Array<number>(Math.ceil(row.length / 8)).fill(0);
  row.forEach((v, d) => {
    if (v > 0) bytes[d >> 3] += 2 ** (7 - (d % 8));
  });
  return bytes;
}

/** What the codes stand for: x = centre + step * code. */
export function gridOf({ min, max }: Ranges): { centre: Float32Array; step: Float32Array } {
  return {
    centre: Float32Array.from(min, (lo, i) => (lo + max[i]) / 2),
    step: Float32Array.from(min, (lo, i) => (max[i] - lo) / 254),
  };
}

interface Ranges {
  readonly min: Float32Array;
  readonly max: Float32Array;
}

export function arrays({ min, max }: EmbeddingRanges): Ranges {
  const array = (v: number | Float32Array): Float32Array => (typeof v === 'number' ? Float32Array.of(v) : v.slice());
  return { min: array(min), max: array(max) };
}

function rangesOf(rows: readonly number[][], dimensions: number, perDimension: boolean): Ranges {
  const min = new Float32Array(dimensions);
  const max = new Float32Array(dimensions);
  for (let d = 0; d < dimensions; d++) {
    const finite = rows.map((row) => row[d]).filter(Number.isFinite);
    min[d] = finite.length === 0 ? 0 : finite.reduce((x, y) => Math.min(x, y)) + 0;
    max[d] = finite.length === 0 ? 0 : finite.reduce((x, y) => Math.max(x, y)) + 0;
  }
  if (perDimension) return { min, max };
  let reach = 0;
  for (let d = 0; d < dimensions; d++) reach = Math.max(reach, -min[d], max[d]);
  return { min: Float32Array.of(0 - reach), max: Float32Array.of(reach) };
}
