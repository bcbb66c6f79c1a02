/** int8 products through the public API, weights packed once, with everything fused that a layer does. */
import { join } from 'node:path';
import { matmul, packWeights, quantize, quantizedMatmul } from 'lowp';
import * as reference from 'lowp/reference';
import { gemmTable, type GemmContender, type GemmFamily } from '../gemm';
import { bell, bytes, randomBits } from '../inputs';
import type { Peer } from '../peers/peer';
import type { GemmShape } from '../shapes';
import type { QuantizedOutput, QuantizedTensor, Tensor } from 'lowp';
import type { BenchCase, Settings } from '../types';
import { columnsOf, difference, floatTolerance, ofColumns, pick, rowsOf, type Sample } from '../verify';

const SEED = 1;
const X_FLOAT = 'x lowp f32';
const PEERS =
  'Peers: MatMulInteger (int32 sums only: no bias, relu or requantization), awaited. Their sums are checked too; where they ' +
  'are wrong (16-bit sums that saturate, without VNNI) they are timed all the same, and a note says so.';

/** One layer: everything that the contenders share. */
interface Layer {
  readonly shape: GemmShape;
  readonly sample: Sample;
  readonly x: Tensor<Float32Array>;
  readonly unsigned: QuantizedTensor;
  readonly signed: QuantizedTensor;
  readonly floatWeights: Tensor<Float32Array>;
  readonly weights: QuantizedTensor<Int8Array>;
  readonly bias: Float32Array;
  readonly output: QuantizedOutput;
  readonly threads: number;
}

function makeLayer(shape: GemmShape, threads: number): Layer {
  const { m, n, k } = shape;
  const random = randomBits(SEED);
  const floatWeights = { data: bell(k * n, random), shape: [k, n] };
  const a = bytes(m * k, random);
  const scale = 0.02;
  // Uniform bytes have a standard deviation of 74, so sums have this one; four of them fill the output's range.
  const deviation = 74 * scale * Math.sqrt(k);
  return {
    shape,
    sample: pick(shape, random),
    x: { data: bell(m * k, random), shape: [m, k] },
    unsigned: { data: a, shape: [m, k], scale, zeroPoint: 120 },
    signed: { data: new Int8Array(a.buffer), shape: [m, k], scale, zeroPoint: -5 },
    floatWeights,
    weights: quantize(floatWeights, { dtype: 'int8', axis: 1 }),
    bias: bell(n, random).map((v) => v * deviation),
    output: { dtype: 'uint8', scale: (4 * deviation) / 255 },
    threads,
  };
}

/** Bias, relu and per-channel requantization to uint8. */
function fused(name: string, layer: Layer, a: QuantizedTensor, against: Record<string, string>): GemmContender {
  const { shape, sample, weights, bias, output, threads } = layer;
  const packed = packWeights(weights);
  const out = new Uint8Array(shape.m * shape.n);
  const options = { bias, activation: 'relu', output, out, threads } as const;
  return {
    name,
    against,
    kind: 'int8',
    weightBytes: shape.k * shape.n,
    run: () => quantizedMatmul(a, packed, options),
    check: () => {
      const expected = reference.quantizedMatmul(rowsOf(a, sample), columnsOf(weights, sample), {
        bias: ofColumns(bias, sample),
        activation: 'relu',
        output,
      });
      return difference(out, shape.n, sample, expected.data, 0);
    },
    close: () => packed.dispose(),
  };
}

/** float32 in and out: quantized by rows inside the call. */
function dynamic(name: string, layer: Layer, against: Record<string, string>): GemmContender {
  const { shape, sample, x, weights, bias, threads } = layer;
  const packed = packWeights(weights);
  const out = new Float32Array(shape.m * shape.n);
  const options = { bias, activation: 'relu', out, threads } as const;
  return {
    name,
    against,
    kind: 'int8',
    weightBytes: shape.k * shape.n,
    run: () => quantizedMatmul(x, packed, options),
    check: () => {
      const sampled = { bias: ofColumns(bias, sample), activation: 'relu' } as const;
      const expected = reference.quantizedMatmul(rowsOf(x, sample), columnsOf(weights, sample), sampled);
      return difference(out, shape.n, sample, expected.data, 0);
    },
    close: () => packed.dispose(),
  };
}

