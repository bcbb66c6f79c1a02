/** Weights of 4 and 8 bits in groups, float32 in and out: against our float32 and int8 products, and onnxruntime's MatMulNBits. */
import { join } from 'node:path';
import { matmul, packWeights, quantizedMatmul, quantizeWeights } from 'lowp';
import type { GroupBits, GroupSize } from 'lowp';
import { gemmTable, type GemmContender, type GemmFamily } from '../gemm';
import { checkFloat, checkGroups, checkQuantized, type Problem } from '../problem';
import type { BenchCase } from '../types';

const FLOAT = 'lowp f32';
const INT8 = 'lowp int8';
const X_FLOAT = `x ${FLOAT}`;
const X_INT8 = `x ${INT8}`;

/** Peers have 4 bits in groups of 32, so only those are compared with them. */
function grouped(problem: Problem, bits: GroupBits, groupSize: GroupSize): GemmContender {
  const { shape, x, floatWeights, threads } = problem;
  const q = quantizeWeights(floatWeights, { bits, groupSize });
  const packed = packWeights(q);
  const out = new Float32Array(shape.m * shape.n);
  const given = { out, threads };
  return {
    name: `lowp ${bits} bits, ${groupSize}`,
    library: 'lowp',
    operands: bits === 4 && groupSize === 32 ? 'nbits' : 'dynamic',
    against: { [X_FLOAT]: FLOAT, [X_INT8]: INT8 },
    kind: 'int8',
    weightBytes: q.data.length + q.scales.byteLength,
    run: () => quantizedMatmul(x, packed, given),
    check: () => checkGroups(problem, q, out),
    close: () => packed.dispose(),
  };
}

/** A scale for each column, and for each row of activations. */
function int8(problem: Problem): GemmContender {
  const { shape, x, weights, threads } = problem;
  const packed = packWeights(weights);
  const out = new Float32Array(shape.m * shape.n);
  const given = { out, threads };
  return {
    name: INT8,
    library: 'lowp',
    operands: 'dynamic',
    kind: 'int8',
    weightBytes: shape.k * shape.n,
    run: () => quantizedMatmul(x, packed, given),
    check: () => checkQuantized(problem, x, out),
    close: () => packed.dispose(),
  };
}

function float(problem: Problem): GemmContender {
  const { shape, x, floatWeights, threads } = problem;
  const packed = packWeights(floatWeights);
  const out = new Float32Array(shape.m * shape.n);
  const given = { out, threads };
  return {
    name: FLOAT,
    library: 'lowp',
    operands: 'f32',
    kind: 'float32',
    weightBytes: 4 * shape.k * shape.n,
    run: () => matmul(x, packed, given),
    check: () => checkFloat(problem, out),
    close: () => packed.dispose(),
  };
}

const FAMILY: GemmFamily = {
  title: 'weights in groups',
  caption: [
    'lowp 4 bits, 32: float32 activations times 4-bit weights with a scale for each 32 of them; synchronous calls from JavaScript, ' +
      'packed weights, `out` given. int8: a scale for each column and each row of activations. Shares are of the int8 peak ' +
      '(float32: of its own); where that is of exact instructions on 16 bits, 4 bits can pass it.',
  ],
  shapes: join(__dirname, '..', 'shapes', 'dense_gemm.txt'),
  kind: 'nbits',
  seed: 3,
  peaks: ['int8', 'float32'],
  comparisons: [X_FLOAT, X_INT8],
  open: (problem) => [grouped(problem, 4, 32), grouped(problem, 4, 128), grouped(problem, 8, 32), int8(problem), float(problem)],
};

export const nbits: BenchCase = {
  name: 'nbits',
  about: '4- and 8-bit weights in groups against our float32 and int8 products',
  open: (settings) => gemmTable(FAMILY, settings),
};
