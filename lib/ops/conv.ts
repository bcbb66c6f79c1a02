/** What both convolutions share: reading and checking the arguments, and running what was checked. */
import { expected, lowpError } from '../errors';
import type { NumericArray, Typed8 } from '../native/binding';
import { isDeviceArray } from '../native/deviceArray';
import { Gemm } from '../native/slots';
import { makeControl, type Control } from '../native/control';
import type {
  Activation,
  Conv2dOptions,
  ConvLayout,
  MatmulOutput,
  PackConv2dOptions,
  QuantizedConv2dOptions,
  QuantizedTensor,
} from '../types';
import { checkAlias, isElements, isElements8 } from '../validate/arrays';
import {
  checkChannels,
  readImages,
  readLayout,
  readWindow,
  windowShape,
  type ImageSizes,
  type WindowSizes,
} from '../validate/conv';
import { checkResidualAlias, readResidual, refuseRealEpilogue, writeActivation } from '../validate/epilogue';
import { checkKeys, checkTensor, readThreads } from '../validate/options';
import { reach, readScale, readZeroPoint } from '../validate/quantization';
import { checkExtent } from '../validate/shapes';
import { contiguous } from './contiguous';
import { deviceOf, readOut } from './gemm';
import { convStateOf, readFloatConv, readQuantizedConv, type ConvState, type ConvWeights } from './packConv2d';
import { checkDepth, readBias, writeOutput, type Result } from './qgemm';

/** A checked call: everything that the kernels need, and the result that the caller gets. */
export interface ConvCall {
  /** Slots of Gemm: activation, min, max, alpha, scaleA and zeroA (of x), scaleOut, zeroOut, scaleResidual, zeroResidual, threads. */
  readonly control: Control;
  readonly window: WindowSizes;
  readonly weights: ConvWeights;
  /** Packed weights, which then have no data above. */
  readonly packed: ConvState | undefined;
  /** Contiguous, as the other arrays are, in the order that window.layout says. */
  readonly x: Float32Array | Typed8;
  readonly bias: Float32Array | Int32Array | undefined;
  /** Of the result's shape and layout; its own buffer, or `out` itself. */
  readonly residual: Float32Array | Typed8 | undefined;
  readonly out: NumericArray;
  readonly ownsOut: boolean;
  /** As the caller gave them; ctl has the same in numbers. */
  readonly output: MatmulOutput;
  readonly activation: Activation | undefined;
  readonly result: Result;
  readonly empty: boolean;
  readonly cuda: boolean;
}

const COMMON_KEYS = [
  ...['layout', 'strides', 'dilations', 'padding', 'groups', 'bias', 'activation', 'residual', 'out', 'threads', 'device'],
] as const;
export const FLOAT_KEYS: ReadonlySet<string> = new Set([...COMMON_KEYS, 'batchNorm']);
export const QUANTIZED_KEYS: ReadonlySet<string> = new Set([...COMMON_KEYS, 'output']);

type Kind = 'float32' | 'int8';
type Options = Conv2dOptions & QuantizedConv2dOptions;
const NO_OPTIONS: Options = Object.freeze({});

/** Checks everything, and reads each property of the caller's objects once. */
export function prepareConv(
  kind: Kind,
  x: unknown,
  weights: unknown,
  options: object | undefined,
  keys: ReadonlySet<string>,
): ConvCall {
  checkKeys(options, keys, 'options');
  const given = (options ?? NO_OPTIONS) as Options;
  const { output = 'float32', activation, out: givenOut } = given;
  const control = makeControl(Gemm.length);
  const ctl = control.slots;
  const image = readImage(ctl, kind, x, readLayout(given.layout));
  const { images } = image;
  const { read, packed } = readWeights(kind, weights, given);
  if (images.spatial !== read.spatial) {
    const rank = images.spatial + 2;
    throw expected('ERR_LOWP_SHAPE', `${rank} dimensions (x has as many)`, 'weights.shape', read.spatial + 2);
  }
  checkChannels(images, read);
  const window = readWindow(images, [read.kernelH, read.kernelW], given);
  if (read.winograd !== 0) checkWinograd(window);
  const shape = windowShape(window, read.outChannels);
  const tag = writeOutput(ctl, output);
  const bias = readBias(read.bias, read.outChannels, 'one per output channel', tag, undefined);
  writeActivation(ctl, activation);
  if (kind === 'int8') checkConvDepth(read, image.reach);
  const { residual, own } = readConvResidual(ctl, given.residual, shape, kind);
  if (tag === 'Int32Array') refuseRealEpilogue(ctl, activation, residual);
  ctl[Gemm.threads] = readThreads(given.threads, 'options.threads');
  const cuda = deviceOf(given.device, image.data, packed ?? {}, givenOut);

  const count = shape.reduce((product, size) => product * size, 1);
  const out: NumericArray = readOut(givenOut, tag, count, isDeviceArray(image.data), 'the product of the sizes of the result');
  if (givenOut !== undefined) {
    checkAlias(out, image.data, 'x');
    if (packed === undefined) {
      checkAlias(out, read.data, 'weights');
      if (bias !== undefined) checkAlias(out, bias, 'options.bias');
    }
    if (residual !== undefined) checkResidualAlias(ctl, out, residual);
  }
  const data = out as Float32Array | Int32Array | Typed8;
  const quantization = { scale: ctl[Gemm.scaleOut], zeroPoint: ctl[Gemm.zeroOut] };
  return {
    ...{ control, window, weights: read, packed, bias, out, output, activation, ownsOut: givenOut === undefined },
    ...{ x: contiguous(image.data, image.shape, image.strides), residual: own, empty: count === 0, cuda },
    result: typeof output === 'object' ? { data, shape, ...quantization } : { data, shape },
  };
}

