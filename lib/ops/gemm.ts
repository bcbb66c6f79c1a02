/** What both matrix products share: weights as a handle or packed for the call, the result, and awaiting a job. */
import { expected, fromNative, lowpError, type Caller, type LowpError } from '../errors';
import type { NativeBinding, NativeHandle, NumericArray, Typed8 } from '../native/binding';
import { isCuda } from '../native/cuda';
import { isDeviceArray } from '../native/deviceArray';
import { Gemm } from '../native/slots';
import { allocate, checkAlias, isElements, tooShort, type ArrayTag, type TaggedArrays } from '../validate/arrays';
import { checkResidualAlias } from '../validate/epilogue';
import { isFloatDtype } from '../validate/floats';
import { readDevice } from '../validate/options';
import { packForCall, stateOf, type PackableWeights, type PackedState } from './packWeights';
import { handleOf } from './packed';

/** The state of a live handle of the right kind, or undefined for a tensor (which has to be packed for the call). */
export function readHandle(b: unknown, kind: 'quantized' | 'float32', transposeB: boolean | undefined): PackedState | undefined {
  if (typeof b !== 'object' || b === null) throw expected('ERR_LOWP_TYPE', 'a tensor or packed weights', 'b', b);
  const state = stateOf(b);
  if (state === undefined) {
    if ('data' in b) return undefined;
    throw expected('ERR_LOWP_HANDLE', 'a tensor or the result of packWeights()', 'b', b);
  }
  if (state.disposed) {
    throw lowpError('ERR_LOWP_DISPOSED', 'Expected live packed weights for b but received ones after dispose()');
  }
  if (isFloatDtype(state.dtype) !== (kind === 'float32')) {
    const wanted = kind === 'float32' ? 'float32, bfloat16 or float16' : 'int8 or int4';
    throw lowpError('ERR_LOWP_HANDLE', `Expected packed ${wanted} weights for b but received packed ${state.dtype} weights`);
  }
  if (transposeB !== undefined && transposeB !== state.transposeB) {
    const message = `Expected ${state.transposeB} (what b was packed with) for options.transposeB but received ${transposeB}`;
    throw lowpError('ERR_LOWP_VALUE', message);
  }
  return state;
}

export function checkDepthsMatch(kOfA: number, kOfB: number): void {
  if (kOfA !== kOfB) throw expected('ERR_LOWP_SHAPE', `${kOfB} (K of b)`, 'K of a', kOfA);
}

/** Whether the call runs on the CUDA device. `weights`: packed ones know where they are. */
export function deviceOf(option: unknown, a: unknown, weights: object, out: unknown): boolean {
  const { native } = weights as { readonly native?: NativeBinding };
  const packed = native === undefined ? undefined : isCuda(native);
  return readDevice(option, isDeviceArray(a) || isDeviceArray(out) || packed === true ? true : packed);
}

/** The caller's `out`, checked, or a new one. Aliasing is for the caller to check: it knows the inputs. */
export function readOut<T extends ArrayTag>(
  out: unknown,
  tag: T,
  extent: number,
  onDevice: boolean,
  formula = '(rows - 1) * outStride + cols',
): TaggedArrays[T] {
  if (out === undefined) return allocate(tag, extent, onDevice);
  if (!isElements(out, tag)) throw expected('ERR_LOWP_TYPE', `a ${tag}`, 'options.out', out);
  if (out.length < extent) throw tooShort(out, extent, formula, 'options.out');
  return out;
}

/** What both products read and write. */
interface Operands {
  readonly a: NumericArray;
  /** A handle's state, or a tensor to pack for this call. */
  readonly weights: PackedState | PackableWeights;
  readonly out: NumericArray;
  readonly ownsOut: boolean;
  readonly bias: Float32Array | Int32Array | undefined;
  readonly aScales?: Float32Array | undefined;
  readonly aZeros?: Int32Array | undefined;
  readonly residual: Float32Array | Typed8 | undefined;
}

/** Refuses an `out` that overlaps what is read. */
export function checkAliases(ctl: Float64Array, operands: Operands): void {
  const { a, weights, out, ownsOut, bias, aScales, aZeros, residual } = operands;
  if (ownsOut) return;
  checkAlias(out, a, 'a');
  if (bias !== undefined) checkAlias(out, bias, 'options.bias');
  if (aScales !== undefined) checkAlias(out, aScales, 'a.scale');
  if (aZeros !== undefined) checkAlias(out, aZeros, 'a.zeroPoint');
  if (residual !== undefined) checkResidualAlias(ctl, out, residual);
  if (!('data' in weights)) return;
  checkAlias(out, weights.data, 'b');
  if (!('groupSize' in weights)) return;
  checkAlias(out, weights.scales, 'b.scales');
  if (weights.zeroPoints !== undefined) checkAlias(out, weights.zeroPoints, 'b.zeroPoints');
}

/** The weights' native handle; that of a tensor is made for this call, which has to dispose of it. */
export function takeHandle(native: NativeBinding, ctl: Float64Array, operands: Operands, caller: Caller): NativeHandle {
  const { weights } = operands;
  if (!('data' in weights)) return handleOf(weights, native);
  checkAliases(ctl, operands);
  return packForCall(native, weights, caller);
}

/** The error for what native code threw. */
export function explain(thrown: unknown, ctl: Float64Array, operands: Operands, caller: Caller): LowpError {
  const error = fromNative(thrown, caller);
  // Native code says that, this says where.
  if (error.code === 'ERR_LOWP_ALIAS') checkAliases(ctl, operands);
  return error;
}

let jobs = 0;

/** Names a job for `cancel`; unique in this environment (a worker counts for itself). */
export function nextJob(): number {
  jobs += 1;
  return jobs;
}

export function writeJob(ctl: Float64Array, ownsOut: boolean): number {
  const job = nextJob();
  ctl[Gemm.job] = job;
  ctl[Gemm.ownsOut] = ownsOut ? 1 : 0;
  return job;
}

/**
 * Settles like the job, except that an abort before that rejects with the signal's reason. The rejection waits until native code
 * has let go: after it nothing runs and nothing is written.
 */
export async function awaitJob(
  native: NativeBinding,
  job: number,
  done: Promise<void>,
  signal: AbortSignal | undefined,
  caller: Caller,
): Promise<void> {
  const onAbort = (): void => {
    native.cancel(job);
  };
  signal?.addEventListener('abort', onAbort, { once: true });
  try {
    await done;
  } catch (thrown) {
    if (signal?.aborted === true) throw signal.reason;
    throw fromNative(thrown, caller);
  } finally {
    signal?.removeEventListener('abort', onAbort);
  }
  if (signal?.aborted === true) throw signal.reason;
}
