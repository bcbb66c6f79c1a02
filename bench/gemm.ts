/** Verifies, times and tabulates contenders that compute the same product, shape after shape. */
import { coresFor, findPeak, type PeakKind } from './machine';
import {
  FULL,
  interleave,
  QUICK,
  rate,
  shareOfPeak,
  speedup,
  type Contender,
  type Rounds,
  type Spread,
  type Timing,
} from './measure';
import { operations, readShapes, shapeName, type GemmShape } from './shapes';
import { geomean, median, smallest } from './stats';
import type { Column, Row, Settings, Table } from './types';

export interface GemmContender extends Contender {
  /** What is wrong with the result of the call that was just made; undefined if nothing. */
  readonly check: () => string | undefined;
  /** The peak that it is a share of. */
  readonly kind: PeakKind;
  /** Bytes of weights that a call has to read. */
  readonly weightBytes: number;
  /** Column title -> the contender that this one is compared with. */
  readonly against?: Readonly<Record<string, string>>;
  /** A wrong result of a peer is noted; one of ours ends the run. */
  readonly peer?: boolean;
  readonly close: () => void | Promise<void>;
}

export interface GemmFamily {
  readonly title: string;
  readonly caption: readonly string[];
  readonly shapes: string;
  /** The peaks that its contenders are shares of. */
  readonly peaks: readonly PeakKind[];
  /** Titles of the comparisons, in order. */
  readonly comparisons: readonly string[];
  open(shape: GemmShape, settings: Settings): Promise<GemmContender[]>;
}

const CAPTION = [
  'us, GOPS, % peak: medians of all samples, which is what this machine gives while others use it. best: the fastest sample (for ' +
    '%, over the best sample of the peak loop), which is what the code can do. A neighbour on the sibling hyperthread slows ' +
    'products far more than the register-only peak loop: a median far below the best tells of the neighbour.',
  'x: how many times as fast, the median of the ratios within each round of interleaved samples; below 1 is a loss.',
  'GB/s: weights read a second, where M is 1 and memory is the limit.',
];

interface Figures {
  readonly contender: GemmContender;
  readonly m: number;
  readonly timing: Timing;
  readonly perSecond: Spread;
  readonly share: Spread | undefined;
  readonly ratios: Readonly<Record<string, Spread>>;
}

export function gemmTable(family: GemmFamily, settings: Settings): Table {
  const { threads } = settings;
  const shapes = readShapes(settings.shapes ?? family.shapes);
  const notes: string[] = [];
  const numbers = ['us', 'GOPS', 'best', '% peak', 'best %', ...family.comparisons, 'GB/s'];
  const columns: Column[] = [
    { title: 'MxNxK', width: 14 },
    { title: 'contender', width: 23 },
    ...numbers.map((title) => ({ title, width: Math.max(7, title.length) })),
  ];
  const peaks = family.peaks.map((kind) => `${kind} ${findPeak(kind)?.isa ?? 'unknown'}`).join(', ');
  const cores = coresFor(threads);
  const scope = `${threads} thread${threads === 1 ? '' : 's'}. Peak: ${peaks}, one core, measured in every round`;
  const caption = [...family.caption, `${scope}${cores > 1 ? `, times ${cores} cores` : ''}.`, ...CAPTION];
  return { title: family.title, caption, columns, rows: rowsOf(family, shapes, settings, notes), notes };
}

async function* rowsOf(
  family: GemmFamily,
  shapes: readonly GemmShape[],
  settings: Settings,
  notes: string[],
): AsyncGenerator<Row> {
  const loops: Partial<Record<PeakKind, () => number>> = {};
  for (const kind of family.peaks) {
    const peak = findPeak(kind);
    if (peak !== undefined) loops[kind] = peak.measure;
  }
  const cores = coresFor(settings.threads);
  const all: Figures[] = [];
  for (const shape of shapes) {
    const contenders = await family.open(shape, settings);
    try {
      for (const contender of contenders) await verify(contender, shape, notes);
      const rounds = await interleave(contenders, loops, settings.quick ? QUICK : FULL);
      const figures = contenders.map((contender, i) => figuresOf(contender, shape, rounds.timings[i], rounds, cores));
      for (let i = 0; i < figures.length; i++) yield rowOf(family, shape, figures[i], i === 0);
      all.push(...figures);
    } finally {
      for (const contender of contenders) await contender.close();
    }
  }
  yield* means(family, all);
}

