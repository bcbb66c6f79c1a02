import type {
  AsyncOptions,
  GroupQuantizedTensor,
  MatmulOutput,
  QuantizedDtype,
  QuantizedMatmulOptions,
  QuantizedMatmulResult,
  QuantizedOutput,
  QuantizedTensor,
  Tensor,
} from '../types';
import { activationOf, boundsOf } from './activation';
import { groupedMatmul } from './groups';
import { resultLayout, rowsOf, type Rows } from './layout';
import { asymmetricParams, dtypeOf, finiteRange, range, toQuantized, type QuantizationParams } from './numbers';
import { PackedWeights, quantizedColumns, type Columns } from './packWeights';
import { normalizedAxis, scaleAt, zeroAt } from './quantize';
import { refuse } from './refuse';
import { residualOf, type ReadResidual } from './residual';

const f32 = Math.fround;
const MAX_SUM = 2 ** 31 - 1;

type Weights = QuantizedTensor | GroupQuantizedTensor | PackedWeights;
type Options<O> = QuantizedMatmulOptions & { readonly output?: O };

/** What the overload narrows to QuantizedMatmulResult<O>. */
type AnyResult = Tensor<Float32Array | Int32Array | Int8Array | Uint8Array> &
  Partial<Pick<QuantizedTensor, 'scale' | 'zeroPoint'>>;

/** a as 8-bit rows, each with its own scale and zero point. */
interface QuantizedRows extends Rows {
  readonly data: Int8Array | Uint8Array;
  readonly params: readonly QuantizationParams[];
  /** max|a - zeroPoint| over all that the dtype could hold. */
  readonly reach: number;
}

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
  checkEpilogue(a, output, options);
  const activations = options.activations ?? 'perRow';
  if (activations === 'perGroup') {
    throw refuse('ERR_LOWP_VALUE', 'Expected perRow or perTensor for activations (b is not in groups) but received perGroup');
  }
  const rows = isFloat(a) ? dynamicRows(a, activations) : staticRows(a);
  checkDepth(rows, w, options.bias);

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

type Finish = (sum: number, scaleA: number, m: number, n: number) => number;

/** From the exact sum to the stored value. */
function epilogue(
  output: MatmulOutput,
  { bias, activation }: QuantizedMatmulOptions,
  w: Columns<unknown>,
  residual: ReadResidual | undefined,
): Finish {
  // In units of the sum, so added to it; a real one is added to the real value.
  const total = (sum: number, n: number): number => (bias !== undefined && isInt32(bias) ? sum + bias[n] : sum);
  if (output === 'int32') return (sum, _scaleA, _m, n) => total(sum, n);

  const realBias = bias !== undefined && !isInt32(bias) ? bias : undefined;
  const activate = activationOf(activation);
  const real: Finish = (sum, scaleA, m, n) => {
    let v = f32(f32(total(sum, n)) * f32(scaleA * w.scales[n]));
    if (realBias !== undefined) v = f32(v + realBias[n]);
    if (residual !== undefined) v = f32(v + residual(m * w.n + n));
    return activate(v);
  };
  if (output === 'float32') return real;

  const { dtype } = output;
  const zero = output.zeroPoint ?? 0;
  const scaleOut = f32(output.scale);
  const bounds = boundsOf(activation);
  if (realBias !== undefined || residual !== undefined || bounds === undefined) {
    return (sum, scaleA, m, n) => toQuantized(f32(real(sum, scaleA, m, n) / scaleOut), zero, dtype);
  }
  const { lo, hi } = quantizedBounds(bounds.min, bounds.max, output);
  return (sum, scaleA, _m, n) => {
    const multiplier = f32(f32(scaleA * w.scales[n]) / scaleOut);
    return Math.min(hi, Math.max(lo, toQuantized(f32(f32(total(sum, n)) * multiplier), zero, dtype)));
  };
}

/** The activation's bounds as quantized values: clamping commutes with the rounding, so no real value is needed. */
function quantizedBounds(min: number, max: number, { dtype, scale, zeroPoint = 0 }: QuantizedOutput) {
  const { lo, hi } = range(dtype);
  return {
    lo: min === -Infinity ? lo : toQuantized(f32(min / f32(scale)), zeroPoint, dtype),
    hi: max === Infinity ? hi : toQuantized(f32(max / f32(scale)), zeroPoint, dtype),
  };
}

