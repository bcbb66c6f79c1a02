/** A checked convolution with the reference backend. */
import { Gemm } from '../native/slots';
import * as reference from '../reference';
import type { CommonConv2dOptions, QuantizedTensor, Tensor } from '../types';
import { isTyped8 } from '../validate/arrays';
import { windowShape } from '../validate/conv';
import type { ConvCall } from './conv';
import { weightShape, type ConvWeights } from './packConv2d';

type Floats = Tensor<Float32Array>;
type Bytes = Int8Array | Uint8Array;

/** Writes the result into call.out. */
export function runConvReference(call: ConvCall): void {
  const { control, window, weights, x } = call;
  const ctl = control.slots;
  const { padTop, padLeft, padBottom, padRight, spatial, batch, channels, height, width } = window;
  const options = {
    ...{ layout: window.layout, strides: along(spatial, window.strideH, window.strideW), groups: weights.groups },
    dilations: along(spatial, window.dilationH, window.dilationW),
    padding: spatial === 1 ? [padLeft, padRight] : [padTop, padLeft, padBottom, padRight],
    ...{ activation: call.activation, residual: residualOf(call) },
  } satisfies CommonConv2dOptions & { readonly residual: unknown };
  const sizes = along(spatial, height, width);
  const shape = window.layout === 'NCHW' ? [batch, channels, ...sizes] : [batch, ...sizes, channels];
  if (weights.dtype === 'float32') {
    const out = call.out as Float32Array;
    const [bias, residual] = [weights.bias as Float32Array | undefined, options.residual as Floats | undefined];
    reference.conv2d({ data: x, shape } as Floats, tensorOf(weights) as Floats, { ...options, bias, residual, out });
    return;
  }
  const image = { data: x as Bytes, shape, scale: ctl[Gemm.scaleA], zeroPoint: ctl[Gemm.zeroA] };
  const out = call.out as Float32Array | Int32Array | Bytes;
  const { output, bias } = call;
  reference.quantizedConv2d(image, tensorOf(weights) as QuantizedTensor, { ...options, bias, output, out });
}

function along(spatial: 1 | 2, vertical: number, horizontal: number): number[] {
  return spatial === 1 ? [horizontal] : [vertical, horizontal];
}

function tensorOf(weights: ConvWeights): Floats | QuantizedTensor {
  const { dtype, data, scales, zeros } = weights;
  const shape = weightShape(weights);
  if (dtype === 'float32') return { data: data as Float32Array, shape };
  if (scales.length === 1 && zeros.length === 1) return { data: data as Bytes, shape, scale: scales[0], zeroPoint: zeros[0] };
  return { data: data as Bytes, shape, scale: scales, zeroPoint: zeros, axis: 0 };
}

function residualOf({ control, window, weights, residual }: ConvCall): Floats | QuantizedTensor | undefined {
  if (residual === undefined) return undefined;
  const shape = windowShape(window, weights.outChannels);
  if (!isTyped8(residual)) return { data: residual, shape };
  return { data: residual, shape, scale: control.slots[Gemm.scaleResidual], zeroPoint: control.slots[Gemm.zeroResidual] };
}
