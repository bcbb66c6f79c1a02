/** What a call costs beside its arithmetic: products so small that checking arguments and crossing into native code is all there is. */
import Benchmark from 'benchmark';
import { matmul, packWeights, quantize, quantizedMatmul, quantizedMatmulAsync } from 'lowp';
import * as reference from 'lowp/reference';
import { bell, bytes, randomBits } from '../inputs';
import { median, medianMargin, smallest } from '../stats';
import type { BenchCase, Row, Settings, Table } from '../types';

const SIZE = 16;
const SEED = 3;

interface Call {
  readonly name: string;
  readonly run: () => unknown;
  readonly async?: boolean;
  /** What the call writes, and what it should. */
  readonly out: ArrayLike<number>;
  readonly expected: ArrayLike<number>;
  readonly tolerance: number;
}

function makeCalls(): Call[] {
  const random = randomBits(SEED);
  const shape = [SIZE, SIZE];
  const x = { data: bell(SIZE * SIZE, random), shape };
  const floatWeights = { data: bell(SIZE * SIZE, random), shape };
  const weights = quantize(floatWeights, { dtype: 'int8', axis: 1 });
  const packed = packWeights(weights);
  const packedFloat = packWeights(floatWeights);
  const a = { data: bytes(SIZE * SIZE, random), shape, scale: 0.02, zeroPoint: 120 };
  const bias = bell(SIZE, random);
  const output = { dtype: 'uint8', scale: 0.1 } as const;
  const layer = { bias, activation: 'relu', output, threads: 1 } as const;
  const plain = { output: 'int32', threads: 1 } as const;

  const sums = new Int32Array(SIZE * SIZE);
  const quantized = new Uint8Array(SIZE * SIZE);
  const awaited = new Uint8Array(SIZE * SIZE);
  const real = new Float32Array(SIZE * SIZE);
  const product = new Float32Array(SIZE * SIZE);
  const exact = { tolerance: 0 };
  const expectedLayer = reference.quantizedMatmul(a, weights, layer).data;
  const [plainOut, layerOut, awaitedOut] = [
    { ...plain, out: sums },
    { ...layer, out: quantized },
    { ...layer, out: awaited },
  ];
  const [realOut, productOut] = [
    { threads: 1, out: real },
    { threads: 1, out: product },
  ];
  return [
    {
      name: 'u8s8 -> s32',
      run: () => quantizedMatmul(a, packed, plainOut),
      out: sums,
      expected: reference.quantizedMatmul(a, weights, plain).data,
      ...exact,
    },
    {
      name: 'u8s8 -> u8, bias, relu',
      run: () => quantizedMatmul(a, packed, layerOut),
      out: quantized,
      expected: expectedLayer,
      ...exact,
    },
    {
      name: 'f32 dynamic -> f32',
      run: () => quantizedMatmul(x, packed, realOut),
      out: real,
      expected: reference.quantizedMatmul(x, weights).data,
      ...exact,
    },
    {
      name: 'f32',
      run: () => matmul(x, packedFloat, productOut),
      out: product,
      expected: reference.matmul(x, floatWeights).data,
      tolerance: 1e-4,
    },
    {
      name: 'u8s8 -> u8, bias, relu, awaited',
      run: () => quantizedMatmulAsync(a, packed, awaitedOut),
      async: true,
      out: awaited,
      expected: expectedLayer,
      ...exact,
    },
  ];
}

/** Seconds of one call, a figure for each of benchmark's samples. */
function sample({ name, run, async: deferred }: Call, seconds: number): Promise<number[]> {
  return new Promise((resolve, reject) => {
    const fn = (turn: Benchmark.Deferred): void => {
      Promise.resolve(run()).then(() => turn.resolve(), reject);
    };
    const benchmark = new Benchmark(name, deferred === true ? fn : run, {
      defer: deferred === true,
      async: true,
      maxTime: seconds,
      onComplete: () => resolve(benchmark.stats.sample),
      onError: () => reject(new Error(`${name} failed`)),
    });
    benchmark.run();
  });
}

async function* rowsOf({ quick }: Settings): AsyncGenerator<Row> {
  const calls = makeCalls();
  for (const { name, run, out, expected, tolerance } of calls) {
    await run();
    for (let i = 0; i < out.length; i++) {
      if (Math.abs(out[i] - expected[i]) <= tolerance) continue;
      throw new Error(`${name}: expected ${expected[i]} for element ${i} but received ${out[i]}`);
    }
  }
  const samples = calls.map((): number[] => []);
  for (let pass = 0; pass < (quick ? 2 : 6); pass++) {
    for (let i = 0; i < calls.length; i++) samples[i].push(...(await sample(calls[i], quick ? 0.2 : 0.6)));
  }
  for (let i = 0; i < calls.length; i++) {
    const seconds = { median: median(samples[i]), best: smallest(samples[i]), margin: medianMargin(samples[i]) };
    const us = [(seconds.median * 1e6).toFixed(3), (seconds.margin * 100).toFixed(1), (seconds.best * 1e6).toFixed(3)];
    const record = { record: 'call', m: SIZE, n: SIZE, k: SIZE, contender: calls[i].name, seconds, samples: samples[i].length };
    yield { cells: [`${SIZE}x${SIZE}x${SIZE}`, calls[i].name, ...us, String(samples[i].length)], record, first: i === 0 };
  }
}

function open(settings: Settings): Table {
  return {
    title: `one ${SIZE}x${SIZE}x${SIZE} call through the public API`,
    caption: [
      'Packed weights, `out` given, one thread; synchronous unless it says awaited.',
      'us: median of the samples of the benchmark package (each a loop of many calls), in several passes with the calls in turn; +-%: ' +
        'half of the 95 % confidence interval of that median; best: the fastest sample, the one that neighbours disturbed least.',
    ],
    columns: [
      { title: 'MxNxK', width: 10 },
      { title: 'call', width: 32 },
      ...['us', '+-%', 'best', 'samples'].map((title) => ({ title, width: 8 })),
    ],
    rows: rowsOf(settings),
    notes: [],
  };
}

export const overhead: BenchCase = { name: 'overhead', about: 'microseconds of one tiny call, synchronous and awaited', open };
