/** What all contenders for a shape multiply, and what their results should be. */
import { quantize } from 'lowp';
import * as reference from 'lowp/reference';
import type {
  GroupQuantizedTensor,
  MatmulOptions,
  MatmulOutput,
  QuantizedMatmulOptions,
  QuantizedOutput,
  QuantizedTensor,
  Tensor,
} from 'lowp';
import { bell, bytes, randomBits } from './inputs';
import type { PeakKind } from './machine';
import type { GemmShape } from './shapes';
import { columnsOf, difference, floatTolerance, groupColumnsOf, ofColumns, pick, rowsOf, type Sample } from './verify';

/** What a product is computed from: a contender is compared with those that take the same. */
export type Operands = 'u8' | 'u8s8' | 's8s8' | 'dynamic' | 'nbits' | 'f32' | 'csr';

/** Which products of peers a table compares with; `'nbits'`: 4-bit weights in groups of 32, float32 activations. */
export type OperatorKind = PeakKind | 'nbits';

/** One layer: float32 and 8-bit activations and weights, and what comes after the product. */
export interface Problem {
  readonly shape: GemmShape;
  readonly threads: number;
  readonly sample: Sample;
  readonly x: Tensor<Float32Array>;
  readonly floatWeights: Tensor<Float32Array>;
  readonly unsigned: QuantizedTensor<Uint8Array>;
  readonly signed: QuantizedTensor<Int8Array>;
  /** A scale for each column, zero points of 0. */
  readonly weights: QuantizedTensor<Int8Array>;
  readonly bias: Float32Array;
  readonly output: QuantizedOutput;
}

export function makeProblem(shape: GemmShape, threads: number, seed: number): Problem {
  const { m, n, k } = shape;
  const random = randomBits(seed);
  const floatWeights = { data: bell(k * n, random), shape: [k, n] };
  const a = bytes(m * k, random);
  const scale = 0.02;
  // Uniform bytes have a standard deviation of 74, so sums have this one; four of them fill the output's range.
  const deviation = 74 * scale * Math.sqrt(k);
  return {
    shape,
    threads,
    sample: pick(shape, random),
    x: { data: bell(m * k, random), shape: [m, k] },
    floatWeights,
    unsigned: { data: a, shape: [m, k], scale, zeroPoint: 120 },
    signed: { data: new Int8Array(a.buffer), shape: [m, k], scale, zeroPoint: -5 },
    weights: quantize(floatWeights, { dtype: 'int8', axis: 1 }),
    bias: bell(n, random).map((v) => v * deviation),
    output: { dtype: 'uint8', scale: (4 * deviation) / 255 },
  };
}

/**
 * Undefined if y [M, N] is the product of `a` with the problem's 8-bit weights under `options` (whose bias is of all columns), else
 * what is wrong.
 */
export function checkQuantized(
  { shape, sample, weights }: Problem,
  a: QuantizedTensor | Tensor<Float32Array>,
  y: Float32Array | Int32Array | Int8Array | Uint8Array,
  options: QuantizedMatmulOptions = {},
  tolerance = 0,
): string | undefined {
  const sampled = { ...options, bias: options.bias && ofColumns(options.bias, sample) };
  const expected = reference.quantizedMatmul<MatmulOutput>(rowsOf(a, sample), columnsOf(weights, sample), sampled);
  return difference(y, shape.n, sample, expected.data, tolerance);
}

/** The same of a product with weights in groups; the tolerance is in units of the bound on a float32 product. */
export function checkGroups(
  { shape, sample, x, floatWeights }: Problem,
  q: GroupQuantizedTensor,
  y: Float32Array,
  tolerance = 0,
): string | undefined {
  const expected = reference.quantizedMatmul(rowsOf(x, sample), groupColumnsOf(q, sample));
  const bound = tolerance * floatTolerance(x.data, floatWeights.data, undefined, shape.k);
  return difference(y, shape.n, sample, expected.data, bound);
}

/** The same of the float32 product; the tolerance is by default the bound on one. */
export function checkFloat(
  { shape, sample, x, floatWeights }: Problem,
  y: Float32Array,
  { bias, activation }: MatmulOptions = {},
  tolerance = floatTolerance(x.data, floatWeights.data, bias, shape.k),
): string | undefined {
  const options = { bias: bias && ofColumns(bias, sample), activation };
  const expected = reference.matmul(rowsOf(x, sample), columnsOf(floatWeights, sample), options);
  return difference(y, shape.n, sample, expected.data, tolerance);
}
