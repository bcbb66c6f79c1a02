/** What packed weights and packed embeddings have in common: native memory behind an immutable object. */
import { fromNative, lowpError, type Caller } from '../errors';
import type { NativeBinding, NativeHandle } from '../native/binding';
import { isCuda } from '../native/cuda';

/** What a handle holds. */
export interface Held {
  readonly native: NativeBinding | undefined;
  /** Undefined with the reference backend. */
  readonly handle: NativeHandle | undefined;
  /** Only with the reference backend. */
  readonly oracle: { dispose(): void } | undefined;
  disposed: boolean;
}

/** Where it was packed for. */
export interface Packing {
  readonly kernel: string;
  readonly isa: string;
  readonly bytes: number;
}

// Constructors are private to TypeScript only: a call from JavaScript has to fail before it looks like a handle.
export const KEY = Symbol('packed');
export type Key = typeof KEY;

/** Packs for the caller's call. */
export function pack(make: () => NativeHandle, caller: Caller): NativeHandle {
  try {
    return make();
  } catch (thrown) {
    throw fromNative(thrown, caller);
  }
}

/** Where `held` was packed for; `bytes` stands for its size with the reference backend. */
export function packingOf({ native, handle }: Held, bytes: number): Packing {
  if (native === undefined || handle === undefined) return { kernel: 'reference', isa: 'reference', bytes };
  return native.handleInfo(handle);
}

export abstract class Packed {
  /** The kernel that it was packed for. */
  readonly kernel: string;
  readonly isa: string;
  /** Native memory, padding and sums included. */
  readonly bytes: number;
  readonly #held: Held;

  protected constructor(key: Key, maker: string, held: Held, packing: Packing) {
    if (key !== KEY) throw lowpError('ERR_LOWP_TYPE', `Expected ${maker}() to be called, not new ${new.target.name}()`);
    this.kernel = packing.kernel;
    this.isa = packing.isa;
    this.bytes = packing.bytes;
    this.#held = held;
  }

  /** Where the memory is. */
  get device(): 'cpu' | 'cuda' {
    return isCuda(this.#held.native) ? 'cuda' : 'cpu';
  }

  get disposed(): boolean {
    return this.#held.disposed;
  }

  /** Frees the native memory, at once or when the last asynchronous call that uses it ends. Calling it again does nothing. */
  dispose(): void {
    const { native, handle, oracle, disposed } = this.#held;
    if (disposed) return;
    this.#held.disposed = true;
    oracle?.dispose();
    if (handle !== undefined) native?.dispose(handle);
  }

  [Symbol.dispose](): void {
    this.dispose();
  }
}

/** The native handle of live packed data, for a call through `binding`; only the reference backend has none. */
export function handleOf({ handle, native }: Held, binding: NativeBinding): NativeHandle {
  if (isCuda(native) !== isCuda(binding)) {
    const [wanted, packed] = isCuda(binding) ? ['cuda', 'cpu'] : ['cpu', 'cuda'];
    throw lowpError('ERR_LOWP_HANDLE', `Expected data packed for '${wanted}' but received data packed for '${packed}'`);
  }
  if (handle === undefined) throw lowpError('ERR_LOWP_HANDLE', 'Expected data packed by the native backend but received other');
  return handle;
}
