/** Verifies, times and tabulates the groups of a family, ours and PyTorch's lanes in turn. */
import { runtime } from 'lowp';
import { interleave, speedup, type Plan, type Timing } from '../measure';
import type { CudaPeer } from '../peers/torch';
import { median, smallest } from '../stats';
import type { Row, Table } from '../types';
import { Wrong } from '../wrong';
import { Held, sampler, setsFor, Waiter, type Family, type Lane, type Scale } from './lane';

/** Samples of so many ms make little of the wait at their end, which takes about 20 us. */
const PLANS: Readonly<Record<Scale, Plan>> = {
  full: { sampleMs: 8, budgetMs: 700, minRounds: 5, maxRounds: 41 },
  quick: { sampleMs: 4, budgetMs: 250, minRounds: 3, maxRounds: 11 },
  tiny: { sampleMs: 0, budgetMs: 0, minRounds: 1, maxRounds: 1 },
};

/** For the first table. */
export const ABOUT: readonly string[] = [
  'us: device operands and `out`; calls are queued one after the other, then waited for once, and the time is divided: medians of such ' +
    'samples; best: the fastest. Where the device is faster than calls can be made from JavaScript, that is what is measured. Inputs rotate ' +
    'among so many copies (up to 64) that they overflow its cache.',
  'T/s: 10^12 operations a second. GB/s: inputs and output, each once; % copy: their share of the bandwidth that the first table measures.',
  'x: how many times as fast, the median of the ratios within each round of interleaved samples; below 1 is a loss.',
];

/** What the tables of a run share. */
export interface Run {
  readonly scale: Scale;
  readonly torch: CudaPeer | undefined;
  /** Bytes a second, once it is measured. */
  copy: number | undefined;
}

type Timed = Omit<Lane, 'open' | 'awaited'> & { readonly library: string; readonly sample: (calls: number) => Promise<number> };
/** `problem`: what is wrong with the result; `failure`: why there is none. */
type Tried = Timed & { readonly problem: string | undefined; readonly failure?: string };

interface Notes {
  readonly wrong: Wrong;
  readonly failing: Wrong;
}

/** What each lane of a sum took, over groups with its label. */
interface Sum {
  readonly label: string;
  groups: number;
  readonly lanes: Map<
    string,
    { readonly lane: Timed; groups: number; seconds: number; best: number; operations: number; bytes: number }
  >;
}

export function titleOf(title: string, scale: Scale): string {
  return scale === 'tiny' ? `${title} (EMULATED DEVICE: the figures mean nothing)` : title;
}

export function deviceTable(family: Family, run: Run): Table {
  const notes: Notes = { wrong: new Wrong('shape'), failing: new Wrong('shape', 'fails') };
  const numbers = ['us', 'best', 'T/s', 'GB/s', '% copy', ...family.comparisons];
  return {
    title: titleOf(family.title, run.scale),
    caption: family.caption,
    columns: [
      { title: 'shape', width: 30 },
      { title: 'contender', width: 34 },
      ...numbers.map((title) => ({ title, width: Math.max(8, title.length) })),
    ],
    rows: rowsOf(family, run, notes),
    get notes() {
      const peak = `device memory of this process: at most ${(runtime.cudaMemory().peakBytes / 2 ** 20).toFixed(0)} MiB so far`;
      return [...notes.wrong.notes, ...notes.failing.notes, peak];
    },
    elsewhere: true,
  };
}

async function* rowsOf({ title, comparisons, groups }: Family, run: Run, notes: Notes): AsyncGenerator<Row> {
  let sum: Sum | undefined;
  for (const make of groups) {
    const group = make();
    if (sum !== undefined && sum.label !== group.sum?.label) yield* sumRows(title, comparisons, sum, run);
    sum =
      group.sum === undefined
        ? undefined
        : sum?.label === group.sum.label
          ? sum
          : { label: group.sum.label, groups: 0, lanes: new Map() };
    const held = new Held();
    const waiter = held.keep(new Waiter());
    const sets = setsFor(group.bytes ?? 0, run.scale);
    const peer = group.request === undefined ? undefined : await run.torch?.open({ ...group.request, sets });
    try {
      const tried: Tried[] = [];
      for (const lane of group.lanes) tried.push(await prepare(lane, sets, held, waiter.wait));
      const theirs = (peer?.lanes ?? []).map((lane) => ({ ...lane, operations: operationsOf(lane.name, tried) }));
      const lanes: Timed[] = [...tried, ...theirs].filter((lane) => isTimed(group.name, lane, notes));
      for (const reason of peer?.failed ?? []) notes.failing.add(reason.name, group.name, reason.problem);
      const contenders = lanes.map(({ name, sample }) => ({ name, sample, run: () => sample(1) }));
      const { timings } = await interleave(contenders, {}, PLANS[run.scale]);
      if (group.ceiling !== undefined) {
        const rates = lanes.map(({ name, bytes = 0 }, i) =>
          group.ceiling?.includes(name) ? bytes / median(timings[i].seconds) : 0,
        );
        run.copy = Math.max(...rates);
      }
      for (const [i, lane] of lanes.entries()) {
        if (sum !== undefined) addTo(sum, lane, timings[i], group.sum?.count ?? 0);
        const ratios = comparisons.map((column) => {
          const rival = timings.find(({ name }) => name === lane.rivals?.[column]);
          return rival && speedup(timings[i], rival).median;
        });
        const { callsPerSample, seconds: all } = timings[i];
        const time = { median: median(all), best: smallest(all) };
        const row = rowOf(title, comparisons, run, i === 0, group.name, lane, time, ratios);
        yield { ...row, record: { ...group.record, ...row.record, sets, rounds: all.length, callsPerSample } };
      }
      if (sum !== undefined) sum.groups += 1;
    } finally {
      await peer?.close();
      held.dispose();
      if (run.copy !== undefined) runtime.trimCudaMemory();
    }
  }
  if (sum !== undefined) yield* sumRows(title, comparisons, sum, run);
}

