import { expected } from '../errors';
import { truncatedSvd } from '../ops/truncatedSvd';
import type { Tensor, TruncatedSvdOptions } from '../types';
import { isTagged } from '../validate/arrays';
import { checkKeys, checkTensor, readName } from '../validate/options';
import { checkExtent, checkShape } from '../validate/shapes';

const KINDS = ['channel', 'spatial'] as const;
const KEYS: ReadonlySet<string> = new Set([
  ...['kind', 'strides', 'dilations', 'padding'],
  ...['rank', 'energy', 'maxError', 'parameterBudget', 'mode', 'seed', 'threads'],
]);

/** One number for both directions, or one for each. */
type Pair = number | readonly [number, number];

export interface SplitConv2dOptions extends Pick<
  TruncatedSvdOptions,
  'rank' | 'energy' | 'maxError' | 'parameterBudget' | 'mode' | 'seed' | 'threads'
> {
  /**
   * `'channel'`: kH x kW into r channels, then 1 x 1. `'spatial'`: kH x 1 into r channels, then 1 x kW.
   */
  readonly kind: 'channel' | 'spatial';
  /** Of the convolution that is split, [vertical, horizontal]. Default 1. */
  readonly strides?: Pair;
  readonly dilations?: Pair;
  /** [top, left, bottom, right]. Default 0. */
  readonly padding?: readonly [number, number, number, number];
}

/** Options of one of the two convolutions. */
export interface SplitStep {
  readonly strides: readonly [number, number];
  readonly dilations: readonly [number, number];
  readonly padding: readonly [number, number, number, number];
}

/** conv2d(conv2d(x, first, firstOptions), second, { ...secondOptions, bias, activation }) */
export interface SplitConv2d {
  /** [r, I, kH, kW], or [r, I, kH, 1]. */
  readonly first: Tensor<Float32Array>;
  /** [O, r, 1, 1], or [O, r, 1, kW]. */
  readonly second: Tensor<Float32Array>;
  readonly firstOptions: SplitStep;
  readonly secondOptions: SplitStep;
  readonly rank: number;
  /** ||weights - product of the two|| / ||weights|| (Frobenius), measured. */
  readonly error: number;
}

/**
 * Weights [O, I, kH, kW] of a convolution (groups 1) as those of two smaller ones, of lower rank r, by a truncated singular value
 * decomposition: of [O, I * kH * kW] (`'channel'`), r (I kH kW + O) parameters; or of [I * kH, O * kW] (`'spatial'`), r (I kH + O kW).
 * Both run through `conv2d` as they are, with the strides, dilations and padding of the whole shared out in `firstOptions` and
 * `secondOptions`; bias, residual and activation belong to the second.
 *
 * The rank is decided as in `truncatedSvd`, of that matrix.
 *
 * Sources: Denton et al. 2014 and Zhang et al. 2015 (channels), Jaderberg, Vedaldi, Zisserman 2014 and Tai et al. 2016 (spatial).
 *
 * @throws ERR_LOWP_TYPE, ERR_LOWP_SHAPE, ERR_LOWP_VALUE, ERR_LOWP_DETACHED, ERR_LOWP_NOMEM.
 * @example
 * const weights = { data: Float32Array.of(1, 2, 2, 4), shape: [1, 1, 2, 2] };
 * const { first, second, rank } = splitConv2d(weights, { kind: 'spatial', maxError: 1e-3 });
 * console.log(rank, first.shape, second.shape); // 1 [ 1, 1, 2, 1 ] [ 1, 1, 1, 2 ]
 */
