/** Convolution layers of networks, from text files. */
import { basename } from 'node:path';
import { readLines } from './shapes';
import { InputError } from './types';

/** A layer of a network: square kernels, one stride and padding for both directions. */
export interface ConvShape {
  readonly channels: number;
  readonly height: number;
  readonly width: number;
  readonly outChannels: number;
  readonly kernel: number;
  readonly stride: number;
  readonly padding: number;
  readonly groups: number;
  /** How many layers of the network have this shape. */
  readonly count: number;
}

/** A file of layers: what the times of a network are summed over. */
export interface Network {
  readonly name: string;
  readonly layers: readonly ConvShape[];
  /** Layers that the file has, of which `layers` may be some. */
  readonly total: number;
}

const FORMAT = 'channels height width outChannels kernel stride padding groups count';

export function isDepthwise({ channels, groups }: ConvShape): boolean {
  return groups > 1 && groups === channels;
}

/** `dw 3x3 96 @112 s2`, `1x1 64->256 @56`. */
export function convName(shape: ConvShape): string {
  const { channels, height, width, outChannels, kernel, stride, groups } = shape;
  const size = height === width ? `@${height}` : `@${height}x${width}`;
  const through = isDepthwise(shape) && outChannels === channels ? `${channels}` : `${channels}->${outChannels}`;
  const grouped = groups > 1 && !isDepthwise(shape) ? ` g${groups}` : '';
  return `${isDepthwise(shape) ? 'dw ' : ''}${kernel}x${kernel} ${through} ${size}${grouped}${stride > 1 ? ` s${stride}` : ''}`;
}

/** [height, width] of the result. */
export function outSize({ height, width, kernel, stride, padding }: ConvShape): [number, number] {
  const along = (size: number): number => Math.floor((size + 2 * padding - kernel) / stride) + 1;
  return [along(height), along(width)];
}

/** Products that one element of the result is the sum of. */
export function depthOf({ channels, groups, kernel }: ConvShape): number {
  return (channels / groups) * kernel * kernel;
}

/** A multiply-add counts as two. */
export function convOperations(shape: ConvShape): number {
  const [h, w] = outSize(shape);
  return 2 * h * w * shape.outChannels * depthOf(shape);
}

/** Elements of x, the weights and y, each once. */
export function convElements(shape: ConvShape): number {
  const { channels, height, width, outChannels } = shape;
  const [h, w] = outSize(shape);
  return channels * height * width + outChannels * depthOf(shape) + outChannels * h * w;
}

/** Reads lines of nine numbers; `#` starts a comment, a trailing `*` marks a line that `quick` takes. */
export function readNetwork(path: string, quick: boolean): Network {
  const marked = readLines(path, FORMAT, (text) => {
    const match = /^((?:\d+\s+){8}\d+)\s*(\*?)$/.exec(text);
    const shape = match === null ? undefined : shapeOf(match[1].split(/\s+/).map(Number));
    return match === null || shape === undefined ? undefined : [{ shape, quick: match[2] === '*' }];
  });
  const layers = marked.filter((line) => !quick || line.quick).map(({ shape }) => shape);
  if (layers.length === 0) {
    throw new InputError(`Expected at least one line with a trailing * (--quick) in ${basename(path)} but received none`);
  }
  return { name: basename(path).replace(/(_conv)?\.txt$/, ''), layers, total: marked.length };
}

/** Undefined where that is no convolution. */
function shapeOf(numbers: readonly number[]): ConvShape | undefined {
  const [channels, height, width, outChannels, kernel, stride, padding, groups, count] = numbers;
  const shape = { channels, height, width, outChannels, kernel, stride, padding, groups, count };
  const positive = [channels, height, width, outChannels, kernel, stride, groups, count, ...outSize(shape)].every((n) => n >= 1);
  return positive && channels % groups === 0 && outChannels % groups === 0 ? shape : undefined;
}
