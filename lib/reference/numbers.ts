import type { QuantizedDtype } from '../types';

const f32 = Math.fround;

/** Round half to even. Exact: x - floor(x) has no rounding error for any double. */
export function roundHalfEven(x: number): number {
  const below = Math.floor(x);
  const rest = x - below;
  if (rest < 0.5) return below;
  if (rest > 0.5) return below + 1;
  // Infinities and NaN reach this line too (their rest is NaN) and have no neighbours.
  if (rest !== 0.5) return x;
  return below % 2 === 0 ? below : below + 1;
}

export function range(dtype: QuantizedDtype): { readonly lo: number; readonly hi: number } {
  return dtype === 'int8' ? { lo: -128, hi: 127 } : { lo: 0, hi: 255 };
}

/** Integer of `dtype` nearest to x; `| 0` so that -0 never appears. */
export function saturate(x: number, dtype: QuantizedDtype): number {
  const { lo, hi } = range(dtype);
  return Math.min(hi, Math.max(lo, x)) | 0;
}

/** saturate(round(x) + zeroPoint), where x is already in units of the scale. NaN is the zero point: real zero. */
export function toQuantized(x: number, zeroPoint: number, dtype: QuantizedDtype): number {
  if (Number.isNaN(x)) return zeroPoint;
  return saturate(roundHalfEven(x) + zeroPoint, dtype);
}

export function dtypeOf(data: Int8Array | Uint8Array): QuantizedDtype {
  return Object.prototype.toString.call(data) === '[object Int8Array]' ? 'int8' : 'uint8';
}

/** An array of the same type; not by slicing, because a slice of a Buffer is a view of it. */
export function emptyLike<T extends Float32Array | Int8Array | Uint8Array>(data: T, length: number): T;
export function emptyLike(data: Float32Array | Int8Array | Uint8Array, length: number) {
  if (data.BYTES_PER_ELEMENT === 4) return new Float32Array(length);
  return dtypeOf(data as Int8Array | Uint8Array) === 'int8' ? new Int8Array(length) : new Uint8Array(length);
}

export interface Range {
  readonly min: number;
  readonly max: number;
}

/** Smallest and largest finite value, widened to include zero. NaN and infinities are ignored. */
export function finiteRange(values: Iterable<number>): Range {
  let min = 0;
  let max = 0;
  for (const v of values) {
    if (!Number.isFinite(v)) continue;
    min = Math.min(min, v);
    max = Math.max(max, v);
  }
  return { min, max };
}

export interface QuantizationParams {
  readonly scale: number;
  readonly zeroPoint: number;
}

/** ONNX DynamicQuantizeLinear, also for int8 (where the lower end of the range is -128). */
export function asymmetricParams({ min, max }: Range, dtype: QuantizedDtype): QuantizationParams {
  const { lo } = range(dtype);
  const width = f32(max - min);
  // The width of (almost) the whole float32 range overflows; divided first, it does not.
  let scale = Number.isFinite(width) ? f32(width / 255) : f32(f32(max / 255) - f32(min / 255));
  if (scale === 0) scale = 1;
  const zeroPoint = saturate(roundHalfEven(f32(lo - f32(min / scale))), dtype);
  return { scale, zeroPoint };
}

/** Zero in the middle: real zero is 0 (int8) or 128 (uint8), and the largest magnitude is 127 steps away. */
export function symmetricParams({ min, max }: Range, dtype: QuantizedDtype): QuantizationParams {
  let scale = f32(Math.max(-min, max) / 127);
  if (scale === 0) scale = 1;
  return { scale, zeroPoint: dtype === 'int8' ? 0 : 128 };
}
