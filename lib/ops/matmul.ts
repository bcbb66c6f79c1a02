import { expected } from '../errors';
import type { NumericArray } from '../native/binding';
import { Gemm } from '../native/slots';
import type { Control } from '../native/control';
import { bindingFor } from '../native/cuda';
import { isDeviceArray } from '../native/deviceArray';
import { nativeBinding } from '../native/load';
import * as reference from '../reference';
import type { AsyncOptions, DeviceOptions, DeviceTensor, Float16Tensor, MatmulOptions, Tensor } from '../types';
import { checkLength, isElements } from '../validate/arrays';
import { readResidual, writeActivation } from '../validate/epilogue';
import { checkTensor, readBoolean, readSignal, readThreads } from '../validate/options';
import { giveControl, readOptions, readTranspose, takeControl, type Given, type Product } from '../validate/product';
import {
  checkExtent,
  checkShape,
  leadingDimension,
  resultShape,
  resultStrides,
  writeResult,
  writeRows,
} from '../validate/shapes';
import { awaitJob, checkAliases, checkDepthsMatch, deviceOf, explain, readHandle, readOut, takeHandle, writeJob } from './gemm';
import { PackedWeights, readFloatWeights, type FloatWeights, type PackedState } from './packWeights';

const SYNC: Product = { quantized: false, async: false };
const ASYNC: Product = { quantized: false, async: true };

type Weights = Tensor<Float32Array> | Float16Tensor | DeviceTensor | PackedWeights;
type Operand = Tensor<Float32Array> | DeviceTensor;
type Options = MatmulOptions | DeviceOptions<MatmulOptions>;

/** A checked call; its numbers are in the control block. */
interface Call {
  readonly a: Float32Array;
  /** A handle's state, or a tensor to pack for this call. */
  readonly weights: PackedState | FloatWeights;
  readonly out: Float32Array;
  readonly ownsOut: boolean;
  readonly bias: Float32Array | undefined;
  readonly residual: Float32Array | undefined;
  readonly result: Tensor<Float32Array>;
  readonly empty: boolean;
  readonly cuda: boolean;
}

/**
 * float32 matrix product: y[m, n] = sum over k of a[m, k] * b[k, n].
 *
 * `a` is [..., M, K] (or [K]; or [K, M] with `transposeA`), `b` is [K, N] ([N, K] with `transposeB`): packed weights, or a float32
 * Tensor or Float16Tensor, which is packed for this call only. 16-bit weights are widened to float32, exactly, as they are read: the
 * product has the bits of the float32 product with their values. The result is [..., M, N] (or [N]): activation(a * b + bias + residual), with `bias`
 * one value per column and `residual` one per element. `out` and `outStride` place it. NaN and infinities propagate. The order of
 * the sum depends on the instruction set, not on the number of threads; its error is within eps * (K + 1) * max|a| * max|b| * 2.
 *
 * @throws ERR_LOWP_TYPE, ERR_LOWP_SHAPE, ERR_LOWP_VALUE, ERR_LOWP_ALIAS (`out` overlaps an input), ERR_LOWP_DETACHED,
 * ERR_LOWP_DISPOSED, ERR_LOWP_HANDLE, ERR_LOWP_UNSUPPORTED (`device`, or no native binary), ERR_LOWP_NOMEM.
 * @example
 * const a = { data: Float32Array.of(1, 2, 3, 4), shape: [2, 2] };
 * const b = { data: Float32Array.of(1, 0, 0, -1), shape: [2, 2] };
 * console.log(matmul(a, b, { activation: 'relu' }).data); // Float32Array(4) [ 1, 0, 3, 0 ]
 */
export function matmul(a: Tensor<Float32Array>, b: Weights, options?: MatmulOptions): Tensor<Float32Array>;
export function matmul(a: DeviceTensor, b: Weights, options?: DeviceOptions<MatmulOptions>): DeviceTensor;
export function matmul(a: Operand, b: Weights, options?: Options): Operand {
  const backend = nativeBinding();
  const given = readOptions(options, SYNC);
  const control = takeControl();
  const call = prepare(control.slots, a, b, given);
  const native = bindingFor(backend, call.cuda);
  if (call.empty || native === undefined) return runWithout(control, a, b, options, call);
  const handle = takeHandle(native, control.slots, call, matmul);
  try {
    const { out, bias, residual } = call;
    if (bias === undefined && residual === undefined) native.sgemm(control.bytes, call.a, handle, out);
    else native.sgemm(control.bytes, call.a, handle, out, bias, residual);
  } catch (thrown) {
    throw explain(thrown, control.slots, call, matmul);
  } finally {
    if ('data' in call.weights) native.dispose(handle);
  }
  giveControl(control);
  return call.result;
}

/**
 * `matmul` off the event loop. The inputs are copied before the call returns, so the caller may change them at once; `out` is
 * written when the promise resolves. `signal` cancels: the promise rejects with its reason.
 *
 * @throws Never: argument errors reject, with the codes of `matmul`; also ERR_LOWP_DETACHED where `out` was detached meanwhile.
 * @example
 * const identity = { data: Float32Array.of(1, 0, 0, 1), shape: [2, 2] };
 * const y = await matmulAsync(identity, identity);
 * console.log(y.data); // Float32Array(4) [ 1, 0, 0, 1 ]
 */
