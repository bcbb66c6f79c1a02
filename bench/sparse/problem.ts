/** What all contenders for a sparse shape multiply, and what their results should be. */
import { quantize } from 'lowp';
import * as reference from 'lowp/reference';
import type { QuantizedTensor, Tensor } from 'lowp';
import { bell, bytes, randomBits, type Random } from '../inputs';
import { difference, floatTolerance, pick, rowsOf, type Sample } from '../verify';
import type { SparseShape } from './shapes';

const SEED = 6;
/** The native peers draw the same pattern from it. */
const PATTERN_SEED = 4;

/** Where values may stand: anywhere, two in every four columns of a row, or in blocks of rows by columns. */
export type Structure = 'csr' | '2:4' | '4x1' | '1x4' | '16x1' | '4x4';

/** Rows and columns; undefined where single values are stored. */
export function blockOf(structure: Structure): readonly [number, number] | undefined {
  if (structure === 'csr' || structure === '2:4') return undefined;
  const [rows, cols] = structure.split('x').map(Number);
  return [rows, cols];
}

/** A matrix with its zeros, [M, K], in float32 and in int8 with a scale for each row. */
export interface SparseWeights {
  readonly floats: Tensor<Float32Array>;
  readonly int8: QuantizedTensor<Int8Array>;
  /** Stored elements: in blocks also zeros. Those that become 0 in int8 stay. */
  readonly nnz: number;
}

/** The dense operand in both layouts: columns are vectors, [K, N], or rows are, [N, K]. */
export interface Vectors {
  readonly columns: Tensor<Float32Array>;
  readonly rows: Tensor<Float32Array>;
  readonly quantizedColumns: QuantizedTensor<Uint8Array>;
  readonly quantizedRows: QuantizedTensor<Uint8Array>;
}

export class SparseProblem {
  readonly vectors: Vectors;
  /** Rows: of the sparse matrix; columns: vectors. */
  readonly sample: Sample;
  readonly #weights: Partial<Record<Structure, SparseWeights>> = {};
  readonly #expected = new Map<string, Float32Array>();

  constructor(
    readonly shape: SparseShape,
    readonly threads: number,
  ) {
    const { m, k, n } = shape;
    const random = randomBits(SEED);
    this.sample = pick({ m, k, n }, random);
    const quantization = { scale: 0.02, zeroPoint: 120 };
    const [rows, quantizedRows] = [bell(n * k, random), bytes(n * k, random)];
    const columns = transposed(rows, new Float32Array(n * k), n, k);
    const quantizedColumns = transposed(quantizedRows, new Uint8Array(n * k), n, k);
    this.vectors = {
      rows: { data: rows, shape: [n, k] },
      columns: { data: columns, shape: [k, n] },
      quantizedRows: { data: quantizedRows, shape: [n, k], ...quantization },
      quantizedColumns: { data: quantizedColumns, shape: [k, n], ...quantization },
    };
  }

