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
import { blockOf, type SparseProblem, type Structure } from './problem';

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

const labelOf = (structure: Structure): string => (structure === 'csr' ? 'CSR' : structure);
export const floatName = (structure: Structure): string => `lowp ${labelOf(structure)} f32`;
export const int8Name = (structure: Structure): string => `lowp ${labelOf(structure)} int8`;

export const CSR_FLOAT = floatName('csr');
export const CSR_INT8 = int8Name('csr');
export const BLOCKS_FLOAT = floatName('4x1');
export const BLOCKS_INT8 = int8Name('4x1');
export const DENSE_FLOAT = 'lowp dense f32';
export const DENSE_FLOAT_PACKED = 'lowp dense f32, packed';
export const DENSE_INT8 = 'lowp dense int8, packed';

/** Dense ones; [DENSE_FLOAT] multiplies S * D as they are, which is for the left side only. */
export const DENSE = [DENSE_FLOAT, DENSE_FLOAT_PACKED, DENSE_INT8];
export const CONTENDERS = [CSR_FLOAT, CSR_INT8, BLOCKS_FLOAT, BLOCKS_INT8, ...DENSE];

type Maker = (problem: SparseProblem) => SparseContender;
const STRUCTURES: readonly Structure[] = ['csr', '2:4', '4x1', '1x4', '16x1', '4x4'];
const MAKERS: ReadonlyMap<string, Maker> = new Map<string, Maker>([
  ...STRUCTURES.flatMap((structure): [string, Maker][] => [
    [floatName(structure), (problem) => sparseFloat(problem, structure)],
    [int8Name(structure), (problem) => sparseInt8(problem, structure)],
  ]),
  [DENSE_FLOAT, denseFloat],
  [DENSE_FLOAT_PACKED, denseFloatPacked],
  [DENSE_INT8, denseInt8],
]);

export function openContenders(problem: SparseProblem, names: readonly string[] = CONTENDERS): SparseContender[] {
  const chosen = names.filter((name) => name !== DENSE_FLOAT || problem.shape.side === 'left');
  return chosen.map((name) => {
    const make = MAKERS.get(name);
    if (make === undefined) throw new Error(`Expected the name of a contender but received ${name}`);
    return make(problem);
  });
}

/** Makes a call of each; a wrong result of ours ends the run. */
export function verifyContenders(contenders: readonly SparseContender[]): void {
  for (const { name, run, check } of contenders) {
    run();
    const problem = check();
    if (problem !== undefined) throw new Error(`${name}: ${problem}`);
  }
}

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

function sparseFloat(problem: SparseProblem, structure: Structure): SparseContender {
  const { vectors, threads, shape } = problem;
  const { floats } = problem.weights(structure);
  const out = new Float32Array(shape.m * shape.n);
  const block = blockOf(structure);
  const matrix = block === undefined ? csrFromDense(floats) : bsrFromDense(floats, { block });
  const right = { side: 'right', out, threads } as const;
  const left = { out, threads };
  const multiply =
    shape.side === 'right'
      ? (packed: PackedSparse) => sparseMatmul(vectors.rows, packed, right)
      : (packed: PackedSparse) => sparseMatmul(packed, vectors.columns, left);
  const check = (): string | undefined => problem.checkFloat(structure, out, shape.side === 'right');
  return sparse(problem, floatName(structure), structure, matrix, multiply, check);
}

function sparseInt8(problem: SparseProblem, structure: Structure): SparseContender {
  const { vectors, threads, shape } = problem;
  const { floats, int8 } = problem.weights(structure);
  const out = new Float32Array(shape.m * shape.n);
  // The same values either way: quantizeCsr keeps what becomes 0, so that the work is that of float32.
  const block = blockOf(structure);
  const matrix = block === undefined ? quantizeCsr(csrFromDense(floats), { axis: 0 }) : bsrFromDense(int8, { block });
  const right = { side: 'right', out, threads } as const;
  const left = { out, threads };
  const multiply =
    shape.side === 'right'
      ? (packed: PackedSparse) => sparseMatmul(vectors.quantizedRows, packed, right)
      : (packed: PackedSparse) => sparseMatmul(packed, vectors.quantizedColumns, left);
  const check = (): string | undefined => problem.checkInt8(structure, out, shape.side === 'right');
  return sparse(problem, int8Name(structure), structure, matrix, multiply, check);
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
