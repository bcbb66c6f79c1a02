/** Truncated decompositions over matrices, or over ranks of one: time, and the error above the smallest possible. */
import type { Device } from 'lowp';
import { interleave, speedup, type Plan, type Timing } from '../measure';
import { median, smallest } from '../stats';
import type { Row, Settings, Table } from '../types';
import { MODES, nameOf, ours, type SvdContender } from './contenders';
import { SvdProblem, svdShapeName, type SvdShape } from './problem';

const PLAN: Readonly<Record<'full' | 'quick', Plan>> = {
  full: { sampleMs: 1, budgetMs: 6000, minRounds: 5, maxRounds: 41 },
  quick: { sampleMs: 1, budgetMs: 500, minRounds: 2, maxRounds: 11 },
};
const WHERE = 'The matrix is on the device; the factors come back to the host within the time.';
const AGAINST = MODES.map((mode) => `x ${nameOf(mode)}`);

export function svdTable(
  title: string,
  record: string,
  shapes: readonly SvdShape[],
  settings: Settings,
  device: Device = 'cpu',
): Table {
  const peers = settings.peers.flatMap((peer) => peer.svd ?? []);
  const numbers = ['ms', 'best ms', 'excess error', ...AGAINST];
  return {
    title,
    caption: [
      'power: s_i = 1 / i with orthogonal factors; gaussian: independent entries. Synchronous calls from JavaScript, another seed each time.',
      ...peers.flatMap((peer) => peer.about),
      'excess error: Frobenius error over the smallest possible for the rank, minus 1, of the last result, in float64. Rounding the matrix ' +
        'to float32 blurs it below 1e-7.',
      `${AGAINST.join(', ')}: time over that of ours, the median of the ratios within each round; above 1 ours is faster. ` +
        (device === 'cuda' ? WHERE : `${settings.threads} thread${settings.threads === 1 ? '' : 's'}.`),
    ],
    columns: [
      { title: 'matrix', width: 30 },
      { title: 'contender', width: 28 },
      ...numbers.map((each) => ({ title: each, width: Math.max(9, each.length) })),
    ],
    rows: rowsOf(record, shapes, settings, device),
    notes: [],
    elsewhere: device === 'cuda' || peers.length > 0,
  };
}

async function* rowsOf(record: string, shapes: readonly SvdShape[], settings: Settings, device: Device): AsyncGenerator<Row> {
  const { quick, threads } = settings;
  for (const shape of shapes) {
    const problem = new SvdProblem(shape);
    const own = ours(problem, threads, device);
    const opened = await Promise.all(settings.peers.flatMap((peer) => peer.svd?.open(problem) ?? []));
    try {
      const lanes: SvdContender[] = [...own, ...opened.flatMap(({ contenders }) => contenders)];
      const contenders = lanes.map(({ name, sample }) => ({ name, sample, run: () => undefined }));
      const { timings } = await interleave(contenders, {}, quick ? PLAN.quick : PLAN.full);
      // Without a peer that knows, our own accurate result stands for the best.
      const best = problem.best ?? (await opened[0]?.best()) ?? own[MODES.indexOf('accurate')].error();
      for (const [i, lane] of lanes.entries()) yield rowOf(record, shape, lane, timings, i, best);
    } finally {
      for (const each of own) each.close?.();
      for (const each of opened) await each.close();
    }
  }
}

function rowOf(
  record: string,
  shape: SvdShape,
  lane: SvdContender,
  timings: readonly Timing[],
  index: number,
  best: number,
): Row {
  const excess = lane.error() / best - 1;
  const timing = timings[index];
  const seconds = { median: median(timing.seconds), best: smallest(timing.seconds) };
  const ratios = MODES.map((_, i) => speedup(timings[i], timing).median);
  return {
    cells: [
      index === 0 ? svdShapeName(shape) : '',
      lane.name,
      (1000 * seconds.median).toFixed(1),
      (1000 * seconds.best).toFixed(1),
      excess.toExponential(1),
      ...ratios.map((ratio) => ratio.toFixed(2)),
    ],
    record: { record, ...shape, contender: lane.name, seconds, excess, ratios, rounds: timing.seconds.length },
    first: index === 0,
  };
}
