/** lowp where it will be used: behind HTTP, one image a request. Throughput, latency, and what the event loop has to bear. */
import { runtime } from 'lowp';
import * as reference from 'lowp/reference';
import { classify, countEqual } from '../../examples/digits/network';
import { loadMnist, PIXELS, range } from '../../examples/digits/mnist';
import { quantizedPixels } from '../../examples/digits/quantized';
import { Server, type Figures } from '../service/client';
import { saturates } from '../peers/onnx';
import { EXACT_PEER, OURS, PEER, type Backend } from '../service/messages';
import { describeNetwork, NETWORKS, quantizedNetwork, type NetworkName, type QuantizedNetwork } from '../service/network';
import { median } from '../stats';
import { InputError, type BenchCase, type Row, type Settings, type Table } from '../types';

const BATCHES = [1, 32];
const CONNECTIONS = [1, 64];
/** Test images that every backend has to classify alike, as many as the oracle does in a second or so. */
const VERIFIED: Readonly<Record<NetworkName, number>> = { digits: 500, mlp: 100 };
const LOAD_IMAGES = 16;
const COMPARED =
  `x: answers a second over those of ${PEER} in the same configuration, the median of the ratios within each round. Where the ` +
  `processor has no VNNI its 16-bit sums saturate, so that it may classify some images differently, and ${EXACT_PEER} is beside it: ` +
  'with session.x64quantprecision.';
/** Seconds for one configuration: so many rounds of so long. */
const FULL = { rounds: 5, seconds: 1, warmUp: 0.5 };
const QUICK = { rounds: 3, seconds: 0.5, warmUp: 0.3 };

interface Lane {
  readonly backend: Backend;
  readonly maxBatch: number;
  readonly server: Server;
}

interface Configuration extends Lane {
  readonly connections: number;
  /** One for each round. */
  readonly rounds: Figures[];
}

function hasPeer({ peers }: Settings): boolean {
  return peers.some(({ name }) => name === PEER);
}

function peersHere(): Backend[] {
  return saturates() ? [PEER, EXACT_PEER] : [PEER];
}

async function* rowsOf(networks: readonly NetworkName[], settings: Settings, notes: string[]): AsyncGenerator<Row> {
  const backends: Backend[] = [...OURS, ...(hasPeer(settings) ? peersHere() : [])];
  for (const network of networks) {
    const lanes: Lane[] = [];
    try {
      for (const maxBatch of BATCHES) {
        for (const backend of backends) {
          const { threads } = settings;
          const server = await Server.start({ network, backend, maxBatch, threads, isa: runtime.isa });
          lanes.push({ backend, maxBatch, server });
        }
      }
      await verify(network, lanes, notes);
      yield* tabulate(network, await measure(lanes, settings), backends.includes(PEER));
    } finally {
      for (const { server } of lanes) await server.close();
    }
  }
}

/** Against the oracle: a difference of ours ends the run, one of a peer is noted. */
async function verify(network: NetworkName, lanes: readonly Lane[], notes: string[]): Promise<void> {
  const images = testImages(VERIFIED[network]);
  const expected = Uint8Array.from(oracle(quantizedNetwork(network), images));
  for (const { backend, maxBatch, server } of lanes) {
    const digits = Uint8Array.from(await server.classify(images, 64));
    const different = expected.length - countEqual(digits, expected);
    const message = `${network}: ${backend}, batch ${maxBatch}: ${different} of ${expected.length} test images classified differently`;
    if (different > 0 && backend !== PEER && backend !== EXACT_PEER) throw new Error(message);
    notes.push(message);
  }
}

function oracle({ hidden, last }: QuantizedNetwork, images: readonly Uint8Array[]): Uint8Array {
  let x = quantizedPixels(Buffer.concat(images));
  for (const { weights, bias, output } of hidden) {
    x = reference.quantizedMatmul(x, weights, { bias, activation: 'relu', output });
  }
  return classify(reference.quantizedMatmul(x, last.weights, { bias: last.bias }));
}

function testImages(count: number): Uint8Array[] {
  const { images } = range(loadMnist().test, 0, count);
  return Array.from({ length: count }, (_, i) => images.subarray(i * PIXELS, (i + 1) * PIXELS));
}

