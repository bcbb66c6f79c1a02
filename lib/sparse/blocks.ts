import type { BsrMatrix, CsrMatrix, QuantizedTensor, SparseValues, Tensor } from '../types';
import { allocate } from '../validate/arrays';
import { checkKeys } from '../validate/options';
import { checkCount } from '../validate/shapes';
import { checkMultiple, checkNonZeros, readBlockShape } from '../validate/sparse';
import { readBsr, readCsr, withScale } from './csr';
import { denseOf, readMatrix } from './dense';
import { emptyLike } from './order';

const KEYS: ReadonlySet<string> = new Set(['block']);

export interface BlockOptions {
  /** [r, c], each from 1 to 16. */
  readonly block: readonly [number, number];
}

/**
 * The blocks of a matrix that are not all zeros; NaN is no zero.
 *
 * `x` is [rows, cols], multiples of the block's sizes: a float32 Tensor, or an int8 QuantizedTensor as `csrFromDense` takes.
 *
 * @throws ERR_LOWP_TYPE, ERR_LOWP_SHAPE (also where the block does not divide the matrix), ERR_LOWP_VALUE, ERR_LOWP_DETACHED,
 * ERR_LOWP_NOMEM.
 * @example
 * const bsr = bsrFromDense({ data: Float32Array.of(0, 0, 1, 0), shape: [1, 4] }, { block: [1, 2] });
 * console.log(bsr.colIdx, bsr.values); // Int32Array(1) [ 1 ] Float32Array(2) [ 1, 0 ]
 */
export function bsrFromDense(x: Tensor<Float32Array>, options: BlockOptions): BsrMatrix<Float32Array>;
export function bsrFromDense(x: QuantizedTensor<Int8Array>, options: BlockOptions): BsrMatrix<Int8Array>;
export function bsrFromDense(x: Tensor<Float32Array> | QuantizedTensor<Int8Array>, options: BlockOptions): BsrMatrix {
  const [r, c] = readBlock(options);
  const { data, rows, cols, ld, scale } = readMatrix(x, 'x');
  checkMultiple(rows, r, 'options.block[0]', 'x.shape[0]');
  checkMultiple(cols, c, 'options.block[1]', 'x.shape[1]');
  const rowPtr = allocate('Int32Array', rows / r + 1);
  const stored = allocate('Uint8Array', (rows / r) * (cols / c));
  let count = 0;
  for (let i = 0, at = 0; i < rows / r; i++) {
    for (let j = 0; j < cols / c; j++, at++) {
      if (isZeroBlock(data, i * r * ld + j * c, ld, r, c)) continue;
      stored[at] = 1;
      count++;
    }
    checkNonZeros(count, 'x');
    rowPtr[i + 1] = count;
  }
  const colIdx = allocate('Int32Array', count);
  const values = emptyLike(data, count * r * c);
  let block = 0;
  for (let i = 0, at = 0; i < rows / r; i++) {
    for (let j = 0; j < cols / c; j++, at++) {
      if (stored[at] === 0) continue;
      for (let e = 0; e < r * c; e++) {
        values[block * r * c + e] = data[(i * r + Math.floor(e / c)) * ld + j * c + (e % c)];
      }
      colIdx[block++] = j;
    }
  }
  return withScale({ rows, cols, blockShape: [r, c] as const, rowPtr, colIdx, values }, scale);
}

function isZeroBlock(data: SparseValues, at: number, ld: number, r: number, c: number): boolean {
  for (let i = 0; i < r; i++) for (let j = 0; j < c; j++) if (data[at + i * ld + j] !== 0) return false;
  return true;
}

/**
 * [rows, cols] with its zeros: a float32 Tensor, or of int8 values a QuantizedTensor with their scales and zero point 0.
 *
 * @throws ERR_LOWP_TYPE, ERR_LOWP_SHAPE, ERR_LOWP_VALUE, ERR_LOWP_DETACHED, as `checkBsr`; ERR_LOWP_NOMEM.
 * @example
 * const bsr = bsrFromDense({ data: Float32Array.of(0, 0, 1, 0), shape: [1, 4] }, { block: [1, 2] });
 * console.log(bsrToDense(bsr).data); // Float32Array(4) [ 0, 0, 1, 0 ]
 */
