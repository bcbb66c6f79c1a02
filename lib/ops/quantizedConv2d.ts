import { nativeBinding } from '../native/load';
import type {
  AsyncOptions,
  DeviceOptions,
  DeviceQuantizedTensor,
  MatmulOutput,
  OnDevice,
  QuantizedConv2dOptions,
  QuantizedMatmulResult,
  QuantizedTensor,
  Tensor,
} from '../types';
import { checkKeys, readSignal } from '../validate/options';
import { prepareConv, QUANTIZED_KEYS } from './conv';
import type { PackedConv2d } from './packConv2d';
import { runConv, runConvAsync } from './runConv';

const ASYNC_KEYS: ReadonlySet<string> = new Set([...QUANTIZED_KEYS, 'signal']);

type Weights = QuantizedTensor | PackedConv2d;
type Options = QuantizedConv2dOptions | DeviceOptions<QuantizedConv2dOptions>;

/**
 * 8-bit convolution of images: `conv2d` of the real values, summed exactly in int32.
 *
 * `x` is a QuantizedTensor with one scale and zero point, which is also what padding has (real zero); `weights` is one with one scale
 * and zero point, or one per output channel (`axis` 0), or the result of `packConv2d`. Shapes, `groups`, strides, dilations and padding
 * are those of `conv2d`. The result is float32 real values by default, `output: 'int32'` for the exact sums in units of x.scale *
 * weights.scale, or `output: { dtype, scale, zeroPoint }` for 8-bit values. Bias, `residual` and activation are applied before the output
 * is rounded.
 *
 * Sums are those of ONNX ConvInteger, 8-bit results those of ONNX QLinearConv in float32 steps, ties to even (the rule of
 * `quantizedMatmul`): equal integers on every instruction set and for every number of threads.
 *
 * @throws ERR_LOWP_TYPE, ERR_LOWP_SHAPE (also where the kernel is larger than x with its padding), ERR_LOWP_VALUE (also where so many
 * products are summed that the sum could leave int32; the message has the bound), ERR_LOWP_ALIAS (`out` overlaps an input),
 * ERR_LOWP_DETACHED, ERR_LOWP_DISPOSED, ERR_LOWP_HANDLE, ERR_LOWP_UNSUPPORTED (`device`, or no native binary), ERR_LOWP_NOMEM.
 * @example
 * const x = { data: Uint8Array.of(2, 4, 6, 8), shape: [1, 1, 2, 2], scale: 0.5, zeroPoint: 2 };
 * const weights = { data: Int8Array.of(1, 1, 1, 1), shape: [1, 1, 2, 2], scale: 0.25, zeroPoint: 0 };
 * const y = quantizedConv2d(x, weights, { padding: 'same', activation: { min: 0, max: 6 } });
 * console.log(y.data); // Float32Array(4) [ 1.5, 1, 1.25, 0.75 ]
 */
export function quantizedConv2d<O extends MatmulOutput = 'float32'>(
  x: QuantizedTensor,
  weights: Weights,
  options?: QuantizedConv2dOptions & { readonly output?: O },
): QuantizedMatmulResult<O>;
export function quantizedConv2d<O extends MatmulOutput = 'float32'>(
  x: DeviceQuantizedTensor,
  weights: Weights,
  options?: DeviceOptions<QuantizedConv2dOptions> & { readonly output?: O },
): OnDevice<QuantizedMatmulResult<O>>;
export function quantizedConv2d(x: Tensor<unknown>, weights: Weights, options?: Options): unknown {
  nativeBinding();
  const call = prepareConv('int8', x, weights, options, QUANTIZED_KEYS);
  runConv(call, quantizedConv2d);
  return call.result;
}

/**
 * `quantizedConv2d` off the event loop. The inputs are copied (packed weights are immutable anyway) before the call returns, so the
 * caller may change them at once; `out` is written when the promise resolves. `signal` cancels: the promise rejects with its reason.
 *
 * @throws Never: argument errors reject, with the codes of `quantizedConv2d`; also ERR_LOWP_DETACHED where `out` was detached meanwhile.
 * @example
 * const x = { data: Uint8Array.of(1, 2, 3, 4), shape: [1, 1, 2, 2], scale: 1, zeroPoint: 0 };
 * const weights = { data: Int8Array.of(1, 0, 0, 1), shape: [1, 1, 2, 2], scale: 1, zeroPoint: 0 };
 * console.log((await quantizedConv2dAsync(x, weights, { output: 'int32' })).data); // Int32Array(1) [ 5 ]
 */
export function quantizedConv2dAsync<O extends MatmulOutput = 'float32'>(
  x: QuantizedTensor,
  weights: Weights,
  options?: QuantizedConv2dOptions & AsyncOptions & { readonly output?: O },
): Promise<QuantizedMatmulResult<O>>;
export function quantizedConv2dAsync<O extends MatmulOutput = 'float32'>(
  x: DeviceQuantizedTensor,
  weights: Weights,
  options?: DeviceOptions<QuantizedConv2dOptions> & AsyncOptions & { readonly output?: O },
): Promise<OnDevice<QuantizedMatmulResult<O>>>;
export async function quantizedConv2dAsync(
  x: Tensor<unknown>,
  weights: Weights,
  options?: Options & AsyncOptions,
): Promise<unknown> {
  nativeBinding();
  checkKeys(options, ASYNC_KEYS, 'options');
  const signal = readSignal(options?.signal);
  if (signal?.aborted === true) throw signal.reason;
  const call = prepareConv('int8', x, weights, options, ASYNC_KEYS);
  await runConvAsync(call, signal, quantizedConv2dAsync);
  return call.result;
}
