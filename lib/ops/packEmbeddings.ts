import { expected, lowpError } from '../errors';
import type { NativeBinding, NativeHandle } from '../native/binding';
import { Search } from '../native/slots';
import { makeControl } from '../native/control';
import { nativeBinding } from '../native/load';
import * as reference from '../reference';
import type { EmbeddingDtype, QuantizedEmbeddings } from '../types';
import { readCodeRows, type Grid } from '../validate/embeddings';
import { KEY, pack, Packed, packingOf, type Held, type Key, type Packing } from './packed';

/** What a search needs to know about a handle without asking native code. */
export interface CorpusState extends Held {
  readonly dtype: EmbeddingDtype;
  readonly rows: number;
  readonly dimensions: number;
  /** int8 only. */
  readonly grid: Grid | undefined;
  readonly oracle: reference.PackedEmbeddings | undefined;
}

let create: (state: CorpusState, packing: Packing) => PackedEmbeddings;
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
export class PackedEmbeddings extends Packed {
  /** [N, D] */
  readonly shape: readonly [number, number];
  readonly dtype: EmbeddingDtype;
  readonly #state: CorpusState;

  private constructor(key: Key, state: CorpusState, packing: Packing) {
    super(key, 'packEmbeddings', state, packing);
    this.shape = Object.freeze([state.rows, state.dimensions] as const);
    this.dtype = state.dtype;
    this.#state = state;
  }

  static {
    create = (state, packing) => new PackedEmbeddings(KEY, state, packing);
    readState = (value) => (#state in value ? value.#state : undefined);
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
  const handle = native === undefined ? undefined : packCodes(native, rows, dimensions, data);
  const state = { dtype, rows, dimensions, grid, native, handle, oracle, disposed: false };
  return create(state, packingOf(state, data.byteLength));
}

function packCodes(native: NativeBinding, rows: number, dimensions: number, data: Int8Array | Uint8Array): NativeHandle {
  const { slots, bytes } = makeControl(Search.length);
  slots[Search.rows] = rows;
  slots[Search.dimensions] = dimensions;
  return pack(() => native.packEmbeddings(bytes, data), packEmbeddings);
}
