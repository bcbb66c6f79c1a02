/** Reading and checking the arguments of `sparseMatmul`. */
import { expected } from '../errors';
import type { NumericArray } from '../native/binding';
import { ActivationQuantization, Gemm } from '../native/slots';
import { makeControl, type Control } from '../native/control';
import { isDeviceArray } from '../native/deviceArray';
import type { DeviceOptions, QuantizedTensor, SparseMatmulOptions, SparseMatrix, SparseSide } from '../types';
import { checkAlias, isElements, isElements8 } from '../validate/arrays';
import { refuseRealEpilogue, writeActivation } from '../validate/epilogue';
import { checkKeys, checkTensor, readName, readThreads } from '../validate/options';
import { reach, readScale, readZeroPoint } from '../validate/quantization';
import {
  checkExtent,
  checkShape,
  leadingDimension,
  resultShape,
  writeResult,
  writeRows,
  type OperandName,
} from '../validate/shapes';
import { isSparse, readSparse, type SparseArrays } from '../validate/sparse';
import { deviceOf, readOut } from './gemm';
import { sparseStateOf, type PackedSparse, type SparseState } from './packSparse';
import { checkDepth, makeResult, noRawSums, readBias, writeOutput, type Result } from './qgemm';

export type Sparse = SparseMatrix | PackedSparse;

/** A checked call. */
export interface SparseCall {
  /**
   * Gemm slots, the dense operand being their `a`. On the right as for `quantizedMatmul`: m rows of k, n being the rows of the sparse
   * matrix. On the left m is the rows of the sparse matrix, n the columns of the dense one, and lda the distance of its k rows.
   */
  readonly control: Control;
  /** `'right'` also for a vector on the left: one row gives the same result. */
  readonly side: SparseSide;
  /** A handle's state, or a matrix to read in place. */
  readonly sparse: SparseState | SparseArrays;
  readonly dense: NumericArray;
  readonly out: NumericArray;
  readonly ownsOut: boolean;
  /** One value per row of the sparse matrix. */
  readonly bias: Float32Array | Int32Array | undefined;
  readonly result: Result;
  readonly empty: boolean;
  readonly cuda: boolean;
}

export const KEYS: ReadonlySet<string> = new Set([
  ...['side', 'bias', 'activation', 'activations', 'output', 'out', 'outStride', 'threads', 'device'],
]);
/** As the public functions take them. */
export type SparseOptions = SparseMatmulOptions | DeviceOptions<SparseMatmulOptions>;

const NO_OPTIONS: SparseMatmulOptions = Object.freeze({});

/** max|value| of int8. */
const REACH_SPARSE = 128;

export function readSide(options: SparseOptions | undefined): SparseSide {
  const side = options?.side;
  return side === undefined ? 'left' : readName(side, ['left', 'right'], 'options.side');
}

/** Checks everything, and reads each property of the caller's objects once. `side` was read before: it says which operand is which. */
export function prepareSparse(
  side: SparseSide,
  a: unknown,
  b: unknown,
  options: SparseOptions | undefined,
  keys: ReadonlySet<string>,
): SparseCall {
  checkKeys(options, keys, 'options');
  const given = options ?? NO_OPTIONS;
  const { output, activation, out: givenOut } = given;
  const left = side === 'left';
  const [sparseName, denseName]: readonly [OperandName, OperandName] = left ? ['a', 'b'] : ['b', 'a'];
  const sparse = readOperand(left ? a : b, sparseName, side);
  const { dtype, rows } = sparse;

  const control = makeControl(Gemm.length);
  const ctl = control.slots;
  const dense = readDense(ctl, left ? b : a, denseName, left, dtype);
  if (ctl[Gemm.k] !== sparse.cols) {
    throw expected('ERR_LOWP_SHAPE', `${sparse.cols} (the columns of ${sparseName})`, `K of ${denseName}`, ctl[Gemm.k]);
  }
  const quantized = dtype === 'int8';
  const dynamic = quantized && !isElements8(dense.data);
  writeQuantization(ctl, given.activations, side, dtype, dynamic);
  if (!quantized && output !== undefined && output !== 'float32') {
    throw expected('ERR_LOWP_VALUE', `'float32' (the values of ${sparseName} are float32)`, 'options.output', output);
  }
  const tag = writeOutput(ctl, output);
  const bias = readBias(given.bias, rows, `one per row of ${sparseName}`, tag, dynamic ? denseName : undefined);
  if (tag === 'Int32Array' && dynamic) throw noRawSums(denseName);
  writeActivation(ctl, activation);
  if (tag === 'Int32Array') refuseRealEpilogue(ctl, activation, undefined);
  if (quantized) checkDepth(sparse.longestRow, dense.reach, REACH_SPARSE, `the elements in a row of ${sparseName}`);

  ctl[Gemm.threads] = readThreads(given.threads, 'options.threads');
  const cuda = deviceOf(given.device, dense.data, sparse, givenOut);
  const columns = left && dense.shape.length === 2;
  if (columns) ctl[Gemm.m] = rows;
  const extent = columns
    ? writeResult(ctl, rows, dense.shape[1], given.outStride)
    : writeResult(ctl, ctl[Gemm.batch] * ctl[Gemm.m], rows, given.outStride);
  const yShape = columns ? [rows, dense.shape[1]] : resultShape(dense.shape, rows);
  const out = readOut(givenOut, tag, extent, isDeviceArray(dense.data));
  if (givenOut !== undefined) {
    checkAliases(out, sparse, sparseName);
    checkAlias(out, dense.data, denseName);
    if (bias !== undefined) checkAlias(out, bias, 'options.bias');
  }
  const result = makeResult(ctl, out, yShape, tag);
  const ownsOut = givenOut === undefined;
  return {
    control,
    side: columns ? 'left' : 'right',
    sparse,
    dense: dense.data,
    out,
    ownsOut,
    bias,
    result,
    empty: extent === 0,
    cuda,
  };
}

