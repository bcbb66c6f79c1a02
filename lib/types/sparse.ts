/** Sparse matrices, and the options of their products. */
import type { Activation, Device, QuantizedOutput } from '../types';

/** What a sparse matrix may hold. */
export type SparseValues = Float32Array | Int8Array;

/**
 * A matrix [rows, cols] by its stored elements, row by row (compressed sparse rows). Row i has the elements from rowPtr[i] up to (not
 * including) rowPtr[i + 1]; element p is values[p] in column colIdx[p]. Every function that takes one relies on this:
 *
 * - `rows` and `cols` are integers of 0 or more; there are at most 2^31 - 1 elements.
 * - `rowPtr` has rows + 1 elements: rowPtr[0] is 0, none is below the one before it, and rowPtr[rows] is the length of `colIdx`,
 *   which is that of `values`.
 * - Columns of a row are strictly ascending (so each is there once at most), from 0 to cols - 1.
 * - Stored zeros are allowed: they count as elements. float32 values may be NaN or infinite.
 * - int8 values stand for real = scale * value with a finite float32 `scale` above 0: a number, or a Float32Array with one for each
 *   row. float32 values have no `scale`.
 */
export interface CsrMatrix<T extends SparseValues = SparseValues> {
  readonly rows: number;
  readonly cols: number;
  readonly rowPtr: Int32Array;
  readonly colIdx: Int32Array;
  readonly values: T;
  /** int8 only. */
  readonly scale?: number | Float32Array;
}

/**
 * A matrix [rows, cols] by its stored elements in any order: values[p] at row rowIdx[p] and column colIdx[p]. The three arrays have
 * the same length, at most 2^31 - 1; indices are within the matrix. `scale` as in a CsrMatrix.
 */
export interface CooMatrix<T extends SparseValues = SparseValues> {
  readonly rows: number;
  readonly cols: number;
  readonly rowIdx: Int32Array;
  readonly colIdx: Int32Array;
  readonly values: T;
  readonly scale?: number | Float32Array;
}

/** A matrix [rows, cols] column by column: the rules of a CsrMatrix with rows and columns swapped, except that `scale` is by row. */
export interface CscMatrix<T extends SparseValues = SparseValues> {
  readonly rows: number;
  readonly cols: number;
  readonly colPtr: Int32Array;
  readonly rowIdx: Int32Array;
  readonly values: T;
  readonly scale?: number | Float32Array;
}

/**
 * A matrix [rows, cols] by its stored blocks of r x c elements, each dense. `rows` is a multiple of r, `cols` of c; both sizes are from
 * 1 to 16. The rules of a CsrMatrix hold for rows and columns of blocks: `rowPtr` has rows / r + 1 elements, and colIdx[p] is the place
 * of block p among the cols / c of its row. `values` has the blocks one after another, each row by row: r * c for each of `colIdx`.
 * `scale` is a number, or one for each of the `rows`.
 */
export interface BsrMatrix<T extends SparseValues = SparseValues> {
  readonly rows: number;
  readonly cols: number;
  /** [r, c] */
  readonly blockShape: readonly [number, number];
  readonly rowPtr: Int32Array;
  readonly colIdx: Int32Array;
  readonly values: T;
  readonly scale?: number | Float32Array;
}

/** The sparse operand of `sparseMatmul`. */
export type SparseMatrix<T extends SparseValues = SparseValues> = CsrMatrix<T> | BsrMatrix<T>;

/** Where the sparse operand stands: `'left'`: a [M, K] * b [K, N]. `'right'`: a [..., M, K] * transposed b [N, K]. */
export type SparseSide = 'left' | 'right';

export interface PackSparseOptions {
  /** Where the packed weights are, and with them the calls that use them. Default `'cpu'`. */
  readonly device?: Device;
}

export interface SparseMatmulOptions {
  /** Default `'left'`. */
  readonly side?: SparseSide;
  /**
   * One value per row of the sparse matrix, which are its output features: M of them on the left, N on the right. Float32Array (real
   * values), or, of int8 values and quantized dense operands, Int32Array (in units of the product of the two scales) for an int32 or
   * quantized output.
   */
  readonly bias?: Float32Array | Int32Array;
  /** Default `'none'`. */
  readonly activation?: Activation;
  /**
   * int8 values only: how a float32 dense operand is quantized inside the call. On the right one scale for each of its rows (default)
   * or one for all of it; on the left one for all of it.
   */
  readonly activations?: 'perTensor' | 'perRow';
  /** Default `'float32'`, which is all that float32 values have. `'int32'` is the exact accumulator with the zero point applied. */
  readonly output?: 'float32' | 'int32' | QuantizedOutput;
  /** Where the result goes: at least as many elements as the result has, of the output's type. */
  readonly out?: Float32Array | Int32Array | Int8Array | Uint8Array;
  /** Row stride of `out` in elements, at least the last size of the result. Default: that size. */
  readonly outStride?: number;
  /** Threads for this call, 1 or more. Default: `runtime.threads`. The result does not depend on it. */
  readonly threads?: number;
  /** Where it runs; see `Device`. */
  readonly device?: Device;
}
