/** Shapes of data and options of convolutions and pooling. */
import type { Activation, Device, QuantizedOutput, QuantizedTensor, Tensor } from '../types';

/** Order of the dimensions of x and of the result: [N, C, H, W] or [N, H, W, C]; of one spatial dimension [N, C, L] or [N, L, C]. */
export type ConvLayout = 'NCHW' | 'NHWC';

/**
 * Zeros around x (of quantized values: its zero point). [top, left, bottom, right] ([left, right] where there is one spatial dimension),
 * one number for all sides, `'valid'` (none), or so many that the result has ceil(size / stride) elements: `'same'` with an odd one at
 * the end (ONNX SAME_UPPER), `'sameLower'` at the beginning.
 */
export type Padding = number | readonly number[] | 'valid' | 'same' | 'sameLower';

/** How a window moves over x. */
export interface WindowOptions {
  /** Default `'NCHW'`. */
  readonly layout?: ConvLayout;
  /** [vertical, horizontal] ([s] where there is one spatial dimension), or one number for both; 1 or more. Default 1. */
  readonly strides?: number | readonly number[];
  /** Distance of neighbouring elements of the window, as `strides`. Default 1. */
  readonly dilations?: number | readonly number[];
  /** Default `'valid'`. */
  readonly padding?: Padding;
}

/** y = (x - mean) * gamma / sqrt(variance + epsilon) + beta, one value for each output channel. */
export interface BatchNorm {
  readonly gamma: Float32Array;
  readonly beta: Float32Array;
  readonly mean: Float32Array;
  readonly variance: Float32Array;
  /** Default 1e-5. */
  readonly epsilon?: number;
}

/** What `foldBatchNorm` returns. */
export interface FoldedWeights {
  readonly weights: Tensor<Float32Array>;
  readonly bias: Float32Array;
}

export interface PackConv2dOptions {
  /** Input and output channels in so many groups that have nothing to do with each other. Default 1; the number of channels: depthwise. */
  readonly groups?: number;
  /** One value per output channel; its dtype is that which the calls' `output` asks for (see QuantizedConv2dOptions). */
  readonly bias?: Float32Array | Int32Array;
  /** float32 weights only. */
  readonly batchNorm?: BatchNorm;
  /**
   * float32 weights of 3 x 3, one group: for calls with strides and dilations of 1, by Winograd's minimal filtering with tiles of 2 x 2
   * or 4 x 4 outputs. Fewer multiplications (2.25 or 4 times), larger weights (1.8 or 4 times), and other rounding: see `packConv2d`.
   * Default: the direct sum.
   */
  readonly winograd?: 2 | 4;
  /** Where the packed weights are, and with them the calls that use them. Default `'cpu'`. */
  readonly device?: Device;
}

/** How a call of convolutions and poolings is run. */
export interface RunOptions {
  /** Threads for this call, 1 or more. Default: `runtime.threads`. The result does not depend on it. */
  readonly threads?: number;
  /** Where it runs; see `Device`. */
  readonly device?: Device;
}

/** Options of both convolutions. */
export interface CommonConv2dOptions extends WindowOptions, RunOptions {
  /** Input and output channels in so many groups. Default 1; of packed weights what they were packed with. */
  readonly groups?: number;
  /** Default `'none'`. `{ min: 0, max: 6 }` is relu6. */
  readonly activation?: Activation;
}

export interface Conv2dOptions extends CommonConv2dOptions {
  /** One value per output channel. Packed weights have their own. */
  readonly bias?: Float32Array;
  /** Folded into weights and bias (see `foldBatchNorm`). Packed weights have it in them. */
  readonly batchNorm?: BatchNorm;
  /**
   * Added after bias and before the activation, as a ResNet block does. Of the result's shape: a Tensor, or a Float32Array with an
   * element for each of the result. It may be `out` itself.
   */
  readonly residual?: Tensor<Float32Array> | Float32Array;
  /** Where the result goes: at least as many elements as it has. */
  readonly out?: Float32Array;
}

export interface QuantizedConv2dOptions extends CommonConv2dOptions {
  /**
   * One value per output channel: Float32Array (real values) for a float32 or quantized output, Int32Array (in units of x.scale *
   * weights.scale) for an int32 or quantized output. Packed weights have their own.
   */
  readonly bias?: Float32Array | Int32Array;
  /**
   * Added to the real values after scale and bias, before the activation. Of the result's shape: a float32 Tensor, a QuantizedTensor
   * with one scale (whose real values are added), or a Float32Array. It may be `out` itself. Not for output `'int32'`.
   */
  readonly residual?: Tensor<Float32Array> | QuantizedTensor | Float32Array;
  /** Default `'float32'`. `'int32'` is the exact accumulator with zero points applied. */
  readonly output?: 'float32' | 'int32' | QuantizedOutput;
  /** Where the result goes: at least as many elements as it has, of the output's type. */
  readonly out?: Float32Array | Int32Array | Int8Array | Uint8Array;
}

export interface MaxPool2dOptions extends WindowOptions, RunOptions {
  /** [height, width] of the window ([k] where there is one spatial dimension), or one number for both. */
  readonly kernel: number | readonly number[];
  /** Windows that begin within x (or the padding before it) but end behind the padding count too. Default `false`. */
  readonly ceilMode?: boolean;
  /** Where the result goes: at least as many elements as it has, of x's type. */
  readonly out?: Float32Array | Int8Array | Uint8Array;
}

export interface AveragePool2dOptions extends MaxPool2dOptions {
  /** Padding counts as zeros. Default `false`: the average of the elements that the window has in x. */
  readonly countIncludePad?: boolean;
  /** Quantized x only. Default: dtype, scale and zero point of x. */
  readonly output?: QuantizedOutput;
}

export interface GlobalAveragePool2dOptions extends RunOptions {
  /** Default `'NCHW'`. */
  readonly layout?: ConvLayout;
  /** Quantized x only. Default: dtype, scale and zero point of x. */
  readonly output?: QuantizedOutput;
  /** Where the result goes: at least as many elements as it has, of its type. */
  readonly out?: Float32Array | Int8Array | Uint8Array;
}

/** What the poolings return for an x of type `X`: values of the same kind. */
export type Pooled<X extends Tensor<Float32Array> | QuantizedTensor> = X extends QuantizedTensor
  ? QuantizedTensor
  : Tensor<Float32Array>;