async function verify(contender: GemmContender, shape: GemmShape, notes: string[]): Promise<void> {
  await contender.run();
  const problem = contender.check();
  if (problem === undefined) return;
  const message = `${contender.name} ${shapeName(shape)}: ${problem}`;
  if (contender.peer !== true) throw new Error(message);
  notes.push(message);
}

function figuresOf(
  contender: GemmContender,
  shape: GemmShape,
  timing: Timing,
  { timings, peaks }: Rounds<PeakKind>,
  cores: number,
): Figures {
  const ratios: Record<string, Spread> = {};
  for (const [title, name] of Object.entries(contender.against ?? {})) {
    const other = timings.find((t) => t.name === name);
    if (other === undefined) throw new Error(`Expected a contender named ${name}`);
    ratios[title] = speedup(timing, other);
  }
  const amount = operations(shape);
  const peak = peaks[contender.kind];
  const share = peak === undefined ? undefined : shareOfPeak(timing, amount, peak, cores);
  return { contender, m: shape.m, timing, perSecond: rate(timing, amount), share, ratios };
}

function rowOf(family: GemmFamily, shape: GemmShape, figures: Figures, first: boolean): Row {
  const { contender, timing, perSecond, share, ratios } = figures;
  const { name, peer = false } = contender;
  const seconds = { median: median(timing.seconds), best: smallest(timing.seconds) };
  const weightBytesPerSecond = shape.m === 1 ? contender.weightBytes / seconds.median : undefined;
  const cells = [first ? shapeName(shape) : '', name, (seconds.median * 1e6).toFixed(1), ...shared(family, figures)];
  cells.push(weightBytesPerSecond === undefined ? '' : (weightBytesPerSecond / 1e9).toFixed(1));
  const sampling = { rounds: timing.seconds.length, callsPerSample: timing.callsPerSample };
  const record = { record: 'gemm', ...shape, contender: name, peer, seconds, perSecond };
  return { cells, first, record: { ...record, shareOfPeak: share, ratios, weightBytesPerSecond, ...sampling } };
}

/** Cells of the columns that shapes and means have in common. */
function shared(
  { comparisons }: GemmFamily,
  { perSecond, share, ratios }: Pick<Figures, 'perSecond' | 'share' | 'ratios'>,
): string[] {
  const percent = (value: number | undefined): string => (value === undefined ? '-' : (value * 100).toFixed(1));
  return [
    (perSecond.median / 1e9).toFixed(1),
    (perSecond.best / 1e9).toFixed(1),
    percent(share?.median),
    percent(share?.best),
    ...comparisons.map((title) => ratios[title]?.median.toFixed(2) ?? ''),
  ];
}

/** Geometric means over the shapes, M = 1 apart: what bounds it is memory. */
function* means(family: GemmFamily, all: readonly Figures[]): Generator<Row> {
  const groups = { 'mean, M > 1': all.filter((f) => f.m > 1), 'mean, M = 1': all.filter((f) => f.m === 1) };
  for (const [title, group] of Object.entries(groups)) {
    let first = true;
    for (const contender of new Set(group.map((f) => f.contender.name))) {
      const mine = group.filter((f) => f.contender.name === contender);
      const mean = (read: (f: Figures) => Spread | undefined): Spread | undefined => {
        const spreads = mine.map(read).filter((s) => s !== undefined);
        if (spreads.length === 0) return undefined;
        return { median: geomean(spreads.map((s) => s.median)), best: geomean(spreads.map((s) => s.best)) };
      };
      const ratios: Record<string, Spread> = {};
      for (const name of family.comparisons) {
        const ratio = mean((f) => f.ratios[name]);
        if (ratio !== undefined) ratios[name] = ratio;
      }
      const perSecond = mean((f) => f.perSecond) ?? { median: 0, best: 0 };
      const share = mean((f) => f.share);
      const cells = [first ? title : '', contender, '', ...shared(family, { perSecond, share, ratios }), ''];
      yield { cells, first, record: { record: 'geomean', group: title, contender, perSecond, shareOfPeak: share, ratios } };
      first = false;
    }
  }
}
