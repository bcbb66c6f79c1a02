/** Sparse products over shapes and sparsities, against our dense ones and peers. */
import { join } from 'node:path';
import { coresFor, findPeak } from '../machine';
import { FULL, interleave, QUICK, rate, settleMs, shareOfPeak, speedup, type Rounds, type Spread, type Timing } from '../measure';
import { openAll, type PeerOperators, type PeerProduct } from '../peers/peer';
import { median, smallest } from '../stats';
import type { Column, Row, Settings, Table } from '../types';
import { Wrong } from '../wrong';
import {
  BLOCKS_FLOAT,
  CSR_FLOAT,
  DENSE_FLOAT,
  DENSE_FLOAT_PACKED,
  DENSE_INT8,
  openContenders,
  verifyContenders,
  type SparseContender,
} from './contenders';
import { SparseProblem } from './problem';
import { percent, readSparseShapes, sparseShapeName, type SparseShape } from './shapes';

const SHAPES = join(__dirname, '..', 'shapes', 'sparse.txt');
/** Twenty shapes, and other tables after them: less than the usual time for each, so that the whole case takes three minutes. */
const BUDGET_MS = { full: 2000, quick: 250 };

export const X_FLOAT = 'x dense f32';
export const X_INT8 = 'x dense int8';

export const CAPTION_CONTENDERS = [
  'S has zeros at random places. CSR, 4x1: `packSparse` of a CsrMatrix, and of blocks of four rows by one column (a pattern of their ' +
    'own, of the same sparsity); `out` given. f32: float32. int8: values with a scale for each row, D in uint8, float32 out.',
  'dense: the same matrix with its zeros. dense f32 multiplies S * D as they are; packed: rows of D times packed transposed S, as a ' +
    'linear layer has them; int8 likewise, with D in uint8 and float32 out. Synchronous calls from JavaScript.',
];

interface Lane extends SparseContender {
  /** A peer's, or `lowp`. */
  readonly library: string;
}

interface Figures {
  readonly lane: Lane;
  readonly timing: Timing;
  readonly seconds: Spread;
  /** Over non-zeros. */
  readonly perSecond: Spread;
  readonly share: Spread | undefined;
  readonly ratios: Readonly<Record<string, Spread>>;
}

const against = (library: string): string => `x ${library}`;

/** A run with its peers: the columns of the table. */
interface Scope {
  readonly settings: Settings;
  readonly peers: readonly PeerOperators<SparseShape>[];
  readonly libraries: readonly string[];
}

export function sparseTable(settings: Settings): Table {
  const shapes = readSparseShapes(settings.shapes ?? SHAPES);
  const peers = settings.peers.flatMap((peer) => peer.sparse ?? []);
  const libraries = peers.flatMap((peer) => peer.libraries);
  const numbers = ['us', 'best us', 'GOPS', 'best', '% peak', 'best %', X_FLOAT, X_INT8, ...libraries.map(against)];
  const columns: Column[] = [
    { title: 'MxKxN, zeros', width: 24 },
    { title: 'contender', width: 24 },
    ...numbers.map((title) => ({ title, width: Math.max(7, title.length) })),
    { title: 'faster', width: 24 },
  ];
  const { threads } = settings;
  const about = peers.flatMap((peer) => peer.about);
  const wrong = new Wrong('shape');
  return {
    title: 'sparse times dense products',
    caption: [
      ...CAPTION_CONTENDERS,
      'right: D * transposed S, the pruned weights of a linear layer and N rows of activations; no peers.',
      ...about,
      'us, GOPS, % peak: medians of all samples; best: the fastest sample. GOPS: multiplies and adds of NON-ZEROS, 2 nnz N, of dense ' +
        `products too. % peak: of float32 (${findPeak('float32')?.isa ?? 'unknown'}), measured in every round, for int8 as well. ` +
        `${threads} thread${threads === 1 ? '' : 's'}.`,
      `${X_FLOAT}, ${X_INT8}: how many times as fast as our dense product (of float32 the faster of the two), the median of the ratios ` +
        'within each round; below 1 is a loss. faster: the dense product of ours that a sparse one loses to. Against a peer: its product of the same S and D.',
    ],
    columns,
    rows: rowsOf({ settings, peers, libraries }, shapes, wrong),
    notes: wrong.notes,
    elsewhere: settleMs(threads, libraries) > 0,
  };
}

