/** The operators of onnxruntime that a layer can be convolved with, and what each should return. */
import { checkFloatConv, checkQuantizedConv, type ConvProblem } from '../convProblem';
import { outSize, type ConvShape } from '../convShapes';
import type { Operands } from '../problem';
import type { Node, Value } from './model';
import { scalar, vector, type Product } from './onnxOperators';

export interface Convolution {
  readonly name: string;
  readonly operands: Operands;
  readonly make: (problem: ConvProblem) => Product;
}

export const CONVOLUTIONS: readonly Convolution[] = [
  { name: 'QLinearConv u8s8', operands: 'u8s8', make: qLinearConv },
  { name: 'FusedConv f32', operands: 'f32', make: fusedConv },
];

function attributesOf({ kernel, stride, padding, groups }: ConvShape): NonNullable<Node['attributes']> {
  const both = (value: number): number[] => [value, value];
  return { kernel_shape: both(kernel), strides: both(stride), pads: [...both(padding), ...both(padding)], group: groups };
}

function resultShape(shape: ConvShape): number[] {
  return [1, shape.outChannels, ...outSize(shape)];
}

function product(sizes: readonly number[]): number {
  return sizes.reduce((p, size) => p * size, 1);
}

/** Requantized with a scale for each channel; a zero point at the lower end of the range is the relu. */
function qLinearConv(problem: ConvProblem): Product {
  const { shape, quantized, weights, quantizedBias, output } = problem;
  const sizes = resultShape(shape);
  const y = { data: new Uint8Array(product(sizes)), shape: sizes };
  const constants: Value[] = [
    scalar(Float32Array.of(quantized.scale)),
    scalar(Uint8Array.of(quantized.zeroPoint)),
    weights,
    vector(weights.scale),
    vector(new Int8Array(shape.outChannels)),
    scalar(Float32Array.of(output.scale)),
    scalar(Uint8Array.of(0)),
    vector(quantizedBias),
  ];
  const node = { opType: 'QLinearConv', a: quantized, constants, y, attributes: attributesOf(shape) };
  return { node, check: () => checkQuantizedConv(problem, y.data, 'NCHW') };
}

/** What onnxruntime makes of Conv and Relu. */
function fusedConv(problem: ConvProblem): Product {
  const { shape, x, floatWeights, bias } = problem;
  const sizes = resultShape(shape);
  const y = { data: new Float32Array(product(sizes)), shape: sizes };
  const attributes = { ...attributesOf(shape), activation: 'Relu' };
  const constants = [floatWeights, vector(bias)];
  const node: Node = { opType: 'FusedConv', domain: 'com.microsoft', a: x, constants, y, attributes };
  return { node, check: () => checkFloatConv(problem, y.data, 'NCHW') };
}
