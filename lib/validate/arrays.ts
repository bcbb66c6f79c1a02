/** Typed arrays of any realm: what they are, how long, whether they overlap. */
import type { TensorArray } from '../native/binding';
import { expected, lowpError, type LowpError } from '../errors';
import { allocateOnDevice, isDeviceArray } from '../native/deviceArray';

export type ArrayTag = 'Float32Array' | 'Int32Array' | 'Int8Array' | 'Uint8Array';
/** Products have no results of 16 bits. */
export type TensorTag = ArrayTag | 'Uint16Array';

export interface TaggedArrays {
  Float32Array: Float32Array;
  Uint16Array: Uint16Array;
  Int32Array: Int32Array;
  Int8Array: Int8Array;
  Uint8Array: Uint8Array;
}

const tagGetter = readTagGetter();

function readTagGetter(): (this: unknown) => string | undefined {
  const typedArray: object = Object.getPrototypeOf(Uint8Array.prototype);
  const getter: unknown = Object.getOwnPropertyDescriptor(typedArray, Symbol.toStringTag)?.get;
  return getter as (this: unknown) => string | undefined;
}

/**
 * The name of a typed array's element type, or undefined for anything else. It reads the internal slot, so it holds across realms
 * (where instanceof fails), for subclasses such as Buffer, and can't be spoofed (as constructor.name can).
 */
export function tagOf(value: unknown): string | undefined {
  return tagGetter.call(value);
}

export function isTagged<T extends TensorTag>(value: unknown, tag: T): value is TaggedArrays[T] {
  return tagGetter.call(value) === tag;
}

export function isTyped8(value: unknown): value is Int8Array | Uint8Array {
  const tag = tagGetter.call(value);
  return tag === 'Int8Array' || tag === 'Uint8Array';
}

/**
 * Elements of this type, in an array of the host or of the CUDA device. An array on the device is passed on as if it were one of the
 * host: it has its length and its place (`buffer`, `byteOffset`), and elements are looked at only by functions that ask `isTagged`.
 */
export function isElements<T extends TensorTag>(value: unknown, tag: T): value is TaggedArrays[T] {
  return tagGetter.call(value) === tag || (isDeviceArray(value) && value.type === tag);
}

export function isElements8(value: unknown): value is Int8Array | Uint8Array {
  return isElements(value, 'Int8Array') || isElements(value, 'Uint8Array');
}

/** The type of the elements, wherever they are. */
export function elementTag(value: unknown): string | undefined {
  return tagGetter.call(value) ?? (isDeviceArray(value) ? value.type : undefined);
}

/** `min` elements are needed; `formula` says why. Called after the check failed, so it may be slow. */
export function tooShort(array: TensorArray, min: number, formula: string, name: string): LowpError {
  if (isDetached(array)) {
    return lowpError('ERR_LOWP_DETACHED', `Expected ${min} elements for ${name} but its buffer was detached (transferred)`);
  }
  return expected('ERR_LOWP_SHAPE', `at least ${min} elements (${formula})`, name, array);
}

/** One element per column, row or index: exactly. */
export function checkLength(array: TensorArray, length: number, meaning: string, name: string): void {
  if (array.length === length) return;
  if (isDetached(array)) throw tooShort(array, length, meaning, name);
  throw expected('ERR_LOWP_SHAPE', `${length} elements (${meaning})`, name, array);
}

/** ArrayBuffer.prototype.detached came with Node 21; a view of a detached buffer can't be made in any version. */
function isDetached(array: TensorArray): boolean {
  if (array.length > 0 || isDeviceArray(array)) return false;
  try {
    return new Uint8Array(array.buffer).length < 0;
  } catch {
    return true;
  }
}

/**
 * Refuses an `out` that shares bytes with an input: it would be overwritten while it is read. The getter `buffer` is a call into C++
 * (33 ns), a tenth of what a small product spends in TypeScript: so products leave the looking to native code, which compares
 * addresses, and come here to explain.
 */
export function checkAlias(out: TensorArray, input: TensorArray, name: string): void {
  if (out.buffer !== input.buffer) return;
  const start = out.byteOffset;
  const inputStart = input.byteOffset;
  if (start >= inputStart + input.byteLength || inputStart >= start + out.byteLength) return;
  throw lowpError(
    'ERR_LOWP_ALIAS',
    `Expected an out that does not overlap ${name} but received bytes ${start} to ${start + out.byteLength} of the buffer ` +
      `of which ${name} is bytes ${inputStart} to ${inputStart + input.byteLength}`,
  );
}

/** `onDevice`: in the memory of the CUDA device. */
export function allocate<T extends TensorTag>(tag: T, length: number, onDevice?: boolean): TaggedArrays[T];
export function allocate(tag: TensorTag, length: number, onDevice = false): unknown {
  if (onDevice) return allocateOnDevice(tag, length);
  try {
    if (tag === 'Float32Array') return new Float32Array(length);
    if (tag === 'Int32Array') return new Int32Array(length);
    if (tag === 'Uint16Array') return new Uint16Array(length);
    return tag === 'Int8Array' ? new Int8Array(length) : new Uint8Array(length);
  } catch (cause) {
    throw lowpError('ERR_LOWP_NOMEM', `Expected memory for ${tag}(${length}) but the allocation failed`, undefined, cause);
  }
}
