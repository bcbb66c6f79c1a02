import { expected } from '../errors';
import type {
  AveragePool2dOptions,
  GlobalAveragePool2dOptions,
  MaxPool2dOptions,
  Pooled,
  QuantizedOutput,
  QuantizedTensor,
  Tensor,
} from '../types';
import { checkAlias, type ArrayTag } from '../validate/arrays';
import { windowShape, type WindowSizes } from '../validate/conv';
import { checkKeys, readBoolean } from '../validate/options';
import { readGlobalWindow, readPoolImage, readPoolOutput, readPoolWindow, type PoolImage } from '../validate/pool';
import { contiguous } from './contiguous';
import { readOut } from './gemm';
import { poolAverages, poolMaxima, type Pooling } from './poolLoops';

const MAX_KEYS: ReadonlySet<string> = new Set([...['layout', 'kernel', 'strides', 'dilations', 'padding', 'ceilMode', 'out']]);
const AVERAGE_KEYS: ReadonlySet<string> = new Set([...MAX_KEYS, 'countIncludePad', 'output']);
const GLOBAL_KEYS: ReadonlySet<string> = new Set(['layout', 'output', 'out']);

type Input = Tensor<Float32Array> | QuantizedTensor;
type Output = Tensor<Float32Array | Int8Array | Uint8Array> & Partial<Pick<QuantizedTensor, 'scale' | 'zeroPoint'>>;

/**
 * The largest value of each window of images, as ONNX MaxPool.
 *
 * `x` is [N, C, H, W] ([N, H, W, C] with layout `'NHWC'`; with one spatial dimension [N, C, L] or [N, L, C]), float32 or a
 * QuantizedTensor with one scale, which the result shares. The window has the size `kernel` and moves as that of `conv2d`; padding never
 * is the largest. NaN is the largest of a float32 window that has one. A window with no value at all, which only padding of the kernel's
 * size or dilations wider than x can make, gives -Infinity (the lowest of the 8-bit values).
 *
 * @throws ERR_LOWP_TYPE, ERR_LOWP_SHAPE, ERR_LOWP_VALUE, ERR_LOWP_ALIAS (`out` overlaps x), ERR_LOWP_DETACHED, ERR_LOWP_NOMEM.
 * @example
 * const x = { data: Float32Array.of(1, 5, 2, 3, 4, 6), shape: [1, 1, 2, 3] };
 * console.log(maxPool2d(x, { kernel: 2 }).data); // Float32Array(2) [ 5, 6 ]
 */
export function maxPool2d<X extends Input>(x: X, options: MaxPool2dOptions): Pooled<X>;
export function maxPool2d(x: Input, options: MaxPool2dOptions): Output {
  checkOptions(options, MAX_KEYS);
  const image = readPoolImage(x);
  return pool(image, readPoolWindow(image, options), image.quantized, options.out, poolMaxima);
}

/**
 * The average of each window of images, as ONNX AveragePool: of the elements that the window has in x, or, with `countIncludePad`, of
 * its zeros of padding too. `x` and the windows are as in `maxPool2d`.
 *
 * float32 sums are made in float64. 8-bit values are summed exactly: q = saturate(round(sum of (x - zeroPoint) * m) + output.zeroPoint),
 * ties to even, with m = x.scale / (output.scale * count), each step in float32, as onnxruntime's QLinearGlobalAveragePool does it;
 * `output` has the scale and zero point of x by default. A window with no value at all gives 0.
 *
 * @throws ERR_LOWP_TYPE, ERR_LOWP_SHAPE, ERR_LOWP_VALUE, ERR_LOWP_ALIAS (`out` overlaps x), ERR_LOWP_DETACHED, ERR_LOWP_NOMEM.
 * @example
 * const x = { data: Float32Array.of(1, 5, 2, 3, 4, 7), shape: [1, 1, 2, 3] };
 * console.log(averagePool2d(x, { kernel: 2 }).data); // Float32Array(2) [ 3.25, 4.5 ]
 */
export function averagePool2d<X extends Input>(x: X, options: AveragePool2dOptions): Pooled<X>;
export function averagePool2d(x: Input, options: AveragePool2dOptions): Output {
  checkOptions(options, AVERAGE_KEYS);
  const image = readPoolImage(x);
  const window = readPoolWindow(image, options);
  const countIncludePad = readBoolean(options.countIncludePad, 'options.countIncludePad');
  const output = readPoolOutput(options.output, image);
  return pool(image, window, output, options.out, poolAverages, countIncludePad);
}

/**
 * The average of each channel of each image: [N, C, 1, 1] ([N, 1, 1, C], [N, C, 1], [N, 1, C]). Numbers are those of `averagePool2d`
 * with a window as large as the image; ONNX GlobalAveragePool and QLinearGlobalAveragePool.
 *
 * @throws ERR_LOWP_TYPE, ERR_LOWP_SHAPE, ERR_LOWP_VALUE, ERR_LOWP_ALIAS (`out` overlaps x), ERR_LOWP_DETACHED, ERR_LOWP_NOMEM.
 * @example
 * const x = { data: Uint8Array.of(10, 20, 31, 40), shape: [1, 1, 2, 2], scale: 0.5, zeroPoint: 10 };
 * console.log(globalAveragePool2d(x).data); // Uint8Array(1) [ 25 ]
 */
export function globalAveragePool2d<X extends Input>(x: X, options?: GlobalAveragePool2dOptions): Pooled<X>;
export function globalAveragePool2d(x: Input, options?: GlobalAveragePool2dOptions): Output {
  checkKeys(options, GLOBAL_KEYS, 'options');
  const image = readPoolImage(x);
  const window = readGlobalWindow(image, options?.layout);
  return pool(image, window, readPoolOutput(options?.output, image), options?.out, poolAverages);
}

function checkOptions(options: unknown, keys: ReadonlySet<string>): void {
  if (options === undefined) throw expected('ERR_LOWP_TYPE', 'an object with a kernel', 'options', options);
  checkKeys(options as object, keys, 'options');
}

function pool(
  image: PoolImage,
  window: WindowSizes,
  output: Required<QuantizedOutput> | undefined,
  givenOut: unknown,
  loops: (pooling: Pooling) => void,
  countIncludePad = false,
): Output {
  const shape = windowShape(window, window.channels);
  const count = shape.reduce((product, size) => product * size, 1);
  const tag: ArrayTag = output === undefined ? 'Float32Array' : output.dtype === 'int8' ? 'Int8Array' : 'Uint8Array';
  const out = readOut(givenOut, tag, count, 'the product of the sizes of the result') as Output['data'];
  if (givenOut !== undefined) checkAlias(out, image.data, 'x');
  const x = contiguous(image.data, image.shape, image.strides);
  if (count > 0) loops({ x, out, window, countIncludePad, quantized: image.quantized, output });
  if (output === undefined) return { data: out, shape };
  return { data: out, shape, scale: output.scale, zeroPoint: output.zeroPoint };
}