function readOperand(value: unknown, name: string, side: SparseSide): SparseState | SparseArrays {
  const what = `a CsrMatrix, a BsrMatrix or the result of packSparse() (side is '${side}')`;
  if (typeof value !== 'object' || value === null) throw expected('ERR_LOWP_TYPE', what, name, value);
  const state = sparseStateOf(value, name);
  if (state !== undefined) return state;
  if (!isSparse(value)) throw expected('data' in value ? 'ERR_LOWP_TYPE' : 'ERR_LOWP_HANDLE', what, name, value);
  return readSparse(value, name);
}

interface Dense {
  readonly data: NumericArray;
  readonly shape: readonly number[];
  /** max|value - zeroPoint|, of 8-bit values. */
  readonly reach: number;
}

/** [..., M, K] on the right, [K, N] on the left, [K] on either. */
function readDense(ctl: Float64Array, value: unknown, name: OperandName, left: boolean, dtype: 'int8' | 'float32'): Dense {
  checkTensor(value, dtype === 'int8' ? 'a QuantizedTensor or a float32 Tensor' : 'a float32 Tensor', name);
  const { data, shape, strides, scale, zeroPoint, axis }: Partial<Record<keyof QuantizedTensor, unknown>> = value;
  const float = isElements(data, 'Float32Array');
  if (!float && !(dtype === 'int8' && isElements8(data))) {
    const what = dtype === 'int8' ? 'an Int8Array, Uint8Array or Float32Array' : 'a Float32Array (the sparse values are float32)';
    throw expected('ERR_LOWP_TYPE', what, `${name}.data`, data);
  }
  checkShape(shape, `${name}.shape`);
  if (!left || shape.length === 1) writeRows(ctl, data, shape, strides, name);
  else writeColumns(ctl, data, shape, strides, name);
  ctl[Gemm.scaleA] = 1;
  ctl[Gemm.zeroA] = 0;
  if (float) return { data, shape, reach: 255 };
  if (axis !== undefined) throw expected('ERR_LOWP_VALUE', 'one scale and no axis', `${name}.axis`, axis);
  const type = isElements(data, 'Int8Array') ? 'int8' : 'uint8';
  ctl[Gemm.scaleA] = readScale(scale, `${name}.scale`);
  ctl[Gemm.zeroA] = readZeroPoint(zeroPoint, type, `${name}.zeroPoint`);
  return { data, shape, reach: reach(ctl[Gemm.zeroA], type) };
}

function writeColumns(ctl: Float64Array, data: NumericArray, shape: readonly number[], strides: unknown, name: string): void {
  if (shape.length !== 2) throw expected('ERR_LOWP_SHAPE', 'two dimensions ([K, N]) or one ([K])', `${name}.shape`, shape);
  checkExtent(data, shape, strides, name);
  ctl[Gemm.batch] = 1;
  ctl[Gemm.k] = shape[0];
  ctl[Gemm.lda] = leadingDimension(shape, strides);
  ctl[Gemm.batchStrideA] = 0;
}

function writeQuantization(ctl: Float64Array, activations: unknown, side: SparseSide, dtype: string, dynamic: boolean): void {
  if (activations !== undefined) {
    if (dtype !== 'int8') {
      throw expected('ERR_LOWP_VALUE', 'nothing (the sparse values are float32)', 'options.activations', activations);
    }
    readName(activations, ['perTensor', 'perRow'], 'options.activations');
    if (side === 'left' && activations === 'perRow') {
      throw expected('ERR_LOWP_VALUE', "'perTensor' (side is 'left')", 'options.activations', activations);
    }
  }
  const perRow = side === 'right' && activations !== 'perTensor';
  const inCall = perRow ? ActivationQuantization.dynamicPerRow : ActivationQuantization.dynamicPerTensor;
  ctl[Gemm.quantization] = dynamic ? inCall : ActivationQuantization.perTensor;
}

function checkAliases(out: NumericArray, sparse: SparseState | SparseArrays, name: string): void {
  if (!('rowPtr' in sparse)) return;
  checkAlias(out, sparse.rowPtr, `${name}.rowPtr`);
  checkAlias(out, sparse.colIdx, `${name}.colIdx`);
  checkAlias(out, sparse.values, `${name}.values`);
  if (typeof sparse.scale === 'object') checkAlias(out, sparse.scale, `${name}.scale`);
}
