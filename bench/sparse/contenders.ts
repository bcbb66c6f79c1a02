/** Our ways to compute a product with a matrix that has zeros: as a sparse one, or as a dense one that doesn't know. */
import {
  bsrFromDense,
  csrFromDense,
  matmul,
  packSparse,
  packWeights,
  quantizeCsr,
  quantizedMatmul,
  sparseMatmul,
  type PackedSparse,
  type SparseMatrix,
} from 'lowp';
import type { Contender } from '../measure';
import { SparseProblem, type Structure } from './problem';
import { BLOCK_ROWS } from './shapes';

export interface SparseContender extends Contender {
  readonly run: () => unknown;
  /** Stored elements: what counts as work. */
  readonly nnz: number;
  /** Of the matrix as it is stored. */
  readonly weightBytes: number;
  /** What is wrong with the result of the call that was just made; undefined if nothing. */
  readonly check: () => string | undefined;
  readonly close: () => void | Promise<void>;
}

export const CSR_FLOAT = 'lowp CSR f32';
export const CSR_INT8 = 'lowp CSR int8';
export const BLOCKS_FLOAT = `lowp ${BLOCK_ROWS}x1 f32`;
export const BLOCKS_INT8 = `lowp ${BLOCK_ROWS}x1 int8`;
export const DENSE_FLOAT = 'lowp dense f32';
export const DENSE_FLOAT_PACKED = 'lowp dense f32, packed';
export const DENSE_INT8 = 'lowp dense int8, packed';

/** Every contender there is. `'lowp dense f32'` multiplies S * D as they are, which is for the left side only. */
const MAKERS: Readonly<Record<string, (problem: SparseProblem) => SparseContender>> = {
  [CSR_FLOAT]: (problem) => sparseFloat(problem, CSR_FLOAT, 'csr'),
  [CSR_INT8]: (problem) => sparseInt8(problem, CSR_INT8, 'csr'),
  [BLOCKS_FLOAT]: (problem) => sparseFloat(problem, BLOCKS_FLOAT, 'blocks'),
  [BLOCKS_INT8]: (problem) => sparseInt8(problem, BLOCKS_INT8, 'blocks'),
  [DENSE_FLOAT]: denseFloat,
  [DENSE_FLOAT_PACKED]: denseFloatPacked,
  [DENSE_INT8]: denseInt8,
};

export function openContenders(problem: SparseProblem, names: readonly string[] = Object.keys(MAKERS)): SparseContender[] {
  const chosen = names.filter((name) => name !== DENSE_FLOAT || problem.shape.side === 'left');
  return chosen.map((name) => MAKERS[name](problem));
}

/** Makes a call of each; a wrong result of ours ends the run. */
export function verifyContenders(contenders: readonly SparseContender[]): void {
  for (const { name, run, check } of contenders) {
    run();
    const problem = check();
    if (problem !== undefined) throw new Error(`${name}: ${problem}`);
  }
}

const toBlocks = { block: [BLOCK_ROWS, 1] } as const;

function sparse(
  problem: SparseProblem,
  name: string,
  structure: Structure,
  matrix: SparseMatrix,
  multiply: (packed: PackedSparse) => unknown,
  check: () => string | undefined,
): SparseContender {
  const packed = packSparse(matrix);
  const { nnz } = problem.weights(structure);
  return { name, nnz, weightBytes: packed.bytes, run: () => multiply(packed), check, close: () => packed.dispose() };
}

function sparseFloat(problem: SparseProblem, name: string, structure: Structure): SparseContender {
  const { vectors, threads, shape } = problem;
  const { floats } = problem.weights(structure);
  const out = new Float32Array(shape.m * shape.n);
  const matrix = structure === 'csr' ? csrFromDense(floats) : bsrFromDense(floats, toBlocks);
  const right = { side: 'right', out, threads } as const;
  const left = { out, threads };
  const multiply =
    shape.side === 'right'
      ? (packed: PackedSparse) => sparseMatmul(vectors.rows, packed, right)
      : (packed: PackedSparse) => sparseMatmul(packed, vectors.columns, left);
  const check = (): string | undefined => problem.checkFloat(structure, out, shape.side === 'right');
  return sparse(problem, name, structure, matrix, multiply, check);
}

function sparseInt8(problem: SparseProblem, name: string, structure: Structure): SparseContender {
  const { vectors, threads, shape } = problem;
  const { floats, int8 } = problem.weights(structure);
  const out = new Float32Array(shape.m * shape.n);
  // The same values either way: quantizeCsr keeps what becomes 0, so that the work is that of float32.
  const matrix = structure === 'csr' ? quantizeCsr(csrFromDense(floats), { axis: 0 }) : bsrFromDense(int8, toBlocks);
  const right = { side: 'right', out, threads } as const;
  const left = { out, threads };
  const multiply =
    shape.side === 'right'
      ? (packed: PackedSparse) => sparseMatmul(vectors.quantizedRows, packed, right)
      : (packed: PackedSparse) => sparseMatmul(packed, vectors.quantizedColumns, left);
  const check = (): string | undefined => problem.checkInt8(structure, out, shape.side === 'right');
  return sparse(problem, name, structure, matrix, multiply, check);
}

/** S * D, both as they are: D is packed inside the call. */
function denseFloat(problem: SparseProblem): SparseContender {
  const { vectors, threads, shape } = problem;
  const { floats, nnz } = problem.weights('csr');
  const out = new Float32Array(shape.m * shape.n);
  const given = { out, threads };
  return {
    name: DENSE_FLOAT,
    nnz,
    weightBytes: floats.data.byteLength,
    run: () => matmul(floats, vectors.columns, given),
    check: () => problem.checkFloat('csr', out, false),
    close: () => {},
  };
}

/** Transposed: rows of D times packed S. */
function denseFloatPacked(problem: SparseProblem): SparseContender {
  const { vectors, threads, shape } = problem;
  const { floats, nnz } = problem.weights('csr');
  const out = new Float32Array(shape.m * shape.n);
  const packed = packWeights(floats, { transposeB: true });
  const given = { out, threads };
  return {
    name: DENSE_FLOAT_PACKED,
    nnz,
    weightBytes: packed.bytes,
    run: () => matmul(vectors.rows, packed, given),
    check: () => problem.checkFloat('csr', out, true),
    close: () => packed.dispose(),
  };
}

function denseInt8(problem: SparseProblem): SparseContender {
  const { vectors, threads, shape } = problem;
  const { int8, nnz } = problem.weights('csr');
  const out = new Float32Array(shape.m * shape.n);
  const packed = packWeights(int8, { transposeB: true });
  const given = { out, threads };
  return {
    name: DENSE_INT8,
    nnz,
    weightBytes: packed.bytes,
    run: () => quantizedMatmul(vectors.quantizedRows, packed, given),
    check: () => problem.checkInt8('csr', out, true),
    close: () => packed.dispose(),
  };
}
