/** Activations as the 8-bit products read them: rows with a scale and a zero point each. */
import type { QuantizedDtype, QuantizedTensor, Tensor } from '../types';
import { rowsOf, type Rows } from './layout';
import { asymmetricParams, dtypeOf, finiteRange, range, toQuantized, type QuantizationParams } from './numbers';
import { normalizedAxis, scaleAt, zeroAt } from './quantize';
import { refuse } from './refuse';

const f32 = Math.fround;

/** a as 8-bit rows, each with its own scale and zero point. */
export interface QuantizedRows extends Rows {
  readonly data: Int8Array | Uint8Array;
  readonly params: readonly QuantizationParams[];
  /** max|a - zeroPoint| over all that the dtype could hold. */
  readonly reach: number;
}

export function staticRows(a: QuantizedTensor): QuantizedRows {
  const { starts, k } = rowsOf(a);
  const axis = normalizedAxis(a.axis, a.shape);
  const rowAxis = a.shape.length - 2;
  if (axis !== undefined && axis !== rowAxis) {
    throw refuse('ERR_LOWP_VALUE', `Expected ${rowAxis} (the axis of the rows) for a.axis but received ${axis}`);
  }
  const m = axis === undefined ? 1 : a.shape[rowAxis];
  const params = starts.map((_, row) => ({ scale: scaleAt(a, row % m), zeroPoint: zeroAt(a, row % m) }));
  const zeros = params.length === 0 ? [0] : params.map((p) => p.zeroPoint);
  return { data: a.data, starts, k, params, reach: reach(zeros, dtypeOf(a.data)) };
}

/** DynamicQuantizeLinear to uint8, over the tensor or over each row. */
export function dynamicRows(a: Tensor<Float32Array>, per: 'perTensor' | 'perRow'): QuantizedRows {
  const { starts, k } = rowsOf(a);
  const values = starts.map((start) => a.data.subarray(start, start + k));
  const whole = per === 'perTensor' ? asymmetricParams(finiteRange(values.flatMap((row) => [...row])), 'uint8') : undefined;
  const params = values.map((row) => whole ?? asymmetricParams(finiteRange(row), 'uint8'));
  const data = new Uint8Array(starts.length * k);
  values.forEach((row, m) => {
    row.forEach((x, i) => (data[m * k + i] = toQuantized(f32(x / params[m].scale), params[m].zeroPoint, 'uint8')));
  });
  return { data, starts: starts.map((_, m) => m * k), k, params, reach: 255 };
}

export function reach(zeros: Iterable<number>, dtype: QuantizedDtype): number {
  const { lo, hi } = range(dtype);
  let largest = 0;
  for (const zero of zeros) largest = Math.max(largest, hi - zero, zero - lo);
  return largest;
}

export function isFloat(a: Tensor<unknown>): a is Tensor<Float32Array> {
  return Object.prototype.toString.call(a.data) === '[object Float32Array]';
}