export function splitConv2d(weights: Tensor<Float32Array>, options: SplitConv2dOptions): SplitConv2d {
  if (options === undefined) throw expected('ERR_LOWP_TYPE', 'an object', 'options', options);
  checkKeys(options, KEYS, 'options');
  const { kind: givenKind, strides, dilations, padding, ...svdOptions } = options;
  const kind = readName(givenKind, KINDS, 'options.kind');
  const { data, shape } = readWeights(weights);
  const [o, i, h, w] = shape;
  const [strideH, strideW] = readPair(strides, 'options.strides');
  const [dilationH, dilationW] = readPair(dilations, 'options.dilations');
  const [top, left, bottom, right] = readPadding(padding);
  if (kind === 'channel') {
    const { tall, wide, rank, error } = halves(data, o, i * h * w, svdOptions);
    return {
      first: { data: wide, shape: [rank, i, h, w] },
      second: { data: tall, shape: [o, rank, 1, 1] },
      firstOptions: { strides: [strideH, strideW], dilations: [dilationH, dilationW], padding: [top, left, bottom, right] },
      secondOptions: { strides: [1, 1], dilations: [1, 1], padding: [0, 0, 0, 0] },
      ...{ rank, error },
    };
  }
  // [o, i, p, q] as [i, p, o, q]
  const turned = new Float32Array(data.length);
  const spread = (visit: (oi: number, ii: number, p: number, q: number) => void): void => {
    for (let oi = 0; oi < o; oi++)
      for (let ii = 0; ii < i; ii++) for (let p = 0; p < h; p++) for (let q = 0; q < w; q++) visit(oi, ii, p, q);
  };
  spread((oi, ii, p, q) => {
    turned[((ii * h + p) * o + oi) * w + q] = data[((oi * i + ii) * h + p) * w + q];
  });
  const { tall, wide, rank, error } = halves(turned, i * h, o * w, svdOptions);
  const first = new Float32Array(rank * i * h);
  for (let row = 0; row < i * h; row++) for (let r = 0; r < rank; r++) first[r * i * h + row] = tall[row * rank + r];
  const second = new Float32Array(o * rank * w);
  for (let r = 0; r < rank; r++) {
    for (let oi = 0; oi < o; oi++) for (let q = 0; q < w; q++) second[(oi * rank + r) * w + q] = wide[(r * o + oi) * w + q];
  }
  return {
    first: { data: first, shape: [rank, i, h, 1] },
    second: { data: second, shape: [o, rank, 1, w] },
    firstOptions: { strides: [strideH, 1], dilations: [dilationH, 1], padding: [top, 0, bottom, 0] },
    secondOptions: { strides: [1, strideW], dilations: [1, dilationW], padding: [0, left, 0, right] },
    ...{ rank, error },
  };
}

/** [rows, r] and [r, cols], each with the roots of the singular values. */
function halves(data: Float32Array, rows: number, cols: number, options: TruncatedSvdOptions) {
  const { u, s, vt, residual } = truncatedSvd({ data, shape: [rows, cols] }, { ...options, measureResidual: true });
  const rank = s.data.length;
  const roots = s.data.map(Math.sqrt);
  const tall = u.data.map((x, k) => x * roots[k % rank]);
  const wide = vt.data.map((x, k) => x * roots[Math.floor(k / cols)]);
  return { tall, wide, rank, error: residual ?? NaN };
}

function readWeights(weights: unknown): { data: Float32Array; shape: readonly [number, number, number, number] } {
  checkTensor(weights, 'a float32 Tensor', 'weights');
  const { data, shape, strides }: Partial<Record<keyof Tensor<unknown>, unknown>> = weights;
  if (!isTagged(data, 'Float32Array')) throw expected('ERR_LOWP_TYPE', 'a Float32Array', 'weights.data', data);
  checkShape(shape, 'weights.shape');
  if (shape.length !== 4 || shape.includes(0)) {
    throw expected('ERR_LOWP_SHAPE', 'four sizes of 1 or more ([O, I, kH, kW])', 'weights.shape', shape);
  }
  if (strides !== undefined) throw expected('ERR_LOWP_VALUE', 'nothing (weights are contiguous)', 'weights.strides', strides);
  const extent = checkExtent(data, shape, undefined, 'weights');
  return { data: data.subarray(0, extent), shape: [shape[0], shape[1], shape[2], shape[3]] };
}

function readPair(value: unknown, name: string): readonly [number, number] {
  const pair: unknown[] = value === undefined ? [1, 1] : Array.isArray(value) ? value : [value, value];
  if (pair.length !== 2) throw expected('ERR_LOWP_SHAPE', 'two numbers', name, value);
  return [readWhole(pair[0], 1, name), readWhole(pair[1], 1, name)];
}

function readPadding(value: unknown): readonly [number, number, number, number] {
  if (value === undefined) return [0, 0, 0, 0];
  if (!Array.isArray(value)) throw expected('ERR_LOWP_TYPE', 'an array of sizes', 'options.padding', value);
  if (value.length !== 4) throw expected('ERR_LOWP_SHAPE', 'four sizes ([top, left, bottom, right])', 'options.padding', value);
  const [top, left, bottom, right] = value.map((size) => readWhole(size, 0, 'options.padding'));
  return [top, left, bottom, right];
}

function readWhole(value: unknown, least: number, name: string): number {
  if (typeof value !== 'number') throw expected('ERR_LOWP_TYPE', 'a number', name, value);
  if (!Number.isInteger(value) || value < least) throw expected('ERR_LOWP_VALUE', `an integer of at least ${least}`, name, value);
  return value;
}