/** Round after round every configuration has its turn, each time in another order: a noisy neighbour meets them all. */
async function measure(lanes: readonly Lane[], { quick }: Settings): Promise<Configuration[]> {
  const { rounds, seconds, warmUp } = quick ? QUICK : FULL;
  const images = testImages(LOAD_IMAGES);
  for (const { server } of lanes) await server.load(images, Math.max(...CONNECTIONS), warmUp);
  const all = CONNECTIONS.flatMap((connections) => lanes.map((lane): Configuration => ({ ...lane, connections, rounds: [] })));
  for (let round = 0; round < rounds; round++) {
    for (let i = 0; i < all.length; i++) {
      const { server, connections, rounds: figures } = all[(i + round) % all.length];
      figures.push(await server.load(images, connections, seconds));
    }
  }
  return all;
}

function* tabulate(network: NetworkName, all: readonly Configuration[], compared: boolean): Generator<Row> {
  const orders = [...all.keys()].sort((x, y) => all[x].maxBatch - all[y].maxBatch || x - y);
  let group = '';
  for (const { backend, maxBatch, connections, rounds } of orders.map((i) => all[i])) {
    const peer = all.find((o) => o.backend === PEER && o.maxBatch === maxBatch && o.connections === connections);
    const ratio = peer && backend !== PEER ? median(rounds.map(({ rate }, i) => rate / peer.rounds[i].rate)) : undefined;
    const middle = (of: (figures: Figures) => number): number => median(rounds.map(of));
    const figures = {
      rate: middle((f) => f.rate),
      p50: middle((f) => f.p50),
      p99: middle((f) => f.p99),
      delayP99: middle((f) => f.delayP99),
      delayMax: middle((f) => f.delayMax),
      utilization: middle((f) => f.utilization),
      cores: middle((f) => f.cores),
      batch: middle((f) => f.batch),
    };
    const title = `${network}, ${maxBatch === 1 ? 'no batches' : `batches of ${maxBatch}`}, ${connections} conn.`;
    const cells = [
      title === group ? '' : title,
      backend,
      figures.rate.toFixed(0),
      ...(compared ? [ratio?.toFixed(2) ?? ''] : []),
      figures.p50.toFixed(2),
      figures.p99.toFixed(2),
      figures.delayP99.toFixed(2),
      figures.delayMax.toFixed(2),
      (100 * figures.utilization).toFixed(0),
      figures.cores.toFixed(2),
      figures.batch.toFixed(1),
    ];
    const record = { record: 'service', network, backend, maxBatch, connections, ...figures, ratio, rounds: rounds.length };
    yield { cells, first: title !== group, record };
    group = title;
  }
}

function open(settings: Settings): Table {
  const { rounds, seconds } = settings.quick ? QUICK : FULL;
  const notes: string[] = [];
  const networks = NETWORKS.filter((name) => (settings.network ?? name) === name);
  if (networks.length === 0)
    throw new InputError(`Expected ${NETWORKS.join(' or ')} for --network but received '${settings.network}'`);
  const compared = hasPeer(settings);
  const numbers = [
    'answers/s',
    ...(compared ? [`x ${PEER}`] : []),
    'p50 ms',
    'p99 ms',
    'loop p99',
    'loop max',
    'loop %',
    'cores',
    'batch',
  ];
  return {
    title: 'the example service under load',
    caption: [
      `${networks.map(describeNetwork).join('; ')}. One image of ${PIXELS} bytes a request, over HTTP on one machine. The server is a ` +
        `process of its own, the load generator (autocannon) another one, which takes up to a core: of the ${runtime.cpu.cores} cores ` +
        'here, asynchronous backends, which compute beside the event loop, share theirs with it.',
      `Medians of ${rounds} rounds of ${seconds} s, in which the configurations take turns. Every connection sends its next request ` +
        'when it has the answer to the one before. p50, p99: milliseconds until the answer, at the client.',
      'loop p99, loop max: milliseconds by which the event loop of the server was late (perf_hooks.monitorEventLoopDelay); loop %: ' +
        'its utilization; cores: processor time of the server, all threads; batch: images of one call of the model.',
      ...(compared ? [COMPARED] : []),
      `${settings.threads} thread${settings.threads === 1 ? '' : 's'} a call. Batches take what waits, without delay.`,
    ],
    columns: [
      { title: 'network and load', width: 35 },
      { title: 'backend', width: compared ? EXACT_PEER.length : 10 },
      ...numbers.map((title) => ({ title, width: Math.max(6, title.length) })),
    ],
    rows: rowsOf(networks, settings, notes),
    notes,
    elsewhere: true,
  };
}

export const service: BenchCase = {
  name: 'service',
  about: 'the example service over HTTP: throughput, latency, delay of the event loop',
  open,
};
