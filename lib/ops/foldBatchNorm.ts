import { expected } from '../errors';
import * as reference from '../reference';
import type { BatchNorm, FoldedWeights, Tensor } from '../types';
import { checkLength, isTagged } from '../validate/arrays';
import { checkKeys, checkTensor } from '../validate/options';
import { checkExtent, checkShape } from '../validate/shapes';

const KEYS: ReadonlySet<string> = new Set(['gamma', 'beta', 'mean', 'variance', 'epsilon']);

/**
 * Weights and bias of a layer that does what the given one and the batch normalization after it do together.
 *
 * `weights` has the output channels first: [O, ...], as a convolution's [O, I / groups, kH, kW] or a linear layer's [N, K]. With
 * f = gamma / sqrt(variance + epsilon) the results are weights * f and (bias - mean) * f + beta, computed in float64 and rounded once;
 * a `bias` of undefined is 0. `conv2d` and `packConv2d` do this themselves where they are given a `batchNorm`; for `quantizedConv2d` it
 * is done before the weights are quantized.
 *
 * @throws ERR_LOWP_TYPE, ERR_LOWP_SHAPE, ERR_LOWP_VALUE (variance + epsilon not above 0), ERR_LOWP_DETACHED.
 * @example
 * const weights = { data: Float32Array.of(1, 2, 3, 4), shape: [2, 2, 1, 1] };
 * const batchNorm = {
 *   ...{ gamma: Float32Array.of(2, 1), beta: Float32Array.of(0, 1) },
 *   ...{ mean: Float32Array.of(1, 0), variance: Float32Array.of(4, 1), epsilon: 0 },
 * };
 * const folded = foldBatchNorm(weights, undefined, batchNorm);
 * console.log(folded.weights.data, folded.bias); // 1 2 3 4 and -1 1
 */
export function foldBatchNorm(
  weights: Tensor<Float32Array>,
  bias: Float32Array | undefined,
  batchNorm: BatchNorm,
): FoldedWeights {
  checkTensor(weights, 'a float32 Tensor', 'weights');
  const { data, shape, strides } = weights;
  if (!isTagged(data, 'Float32Array')) throw expected('ERR_LOWP_TYPE', 'a Float32Array', 'weights.data', data);
  checkShape(shape, 'weights.shape');
  if (shape.length === 0) throw expected('ERR_LOWP_SHAPE', 'at least one dimension', 'weights.shape', shape);
  checkExtent(data, shape, strides, 'weights');
  if (bias !== undefined) readChannels(bias, shape[0], 'bias');
  const tensor = strides === undefined ? { data, shape } : { data, shape, strides };
  return reference.foldBatchNorm(tensor, bias, readBatchNorm(batchNorm, shape[0], 'batchNorm'));
}

/** Checked, with its default filled in. */
export function readBatchNorm(value: unknown, channels: number, name: string): Required<BatchNorm> {
  if (typeof value !== 'object' || value === null) {
    throw expected('ERR_LOWP_TYPE', '{ gamma, beta, mean, variance, epsilon }', name, value);
  }
  checkKeys(value, KEYS, name);
  const given: Partial<Record<keyof BatchNorm, unknown>> = value;
  const gamma = readChannels(given.gamma, channels, `${name}.gamma`);
  const beta = readChannels(given.beta, channels, `${name}.beta`);
  const mean = readChannels(given.mean, channels, `${name}.mean`);
  const variance = readChannels(given.variance, channels, `${name}.variance`);
  const epsilon = readEpsilon(given.epsilon, `${name}.epsilon`);
  for (let i = 0; i < channels; i++) {
    if (variance[i] + epsilon > 0) continue;
    throw expected('ERR_LOWP_VALUE', `a value above ${-epsilon} (- epsilon)`, `${name}.variance[${i}]`, variance[i]);
  }
  return { gamma, beta, mean, variance, epsilon };
}

function readEpsilon(value: unknown, name: string): number {
  if (value === undefined) return 1e-5;
  if (typeof value !== 'number') throw expected('ERR_LOWP_TYPE', 'a number', name, value);
  if (!(value >= 0 && value < Infinity)) throw expected('ERR_LOWP_VALUE', 'a finite number of 0 or more', name, value);
  return value;
}

function readChannels(value: unknown, channels: number, name: string): Float32Array {
  if (!isTagged(value, 'Float32Array')) throw expected('ERR_LOWP_TYPE', 'a Float32Array', name, value);
  checkLength(value, channels, 'one per output channel', name);
  return value;
}
