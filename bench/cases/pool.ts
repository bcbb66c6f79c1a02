/** The poolings of ResNet-50 and MobileNetV2, float32 and 8-bit, in both layouts: work that memory limits. */
import { join } from 'node:path';
import { averagePool2d, globalAveragePool2d, maxPool2d, type ConvLayout } from 'lowp';
import { nativeBinding } from '../../lib/native/load';
import { toNhwc } from '../convProblem';
import { coresFor } from '../machine';
import { FULL, interleave, QUICK, settleMs, shareOfPeak, speedup, type Spread, type Timing } from '../measure';
import { openAll, type PeerOperators, type PeerProduct } from '../peers/peer';
import {
  checkPool,
  makePoolProblem,
  poolElements,
  poolName,
  poolOptions,
  poolSize,
  readPools,
  type PoolOperands,
  type PoolProblem,
} from '../poolProblem';
import { median, smallest } from '../stats';
import type { BenchCase, Row, Settings, Table } from '../types';
import { Wrong } from '../wrong';

const SEED = 13;
/** Of a measurement of the bandwidth: once in every round. */
const BANDWIDTH_MS = 1;
const FILES = ['resnet50_pool.txt', 'mobilenetv2_pool.txt'].map((file) => join(__dirname, '..', 'shapes', file));

type Contender = PeerProduct & { readonly peer?: boolean };

function ours(problem: PoolProblem, operands: PoolOperands, layout: ConvLayout): Contender {
  const { shape, threads } = problem;
  const image = operands === 'f32' ? problem.x : problem.quantized;
  const x = layout === 'NHWC' ? toNhwc(image) : image;
  const [h, w] = poolSize(shape);
  const count = shape.channels * h * w;
  const out = operands === 'f32' ? new Float32Array(count) : new Uint8Array(count);
  const options = { ...poolOptions(shape), layout, out, threads };
  const run = {
    max: () => maxPool2d(x, options),
    average: () => averagePool2d(x, options),
    global: () => globalAveragePool2d(x, { layout, out, threads }),
  }[shape.kind];
  const check = (): string | undefined => checkPool(problem, operands, out, layout);
  return { name: `lowp ${operands} ${layout}`, library: 'lowp', operands, run, check, close: () => undefined };
}

async function* rowsOf(settings: Settings, peers: readonly PeerOperators<PoolProblem>[], wrong: Wrong): AsyncGenerator<Row> {
  const { quick, threads, shapes } = settings;
  const libraries = peers.flatMap((peer) => peer.libraries);
  const plan = { ...(quick ? QUICK : { ...FULL, budgetMs: 3000 }), settleMs: settleMs(threads, libraries) };
  const all = (shapes === undefined ? FILES : [shapes]).flatMap((file) => readPools(file, quick && shapes === undefined));
  for (const shape of all) {
    const problem = makePoolProblem(shape, threads, SEED);
    const layouts = ['NCHW', 'NHWC'] as const;
    const contenders = (['f32', 'u8'] as const).flatMap((operands) => layouts.map((layout) => ours(problem, operands, layout)));
    try {
      contenders.push(...(await openAll(peers, problem)));
      const problems: (string | undefined)[] = [];
      for (const contender of contenders) problems.push(await verify(contender, poolName(shape)));
      const read = (bytes: number) => () => nativeBinding()?.bandwidth(bytes, BANDWIDTH_MS) ?? 0;
      const bytesOf = { f32: poolElements(shape) * 4, u8: poolElements(shape) };
      const loops = { f32: read(bytesOf.f32), u8: read(bytesOf.u8) };
      const { timings, peaks } = await interleave(contenders, loops, plan);
      for (let i = 0; i < contenders.length; i++) {
        wrong.add(contenders[i].name, poolName(shape), problems[i]);
        const operands = contenders[i].operands as PoolOperands;
        const share = shareOfPeak(timings[i], bytesOf[operands], peaks[operands] ?? [], coresFor(threads));
        yield rowOf(problem, contenders, i, timings, share, libraries);
      }
    } finally {
      for (const contender of contenders) await contender.close();
    }
  }
}

/** A wrong result of a peer is noted; one of ours ends the run. */
async function verify(contender: Contender, name: string): Promise<string | undefined> {
  await contender.run();
  const problem = contender.check();
  if (problem !== undefined && contender.peer !== true) throw new Error(`${contender.name} ${name}: ${problem}`);
  return problem;
}

function rowOf(
  { shape }: PoolProblem,
  contenders: readonly Contender[],
  index: number,
  timings: readonly Timing[],
  share: Spread,
  libraries: readonly string[],
): Row {
  const { name, peer = false, library, operands } = contenders[index];
  const timing = timings[index];
  const seconds = { median: median(timing.seconds), best: smallest(timing.seconds) };
  const ratios = libraries.map((rival) => {
    const other = contenders.findIndex((c) => c.library === rival && c.operands === operands);
    return peer || other < 0 ? undefined : speedup(timing, timings[other]);
  });
  const bytes = poolElements(shape) * (operands === 'f32' ? 4 : 1);
  const cells = [
    index === 0 ? poolName(shape) : '',
    name,
    ...[seconds.median, seconds.best].map((s) => (s * 1e6).toFixed(1)),
    (bytes / seconds.best / 1e9).toFixed(1),
    ...[share.median, share.best].map((s) => (s * 100).toFixed(0)),
    ...ratios.map((ratio) => ratio?.median.toFixed(2) ?? ''),
  ];
  const record = { record: 'pool', ...shape, contender: name, peer, library, operands, bytes, seconds, shareOfBandwidth: share };
  const against = Object.fromEntries(libraries.map((rival, i) => [`x ${rival}`, ratios[i]]));
  const sampling = { rounds: timing.seconds.length, callsPerSample: timing.callsPerSample };
  return { cells, first: index === 0, record: { ...record, ratios: against, ...sampling } };
}

function open(settings: Settings): Table {
  const peers = settings.peers.flatMap((peer) => peer.poolings ?? []);
  const libraries = peers.flatMap((peer) => peer.libraries);
  const wrong = new Wrong('pooling');
  const numbers = ['us', 'best', 'GB/s', '% read', 'best %', ...libraries.map((library) => `x ${library}`)];
  return {
    title: 'poolings of ResNet-50 and MobileNetV2, one image of 224x224',
    caption: [
      'lowp: synchronous calls from JavaScript, `out` given; x and y NCHW or NHWC as named; averages of u8 keep scale and zero point.',
      ...peers.flatMap((peer) => peer.about),
      'us: medians; best: the fastest sample. GB/s: bytes of x and y, each once, in the best sample. % read: their share of what a core ' +
        'reads from a buffer of so many bytes, measured in every round, for each core that a call may use.',
      'x: how many times as fast on the same operands, the median of the ratios within each round; below 1 is a loss.',
    ],
    columns: [
      { title: 'pooling', width: 22 },
      { title: 'contender', width: 22 },
      ...numbers.map((title) => ({ title, width: Math.max(7, title.length) })),
    ],
    rows: rowsOf(settings, peers, wrong),
    notes: wrong.notes,
    elsewhere: settleMs(settings.threads, libraries) > 0,
  };
}

export const pool: BenchCase = { name: 'pool', about: 'poolings of ResNet-50 and MobileNetV2', open };
