/** LeNet-300-100, a multilayer perceptron for digits, in float32 (LeCun et al., "Gradient-based learning applied to document
 * recognition", 1998). Training and evaluation share this forward pass. */
import { matmul, packWeights, type PackedWeights, type Tensor } from 'lowp';
import { CLASSES, PIXELS } from './mnist';
import { normal, type Random } from './random';

/** Row-major float32: one row per image, or [inputs, outputs] for weights. */
export type Matrix = Tensor<Float32Array>;

/** y = activation(x * weights + bias). */
export interface Layer<Weights = Matrix> {
  readonly weights: Weights;
  readonly bias: Float32Array;
}

export type Network = readonly Layer[];

/** Inputs, hidden layers, classes. */
export const LENET_300_100 = [PIXELS, 300, 100, CLASSES];

/** He initialization: normal weights with variance 2 / inputs, which suits ReLU; biases zero. */
export function createNetwork(sizes: readonly number[], random: Random): Network {
  return sizes.slice(1).map((outputs, i) => {
    const inputs = sizes[i];
    const deviation = Math.sqrt(2 / inputs);
    const data = new Float32Array(inputs * outputs).map(() => deviation * normal(random));
    return { weights: { data, shape: [inputs, outputs] }, bias: new Float32Array(outputs) };
  });
}

/** Weights and biases together. */
export function countParameters(sizes: readonly number[]): number {
  return sizes.slice(1).reduce((sum, outputs, i) => sum + (sizes[i] + 1) * outputs, 0);
}

/** Weights in the kernel's own layout: made once, used for every image. */
export function packNetwork(network: Network): Layer<PackedWeights>[] {
  return network.map(({ weights, bias }) => ({ weights: packWeights(weights), bias }));
}

/**
 * The result of every layer, logits last, for images [count, PIXELS] in 0..1. `outs` has an array for each layer, of at least
 * count * outputs elements; without it the results are new arrays.
 */
export function forward(
  layers: readonly Layer<Matrix | PackedWeights>[],
  x: Matrix,
  outs: readonly Float32Array[] = [],
): Matrix[] {
  const results: Matrix[] = [];
  let input = x;
  for (const [i, { weights, bias }] of layers.entries()) {
    const activation = i < layers.length - 1 ? 'relu' : 'none';
    input = matmul(input, weights, { bias, activation, out: outs[i] });
    results.push(input);
  }
  return results;
}

/** Pixels 0..255 as float32 0..1. */
export function toFloat(pixels: Uint8Array): Matrix {
  const data = new Float32Array(pixels.length);
  for (let i = 0; i < data.length; i++) data[i] = pixels[i] / 255;
  return { data, shape: [pixels.length / PIXELS, PIXELS] };
}

/** The class with the largest logit, for each row. */
export function classify({ data, shape: [rows, cols] }: Matrix): Uint8Array {
  return Uint8Array.from({ length: rows }, (_, row) => {
    let best = 0;
    for (let col = 1; col < cols; col++) if (data[row * cols + col] > data[row * cols + best]) best = col;
    return best;
  });
}

/** How many elements of two arrays are equal. */
export function countEqual(a: Uint8Array, b: Uint8Array): number {
  return a.reduce((equal, value, i) => equal + (value === b[i] ? 1 : 0), 0);
}
