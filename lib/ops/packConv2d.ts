import { expected, lowpError, type Caller } from '../errors';
import type { NativeBinding, NativeHandle, NumericArray, Typed8 } from '../native/binding';
import { Conv } from '../native/slots';
import { makeControl } from '../native/control';
import { bindingFor } from '../native/cuda';
import { nativeBinding } from '../native/load';
import * as reference from '../reference';
import type { PackConv2dOptions, QuantizedDtype, QuantizedTensor, Tensor } from '../types';
import { checkLength, isTagged, isTyped8 } from '../validate/arrays';
import { readGroupCount } from '../validate/conv';
import { checkKeys, checkTensor, readDevice } from '../validate/options';
import { reach, reachOfAll, readAxis, readScale, readScales, readZeroPoint, readZeroPoints } from '../validate/quantization';
import { checkExtent, checkShape } from '../validate/shapes';
import { contiguous, copyOf } from './contiguous';
import { readBatchNorm } from './foldBatchNorm';
import { KEY, pack, Packed, packingOf, type Held, type Key, type Packing } from './packed';

const KEYS: ReadonlySet<string> = new Set(['groups', 'bias', 'batchNorm', 'winograd', 'device']);

/** Weights as native code packs them, checked; batch normalization is in them. */
export interface ConvWeights {
  readonly dtype: 'int8' | 'float32';
  /** Contiguous [O, I / groups, kH, kW]. */
  readonly data: Float32Array | Typed8;
  /** 1: [O, I / groups, k], of which kernelH is 1. */
  readonly spatial: 1 | 2;
  readonly outChannels: number;
  readonly channelsPerGroup: number;
  readonly kernelH: number;
  readonly kernelW: number;
  readonly groups: number;
  /** 8-bit weights: 1 or O elements each. Empty for float32. */
  readonly scales: Float32Array;
  readonly zeros: Int32Array;
  /** max|w - zeroPoint|, see `reach`. */
  readonly reach: number;
  /** O elements. */
  readonly bias: Float32Array | Int32Array | undefined;
  /** The side of Winograd's tiles; 0: the direct sum. */
  readonly winograd: 0 | 2 | 4;
}

/** What the convolutions need to know about a handle. */
export interface ConvState extends Held {
  /** Without data where native code has it. */
  readonly weights: ConvWeights;
}

let create: (state: ConvState, packing: Packing) => PackedConv2d;
let readState: (value: object) => ConvState | undefined;

/** The state of a live handle; undefined for anything that `packConv2d` did not make. */
export function convStateOf(value: object): ConvState | undefined {
  const state = readState(value);
  if (state === undefined || !state.disposed) return state;
  throw lowpError('ERR_LOWP_DISPOSED', 'Expected live packed weights for weights but received ones after dispose()');
}

/** Immutable weights of a convolution; made by `packConv2d`. They live until `dispose()` (or until they are collected as garbage). */
export class PackedConv2d extends Packed {
  /** [O, I / groups, kH, kW], or [O, I / groups, k]. */
  readonly shape: readonly number[];
  readonly groups: number;
  /** `'int8'` (all 8-bit weights), for `quantizedConv2d`; `'float32'`, for `conv2d`. */
  readonly dtype: 'int8' | 'float32';
  readonly #state: ConvState;

  private constructor(key: Key, state: ConvState, packing: Packing) {
    super(key, 'packConv2d', state, packing);
    this.shape = Object.freeze(weightShape(state.weights));
    this.groups = state.weights.groups;
    this.dtype = state.weights.dtype;
    this.#state = state;
  }

