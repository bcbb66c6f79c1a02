import { expected, fromNative } from '../errors';
import { Gemm } from '../native/binding';
import { nativeBinding } from '../native/load';
import * as reference from '../reference';
import type { AsyncOptions, MatmulOutput, QuantizedMatmulOptions, QuantizedMatmulResult } from '../types';
import { checkKeys, readSignal } from '../validate/options';
import { awaitJob, COMMON_KEYS, writeJob } from './gemm';
import { packInto, PackedWeights } from './packWeights';
import { prepare, type Call, type Input, type Result, type Weights } from './qgemm';

const KEYS: ReadonlySet<string> = new Set([...COMMON_KEYS, 'activations', 'output']);
const ASYNC_KEYS: ReadonlySet<string> = new Set([...KEYS, 'signal']);

// One control block serves all calls. It is taken, not shared, so that a getter among the caller's objects may itself multiply;
// a call that throws keeps it and the next one makes another.
let idle: Float64Array | undefined;

function takeControl(): Float64Array {
  const ctl = idle ?? new Float64Array(Gemm.length);
  idle = undefined;
  return ctl;
}

/**
 * 8-bit matrix product: y[m, n] = sum over k of a[m, k] * b[k, n] in real values, summed exactly in int32.
 *
 * `a` is [..., M, K] (or [K]): a QuantizedTensor (one scale, or one per row with `axis` on the rows), or a float32 Tensor, which is
 * quantized to uint8 inside the call (`activations`: `'perRow'` by default). `b` is [K, N] ([N, K] with `transposeB`): packed
 * weights, or a QuantizedTensor, which is packed for this call only. The result is [..., M, N] (or [N]): float32 real values by
 * default, `output: 'int32'` for the exact sums in units of a.scale * b.scale, or `output: { dtype, scale, zeroPoint }` for
 * 8-bit values. Bias, `residual` (one value per element) and activation are applied before the output is rounded:
 * activation(y + bias + residual). `out` and `outStride` place the result.
 *
 * `b` may also be in groups (a GroupQuantizedTensor, or one packed): 4- or 8-bit weights for float32 activations, which are then
 * quantized to int8 for each row and group, with scale = max|a| / 127. Sums are exact within a group; groups are added in float32, k
 * ascending: y = f32(y + f32(sum * f32(scaleA * scaleB))). Only float32 output, bias and residual. Source: ONNX com.microsoft.MatMulNBits,
 * accuracy level 4.
 *
 * Quantization: ONNX DynamicQuantizeLinear; requantization: ONNX QLinearMatMul in float32 steps, ties to even. Equal integers on
 * every instruction set and for every number of threads.
 *
 * @throws ERR_LOWP_TYPE, ERR_LOWP_SHAPE, ERR_LOWP_VALUE (also where K is so large that the sum could leave int32; the message has
 * the bound), ERR_LOWP_ALIAS (`out` overlaps an input), ERR_LOWP_DETACHED, ERR_LOWP_DISPOSED, ERR_LOWP_HANDLE,
 * ERR_LOWP_UNSUPPORTED (`device`, or no native binary), ERR_LOWP_NOMEM.
 * @example
 * const weights = quantize({ data: Float32Array.of(0.5, -1, 0.25, 2), shape: [2, 2] }, { dtype: 'int8', axis: 1 });
 * const packed = packWeights(weights);
 * const x = { data: Float32Array.of(1, 2, 3, 4), shape: [2, 2] };
 * const y = quantizedMatmul(x, packed, { bias: Float32Array.of(0, 1), activation: 'relu' });
 * console.log(y.shape, y.data); // [ 2, 2 ], near 1 4 2.5 6
 */
