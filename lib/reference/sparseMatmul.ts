import type {
  AsyncOptions,
  MatmulOutput,
  QuantizedMatmulResult,
  QuantizedTensor,
  SparseMatmulOptions,
  SparseMatrix,
  Tensor,
} from '../types';
import { activationOf } from './activation';
import { allocate, checkDepth, checkEpilogue, epilogue } from './epilogue';
import { offsetsOf, resultLayout, rowsOf, transpose, type ResultLayout } from './layout';
import { PackedSparse, sparseRows, type SparseRow } from './packSparse';
import { refuse } from './refuse';
import { dynamicRows, isFloat, staticRows } from './rows';

const f32 = Math.fround;

type Dense = Tensor<Float32Array> | QuantizedTensor;
type Sparse = SparseMatrix | PackedSparse;
type Options<O> = SparseMatmulOptions & { readonly output?: O };
type AnyResult = Tensor<Float32Array | Int32Array | Int8Array | Uint8Array> &
  Partial<Pick<QuantizedTensor, 'scale' | 'zeroPoint'>>;

/** The result of dense row d (a column, on the left) and sparse row r. */
type Product = (d: number, r: number) => number;

/**
 * y[m,n] = sum over the stored k of a[m,k] b[k,n], or b[n,k] on the right. Either way each element is the product of a row of the
 * sparse matrix and a vector of dense values, whose sum is what `matmul` and `quantizedMatmul` have for the same matrix with its zeros,
 * and so is what follows: on the left y is the transpose of transposed b * transposed a.
 */
export function sparseMatmul<O extends MatmulOutput = 'float32'>(
  a: Sparse,
  b: Dense,
  options?: Options<O> & { readonly side?: 'left' },
): QuantizedMatmulResult<O>;
export function sparseMatmul<O extends MatmulOutput = 'float32'>(
  a: Dense,
  b: Sparse,
  options: Options<O> & { readonly side: 'right' },
): QuantizedMatmulResult<O>;
export function sparseMatmul(a: Dense | Sparse, b: Dense | Sparse, options: SparseMatmulOptions = {}): AnyResult {
  const left = (options.side ?? 'left') === 'left';
  const [sparse, dense] = (left ? [a, b] : [b, a]) as [Sparse, Dense];
  const matrix = sparse instanceof PackedSparse ? sparse.matrix() : sparse;
  const output: MatmulOutput = options.output ?? 'float32';

  // A vector on the left is a row on the right: the same result.
  const columns = left && dense.shape.length !== 1;
  const vectors = columns ? transposed(dense) : dense;
  const k = vectors.shape[vectors.shape.length - 1];
  if (k !== matrix.cols) {
    throw refuse('ERR_LOWP_SHAPE', `Expected ${matrix.cols} (columns of the sparse matrix) for K but received ${k}`);
  }
  const product = productOf(matrix, vectors, left, output, options);

  const layout = columns
    ? resultLayout([matrix.rows, k], dense.shape[1], options.outStride)
    : resultLayout(dense.shape, matrix.rows, options.outStride);
  const data = options.out ?? allocate(output, layout.extent);
  const count = rowsOf(vectors).starts.length;
  for (let d = 0; d < count; d++) {
    for (let r = 0; r < matrix.rows; r++) {
      data[columns ? r * layout.rowStride + d : d * layout.rowStride + r] = product(d, r);
    }
  }
  return result(data, layout, output);
}

/** The same, at once; the promise only matches the signature. */
export async function sparseMatmulAsync<O extends MatmulOutput = 'float32'>(
  a: Sparse,
  b: Dense,
  options?: Options<O> & AsyncOptions & { readonly side?: 'left' },
): Promise<QuantizedMatmulResult<O>>;
export async function sparseMatmulAsync<O extends MatmulOutput = 'float32'>(
  a: Dense,
  b: Sparse,
  options: Options<O> & AsyncOptions & { readonly side: 'right' },
): Promise<QuantizedMatmulResult<O>>;
export async function sparseMatmulAsync(
  a: Dense | Sparse,
  b: Dense | Sparse,
  options: SparseMatmulOptions & AsyncOptions = {},
): Promise<AnyResult> {
  options.signal?.throwIfAborted();
  return sparseMatmul(a as Sparse, b as Dense, options as SparseMatmulOptions & { side: 'left' });
}

function productOf(
  matrix: SparseMatrix,
  vectors: Dense,
  left: boolean,
  output: MatmulOutput,
  options: SparseMatmulOptions,
): Product {
  const rows = sparseRows(matrix);
  if (matrix.values.BYTES_PER_ELEMENT === 4) return floatProduct(rows, vectors, output, options);

  const { activations = left ? 'perTensor' : 'perRow' } = options;
  if (left && activations !== 'perTensor') {
    throw refuse('ERR_LOWP_VALUE', `Expected perTensor for activations (on the left) but received ${activations}`);
  }
  checkEpilogue(isFloat(vectors), output, options);
  const dense = isFloat(vectors) ? dynamicRows(vectors, activations) : staticRows(vectors);
  const longest = rows.reduce((most, { cols }) => Math.max(most, cols.length), 0);
  checkDepth(longest, dense.reach * 128, options.bias, 'the elements of a row');
  const finish = epilogue(output, options, { n: matrix.rows, scales: scalesOf(matrix) }, undefined);
  return (d, r) => {
    const { scale, zeroPoint } = dense.params[d];
    const { cols, values } = rows[r];
    let sum = 0;
    for (let p = 0; p < cols.length; p++) sum += (dense.data[dense.starts[d] + cols[p]] - zeroPoint) * values[p];
    return finish(sum, scale, d, r);
  };
}

/** In float64, rounded once to float32; then + bias in float32, then the activation. */
function floatProduct(
  rows: readonly SparseRow[],
  vectors: Dense,
  output: MatmulOutput,
  { bias, activation }: SparseMatmulOptions,
): Product {
  if (output !== 'float32' || !isFloat(vectors)) {
    throw refuse('ERR_LOWP_TYPE', 'Expected float32 for the dense operand and output (the sparse values are float32)');
  }
  const { starts } = rowsOf(vectors);
  const activate = activationOf(activation);
  return (d, r) => {
    const { cols, values } = rows[r];
    let sum = 0;
    for (let p = 0; p < cols.length; p++) sum += vectors.data[starts[d] + cols[p]] * values[p];
    const v = f32(sum);
    return activate(bias === undefined ? v : f32(v + bias[r]));
  };
}

function scalesOf({ rows, scale = 1 }: SparseMatrix): Float32Array {
  return typeof scale === 'number' ? new Float32Array(rows).fill(scale) : scale;
}

/** [K, N] as a contiguous [N, K]. */
function transposed(dense: Dense): Dense {
  if (dense.shape.length !== 2) {
    throw refuse('ERR_LOWP_SHAPE', `Expected one or two dimensions for b.shape but received ${dense.shape.length}`);
  }
  const view = transpose<Dense['data']>(dense);
  const source = offsetsOf(view);
  const data = dense.data.slice(0, source.length);
  source.forEach((offset, i) => (data[i] = dense.data[offset]));
  return { ...dense, data, shape: view.shape, strides: undefined } as Dense;
}

function result(data: Float32Array | Int32Array | Int8Array | Uint8Array, layout: ResultLayout, output: MatmulOutput): AnyResult {
  const { shape, strides } = layout;
  const tensor = strides === undefined ? { data, shape } : { data, shape, strides };
  return typeof output === 'string' ? tensor : { ...tensor, scale: f32(output.scale), zeroPoint: output.zeroPoint ?? 0 };
}
