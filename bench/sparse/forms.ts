/** Structured zeros: two of every four columns, and blocks, against zeros at random places and our dense products. */
import { coresFor, findPeak } from '../machine';
import { FULL, interleave, QUICK, rate, shareOfPeak, speedup, type Rounds, type Spread, type Timing } from '../measure';
import { median, smallest } from '../stats';
import type { Row, Settings, Table } from '../types';
import {
  CSR_FLOAT,
  CSR_INT8,
  DENSE,
  DENSE_FLOAT,
  DENSE_FLOAT_PACKED,
  DENSE_INT8,
  floatName,
  int8Name,
  openContenders,
  verifyContenders,
  type SparseContender,
} from './contenders';
import { SparseProblem, type Structure } from './problem';
import { percent, sparseShapeName, type SparseShape } from './shapes';

const SHAPES = [
  { m: 512, k: 512, n: 128 },
  { m: 768, k: 3072, n: 128 },
  { m: 4096, k: 4096, n: 64 },
  { m: 768, k: 3072, n: 1 },
  { m: 4096, k: 4096, n: 1 },
];
const GROUPS: readonly { readonly sparsity: number; readonly structures: readonly Structure[] }[] = [
  { sparsity: 0.5, structures: ['2:4'] },
  { sparsity: 0.8, structures: ['1x4', '4x1', '4x4', '16x1'] },
  { sparsity: 0.9, structures: ['1x4', '4x1', '4x4', '16x1'] },
];
const BUDGET_MS = { full: 2000, quick: 150 };
/** Of a quick run. */
const QUICK_SHAPES = [SHAPES[0], SHAPES[3]];
const QUICK_SPARSITIES = [0.5, 0.9];

const RIVALS: Readonly<Record<string, readonly string[]>> = {
  'x CSR f32': [CSR_FLOAT],
  'x CSR int8': [CSR_INT8],
  'x dense f32': [DENSE_FLOAT, DENSE_FLOAT_PACKED],
  'x dense int8': [DENSE_INT8],
};
const TITLES = Object.keys(RIVALS);

const isInt8 = (name: string): boolean => name.includes('int8');

async function* rowsOf({ quick, threads }: Settings, notes: string[]): AsyncGenerator<Row> {
  const lost: string[] = [];
  const plan = quick ? { ...QUICK, budgetMs: BUDGET_MS.quick } : { ...FULL, budgetMs: BUDGET_MS.full };
  const loop = findPeak('float32')?.measure;
  const cores = coresFor(threads);
  for (const sizes of quick ? QUICK_SHAPES : SHAPES) {
    for (const { sparsity, structures } of GROUPS.filter((group) => !quick || QUICK_SPARSITIES.includes(group.sparsity))) {
      const shape: SparseShape = { ...sizes, sparsity, side: 'left' };
      const forms = structures.flatMap((structure) => [floatName(structure), int8Name(structure)]);
      const contenders = openContenders(new SparseProblem(shape, threads), [CSR_FLOAT, CSR_INT8, ...forms, ...DENSE]);
      let rounds: Rounds<'float32'>;
      try {
        verifyContenders(contenders);
        rounds = await interleave(contenders, loop === undefined ? {} : { float32: loop }, plan);
      } finally {
        for (const { close } of contenders) await close();
      }
      for (const [i, contender] of contenders.entries()) {
        const row = rowOf(shape, contender, rounds, i, cores);
        if (row.slower.length > 0)
          lost.push(`${contender.name} at ${sparseShapeName(shape)}, ${percent(sparsity)} (${row.slower.join(', ')})`);
        yield { cells: row.cells, record: row.record, first: i === 0 };
      }
    }
  }
  notes.push(lost.length === 0 ? 'no form is slower than anything here' : `slower than what is named: ${lost.join('; ')}`);
}

/** How many times as fast as the faster of each pair; none of a contender itself. */
function ratiosOf(timing: Timing, timings: readonly Timing[]): Record<string, Spread> {
  const ratios: Record<string, Spread> = {};
  for (const title of TITLES) {
    if (RIVALS[title].includes(timing.name)) continue;
    const [fastest] = timings
      .filter(({ name }) => RIVALS[title].includes(name))
      .sort((x, y) => median(x.seconds) - median(y.seconds));
    ratios[title] = speedup(timing, fastest);
  }
  return ratios;
}

function rowOf(
  shape: SparseShape,
  { name, nnz, weightBytes }: SparseContender,
  { timings, peaks }: Rounds<'float32'>,
  index: number,
  cores: number,
): Omit<Row, 'first'> & { readonly slower: readonly string[] } {
  const timing = timings[index];
  const ratios = ratiosOf(timing, timings);
  const amount = 2 * nnz * shape.n;
  const seconds = { median: median(timing.seconds), best: smallest(timing.seconds) };
  const perSecond = rate(timing, amount);
  const share = peaks.float32 && shareOfPeak(timing, amount, peaks.float32, cores);
  // A form answers for itself: to CSR and dense of its type, and in float32 to dense int8, too.
  const isForm = !DENSE.includes(name) && name !== CSR_FLOAT && name !== CSR_INT8;
  const rivals = isInt8(name) ? ['x CSR int8', 'x dense int8'] : ['x CSR f32', 'x dense f32', 'x dense int8'];
  const slower = (isForm ? rivals : []).filter((title) => ratios[title].median < 1).map((title) => title.slice(2));
  const cells = [
    index === 0 ? `${sparseShapeName(shape)}, ${percent(shape.sparsity)}` : '',
    name,
    (seconds.median * 1e6).toFixed(1),
    (seconds.best * 1e6).toFixed(1),
    (perSecond.median / 1e9).toFixed(1),
    share === undefined ? '-' : (share.median * 100).toFixed(1),
    (weightBytes / 1024).toFixed(0),
    ...TITLES.map((title) => ratios[title]?.median.toFixed(2) ?? ''),
    slower.join(', '),
  ];
  const record = {
    record: 'sparse-forms',
    ...shape,
    contender: name,
    nnz,
    weightBytes,
    seconds,
    perSecond,
    shareOfPeak: share,
    ratios,
  };
  return { cells, record: { ...record, slowerThan: slower }, slower };
}

export function formsTable(settings: Settings): Table {
  const notes: string[] = [];
  const numbers = ['us', 'best us', 'GOPS', '% peak', 'KB', ...TITLES];
  return {
    title: 'structured zeros: two of four, and blocks',
    caption: [
      '2:4: two of every four columns of a row, in CSR. RxC: blocks of R rows by C columns at random places. CSR: single values at random ' +
        'places, as large a share of them. All on the left, S * D; f32, int8, dense, GOPS (of non-zeros) and % peak as in the table above.',
      'KB: of S as it is packed. x ...: how many times as fast as CSR and the faster dense product, medians of the ratios within each round. ' +
        'slower than: what beats a form: CSR and dense of its type, and dense int8.',
    ],
    columns: [
      { title: 'MxKxN, zeros', width: 22 },
      { title: 'contender', width: 24 },
      ...numbers.map((title) => ({ title, width: Math.max(7, title.length) })),
      { title: 'slower than', width: 30 },
    ],
    rows: rowsOf(settings, notes),
    notes,
  };
}
