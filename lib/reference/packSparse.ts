import type { SparseMatrix, SparseValues } from '../types';
import { refuse } from './refuse';

/** Holds a copy of the matrix, so that programs written for packed native matrices run unchanged. */
export class PackedSparse {
  readonly rows: number;
  readonly cols: number;
  readonly nnz: number;
  readonly dtype: 'int8' | 'float32';
  readonly blockShape: readonly [number, number] | undefined;
  readonly kernel = 'reference';
  readonly isa = 'reference';
  readonly bytes: number;
  #matrix: SparseMatrix | undefined;

  constructor(matrix: SparseMatrix) {
    const { rows, cols, rowPtr, colIdx, values, scale } = matrix;
    this.#matrix = matrix;
    this.rows = rows;
    this.cols = cols;
    this.nnz = values.length;
    this.dtype = values.BYTES_PER_ELEMENT === 1 ? 'int8' : 'float32';
    this.blockShape = 'blockShape' in matrix ? matrix.blockShape : undefined;
    this.bytes = rowPtr.byteLength + colIdx.byteLength + values.byteLength + (typeof scale === 'object' ? scale.byteLength : 0);
  }

  get disposed(): boolean {
    return this.#matrix === undefined;
  }

  dispose(): void {
    this.#matrix = undefined;
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  matrix(): SparseMatrix {
    if (this.#matrix === undefined) {
      throw refuse('ERR_LOWP_DISPOSED', 'Expected a live packed matrix but received a disposed one');
    }
    return this.#matrix;
  }
}

/** A CsrMatrix or BsrMatrix for `sparseMatmul`. */
export function packSparse(matrix: SparseMatrix): PackedSparse {
  const { rows, cols, scale } = matrix;
  const copy = {
    ...{ rows, cols, rowPtr: matrix.rowPtr.slice(), colIdx: matrix.colIdx.slice(), values: matrix.values.slice() },
    ...(scale === undefined ? {} : { scale: typeof scale === 'number' ? scale : scale.slice() }),
  };
  const [r, c] = 'blockShape' in matrix ? matrix.blockShape : [0, 0];
  return new PackedSparse(r === 0 ? copy : { ...copy, blockShape: Object.freeze([r, c] as const) });
}

/** The stored elements of each row; those of a block count also where they are zero. */
export interface SparseRow {
  readonly cols: readonly number[];
  readonly values: readonly number[];
}

export function sparseRows(matrix: SparseMatrix<SparseValues>): SparseRow[] {
  const { rows, rowPtr, colIdx, values } = matrix;
  const [r, c] = 'blockShape' in matrix ? matrix.blockShape : [1, 1];
  return Array.from({ length: rows }, (_, row) => {
    const cols: number[] = [];
    const elements: number[] = [];
    const blockRow = Math.floor(row / r);
    for (let block = rowPtr[blockRow]; block < rowPtr[blockRow + 1]; block++) {
      for (let i = 0; i < c; i++) {
        cols.push(colIdx[block] * c + i);
        elements.push(values[(block * r + (row % r)) * c + i]);
      }
    }
    return { cols, values: elements };
  });
}
