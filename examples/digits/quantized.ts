/** The same network with 8-bit weights, in two ways: float32 in, or 8 bits from the pixels to the last layer. */
import { packWeights, quantize, quantizedMatmul, type PackedWeights, type QuantizedTensor, type Tensor } from 'lowp';
import { PIXELS } from './mnist';
import { forward, toFloat, type Layer, type Matrix, type Network } from './network';

/** One scale for each output of a layer, that is, for each column of [inputs, outputs]; zero points are 0. */
function quantizeWeights(weights: Matrix, reduceRange = false): QuantizedTensor {
  return quantize(weights, { dtype: 'int8', axis: 1, symmetric: true, reduceRange });
}

/** Weights, scales and biases as stored: one byte per weight, four per scale and bias. */
export function int8Bytes(network: Network): number {
  return network.reduce((sum, { weights, bias }) => sum + weights.data.length + 8 * bias.length, 0);
}

// Dynamic: nothing has to be known about the activations. Each call finds the range of each row, quantizes, multiplies, and gives
// float32 back.

export function packDynamic(network: Network): Layer<PackedWeights>[] {
  return network.map(({ weights, bias }) => ({ weights: packWeights(quantizeWeights(weights)), bias }));
}

/** Logits of images [count, PIXELS] in 0..1; `outs` has an array for each layer. */
export function forwardDynamic(layers: readonly Layer<PackedWeights>[], x: Matrix, outs: readonly Float32Array[] = []): Matrix {
  let input = x;
  for (const [i, { weights, bias }] of layers.entries()) {
    const activation = i < layers.length - 1 ? 'relu' : 'none';
    input = quantizedMatmul(input, weights, { bias, activation, out: outs[i] });
  }
  return input;
}

// Static: the ranges of the activations are measured beforehand. Each hidden layer gives uint8 to the next one, so that
// nothing is float32 before the logits.

/** A uint8 layer: its bias is in units of input scale * weight scale, the units of the int32 sums that it is added to. */
interface HiddenLayer<Weights> {
  readonly weights: Weights;
  readonly bias: Int32Array;
  readonly output: { readonly dtype: 'uint8'; readonly scale: number; readonly zeroPoint: number };
}

export interface StaticNetwork<Weights = PackedWeights> {
  readonly hidden: readonly HiddenLayer<Weights>[];
  readonly last: Layer<Weights>;
}

/** Real = 1/255 * pixel: the pixels are a quantized tensor already. */
export const PIXEL_SCALE = 1 / 255;

export function quantizedPixels(pixels: Uint8Array): QuantizedTensor<Uint8Array> {
  return { data: pixels, shape: [pixels.length / PIXELS, PIXELS], scale: PIXEL_SCALE, zeroPoint: 0 };
}

/**
 * Ranges come from `calibration`: pixels of some training images, never of the ones that accuracy is measured on. `reduceRange`:
 * weights of 7 bits.
 */
export function quantizeStatic(network: Network, calibration: Uint8Array, reduceRange = false): StaticNetwork<QuantizedTensor> {
  const results = forward(network, toFloat(calibration));
  let inputScale = PIXEL_SCALE;
  const hidden = network.slice(0, -1).map(({ weights, bias }, i) => {
    const quantized = quantizeWeights(weights, reduceRange);
    // ReLU leaves 0..max, so 255 steps of max / 255 cover it and real zero is 0.
    const scale = largest(results[i].data) / 255;
    const layer: HiddenLayer<QuantizedTensor> = {
      weights: quantized,
      bias: toInt32(bias, inputScale, quantized),
      output: { dtype: 'uint8', scale, zeroPoint: 0 },
    };
    inputScale = scale;
    return layer;
  });
  const { weights, bias } = network[network.length - 1];
  return { hidden, last: { weights: quantizeWeights(weights, reduceRange), bias } };
}

/** `quantizeStatic`, its weights in the layout of this machine's kernel. */
export function packStatic(network: Network, calibration: Uint8Array, reduceRange = false): StaticNetwork {
  return pack(quantizeStatic(network, calibration, reduceRange));
}

export function pack({ hidden, last }: StaticNetwork<QuantizedTensor>): StaticNetwork {
  return {
    hidden: hidden.map((layer) => ({ ...layer, weights: packWeights(layer.weights) })),
    last: { ...last, weights: packWeights(last.weights) },
  };
}

function largest(values: Float32Array): number {
  return values.reduce((max, value) => Math.max(max, value), 0);
}

/** Real values in units of inputScale * weight scale. */
export function toInt32(bias: Float32Array, inputScale: number, { scale }: QuantizedTensor): Int32Array {
  return Int32Array.from(bias, (b, n) => Math.round(b / (inputScale * (typeof scale === 'number' ? scale : scale[n]))));
}

/** `hidden` has an array for each hidden layer. */
export interface StaticOuts {
  readonly hidden: readonly Uint8Array[];
  readonly logits: Float32Array;
}

/** Logits of images [count, PIXELS], which are not converted: see `quantizedPixels`. */
export function forwardStatic({ hidden, last }: StaticNetwork, x: QuantizedTensor, outs?: StaticOuts): Tensor<Float32Array> {
  let input = x;
  for (const [i, { weights, bias, output }] of hidden.entries()) {
    input = quantizedMatmul(input, weights, { bias, activation: 'relu', output, out: outs?.hidden[i] });
  }
  return quantizedMatmul(input, last.weights, { bias: last.bias, out: outs?.logits });
}