interface Image {
  readonly data: Float32Array | Typed8;
  readonly shape: readonly number[];
  readonly strides: unknown;
  readonly images: ImageSizes;
  /** max|x - zeroPoint|, of 8-bit values. */
  readonly reach: number;
}

/** x, and its scale and zero point in the control block. */
function readImage(ctl: Float64Array, kind: Kind, x: unknown, layout: ConvLayout): Image {
  checkTensor(x, kind === 'int8' ? 'a QuantizedTensor' : 'a float32 Tensor', 'x');
  const { data, shape: givenShape, strides, scale, zeroPoint, axis }: Partial<Record<keyof QuantizedTensor, unknown>> = x;
  if (kind === 'int8' ? !isElements8(data) : !isElements(data, 'Float32Array')) {
    throw expected('ERR_LOWP_TYPE', kind === 'int8' ? 'an Int8Array or Uint8Array' : 'a Float32Array', 'x.data', data);
  }
  const elements = data as Float32Array | Typed8;
  const images = readImages(givenShape, layout);
  const shape = [...(givenShape as readonly number[])];
  checkExtent(elements, shape, strides, 'x');
  ctl[Gemm.scaleA] = 1;
  ctl[Gemm.zeroA] = 0;
  if (!isElements8(elements)) return { data: elements, shape, strides, images, reach: 0 };
  if (axis !== undefined) throw expected('ERR_LOWP_VALUE', 'one scale and no axis', 'x.axis', axis);
  const dtype = isElements(elements, 'Int8Array') ? 'int8' : 'uint8';
  ctl[Gemm.scaleA] = readScale(scale, 'x.scale');
  ctl[Gemm.zeroA] = readZeroPoint(zeroPoint, dtype, 'x.zeroPoint');
  return { data: elements, shape, strides, images, reach: reach(ctl[Gemm.zeroA], dtype) };
}

interface ReadWeights {
  readonly read: ConvWeights;
  readonly packed: ConvState | undefined;
}

/** A handle's, or a tensor's for this call only. */
function readWeights(kind: Kind, weights: unknown, options: Options): ReadWeights {
  if (typeof weights !== 'object' || weights === null) {
    throw expected('ERR_LOWP_TYPE', 'a tensor or packed weights', 'weights', weights);
  }
  const state = convStateOf(weights);
  if (state === undefined) {
    if (!('data' in weights)) throw expected('ERR_LOWP_HANDLE', 'a tensor or the result of packConv2d()', 'weights', weights);
    const read = kind === 'int8' ? readQuantizedConv(weights, options) : readFloatConv(weights, options);
    return { read, packed: undefined };
  }
  const read = state.weights;
  if (read.dtype !== kind) {
    const message = `Expected packed ${kind} weights for weights but received packed ${read.dtype} weights`;
    throw lowpError('ERR_LOWP_HANDLE', message);
  }
  checkPackedOptions(read, options);
  return { read, packed: state };
}

/** What belongs to a handle is not given again, except groups of the same number. */
function checkPackedOptions({ groups }: ConvWeights, options: PackConv2dOptions): void {
  const { bias, batchNorm, groups: given } = options;
  const nothing = 'nothing (the weights are packed; packConv2d() takes it)';
  if (bias !== undefined) throw expected('ERR_LOWP_VALUE', nothing, 'options.bias', bias);
  if (batchNorm !== undefined) throw expected('ERR_LOWP_VALUE', nothing, 'options.batchNorm', batchNorm);
  if (given === undefined || given === groups) return;
  throw expected('ERR_LOWP_VALUE', `${groups} (what the weights were packed with)`, 'options.groups', given);
}

function checkWinograd({ strideH, strideW, dilationH, dilationW }: WindowSizes): void {
  for (const [name, sizes] of Object.entries({ strides: [strideH, strideW], dilations: [dilationH, dilationW] })) {
    if (sizes.some((size) => size !== 1)) {
      throw expected('ERR_LOWP_VALUE', '1 (the weights were packed for Winograd)', `options.${name}`, sizes);
    }
  }
}

function checkConvDepth(weights: ConvWeights, reachX: number): void {
  const { channelsPerGroup, kernelH, kernelW } = weights;
  const factors = weights.spatial === 1 ? ['k'] : ['kH', 'kW'];
  const name = `the products in a sum (${['weights.shape[1]', ...factors].join(' * ')})`;
  checkDepth(channelsPerGroup * kernelH * kernelW, reachX, weights.reach, name);
}

interface Residual {
  /** As given, for the check of overlaps. */
  readonly residual: Float32Array | Typed8 | undefined;
  /** Contiguous. */
  readonly own: Float32Array | Typed8 | undefined;
}

function readConvResidual(ctl: Float64Array, value: unknown, shape: readonly number[], kind: Kind): Residual {
  const residual = readResidual(ctl, value, shape, kind === 'int8');
  const n = shape[shape.length - 1];
  // Rows of the result have no gaps; those of the residual are compared with them.
  ctl[Gemm.ldc] = n;
  if (residual === undefined || ctl[Gemm.ldResidual] === n || shape.includes(0)) return { residual, own: residual };
  const rows = shape.slice(0, -1).reduce((product, size) => product * size, 1);
  return { residual, own: contiguous(residual, [rows, n], [ctl[Gemm.ldResidual], 1]) };
}
