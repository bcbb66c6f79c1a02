import type { TensorArray } from '../native/binding';
import { allocate, tagOf, type TensorTag } from '../validate/arrays';

/** A copy of the first `count` elements. Not `slice`, which for a Buffer gives a view. */
export function copyOf<T extends TensorArray>(data: T, count?: number): T;
export function copyOf(data: TensorArray, count = data.length): TensorArray {
  const copy = allocate(tagOf(data) as TensorTag, count);
  copy.set(count === data.length ? data : data.subarray(0, count));
  return copy;
}

/**
 * The elements of a view that was checked, one after another; the array itself where they are that already. What reads contiguous values
 * only is bound by memory, so that a gather costs as much as strided kernels would.
 */
export function contiguous<T extends TensorArray>(data: T, shape: readonly number[], strides: unknown): T;
export function contiguous(data: TensorArray, shape: readonly number[], strides: unknown): TensorArray {
  if (!Array.isArray(strides) || isContiguous(shape, strides)) return data;
  const result = allocate(
    tagOf(data) as TensorTag,
    shape.reduce((product, size) => product * size, 1),
  );
  const last = shape.length - 1;
  let to = 0;
  const copy = (dimension: number, from: number): void => {
    if (dimension === last) {
      result.set(data.subarray(from, from + shape[last]), to);
      to += shape[last];
      return;
    }
    for (let i = 0; i < shape[dimension]; i++) copy(dimension + 1, from + i * Number(strides[dimension]));
  };
  copy(0, 0);
  return result;
}

function isContiguous(shape: readonly number[], strides: readonly number[]): boolean {
  let step = 1;
  for (let i = shape.length - 1; i >= 0; i--) {
    if (shape[i] !== 1 && strides[i] !== step) return false;
    step *= shape[i];
  }
  return true;
}
