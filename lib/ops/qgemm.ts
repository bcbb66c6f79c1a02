/** Reading and checking the arguments of `quantizedMatmul`. */
import { expected, lowpError, type LowpError } from '../errors';
import type { NumericArray, Typed8 } from '../native/binding';
import { isDeviceArray } from '../native/deviceArray';
import { ActivationQuantization, Gemm } from '../native/slots';
import type {
  DeviceQuantizedTensor,
  DeviceTensor,
  GroupQuantizedTensor,
  QuantizedDtype,
  QuantizedOutput,
  QuantizedTensor,
  Tensor,
} from '../types';
import { checkLength, elementTag, isElements, isTagged, type ArrayTag } from '../validate/arrays';
import { readResidual, refuseRealEpilogue, writeActivation } from '../validate/epilogue';
import type { GroupWeights } from '../validate/groups';
import { badName, checkKeys, checkTensor, readName, readThreads } from '../validate/options';
import { readTranspose, type Given } from '../validate/product';
import { reach, reachOfAll, readAxis, readScale, readScales, readZeroPoint, readZeroPoints } from '../validate/quantization';
import { resultShape, resultStrides, writeResult, writeRows } from '../validate/shapes';
import { checkDepthsMatch, deviceOf, readHandle, readOut } from './gemm';
import { readQuantized, type PackedState, type PackedWeights, type QuantizedWeights } from './packWeights';

export type Input = Tensor<Float32Array> | QuantizedTensor;
export type DeviceInput = DeviceTensor | DeviceQuantizedTensor;
export type Weights = QuantizedTensor | GroupQuantizedTensor | DeviceQuantizedTensor | PackedWeights;
export type Result = Tensor<Float32Array | Int32Array | Typed8> & Partial<Pick<QuantizedTensor, 'scale' | 'zeroPoint'>>;

/** A checked call; its numbers are in the control block. */
export interface Call {
  readonly a: NumericArray;
  /** A handle's state, or a tensor to pack for this call. */
  readonly weights: PackedState | QuantizedWeights | GroupWeights;
  readonly out: NumericArray;
  readonly ownsOut: boolean;
  readonly bias: Float32Array | Int32Array | undefined;
  readonly aScales: Float32Array | undefined;
  readonly aZeros: Int32Array | undefined;
  readonly residual: Float32Array | Typed8 | undefined;
  readonly result: Result;
  readonly empty: boolean;
  readonly cuda: boolean;
}

const OUTPUT_KEYS: ReadonlySet<string> = new Set(['dtype', 'scale', 'zeroPoint']);
const MAX_SUM = 2 ** 31 - 1;

/** Checks all but overlaps, writes the numbers into the slots and reads each property of the caller's objects once. */
export function prepare(ctl: Float64Array, a: Input | DeviceInput, b: Weights, given: Given): Call {
  checkTensor(a, 'a QuantizedTensor or a float32 Tensor', 'a');
  const { shape } = a;
  const data = a.data as NumericArray;
  const aTag = elementTag(data);
  if (aTag !== 'Uint8Array' && aTag !== 'Int8Array' && aTag !== 'Float32Array') {
    throw expected('ERR_LOWP_TYPE', 'an Int8Array, Uint8Array or Float32Array', 'a.data', data);
  }
  const dynamic = aTag === 'Float32Array';
  const transposeB = readTranspose(given.transposeB);
  const rows = writeRows(ctl, data, shape, a.strides, 'a');

  const weights = readHandle(b, 'quantized', transposeB) ?? readQuantized(b, transposeB);
  const { k, n } = weights;
  checkDepthsMatch(ctl[Gemm.k], k);
  const grouped = 'groupSize' in weights && weights.groupSize > 0;
  if (grouped) checkGrouped(data, given);

  let perRow: RowQuantization | undefined;
  if (dynamic) {
    ctl[Gemm.scaleA] = 1;
    ctl[Gemm.zeroA] = 0;
    ctl[Gemm.quantization] = grouped ? ActivationQuantization.dynamicPerRow : readDynamic(given.activations);
    if ('reach' in weights && !grouped) checkDepth(k, 255, weights.reach);
  } else {
    if (given.activations !== undefined) readDynamic(given.activations);
    perRow = writeQuantization(ctl, a, aTag, rows);
    const reachA = perRow === undefined ? reach(ctl[Gemm.zeroA], dtypeOf(aTag)) : reachOfAll(perRow.zeros, dtypeOf(aTag));
    if ('reach' in weights) checkDepth(k, reachA, weights.reach);
  }

  const tag = writeOutput(ctl, given.output);
  const bias = readBias(given.bias, n, 'N, one per column', tag, dynamic ? 'a' : undefined);
  if (tag === 'Int32Array' && dynamic) throw noRawSums('a');
  writeActivation(ctl, given.activation);
  const yShape = resultShape(shape, n);
  const residual = readResidual(ctl, given.residual, yShape, !grouped);
  if (tag === 'Int32Array') refuseRealEpilogue(ctl, given.activation, residual);

  ctl[Gemm.threads] = readThreads(given.threads, 'options.threads');
  const cuda = deviceOf(given.device, data, weights, given.out);
  const extent = writeResult(ctl, rows, n, given.outStride);
  const out = readOut(given.out, tag, extent, isDeviceArray(data));
  return {
    a: data,
    weights,
    out,
    ownsOut: given.out === undefined,
    bias,
    aScales: perRow?.scales,
    aZeros: perRow?.zeros,
    residual,
    result: makeResult(ctl, out, yShape, tag),
    empty: extent === 0,
    cuda,
  };
}

