import { nativeBinding } from '../native/load';
import type {
  AsyncOptions,
  AveragePool2dOptions,
  DeviceOptions,
  DeviceQuantizedTensor,
  DeviceTensor,
  GlobalAveragePool2dOptions,
  MaxPool2dOptions,
  OnDevice,
  Pooled,
  QuantizedTensor,
  Tensor,
} from '../types';
import { checkKeys, readSignal } from '../validate/options';
import { prepareAverage, prepareGlobal, prepareMax, type PoolCall } from './poolCall';
import { runPool, runPoolAsync } from './runPool';

const MAX_KEYS: ReadonlySet<string> = new Set([
  ...['layout', 'kernel', 'strides', 'dilations', 'padding', 'ceilMode', 'out', 'threads', 'device'],
]);
const AVERAGE_KEYS: ReadonlySet<string> = new Set([...MAX_KEYS, 'countIncludePad', 'output']);
const GLOBAL_KEYS: ReadonlySet<string> = new Set(['layout', 'output', 'out', 'threads', 'device']);
const withSignal = (keys: ReadonlySet<string>): ReadonlySet<string> => new Set([...keys, 'signal']);
const MAX_ASYNC_KEYS = withSignal(MAX_KEYS);
const AVERAGE_ASYNC_KEYS = withSignal(AVERAGE_KEYS);
const GLOBAL_ASYNC_KEYS = withSignal(GLOBAL_KEYS);

type Input = Tensor<Float32Array> | QuantizedTensor;
type DeviceInput = DeviceTensor | DeviceQuantizedTensor;
type OnDevicePooled<X> = OnDevice<Pooled<X extends DeviceQuantizedTensor ? QuantizedTensor : Tensor<Float32Array>>>;

/**
 * The largest value of each window of images, as ONNX MaxPool.
 *
 * `x` is [N, C, H, W] ([N, H, W, C] with layout `'NHWC'`; with one spatial dimension [N, C, L] or [N, L, C]), float32 or a
 * QuantizedTensor with one scale, which the result shares. The window has the size `kernel` and moves as that of `conv2d`; padding never
 * is the largest. NaN is the largest of a float32 window that has one, and a zero comes out as +0. A window with no value at all, which
 * only padding of the kernel's size or dilations wider than x can make, gives -Infinity (the lowest of the 8-bit values).
 *
 * @throws ERR_LOWP_TYPE, ERR_LOWP_SHAPE, ERR_LOWP_VALUE, ERR_LOWP_ALIAS (`out` overlaps x), ERR_LOWP_DETACHED, ERR_LOWP_UNSUPPORTED
 * (`device`, or no native binary), ERR_LOWP_NOMEM.
 * @example
 * const x = { data: Float32Array.of(1, 5, 2, 3, 4, 6), shape: [1, 1, 2, 3] };
 * console.log(maxPool2d(x, { kernel: 2 }).data); // Float32Array(2) [ 5, 6 ]
 */
export function maxPool2d<X extends Input>(x: X, options: MaxPool2dOptions): Pooled<X>;
export function maxPool2d<X extends DeviceInput>(x: X, options: DeviceOptions<MaxPool2dOptions>): OnDevicePooled<X>;
export function maxPool2d(x: Tensor<unknown>, options: MaxPool2dOptions | DeviceOptions<MaxPool2dOptions>): unknown {
  nativeBinding();
  const call = prepareMax(x, options, MAX_KEYS);
  runPool(call, maxPool2d);
  return call.result;
}

/**
 * `maxPool2d` off the event loop. `x` is copied before the call returns, so the caller may change it at once; `out` is written when the
 * promise resolves. `signal` cancels: the promise rejects with its reason.
 *
 * @throws Never: argument errors reject, with the codes of `maxPool2d`; also ERR_LOWP_DETACHED where `out` was detached meanwhile.
 * @example
 * const x = { data: Float32Array.of(1, 5, 2, 3, 4, 6), shape: [1, 1, 2, 3] };
 * console.log((await maxPool2dAsync(x, { kernel: [2, 3] })).data); // Float32Array(1) [ 6 ]
 */
export function maxPool2dAsync<X extends Input>(x: X, options: MaxPool2dOptions & AsyncOptions): Promise<Pooled<X>>;
export function maxPool2dAsync<X extends DeviceInput>(
  x: X,
  options: DeviceOptions<MaxPool2dOptions> & AsyncOptions,
): Promise<OnDevicePooled<X>>;
export async function maxPool2dAsync(
  x: Tensor<unknown>,
  options: (MaxPool2dOptions | DeviceOptions<MaxPool2dOptions>) & AsyncOptions,
): Promise<unknown> {
  return runAsync(() => prepareMax(x, options, MAX_ASYNC_KEYS), options, MAX_ASYNC_KEYS, maxPool2dAsync);
}

/**
 * The average of each window of images, as ONNX AveragePool: of the elements that the window has in x, or, with `countIncludePad`, of
 * its zeros of padding too. `x` and the windows are as in `maxPool2d`.
 *
 * float32 is summed in float64, multiplied by 1 / count and rounded once: an element y is within 2^-24 |y| + 2^-52 sum|x| of the
 * average, over the elements of its window; NaN and infinities propagate. 8-bit values are summed exactly: q = saturate(round(sum of (x - zeroPoint) * m) + output.zeroPoint),
 * ties to even, with m = x.scale / (output.scale * count), each step in float32, as onnxruntime's QLinearGlobalAveragePool does it;
 * `output` has the scale and zero point of x by default. A window with no value at all gives 0.
 *
 * @throws ERR_LOWP_TYPE, ERR_LOWP_SHAPE, ERR_LOWP_VALUE, ERR_LOWP_ALIAS (`out` overlaps x), ERR_LOWP_DETACHED, ERR_LOWP_UNSUPPORTED
 * (`device`, or no native binary), ERR_LOWP_NOMEM.
 * @example
 * const x = { data: Float32Array.of(1, 5, 2, 3, 4, 7), shape: [1, 1, 2, 3] };
 * console.log(averagePool2d(x, { kernel: 2 }).data); // Float32Array(2) [ 3.25, 4.5 ]
 */
