/** Verifies, times and tabulates contenders for convolution layers, layer after layer, and sums each network's layers. */
import { nativeBinding } from '../lib/native/load';
import { makeConvProblem, type ConvProblem } from './convProblem';
import { convElements, convName, convOperations, isDepthwise, readNetwork, type ConvShape, type Network } from './convShapes';
import { shareCells, sumRows, type ConvFigures } from './convSums';
import { coresFor, findPeak, type PeakKind } from './machine';
import { FULL, interleave, QUICK, settleMs, shareOfPeak, speedup, type Rounds, type Spread, type Timing } from './measure';
import { openAll, type PeerOperators, type PeerProduct } from './peers/peer';
import { median, smallest } from './stats';
import type { Row, Settings, Table } from './types';
import { Wrong } from './wrong';

/** A wrong result of a peer is noted; one of ours ends the run. */
export interface ConvContender extends PeerProduct {
  readonly peer?: boolean;
  /** Default: those of the run. */
  readonly threads?: number;
}

export interface ConvFamily {
  readonly title: string;
  readonly caption: readonly string[];
  /** Files of layers: a network each. */
  readonly networks: readonly string[];
  /** Which of their layers; default: all. */
  readonly has?: (shape: ConvShape) => boolean;
  readonly seed: number;
  /** Titles of the comparisons with contenders of ours. */
  readonly comparisons: readonly string[];
  /** Whether it is compared with peers. */
  readonly peers: boolean;
  /** Ours. */
  open(problem: ConvProblem): ConvContender[];
}

/** A family with its peers: the columns of the table. */
interface Scope {
  readonly family: ConvFamily;
  readonly settings: Settings;
  readonly peers: readonly PeerOperators<ConvProblem>[];
  readonly comparisons: readonly string[];
  readonly libraries: readonly string[];
}

/** Of a layer: there are many, and their sum is what counts. Ten contenders of a millisecond or two need no less for nine rounds. */
const PLAN = { ...FULL, budgetMs: 3000 };
const QUICK_PLAN = { ...QUICK, budgetMs: 1500, minRounds: 9 };
/** Of a measurement of the bandwidth: once in every round. */
const BANDWIDTH_MS = 1;

const CAPTION = [
  '%: of the measured int8 or float32 peak; of a depthwise layer (dw) the bytes of x, weights and y, each once, as a share of what a ' +
    'core reads from a buffer of so many bytes. Both are measured in every round, for one core, and count for each core that a call may use.',
  'us, GOPS, %: medians of all samples; best: the fastest sample, which is what the code can do. x: how many times as fast, the ' +
    'median of the ratios within each round of interleaved samples; below 1 is a loss. Peers are compared on the same operands.',
  'sum: the time of each layer times how often the network has it; x of a sum: of the sums of the medians, %: weighted by time.',
];
const CHECKED =
  "Peers' results are checked too; where they are wrong (16-bit sums that saturate, without VNNI) they are timed all the same, and a " +
  'note says so.';

const against = (library: string): string => `x ${library}`;

export function convTable(family: ConvFamily, settings: Settings): Table {
  const { quick, shapes } = settings;
  const files = shapes === undefined ? family.networks : [shapes];
  const networks = files
    .map((file) => readNetwork(file, quick && shapes === undefined))
    .map((network) => ({ ...network, layers: network.layers.filter(family.has ?? (() => true)) }))
    .filter(({ layers }) => layers.length > 0);
  const peers = (family.peers ? settings.peers : []).flatMap((peer) => peer.convolutions ?? []);
  const libraries = peers.flatMap((peer) => peer.libraries);
  const scope = { family, settings, peers, libraries, comparisons: [...family.comparisons, ...libraries.map(against)] };
  const numbers = ['us', 'best', 'GOPS', '%', 'best %', ...scope.comparisons];
  const about = peers.flatMap((peer) => peer.about);
  const wrong = new Wrong('layer');
  return {
    title: family.title,
    caption: [...family.caption, ...about, ...(about.length === 0 ? [] : [CHECKED]), ...CAPTION],
    columns: [
      { title: 'layer', width: 24 },
      { title: 'contender', width: 28 },
      ...numbers.map((title) => ({ title, width: Math.max(7, title.length) })),
    ],
    rows: rowsOf(scope, networks, wrong),
    notes: wrong.notes,
    elsewhere: settleMs(settings.threads, libraries) > 0,
  };
}

