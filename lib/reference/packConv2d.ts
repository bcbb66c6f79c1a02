import type { BatchNorm, PackConv2dOptions, QuantizedTensor, Tensor } from '../types';
import { foldBatchNorm } from './batchNorm';
import { offsetsOf } from './layout';
import { emptyLike } from './numbers';
import { normalizedAxis, scaleAt, zeroAt } from './quantize';
import { refuse } from './refuse';

type Data = Float32Array | Int8Array | Uint8Array;

/** Weights as the loops read them: contiguous [O, perGroup, kH, kW], a scale and zero point for each of O, batch norm folded in. */
export interface ConvParameters<T extends Data = Data> {
  readonly data: T;
  readonly outChannels: number;
  /** Input channels of a group. */
  readonly perGroup: number;
  readonly kernel: readonly [number, number];
  readonly spatial: 1 | 2;
  readonly groups: number;
  readonly scales: Float32Array;
  readonly zeros: Int32Array;
  readonly bias: Float32Array | Int32Array | undefined;
}

/** Holds a copy of the weights, so that programs written for packed native weights run unchanged. */
export class PackedConv2d {
  readonly shape: readonly number[];
  readonly groups: number;
  readonly dtype: 'int8' | 'float32';
  readonly kernel = 'reference';
  readonly isa = 'reference';
  readonly bytes: number;
  #parameters: ConvParameters | undefined;

  constructor(parameters: ConvParameters, shape: readonly number[]) {
    this.#parameters = parameters;
    this.shape = Object.freeze([...shape]);
    this.groups = parameters.groups;
    this.dtype = parameters.data.BYTES_PER_ELEMENT === 1 ? 'int8' : 'float32';
    this.bytes = parameters.data.byteLength;
  }

  get disposed(): boolean {
    return this.#parameters === undefined;
  }

  dispose(): void {
    this.#parameters = undefined;
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  parameters(): ConvParameters {
    if (this.#parameters === undefined) {
      throw refuse('ERR_LOWP_DISPOSED', 'Expected live packed weights but received ones after dispose()');
    }
    return this.#parameters;
  }
}

/** Weights [O, I / groups, kH, kW] or [O, I / groups, k]: a QuantizedTensor for `quantizedConv2d`, a float32 Tensor for `conv2d`. */
export function packConv2d(weights: QuantizedTensor | Tensor<Float32Array>, options: PackConv2dOptions = {}): PackedConv2d {
  return new PackedConv2d(parametersOf(weights, options), weights.shape);
}

export function parametersOf(
  weights: QuantizedTensor | Tensor<Float32Array>,
  options: { readonly groups?: number; readonly bias?: Float32Array | Int32Array; readonly batchNorm?: BatchNorm },
): ConvParameters {
  const { batchNorm } = options;
  if (batchNorm !== undefined) {
    if ('scale' in weights) throw refuse('ERR_LOWP_TYPE', 'Expected float32 weights for batchNorm but received quantized ones');
    const folded = foldBatchNorm(weights, options.bias as Float32Array | undefined, batchNorm);
    return parametersOf(folded.weights, { groups: options.groups, bias: folded.bias });
  }
  const { shape } = weights;
  if (shape.length !== 3 && shape.length !== 4) {
    throw refuse('ERR_LOWP_SHAPE', `Expected 3 or 4 dimensions for weights.shape but received ${shape.length}`);
  }
  const [outChannels, perGroup] = shape;
  const groups = options.groups ?? 1;
  if (outChannels % groups !== 0) {
    throw refuse('ERR_LOWP_SHAPE', `Expected a multiple of ${groups} (groups) output channels but received ${outChannels}`);
  }
  const at = offsetsOf(weights);
  const data = emptyLike(weights.data, at.length);
  at.forEach((offset, i) => (data[i] = weights.data[offset]));
  const quantized = 'scale' in weights ? weights : undefined;
  if (quantized !== undefined && (normalizedAxis(quantized.axis, shape) ?? 0) !== 0) {
    throw refuse('ERR_LOWP_VALUE', `Expected 0 (the axis of the output channels) for weights.axis`);
  }
  const channels = { length: quantized === undefined ? 0 : outChannels };
  return {
    ...{ data, outChannels, perGroup, groups },
    spatial: shape.length === 3 ? 1 : 2,
    kernel: shape.length === 3 ? [1, shape[2]] : [shape[2], shape[3]],
    scales: Float32Array.from(channels, (_, o) => scaleAt(quantized as QuantizedTensor, o)),
    zeros: Int32Array.from(channels, (_, o) => zeroAt(quantized as QuantizedTensor, o)),
    bias: options.bias?.slice(),
  };
}
