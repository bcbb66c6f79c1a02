/** The same network with most of its weights removed: the hidden layers as sparse matrices, in float32 or int8. */
import {
  bsrFromCsr,
  csrFromDense,
  magnitudePrune,
  matmul,
  packSparse,
  packWeights,
  quantizeCsr,
  quantizedMatmul,
  sparseMatmul,
  transposeCsr,
  type PackedSparse,
  type PackedWeights,
  type SparseMatrix,
  type SparseValues,
} from 'lowp';
import { packDynamic } from './quantized';
import type { Layer, Matrix, Network } from './network';

/** Single weights, or four at a time: neighbouring outputs of one input, which a kernel multiplies together. */
export type Structure = 'unstructured' | 'blocks';
export type Dtype = 'float32' | 'int8';

const OUTPUTS_OF_BLOCK = 4;

/** Zeros for the smallest weights of each hidden layer, without retraining. The last layer (0.4 % of the weights) stays whole. */
export function pruneNetwork(network: Network, sparsity: number, structure: Structure): Network {
  const block = [1, OUTPUTS_OF_BLOCK] as const; // of [inputs, outputs]
  return network.map(({ weights, bias }, i) => {
    if (i === network.length - 1) return { weights, bias };
    const pruned = magnitudePrune(weights, { sparsity, structure: structure === 'blocks' ? { block } : structure });
    return { weights: pruned.weights, bias };
  });
}

export interface SparseNetwork {
  readonly hidden: readonly Layer<PackedSparse>[];
  readonly last: Layer<PackedWeights>;
  readonly dtype: Dtype;
  /** As stored: values, int32 column indices, int32 row pointers, scales and biases; the last layer dense. */
  readonly bytes: number;
}

/** Of a pruned network. int8 has a scale for each output. */
export function packPruned(network: Network, structure: Structure, dtype: Dtype): SparseNetwork {
  const matrices = network.slice(0, -1).map(({ weights }) => sparseOf(weights, structure, dtype));
  const hidden = matrices.map((matrix, i) => ({ weights: packSparse(matrix), bias: network[i].bias }));
  const { weights, bias } = network[network.length - 1];
  const last = dtype === 'int8' ? packDynamic(network.slice(-1))[0] : { weights: packWeights(weights), bias };
  const lastBytes = dtype === 'int8' ? weights.data.length + 8 * bias.length : 4 * (weights.data.length + bias.length);
  const bytes = matrices.reduce((sum, matrix, i) => sum + bytesOf(matrix) + network[i].bias.byteLength, lastBytes);
  return { hidden, last, dtype, bytes };
}

/** [outputs, inputs], as `side: 'right'` takes it, of [inputs, outputs]. */
function sparseOf(weights: Matrix, structure: Structure, dtype: Dtype): SparseMatrix {
  const floats = transposeCsr(csrFromDense(weights));
  const csr = dtype === 'int8' ? quantizeCsr(floats, { axis: 0 }) : floats;
  return structure === 'blocks' ? bsrFromCsr<SparseValues>(csr, { block: [OUTPUTS_OF_BLOCK, 1] }) : csr;
}

function bytesOf({ values, colIdx, rowPtr, scale }: SparseMatrix): number {
  const scales = scale === undefined ? 0 : typeof scale === 'number' ? 4 : scale.byteLength;
  return values.byteLength + colIdx.byteLength + rowPtr.byteLength + scales;
}

/** Logits of images [count, PIXELS] in 0..1; `outs` has an array for each layer. int8 quantizes the rows of each input in the call. */
export function forwardSparse({ hidden, last, dtype }: SparseNetwork, x: Matrix, outs: readonly Float32Array[] = []): Matrix {
  let input = x;
  for (const [i, { weights, bias }] of hidden.entries()) {
    input = sparseMatmul(input, weights, { side: 'right', bias, activation: 'relu', out: outs[i] });
  }
  const options = { bias: last.bias, out: outs[hidden.length] };
  return dtype === 'int8' ? quantizedMatmul(input, last.weights, options) : matmul(input, last.weights, options);
}