/** A scale and zero point for each row. */
interface RowQuantization {
  readonly scales: Float32Array;
  readonly zeros: Int32Array;
}

function writeQuantization(ctl: Float64Array, a: Input | DeviceInput, tag: ArrayTag, rows: number): RowQuantization | undefined {
  const { scale, zeroPoint, axis }: Partial<Record<keyof QuantizedTensor, unknown>> = a;
  const dtype = dtypeOf(tag);
  if (axis === undefined) {
    ctl[Gemm.quantization] = ActivationQuantization.perTensor;
    ctl[Gemm.scaleA] = readScale(scale, 'a.scale');
    ctl[Gemm.zeroA] = readZeroPoint(zeroPoint, dtype, 'a.zeroPoint');
    return undefined;
  }
  const m = checkRowAxis(axis, a.shape);
  ctl[Gemm.quantization] = ActivationQuantization.perRow;
  ctl[Gemm.scaleA] = 1;
  ctl[Gemm.zeroA] = 0;
  const scales = readScales(scale, m, 'a.scale');
  return { scales: repeat(scales, rows), zeros: repeat(readZeroPoints(zeroPoint, m, dtype, 'a.zeroPoint'), rows) };
}

function dtypeOf(tag: ArrayTag): QuantizedDtype {
  return tag === 'Int8Array' ? 'int8' : 'uint8';
}

export function noRawSums(name: string): LowpError {
  return lowpError(
    'ERR_LOWP_VALUE',
    `Expected quantized activations for ${name} (output is 'int32') but received a Float32Array: ` +
      'their scale is chosen inside the call, so the meaning of the sums would be lost',
  );
}

/** What weights in groups do not go with. */
function checkGrouped(data: NumericArray, { output, activations, bias }: Given): void {
  if (!isElements(data, 'Float32Array')) {
    throw expected(
      'ERR_LOWP_TYPE',
      'a Float32Array (b is in groups, and so are the scales of a inside the call)',
      'a.data',
      data,
    );
  }
  if (output !== undefined && output !== 'float32') {
    throw expected('ERR_LOWP_VALUE', "'float32' (b is in groups)", 'options.output', output);
  }
  if (activations !== undefined && activations !== 'perGroup') {
    throw expected('ERR_LOWP_VALUE', "'perGroup' (b is in groups)", 'options.activations', activations);
  }
  if (bias !== undefined && !isElements(bias, 'Float32Array')) {
    throw expected('ERR_LOWP_TYPE', 'a Float32Array (b is in groups)', 'options.bias', bias);
  }
}

function readDynamic(activations: unknown): ActivationQuantization {
  if (activations === undefined || activations === 'perRow') return ActivationQuantization.dynamicPerRow;
  if (activations === 'perGroup') {
    throw expected('ERR_LOWP_VALUE', "'perRow' or 'perTensor' (b is not in groups)", 'options.activations', activations);
  }
  readName(activations, ['perTensor', 'perRow'], 'options.activations');
  return ActivationQuantization.dynamicPerTensor;
}

/** The number of scales: M. */
function checkRowAxis(axis: unknown, shape: readonly number[]): number {
  const rowAxis = shape.length - 2;
  if (readAxis(axis, shape.length, 'a.axis') !== rowAxis) {
    const which = rowAxis < 0 ? 'no axis (a has one row)' : `${rowAxis} (the axis of the rows)`;
    throw expected('ERR_LOWP_VALUE', which, 'a.axis', axis);
  }
  return shape[rowAxis];
}