export function matmulAsync(
  a: Tensor<Float32Array>,
  b: Weights,
  options?: MatmulOptions & AsyncOptions,
): Promise<Tensor<Float32Array>>;
export function matmulAsync(
  a: DeviceTensor,
  b: Weights,
  options?: DeviceOptions<MatmulOptions> & AsyncOptions,
): Promise<DeviceTensor>;
export async function matmulAsync(a: Operand, b: Weights, options?: Options): Promise<Operand> {
  const backend = nativeBinding();
  const given = readOptions(options, ASYNC);
  const signal = readSignal(given.signal);
  if (signal?.aborted === true) throw signal.reason;
  const control = takeControl();
  const call = prepare(control.slots, a, b, given);
  const native = bindingFor(backend, call.cuda);
  if (call.empty || native === undefined) return runWithout(control, a, b, options, call);
  const job = writeJob(control.slots, call.ownsOut);
  const handle = takeHandle(native, control.slots, call, matmulAsync);
  let done: Promise<void>;
  try {
    done = native.sgemmAsync(control.bytes, call.a, handle, call.out, call.bias, call.residual);
  } catch (thrown) {
    throw explain(thrown, control.slots, call, matmulAsync);
  } finally {
    // The job holds the packed weights for as long as it needs them.
    if ('data' in call.weights) native.dispose(handle);
  }
  giveControl(control);
  await awaitJob(native, job, done, signal, matmulAsync);
  return call.result;
}

/** Empty products, and those of the reference backend. */
function runWithout(control: Control, a: Operand, b: Weights, options: Options | undefined, call: Call): Operand {
  checkAliases(control.slots, call);
  giveControl(control);
  if (call.empty) return call.result;
  const packed = 'oracle' in call.weights ? call.weights.oracle : undefined;
  const weights = b instanceof PackedWeights ? packed : b;
  if (weights === undefined) throw expected('ERR_LOWP_HANDLE', 'weights packed by this backend', 'b', b);
  reference.matmul(a as Tensor<Float32Array>, weights as reference.PackedWeights, {
    ...(options as MatmulOptions),
    out: call.out,
  });
  return call.result;
}

/** Checks all but overlaps, writes the numbers into the slots and reads each property of the caller's objects once. */
function prepare(ctl: Float64Array, a: Operand, b: Weights, given: Given): Call {
  checkTensor(a, 'a float32 Tensor', 'a');
  const transposeA = readBoolean(given.transposeA, 'options.transposeA');
  const transposeB = readTranspose(given.transposeB);
  const { data, shape: givenShape } = a;
  if (!isElements(data, 'Float32Array')) throw expected('ERR_LOWP_TYPE', 'a Float32Array', 'a.data', data);
  ctl[Gemm.transposeA] = transposeA ? 1 : 0;
  const shape = transposeA ? writeColumns(ctl, data, givenShape, a.strides) : givenShape;
  const rows = transposeA ? shape[0] : writeRows(ctl, data, shape, a.strides, 'a');

  const weights = readHandle(b, 'float32', transposeB) ?? readFloatWeights(b, transposeB === true);
  const { k, n } = weights;
  checkDepthsMatch(ctl[Gemm.k], k);

  const { bias } = given;
  if (bias !== undefined) {
    if (!isElements(bias, 'Float32Array')) throw expected('ERR_LOWP_TYPE', 'a Float32Array', 'options.bias', bias);
    checkLength(bias, n, 'N, one per column', 'options.bias');
  }
  writeActivation(ctl, given.activation);
  ctl[Gemm.threads] = readThreads(given.threads, 'options.threads');
  const cuda = deviceOf(given.device, data, weights, given.out);
  ctl[Gemm.tensorCores] = readBoolean(given.tensorCores, 'options.tensorCores') ? 1 : 0;
  if (ctl[Gemm.tensorCores] === 1 && !cuda) {
    throw expected('ERR_LOWP_VALUE', "false or nothing (device is 'cpu')", 'options.tensorCores', true);
  }

  const extent = writeResult(ctl, rows, n, given.outStride);
  const yShape = resultShape(shape, n);
  const residual = readResidual(ctl, given.residual, yShape, false) as Float32Array | undefined;
  const out = readOut(given.out, 'Float32Array', extent, isDeviceArray(data));
  const strides = resultStrides(yShape, ctl[Gemm.ldc]);
  const result = strides === undefined ? { data: out, shape: yShape } : { data: out, shape: yShape, strides };
  return { a: data, weights, out, ownsOut: given.out === undefined, bias, residual, result, empty: extent === 0, cuda };
}

/** a stored [K, M]: writes its layout and returns the shape [M, K] that it stands for. */
function writeColumns(ctl: Float64Array, data: NumericArray, shape: unknown, strides: unknown): readonly number[] {
  checkShape(shape, 'a.shape');
  if (shape.length !== 2) throw expected('ERR_LOWP_SHAPE', 'two dimensions (transposeA)', 'a.shape', shape);
  checkExtent(data, shape, strides, 'a');
  const [k, m] = shape;
  ctl[Gemm.batch] = 1;
  ctl[Gemm.m] = m;
  ctl[Gemm.k] = k;
  ctl[Gemm.lda] = leadingDimension(shape, strides);
  ctl[Gemm.batchStrideA] = 0;
  return [m, k];
}