/** Of a peer's lane: those of the first one that compares with it. */
function operationsOf(name: string, ours: readonly Tried[]): number | undefined {
  return ours.find(({ rivals = {} }) => Object.values(rivals).includes(name))?.operations;
}

/** Opens a lane and makes its first call; a problem stands for what went wrong. */
async function prepare(lane: Lane, sets: number, held: Held, wait: () => void): Promise<Tried> {
  const { open, awaited = false, ...rest } = lane;
  const nothing = (): Promise<number> => Promise.resolve(NaN);
  try {
    const calls = Array.from({ length: sets }, () => open(held));
    await calls[0].run();
    wait();
    return { ...rest, library: 'lowp', sample: sampler(calls, awaited, wait), problem: calls[0].check() };
  } catch (thrown) {
    if (!(thrown instanceof Error && 'code' in thrown)) throw thrown;
    const failure = `${String(thrown.code)} ${thrown.message}`;
    if (thrown.code !== 'ERR_LOWP_UNSUPPORTED') process.exitCode = 1;
    return { ...rest, library: 'lowp', sample: nothing, problem: undefined, failure };
  }
}

/** A wrong lane of ours is noted, not timed, and the bench fails at its end; a peer's is noted. */
function isTimed(where: string, lane: Tried, { wrong, failing }: Notes): boolean {
  wrong.add(lane.name, where, lane.problem);
  failing.add(lane.name, where, lane.failure);
  const ours = lane.library === 'lowp';
  if (ours && lane.problem !== undefined) process.exitCode = 1;
  return lane.failure === undefined && !(ours && lane.problem !== undefined);
}

function addTo({ lanes }: Sum, lane: Timed, { seconds }: Timing, count: number): void {
  const entry = lanes.get(lane.name) ?? { lane, groups: 0, seconds: 0, best: 0, operations: 0, bytes: 0 };
  entry.groups += 1;
  entry.seconds += count * median(seconds);
  entry.best += count * smallest(seconds);
  entry.operations += count * (lane.operations ?? 0);
  entry.bytes += count * (lane.bytes ?? 0);
  lanes.set(lane.name, entry);
}

/** Of the lanes that have all of its groups. */
function* sumRows(title: string, comparisons: readonly string[], { label, groups, lanes }: Sum, run: Run): Generator<Row> {
  const whole = [...lanes.values()].filter((entry) => entry.groups === groups);
  for (const [i, { lane, seconds, best, operations, bytes }] of whole.entries()) {
    const ratios = comparisons.map((column) => {
      const rival = whole.find((entry) => entry.lane.name === lane.rivals?.[column]);
      return rival && rival.seconds / seconds;
    });
    const summed = { ...lane, operations, bytes };
    yield rowOf(title, comparisons, run, i === 0, `sum: ${label}`, summed, { median: seconds, best }, ratios);
  }
}

function rowOf(
  table: string,
  comparisons: readonly string[],
  { copy, scale }: Run,
  first: boolean,
  shape: string,
  { name, library, operations, bytes }: Timed,
  seconds: { readonly median: number; readonly best: number },
  ratios: readonly (number | undefined)[],
): Row {
  const perSecond = operations && operations / seconds.median;
  const bandwidth = bytes && bytes / seconds.median;
  const share = bandwidth && copy && bandwidth / copy;
  const cells = [
    first ? shape : '',
    name,
    ...[seconds.median, seconds.best].map((s) => (s * 1e6).toFixed(1)),
    perSecond ? (perSecond / 1e12).toFixed(2) : '',
    bandwidth ? (bandwidth / 1e9).toFixed(1) : '',
    share ? (share * 100).toFixed(0) : '',
    ...ratios.map((ratio) => ratio?.toFixed(2) ?? ''),
  ];
  const against = Object.fromEntries(comparisons.map((column, i) => [column, ratios[i]]));
  const figures = { seconds, operations, bytes, perSecond, bandwidth, shareOfCopy: share, ratios: against };
  return {
    cells,
    first,
    record: { record: 'cuda', table, shape, contender: name, library, emulated: scale === 'tiny', ...figures },
  };
}
