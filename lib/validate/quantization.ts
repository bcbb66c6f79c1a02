/** Scales (finite and above zero as float32) and zero points (integers of the data's dtype). */
import type { QuantizedDtype } from '../types';
import { expected } from '../errors';
import { checkLength, isTagged, tagOf } from './arrays';

const f32 = Math.fround;

export function lowest(dtype: QuantizedDtype): number {
  return dtype === 'int8' ? -128 : 0;
}

export function highest(dtype: QuantizedDtype): number {
  return dtype === 'int8' ? 127 : 255;
}

/** As float32, which is what every kernel multiplies by. */
export function readScale(value: unknown, name: string): number {
  if (typeof value !== 'number') throw expected('ERR_LOWP_TYPE', 'a number (an array needs an axis)', name, value);
  const scale = f32(value);
  if (!(scale > 0 && scale < Infinity)) throw expected('ERR_LOWP_VALUE', 'a finite float32 above 0', name, value);
  return scale;
}

export function readZeroPoint(value: unknown, dtype: QuantizedDtype, name: string): number {
  if (typeof value !== 'number') throw expected('ERR_LOWP_TYPE', 'a number (an array needs an axis)', name, value);
  if (!Number.isInteger(value) || value < lowest(dtype) || value > highest(dtype)) {
    throw expected('ERR_LOWP_VALUE', `an integer from ${lowest(dtype)} to ${highest(dtype)} (${dtype})`, name, value);
  }
  // -0 would show in results; adding 0 makes it 0.
  return value + 0;
}

/** A scale per index of an axis of `length`: the array itself, checked, or a number repeated. */
export function readScales(value: unknown, length: number, name: string): Float32Array {
  if (typeof value === 'number') return new Float32Array(length).fill(readScale(value, name));
  if (!isTagged(value, 'Float32Array')) throw expected('ERR_LOWP_TYPE', 'a number or Float32Array', name, value);
  checkLength(value, length, 'one per index of the axis', name);
  for (let i = 0; i < length; i++) if (!(value[i] > 0 && value[i] < Infinity)) readScale(value[i], `${name}[${i}]`);
  return value;
}

/** A zero point per index: an Int32Array as it is, checked, or a new one. */
export function readZeroPoints(value: unknown, length: number, dtype: QuantizedDtype, name: string): Int32Array {
  if (typeof value === 'number') return new Int32Array(length).fill(readZeroPoint(value, dtype, name));
  const tag = tagOf(value);
  if (tag !== 'Int32Array' && tag !== 'Int8Array' && tag !== 'Uint8Array') {
    throw expected('ERR_LOWP_TYPE', 'a number, Int32Array, Int8Array or Uint8Array', name, value);
  }
  const array = value as Int32Array | Int8Array | Uint8Array;
  checkLength(array, length, 'one per index of the axis', name);
  const lo = lowest(dtype);
  const hi = highest(dtype);
  for (let i = 0; i < length; i++) if (array[i] < lo || array[i] > hi) readZeroPoint(array[i], dtype, `${name}[${i}]`);
  return isTagged(array, 'Int32Array') ? array : Int32Array.from(array);
}

/** max|q - zeroPoint| over all that the dtype can hold: the depth limit counts with it. */
export function reach(zeroPoint: number, dtype: QuantizedDtype): number {
  const up = highest(dtype) - zeroPoint;
  const down = zeroPoint - lowest(dtype);
  return up > down ? up : down;
}

export function reachOfAll(zeroPoints: Int32Array, dtype: QuantizedDtype): number {
  let largest = 0;
  for (let i = 0; i < zeroPoints.length; i++) largest = Math.max(largest, reach(zeroPoints[i], dtype));
  return largest === 0 ? reach(0, dtype) : largest;
}

/** A dimension, 0 or more. Arrays of scales without an axis are refused by the callers. */
export function readAxis(value: unknown, rank: number, name: string): number {
  if (typeof value !== 'number') throw expected('ERR_LOWP_TYPE', 'a number', name, value);
  if (!Number.isInteger(value) || value < -rank || value >= rank) {
    throw expected('ERR_LOWP_VALUE', `an integer from ${-rank} to ${rank - 1}`, name, value);
  }
  return value < 0 ? value + rank : value + 0;
}
