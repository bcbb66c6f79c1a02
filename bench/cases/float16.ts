/** float32 products with weights of 16 bits, against our own with weights of 32: half the bytes, the same multiply-adds. */
import { join } from 'node:path';
import { cast, matmul, packWeights, type FloatDtype } from 'lowp';
import { gemmTable, type GemmContender, type GemmFamily } from '../gemm';
import { checkFloat, type Problem } from '../problem';
import type { BenchCase } from '../types';

const STORAGES: readonly FloatDtype[] = ['float32', 'bfloat16', 'float16'];
const X_FLOAT32 = 'x float32';

const nameOf = (storage: FloatDtype): string => `lowp ${storage} weights`;

function lowp(problem: Problem, storage: FloatDtype): GemmContender {
  const { shape, x, floatWeights, threads } = problem;
  const packed = packWeights(floatWeights, { storage });
  const rounded = cast(cast(floatWeights, { dtype: storage }), { dtype: 'float32' });
  const out = new Float32Array(shape.m * shape.n);
  return {
    name: nameOf(storage),
    library: 'lowp',
    operands: 'f32',
    against: storage === 'float32' ? {} : { [X_FLOAT32]: nameOf('float32') },
    kind: 'float32',
    weightBytes: (storage === 'float32' ? 4 : 2) * shape.k * shape.n,
    run: () => matmul(x, packed, { out, threads }),
    check: () => checkFloat({ ...problem, floatWeights: rounded }, out),
    close: () => packed.dispose(),
  };
}

const FAMILY: GemmFamily = {
  title: 'dense float32 products, weights of 16 bits',
  caption: ['lowp: synchronous calls from JavaScript, packed weights, `out` given; results checked with the rounded weights.'],
  shapes: join(__dirname, '..', 'shapes', 'dense_gemm.txt'),
  kind: 'float32',
  seed: 4,
  peaks: ['float32'],
  comparisons: [X_FLOAT32],
  open: (problem) => STORAGES.map((storage) => lowp(problem, storage)),
};

export const float16: BenchCase = {
  name: 'float16',
  about: 'bfloat16 and float16 weights against float32 ones',
  open: (settings) => gemmTable(FAMILY, settings),
};
