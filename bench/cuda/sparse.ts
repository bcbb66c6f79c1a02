/** Sparse products on the device, and the dense ones that don't know of the zeros. */
import {
  csrFromDense,
  matmul,
  packSparse,
  packWeights,
  quantizeCsr,
  quantizedMatmul,
  sparseMatmul,
  toDevice,
  toHost,
} from 'lowp';
import { SparseProblem, type Structure } from '../sparse/problem';
import { percent } from '../sparse/shapes';
import { X_TORCH } from './gemm';
import { poisoned, type Family, type Group, type Lane, type Scale } from './lane';

const X_DENSE = 'x dense';
const DENSE_FLOAT = 'lowp dense float32';
const DENSE_INT8 = 'lowp dense int8';

interface Form {
  readonly size: number;
  readonly n: number;
  /** Percent; of 2:4 there are always 50. */
  readonly sparsity: number;
  readonly structure: Structure;
}

function sparse(problem: SparseProblem, structure: Structure, int8: boolean, rival: string): Lane {
  const { vectors, shape } = problem;
  const { floats, nnz } = problem.weights(structure);
  const csr = csrFromDense(floats);
  const matrix = int8 ? quantizeCsr(csr, { axis: 0 }) : csr;
  const size = int8 ? 1 : 4;
  return {
    name: `lowp ${structure === 'csr' ? 'CSR' : structure} ${int8 ? 'int8' : 'float32'}`,
    operations: 2 * nnz * shape.n,
    bytes: nnz * (size + 4) + 4 * (shape.m + 1) + size * shape.k * shape.n + 4 * shape.m * shape.n,
    rivals: { [X_TORCH]: rival, [X_DENSE]: int8 ? DENSE_INT8 : DENSE_FLOAT },
    open: (held) => {
      const packed = held.keep(packSparse(matrix, { device: 'cuda' }));
      const out = held.keep(poisoned(new Float32Array(shape.m * shape.n)));
      const options = { out };
      if (!int8) {
        const columns = held.keep(toDevice(vectors.columns));
        const check = (): string | undefined => problem.checkFloat(structure, toHost(out), false);
        return { run: () => sparseMatmul(packed, columns, options), check };
      }
      const columns = held.keep(toDevice(vectors.quantizedColumns));
      const check = (): string | undefined => problem.checkInt8(structure, toHost(out), false);
      return { run: () => sparseMatmul(packed, columns, options), check };
    },
  };
}

/** Rows of the vectors times the packed transposed matrix, with its zeros. */
function dense(problem: SparseProblem, structure: Structure, int8: boolean): Lane {
  const { vectors, shape } = problem;
  const weights = problem.weights(structure);
  const size = int8 ? 1 : 4;
  return {
    name: int8 ? DENSE_INT8 : DENSE_FLOAT,
    operations: 2 * shape.m * shape.k * shape.n,
    bytes: size * shape.k * (shape.m + shape.n) + 4 * shape.m * shape.n,
    rivals: { [X_TORCH]: 'torch f32' },
    open: (held) => {
      const packed = held.keep(packWeights(int8 ? weights.int8 : weights.floats, { transposeB: true, device: 'cuda' }));
      const out = held.keep(poisoned(new Float32Array(shape.m * shape.n)));
      const options = { out };
      if (!int8) {
        const rows = held.keep(toDevice(vectors.rows));
        return { run: () => matmul(rows, packed, options), check: () => problem.checkFloat(structure, toHost(out), true) };
      }
      const rows = held.keep(toDevice(vectors.quantizedRows));
      return { run: () => quantizedMatmul(rows, packed, options), check: () => problem.checkInt8(structure, toHost(out), true) };
    },
  };
}

function group({ size, n, sparsity, structure }: Form): Group {
  const shape = { m: size, k: size, n, sparsity: sparsity / 100, side: 'left' } as const;
  const problem = new SparseProblem(shape, 1);
  const { side, ...sizes } = shape;
  const rival = structure === 'csr' ? 'torch CSR f32' : 'torch 2:4 bf16';
  const lanes = [false, true].flatMap((int8) => [sparse(problem, structure, int8, rival), dense(problem, structure, int8)]);
  const zeros = structure === 'csr' ? percent(shape.sparsity) : structure;
  return {
    name: `${size}x${size}x${n} ${zeros}`,
    record: { ...sizes, side, structure },
    lanes,
    bytes: Math.min(...lanes.map((lane) => lane.bytes ?? 0)),
    request: { kind: 'sparse', ...sizes, structure },
  };
}

function forms(scale: Scale): Form[] {
  if (scale === 'tiny') {
    const tiny = { size: 32, n: 5 };
    return [
      { ...tiny, sparsity: 80, structure: 'csr' },
      { ...tiny, sparsity: 50, structure: '2:4' },
    ];
  }
  const [sizes, sparsities] =
    scale === 'full'
      ? [
          [1, 64, 128],
          [80, 90, 95],
        ]
      : [[1, 128], [90]];
  return sizes.flatMap((n) => [
    ...sparsities.map((sparsity): Form => ({ size: 4096, n, sparsity, structure: 'csr' })),
    { size: 4096, n, sparsity: 50, structure: '2:4' },
  ]);
}

export const sparseProducts = (scale: Scale): Family => ({
  title: 'sparse products',
  caption: [
    'Sparse times dense, MxKxN: zeros at random places, or two of every four (2:4). T/s: over stored elements. int8: values with a scale for ' +
      'each row, uint8 vectors, float32 out. PyTorch has no int8 CSR, so both compare with its float32; dense int8 with its float32 product.',
  ],
  comparisons: [X_TORCH, X_DENSE],
  groups: forms(scale).map((form) => () => group(form)),
});
