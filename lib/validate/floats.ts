/** float32 and the 16-bit floating-point formats: which one a tensor holds. */
import { expected } from '../errors';
import { StorageCode } from '../native/slots';
import type { Float16Tensor, FloatDtype } from '../types';
import { isElements } from './arrays';
import { readName } from './options';

export const FLOAT_DTYPES = ['float32', 'bfloat16', 'float16'] as const;
const DTYPES_16 = ['bfloat16', 'float16'] as const;

export type FloatArray = Float32Array | Uint16Array;

export function isFloatDtype(dtype: string): dtype is FloatDtype {
  return dtype === 'float32' || dtype === 'bfloat16' || dtype === 'float16';
}

export function isFloatArray(data: unknown): data is FloatArray {
  return isElements(data, 'Float32Array') || isElements(data, 'Uint16Array');
}

/** The array of a Tensor or Float16Tensor and what its elements are. */
export function readFloats(x: object, name: string): { readonly data: FloatArray; readonly dtype: FloatDtype } {
  const { data, dtype }: Partial<Record<keyof Float16Tensor, unknown>> = x;
  if (isElements(data, 'Float32Array')) return { data, dtype: 'float32' };
  if (isElements(data, 'Uint16Array')) return { data, dtype: readName(dtype, DTYPES_16, `${name}.dtype`) };
  throw expected('ERR_LOWP_TYPE', 'a Float32Array, or a Uint16Array of 16-bit floats,', `${name}.data`, data);
}

export function storageCode(dtype: FloatDtype): StorageCode {
  return dtype === 'float32' ? StorageCode.float32 : dtype === 'bfloat16' ? StorageCode.bfloat16 : StorageCode.float16;
}
