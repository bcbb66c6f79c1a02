import { expected, fromNative, lowpError } from '../errors';
import { Search, type NativeBinding } from '../native/binding';
import { nativeBinding } from '../native/load';
import * as reference from '../reference';
import type { EmbeddingDtype, QuantizedEmbeddings } from '../types';
import { readCodeRows, type Grid } from '../validate/embeddings';

/** What a search needs to know about a handle without asking native code. */
export interface CorpusState {
  readonly dtype: EmbeddingDtype;
  readonly rows: number;
  readonly dimensions: number;
  /** int8 only. */
  readonly grid: Grid | undefined;
  readonly native: NativeBinding | undefined;
  /** Only with the reference backend. */
  readonly oracle: reference.PackedEmbeddings | undefined;
  disposed: boolean;
}

interface Info {
  readonly kernel: string;
  readonly isa: string;
  readonly bytes: number;
}

let create: (state: CorpusState, pack: ((holder: object) => Info) | undefined) => PackedEmbeddings;
let readState: (value: object) => CorpusState | undefined;

/** The state of a live handle. */
export function readCorpus(value: unknown, name: string): CorpusState {
  const state = typeof value === 'object' && value !== null ? readState(value) : undefined;
  if (state === undefined) throw expected('ERR_LOWP_HANDLE', 'the result of packEmbeddings()', name, value);
  if (state.disposed) {
    throw lowpError('ERR_LOWP_DISPOSED', `Expected live packed embeddings for ${name} but received ones after dispose()`);
  }
  return state;
}

/**
 * Immutable codes of a corpus in the layout that the search reads; made by `packEmbeddings`. They live in native memory until
 * `dispose()` (or until they are collected as garbage).
 */
export class PackedEmbeddings {
  /** [N, D] */
  readonly shape: readonly [number, number];
  readonly dtype: EmbeddingDtype;
  /** The kernel that they were packed for. */
  readonly kernel: string;
  readonly isa: string;
  /** Native memory, padding included. */
  readonly bytes: number;
  readonly #state: CorpusState;

  private constructor(state: CorpusState, pack: ((holder: object) => Info) | undefined) {
    // Private to TypeScript only: a call from JavaScript has to fail here, before it looks like a handle.
    if (typeof pack !== 'function') {
      throw lowpError('ERR_LOWP_TYPE', 'Expected packEmbeddings() to be called, not new PackedEmbeddings()');
    }
    const { kernel, isa, bytes } = pack(this);
    this.shape = Object.freeze([state.rows, state.dimensions] as const);
    this.dtype = state.dtype;
    this.kernel = kernel;
    this.isa = isa;
    this.bytes = bytes;
    this.#state = state;
  }

  static {
    create = (state, pack) => new PackedEmbeddings(state, pack);
    readState = (value) => (#state in value ? value.#state : undefined);
  }

  get disposed(): boolean {
    return this.#state.disposed;
  }

  /** Frees the native memory, at once or when the last asynchronous search that uses it ends. Calling it again does nothing. */
  dispose(): void {
    if (this.#state.disposed) return;
    this.#state.disposed = true;
    this.#state.oracle?.dispose();
    this.#state.native?.dispose(this);
  }

  [Symbol.dispose](): void {
    this.dispose();
  }
}

/**
 * Copies the codes of a corpus into the layout that the fastest search of this machine reads, once, for any number of searches.
 *
 * `embeddings` is what `quantizeEmbeddings` returned, [N, D] with N of 1 or more: later changes to it have no effect. int8 takes D up
 * to 132,104 (sums of products stay in int32) and any code from -128 to 127, binary D up to 2^24.
 *
 * @throws ERR_LOWP_TYPE, ERR_LOWP_SHAPE, ERR_LOWP_VALUE (ranges), ERR_LOWP_DETACHED, ERR_LOWP_NOMEM; ERR_LOWP_UNSUPPORTED where there
 * is no native binary.
 * @example
 * using corpus = packEmbeddings(quantizeEmbeddings({ data: Float32Array.of(1, 0, 0, 1), shape: [2, 2] }));
 * console.log(corpus.shape, corpus.dtype, corpus.kernel); // [ 2, 2 ], int8 and the kernel chosen for this machine
 */
export function packEmbeddings(embeddings: QuantizedEmbeddings): PackedEmbeddings {
  const { dtype, data, rows, dimensions, grid } = readCodeRows(embeddings, 'embeddings');
  if (rows === 0) throw expected('ERR_LOWP_SHAPE', 'at least one row', 'embeddings.shape', embeddings.shape);
  const native = nativeBinding();
  const oracle = native === undefined ? reference.packEmbeddings(embeddings) : undefined;
  return create({ dtype, rows, dimensions, grid, native, oracle, disposed: false }, (holder) => {
    if (native === undefined) return { kernel: 'reference', isa: 'reference', bytes: data.byteLength };
    const ctl = new Float64Array(Search.length);
    ctl[Search.rows] = rows;
    ctl[Search.dimensions] = dimensions;
    try {
      native.packEmbeddings(holder, ctl, data);
      return native.handleInfo(holder);
    } catch (thrown) {
      throw fromNative(thrown, packEmbeddings);
    }
  });
}
