/** Stochastic gradient descent with momentum, on the library's own float32 products. */
import { matmul } from 'lowp';
import { PIXELS, type Digits } from './mnist';
import { createNetwork, forward, LENET_300_100, type Layer, type Matrix, type Network } from './network';
import { permutation, seededRandom, type Random } from './random';

export interface Hyperparameters {
  readonly sizes: readonly number[];
  readonly epochs: number;
  readonly batchSize: number;
  readonly learningRate: number;
  /** The learning rate is multiplied by this after each epoch. */
  readonly learningRateDecay: number;
  readonly momentum: number;
  readonly weightDecay: number;
  readonly seed: number;
}

export const HYPERPARAMETERS: Hyperparameters = {
  sizes: LENET_300_100,
  epochs: 6,
  batchSize: 128,
  learningRate: 0.1,
  learningRateDecay: 0.6,
  momentum: 0.9,
  weightDecay: 1e-4,
  seed: 1,
};

/** Called after each epoch, counted from 1, with the mean cross-entropy of its images. */
export type OnEpoch = (epoch: number, loss: number) => void;

/** A new network, trained. The same arguments give the same weights. */
export function train(digits: Digits, parameters = HYPERPARAMETERS, onEpoch?: OnEpoch): Network {
  const random = seededRandom(parameters.seed);
  const network = createNetwork(parameters.sizes, random);
  descend(network, digits, parameters, random, onEpoch);
  return network;
}

/** Improves the weights in place. */
export function descend(network: Network, digits: Digits, parameters: Hyperparameters, random: Random, onEpoch?: OnEpoch): void {
  const { epochs, batchSize, learningRateDecay } = parameters;
  const steps = network.map((layer) => createStep(layer, batchSize));
  const outs = steps.map((step) => step.activation);
  const pixels = new Float32Array(batchSize * PIXELS);
  const labels = new Uint8Array(batchSize);
  let { learningRate } = parameters;
  for (let epoch = 1; epoch <= epochs; epoch++) {
    const order = permutation(digits.count, random);
    let loss = 0;
    for (let from = 0; from < digits.count; from += batchSize) {
      const chosen = order.subarray(from, from + batchSize);
      const x = gather(digits, chosen, pixels, labels);
      const activations = forward(network, x, outs);
      const error = activations[activations.length - 1];
      loss += softmaxError(error, labels);
      propagate(network, x, activations, steps);
      for (const [i, layer] of network.entries()) update(layer, steps[i], learningRate, parameters);
    }
    learningRate *= learningRateDecay;
    onEpoch?.(epoch, loss / digits.count);
  }
}

/** Arrays that every step reuses. */
interface Step {
  readonly activation: Float32Array;
  readonly error: Float32Array;
  readonly gradient: Float32Array;
  readonly velocity: Float32Array;
  readonly biasGradient: Float32Array;
  readonly biasVelocity: Float32Array;
}

function createStep({ weights, bias }: Layer, batchSize: number): Step {
  return {
    activation: new Float32Array(batchSize * bias.length),
    error: new Float32Array(batchSize * bias.length),
    gradient: new Float32Array(weights.data.length),
    velocity: new Float32Array(weights.data.length),
    biasGradient: new Float32Array(bias.length),
    biasVelocity: new Float32Array(bias.length),
  };
}

/** The chosen images as float32 0..1, and their labels. */
function gather(digits: Digits, chosen: Uint32Array, pixels: Float32Array, labels: Uint8Array): Matrix {
  for (const [row, image] of chosen.entries()) {
    labels[row] = digits.labels[image];
    for (let p = 0; p < PIXELS; p++) pixels[row * PIXELS + p] = digits.images[image * PIXELS + p] / 255;
  }
  return { data: pixels, shape: [chosen.length, PIXELS] };
}

/** Replaces logits by the gradient of the mean cross-entropy, (softmax - one-hot) / rows; returns the sum before the mean. */
function softmaxError({ data, shape: [rows, cols] }: Matrix, labels: Uint8Array): number {
  let loss = 0;
  for (let row = 0; row < rows; row++) {
    const logits = data.subarray(row * cols, (row + 1) * cols);
    const max = Math.max(...logits);
    let sum = 0;
    for (let c = 0; c < cols; c++) sum += logits[c] = Math.exp(logits[c] - max);
    loss -= Math.log(logits[labels[row]] / sum);
    for (let c = 0; c < cols; c++) logits[c] = (logits[c] / sum - (c === labels[row] ? 1 : 0)) / rows;
  }
  return loss;
}

/** Back-propagation: the gradients of every layer, from the error of the last one. */
function propagate(network: Network, x: Matrix, activations: readonly Matrix[], steps: readonly Step[]): void {
  let error = activations[activations.length - 1];
  for (let i = network.length - 1; i >= 0; i--) {
    const input = i > 0 ? activations[i - 1] : x;
    matmul(input, error, { transposeA: true, out: steps[i].gradient });
    sumColumns(error, steps[i].biasGradient);
    if (i === 0) break;
    error = matmul(error, network[i].weights, { transposeB: true, out: steps[i - 1].error });
    for (let j = 0; j < input.shape[0] * input.shape[1]; j++) if (input.data[j] === 0) error.data[j] = 0;
  }
}

function sumColumns({ data, shape: [rows, cols] }: Matrix, sums: Float32Array): void {
  sums.fill(0);
  for (let row = 0; row < rows; row++) for (let c = 0; c < cols; c++) sums[c] += data[row * cols + c];
}

function update(layer: Layer, step: Step, learningRate: number, { momentum, weightDecay }: Hyperparameters): void {
  sgd(layer.weights.data, step.gradient, step.velocity, learningRate, momentum, weightDecay);
  sgd(layer.bias, step.biasGradient, step.biasVelocity, learningRate, momentum, 0);
}

function sgd(
  values: Float32Array,
  gradient: Float32Array,
  velocity: Float32Array,
  learningRate: number,
  momentum: number,
  decay: number,
): void {
  for (let i = 0; i < values.length; i++) {
    const v = momentum * velocity[i] - learningRate * (gradient[i] + decay * values[i]);
    velocity[i] = v;
    values[i] += v;
  }
}