export function averagePool2d<X extends Input>(x: X, options: AveragePool2dOptions): Pooled<X>;
export function averagePool2d<X extends DeviceInput>(x: X, options: DeviceOptions<AveragePool2dOptions>): OnDevicePooled<X>;
export function averagePool2d(x: Tensor<unknown>, options: AveragePool2dOptions | DeviceOptions<AveragePool2dOptions>): unknown {
  nativeBinding();
  const call = prepareAverage(x, options, AVERAGE_KEYS);
  runPool(call, averagePool2d);
  return call.result;
}

/**
 * `averagePool2d` off the event loop, as `maxPool2dAsync` is `maxPool2d`.
 *
 * @throws Never: argument errors reject, with the codes of `averagePool2d`; also ERR_LOWP_DETACHED where `out` was detached meanwhile.
 * @example
 * const x = { data: Float32Array.of(1, 5, 2, 3, 4, 7), shape: [1, 1, 2, 3] };
 * console.log((await averagePool2dAsync(x, { kernel: 2, padding: 'same' })).data.length); // 6
 */
export function averagePool2dAsync<X extends Input>(x: X, options: AveragePool2dOptions & AsyncOptions): Promise<Pooled<X>>;
export function averagePool2dAsync<X extends DeviceInput>(
  x: X,
  options: DeviceOptions<AveragePool2dOptions> & AsyncOptions,
): Promise<OnDevicePooled<X>>;
export async function averagePool2dAsync(
  x: Tensor<unknown>,
  options: (AveragePool2dOptions | DeviceOptions<AveragePool2dOptions>) & AsyncOptions,
): Promise<unknown> {
  return runAsync(() => prepareAverage(x, options, AVERAGE_ASYNC_KEYS), options, AVERAGE_ASYNC_KEYS, averagePool2dAsync);
}

/**
 * The average of each channel of each image: [N, C, 1, 1] ([N, 1, 1, C], [N, C, 1], [N, 1, C]). Numbers are those of `averagePool2d`
 * with a window as large as the image; ONNX GlobalAveragePool and QLinearGlobalAveragePool.
 *
 * @throws ERR_LOWP_TYPE, ERR_LOWP_SHAPE, ERR_LOWP_VALUE, ERR_LOWP_ALIAS (`out` overlaps x), ERR_LOWP_DETACHED, ERR_LOWP_UNSUPPORTED
 * (`device`, or no native binary), ERR_LOWP_NOMEM.
 * @example
 * const x = { data: Uint8Array.of(10, 20, 31, 40), shape: [1, 1, 2, 2], scale: 0.5, zeroPoint: 10 };
 * console.log(globalAveragePool2d(x).data); // Uint8Array(1) [ 25 ]
 */
export function globalAveragePool2d<X extends Input>(x: X, options?: GlobalAveragePool2dOptions): Pooled<X>;
export function globalAveragePool2d<X extends DeviceInput>(
  x: X,
  options?: DeviceOptions<GlobalAveragePool2dOptions>,
): OnDevicePooled<X>;
export function globalAveragePool2d(
  x: Tensor<unknown>,
  options?: GlobalAveragePool2dOptions | DeviceOptions<GlobalAveragePool2dOptions>,
): unknown {
  nativeBinding();
  const call = prepareGlobal(x, options, GLOBAL_KEYS);
  runPool(call, globalAveragePool2d);
  return call.result;
}

/**
 * `globalAveragePool2d` off the event loop, as `maxPool2dAsync` is `maxPool2d`.
 *
 * @throws Never: argument errors reject, with the codes of `globalAveragePool2d`; also ERR_LOWP_DETACHED where `out` was detached
 * meanwhile.
 * @example
 * const x = { data: Float32Array.of(1, 2, 3, 6), shape: [1, 1, 2, 2] };
 * console.log((await globalAveragePool2dAsync(x)).data); // Float32Array(1) [ 3 ]
 */
export function globalAveragePool2dAsync<X extends Input>(
  x: X,
  options?: GlobalAveragePool2dOptions & AsyncOptions,
): Promise<Pooled<X>>;
export function globalAveragePool2dAsync<X extends DeviceInput>(
  x: X,
  options?: DeviceOptions<GlobalAveragePool2dOptions> & AsyncOptions,
): Promise<OnDevicePooled<X>>;
export async function globalAveragePool2dAsync(
  x: Tensor<unknown>,
  options?: (GlobalAveragePool2dOptions | DeviceOptions<GlobalAveragePool2dOptions>) & AsyncOptions,
): Promise<unknown> {
  return runAsync(() => prepareGlobal(x, options, GLOBAL_ASYNC_KEYS), options, GLOBAL_ASYNC_KEYS, globalAveragePool2dAsync);
}

async function runAsync(
  prepare: () => PoolCall,
  options: AsyncOptions | undefined,
  keys: ReadonlySet<string>,
  caller: Parameters<typeof runPoolAsync>[2],
): Promise<unknown> {
  nativeBinding();
  checkKeys(options, keys, 'options');
  const signal = readSignal(options?.signal);
  if (signal?.aborted === true) throw signal.reason;
  const call = prepare();
  await runPoolAsync(call, signal, caller);
  return call.result;
}