  weights(structure: Structure): SparseWeights {
    return (this.#weights[structure] ??= makeWeights(this.shape, structure));
  }

  /** Undefined if `y` is the float32 product, [M, N] or with `vectorsAreRows` [N, M], else what is wrong with it. */
  checkFloat(structure: Structure, y: Float32Array, vectorsAreRows: boolean): string | undefined {
    const { floats } = this.weights(structure);
    const expected = this.#oracle(`${structure} float32`, (rows) => {
      const [x, w] = [rowsOf(this.vectors.rows, rows.vectors), rowsOf(floats, rows.weights)];
      return reference.matmul(x, w, { transposeB: true }).data;
    });
    const tolerance = floatTolerance(this.vectors.rows.data, floats.data, undefined, this.shape.k);
    return this.#compare(y, expected, vectorsAreRows, tolerance);
  }

  /** The same of the product of int8 weights and quantized vectors, which is exact. */
  checkInt8(structure: Structure, y: Float32Array, vectorsAreRows: boolean): string | undefined {
    const expected = this.#oracle(`${structure} int8`, (rows) => {
      const w = int8Rows(this.weights(structure).int8, rows.weights.rows);
      return reference.quantizedMatmul(rowsOf(this.vectors.quantizedRows, rows.vectors), w, { transposeB: true }).data;
    });
    return this.#compare(y, expected, vectorsAreRows, 0);
  }

  /** Of the sampled vectors by the sampled rows of the matrix; computed once. */
  #oracle(key: string, compute: (rows: { vectors: Sample; weights: Sample }) => Float32Array): Float32Array {
    const { rows, columns } = this.sample;
    const found = this.#expected.get(key) ?? compute({ vectors: { rows: columns, columns: [] }, weights: this.sample });
    this.#expected.set(key, found);
    if (found.length !== rows.length * columns.length) throw new Error(`Expected ${rows.length * columns.length} results`);
    return found;
  }

  #compare(y: Float32Array, expected: Float32Array, vectorsAreRows: boolean, tolerance: number): string | undefined {
    const { rows, columns } = this.sample;
    if (vectorsAreRows) return difference(y, this.shape.m, { rows: columns, columns: rows }, expected, tolerance);
    const turned = transposed(expected, new Float32Array(expected.length), columns.length, rows.length);
    return difference(y, this.shape.n, this.sample, turned, tolerance);
  }
}

function makeWeights({ m, k, sparsity }: SparseShape, structure: Structure): SparseWeights {
  const data = bell(m * k, randomBits(SEED + 1));
  const pattern = randomBits(PATTERN_SEED);
  const block = blockOf(structure);
  const keep = (): number => {
    if (block !== undefined) return keepBlocks(data, k, block, sparsity, pattern);
    return structure === '2:4' ? keepTwoOfFour(data, pattern) : keepElements(data, sparsity, pattern);
  };
  const nnz = keep();
  const floats = { data, shape: [m, k] };
  return { floats, int8: quantize(floats, { dtype: 'int8', axis: 0 }), nnz };
}

/** An element stays where the 32 bits drawn for it are at least sparsity * 2^32. */
function keepElements(data: Float32Array, sparsity: number, random: Random): number {
  let kept = 0;
  for (let i = 0; i < data.length; i++) {
    if (random() < sparsity * 2 ** 32) data[i] = 0;
    // A bell-shaped value can be 0 too.
    else if (data[i] !== 0) kept += 1;
  }
  return kept;
}

/** The same for blocks. */
function keepBlocks(
  data: Float32Array,
  k: number,
  [rows, cols]: readonly [number, number],
  sparsity: number,
  random: Random,
): number {
  let kept = 0;
  for (let from = 0; from < data.length; from += rows * k) {
    for (let col = from; col < from + k; col += cols) {
      const drop = random() < sparsity * 2 ** 32;
      if (!drop) kept += rows * cols;
      else for (let row = 0; row < rows; row++) data.fill(0, col + row * k, col + row * k + cols);
    }
  }
  return kept;
}

/** Two of every four in a row stay, whatever the sparsity asked for; none of them is 0. */
function keepTwoOfFour(data: Float32Array, random: Random): number {
  for (let from = 0; from < data.length; from += 4) {
    const first = random() % 4;
    const second = (first + 1 + (random() % 3)) % 4;
    for (let i = 0; i < 4; i++) {
      const at = from + i;
      data[at] = i === first || i === second ? data[at] || 1 : 0;
    }
  }
  return data.length / 2;
}

function transposed<T extends Float32Array | Uint8Array>(from: T, to: T, rows: number, cols: number): T {
  for (let row = 0; row < rows; row++) for (let col = 0; col < cols; col++) to[col * rows + row] = from[row * cols + col];
  return to;
}

/** Some rows, with their scales. */
function int8Rows(w: QuantizedTensor<Int8Array>, rows: readonly number[]): QuantizedTensor<Int8Array> {
  const picked = rowsOf(w, { rows, columns: [] });
  const { scale, zeroPoint } = w;
  if (typeof scale === 'number' || typeof zeroPoint === 'number') return picked;
  return { ...picked, scale: Float32Array.from(rows, (r) => scale[r]), zeroPoint: Int32Array.from(rows, (r) => zeroPoint[r]) };
}
