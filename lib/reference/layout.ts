/** Where the elements of a row-major tensor are: plain index arithmetic over shape and strides. */
import type { Tensor } from '../types';
import { refuse } from './refuse';

type Indexed = { readonly length: number };

export function product(sizes: readonly number[]): number {
  return sizes.reduce((p, n) => p * n, 1);
}

export function contiguousStrides(shape: readonly number[]): number[] {
  return shape.map((_, i) => product(shape.slice(i + 1)));
}

/** The index in `data` of each element of a `shape`d view, in row-major order. */
export function offsets(shape: readonly number[], strides: readonly number[]): number[] {
  let result = [0];
  for (let d = 0; d < shape.length; d++) {
    const next: number[] = [];
    for (const base of result) for (let i = 0; i < shape[d]; i++) next.push(base + i * strides[d]);
    result = next;
  }
  return result;
}

export function offsetsOf(t: Tensor<Indexed>): number[] {
  return offsets(t.shape, t.strides ?? contiguousStrides(t.shape));
}

export interface Rows {
  /** Index of the first element of each row. */
  readonly starts: number[];
  readonly k: number;
}

/** [..., M, K] as rows of K; [K] is one row. */
export function rowsOf(a: Tensor<Indexed>): Rows {
  if (a.shape.length === 0) throw refuse('ERR_LOWP_SHAPE', 'Expected at least one dimension for a.shape but received []');
  const last = a.shape.length - 1;
  const strides = a.strides ?? contiguousStrides(a.shape);
  return { starts: offsets(a.shape.slice(0, last), strides.slice(0, last)), k: a.shape[last] };
}

/** The same matrix with its two dimensions swapped. */
export function transpose<T>(t: Tensor<T>): Required<Tensor<T>> {
  const [rows, cols] = t.shape;
  const [rowStride, colStride] = t.strides ?? [cols, 1];
  return { data: t.data, shape: [cols, rows], strides: [colStride, rowStride] };
}

export interface ResultLayout {
  readonly shape: number[];
  /** Only where rows are further apart than N. */
  readonly strides?: number[];
  readonly rowStride: number;
  /** Elements from the first to the last of the result. */
  readonly extent: number;
}

/** The result of a [..., M, K] x b [K, N]: [..., M, N], or [N] for a [K]. */
export function resultLayout(aShape: readonly number[], n: number, outStride: number | undefined): ResultLayout {
  const leading = aShape.slice(0, -1);
  const shape = [...leading, n];
  const rows = product(leading);
  const rowStride = outStride ?? n;
  const extent = rows === 0 || n === 0 ? 0 : (rows - 1) * rowStride + n;
  if (rowStride === n || leading.length === 0) return { shape, rowStride, extent };
  const strides = [...contiguousStrides(leading).map((s) => s * rowStride), 1];
  return { shape, strides, rowStride, extent };
}
