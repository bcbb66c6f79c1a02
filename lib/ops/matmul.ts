import { expected, fromNative } from '../errors';
import { Gemm, type NumericArray } from '../native/binding';
import { nativeBinding } from '../native/load';
import * as reference from '../reference';
import type { AsyncOptions, Float16Tensor, MatmulOptions, Tensor } from '../types';
import { checkAlias, checkLength, isTagged } from '../validate/arrays';
import { checkResidualAlias, readResidual, writeActivation } from '../validate/epilogue';
import { checkDevice, checkKeys, checkTensor, readBoolean, readSignal, readThreads } from '../validate/options';
import {
  checkExtent,
  checkShape,
  leadingDimension,
  resultShape,
  resultStrides,
  writeResult,
  writeRows,
} from '../validate/shapes';
import { awaitJob, checkDepthsMatch, COMMON_KEYS, readHandle, readOut, writeJob } from './gemm';
import { packInto, PackedWeights, readFloatWeights, type FloatWeights, type PackedState } from './packWeights';

const KEYS: ReadonlySet<string> = new Set([...COMMON_KEYS, 'transposeA']);
const ASYNC_KEYS: ReadonlySet<string> = new Set([...KEYS, 'signal']);
const NO_OPTIONS: MatmulOptions = Object.freeze({});

type Weights = Tensor<Float32Array> | Float16Tensor | PackedWeights;

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
}

// Taken, not shared: see quantizedMatmul.ts.
let idle: Float64Array | undefined;

function takeControl(): Float64Array {
  const ctl = idle ?? new Float64Array(Gemm.length);
  idle = undefined;
  return ctl;
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
export function matmul(a: Tensor<Float32Array>, b: Weights, options?: MatmulOptions): Tensor<Float32Array> {
  const native = nativeBinding();
  const ctl = takeControl();
  const call = prepare(ctl, a, b, options, KEYS);
  if (call.empty) return release(ctl, call);
  if (native === undefined) {
    runReference(a, b, options, call);
    return release(ctl, call);
  }
  const tensor = 'data' in call.weights ? call.weights : undefined;
  const holder = tensor === undefined ? b : {};
  if (tensor !== undefined) packInto(native, holder, tensor, matmul);
  try {
    if (call.bias === undefined && call.residual === undefined) native.sgemm(ctl, call.a, holder, call.out);
    else native.sgemm(ctl, call.a, holder, call.out, call.bias, call.residual);
  } catch (thrown) {
    throw fromNative(thrown, matmul);
  } finally {
    if (tensor !== undefined) native.dispose(holder);
  }
  return release(ctl, call);
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
export async function matmulAsync(
  a: Tensor<Float32Array>,
  b: Weights,
  options?: MatmulOptions & AsyncOptions,
): Promise<Tensor<Float32Array>> {
  const native = nativeBinding();
  checkKeys(options, ASYNC_KEYS, 'options');
  const signal = readSignal(options?.signal);
  if (signal?.aborted === true) throw signal.reason;
  const ctl = takeControl();
  const call = prepare(ctl, a, b, options, ASYNC_KEYS);
  if (call.empty) return release(ctl, call);
  if (native === undefined) {
    runReference(a, b, options, call);
    return release(ctl, call);
  }
  const job = writeJob(ctl, call.ownsOut);
  const tensor = 'data' in call.weights ? call.weights : undefined;
  const holder = tensor === undefined ? b : {};
  if (tensor !== undefined) packInto(native, holder, tensor, matmulAsync);
  let done: Promise<void>;
  try {
    done = native.sgemmAsync(ctl, call.a, holder, call.out, call.bias, call.residual);
  } catch (thrown) {
    throw fromNative(thrown, matmulAsync);
  } finally {
    // The job holds the packed weights for as long as it needs them.
    if (tensor !== undefined) native.dispose(holder);
  }
  release(ctl, call);
  await awaitJob(native, job, done, signal, matmulAsync);
  return call.result;
}

function release(ctl: Float64Array, call: Call): Tensor<Float32Array> {
  idle = ctl;
  return call.result;
}

function runReference(a: Tensor<Float32Array>, b: Weights, options: MatmulOptions | undefined, call: Call): void {
  const packed = 'oracle' in call.weights ? call.weights.oracle : undefined;
  const weights = b instanceof PackedWeights ? packed : b;
  if (weights === undefined) throw expected('ERR_LOWP_HANDLE', 'weights packed by this backend', 'b', b);
  reference.matmul(a, weights, { ...options, out: call.out });
}

/** Checks everything, writes the numbers into the control block and reads each property of the caller's objects once. */
function prepare(
  ctl: Float64Array,
  a: Tensor<Float32Array>,
  b: Weights,
  options: MatmulOptions | undefined,
  keys: ReadonlySet<string>,
): Call {
  checkKeys(options, keys, 'options');
  checkTensor(a, 'a float32 Tensor', 'a');
  const given = options ?? NO_OPTIONS;
  const transposeA = readBoolean(given.transposeA, 'options.transposeA');
  const givenTranspose = given.transposeB;
  const transposeB = givenTranspose === undefined ? undefined : readBoolean(givenTranspose, 'options.transposeB');

  const { data, shape: givenShape } = a;
  if (!isTagged(data, 'Float32Array')) throw expected('ERR_LOWP_TYPE', 'a Float32Array', 'a.data', data);
  ctl[Gemm.transposeA] = transposeA ? 1 : 0;
  const shape = transposeA ? writeColumns(ctl, data, givenShape, a.strides) : givenShape;
  const rows = transposeA ? shape[0] : writeRows(ctl, data, shape, a.strides, 'a');

  const weights = readHandle(b, 'float32', transposeB) ?? readFloatWeights(b, transposeB === true);
  const { k, n } = weights;
  checkDepthsMatch(ctl[Gemm.k], k);

  const bias: unknown = given.bias;
  if (bias !== undefined) {
    if (!isTagged(bias, 'Float32Array')) throw expected('ERR_LOWP_TYPE', 'a Float32Array', 'options.bias', bias);
    checkLength(bias, n, 'N, one per column', 'options.bias');
  }
  writeActivation(ctl, given.activation);
  ctl[Gemm.threads] = readThreads(given.threads, 'options.threads');
  checkDevice(given.device);

  const extent = writeResult(ctl, rows, n, given.outStride);
  const yShape = resultShape(shape, n);
  const residual = readResidual(ctl, given.residual, yShape, false) as Float32Array | undefined;
  const givenOut = given.out;
  const out = readOut(givenOut, 'Float32Array', extent);
  if (givenOut !== undefined) {
    const { buffer } = out;
    checkAlias(out, buffer, data, 'a');
    if (bias !== undefined) checkAlias(out, buffer, bias, 'options.bias');
    if (residual !== undefined) checkResidualAlias(ctl, out, buffer, residual);
    if ('data' in weights) checkAlias(out, buffer, weights.data, 'b');
  }
  const strides = resultStrides(yShape, ctl[Gemm.ldc]);
  const result = strides === undefined ? { data: out, shape: yShape } : { data: out, shape: yShape, strides };
  return { a: data, weights, out, ownsOut: givenOut === undefined, bias, residual, result, empty: extent === 0 };
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
