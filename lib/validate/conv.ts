/** Convolution and pooling: sizes, strides, dilations, padding, and the size of what results. Errors name the arithmetic. */
import type { ConvLayout, WindowOptions } from '../types';
import { expected, lowpError } from '../errors';
import { readName } from './options';
import { checkCount, checkShape, readSize } from './shapes';

const LAYOUTS = ['NCHW', 'NHWC'] as const;
const PADDINGS = ['valid', 'same', 'sameLower'] as const;
/** Sizes with their padding reach native code as 32-bit integers. */
const MAX_PADDED = 2 ** 31 - 1;

/** Sizes of x. One spatial dimension (`spatial` 1) is the width of a height of 1. */
export interface ImageSizes {
  readonly layout: ConvLayout;
  readonly spatial: 1 | 2;
  readonly batch: number;
  readonly channels: number;
  readonly height: number;
  readonly width: number;
}

/** All that says which elements of x an element of the result is made of. Padding is never negative; every out is 1 or more. */
export interface WindowSizes extends ImageSizes {
  readonly kernelH: number;
  readonly kernelW: number;
  readonly strideH: number;
  readonly strideW: number;
  readonly dilationH: number;
  readonly dilationW: number;
  readonly padTop: number;
  readonly padLeft: number;
  readonly padBottom: number;
  readonly padRight: number;
  readonly outH: number;
  readonly outW: number;
}

export function readLayout(value: unknown): ConvLayout {
  return value === undefined ? 'NCHW' : readName(value, LAYOUTS, 'options.layout');
}

/** Only the batch may be empty. */
export function readImages(shape: unknown, layout: ConvLayout): ImageSizes {
  checkShape(shape, 'x.shape');
  const rank = shape.length;
  if (rank !== 3 && rank !== 4) {
    const names = layout === 'NCHW' ? '[N, C, H, W] or [N, C, L]' : '[N, H, W, C] or [N, L, C]';
    throw expected('ERR_LOWP_SHAPE', `4 or 3 dimensions (${names})`, 'x.shape', shape);
  }
  for (let i = 1; i < rank; i++) {
    if (shape[i] === 0) throw expected('ERR_LOWP_SHAPE', 'at least 1', `x.shape[${i}]`, 0);
  }
  const first = layout === 'NCHW' ? 2 : 1;
  return {
    ...{ layout, spatial: rank === 3 ? 1 : 2, batch: shape[0], channels: shape[layout === 'NCHW' ? 1 : rank - 1] },
    ...{ height: rank === 3 ? 1 : shape[first], width: shape[rank === 3 ? first : first + 1] },
  };
}

/** The kernel of a pooling: [height, width], or one number. */
export function readKernel(value: unknown, spatial: 1 | 2): readonly [number, number] {
  return readPair(value, spatial, 'options.kernel');
}

/** `ceil`: a last window may end behind the padding, as long as it begins before x ends. */
export function readWindow(
  images: ImageSizes,
  [kernelH, kernelW]: readonly [number, number],
  options: WindowOptions,
  ceil = false,
): WindowSizes {
  const { spatial, height, width } = images;
  const { strides, dilations, padding } = options;
  const [strideH, strideW] = strides === undefined ? [1, 1] : readPair(strides, spatial, 'options.strides');
  const [dilationH, dilationW] = dilations === undefined ? [1, 1] : readPair(dilations, spatial, 'options.dilations');
  const pads = readPadding(padding, spatial);
  const [h, w] = spatial === 2 ? ['H', 'W'] : ['H', 'L'];
  const rows = place({ size: height, kernel: kernelH, stride: strideH, dilation: dilationH, name: h }, side(pads, 0), ceil);
  const columns = place({ size: width, kernel: kernelW, stride: strideW, dilation: dilationW, name: w }, side(pads, 1), ceil);
  return {
    ...{ ...images, kernelH, kernelW, strideH, strideW, dilationH, dilationW },
    ...{ padTop: rows.before, padBottom: rows.after, padLeft: columns.before, padRight: columns.after },
    ...{ outH: rows.out, outW: columns.out },
  };
}

/** [N, channels, outH, outW] in the layout's order, refused where no array could hold it. */
export function windowShape({ layout, spatial, batch, outH, outW }: WindowSizes, channels: number): number[] {
  const sizes = spatial === 1 ? [outW] : [outH, outW];
  const shape = layout === 'NCHW' ? [batch, channels, ...sizes] : [batch, ...sizes, channels];
  checkCount(shape, 'the shape of the result');
  return shape;
}

/** One or two sizes of 1 or more. */
function readPair(value: unknown, spatial: 1 | 2, name: string): readonly [number, number] {
  if (typeof value === 'number') {
    const size = readPositive(value, name);
    return spatial === 1 ? [1, size] : [size, size];
  }
  if (!Array.isArray(value)) throw expected('ERR_LOWP_TYPE', 'a number or an array of numbers', name, value);
  if (value.length !== spatial) {
    const what = spatial === 1 ? 'one number (x has one spatial dimension)' : 'two numbers (vertical, horizontal)';
    throw expected('ERR_LOWP_SHAPE', what, name, value);
  }
  const sizes = value.map((size: unknown, i) => readPositive(size, `${name}[${i}]`));
  return spatial === 1 ? [1, sizes[0]] : [sizes[0], sizes[1]];
}

