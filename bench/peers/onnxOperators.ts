/** The operators of onnxruntime that a product can be computed with, and what each should return. */
import { quantizeWeights } from 'lowp';
import * as reference from 'lowp/reference';
import { checkFloat, checkGroups, checkQuantized, type OperatorKind, type Operands, type Problem } from '../problem';
import type { Node, Value } from './model';
import type { Values } from './onnx';

export interface Product {
  readonly node: Node;
  readonly check: () => string | undefined;
}

/** One row: all that it takes to measure one more operator. */
export interface Operator {
  readonly name: string;
  readonly kind: OperatorKind;
  readonly operands: Operands;
  readonly make: (problem: Problem) => Product;
}

export const OPERATORS: readonly Operator[] = [
  { name: 'MatMulInteger u8s8', kind: 'int8', operands: 'u8s8', make: (p) => matMulInteger(p, p.unsigned) },
  { name: 'MatMulInteger s8s8', kind: 'int8', operands: 's8s8', make: (p) => matMulInteger(p, p.signed) },
  { name: 'QLinearMatMul u8s8', kind: 'int8', operands: 'u8s8', make: (p) => qLinearMatMul(p, p.unsigned, Uint8Array.of(0)) },
  { name: 'QLinearMatMul s8s8', kind: 'int8', operands: 's8s8', make: (p) => qLinearMatMul(p, p.signed, Int8Array.of(-128)) },
  { name: 'DynamicQuantizeMatMul', kind: 'int8', operands: 'dynamic', make: dynamicQuantizeMatMul },
  { name: 'MatMulNBits', kind: 'nbits', operands: 'nbits', make: matMulNBits },
  { name: 'MatMul f32', kind: 'float32', operands: 'f32', make: matMul },
];

export const scalar = (data: Values): Value => ({ data, shape: [] });
export const vector = (data: Values): Value => ({ data, shape: [data.length] });

function zeroPointOf({ data, zeroPoint }: Problem['unsigned'] | Problem['signed']): Value {
  return scalar(data instanceof Int8Array ? Int8Array.of(Number(zeroPoint)) : Uint8Array.of(Number(zeroPoint)));
}

function scalesOf({ weights }: Problem): Float32Array {
  return typeof weights.scale === 'number' ? Float32Array.of(weights.scale) : weights.scale;
}

/** int32 sums of (a - za) b. */
function matMulInteger(problem: Problem, a: Problem['unsigned'] | Problem['signed']): Product {
  const { m, n } = problem.shape;
  const y = { data: new Int32Array(m * n), shape: [m, n] };
  const node = { opType: 'MatMulInteger', a, constants: [problem.weights, zeroPointOf(a)], y };
  return { node, check: () => checkQuantized(problem, a, y.data, { output: 'int32' }) };
}

/** Requantized with a scale for each column; a zero point at the lower end of the range is a relu. No bias. */
function qLinearMatMul(problem: Problem, a: Problem['unsigned'] | Problem['signed'], zero: Uint8Array | Int8Array): Product {
  const { shape, weights, output } = problem;
  const { m, n } = shape;
  const y = { data: zero instanceof Int8Array ? new Int8Array(m * n) : new Uint8Array(m * n), shape: [m, n] };
  const node: Node = {
    opType: 'QLinearMatMul',
    a,
    constants: [
      scalar(Float32Array.of(Number(a.scale))),
      zeroPointOf(a),
      weights,
      vector(scalesOf(problem)),
      vector(new Int8Array(n)),
      scalar(Float32Array.of(output.scale)),
      scalar(zero),
    ],
    y,
  };
  const dtype = zero instanceof Int8Array ? 'int8' : 'uint8';
  return { node, check: () => checkQuantized(problem, a, y.data, { output: { ...output, dtype, zeroPoint: zero[0] } }) };
}

/** float32 in and out with a bias: quantizes the activations per tensor. */
function dynamicQuantizeMatMul(problem: Problem): Product {
  const { shape, x, weights, bias } = problem;
  const y = { data: new Float32Array(shape.m * shape.n), shape: [shape.m, shape.n] };
  const constants = [weights, vector(scalesOf(problem)), undefined, vector(bias)];
  const node = { opType: 'DynamicQuantizeMatMul', domain: 'com.microsoft', a: x, constants, y };
  const quantized = reference.quantize(x, { dtype: 'uint8' });
  return { node, check: () => checkQuantized(problem, quantized, y.data, { bias }, tolerance(y.data)) };
}

/** Sums are exact and their order is free: roundings of the scale's product, the scaled sum and the bias. */
function tolerance(y: Float32Array): number {
  return 4 * 2 ** -23 * y.reduce((max, v) => Math.max(max, Math.abs(v)), 0);
}

/** 4 bits, groups of 32, no zero points; activations rounded to int8 by groups. The order of its float32 additions is free. */
function matMulNBits(problem: Problem): Product {
  const { shape, x, floatWeights } = problem;
  const q = quantizeWeights(floatWeights);
  const groups = Math.ceil(shape.k / q.groupSize);
  const y = { data: new Float32Array(shape.m * shape.n), shape: [shape.m, shape.n] };
  const node: Node = {
    opType: 'MatMulNBits',
    domain: 'com.microsoft',
    a: x,
    constants: [{ data: q.data, shape: [shape.n, groups, (q.groupSize * q.bits) / 8] }, vector(q.scales)],
    y,
    attributes: { K: shape.k, N: shape.n, bits: q.bits, block_size: q.groupSize, accuracy_level: 4 },
  };
  return { node, check: () => checkGroups(problem, q, y.data, 1) };
}

function matMul(problem: Problem): Product {
  const { shape, x, floatWeights } = problem;
  const y = { data: new Float32Array(shape.m * shape.n), shape: [shape.m, shape.n] };
  return { node: { opType: 'MatMul', a: x, constants: [floatWeights], y }, check: () => checkFloat(problem, y.data) };
}
