/** Typed arrays in the memory of the CUDA device. */
import { fromNative, lowpError, type Caller } from '../errors';
import type { DeviceArray, DeviceElements } from '../types';
import type { NativeBinding, NativeHandle } from './binding';
import { nativeBinding } from './load';
import { ElementCode } from './slots';

const ELEMENTS = {
  Int8Array: { code: ElementCode.int8, bytes: 1 },
  Uint8Array: { code: ElementCode.uint8, bytes: 1 },
  Int32Array: { code: ElementCode.int32, bytes: 4 },
  Float32Array: { code: ElementCode.float32, bytes: 4 },
  Uint16Array: { code: ElementCode.uint16, bytes: 2 },
} as const;

export type DeviceTag = keyof typeof ELEMENTS;

// Constructors are private to TypeScript only.
const KEY = Symbol('device');

let create: (native: NativeBinding, tag: DeviceTag, length: number) => NativeDeviceArray;
let readHandle: (array: NativeDeviceArray) => NativeHandle;
let isArray: (value: object) => value is NativeDeviceArray;

/** See the interface of this name, which is what users know. */
class NativeDeviceArray implements DeviceArray<DeviceElements> {
  readonly type: DeviceTag;
  readonly length: number;
  readonly byteLength: number;
  readonly byteOffset = 0;
  readonly BYTES_PER_ELEMENT: number;
  readonly #native: NativeBinding;
  readonly #handle: NativeHandle;
  #disposed = false;

  private constructor(key: typeof KEY, native: NativeBinding, type: DeviceTag, length: number) {
    if (key !== KEY) throw lowpError('ERR_LOWP_TYPE', 'Expected toDevice() to be called, not a constructor');
    this.type = type;
    this.length = length;
    this.BYTES_PER_ELEMENT = ELEMENTS[type].bytes;
    this.byteLength = length * ELEMENTS[type].bytes;
    this.#native = native;
    this.#handle = native.cuda.allocate(ELEMENTS[type].code, length);
  }

  /** Itself: no two share memory. */
  get buffer(): this {
    return this;
  }

  get disposed(): boolean {
    return this.#disposed;
  }

  /** Gives the memory back, at once; calls that were made before still find it. Calling it again does nothing. */
  dispose(): void {
    if (this.#disposed) return;
    this.#disposed = true;
    this.#native.dispose(this.#handle);
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  static {
    create = (native, tag, length) => new NativeDeviceArray(KEY, native, tag, length);
    isArray = (value): value is NativeDeviceArray => #handle in value;
    readHandle = (array) => {
      if (array.#disposed) throw lowpError('ERR_LOWP_DISPOSED', 'Expected a live array on the device but it was disposed');
      return array.#handle;
    };
  }
}

export function isDeviceArray(value: unknown): value is NativeDeviceArray {
  // Most are typed arrays, of which asking so costs 1 ns and looking for the brand 20.
  return typeof value === 'object' && value !== null && !ArrayBuffer.isView(value) && isArray(value);
}

/** The native handle of a live array. */
export function deviceHandle(array: DeviceArray<DeviceElements>): NativeHandle {
  return readHandle(array as NativeDeviceArray);
}

/** Device memory for the call of `caller`; its elements are undefined. */
export function allocateOnDevice<T extends DeviceElements>(tag: DeviceTag, length: number, caller?: Caller): DeviceArray<T> {
  const native = nativeBinding();
  if (native === undefined) throw noCuda();
  try {
    return create(native, tag, length) as unknown as DeviceArray<T>;
  } catch (thrown) {
    throw fromNative(thrown, caller ?? allocateOnDevice);
  }
}

export function noCuda(): Error {
  const reason = 'the reference backend runs';
  return lowpError('ERR_LOWP_UNSUPPORTED', `Expected 'cpu' for options.device but received 'cuda': ${reason}`);
}