async function* rowsOf(scope: Scope, shapes: readonly SparseShape[], wrong: Wrong): AsyncGenerator<Row> {
  const { settings, peers, libraries } = scope;
  const { quick, threads } = settings;
  const budgetMs = quick ? BUDGET_MS.quick : BUDGET_MS.full;
  const plan = { ...(quick ? QUICK : FULL), budgetMs, settleMs: settleMs(threads, libraries) };
  const loop = findPeak('float32')?.measure;
  const lost: string[] = [];
  for (const shape of shapes) {
    const problem = new SparseProblem(shape, threads);
    const ours = openContenders(problem);
    const lanes: Lane[] = ours.map((contender) => ({ ...contender, library: 'lowp' }));
    try {
      verifyContenders(ours);
      // Theirs have the sparse matrix on the left.
      const products = await openAll(shape.side === 'left' ? peers : [], shape);
      lanes.push(...products.map((product) => laneOf(product, problem)));
      for (const { name, run, check } of products) {
        await run();
        wrong.add(name, `${sparseShapeName(shape)}, ${percent(shape.sparsity)}`, check());
      }
      const rounds = await interleave(lanes, loop === undefined ? {} : { float32: loop }, plan);
      const all = lanes.map((lane, i) => figuresOf(scope, lane, i, lanes, rounds, shape));
      for (const [i, figures] of all.entries()) {
        if (figures.lane.name === CSR_FLOAT && figures.ratios[X_INT8].median < 1) {
          lost.push(`${sparseShapeName(shape)} ${percent(shape.sparsity)}`);
        }
        yield rowOf(shape, figures, libraries, i === 0);
      }
    } finally {
      for (const lane of lanes) await lane.close();
    }
  }
  wrong.notes.push(
    lost.length === 0
      ? 'dense int8 beats CSR float32 nowhere here'
      : `dense int8 beats CSR float32 for ${lost.length} of ${shapes.length}: ${lost.join(', ')}`,
  );
}

/** The pattern is ours, so the work is too. */
function laneOf({ name, library, run, sample, check, close }: PeerProduct, problem: SparseProblem): Lane {
  const { nnz } = problem.weights('csr');
  return { name, library, run, sample, check, close, nnz, weightBytes: 0 };
}

function figuresOf(
  { settings, libraries }: Scope,
  lane: Lane,
  index: number,
  lanes: readonly Lane[],
  { timings, peaks }: Rounds<'float32'>,
  { n }: SparseShape,
): Figures {
  const timing = timings[index];
  const fastest = (isRival: (lane: Lane) => boolean): Timing | undefined =>
    timings.filter((_, i) => isRival(lanes[i])).sort((x, y) => median(x.seconds) - median(y.seconds))[0];
  const rivals: Record<string, Timing | undefined> = {
    [X_FLOAT]: fastest(({ name }) => name === DENSE_FLOAT || name === DENSE_FLOAT_PACKED),
    [X_INT8]: fastest(({ name }) => name === DENSE_INT8),
  };
  if (lane.library === 'lowp')
    for (const library of libraries) rivals[against(library)] = fastest((other) => other.library === library);
  const ratios: Record<string, Spread> = {};
  for (const [title, rival] of Object.entries(rivals)) {
    if (rival !== undefined && rival !== timing) ratios[title] = speedup(timing, rival);
  }
  const amount = 2 * lane.nnz * n;
  const share = peaks.float32 && shareOfPeak(timing, amount, peaks.float32, coresFor(settings.threads));
  const seconds = { median: median(timing.seconds), best: smallest(timing.seconds) };
  return { lane, timing, seconds, perSecond: rate(timing, amount), share, ratios };
}

/** Which dense product of ours is faster than a sparse one; empty for others. */
function verdict({ lane, ratios }: Figures): string {
  const { name, library } = lane;
  if (library !== 'lowp' || name === DENSE_FLOAT || name === DENSE_FLOAT_PACKED || name === DENSE_INT8) return '';
  const isFloat = name === CSR_FLOAT || name === BLOCKS_FLOAT;
  const winners = [
    ...(isFloat && ratios[X_FLOAT].median < 1 ? ['dense f32'] : []),
    ...(ratios[X_INT8].median < 1 ? ['dense int8'] : []),
  ];
  return winners.join(' and ');
}

function rowOf(shape: SparseShape, figures: Figures, libraries: readonly string[], first: boolean): Row {
  const { lane, timing, seconds, perSecond, share, ratios } = figures;
  const inPercent = (value: number | undefined): string => (value === undefined ? '-' : (value * 100).toFixed(1));
  const cells = [
    first ? `${sparseShapeName(shape)}, ${percent(shape.sparsity)}` : '',
    lane.name,
    (seconds.median * 1e6).toFixed(1),
    (seconds.best * 1e6).toFixed(1),
    (perSecond.median / 1e9).toFixed(1),
    (perSecond.best / 1e9).toFixed(1),
    inPercent(share?.median),
    inPercent(share?.best),
    ...[X_FLOAT, X_INT8, ...libraries.map(against)].map((title) => ratios[title]?.median.toFixed(2) ?? ''),
    verdict(figures),
  ];
  const { name, library, nnz, weightBytes } = lane;
  const contender = { contender: name, library, nnz, weightBytes: weightBytes || undefined };
  const sampling = { rounds: timing.seconds.length, callsPerSample: timing.callsPerSample };
  const faster = verdict(figures) || undefined;
  const record = {
    record: 'sparse',
    ...shape,
    ...contender,
    seconds,
    perSecond,
    shareOfPeak: share,
    ratios,
    faster,
    ...sampling,
  };
  return { cells, first, record };
}
