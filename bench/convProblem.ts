/** What all contenders for a layer convolve, and what their results should be. */
import { quantize } from 'lowp';
import * as reference from 'lowp/reference';
import type { ConvLayout, QuantizedOutput, QuantizedTensor, Tensor } from 'lowp';
import { depthOf, outSize, type ConvShape } from './convShapes';
import { bell, bytes, randomBits } from './inputs';
import { difference, floatTolerance, ofColumns, pick, type Sample } from './verify';

type Data = Float32Array | Uint8Array;

/** float32 and 8-bit images and weights, and what comes after the convolution: bias, relu, requantization to uint8. */
interface Inputs {
  readonly shape: ConvShape;
  readonly threads: number;
  /** Rows: pixels of the result; columns: its channels. */
  readonly sample: Sample;
  /** [1, C, H, W]. */
  readonly x: Tensor<Float32Array>;
  readonly quantized: QuantizedTensor<Uint8Array> & { readonly scale: number; readonly zeroPoint: number };
  /** [O, C / groups, k, k]. */
  readonly floatWeights: Tensor<Float32Array>;
  /** A scale for each output channel, zero points of 0. */
  readonly weights: QuantizedTensor<Int8Array> & { readonly scale: Float32Array };
  readonly bias: Float32Array;
  /** In units of the scales of x and weights, as ONNX QLinearConv has it. */
  readonly quantizedBias: Int32Array;
  readonly output: QuantizedOutput;
}

export interface ConvProblem extends Inputs {
  /** The sampled elements of the 8-bit and of the float32 result: [pixels, channels]. */
  readonly expectedBytes: () => Float32Array;
  readonly expectedFloats: () => Float32Array;
}

const SCALE = 0.02;
const ZERO_POINT = 120;
/** Of uniform bytes. */
const BYTE_DEVIATION = 74;

export function makeConvProblem(shape: ConvShape, threads: number, seed: number): ConvProblem {
  const { channels, height, width, outChannels, groups, kernel } = shape;
  const random = randomBits(seed);
  const image = [1, channels, height, width];
  const size = channels * height * width;
  const depth = depthOf(shape);
  const floatWeights = { data: bell(outChannels * depth, random), shape: [outChannels, channels / groups, kernel, kernel] };
  const weights = quantize(floatWeights, { dtype: 'int8', axis: 0 }) as Inputs['weights'];
  // Four deviations of the sums fill the output's range.
  const deviation = BYTE_DEVIATION * SCALE * Math.sqrt(depth);
  const bias = bell(outChannels, random).map((v) => v * deviation);
  const [h, w] = outSize(shape);
  const inputs: Inputs = {
    ...{ shape, threads, floatWeights, weights, bias },
    sample: pick({ m: h * w, n: outChannels, k: depth }, random),
    x: { data: bell(size, random), shape: image },
    quantized: { data: bytes(size, random), shape: image, scale: SCALE, zeroPoint: ZERO_POINT },
    quantizedBias: quantizeBias(bias, weights),
    output: { dtype: 'uint8', scale: (4 * deviation) / 255 },
  };
  return { ...inputs, expectedBytes: once(() => expectedBytes(inputs)), expectedFloats: once(() => expectedFloats(inputs)) };
}

/** The same with weights of 7 bits. */
export function withReducedRange(problem: ConvProblem): ConvProblem {
  const weights = quantize(problem.floatWeights, { axis: 0, reduceRange: true }) as Inputs['weights'];
  const inputs: Inputs = { ...problem, weights, quantizedBias: quantizeBias(problem.bias, weights) };
  return { ...problem, ...inputs, expectedBytes: once(() => expectedBytes(inputs)) };
}

function quantizeBias(bias: Float32Array, { scale }: Inputs['weights']): Int32Array {
  return Int32Array.from(bias, (v, o) => Math.round(v / (SCALE * scale[o])));
}

/** The image with its channels last. */
export function toNhwc<X extends Tensor<Data>>(x: X): X {
  const [, channels, height, width] = x.shape;
  const data = x.data.slice();
  const pixels = height * width;
  for (let c = 0; c < channels; c++) for (let p = 0; p < pixels; p++) data[p * channels + c] = x.data[c * pixels + p];
  return { ...x, data, shape: [1, height, width, channels] };
}

/** Undefined if y is the 8-bit convolution with bias and relu, else what is wrong. */
export function checkQuantizedConv(problem: ConvProblem, y: Uint8Array, layout: ConvLayout): string | undefined {
  return compare(problem, y, layout, problem.expectedBytes(), 0);
}

