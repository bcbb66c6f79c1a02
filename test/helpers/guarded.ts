/**
 * Arrays that end exactly where readable memory ends. V8 reserves gigabytes behind the memory of a WebAssembly module and leaves
 * them inaccessible, so reading or writing one byte past such an array ends the process. Linux only: `assertGuarded` looks the
 * pages up instead of trusting that.
 */
import { closeSync, openSync, readFileSync, readSync } from 'node:fs';

const PAGE = 65536;

/** The compiler's library has WebAssembly only beside a browser's document. */
interface Wasm {
  readonly Memory: new (limits: { initial: number; maximum: number }) => { readonly buffer: ArrayBuffer };
}
const { WebAssembly: wasm } = globalThis as unknown as { readonly WebAssembly: Wasm };

export class GuardedMemory {
  readonly #buffer: ArrayBuffer;

  constructor(pages = 1) {
    this.#buffer = new wasm.Memory({ initial: pages, maximum: pages }).buffer;
  }

  /** The last bytes of the memory, with these values. */
  place<T extends Float32Array | Uint16Array | Int32Array | Int8Array | Uint8Array>(array: T): T {
    const offset = this.#buffer.byteLength - array.byteLength;
    const view = Reflect.construct(array.constructor, [this.#buffer, offset, array.length]) as T;
    view.set(array);
    return view;
  }

  /** Throws unless the byte behind the memory is inaccessible. Writes a mark into the last bytes to recognize its own memory. */
  assertGuarded(): void {
    const mark = new Uint8Array(this.#buffer, this.#buffer.byteLength - 16);
    for (let i = 0; i < mark.length; i++) mark[i] = Math.floor(Math.random() * 256);
    const regions = readFileSync('/proc/self/maps', 'latin1')
      .split('\n')
      .map((line) => /^([0-9a-f]+)-([0-9a-f]+) (\S+)/.exec(line))
      .filter((match) => match !== null)
      .map(([, begin, end, access]) => ({ begin: parseInt(begin, 16), end: parseInt(end, 16), access }));
    const own = regions.find((r) => r.access.startsWith('rw') && (r.end - r.begin) % PAGE === 0 && endsWith(r.end, mark));
    if (own === undefined) throw new Error('The memory was not found among those of the process');
    const next = regions.find((r) => r.begin <= own.end && own.end < r.end);
    if (next !== undefined && !next.access.startsWith('---')) throw new Error(`Memory behind the array is ${next.access}`);
  }
}

function endsWith(end: number, mark: Uint8Array): boolean {
  const fd = openSync('/proc/self/mem', 'r');
  try {
    const bytes = Buffer.alloc(mark.length);
    return readSync(fd, bytes, 0, bytes.length, end - bytes.length) === bytes.length && bytes.equals(mark);
  } catch {
    return false;
  } finally {
    closeSync(fd);
  }
}
