/** float32 products: the baseline that int8 is compared with has to be a fast one. */
import { join } from 'node:path';
import { matmul, packWeights } from 'lowp';
import * as reference from 'lowp/reference';
import type { Activation, Tensor } from 'lowp';
import { gemmTable, type GemmContender, type GemmFamily } from '../gemm';
import { bell, randomBits } from '../inputs';
import type { Peer } from '../peers/peer';
import type { GemmShape } from '../shapes';
import type { BenchCase, Settings } from '../types';
import { columnsOf, difference, floatTolerance, ofColumns, pick, rowsOf, type Sample } from '../verify';

const SEED = 2;
const PLAIN = 'lowp';
const X_PLAIN = 'x plain';

interface Problem {
  readonly shape: GemmShape;
  readonly sample: Sample;
  readonly a: Tensor<Float32Array>;
  readonly b: Tensor<Float32Array>;
  readonly bias: Float32Array;
  readonly threads: number;
}

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

function lowp(problem: Problem, epilogue: Epilogue, against: Record<string, string>): GemmContender {
  const { shape, sample, a, b, threads } = problem;
  const { name, activation } = epilogue;
  const bias = epilogue.bias ? problem.bias : undefined;
  const packed = packWeights(b);
  const out = new Float32Array(shape.m * shape.n);
  const options = { bias, activation, out, threads };
  return {
    name,
    against,
    kind: 'float32',
    weightBytes: 4 * shape.k * shape.n,
    run: () => matmul(a, packed, options),
    check: () => {
      const sampled = { bias: bias && ofColumns(bias, sample), activation };
      const expected = reference.matmul(rowsOf(a, sample), columnsOf(b, sample), sampled);
      return difference(out, shape.n, sample, expected.data, floatTolerance(a.data, b.data, bias, shape.k));
    },
    close: () => packed.dispose(),
  };
}

async function peerFloat(peer: Peer, problem: Problem): Promise<GemmContender> {
  const { shape, sample, a, b, threads } = problem;
  const product = await peer.matmul(shape, a.data, b.data, threads);
  return {
    name: peer.name,
    async: true,
    peer: true,
    kind: 'float32',
    weightBytes: 4 * shape.k * shape.n,
    run: product.run,
    check: () => {
      const expected = reference.matmul(rowsOf(a, sample), columnsOf(b, sample));
      const tolerance = floatTolerance(a.data, b.data, undefined, shape.k);
      return difference(product.result(), shape.n, sample, expected.data, tolerance);
    },
    close: product.close,
  };
}

async function open(shape: GemmShape, { threads, peers }: Settings): Promise<GemmContender[]> {
  const { m, n, k } = shape;
  const random = randomBits(SEED);
  const a = { data: bell(m * k, random), shape: [m, k] };
  const b = { data: bell(k * n, random), shape: [k, n] };
  const problem = { shape, sample: pick(shape, random), a, b, bias: bell(n, random), threads };
  const versusPeers = Object.fromEntries(peers.map((p) => [`x ${p.name}`, p.name]));
  const contenders = EPILOGUES.map((epilogue) =>
    lowp(problem, epilogue, epilogue.name === PLAIN ? versusPeers : { [X_PLAIN]: PLAIN, ...versusPeers }),
  );
  for (const peer of peers) contenders.push(await peerFloat(peer, problem));
  return contenders;
}

function family({ peers }: Settings): GemmFamily {
  return {
    title: 'dense float32 products',
    caption: [
      'lowp: synchronous calls from JavaScript, packed weights, `out` given; each epilogue is fused into the product.',
      ...(peers.length === 0 ? [] : ['Peers: MatMul (no bias or activation), awaited.']),
    ],
    shapes: join(__dirname, '..', 'shapes', 'dense_gemm.txt'),
    peaks: ['float32'],
    comparisons: [X_PLAIN, ...peers.map((p) => `x ${p.name}`)],
    open,
  };
}

export const sgemm: BenchCase = {
  name: 'sgemm',
  about: 'float32 products against the measured FMA peak',
  open: (settings) => gemmTable(family(settings), settings),
};