/** The same of the float32 convolution. */
export function checkFloatConv(problem: ConvProblem, y: Float32Array, layout: ConvLayout): string | undefined {
  const { shape, sample, x, floatWeights, bias } = problem;
  const tolerance = floatTolerance(x.data, floatWeights.data, ofColumns(bias, sample), depthOf(shape));
  return compare(problem, y, layout, problem.expectedFloats(), tolerance);
}

function expectedBytes(inputs: Inputs): Float32Array {
  const { quantized, weights, quantizedBias, output, sample } = inputs;
  const windows = windowsOf(inputs, quantized.data, ZERO_POINT);
  return overChannels(inputs, (channel, { of, window, depth }) => {
    const x = { ...quantized, data: of(windows), shape: [sample.rows.length, ...window] };
    const data = weights.data.slice(channel * depth, (channel + 1) * depth);
    const scales = { scale: weights.scale.slice(channel, channel + 1), zeroPoint: new Int8Array(1), axis: 0 };
    const bias = quantizedBias.slice(channel, channel + 1);
    const options = { bias, activation: 'relu', output } as const;
    return reference.quantizedConv2d<QuantizedOutput>(x, { data, shape: [1, ...window], ...scales }, options).data;
  });
}

function expectedFloats(inputs: Inputs): Float32Array {
  const { x, floatWeights, bias, sample } = inputs;
  const windows = windowsOf(inputs, x.data, 0);
  return overChannels(inputs, (channel, { of, window, depth }) => {
    const image = { data: of(windows), shape: [sample.rows.length, ...window] };
    const data = floatWeights.data.slice(channel * depth, (channel + 1) * depth);
    const options = { bias: bias.slice(channel, channel + 1), activation: 'relu' } as const;
    return reference.conv2d(image, { data, shape: [1, ...window] }, options).data;
  });
}

/** Computed once, when it is first asked for. */
function once<T>(compute: () => T): () => T {
  let value: T | undefined;
  return () => (value ??= compute());
}

/** What the window of each sampled pixel sees, padding included: [pixels, C, k, k]. */
function windowsOf<T extends Data>({ shape, sample }: Inputs, image: T, zero: number): T {
  const { channels, height, width, kernel, stride, padding } = shape;
  const [, outWidth] = outSize(shape);
  const length = sample.rows.length * channels * kernel * kernel;
  const windows = (image instanceof Float32Array ? new Float32Array(length) : new Uint8Array(length)) as T;
  let to = 0;
  for (const pixel of sample.rows) {
    const [top, left] = [Math.floor(pixel / outWidth) * stride - padding, (pixel % outWidth) * stride - padding];
    for (let c = 0; c < channels; c++) {
      for (let i = top; i < top + kernel; i++) {
        for (let j = left; j < left + kernel; j++) {
          const inside = i >= 0 && i < height && j >= 0 && j < width;
          windows[to++] = inside ? image[(c * height + i) * width + j] : zero;
        }
      }
    }
  }
  return windows;
}

/** The windows of one output channel: those of its group's input channels. */
interface Group {
  /** [C / groups, k, k] and its size. */
  readonly window: readonly number[];
  readonly depth: number;
  readonly of: <T extends Data>(windows: T) => T;
}

/** [pixels, channels] of the sample, from what `column` returns for each channel. */
function overChannels({ shape, sample }: Inputs, column: (channel: number, from: Group) => ArrayLike<number>): Float32Array {
  const { channels, outChannels, groups, kernel } = shape;
  const depth = depthOf(shape);
  const expected = new Float32Array(sample.rows.length * sample.columns.length);
  sample.columns.forEach((channel, j) => {
    const first = Math.floor(channel / (outChannels / groups)) * depth;
    const values = column(channel, {
      window: [channels / groups, kernel, kernel],
      depth,
      of: <W extends Data>(windows: W): W => {
        const taken = windows.slice(0, sample.rows.length * depth) as W;
        sample.rows.forEach((_, i) => {
          const start = i * depth * groups + first;
          taken.set(windows.subarray(start, start + depth), i * depth);
        });
        return taken;
      },
    });
    for (let i = 0; i < sample.rows.length; i++) expected[i * sample.columns.length + j] = values[i];
  });
  return expected;
}

function compare(
  { shape, sample }: Inputs,
  y: Data,
  layout: ConvLayout,
  expected: Float32Array,
  tolerance: number,
): string | undefined {
  const [h, w] = outSize(shape);
  const rows = layout === 'NHWC' ? y : toNhwc({ data: y, shape: [1, shape.outChannels, h, w] }).data;
  return difference(rows, shape.outChannels, sample, expected, tolerance);
}