async function* rowsOf(scope: Scope, networks: readonly Network[], wrong: Wrong): AsyncGenerator<Row> {
  const { family, settings } = scope;
  const plan = { ...(settings.quick ? QUICK_PLAN : PLAN), settleMs: settleMs(settings.threads, scope.libraries) };
  for (const network of networks) {
    const all: ConvFigures[] = [];
    for (const shape of network.layers) {
      const problem = makeConvProblem(shape, settings.threads, family.seed);
      const contenders = family.open(problem);
      try {
        contenders.push(...(await openAll(scope.peers, problem)));
        const problems: (string | undefined)[] = [];
        for (const contender of contenders) problems.push(await verify(contender, shape));
        const rounds = await interleave(contenders, loopsOf(shape), plan);
        for (let i = 0; i < contenders.length; i++) {
          wrong.add(contenders[i].name, convName(shape), problems[i]);
          const figures = figuresOf(scope, contenders, i, shape, rounds);
          const ratios = ratiosOf(figures, rounds.timings);
          yield rowOf(scope, network, contenders[i], figures, ratios, rounds.timings[i], problems[i], i === 0);
          all.push(figures);
        }
      } finally {
        for (const contender of contenders) await contender.close();
      }
    }
    yield* sumRows(network, all, scope.comparisons);
  }
}

async function verify(contender: ConvContender, shape: ConvShape): Promise<string | undefined> {
  await contender.run();
  const problem = contender.check();
  if (problem !== undefined && contender.peer !== true) throw new Error(`${contender.name} ${convName(shape)}: ${problem}`);
  return problem;
}

const kindOf = ({ operands }: ConvContender): PeakKind => (operands === 'f32' ? 'float32' : 'int8');

/** What a contender of a kind does: arithmetic, or where a layer is depthwise the bytes that it cannot avoid. */
function amountOf(shape: ConvShape, kind: PeakKind): number {
  return isDepthwise(shape) ? convElements(shape) * (kind === 'float32' ? 4 : 1) : convOperations(shape);
}

/** The most of that in a second; none for a kind that nothing measures here. */
function loopsOf(shape: ConvShape): Partial<Record<PeakKind, () => number>> {
  const loops: Partial<Record<PeakKind, () => number>> = {};
  for (const kind of ['int8', 'float32'] as const) {
    const measure = isDepthwise(shape) ? bandwidthOf(amountOf(shape, kind)) : findPeak(kind)?.measure;
    if (measure !== undefined) loops[kind] = measure;
  }
  return loops;
}

function bandwidthOf(bytes: number): (() => number) | undefined {
  const measure = (): number => nativeBinding()?.bandwidth(bytes, BANDWIDTH_MS) ?? 0;
  return measure() > 0 ? measure : undefined;
}

function figuresOf(
  { libraries, settings }: Scope,
  contenders: readonly ConvContender[],
  index: number,
  shape: ConvShape,
  { timings, peaks }: Rounds<PeakKind>,
): ConvFigures {
  const [contender, timing] = [contenders[index], timings[index]];
  const rivals: Record<string, string> = { ...contender.against };
  for (const library of contender.peer === true ? [] : libraries) {
    const same = contenders.find((other) => other.library === library && other.operands === contender.operands);
    if (same !== undefined) rivals[against(library)] = same.name;
  }
  const kind = kindOf(contender);
  const peak = peaks[kind];
  const cores = coresFor(contender.threads ?? settings.threads);
  const share = peak === undefined ? undefined : shareOfPeak(timing, amountOf(shape, kind), peak, cores);
  const seconds = { median: median(timing.seconds), best: smallest(timing.seconds) };
  return { shape, name: contender.name, peer: contender.peer === true, seconds, share, rivals };
}

function ratiosOf({ name, rivals }: ConvFigures, timings: readonly Timing[]): Record<string, Spread> {
  const find = (wanted: string): Timing => {
    const found = timings.find((timing) => timing.name === wanted);
    if (found === undefined) throw new Error(`Expected a contender named ${wanted}`);
    return found;
  };
  return Object.fromEntries(Object.entries(rivals).map(([title, rival]) => [title, speedup(find(name), find(rival))]));
}

function rowOf(
  { comparisons }: Scope,
  network: Network,
  contender: ConvContender,
  { shape, seconds, share, rivals }: ConvFigures,
  ratios: Readonly<Record<string, Spread>>,
  timing: Timing,
  problem: string | undefined,
  first: boolean,
): Row {
  const { name, peer = false, library, operands, implementation, threads } = contender;
  const perSecond = { median: convOperations(shape) / seconds.median, best: convOperations(shape) / seconds.best };
  const cells = [
    first ? convName(shape) : '',
    name,
    ...[seconds.median, seconds.best].map((s) => (s * 1e6).toFixed(1)),
    (perSecond.median / 1e9).toFixed(1),
    ...shareCells(share),
    ...comparisons.map((title) => ratios[title]?.median.toFixed(2) ?? ''),
  ];
  const sampling = { rounds: timing.seconds.length, callsPerSample: timing.callsPerSample };
  const record = {
    record: 'conv',
    network: network.name,
    ...shape,
    contender: name,
    peer,
    library,
    operands,
    seconds,
    perSecond,
  };
  const of = isDepthwise(shape) ? { shareOfBandwidth: share } : { shareOfPeak: share };
  return { cells, first, record: { ...record, ...of, ratios, rivals, threads, implementation, problem, ...sampling } };
}
