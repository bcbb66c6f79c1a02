/** Buffers of every kind that may stand under a typed array. */

/** Leaves every view of the buffer with length 0, as handing it to a worker does. */
export function detach(view: { readonly buffer: ArrayBufferLike }): void {
  const buffer = view.buffer as ArrayBuffer;
  structuredClone(buffer, { transfer: [buffer] });
}

export interface Resizable extends ArrayBuffer {
  resize(bytes: number): void;
}

/** ES2024; Node 20 has it, the compiler's library here does not. */
export function resizable(bytes: number, maxByteLength: number): Resizable {
  return Reflect.construct(ArrayBuffer, [bytes, { maxByteLength }]) as Resizable;
}

/** The same values at the end of shared memory, at a byte offset that is not a multiple of anything useful. */
export function shared<T extends Float32Array | Int32Array | Int8Array | Uint8Array>(
  array: T,
  offset = array.BYTES_PER_ELEMENT,
): T {
  const buffer = new SharedArrayBuffer(offset + array.byteLength);
  const view = Reflect.construct(array.constructor, [buffer, offset, array.length]) as T;
  view.set(array);
  return view;
}
