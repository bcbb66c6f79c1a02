/** int8 products through the public API, weights packed once, with everything fused that a layer does. */
import { join } from 'node:path';
import { matmul, packWeights, quantize, quantizedMatmul } from 'lowp';
import type { QuantizedTensor } from 'lowp';
import { gemmTable, type GemmContender, type GemmFamily } from '../gemm';
import { checkFloat, checkQuantized, type Operands, type Problem } from '../problem';
import type { BenchCase } from '../types';

const FLOAT = 'lowp f32';
const REDUCED = { axis: 1, reduceRange: true };
const X_FLOAT = `x ${FLOAT}`;

/** Bias, relu and per-channel requantization to uint8. `label`: of weights that are not the problem's own. */
function fused(problem: Problem, a: QuantizedTensor, operands: Operands, label = ''): GemmContender {
  const { shape, weights, bias, output, threads } = problem;
  const packed = packWeights(weights);
  const out = new Uint8Array(shape.m * shape.n);
  const options = { bias, activation: 'relu', output } as const;
  const given = { ...options, out, threads };
  return {
    name: `lowp ${operands}${label} -> u8`,
    library: 'lowp',
    operands,
    against: { [X_FLOAT]: FLOAT },
    kind: 'int8',
    weightBytes: shape.k * shape.n,
    run: () => quantizedMatmul(a, packed, given),
    check: () => checkQuantized(problem, a, out, options),
    close: () => packed.dispose(),
  };
}

/** float32 in and out: quantized by rows inside the call. */
function dynamic(problem: Problem): GemmContender {
  const { shape, x, weights, bias, threads } = problem;
  const packed = packWeights(weights);
  const out = new Float32Array(shape.m * shape.n);
  const options = { bias, activation: 'relu' } as const;
  const given = { ...options, out, threads };
  return {
    name: 'lowp f32 dynamic -> f32',
    library: 'lowp',
    operands: 'dynamic',
    against: { [X_FLOAT]: FLOAT },
    kind: 'int8',
    weightBytes: shape.k * shape.n,
    run: () => quantizedMatmul(x, packed, given),
    check: () => checkQuantized(problem, x, out, options),
    close: () => packed.dispose(),
  };
}

function float(problem: Problem): GemmContender {
  const { shape, x, floatWeights, bias, threads } = problem;
  const packed = packWeights(floatWeights);
  const out = new Float32Array(shape.m * shape.n);
  const options = { bias, activation: 'relu' } as const;
  const given = { ...options, out, threads };
  return {
    name: FLOAT,
    library: 'lowp',
    operands: 'f32',
    kind: 'float32',
    weightBytes: 4 * shape.k * shape.n,
    run: () => matmul(x, packed, given),
    check: () => checkFloat(problem, out, options),
    close: () => packed.dispose(),
  };
}

const FAMILY: GemmFamily = {
  title: 'dense int8 products',
  caption: [
    'lowp: synchronous calls from JavaScript, packed weights with a scale for each column, `out` given. u8s8 and s8s8 include bias, ' +
      'relu and requantization to uint8, 7 bits with weights of `reduceRange`; dynamic quantizes float32 rows in the call and returns float32 (bias, relu); f32 is our ' +
      'own float32 product (bias, relu), as a share of the float32 peak.',
  ],
  shapes: join(__dirname, '..', 'shapes', 'dense_gemm.txt'),
  kind: 'int8',
  seed: 1,
  peaks: ['int8', 'float32'],
  comparisons: [X_FLOAT],
  open: (problem) => [
    fused(problem, problem.unsigned, 'u8s8'),
    fused(problem, problem.signed, 's8s8'),
    fused({ ...problem, weights: quantize(problem.floatWeights, REDUCED) }, problem.unsigned, 'u8s8', ' 7 bits'),
    dynamic(problem),
    float(problem),
  ],
};

export const qgemm: BenchCase = {
  name: 'qgemm',
  about: 'int8 products against our float32 ones and the measured int8 peak',
  open: (settings) => gemmTable(FAMILY, settings),
};

export const qgemmSweep: BenchCase = {
  name: 'qgemm-sweep',
  about: 'the same over squares and rows of activations, for the plot of --out',
  open: (settings) => gemmTable({ ...FAMILY, shapes: join(__dirname, '..', 'shapes', 'sweep_gemm.txt') }, settings),
};