function float(name: string, layer: Layer, against: Record<string, string>): GemmContender {
  const { shape, sample, x, floatWeights, bias, threads } = layer;
  const packed = packWeights(floatWeights);
  const out = new Float32Array(shape.m * shape.n);
  const options = { bias, activation: 'relu', out, threads } as const;
  return {
    name,
    against,
    kind: 'float32',
    weightBytes: 4 * shape.k * shape.n,
    run: () => matmul(x, packed, options),
    check: () => {
      const sampled = { bias: ofColumns(bias, sample), activation: 'relu' } as const;
      const expected = reference.matmul(rowsOf(x, sample), columnsOf(floatWeights, sample), sampled);
      const tolerance = floatTolerance(x.data, floatWeights.data, bias, shape.k);
      return difference(out, shape.n, sample, expected.data, tolerance);
    },
    close: () => packed.dispose(),
  };
}

async function peerInteger(peer: Peer, name: string, layer: Layer, a: QuantizedTensor): Promise<GemmContender> {
  const { shape, sample, weights, threads } = layer;
  const product = await peer.matmulInteger(shape, a.data, Number(a.zeroPoint), weights.data, threads);
  return {
    name,
    async: true,
    peer: true,
    kind: 'int8',
    weightBytes: shape.k * shape.n,
    run: product.run,
    check: () => {
      const expected = reference.quantizedMatmul(rowsOf(a, sample), columnsOf(weights, sample), { output: 'int32' });
      return difference(product.result(), shape.n, sample, expected.data, 0);
    },
    close: product.close,
  };
}

async function open(shape: GemmShape, { threads, peers }: Settings): Promise<GemmContender[]> {
  const layer = makeLayer(shape, threads);
  const versus = (kind: string): Record<string, string> =>
    Object.fromEntries([[X_FLOAT, 'lowp f32'], ...peers.map((p) => [`x ${p.name}`, `${p.name} ${kind}`])]);
  const contenders = [
    fused('lowp u8s8 -> u8', layer, layer.unsigned, versus('u8s8')),
    fused('lowp s8s8 -> u8', layer, layer.signed, versus('s8s8')),
    dynamic('lowp f32 dynamic -> f32', layer, { [X_FLOAT]: 'lowp f32' }),
    float('lowp f32', layer, {}),
  ];
  for (const peer of peers) {
    contenders.push(await peerInteger(peer, `${peer.name} u8s8`, layer, layer.unsigned));
    contenders.push(await peerInteger(peer, `${peer.name} s8s8`, layer, layer.signed));
  }
  return contenders;
}

function family({ peers }: Settings): GemmFamily {
  return {
    title: 'dense int8 products',
    caption: [
      'lowp: synchronous calls from JavaScript, packed weights with a scale for each column, `out` given. u8s8 and s8s8 include bias, ' +
        'relu and requantization to uint8; dynamic quantizes float32 rows in the call and returns float32 (bias, relu); f32 is our ' +
        'own float32 product (bias, relu), as a share of the float32 peak.',
      ...(peers.length === 0 ? [] : [PEERS]),
    ],
    shapes: join(__dirname, '..', 'shapes', 'dense_gemm.txt'),
    peaks: ['int8', 'float32'],
    comparisons: [X_FLOAT, ...peers.map((p) => `x ${p.name}`)],
    open,
  };
}

export const qgemm: BenchCase = {
  name: 'qgemm',
  about: 'int8 products against our float32 ones and the measured int8 peak',
  open: (settings) => gemmTable(family(settings), settings),
};
