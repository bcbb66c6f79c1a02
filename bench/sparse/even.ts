/** The sparsity from which a sparse product is faster than the dense one of the same type. */
import { FULL, interleave, QUICK, speedup, type Spread } from '../measure';
import { median } from '../stats';
import type { Row, Settings, Table } from '../types';
import { bisect, fallsToOne } from './bisect';
import { CSR_FLOAT, CSR_INT8, DENSE_FLOAT, DENSE_FLOAT_PACKED, DENSE_INT8, openContenders, verifyContenders } from './contenders';
import { SparseProblem } from './problem';
import { percent, sparseShapeName, type SparseShape } from './shapes';

const SHAPES: readonly Omit<SparseShape, 'sparsity'>[] = [
  ...[32, 128].map((n) => ({ m: 512, k: 512, n, side: 'left' as const })),
  ...[1, 32, 128].map((n) => ({ m: 768, k: 3072, n, side: 'left' as const })),
];
const PAIRS = [
  { type: 'float32', sparse: CSR_FLOAT, dense: [DENSE_FLOAT, DENSE_FLOAT_PACKED] },
  { type: 'int8', sparse: CSR_INT8, dense: [DENSE_INT8] },
];
/** Sparsities between which it is looked for. */
const [LOW, HIGH] = [0, 0.99];
/** How exactly, and the time of a probe. */
const FULL_SEARCH = { width: 0.01, budgetMs: 400 };
const QUICK_SEARCH = { width: 0.04, budgetMs: 80 };

const searchOf = ({ quick }: Settings): typeof FULL_SEARCH => (quick ? QUICK_SEARCH : FULL_SEARCH);

interface Probe {
  readonly sparsity: number;
  /** How many times as fast as the faster dense one. */
  readonly ratio: Spread;
  readonly denseSeconds: number;
}

async function* rowsOf(settings: Settings): AsyncGenerator<Row> {
  for (const shape of SHAPES) {
    for (const [i, pair] of PAIRS.entries()) {
      const probes: Probe[] = [];
      const isPast = async (sparsity: number): Promise<boolean> => {
        const probe = await measure({ ...shape, sparsity }, pair.sparse, pair.dense, settings);
        probes.push(probe);
        return probe.ratio.median >= 1;
      };
      const { at } = await bisect(isPast, LOW, HIGH, searchOf(settings).width);
      const best = fallsToOne(probes.map(({ sparsity, ratio }) => ({ x: sparsity, y: 1 / ratio.best })));
      const closest = [...probes].sort((x, y) => Math.abs(x.ratio.median - 1) - Math.abs(y.ratio.median - 1))[0];
      const name = sparseShapeName({ ...shape, sparsity: 0 });
      const cells = [
        i === 0 ? name : '',
        `CSR ${pair.type} against dense ${pair.type}`,
        describe(at),
        describe(best),
        closest.ratio.median.toFixed(2),
        percent(closest.sparsity),
        (closest.denseSeconds * 1e6).toFixed(1),
        String(probes.length),
      ];
      yield {
        cells,
        first: i === 0,
        record: { record: 'sparse-even', ...shape, type: pair.type, at: { median: at, best }, probes },
      };
    }
  }
}

function describe(at: number | undefined): string {
  return at === undefined ? `none below ${percent(HIGH)}` : at === LOW ? 'always faster' : percent(at);
}

async function measure(shape: SparseShape, sparse: string, dense: readonly string[], settings: Settings): Promise<Probe> {
  const contenders = openContenders(new SparseProblem(shape, settings.threads), [sparse, ...dense]);
  try {
    verifyContenders(contenders);
    const plan = { ...(settings.quick ? QUICK : FULL), budgetMs: searchOf(settings).budgetMs };
    const [ours, ...rivals] = (await interleave(contenders, {}, plan)).timings;
    const [fastest] = rivals.sort((x, y) => median(x.seconds) - median(y.seconds));
    return { sparsity: shape.sparsity, ratio: speedup(ours, fastest), denseSeconds: median(fastest.seconds) };
  } finally {
    for (const { close } of contenders) await close();
  }
}

export function evenTable(settings: Settings): Table {
  const numbers = ['even at', 'best', 'x there', 'measured at', 'dense us', 'probes'];
  return {
    title: 'the sparsity at which CSR and dense products take the same time',
    caption: [
      `Found by bisection to ${percent(searchOf(settings).width)}; each probe another random matrix, interleaved, the median of the ratios. ` +
        'The dense product is the faster of ours, as in the table above; above this sparsity CSR is faster.',
      'best: the same of the fastest samples, interpolated between the probes: what the code can do without neighbours.',
      'x there: how many times as fast as dense CSR was at the probe nearest to 1, and at which sparsity.',
    ],
    columns: [{ title: 'MxKxN', width: 14 }, { title: 'products', width: 34 }, ...numbers.map((title) => ({ title, width: 14 }))],
    rows: rowsOf(settings),
    notes: [],
  };
}