  static {
    create = (state, packing) => new PackedConv2d(KEY, state, packing);
    readState = (value) => (#state in value ? value.#state : undefined);
  }
}

/**
 * Copies the weights of a convolution, once, for any number of calls.
 *
 * `weights` is [O, I / groups, kH, kW] for both layouts of x (or [O, I / groups, k] for an x with one spatial dimension): a
 * QuantizedTensor for `quantizedConv2d` (one scale and zero point, or one per output channel: `axis` 0), or a float32 Tensor for
 * `conv2d`. `groups`, `bias` and `batchNorm` belong to the handle; batch normalization is folded in (see `foldBatchNorm`). Later changes
 * to the arrays have no effect.
 *
 * `winograd` packs float32 weights of 3 x 3 for Winograd's minimal filtering F(2 x 2, 3 x 3) or F(4 x 4, 3 x 3) (A. Lavin, S. Gray,
 * "Fast Algorithms for Convolutional Neural Networks", 2015); weights are transformed in float64. Worth it from about 16 channels on,
 * 4 for images of 14 x 14 and more, 2 also for smaller ones. Rounding errors are those of the direct sum with 2 (0.5 to 2 times as
 * large; they keep the bound of `conv2d`), and 10 to 26 times as large with 4 (four times that bound). A value of x that is not finite
 * makes NaN of all outputs of its tiles.
 *
 * @throws ERR_LOWP_TYPE, ERR_LOWP_SHAPE, ERR_LOWP_VALUE for weights as described in the message, ERR_LOWP_DETACHED, ERR_LOWP_NOMEM;
 * ERR_LOWP_UNSUPPORTED where there is no native binary.
 * @example
 * const weights = { data: Float32Array.of(1, 1, 1, 1), shape: [1, 1, 2, 2] };
 * using packed = packConv2d(weights, { bias: Float32Array.of(0.5) });
 * const x = { data: Float32Array.of(1, 2, 3, 4, 5, 6), shape: [1, 1, 2, 3] };
 * console.log(conv2d(x, packed).data); // Float32Array(2) [ 12.5, 16.5 ]
 */
export function packConv2d(weights: QuantizedTensor | Tensor<Float32Array>, options?: PackConv2dOptions): PackedConv2d {
  checkKeys(options, KEYS, 'options');
  const native = bindingFor(nativeBinding(), readDevice(options?.device, undefined));
  checkTensor(weights, 'a QuantizedTensor or Tensor', 'weights');
  const quantized = isTyped8(weights.data);
  const read = quantized ? readQuantizedConv(weights, options ?? {}) : readFloatConv(weights, options ?? {});
  const bias = read.bias === undefined ? undefined : copyOf(read.bias);
  if (native === undefined) {
    const copies = { data: copyOf(read.data), scales: copyOf(read.scales), zeros: copyOf(read.zeros), bias };
    const state = { weights: { ...read, ...copies }, native, handle: undefined, oracle: NOTHING, disposed: false };
    return create(state, packingOf(state, read.data.byteLength));
  }
  const handle = packConvForCall(native, read, packConv2d);
  const state = { weights: { ...read, data: copyOf(read.data, 0), bias }, native, handle, oracle: undefined, disposed: false };
  return create(state, packingOf(state, 0));
}

/** The reference backend keeps the weights as they are. */
const NOTHING = { dispose: (): void => undefined };

/** A native handle of the weights, for the call of `caller`. */
export function packConvForCall(native: NativeBinding, weights: ConvWeights, caller: Caller): NativeHandle {
  const { data, scales, zeros, outChannels, channelsPerGroup, groups, kernelH, kernelW, winograd } = weights;
  const { slots, bytes } = makeControl(Conv.length);
  slots[Conv.outChannels] = outChannels;
  slots[Conv.channels] = channelsPerGroup * groups;
  slots[Conv.kernelH] = kernelH;
  slots[Conv.kernelW] = kernelW;
  slots[Conv.groups] = groups;
  slots[Conv.winograd] = winograd;
  if (isTyped8(data)) return pack(() => native.packConvQ(bytes, data, scales, zeros), caller);
  return pack(() => native.packConvF(bytes, data), caller);
}

/** 8-bit weights; `bias` of either type. */
export function readQuantizedConv(weights: object, options: PackConv2dOptions): ConvWeights {
  const { groups, bias, batchNorm, winograd } = options;
  if (winograd !== undefined) throw expected('ERR_LOWP_VALUE', 'nothing (weights are quantized)', 'options.winograd', winograd);
  if (batchNorm !== undefined) {
    throw lowpError(
      'ERR_LOWP_VALUE',
      'Expected no options.batchNorm (weights are quantized: foldBatchNorm() comes before quantize()) but received one',
    );
  }
  const { data, strides, scale, zeroPoint, axis }: Partial<Record<keyof QuantizedTensor, unknown>> = weights;
  if (!isTyped8(data)) throw expected('ERR_LOWP_TYPE', 'an Int8Array or Uint8Array', 'weights.data', data);
  const sizes = readSizes(weights, data, groups);
  const elements = contiguous(data, weightShape(sizes), strides);
  const checkedBias = bias === undefined ? undefined : readConvBias(bias, sizes.outChannels);
  const dtype: QuantizedDtype = isTagged(data, 'Int8Array') ? 'int8' : 'uint8';
  const common = { dtype: 'int8', data: elements, ...sizes, bias: checkedBias, winograd: 0 } as const;
  if (axis === undefined) {
    const zero = readZeroPoint(zeroPoint, dtype, 'weights.zeroPoint');
    const scales = Float32Array.of(readScale(scale, 'weights.scale'));
    return { ...common, scales, zeros: Int32Array.of(zero), reach: reach(zero, dtype) };
  }
  if (readAxis(axis, sizes.spatial + 2, 'weights.axis') !== 0) {
    throw expected('ERR_LOWP_VALUE', '0 (the axis of the output channels)', 'weights.axis', axis);
  }
  const scales = readScales(scale, sizes.outChannels, 'weights.scale');
  const zeros = readZeroPoints(zeroPoint, sizes.outChannels, dtype, 'weights.zeroPoint');
  return { ...common, scales, zeros, reach: reachOfAll(zeros, dtype) };
}

/** float32 weights, with batch normalization folded in. */
export function readFloatConv(weights: object, options: PackConv2dOptions): ConvWeights {
  const { groups, bias, batchNorm, winograd } = options;
  const { data, strides }: Partial<Record<keyof Tensor<unknown>, unknown>> = weights;
  if (!isTagged(data, 'Float32Array')) throw expected('ERR_LOWP_TYPE', 'a Float32Array', 'weights.data', data);
  const sizes = readSizes(weights, data, groups);
  const shape = weightShape(sizes);
  const elements = contiguous(data, shape, strides);
  if (bias !== undefined && !isTagged(bias, 'Float32Array')) {
    throw expected('ERR_LOWP_TYPE', 'a Float32Array', 'options.bias', bias);
  }
  if (bias !== undefined) readConvBias(bias, sizes.outChannels);
  const none = { scales: new Float32Array(0), zeros: new Int32Array(0), reach: 0 } as const;
  const common = { dtype: 'float32', ...sizes, ...none, winograd: readWinograd(winograd, sizes) } as const;
  if (batchNorm === undefined) return { ...common, data: elements, bias };
  const checked = readBatchNorm(batchNorm, sizes.outChannels, 'options.batchNorm');
  const folded = reference.foldBatchNorm({ data: elements, shape }, bias, checked);
  return { ...common, data: folded.weights.data, bias: folded.bias };
}

export function weightShape({ spatial, outChannels, channelsPerGroup, kernelH, kernelW }: Sizes): number[] {
  return spatial === 1 ? [outChannels, channelsPerGroup, kernelW] : [outChannels, channelsPerGroup, kernelH, kernelW];
}

function readWinograd(tile: unknown, { kernelH, kernelW, groups }: Sizes): 0 | 2 | 4 {
  if (tile === undefined) return 0;
  if (tile !== 2 && tile !== 4) throw expected('ERR_LOWP_VALUE', '2 or 4', 'options.winograd', tile);
  if (kernelH !== 3 || kernelW !== 3) {
    throw expected('ERR_LOWP_SHAPE', '[3, 3] (options.winograd is given)', 'the kernel of weights', [kernelH, kernelW]);
  }
  if (groups !== 1) throw expected('ERR_LOWP_VALUE', '1 (options.winograd is given)', 'options.groups', groups);
  return tile;
}

type Sizes = Pick<ConvWeights, 'spatial' | 'outChannels' | 'channelsPerGroup' | 'kernelH' | 'kernelW' | 'groups'>;

function readSizes(weights: object, data: NumericArray, groups: unknown): Sizes {
  const { shape, strides }: Partial<Record<keyof Tensor<unknown>, unknown>> = weights;
  checkShape(shape, 'weights.shape');
  const rank = shape.length;
  if (rank !== 3 && rank !== 4) {
    throw expected('ERR_LOWP_SHAPE', '4 or 3 dimensions ([O, I / groups, kH, kW] or [O, I / groups, k])', 'weights.shape', shape);
  }
  for (let i = 0; i < rank; i++) {
    if (shape[i] === 0) throw expected('ERR_LOWP_SHAPE', 'at least 1', `weights.shape[${i}]`, 0);
  }
  checkExtent(data, shape, strides, 'weights');
  const [outChannels, channelsPerGroup] = shape;
  return {
    ...{ spatial: rank === 3 ? 1 : 2, outChannels, channelsPerGroup, groups: readGroupCount(groups, outChannels) },
    ...{ kernelH: rank === 3 ? 1 : shape[2], kernelW: shape[rank - 1] },
  };
}

function readConvBias(bias: unknown, outChannels: number): Float32Array | Int32Array {
  if (!isTagged(bias, 'Float32Array') && !isTagged(bias, 'Int32Array')) {
    throw expected('ERR_LOWP_TYPE', 'a Float32Array or Int32Array', 'options.bias', bias);
  }
  checkLength(bias, outChannels, 'one per output channel', 'options.bias');
  return bias;
}
