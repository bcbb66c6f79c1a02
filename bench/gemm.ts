/** Verifies, times and tabulates contenders that compute the same product, shape after shape. */
import { coresFor, findPeak, type PeakKind } from './machine';
import {
  FULL,
  interleave,
  QUICK,
  rate,
  settleMs,
  shareOfPeak,
  speedup,
  type Contender,
  type Rounds,
  type Spread,
  type Timing,
} from './measure';
import { groupMeans, type Mean } from './means';
import { openPeerProducts } from './peers/peer';
import { makeProblem, type OperatorKind, type Operands, type Problem } from './problem';
import { operations, readShapes, shapeName, type GemmShape } from './shapes';
import { median, smallest } from './stats';
import type { Column, Row, Settings, Table } from './types';
import { Wrong } from './wrong';

export interface GemmContender extends Contender {
  /** Whose code it is: a peer's column, or `lowp`. */
  readonly library: string;
  readonly operands: Operands;
  /** What is wrong with the result of the call that was just made; undefined if nothing. */
  readonly check: () => string | undefined;
  /** The peak that it is a share of. */
  readonly kind: PeakKind;
  /** Bytes of weights that a call has to read. */
  readonly weightBytes: number;
  /** What a library chose, where it tells. */
  readonly implementation?: string;
  /** Column title -> the contender of ours that this one is compared with. Peers come by themselves. */
  readonly against?: Readonly<Record<string, string>>;
  /** A wrong result of a peer is noted; one of ours ends the run. */
  readonly peer?: boolean;
  readonly close: () => void | Promise<void>;
}

export interface GemmFamily {
  readonly title: string;
  readonly caption: readonly string[];
  readonly shapes: string;
  /** The peers' operators that it is compared with. */
  readonly kind: OperatorKind;
  readonly seed: number;
  /** The peaks that its contenders are shares of. */
  readonly peaks: readonly PeakKind[];
  /** Titles of the comparisons with contenders of ours. */
  readonly comparisons: readonly string[];
  /** Ours. */
  open(problem: Problem): GemmContender[];
}

const CHECKED =
  "Peers' results are checked too; where they are wrong (8- and 16-bit sums that saturate, without VNNI) they are timed all the " +
  'same, and a note says so.';

const CAPTION = [
  'us, GOPS, % peak: medians of all samples, which is what this machine gives while others use it. best: the fastest sample (for ' +
    '%, over the best sample of the peak loop), which is what the code can do. A neighbour on the sibling hyperthread slows ' +
    'products far more than the register-only peak loop: a median far below the best tells of the neighbour.',
  'x: how many times as fast, the median of the ratios within each round of interleaved samples; below 1 is a loss. Against a peer: ' +
    'the fastest of its operators that take the same operands, whatever else they do or leave out.',
  'GB/s: weights read a second, where M is 1 and memory is the limit.',
];

/** What was measured of one contender for one shape. */
interface Figures extends Mean {
  readonly contender: GemmContender;
  /** What is wrong with a peer's result. */
  readonly problem: string | undefined;
  readonly m: number;
  readonly timing: Timing;
  /** Column title -> name of the contender that it is a ratio against. */
  readonly rivals: Readonly<Record<string, string>>;
}

/** A family with its peers: the columns of the table. */
interface Scope {
  readonly family: GemmFamily;
  readonly settings: Settings;
  readonly comparisons: readonly string[];
  readonly libraries: readonly string[];
}

const against = (library: string): string => `x ${library}`;

export function gemmTable(family: GemmFamily, settings: Settings): Table {
  const { threads, peers } = settings;
  const shapes = readShapes(settings.shapes ?? family.shapes);
  const rivals = peers.flatMap((peer) => peer.products(family.kind) ?? []);
  const libraries = rivals.flatMap((rival) => rival.libraries);
  const scope = { family, settings, libraries, comparisons: [...family.comparisons, ...libraries.map(against)] };
  const wrong = new Wrong('shape');
  const numbers = ['us', 'GOPS', 'best', '% peak', 'best %', ...scope.comparisons, 'GB/s'];
  const columns: Column[] = [
    { title: 'MxNxK', width: 17 },
    { title: 'contender', width: 32 },
    ...numbers.map((title) => ({ title, width: Math.max(7, title.length) })),
  ];
  const peaks = family.peaks.map((kind) => `${kind} ${findPeak(kind)?.isa ?? 'unknown'}`).join(', ');
  const cores = coresFor(threads);
  const machine = `${threads} thread${threads === 1 ? '' : 's'}. Peak: ${peaks}, one core, measured in every round`;
  const about = rivals.flatMap((rival) => rival.about);
  const caption = [
    ...family.caption,
    ...about,
    ...(about.length === 0 ? [] : [CHECKED]),
    `${machine}${cores > 1 ? `, times ${cores} cores` : ''}.`,
    ...CAPTION,
  ];
  return {
    title: family.title,
    caption,
    columns,
    rows: rowsOf(scope, shapes, wrong),
    notes: wrong.notes,
    elsewhere: settleMs(threads, libraries) > 0,
  };
}

