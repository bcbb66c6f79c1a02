import type {
  AsyncOptions,
  GroupQuantizedTensor,
  MatmulOutput,
  QuantizedMatmulOptions,
  QuantizedMatmulResult,
  QuantizedTensor,
  Tensor,
} from '../types';
import { allocate, checkDepth, checkEpilogue, epilogue } from './epilogue';
import { groupedMatmul } from './groups';
import { resultLayout } from './layout';
import { dtypeOf } from './numbers';
import { PackedWeights, quantizedColumns, type Columns } from './packWeights';
import { refuse } from './refuse';
import { residualOf } from './residual';
import { dynamicRows, isFloat, reach, staticRows } from './rows';

const f32 = Math.fround;

type Weights = QuantizedTensor | GroupQuantizedTensor | PackedWeights;
type Options<O> = QuantizedMatmulOptions & { readonly output?: O };

/** What the overload narrows to QuantizedMatmulResult<O>. */
type AnyResult = Tensor<Float32Array | Int32Array | Int8Array | Uint8Array> &
  Partial<Pick<QuantizedTensor, 'scale' | 'zeroPoint'>>;

/** s[m,n] = sum_k (a[m,k] - za)(b[k,n] - zb), exact; then bias, residual, activation and output conversion. One loop per index. */
export function quantizedMatmul<O extends MatmulOutput = 'float32'>(
  a: Tensor<Float32Array> | QuantizedTensor,
  b: Weights,
  options?: Options<O>,
): QuantizedMatmulResult<O>;
export function quantizedMatmul(
  a: Tensor<Float32Array> | QuantizedTensor,
  b: Weights,
  options: QuantizedMatmulOptions = {},
): AnyResult {
  const groups = groupsOf(b);
  if (groups !== undefined) return groupedMatmul(a as Tensor<Float32Array>, groups, options);
  const output: MatmulOutput = options.output ?? 'float32';
  const w = weights(b, options.transposeB);
  checkEpilogue(isFloat(a), output, options);
  const activations = options.activations ?? 'perRow';
  if (activations === 'perGroup') {
    throw refuse('ERR_LOWP_VALUE', 'Expected perRow or perTensor for activations (b is not in groups) but received perGroup');
  }
  const rows = isFloat(a) ? dynamicRows(a, activations) : staticRows(a);
  if (rows.k !== w.k) throw refuse('ERR_LOWP_SHAPE', `Expected ${w.k} (K of b) for K of a but received ${rows.k}`);
  checkDepth(w.k, rows.reach * reach(w.zeros, dtypeOf(w.data)), options.bias, 'K');

  const { shape, strides, rowStride, extent } = resultLayout(a.shape, w.n, options.outStride);
  const data = options.out ?? allocate(output, extent);
  const finish = epilogue(output, options, w, residualOf(options.residual, shape));
  for (let m = 0; m < rows.starts.length; m++) {
    const { scale, zeroPoint } = rows.params[m];
    for (let n = 0; n < w.n; n++) {
      let sum = 0;
      for (let k = 0; k < w.k; k++) sum += (rows.data[rows.starts[m] + k] - zeroPoint) * (w.data[k * w.n + n] - w.zeros[n]);
      data[m * rowStride + n] = finish(sum, scale, m, n);
    }
  }
  const result = strides === undefined ? { data, shape } : { data, shape, strides };
  return typeof output === 'string' ? result : { ...result, scale: f32(output.scale), zeroPoint: output.zeroPoint ?? 0 };
}

/** The same, at once; the promise only matches the signature. */
export async function quantizedMatmulAsync<O extends MatmulOutput = 'float32'>(
  a: Tensor<Float32Array> | QuantizedTensor,
  b: Weights,
  options: Options<O> & AsyncOptions = {},
): Promise<QuantizedMatmulResult<O>> {
  options.signal?.throwIfAborted();
  return quantizedMatmul<O>(a, b, options);
}

function groupsOf(b: Weights): GroupQuantizedTensor | undefined {
  const stored = b instanceof PackedWeights ? b.weights() : b;
  return 'groupSize' in stored ? stored : undefined;
}

function weights(b: Weights, transposeB: boolean | undefined): Columns<Int8Array | Uint8Array> {
  if (!(b instanceof PackedWeights)) return quantizedColumns(b as QuantizedTensor, transposeB);
  const columns = b.weights();
  if ('groupSize' in columns || columns.data.BYTES_PER_ELEMENT !== 1) {
    throw refuse('ERR_LOWP_TYPE', 'Expected quantized weights for b but received packed float32 ones');
  }
  return columns as Columns<Int8Array | Uint8Array>;
}
