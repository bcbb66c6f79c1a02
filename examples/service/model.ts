/** The digits network as a service uses it: 8-bit weights, packed once, called synchronously or asynchronously. */
import { quantizedMatmulAsync, type QuantizedTensor, type Tensor } from 'lowp';
import { trainOrLoad } from '../digits/cache';
import { loadMnist, range } from '../digits/mnist';
import { forwardStatic, packStatic, quantizedPixels, type StaticNetwork } from '../digits/quantized';
import { HYPERPARAMETERS, type OnEpoch } from '../digits/train';

/** Logits [count, classes] of images [count, PIXELS], one byte a pixel. */
export type Predict = (images: Uint8Array) => Tensor<Float32Array> | Promise<Tensor<Float32Array>>;

export const MODES = ['sync', 'async'] as const;
export type Mode = (typeof MODES)[number];

const CALIBRATION_IMAGES = 1000;

/** The weights that `npm run demo` keeps; trained here where there are none. */
export function loadNetwork(onEpoch?: OnEpoch): StaticNetwork {
  const { train } = loadMnist();
  const { network } = trainOrLoad(train, HYPERPARAMETERS, onEpoch);
  return packStatic(network, range(train, 0, CALIBRATION_IMAGES).images);
}

/**
 * `sync` computes on the event loop: the least work for a request, but nothing else happens meanwhile. `async` computes on the
 * library's own threads: the event loop stays free, at some microseconds a call.
 */
export function predictor(network: StaticNetwork, mode: Mode): Predict {
  const forward = mode === 'sync' ? forwardStatic : forwardStaticAsync;
  return (images) => forward(network, quantizedPixels(images));
}

export async function forwardStaticAsync({ hidden, last }: StaticNetwork, x: QuantizedTensor): Promise<Tensor<Float32Array>> {
  let input = x;
  for (const { weights, bias, output } of hidden) {
    input = await quantizedMatmulAsync(input, weights, { bias, activation: 'relu', output });
  }
  return quantizedMatmulAsync(input, last.weights, { bias: last.bias });
}

/** Frees the native memory of the weights at once, not when they are collected. */
export function dispose({ hidden, last }: StaticNetwork): void {
  for (const { weights } of [...hidden, last]) weights.dispose();
}

export interface Classification {
  readonly digit: number;
  /** Of each digit; their sum is 1. */
  readonly probabilities: readonly number[];
}

/** Softmax. */
export function classification(logits: Float32Array): Classification {
  const max = Math.max(...logits);
  const powers = Array.from(logits, (logit) => Math.exp(logit - max));
  const sum = powers.reduce((total, power) => total + power, 0);
  return { digit: logits.indexOf(max), probabilities: powers.map((power) => power / sum) };
}
