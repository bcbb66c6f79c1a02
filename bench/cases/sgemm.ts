/** float32 products: the baseline that int8 is compared with has to be a fast one. */
import { join } from 'node:path';
import { matmul, packWeights } from 'lowp';
import type { Activation } from 'lowp';
import { gemmTable, type GemmContender, type GemmFamily } from '../gemm';
import { checkFloat, type Problem } from '../problem';
import type { BenchCase } from '../types';

const PLAIN = 'lowp';
const X_PLAIN = 'x plain';

interface Epilogue {
  readonly name: string;
  readonly bias: boolean;
  readonly activation: Activation;
}

const EPILOGUES: readonly Epilogue[] = [
  { name: PLAIN, bias: false, activation: 'none' },
  { name: 'lowp + bias', bias: true, activation: 'none' },
  { name: 'lowp + bias + relu', bias: true, activation: 'relu' },
  { name: 'lowp + bias + clamp', bias: true, activation: { min: 0, max: 6 } },
];

function lowp(problem: Problem, { name, bias: biased, activation }: Epilogue): GemmContender {
  const { shape, x, floatWeights, threads } = problem;
  const packed = packWeights(floatWeights);
  const out = new Float32Array(shape.m * shape.n);
  const options = { bias: biased ? problem.bias : undefined, activation };
  const given = { ...options, out, threads };
  return {
    name,
    library: 'lowp',
    operands: 'f32',
    against: name === PLAIN ? {} : { [X_PLAIN]: PLAIN },
    kind: 'float32',
    weightBytes: 4 * shape.k * shape.n,
    run: () => matmul(x, packed, given),
    check: () => checkFloat(problem, out, options),
    close: () => packed.dispose(),
  };
}

const FAMILY: GemmFamily = {
  title: 'dense float32 products',
  caption: ['lowp: synchronous calls from JavaScript, packed weights, `out` given; each epilogue is fused into the product.'],
  shapes: join(__dirname, '..', 'shapes', 'dense_gemm.txt'),
  kind: 'float32',
  seed: 2,
  peaks: ['float32'],
  comparisons: [X_PLAIN],
  open: (problem) => EPILOGUES.map((epilogue) => lowp(problem, epilogue)),
};

export const sgemm: BenchCase = {
  name: 'sgemm',
  about: 'float32 products against the measured FMA peak',
  open: (settings) => gemmTable(FAMILY, settings),
};

/** Epilogues make no difference that a plot could show. */
const SWEEP: GemmFamily = {
  ...FAMILY,
  shapes: join(__dirname, '..', 'shapes', 'sweep_gemm.txt'),
  comparisons: [],
  open: (problem) => [lowp(problem, EPILOGUES[0])],
};

export const sgemmSweep: BenchCase = {
  name: 'sgemm-sweep',
  about: 'the same over squares and rows of activations, for the plot of --out',
  open: (settings) => gemmTable(SWEEP, settings),
};