function staticRows(a: QuantizedTensor): QuantizedRows {
  const { starts, k } = rowsOf(a);
  const axis = normalizedAxis(a.axis, a.shape);
  const rowAxis = a.shape.length - 2;
  if (axis !== undefined && axis !== rowAxis) {
    throw refuse('ERR_LOWP_VALUE', `Expected ${rowAxis} (the axis of the rows) for a.axis but received ${axis}`);
  }
  const m = axis === undefined ? 1 : a.shape[rowAxis];
  const params = starts.map((_, row) => ({ scale: scaleAt(a, row % m), zeroPoint: zeroAt(a, row % m) }));
  const zeros = params.length === 0 ? [0] : params.map((p) => p.zeroPoint);
  return { data: a.data, starts, k, params, reach: reach(zeros, dtypeOf(a.data)) };
}

/** DynamicQuantizeLinear to uint8, over the tensor or over each row. */
function dynamicRows(a: Tensor<Float32Array>, per: 'perTensor' | 'perRow'): QuantizedRows {
  const { starts, k } = rowsOf(a);
  const values = starts.map((start) => a.data.subarray(start, start + k));
  const whole = per === 'perTensor' ? asymmetricParams(finiteRange(values.flatMap((row) => [...row])), 'uint8') : undefined;
  const params = values.map((row) => whole ?? asymmetricParams(finiteRange(row), 'uint8'));
  const data = new Uint8Array(starts.length * k);
  values.forEach((row, m) => {
    row.forEach((x, i) => (data[m * k + i] = toQuantized(f32(x / params[m].scale), params[m].zeroPoint, 'uint8')));
  });
  return { data, starts: starts.map((_, m) => m * k), k, params, reach: 255 };
}

function reach(zeros: Iterable<number>, dtype: QuantizedDtype): number {
  const { lo, hi } = range(dtype);
  let largest = 0;
  for (const zero of zeros) largest = Math.max(largest, hi - zero, zero - lo);
  return largest;
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

/** K * max|a-za| * max|b-zb| + max|bias| has to stay in int32, whatever the values are. */
function checkDepth(a: QuantizedRows, w: Columns<Int8Array | Uint8Array>, bias: Float32Array | Int32Array | undefined): void {
  if (a.k !== w.k) throw refuse('ERR_LOWP_SHAPE', `Expected ${w.k} (K of b) for the last dimension of a but received ${a.k}`);
  const step = a.reach * reach(w.zeros, dtypeOf(w.data));
  let largestBias = 0;
  if (bias !== undefined && isInt32(bias)) for (const v of bias) largestBias = Math.max(largestBias, Math.abs(v));
  if (a.k * step + largestBias <= MAX_SUM) return;
  const bound = Math.floor((MAX_SUM - largestBias) / step);
  throw refuse('ERR_LOWP_VALUE', `Expected a depth of at most ${bound} (the sum must fit int32) for K but received ${a.k}`);
}

function checkEpilogue(a: Tensor<unknown>, output: MatmulOutput, { bias, residual, activation }: QuantizedMatmulOptions): void {
  if (isFloat(a) && (output === 'int32' || (bias !== undefined && isInt32(bias)))) {
    throw refuse('ERR_LOWP_VALUE', "Expected quantized activations for a: the scale of the call's own is not known outside it");
  }
  if (output === 'int32' && bias !== undefined && !isInt32(bias)) {
    throw refuse('ERR_LOWP_TYPE', 'Expected an Int32Array for bias (output is int32) but received a Float32Array');
  }
  if (output === 'float32' && bias !== undefined && isInt32(bias)) {
    throw refuse('ERR_LOWP_TYPE', 'Expected a Float32Array for bias (output is float32) but received an Int32Array');
  }
  if (output === 'int32' && residual !== undefined) {
    throw refuse('ERR_LOWP_VALUE', 'Expected no residual (output is int32): it is added to real values');
  }
  if (output === 'int32' && activation !== undefined && activation !== 'none') {
    throw refuse('ERR_LOWP_VALUE', 'Expected none for activation (output is int32): it applies to real values');
  }
}

function allocate(output: MatmulOutput, length: number) {
  if (output === 'float32') return new Float32Array(length);
  if (output === 'int32') return new Int32Array(length);
  return output.dtype === 'int8' ? new Int8Array(length) : new Uint8Array(length);
}

function isFloat(a: Tensor<unknown>): a is Tensor<Float32Array> {
  return Object.prototype.toString.call(a.data) === '[object Float32Array]';
}

function isInt32(bias: Float32Array | Int32Array): bias is Int32Array {
  return Object.prototype.toString.call(bias) === '[object Int32Array]';
}