/** One value per row of a batch whose matrices share them. */
function repeat<T extends Float32Array | Int32Array>(values: T, rows: number): T;
function repeat(values: Float32Array | Int32Array, rows: number): Float32Array | Int32Array {
  if (values.length === rows) return values;
  const repeated = isTagged(values, 'Float32Array') ? new Float32Array(rows) : new Int32Array(rows);
  for (let i = 0; i < rows; i++) repeated[i] = values[i % values.length];
  return repeated;
}

/** Writes scale and zero point of a quantized output; returns the array that the result needs. */
export function writeOutput(ctl: Float64Array, output: unknown): ArrayTag {
  ctl[Gemm.scaleOut] = 1;
  ctl[Gemm.zeroOut] = 0;
  if (output === undefined || output === 'float32') return 'Float32Array';
  if (output === 'int32') return 'Int32Array';
  if (typeof output !== 'object' || output === null) {
    if (typeof output === 'string') readName(output, ['float32', 'int32'], 'options.output');
    throw expected('ERR_LOWP_TYPE', "'float32', 'int32' or { dtype, scale, zeroPoint }", 'options.output', output);
  }
  for (const key in output) {
    // The same check; only one that fails looks the key up in a Set.
    if (key !== 'dtype' && key !== 'scale' && key !== 'zeroPoint') checkKeys(output, OUTPUT_KEYS, 'options.output');
  }
  const { dtype, scale, zeroPoint }: Partial<Record<keyof QuantizedOutput, unknown>> = output;
  if (dtype !== 'int8' && dtype !== 'uint8') throw badName(dtype, ['int8', 'uint8'], 'options.output.dtype');
  ctl[Gemm.scaleOut] = readScale(scale, 'options.output.scale');
  if (zeroPoint !== undefined) ctl[Gemm.zeroOut] = readZeroPoint(zeroPoint, dtype, 'options.output.zeroPoint');
  return dtype === 'int8' ? 'Int8Array' : 'Uint8Array';
}

/** `length` values, of which `meaning` says why; `dynamic` names the operand that is quantized inside the call. */
export function readBias(
  bias: unknown,
  length: number,
  meaning: string,
  out: ArrayTag,
  dynamic: string | undefined,
): Float32Array | Int32Array | undefined {
  if (bias === undefined) return undefined;
  const real = isElements(bias, 'Float32Array');
  if (!real && !isElements(bias, 'Int32Array')) {
    throw expected('ERR_LOWP_TYPE', 'a Float32Array or Int32Array', 'options.bias', bias);
  }
  if (real && out === 'Int32Array') throw expected('ERR_LOWP_TYPE', "an Int32Array (output is 'int32')", 'options.bias', bias);
  if (!real && dynamic !== undefined) {
    throw expected('ERR_LOWP_VALUE', `a Float32Array (${dynamic}'s scale is chosen inside the call)`, 'options.bias', bias);
  }
  if (!real && out === 'Float32Array') {
    throw expected('ERR_LOWP_TYPE', "a Float32Array (output is 'float32')", 'options.bias', bias);
  }
  checkLength(bias, length, meaning, 'options.bias');
  return bias;
}

/**
 * No value that the dtypes can hold may take the sum out of int32, so whether a call is legal doesn't depend on the data. An int32
 * bias takes its share of the range too; native code looks at it, because reading it here would cost more than a small product.
 */
export function checkDepth(k: number, reachA: number, reachB: number, name = 'K'): void {
  if (k * reachA * reachB <= MAX_SUM) return;
  const bound = Math.floor(MAX_SUM / (reachA * reachB));
  const formula = `${MAX_SUM} / (max|a - zeroPoint| ${reachA} * max|b - zeroPoint| ${reachB})`;
  throw expected('ERR_LOWP_VALUE', `at most ${bound} (${formula}, so that sums fit int32)`, name, k);
}

export function makeResult(ctl: Float64Array, out: NumericArray, shape: number[], tag: ArrayTag): Result {
  const strides = resultStrides(shape, ctl[Gemm.ldc]);
  const data = out as Float32Array | Int32Array | Typed8;
  if (tag === 'Float32Array' || tag === 'Int32Array') return strides === undefined ? { data, shape } : { data, shape, strides };
  const scale = ctl[Gemm.scaleOut];
  const zeroPoint = ctl[Gemm.zeroOut];
  return strides === undefined ? { data, shape, scale, zeroPoint } : { data, shape, strides, scale, zeroPoint };
}
