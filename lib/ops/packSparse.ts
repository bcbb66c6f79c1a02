import { lowpError, type Caller } from '../errors';
import type { NativeBinding, NativeHandle } from '../native/binding';
import { Sparse } from '../native/slots';
import { makeControl } from '../native/control';
import { bindingFor } from '../native/cuda';
import { nativeBinding } from '../native/load';
import * as reference from '../reference';
import type { PackSparseOptions, SparseMatrix } from '../types';
import { checkKeys, readDevice } from '../validate/options';
import { readSparse, type SparseArrays } from '../validate/sparse';
import { KEY, pack, Packed, packingOf, type Held, type Key, type Packing } from './packed';

const KEYS: ReadonlySet<string> = new Set(['device']);

/** What `sparseMatmul` needs to know about a handle. */
export interface SparseState extends Held {
  readonly dtype: 'int8' | 'float32';
  readonly rows: number;
  readonly cols: number;
  readonly nnz: number;
  readonly blockShape: readonly [number, number] | undefined;
  /** Stored elements of the longest row. */
  readonly longestRow: number;
  readonly oracle: reference.PackedSparse | undefined;
}

let create: (state: SparseState, packing: Packing) => PackedSparse;
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
export class PackedSparse extends Packed {
  readonly rows: number;
  readonly cols: number;
  /** Stored elements, zeros among them included. */
  readonly nnz: number;
  readonly dtype: 'int8' | 'float32';
  /** [r, c] of a BsrMatrix; undefined of a CsrMatrix. */
  readonly blockShape: readonly [number, number] | undefined;
  readonly #state: SparseState;

  private constructor(key: Key, state: SparseState, packing: Packing) {
    super(key, 'packSparse', state, packing);
    this.rows = state.rows;
    this.cols = state.cols;
    this.nnz = state.nnz;
    this.dtype = state.dtype;
    this.blockShape = state.blockShape;
    this.#state = state;
  }

  static {
    create = (state, packing) => new PackedSparse(KEY, state, packing);
    readState = (value) => (#state in value ? value.#state : undefined);
  }
}

/**
 * Copies a sparse matrix, once, for any number of products: `sparseMatmul` need not check its structure again.
 *
 * `matrix` is a CsrMatrix or a BsrMatrix of float32 or int8 values. The handle serves on either side. Later changes to `matrix` have
 * no effect. Columns that are stored by fours, as in blocks of 1x4 and 4x4, are multiplied four at a time: `kernel` names what runs.
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
export function packSparse(matrix: SparseMatrix, options?: PackSparseOptions): PackedSparse {
  checkKeys(options, KEYS, 'options');
  const checked = readSparse(matrix, 'matrix');
  const native = bindingFor(nativeBinding(), readDevice(options?.device, undefined));
  const { dtype, rows, cols, longestRow, blockShape, values } = checked;
  const oracle = native === undefined ? reference.packSparse(matrixOf(checked)) : undefined;
  const handle = native === undefined ? undefined : packSparseForCall(native, checked, packSparse);
  const state = {
    ...{ dtype, rows, cols, longestRow, blockShape, nnz: values.length },
    ...{ native, handle, oracle, disposed: false },
  };
  return create(state, packingOf(state, oracle?.bytes ?? 0));
}

/** A native handle of the matrix, for the call of `caller`. */
export function packSparseForCall(native: NativeBinding, matrix: SparseArrays, caller: Caller): NativeHandle {
  const { rows, cols, blockShape, rowPtr, colIdx, values, scale } = matrix;
  const { slots, bytes } = makeControl(Sparse.length);
  slots[Sparse.rows] = rows;
  slots[Sparse.cols] = cols;
  slots[Sparse.blockRows] = blockShape?.[0] ?? 1;
  slots[Sparse.blockCols] = blockShape?.[1] ?? 1;
  const scales = typeof scale === 'number' ? Float32Array.of(scale) : scale;
  return pack(() => native.packSparse(bytes, rowPtr, colIdx, values, scales), caller);
}

/** The matrix from what was read of it. */
export function matrixOf({ rows, cols, blockShape, rowPtr, colIdx, values, scale }: SparseArrays): SparseMatrix {
  const matrix = { rows, cols, rowPtr, colIdx, values, ...(scale === undefined ? {} : { scale }) };
  return blockShape === undefined ? matrix : { ...matrix, blockShape };
}
