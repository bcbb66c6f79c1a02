/** Poolings, window by window. */
import type {
  AveragePool2dOptions,
  GlobalAveragePool2dOptions,
  MaxPool2dOptions,
  Pooled,
  QuantizedOutput,
  QuantizedTensor,
  Tensor,
} from '../types';
import { contiguousStrides, product } from './layout';
import { dtypeOf, range, toQuantized } from './numbers';
import { refuse } from './refuse';
import { imagesOf, pair, positions, shapeOf, windowOf, type Axis, type Images, type Window } from './window';

const f32 = Math.fround;

type Bytes = Int8Array | Uint8Array;
type Input = Tensor<Float32Array> | QuantizedTensor;
type Output = Tensor<Float32Array | Bytes> & Partial<Pick<QuantizedTensor, 'scale' | 'zeroPoint'>>;

/** The largest element of each window; NaN where there is one, and +0 for either zero. Of none: -Infinity, or the lowest of 8 bits. */
export function maxPool2d<X extends Input>(x: X, options: MaxPool2dOptions): Pooled<X>;
export function maxPool2d(x: Input, options: MaxPool2dOptions): Output {
  const images = imagesOf(x, options.layout);
  const window = windowOf(images, pair(options.kernel, images.spatial), options, options.ceilMode);
  const shape = shapeOf(options.layout, images.batch, images.channels, window.spatial);
  const float = isFloat(x);
  const lowest = float ? -Infinity : range(dtypeOf(x.data)).lo;
  const data = options.out ?? (float ? new Float32Array(product(shape)) : bytes(dtypeOf(x.data), product(shape)));
  forEachWindow(images, window, shape, options.layout, (index, elements) => {
    const larger = (v: number, at: number): number => (v > x.data[at] || Number.isNaN(v) ? v : x.data[at]);
    data[index] = elements.reduce(larger, lowest) + 0;
  });
  return float ? { data, shape } : { data, shape, scale: f32(parameters(x).scale), zeroPoint: parameters(x).zeroPoint };
}

/** float32: the sum in float64 divided by the count. 8 bits: sum of (x - zeroPoint) times f32(x.scale / f32(scale * count)), ties to even. */
export function averagePool2d<X extends Input>(x: X, options: AveragePool2dOptions): Pooled<X>;
export function averagePool2d(x: Input, options: AveragePool2dOptions): Output {
  const images = imagesOf(x, options.layout);
  const window = windowOf(images, pair(options.kernel, images.spatial), options, options.ceilMode);
  return average(x, images, window, options);
}

/** The average of each channel of each image. */
export function globalAveragePool2d<X extends Input>(x: X, options?: GlobalAveragePool2dOptions): Pooled<X>;
export function globalAveragePool2d(x: Input, options: GlobalAveragePool2dOptions = {}): Output {
  const images = imagesOf(x, options.layout);
  const window = windowOf(images, [images.height, images.width], {});
  return average(x, images, window, options);
}

function average(x: Input, images: Images, window: Window, options: Omit<AveragePool2dOptions, 'kernel'>): Output {
  const shape = shapeOf(options.layout, images.batch, images.channels, window.spatial);
  const countOf = (inside: number, oh: number, ow: number): number =>
    options.countIncludePad === true ? padded(window.h, oh) * padded(window.w, ow) : inside;
  if (isFloat(x)) {
    const data = options.out ?? new Float32Array(product(shape));
    forEachWindow(images, window, shape, options.layout, (index, elements, oh, ow) => {
      const sum = elements.reduce((total, at) => total + x.data[at], 0);
      const count = countOf(elements.length, oh, ow);
      data[index] = count === 0 ? 0 : sum / count;
    });
    return { data, shape };
  }
  const { scale, zeroPoint } = parameters(x);
  const output: QuantizedOutput = options.output ?? { dtype: dtypeOf(x.data), scale, zeroPoint };
  const zero = output.zeroPoint ?? 0;
  const data = options.out ?? bytes(output.dtype, product(shape));
  forEachWindow(images, window, shape, options.layout, (index, elements, oh, ow) => {
    const sum = elements.reduce((total, at) => total + x.data[at] - zeroPoint, 0);
    const count = countOf(elements.length, oh, ow);
    const multiplier = f32(f32(scale) / f32(f32(output.scale) * count));
    data[index] = count === 0 ? zero : toQuantized(f32(f32(sum) * multiplier), zero, output.dtype);
  });
  return { data, shape, scale: f32(output.scale), zeroPoint: zero };
}

/** How many places of window `o` are in x or its padding. */
function padded({ size, kernel, stride, dilation, before, after }: Axis, o: number): number {
  const all = Array.from({ length: kernel }, (_, i) => o * stride - before + i * dilation);
  return all.filter((at) => at < size + after).length;
}

function forEachWindow(
  images: Images,
  { h, w }: Window,
  shape: readonly number[],
  layout: MaxPool2dOptions['layout'],
  visit: (index: number, elements: readonly number[], oh: number, ow: number) => void,
): void {
  const result = imagesOf({ data: undefined, shape, strides: contiguousStrides(shape) }, layout);
  for (let n = 0; n < images.batch; n++) {
    for (let c = 0; c < images.channels; c++) {
      for (let oh = 0; oh < h.out; oh++) {
        for (let ow = 0; ow < w.out; ow++) {
          const rows = positions(h, oh);
          const columns = positions(w, ow);
          const elements = rows.flatMap((row) => columns.map((column) => images.at(n, c, row.at, column.at)));
          visit(result.at(n, c, oh, ow), elements, oh, ow);
        }
      }
    }
  }
}

function isFloat(x: Input): x is Tensor<Float32Array> {
  return !('scale' in x);
}

function parameters({ scale, zeroPoint }: QuantizedTensor): { scale: number; zeroPoint: number } {
  if (typeof scale === 'number' && typeof zeroPoint === 'number') return { scale, zeroPoint };
  throw refuse('ERR_LOWP_VALUE', 'Expected one scale and one zero point for x but received an axis');
}

function bytes(dtype: QuantizedOutput['dtype'], length: number): Bytes {
  return dtype === 'int8' ? new Int8Array(length) : new Uint8Array(length);
}