async function* rowsOf(scope: Scope, shapes: readonly GemmShape[], wrong: Wrong): AsyncGenerator<Row> {
  const { family, settings } = scope;
  const loops: Partial<Record<PeakKind, () => number>> = {};
  for (const kind of family.peaks) {
    const peak = findPeak(kind);
    if (peak !== undefined) loops[kind] = peak.measure;
  }
  const plan = { ...(settings.quick ? QUICK : FULL), settleMs: settleMs(settings.threads, scope.libraries) };
  const all: Figures[] = [];
  for (const shape of shapes) {
    const problem = makeProblem(shape, settings.threads, family.seed);
    const contenders = family.open(problem);
    try {
      contenders.push(...(await openPeerProducts(settings.peers, family.kind, problem)));
      const problems: (string | undefined)[] = [];
      for (const contender of contenders) problems.push(await verify(contender, shape));
      const rounds = await interleave(contenders, loops, plan);
      const figures = contenders.map((_, i) => figuresOf(scope, contenders, i, problems[i], shape, rounds));
      for (const { name, problem } of figures) wrong.add(name, shapeName(shape), problem);
      for (let i = 0; i < figures.length; i++) yield rowOf(scope, shape, figures[i], i === 0);
      all.push(...figures);
    } finally {
      for (const contender of contenders) await contender.close();
    }
  }
  for (const { title, first, mean } of groupMeans(all, scope.comparisons)) {
    const cells = [first ? title : '', mean.name, '', ...shared(scope, mean), ''];
    yield { cells, first, record: { record: 'geomean', group: title, contender: mean.name, ...figuresOnly(mean) } };
  }
}

/** What is wrong with a peer's result, if anything. */
async function verify(contender: GemmContender, shape: GemmShape): Promise<string | undefined> {
  await contender.run();
  const problem = contender.check();
  if (problem !== undefined && contender.peer !== true) throw new Error(`${contender.name} ${shapeName(shape)}: ${problem}`);
  return problem;
}

function figuresOf(
  { libraries, settings }: Scope,
  contenders: readonly GemmContender[],
  index: number,
  problem: string | undefined,
  shape: GemmShape,
  { timings, peaks }: Rounds<PeakKind>,
): Figures {
  const [contender, timing] = [contenders[index], timings[index]];
  const rivals: Record<string, string> = { ...contender.against };
  for (const library of contender.peer === true ? [] : libraries) {
    const same = timings.filter((_, i) => contenders[i].library === library && contenders[i].operands === contender.operands);
    const fastest = same.sort((x, y) => median(x.seconds) - median(y.seconds))[0];
    if (fastest !== undefined) rivals[against(library)] = fastest.name;
  }
  const ratios: Record<string, Spread> = {};
  for (const [title, name] of Object.entries(rivals)) {
    const other = timings.find((t) => t.name === name);
    if (other === undefined) throw new Error(`Expected a contender named ${name}`);
    ratios[title] = speedup(timing, other);
  }
  const amount = operations(shape);
  const peak = peaks[contender.kind];
  const share = peak === undefined ? undefined : shareOfPeak(timing, amount, peak, coresFor(settings.threads));
  const perSecond = rate(timing, amount);
  return { contender, name: contender.name, m: shape.m, problem, timing, perSecond, share, ratios, rivals };
}

function rowOf(scope: Scope, shape: GemmShape, figures: Figures, first: boolean): Row {
  const { contender, problem, timing, rivals } = figures;
  const { name, peer = false, kind, library, operands, implementation } = contender;
  const seconds = { median: median(timing.seconds), best: smallest(timing.seconds) };
  const weightBytesPerSecond = shape.m === 1 ? contender.weightBytes / seconds.median : undefined;
  const cells = [first ? shapeName(shape) : '', name, (seconds.median * 1e6).toFixed(1), ...shared(scope, figures)];
  cells.push(weightBytesPerSecond === undefined ? '' : (weightBytesPerSecond / 1e9).toFixed(1));
  const sampling = { rounds: timing.seconds.length, callsPerSample: timing.callsPerSample };
  const record = { record: 'gemm', ...shape, contender: name, peer, kind, library, operands, seconds, ...figuresOnly(figures) };
  return { cells, first, record: { ...record, implementation, problem, rivals, weightBytesPerSecond, ...sampling } };
}

function figuresOnly({ perSecond, share, ratios }: Mean): Record<string, unknown> {
  return { perSecond, shareOfPeak: share, ratios };
}

/** Cells of the columns that shapes and means have in common. */
function shared({ comparisons }: Scope, { perSecond, share, ratios }: Mean): string[] {
  const percent = (value: number | undefined): string => (value === undefined ? '-' : (value * 100).toFixed(1));
  return [
    (perSecond.median / 1e9).toFixed(1),
    (perSecond.best / 1e9).toFixed(1),
    percent(share?.median),
    percent(share?.best),
    ...comparisons.map((title) => ratios[title]?.median.toFixed(2) ?? ''),
  ];
}
