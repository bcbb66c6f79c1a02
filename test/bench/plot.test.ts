/** The figures: which points, which panels, and that the SVG has every series. */
import { fastest, type GemmRecord } from '../../bench/plot';
import { SERIES, type SweepRecord } from '../../bench/sparse/plot';
import { outcome, runChild, SUCCESS } from '../helpers/child';

const MACHINE = {
  date: '2026-01-01T00:00:00.000Z',
  cpu: { model: 'a CPU' },
  isa: 'avx2',
  threads: 1,
  peakPerCore: { int8: 160e9, float32: 100e9 },
};
const LIBRARIES = ['lowp', 'ORT', 'ORT kernel', 'oneDNN', 'OpenBLAS'];

function record(library: string, [m, n, k]: number[], gops: number, more: Partial<GemmRecord> = {}): GemmRecord {
  const perSecond = { median: 0.8e9 * gops, best: 1e9 * gops };
  return { m, n, k, kind: 'int8', library, operands: 'u8s8', perSecond, ...more };
}

/** Squares, and rows of [M, 96] x [96, 32]. */
function recordsOf(libraries: readonly string[], more: Partial<GemmRecord>): GemmRecord[] {
  const shapes = [64, 128].map((size) => [size, size, size]).concat([1, 8, 64].map((m) => [m, 32, 96]));
  return libraries.flatMap((library, i) => shapes.map((shape, j) => record(library, shape, 10 + 10 * i + j, more)));
}

async function figuresOf(
  records: readonly GemmRecord[],
  sweep: readonly SweepRecord[] = [],
): Promise<{ kind: string; title: string; svg: string }[]> {
  const result = await runChild('test/bench/fixtures/plot.ts', { args: [JSON.stringify({ records, sweep, machine: MACHINE })] });
  expect(outcome(result)).toEqual(SUCCESS);
  return JSON.parse(result.stdout) as { kind: string; title: string; svg: string }[];
}

const count = (text: string, pattern: RegExp): number => [...text.matchAll(pattern)].length;

test('plot > the operator with the best median of each library, in order of size', () => {
  const square = [64, 64, 64];
  const records = [
    record('ORT', [128, 128, 128], 5),
    record('ORT', square, 3, { perSecond: { median: 2e9, best: 9e9 } }),
    record('ORT', square, 4, { problem: 'wrong' }),
    record('lowp', square, 1),
  ];
  expect(fastest(records, ({ m }) => m)).toEqual([
    { size: 64, gops: 4, library: 'ORT', right: false },
    { size: 64, gops: 1, library: 'lowp', right: true },
    { size: 128, gops: 5, library: 'ORT', right: true },
  ]);
});

test('plot > SVGs with every library, panel, axis and peak', async () => {
  const int8 = [...recordsOf(LIBRARIES.slice(0, 4), {}), ...recordsOf(LIBRARIES.slice(0, 3), { operands: 's8s8' })];
  const [first, second, ...rest] = await figuresOf([...int8, ...recordsOf(LIBRARIES, { kind: 'float32', operands: 'f32' })]);
  expect(rest).toEqual([]);
  expect([first.kind, second.kind]).toEqual(['int8', 'float32']);
  for (const { svg, title } of [first, second]) {
    expect(svg).toMatch(/^<svg [\s\S]*<\/svg>\n$/);
    for (const text of [title, 'size N of [N, N] x [N, N]', 'rows M of [M, 96] x [96, 32]'])
      expect(svg).toContain(`>${text}</text>`);
  }
  for (const panel of ['u8 x s8: squares', 'u8 x s8: rows', 's8 x s8: squares', 's8 x s8: rows']) {
    expect(first.svg).toContain(`>${panel}</text>`);
  }
  for (const library of LIBRARIES) {
    expect(first.svg.includes(`>${library}</text>`)).toBe(library !== 'OpenBLAS');
    expect(second.svg).toContain(`>${library}</text>`);
  }
  // A line for each library in each panel: 2 x 4 and 2 x 3; 2 x 5.
  expect(count(first.svg, /aria-roledescription="line mark"/g)).toBe(14);
  expect(count(second.svg, /aria-roledescription="line mark"/g)).toBe(10);
  expect(count(first.svg, />exact int8<\/tspan>/g)).toBe(4);
  expect(count(first.svg, />peak: 160<\/tspan>/g)).toBe(4);
  expect(count(second.svg, />peak: 100<\/tspan>/g)).toBe(2);
  expect(first.svg).not.toContain('Hollow');
}, 60_000);

test('plot > wrong results are hollow; too few points make no figure', async () => {
  const wrong = recordsOf(['lowp'], {}).concat(recordsOf(['ORT'], { problem: '3 of 4 checked elements are wrong' }));
  const figures = await figuresOf([...wrong, record('lowp', [64, 64, 64], 9, { kind: 'float32', operands: 'f32' })]);
  expect(figures.map(({ kind }) => kind)).toEqual(['int8']);
  expect(figures[0].svg).toContain('Hollow: results are wrong there');
  expect(count(figures[0].svg, /aria-roledescription="point" [^>]*fill="white"/g)).toBe(5);
}, 60_000);

test('plot > over sparsity: a line and its points for each way, percent along x', async () => {
  const shape = { m: 512, k: 512, n: 128 };
  const sweep = SERIES.flatMap((series, i) =>
    [0, 0.5, 0.98].map((sparsity) => ({ ...shape, sparsity, series, densePerSecond: { median: 1e10, best: 1e10 * (i + 1) } })),
  );
  const [figure, ...rest] = await figuresOf([], sweep);
  expect(rest).toEqual([]);
  expect([figure.kind, figure.title]).toEqual(['sparse', 'sparse 512x512 times dense 512x128, a CPU (avx2), 1 thread']);
  for (const text of [...SERIES, figure.title, 'sparsity, % zeros']) expect(figure.svg).toContain(`>${text}</text>`);
  expect(count(figure.svg, /aria-roledescription="line mark"/g)).toBe(SERIES.length);
  expect(count(figure.svg, /aria-roledescription="point"/g)).toBe(3 * SERIES.length);
}, 60_000);
