import { nativeBinding } from '../native/load';
import type { AsyncOptions, Conv2dOptions, DeviceOptions, DeviceTensor, Tensor } from '../types';
import { checkKeys, readSignal } from '../validate/options';
import { FLOAT_KEYS, prepareConv } from './conv';
import type { PackedConv2d } from './packConv2d';
import { runConv, runConvAsync } from './runConv';

const ASYNC_KEYS: ReadonlySet<string> = new Set([...FLOAT_KEYS, 'signal']);

type Weights = Tensor<Float32Array> | PackedConv2d;

/**
 * float32 convolution of images (a cross-correlation, as ONNX Conv): y[n, o, i, j] = sum over c, p, q of
 * x[n, c, i * stride - top + p * dilation, j * stride - left + q * dilation] * weights[o, c, p, q].
 *
 * `x` is [N, C, H, W], or [N, H, W, C] with layout `'NHWC'`; `weights` is [O, C / groups, kH, kW] for both: a float32 Tensor, or the
 * result of `packConv2d`. The result is [N, O, outH, outW] ([N, outH, outW, O]), outH = floor((H + top + bottom - (kH - 1) * dilation
 * - 1) / stride) + 1: activation(y + bias + residual). With `groups` each group of output channels sees its own input channels only;
 * groups = C is a depthwise convolution of O / C results for each channel. `batchNorm` is folded into weights and bias in float64. One
 * spatial dimension: x [N, C, L] ([N, L, C]) and weights [O, C / groups, k].
 *
 * NaN and infinities propagate; whether a weight that is not finite makes NaN of the zeros around x is left open. The order of the sum
 * depends on the instruction set, not on the number of threads; with K = C / groups * kH * kW its error is within
 * eps * (K + 1) * max|x| * max|weights| * 2.
 *
 * @throws ERR_LOWP_TYPE, ERR_LOWP_SHAPE (also where the kernel is larger than x with its padding), ERR_LOWP_VALUE, ERR_LOWP_ALIAS
 * (`out` overlaps an input), ERR_LOWP_DETACHED, ERR_LOWP_DISPOSED, ERR_LOWP_HANDLE, ERR_LOWP_UNSUPPORTED (`device`, or no native
 * binary), ERR_LOWP_NOMEM.
 * @example
 * const x = { data: Float32Array.of(1, 2, 3, 4, 5, 6, 7, 8, 9), shape: [1, 1, 3, 3] };
 * const weights = { data: Float32Array.of(1, 0, 0, -1), shape: [1, 1, 2, 2] };
 * const y = conv2d(x, weights, { bias: Float32Array.of(5), activation: 'relu' });
 * console.log(y.shape, y.data); // [ 1, 1, 2, 2 ], 1 1 1 1
 */
export function conv2d(x: Tensor<Float32Array>, weights: Weights, options?: Conv2dOptions): Tensor<Float32Array>;
export function conv2d(x: DeviceTensor, weights: Weights, options?: DeviceOptions<Conv2dOptions>): DeviceTensor;
export function conv2d(x: Tensor<unknown>, weights: Weights, options?: Conv2dOptions | DeviceOptions<Conv2dOptions>): unknown {
  nativeBinding();
  const call = prepareConv('float32', x, weights, options, FLOAT_KEYS);
  runConv(call, conv2d);
  return call.result;
}

/**
 * `conv2d` off the event loop. The inputs are copied (packed weights are immutable anyway) before the call returns, so the caller may
 * change them at once; `out` is written when the promise resolves. `signal` cancels: the promise rejects with its reason.
 *
 * @throws Never: argument errors reject, with the codes of `conv2d`; also ERR_LOWP_DETACHED where `out` was detached meanwhile.
 * @example
 * const x = { data: Float32Array.of(1, 2, 3, 4), shape: [1, 2, 2, 1] };
 * const weights = { data: Float32Array.of(1, 1, 1, -1), shape: [2, 2, 1, 1] };
 * console.log((await conv2dAsync(x, weights)).data); // 4 6 -2 -2
 */
export function conv2dAsync(
  x: Tensor<Float32Array>,
  weights: Weights,
  options?: Conv2dOptions & AsyncOptions,
): Promise<Tensor<Float32Array>>;
export function conv2dAsync(
  x: DeviceTensor,
  weights: Weights,
  options?: DeviceOptions<Conv2dOptions> & AsyncOptions,
): Promise<DeviceTensor>;
export async function conv2dAsync(
  x: Tensor<unknown>,
  weights: Weights,
  options?: (Conv2dOptions | DeviceOptions<Conv2dOptions>) & AsyncOptions,
): Promise<unknown> {
  nativeBinding();
  checkKeys(options, ASYNC_KEYS, 'options');
  const signal = readSignal(options?.signal);
  if (signal?.aborted === true) throw signal.reason;
  const call = prepareConv('float32', x, weights, options, ASYNC_KEYS);
  await runConvAsync(call, signal, conv2dAsync);
  return call.result;
}
