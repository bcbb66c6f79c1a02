import { expected } from '../errors';
import type { Control } from '../native/control';
import { bindingFor } from '../native/cuda';
import { nativeBinding } from '../native/load';
import * as reference from '../reference';
import type {
  AsyncOptions,
  DeviceOptions,
  MatmulOutput,
  OnDevice,
  QuantizedMatmulOptions,
  QuantizedMatmulResult,
} from '../types';
import { readSignal } from '../validate/options';
import { giveControl, readOptions, takeControl, type Product } from '../validate/product';
import { awaitJob, checkAliases, explain, takeHandle, writeJob } from './gemm';
import { PackedWeights } from './packWeights';
import { prepare, type Call, type DeviceInput, type Input, type Result, type Weights } from './qgemm';

type Options = QuantizedMatmulOptions | DeviceOptions<QuantizedMatmulOptions>;

const SYNC: Product = { quantized: true, async: false };
const ASYNC: Product = { quantized: true, async: true };

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
export function quantizedMatmul<O extends MatmulOutput = 'float32'>(
  a: DeviceInput,
  b: Weights,
  options?: DeviceOptions<QuantizedMatmulOptions> & { readonly output?: O },
): OnDevice<QuantizedMatmulResult<O>>;
export function quantizedMatmul(a: Input | DeviceInput, b: Weights, options?: Options): unknown {
  const backend = nativeBinding();
  const given = readOptions(options, SYNC);
  const control = takeControl();
  const call = prepare(control.slots, a, b, given);
  const native = bindingFor(backend, call.cuda);
  if (call.empty || native === undefined) return runWithout(control, a, b, options, call);
  const handle = takeHandle(native, control.slots, call, quantizedMatmul);
  try {
    const { out, bias, aScales, aZeros, residual } = call;
    if (isGrouped(call)) native.nbits(control.bytes, call.a, handle, call.out, call.bias, call.residual);
    else if (aScales !== undefined || residual !== undefined)
      native.qgemm(control.bytes, call.a, handle, out, bias, aScales, aZeros, residual);
    // What is not given costs nothing, each `undefined` 15 ns.
    else if (bias !== undefined) native.qgemm(control.bytes, call.a, handle, out, bias);
    else native.qgemm(control.bytes, call.a, handle, out);
  } catch (thrown) {
    throw explain(thrown, control.slots, call, quantizedMatmul);
  } finally {
    if ('data' in call.weights) native.dispose(handle);
  }
  giveControl(control);
  return call.result;
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
export function quantizedMatmulAsync<O extends MatmulOutput = 'float32'>(
  a: DeviceInput,
  b: Weights,
  options?: DeviceOptions<QuantizedMatmulOptions> & AsyncOptions & { readonly output?: O },
): Promise<OnDevice<QuantizedMatmulResult<O>>>;
export async function quantizedMatmulAsync(a: Input | DeviceInput, b: Weights, options?: Options): Promise<unknown> {
  const backend = nativeBinding();
  const given = readOptions(options, ASYNC);
  const signal = readSignal(given.signal);
  if (signal?.aborted === true) throw signal.reason;
  const control = takeControl();
  const call = prepare(control.slots, a, b, given);
  const native = bindingFor(backend, call.cuda);
  if (call.empty || native === undefined) return runWithout(control, a, b, options, call);
  const job = writeJob(control.slots, call.ownsOut);
  const handle = takeHandle(native, control.slots, call, quantizedMatmulAsync);
  let done: Promise<void>;
  try {
    done = isGrouped(call)
      ? native.nbitsAsync(control.bytes, call.a, handle, call.out, call.bias, call.residual)
      : native.qgemmAsync(control.bytes, call.a, handle, call.out, call.bias, call.aScales, call.aZeros, call.residual);
  } catch (thrown) {
    throw explain(thrown, control.slots, call, quantizedMatmulAsync);
  } finally {
    // The job holds the packed weights for as long as it needs them.
    if ('data' in call.weights) native.dispose(handle);
  }
  giveControl(control);
  await awaitJob(native, job, done, signal, quantizedMatmulAsync);
  return call.result;
}

type GroupedCall = Call & Record<'a' | 'out', Float32Array> & Readonly<Record<'bias' | 'residual', Float32Array | undefined>>;

/** Calls whose weights are in groups; `prepare` has seen to it that the arrays are float32. */
function isGrouped(call: Call): call is GroupedCall {
  return 'groupSize' in call.weights && call.weights.groupSize > 0;
}

/** Empty products, and those of the reference backend. */
function runWithout(control: Control, a: Input | DeviceInput, b: Weights, options: Options | undefined, call: Call): Result {
  checkAliases(control.slots, call);
  giveControl(control);
  if (call.empty) return call.result;
  const packed = 'oracle' in call.weights ? call.weights.oracle : undefined;
  const weights = b instanceof PackedWeights ? packed : b;
  if (weights === undefined) throw expected('ERR_LOWP_HANDLE', 'weights packed by this backend', 'b', b);
  reference.quantizedMatmul<MatmulOutput>(a as Input, weights as reference.PackedWeights, {
    ...(options as QuantizedMatmulOptions),
    out: call.out,
  });
  return call.result;
}
