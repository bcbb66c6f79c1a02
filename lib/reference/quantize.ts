import type {
  DequantizeOptions,
  GroupQuantizedTensor,
  QuantizedArray,
  QuantizedDtype,
  QuantizedTensor,
  QuantizeOptions,
  Tensor,
} from '../types';
import { dequantizeGroups } from './groups';
import { offsetsOf, product } from './layout';
import { asymmetricParams, finiteRange, symmetricParams, toQuantized } from './numbers';
import { refuse } from './refuse';

/** q = saturate(round(x / scale) + zeroPoint), ties to even. The oracle of `quantize` of the main module. */
export function quantize<D extends QuantizedDtype = 'int8'>(
  x: Tensor<Float32Array>,
  options: QuantizeOptions & { readonly dtype?: D } = {},
): QuantizedTensor<QuantizedArray<D>> {
  const dtype: QuantizedDtype = options.dtype ?? 'int8';
  const axis = normalizedAxis(options.axis, x.shape);
  const channels = axis === undefined ? 1 : x.shape[axis];
  const source = offsetsOf(x);
  const { scales, zeros } = options.scale === undefined ? computed(x, axis, dtype, options) : given(options, channels, dtype);

  const out = options.out ?? (dtype === 'int8' ? new Int8Array(source.length) : new Uint8Array(source.length));
  for (let i = 0; i < source.length; i++) {
    const c = channelOf(i, axis, x.shape);
    out[i] = toQuantized(Math.fround(x.data[source[i]] / scales[c]), zeros[c], dtype);
  }
  const data = out as QuantizedArray<D>;
  const shape = [...x.shape];
  if (axis === undefined) return { data, shape, scale: scales[0], zeroPoint: zeros[0] };
  return { data, shape, scale: scales, zeroPoint: zeros, axis };
}

/** real = scale * (q - zeroPoint), rounded once to float32. The oracle of `dequantize` of the main module. */
export function dequantize(q: QuantizedTensor | GroupQuantizedTensor, options: DequantizeOptions = {}): Tensor<Float32Array> {
  if ('groupSize' in q) return dequantizeGroups(q, options.out);
  const axis = normalizedAxis(q.axis, q.shape);
  const source = offsetsOf(q);
  const data = options.out ?? new Float32Array(source.length);
  for (let i = 0; i < source.length; i++) {
    const c = channelOf(i, axis, q.shape);
    data[i] = scaleAt(q, c) * (q.data[source[i]] - zeroAt(q, c));
  }
  return { data, shape: [...q.shape] };
}

export function scaleAt(q: QuantizedTensor, c: number): number {
  return Math.fround(typeof q.scale === 'number' ? q.scale : q.scale[c]);
}

export function zeroAt(q: QuantizedTensor, c: number): number {
  return typeof q.zeroPoint === 'number' ? q.zeroPoint : q.zeroPoint[c];
}

export function normalizedAxis(axis: number | undefined, shape: readonly number[]): number | undefined {
  if (axis === undefined) return undefined;
  const normalized = axis < 0 ? axis + shape.length : axis;
  if (!(normalized in shape)) {
    throw refuse('ERR_LOWP_VALUE', `Expected a dimension of [${shape.join(', ')}] for axis but received ${axis}`);
  }
  return normalized;
}

/** The index along `axis` of the i-th element in row-major order; 0 where there is one channel for all. */
function channelOf(i: number, axis: number | undefined, shape: readonly number[]): number {
  if (axis === undefined) return 0;
  return Math.floor(i / product(shape.slice(axis + 1))) % shape[axis];
}

interface Params {
  readonly scales: Float32Array;
  readonly zeros: Int32Array;
}

function computed(x: Tensor<Float32Array>, axis: number | undefined, dtype: QuantizedDtype, options: QuantizeOptions): Params {
  const channels = axis === undefined ? 1 : x.shape[axis];
  const symmetric = options.symmetric ?? dtype === 'int8';
  const values: number[][] = Array.from({ length: channels }, () => []);
  offsetsOf(x).forEach((offset, i) => values[channelOf(i, axis, x.shape)].push(x.data[offset]));
  const params = values.map(finiteRange).map((r) => (symmetric ? symmetricParams(r, dtype) : asymmetricParams(r, dtype)));
  const step = options.reduceRange === true ? 127 / 64 : 1;
  return { scales: Float32Array.from(params, (p) => p.scale * step), zeros: Int32Array.from(params, (p) => p.zeroPoint) };
}

function given({ scale, zeroPoint, symmetric }: QuantizeOptions, channels: number, dtype: QuantizedDtype): Params {
  const zero = zeroPoint ?? (dtype === 'uint8' && symmetric === true ? 128 : 0);
  return {
    scales: Float32Array.from({ length: channels }, (_, c) => (typeof scale === 'object' ? scale[c] : (scale ?? 1))),
    zeros: Int32Array.from({ length: channels }, (_, c) => (typeof zero === 'number' ? zero : zero[c])),
  };
}
