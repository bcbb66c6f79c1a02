/** One shape over all sparsities, for the figure. */
import { FULL, interleave, QUICK, rate, type Timing } from '../measure';
import { median, smallest } from '../stats';
import type { Row, Settings, Table } from '../types';
import {
  BLOCKS_FLOAT,
  BLOCKS_INT8,
  CSR_FLOAT,
  CSR_INT8,
  DENSE_FLOAT,
  DENSE_FLOAT_PACKED,
  DENSE_INT8,
  openContenders,
  verifyContenders,
} from './contenders';
import { SERIES } from './plot';
import { SparseProblem } from './problem';
import { percent, sparseShapeName } from './shapes';

const SHAPE = { m: 512, k: 512, n: 128, side: 'left' } as const;
const SPARSITIES = [0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.98];
const QUICK_SPARSITIES = [0, 0.5, 0.7, 0.9, 0.98];
const BUDGET_MS = { full: 1200, quick: 300 };

/** Contenders of each line; the fastest of them counts. */
const LINES: Readonly<Record<string, readonly string[]>> = {
  'CSR f32': [CSR_FLOAT],
  'CSR int8': [CSR_INT8],
  '4x1 blocks f32': [BLOCKS_FLOAT],
  '4x1 blocks int8': [BLOCKS_INT8],
  'dense f32': [DENSE_FLOAT, DENSE_FLOAT_PACKED],
  'dense int8': [DENSE_INT8],
};

async function* rowsOf({ quick, threads }: Settings): AsyncGenerator<Row> {
  const plan = quick ? { ...QUICK, budgetMs: BUDGET_MS.quick } : { ...FULL, budgetMs: BUDGET_MS.full };
  for (const sparsity of quick ? QUICK_SPARSITIES : SPARSITIES) {
    const shape = { ...SHAPE, sparsity };
    const contenders = openContenders(new SparseProblem(shape, threads));
    let timings: readonly Timing[];
    try {
      verifyContenders(contenders);
      ({ timings } = await interleave(contenders, {}, plan));
    } finally {
      for (const { close } of contenders) await close();
    }
    for (const [i, series] of SERIES.entries()) {
      const [timing] = timings
        .filter(({ name }) => LINES[series].includes(name))
        .sort((x, y) => median(x.seconds) - median(y.seconds));
      const seconds = { median: median(timing.seconds), best: smallest(timing.seconds) };
      const densePerSecond = rate(timing, 2 * SHAPE.m * SHAPE.k * SHAPE.n);
      const cells = [
        i === 0 ? percent(sparsity) : '',
        series,
        (seconds.median * 1e6).toFixed(1),
        (seconds.best * 1e6).toFixed(1),
        (densePerSecond.median / 1e9).toFixed(1),
        (densePerSecond.best / 1e9).toFixed(1),
      ];
      const record = { record: 'sparse-sweep', ...shape, series, contender: timing.name, seconds, densePerSecond };
      yield { cells, first: i === 0, record };
    }
  }
}

export function sweepTable(settings: Settings): Table {
  return {
    title: `${sparseShapeName({ ...SHAPE, sparsity: 0 })} over sparsity, for the plot of --out`,
    caption: ['dense GOPS: operations of the dense product, 2 M N K, over the time; of dense f32 the faster of its two ways.'],
    columns: [
      { title: 'zeros', width: 8 },
      { title: 'products', width: 16 },
      ...['us', 'best us', 'dense GOPS', 'best'].map((title) => ({ title, width: 10 })),
    ],
    rows: rowsOf(settings),
    notes: [],
  };
}
