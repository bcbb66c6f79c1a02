import type { AsyncOptions, Float16Tensor, MatmulOptions, Tensor } from '../types';
import { activationOf } from './activation';
import { offsets, resultLayout, rowsOf, transpose } from './layout';
import { floatColumns, PackedWeights, type Columns } from './packWeights';
import { refuse } from './refuse';
import { residualOf } from './residual';

const f32 = Math.fround;

/** c[m,n] = sum_k a[m,k] b[k,n] in float64, rounded once to float32; then + bias, + residual in float32, then the activation. */
export function matmul(
  a: Tensor<Float32Array>,
  b: Tensor<Float32Array> | Float16Tensor | PackedWeights,
  options: MatmulOptions = {},
): Tensor<Float32Array> {
  const w = weights(b, options.transposeB);
  const rows = options.transposeA === true ? gatherTransposed(a) : a;
  const { starts, k } = rowsOf(rows);
  if (k !== w.k) throw refuse('ERR_LOWP_SHAPE', `Expected ${w.k} (K of b) for K of a but received ${k}`);
  const { shape, strides, rowStride, extent } = resultLayout(rows.shape, w.n, options.outStride);
  const data = options.out ?? new Float32Array(extent);
  const activate = activationOf(options.activation);
  const residual = residualOf(options.residual, shape);
  for (let m = 0; m < starts.length; m++) {
    for (let n = 0; n < w.n; n++) {
      let sum = 0;
      for (let i = 0; i < k; i++) sum += rows.data[starts[m] + i] * w.data[i * w.n + n];
      let v = f32(sum);
      if (options.bias !== undefined) v = f32(v + options.bias[n]);
      if (residual !== undefined) v = f32(v + residual(m * w.n + n));
      data[m * rowStride + n] = activate(v);
    }
  }
  return strides === undefined ? { data, shape } : { data, shape, strides };
}

/** The same, at once; the promise only matches the signature. */
export async function matmulAsync(
  a: Tensor<Float32Array>,
  b: Tensor<Float32Array> | Float16Tensor | PackedWeights,
  options: MatmulOptions & AsyncOptions = {},
): Promise<Tensor<Float32Array>> {
  options.signal?.throwIfAborted();
  return matmul(a, b, options);
}

/** [K, M] as a contiguous [M, K]. */
function gatherTransposed(a: Tensor<Float32Array>): Tensor<Float32Array> {
  if (a.shape.length !== 2) throw refuse('ERR_LOWP_SHAPE', `Expected two dimensions for a.shape but received ${a.shape.length}`);
  const view = transpose(a);
  return { data: Float32Array.from(offsets(view.shape, view.strides), (offset) => a.data[offset]), shape: view.shape };
}

function weights(
  b: Tensor<Float32Array> | Float16Tensor | PackedWeights,
  transposeB: boolean | undefined,
): Columns<Float32Array> {
  if (!(b instanceof PackedWeights)) return floatColumns(b, transposeB);
  const columns = b.weights();
  if ('groupSize' in columns || columns.data.BYTES_PER_ELEMENT !== 4) {
    throw refuse('ERR_LOWP_TYPE', 'Expected float32 weights for b but received packed quantized ones');
  }
  return columns as Columns<Float32Array>;
}
