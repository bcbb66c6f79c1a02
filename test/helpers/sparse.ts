/** Sparse matrices for tests, and the dense ones that they stand for, made without the library's conversions. */
import type { BsrMatrix, CsrMatrix, QuantizedTensor, SparseMatrix, SparseValues, Tensor } from 'lowp';
import type { Random } from './random';

export interface Pattern {
  readonly rows: number;
  readonly cols: number;
  /** Share of the elements (or blocks) that are stored. */
  readonly density: number;
}

function indices(random: Random, { rows, cols, density }: Pattern): { rowPtr: Int32Array; colIdx: Int32Array } {
  const rowPtr = new Int32Array(rows + 1);
  const found: number[] = [];
  for (let r = 0; r < rows; r++) {
    // Every third row or so is empty.
    const share = random.chance(0.3) ? 0 : density;
    for (let c = 0; c < cols; c++) if (random.chance(share)) found.push(c);
    rowPtr[r + 1] = found.length;
  }
  return { rowPtr, colIdx: Int32Array.from(found) };
}

function int8Values(random: Random, length: number): Int8Array {
  return random.fill(new Int8Array(length), () => random.int(-128, 127));
}

/** About a tenth of the stored elements are zeros. */
export function floatCsr(random: Random, pattern: Pattern): CsrMatrix<Float32Array> {
  const { rowPtr, colIdx } = indices(random, pattern);
  const values = random.fill(new Float32Array(colIdx.length), () => (random.chance(0.1) ? 0 : random.normal()));
  return { rows: pattern.rows, cols: pattern.cols, rowPtr, colIdx, values };
}

export function int8Csr(random: Random, pattern: Pattern, perRow = false): CsrMatrix<Int8Array> {
  const { rowPtr, colIdx } = indices(random, pattern);
  const scale = perRow ? random.fill(new Float32Array(pattern.rows), () => random.real(0.001, 0.1)) : 0.017;
  return { rows: pattern.rows, cols: pattern.cols, rowPtr, colIdx, values: int8Values(random, colIdx.length), scale };
}

/** `pattern` counts blocks. */
export function floatBsr(random: Random, [r, c]: readonly [number, number], pattern: Pattern): BsrMatrix<Float32Array> {
  const { rowPtr, colIdx } = indices(random, pattern);
  const values = random.floats(colIdx.length * r * c);
  return { rows: pattern.rows * r, cols: pattern.cols * c, blockShape: [r, c], rowPtr, colIdx, values };
}

export function int8Bsr(random: Random, [r, c]: readonly [number, number], pattern: Pattern): BsrMatrix<Int8Array> {
  const { rowPtr, colIdx } = indices(random, pattern);
  const values = int8Values(random, colIdx.length * r * c);
  return { rows: pattern.rows * r, cols: pattern.cols * c, blockShape: [r, c], rowPtr, colIdx, values, scale: 0.03 };
}

/** Element by element, from the definitions of the two formats. */
export function dense<T extends SparseValues>(m: SparseMatrix<T>): Tensor<T> {
  const [r, c] = 'blockShape' in m ? m.blockShape : [1, 1];
  const data = Reflect.construct(m.values.constructor, [m.rows * m.cols]) as T;
  for (let row = 0; row < m.rows; row++) {
    for (let p = m.rowPtr[Math.floor(row / r)]; p < m.rowPtr[Math.floor(row / r) + 1]; p++) {
      for (let i = 0; i < c; i++) data[row * m.cols + m.colIdx[p] * c + i] = m.values[p * r * c + (row % r) * c + i];
    }
  }
  return { data, shape: [m.rows, m.cols] };
}

/** int8 weights [rows, cols] with the scales of their rows, for `quantizedMatmul` with transposeB. */
export function denseWeights(m: SparseMatrix<Int8Array>): QuantizedTensor<Int8Array> {
  const { scale = 1 } = m;
  return typeof scale === 'number'
    ? { ...dense(m), scale, zeroPoint: 0 }
    : { ...dense(m), scale, zeroPoint: new Int32Array(m.rows), axis: 0 };
}

/** [rows, cols] as a contiguous [cols, rows]. */
export function transposed<T extends Float32Array | Int32Array | Int8Array | Uint8Array>({ data, shape }: Tensor<T>): Tensor<T> {
  const [rows, cols] = shape;
  const out = Reflect.construct(data.constructor, [rows * cols]) as T;
  for (let r = 0; r < rows; r++) for (let c = 0; c < cols; c++) out[c * rows + r] = data[r * cols + c];
  return { data: out, shape: [cols, rows] };
}