function readPositive(value: unknown, name: string): number {
  if (typeof value !== 'number') throw expected('ERR_LOWP_TYPE', 'a number', name, value);
  if (!Number.isInteger(value) || value < 1 || value > MAX_PADDED) {
    throw expected('ERR_LOWP_VALUE', `an integer from 1 to ${MAX_PADDED}`, name, value);
  }
  return value;
}

type Name = (typeof PADDINGS)[number];
type Pads = Exclude<Name, 'valid'> | readonly [number, number, number, number];

/** [top, left, bottom, right], or a name whose numbers depend on sizes. */
function readPadding(value: unknown, spatial: 1 | 2): Pads {
  if (value === undefined) return [0, 0, 0, 0];
  if (typeof value === 'string') {
    const name = readName(value, PADDINGS, 'options.padding');
    return name === 'valid' ? [0, 0, 0, 0] : name;
  }
  if (typeof value === 'number') {
    const pad = readPad(value, 'options.padding');
    return spatial === 1 ? [0, pad, 0, pad] : [pad, pad, pad, pad];
  }
  if (!Array.isArray(value)) {
    throw expected('ERR_LOWP_TYPE', "an array, a number, 'valid', 'same' or 'sameLower'", 'options.padding', value);
  }
  if (value.length !== 2 * spatial) {
    const what = spatial === 1 ? '2 numbers ([left, right])' : '4 numbers ([top, left, bottom, right])';
    throw expected('ERR_LOWP_SHAPE', what, 'options.padding', value);
  }
  const pads = value.map((pad: unknown, i) => readPad(pad, `options.padding[${i}]`));
  return spatial === 1 ? [0, pads[0], 0, pads[1]] : [pads[0], pads[1], pads[2], pads[3]];
}

function readPad(value: unknown, name: string): number {
  if (typeof value !== 'number') throw expected('ERR_LOWP_TYPE', 'a number', name, value);
  if (!Number.isInteger(value) || value < 0 || value > MAX_PADDED) {
    throw expected('ERR_LOWP_VALUE', `an integer from 0 to ${MAX_PADDED}`, name, value);
  }
  return value + 0;
}

function side(pads: Pads, axis: 0 | 1): 'same' | 'sameLower' | readonly [number, number] {
  return typeof pads === 'string' ? pads : [pads[axis], pads[axis + 2]];
}

interface Along {
  readonly size: number;
  readonly kernel: number;
  readonly stride: number;
  readonly dilation: number;
  /** H, W or L. */
  readonly name: string;
}

interface Placed {
  readonly before: number;
  readonly after: number;
  readonly out: number;
}

/** Padding and number of windows along one dimension. */
function place(along: Along, pads: 'same' | 'sameLower' | readonly [number, number], ceil: boolean): Placed {
  const { size, kernel, stride, dilation, name } = along;
  const extent = (kernel - 1) * dilation + 1;
  const [before, after] = typeof pads === 'string' ? samePads(along, extent, pads) : pads;
  const padded = size + before + after;
  const sum = `${name} ${size} + padding ${before} + ${after}`;
  if (padded > MAX_PADDED) {
    throw lowpError('ERR_LOWP_SHAPE', `Expected at most ${MAX_PADDED} elements with padding but received ${padded} (${sum})`);
  }
  if (extent > padded) {
    const kernelName = name === 'L' ? 'k' : `k${name}`;
    throw lowpError(
      'ERR_LOWP_SHAPE',
      `Expected a kernel extent of at most ${padded} (${sum}) but received ${extent} ` +
        `((${kernelName} ${kernel} - 1) * dilation ${dilation} + 1)`,
    );
  }
  const steps = (padded - extent) / stride;
  let out = (ceil ? Math.ceil(steps) : Math.floor(steps)) + 1;
  if (ceil && (out - 1) * stride >= size + before) out -= 1;
  return { before, after, out };
}

/** So many that there are ceil(size / stride) windows. */
function samePads({ size, stride }: Along, extent: number, pads: 'same' | 'sameLower'): readonly [number, number] {
  const total = Math.max(0, (Math.ceil(size / stride) - 1) * stride + extent - size);
  const less = Math.floor(total / 2);
  return pads === 'same' ? [less, total - less] : [total - less, less];
}

/** Groups that divide the output channels. */
export function readGroupCount(value: unknown, outChannels: number): number {
  if (value === undefined) return 1;
  const groups = readSize(value, 'options.groups');
  if (groups < 1) throw expected('ERR_LOWP_VALUE', 'at least 1', 'options.groups', groups);
  if (outChannels % groups !== 0) {
    throw expected(
      'ERR_LOWP_SHAPE',
      `a divisor of the ${outChannels} output channels (weights.shape[0])`,
      'options.groups',
      groups,
    );
  }
  return groups;
}

interface Channels {
  readonly channelsPerGroup: number;
  readonly groups: number;
}

/** x has the channels that the weights are for. */
export function checkChannels({ channels, layout }: ImageSizes, { channelsPerGroup, groups }: Channels): void {
  if (channels === channelsPerGroup * groups) return;
  const want = `${channelsPerGroup * groups} (weights.shape[1] ${channelsPerGroup} * groups ${groups})`;
  throw expected('ERR_LOWP_SHAPE', want, `the channels of x (layout is '${layout}')`, channels);
}
