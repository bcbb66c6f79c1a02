/** The operators of onnxruntime that pool, and what each should return. */
import { checkPool, poolSize, type PoolKind, type PoolOperands, type PoolProblem } from '../poolProblem';
import type { Node } from './model';
import { scalar, type Product } from './onnxOperators';

export interface Pooling {
  readonly name: string;
  readonly operands: PoolOperands;
  readonly make: (problem: PoolProblem) => Product;
}

export const POOLINGS: readonly Pooling[] = [
  { name: 'pool f32', operands: 'f32', make: floatPool },
  { name: 'pool u8', operands: 'u8', make: bytePool },
];

const FLOAT_OPERATORS: Readonly<Record<PoolKind, string>> = {
  max: 'MaxPool',
  average: 'AveragePool',
  global: 'GlobalAveragePool',
};

function sizesOf({ shape }: PoolProblem): number[] {
  return [1, shape.channels, ...poolSize(shape)];
}

function attributesOf({ shape }: PoolProblem): Node['attributes'] {
  if (shape.kind === 'global') return undefined;
  const both = (value: number): number[] => [value, value];
  const { kernel, stride, padding } = shape;
  return { kernel_shape: both(kernel), strides: both(stride), pads: [...both(padding), ...both(padding)] };
}

function floatPool(problem: PoolProblem): Product {
  const sizes = sizesOf(problem);
  const y = { data: new Float32Array(sizes.reduce((p, size) => p * size, 1)), shape: sizes };
  const opType = FLOAT_OPERATORS[problem.shape.kind];
  const node = { opType, a: problem.x, constants: [], y, attributes: attributesOf(problem) };
  return { node, check: () => checkPool(problem, 'f32', y.data, 'NCHW') };
}

/** Scale and zero point of x for the result too. QLinearAveragePool sums in float32, so that ties may fall the other way. */
function bytePool(problem: PoolProblem): Product {
  const { shape, quantized } = problem;
  const sizes = sizesOf(problem);
  const y = { data: new Uint8Array(sizes.reduce((p, size) => p * size, 1)), shape: sizes };
  const attributes = attributesOf(problem);
  if (shape.kind === 'max') {
    const node = { opType: 'MaxPool', a: quantized, constants: [], y, attributes };
    return { node, check: () => checkPool(problem, 'u8', y.data, 'NCHW') };
  }
  const parameters = [scalar(Float32Array.of(quantized.scale)), scalar(Uint8Array.of(quantized.zeroPoint))];
  const opType = shape.kind === 'global' ? 'QLinearGlobalAveragePool' : 'QLinearAveragePool';
  const constants = [...parameters, ...parameters];
  const node = { opType, domain: 'com.microsoft', a: quantized, constants, y, attributes };
  return { node, check: () => checkPool(problem, 'u8', y.data, 'NCHW', 1) };
}