export function bsrToDense(bsr: BsrMatrix<Float32Array>): Tensor<Float32Array>;
export function bsrToDense(bsr: BsrMatrix<Int8Array>): QuantizedTensor<Int8Array>;
export function bsrToDense(bsr: BsrMatrix): Tensor<Float32Array> | QuantizedTensor<Int8Array> {
  const { rows, cols, blockShape, rowPtr, colIdx, values, scale } = readBsr(bsr);
  const [r, c] = blockShape;
  const data = emptyLike(values, checkCount([rows, cols], 'bsr'));
  for (let row = 0; row < rows; row++) {
    const i = Math.floor(row / r);
    for (let p = rowPtr[i]; p < rowPtr[i + 1]; p++) {
      const from = (p * r + (row % r)) * c;
      const to = row * cols + colIdx[p] * c;
      for (let j = 0; j < c; j++) data[to + j] = values[from + j];
    }
  }
  return denseOf(data, [rows, cols], scale);
}

/**
 * The blocks that hold at least one stored element (a stored zero too), the rest of them zeros. Linear in what it makes.
 *
 * @throws ERR_LOWP_TYPE, ERR_LOWP_SHAPE (also where the block does not divide the matrix), ERR_LOWP_VALUE, ERR_LOWP_DETACHED,
 * ERR_LOWP_NOMEM.
 * @example
 * const csr = csrFromDense({ data: Float32Array.of(0, 0, 1, 0), shape: [2, 2] });
 * console.log(bsrFromCsr(csr, { block: [2, 2] }).values); // Float32Array(4) [ 0, 0, 1, 0 ]
 */
export function bsrFromCsr<T extends SparseValues>(csr: CsrMatrix<T>, options: BlockOptions): BsrMatrix<T>;
export function bsrFromCsr(csr: CsrMatrix, options: BlockOptions): BsrMatrix {
  const [r, c] = readBlock(options);
  const { rows, cols, rowPtr: csrPtr, colIdx: csrIdx, values: csrValues, scale } = readCsr(csr);
  checkMultiple(rows, r, 'options.block[0]', 'csr.rows');
  checkMultiple(cols, c, 'options.block[1]', 'csr.cols');
  const next = new Int32Array(r);
  const rowPtr = allocate('Int32Array', rows / r + 1);
  /** Calls back with the column of each block of a row of blocks, ascending: a merge of its r rows. */
  const merge = (i: number, onBlock: (column: number) => void): void => {
    for (let k = 0; k < r; k++) next[k] = csrPtr[i * r + k];
    for (;;) {
      let first = Infinity;
      for (let k = 0; k < r; k++) {
        if (next[k] < csrPtr[i * r + k + 1]) first = Math.min(first, Math.floor(csrIdx[next[k]] / c));
      }
      if (first === Infinity) return;
      onBlock(first);
    }
  };
  const isWithin = (i: number, k: number, column: number): boolean =>
    next[k] < csrPtr[i * r + k + 1] && csrIdx[next[k]] < (column + 1) * c;

  let count = 0;
  for (let i = 0; i < rows / r; i++) {
    merge(i, (column) => {
      count++;
      for (let k = 0; k < r; k++) while (isWithin(i, k, column)) next[k]++;
    });
    rowPtr[i + 1] = count;
  }
  const colIdx = allocate('Int32Array', count);
  const values = emptyLike(csrValues, count * r * c);
  let block = 0;
  for (let i = 0; i < rows / r; i++) {
    merge(i, (column) => {
      colIdx[block] = column;
      for (let k = 0; k < r; k++) {
        for (; isWithin(i, k, column); next[k]++)
          values[(block * r + k) * c + (csrIdx[next[k]] - column * c)] = csrValues[next[k]];
      }
      block++;
    });
  }
  return withScale({ rows, cols, blockShape: [r, c] as const, rowPtr, colIdx, values }, scale);
}

function readBlock(options: unknown): readonly [number, number] {
  checkKeys(options as object, KEYS, 'options');
  const { block }: { block?: unknown } = options ?? {};
  return readBlockShape(block, 'options.block');
}
