/** Where a window of a convolution or pooling stands, dimension by dimension, and where elements of images are. */
import type { ConvLayout, Padding, Tensor, WindowOptions } from '../types';
import { contiguousStrides } from './layout';
import { refuse } from './refuse';

/** One spatial dimension: position i of output o is o * stride - before + i * dilation of x. */
export interface Axis {
  readonly size: number;
  readonly kernel: number;
  readonly stride: number;
  readonly dilation: number;
  readonly before: number;
  readonly after: number;
  readonly out: number;
}

/** Images [N, C, H, W] or [N, H, W, C], or with one spatial dimension, which is W of a height of 1. */
export interface Images {
  readonly batch: number;
  readonly channels: number;
  readonly height: number;
  readonly width: number;
  readonly spatial: 1 | 2;
  /** Index of an element in the data. */
  readonly at: (n: number, c: number, h: number, w: number) => number;
}

export function imagesOf(x: Tensor<unknown>, layout: ConvLayout = 'NCHW'): Images {
  const { shape } = x;
  const rank = shape.length;
  if (rank !== 3 && rank !== 4) throw refuse('ERR_LOWP_SHAPE', `Expected 3 or 4 dimensions for x.shape but received ${rank}`);
  const strides = x.strides ?? contiguousStrides(shape);
  const channelAxis = layout === 'NCHW' ? 1 : rank - 1;
  const widthAxis = layout === 'NCHW' ? rank - 1 : rank - 2;
  const oneRow = rank === 3;
  const rowStride = oneRow ? 0 : strides[widthAxis - 1];
  return {
    batch: shape[0],
    channels: shape[channelAxis],
    height: oneRow ? 1 : shape[widthAxis - 1],
    width: shape[widthAxis],
    spatial: oneRow ? 1 : 2,
    at: (n, c, h, w) => n * strides[0] + c * strides[channelAxis] + h * rowStride + w * strides[widthAxis],
  };
}

export function shapeOf(layout: ConvLayout = 'NCHW', batch: number, channels: number, spatial: readonly number[]): number[] {
  return layout === 'NCHW' ? [batch, channels, ...spatial] : [batch, ...spatial, channels];
}

export interface Window {
  readonly h: Axis;
  readonly w: Axis;
  /** Sizes of the result's spatial dimensions: one or two. */
  readonly spatial: readonly number[];
}

export function windowOf(images: Images, kernel: readonly [number, number], options: WindowOptions, ceil = false): Window {
  const strides = pair(options.strides ?? 1, images.spatial);
  const dilations = pair(options.dilations ?? 1, images.spatial);
  const sizes = [images.height, images.width];
  const [h, w] = sizes.map((size, i) => {
    const extent = (kernel[i] - 1) * dilations[i] + 1;
    const [before, after] = padding(options.padding ?? 'valid', i, images.spatial, { size, extent, stride: strides[i] });
    const steps = (size + before + after - extent) / strides[i];
    if (steps < 0) {
      throw refuse('ERR_LOWP_SHAPE', `Expected a kernel extent of at most ${size + before + after} but received ${extent}`);
    }
    let out = (ceil ? Math.ceil(steps) : Math.floor(steps)) + 1;
    // No window begins in the padding behind x.
    if (ceil && (out - 1) * strides[i] >= size + before) out -= 1;
    return { size, kernel: kernel[i], stride: strides[i], dilation: dilations[i], before, after, out };
  });
  return { h, w, spatial: images.spatial === 1 ? [w.out] : [h.out, w.out] };
}

/** [vertical, horizontal]; of one spatial dimension [1, s]. */
export function pair(value: number | readonly number[], spatial: 1 | 2): [number, number] {
  if (typeof value === 'number') return spatial === 1 ? [1, value] : [value, value];
  return spatial === 1 ? [1, value[0]] : [value[0], value[1]];
}

function padding(
  given: Padding,
  axis: number,
  spatial: 1 | 2,
  { size, extent, stride }: { size: number; extent: number; stride: number },
): [number, number] {
  if (given === 'valid' || (spatial === 1 && axis === 0)) return [0, 0];
  if (typeof given === 'number') return [given, given];
  if (typeof given === 'object') return spatial === 1 ? [given[0], given[1]] : [given[axis], given[axis + 2]];
  const total = Math.max(0, (Math.ceil(size / stride) - 1) * stride + extent - size);
  const less = Math.floor(total / 2);
  return given === 'same' ? [less, total - less] : [total - less, less];
}

/** The positions in x of output `o` that are within it, with their places in the window. */
export function positions({ size, kernel, stride, dilation, before }: Axis, o: number): { i: number; at: number }[] {
  const inside: { i: number; at: number }[] = [];
  for (let i = 0; i < kernel; i++) {
    const at = o * stride - before + i * dilation;
    if (at >= 0 && at < size) inside.push({ i, at });
  }
  return inside;
}
