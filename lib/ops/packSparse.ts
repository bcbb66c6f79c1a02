import { fromNative, lowpError, type Caller } from '../errors';
import { Sparse, type NativeBinding } from '../native/binding';
import { nativeBinding } from '../native/load';
import * as reference from '../reference';
import type { SparseMatrix } from '../types';
import { readSparse, type SparseArrays } from '../validate/sparse';

/** What `sparseMatmul` needs to know about a handle. */
export interface SparseState {
  readonly dtype: 'int8' | 'float32';
  readonly rows: number;
  readonly cols: number;
  /** Stored elements of the longest row. */
  readonly longestRow: number;
  readonly native: NativeBinding | undefined;
  /** Only without native code. */
  readonly oracle: reference.PackedSparse | undefined;
  disposed: boolean;
}

type Info = Pick<PackedSparse, 'nnz' | 'blockShape' | 'kernel' | 'isa' | 'bytes'>;

let create: (state: SparseState, pack: ((holder: object) => Info) | undefined) => PackedSparse;
let readState: (value: object) => SparseState | undefined;

/** The state of a live handle; undefined for anything that `packSparse` did not make. */
export function sparseStateOf(value: object, name: string): SparseState | undefined {
  const state = readState(value);
  if (state?.disposed === true) {
    throw lowpError('ERR_LOWP_DISPOSED', `Expected a live packed matrix for ${name} but received one after dispose()`);
  }
  return state;
}

/**
 * An immutable sparse matrix in the layout of the kernel that will read it; made by `packSparse`. It lives until `dispose()` (or
 * until it is collected as garbage).
 */
export class PackedSparse {
  readonly rows: number;
  readonly cols: number;
  /** Stored elements, zeros among them included. */
  readonly nnz: number;
  readonly dtype: 'int8' | 'float32';
  /** [r, c] of a BsrMatrix; undefined of a CsrMatrix. */
  readonly blockShape: readonly [number, number] | undefined;
  /** The kernel that it was packed for. */
  readonly kernel: string;
  readonly isa: string;
  /** Its memory: pointers, indices, values, scales and padding. */
  readonly bytes: number;
  readonly #state: SparseState;

  private constructor(state: SparseState, pack: ((holder: object) => Info) | undefined) {
    // Private to TypeScript only: a call from JavaScript has to fail here, before it looks like a handle.
    if (typeof pack !== 'function') {
      throw lowpError('ERR_LOWP_TYPE', 'Expected packSparse() to be called, not new PackedSparse()');
    }
    const { nnz, blockShape, kernel, isa, bytes } = pack(this);
    this.rows = state.rows;
    this.cols = state.cols;
    this.nnz = nnz;
    this.dtype = state.dtype;
    this.blockShape = blockShape;
    this.kernel = kernel;
    this.isa = isa;
    this.bytes = bytes;
    this.#state = state;
  }

  static {
    create = (state, pack) => new PackedSparse(state, pack);
    readState = (value) => (#state in value ? value.#state : undefined);
  }

  get disposed(): boolean {
    return this.#state.disposed;
  }

  /** Frees the memory, at once or when the last asynchronous call that uses it ends. Calling it again does nothing. */
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
 * Copies a sparse matrix, once, for any number of products: `sparseMatmul` need not check its structure again.
 *
 * `matrix` is a CsrMatrix or a BsrMatrix of float32 or int8 values. The handle serves on either side. Later changes to `matrix` have
 * no effect.
 *
 * @throws ERR_LOWP_TYPE, ERR_LOWP_SHAPE, ERR_LOWP_VALUE for a matrix that breaks the rules of its type (the message has the row and
 * the place), ERR_LOWP_DETACHED, ERR_LOWP_NOMEM; ERR_LOWP_UNSUPPORTED where there is no native binary.
 * @example
 * const identity = {
 *   ...{ rows: 2, cols: 2, rowPtr: Int32Array.of(0, 1, 2) },
 *   ...{ colIdx: Int32Array.of(0, 1), values: Float32Array.of(1, 1) },
 * };
 * using packed = packSparse(identity);
 * console.log(packed.rows, packed.cols, packed.nnz, packed.dtype); // 2 2 2 float32
 */
export function packSparse(matrix: SparseMatrix): PackedSparse {
  const checked = readSparse(matrix, 'matrix');
  const native = nativeBinding();
  const { dtype, rows, cols, longestRow, blockShape, values } = checked;
  const oracle = native === undefined ? reference.packSparse(matrixOf(checked)) : undefined;
  return create({ dtype, rows, cols, longestRow, native, oracle, disposed: false }, (holder) => {
    if (native === undefined) return oracle as Info;
    packSparseInto(native, holder, checked, packSparse);
    const { kernel, isa, bytes } = native.handleInfo(holder);
    return { nnz: values.length, blockShape, kernel, isa, bytes };
  });
}

/** Makes `holder` a native handle of the matrix. */
export function packSparseInto(native: NativeBinding, holder: object, matrix: SparseArrays, caller: Caller): void {
  const { rows, cols, blockShape, rowPtr, colIdx, values, scale } = matrix;
  const ctl = new Float64Array(Sparse.length);
  ctl[Sparse.rows] = rows;
  ctl[Sparse.cols] = cols;
  ctl[Sparse.blockRows] = blockShape?.[0] ?? 1;
  ctl[Sparse.blockCols] = blockShape?.[1] ?? 1;
  const scales = typeof scale === 'number' ? Float32Array.of(scale) : scale;
  try {
    native.packSparse(holder, ctl, rowPtr, colIdx, values, scales);
  } catch (thrown) {
    throw fromNative(thrown, caller);
  }
}

/** The matrix from what was read of it. */
export function matrixOf({ rows, cols, blockShape, rowPtr, colIdx, values, scale }: SparseArrays): SparseMatrix {
  const matrix = { rows, cols, rowPtr, colIdx, values, ...(scale === undefined ? {} : { scale }) };
  return blockShape === undefined ? matrix : { ...matrix, blockShape };
}