export function quantizedMatmul<O extends MatmulOutput = 'float32'>(
  a: Input,
  b: Weights,
  options?: QuantizedMatmulOptions & { readonly output?: O },
): QuantizedMatmulResult<O>;
export function quantizedMatmul(a: Input, b: Weights, options?: QuantizedMatmulOptions): Result {
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
  if (tensor !== undefined) packInto(native, holder, tensor, quantizedMatmul);
  try {
    if (isGrouped(call)) native.nbits(ctl, call.a, holder, call.out, call.bias, call.residual);
    else if (isPlain(call)) native.qgemm(ctl, call.a, holder, call.out);
    else native.qgemm(ctl, call.a, holder, call.out, call.bias, call.aScales, call.aZeros, call.residual);
  } catch (thrown) {
    throw fromNative(thrown, quantizedMatmul);
  } finally {
    if (tensor !== undefined) native.dispose(holder);
  }
  return release(ctl, call);
}

/**
 * `quantizedMatmul` off the event loop. The inputs are copied (packed weights are immutable anyway) before the call returns, so the
 * caller may change them at once; `out` is written when the promise resolves. `signal` cancels: the promise rejects with its reason.
 *
 * @throws Never: argument errors reject, with the codes of `quantizedMatmul`; also ERR_LOWP_DETACHED where `out` was detached
 * meanwhile.
 * @example
 * const packed = packWeights(quantize({ data: Float32Array.of(1, 2, 3, 4), shape: [2, 2] }, { dtype: 'int8' }));
 * const x = { data: Float32Array.of(1, 1), shape: [1, 2] };
 * const y = await quantizedMatmulAsync(x, packed, { signal: AbortSignal.timeout(1000) });
 * console.log(y.data); // near 4 6
 */
export function quantizedMatmulAsync<O extends MatmulOutput = 'float32'>(
  a: Input,
  b: Weights,
  options?: QuantizedMatmulOptions & AsyncOptions & { readonly output?: O },
): Promise<QuantizedMatmulResult<O>>;
export async function quantizedMatmulAsync(
  a: Input,
  b: Weights,
  options?: QuantizedMatmulOptions & AsyncOptions,
): Promise<Result> {
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
  if (tensor !== undefined) packInto(native, holder, tensor, quantizedMatmulAsync);
  let done: Promise<void>;
  try {
    done = isGrouped(call)
      ? native.nbitsAsync(ctl, call.a, holder, call.out, call.bias, call.residual)
      : native.qgemmAsync(ctl, call.a, holder, call.out, call.bias, call.aScales, call.aZeros, call.residual);
  } catch (thrown) {
    throw fromNative(thrown, quantizedMatmulAsync);
  } finally {
    // The job holds the packed weights for as long as it needs them.
    if (tensor !== undefined) native.dispose(holder);
  }
  release(ctl, call);
  await awaitJob(native, job, done, signal, quantizedMatmulAsync);
  return call.result;
}

type GroupedCall = Call & Record<'a' | 'out', Float32Array> & Readonly<Record<'bias' | 'residual', Float32Array | undefined>>;

/** Calls whose weights are in groups; `prepare` has seen to it that the arrays are float32. */
function isGrouped(call: Call): call is GroupedCall {
  return 'groupSize' in call.weights && call.weights.groupSize > 0;
}

function release(ctl: Float64Array, call: Call): Result {
  idle = ctl;
  return call.result;
}

/** Arguments that are not given cost native code nothing, `undefined` 15 ns each: a tenth of a small product in all. */
function isPlain({ bias, aScales, residual }: Call): boolean {
  return bias === undefined && aScales === undefined && residual === undefined;
}

function runReference(a: Input, b: Weights, options: QuantizedMatmulOptions | undefined, call: Call): void {
  const packed = 'oracle' in call.weights ? call.weights.oracle : undefined;
  const weights = b instanceof PackedWeights ? packed : b;
  if (weights === undefined) throw expected('ERR_LOWP_HANDLE', 'weights packed by this backend', 'b', b);
  reference.quantizedMatmul<MatmulOutput>(a, weights, { ...options, out: call.out });
}
