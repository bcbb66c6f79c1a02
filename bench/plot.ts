/** Operations a second over size, ours and each peer's, from the records of a run: a figure for int8 and one for float32. */
import type { TopLevelSpec } from 'vega-lite' with { 'resolution-mode': 'import' };
import { coresFor, type MachineRecord, type PeakKind } from './machine';
import type { Spread } from './measure';
import type { Operands } from './problem';
import { CONFIG, TITLE } from './render';

/** What a plot needs of the record of a contender and a shape. */
export interface GemmRecord {
  readonly m: number;
  readonly n: number;
  readonly k: number;
  readonly kind: PeakKind;
  readonly library: string;
  readonly operands: Operands;
  readonly perSecond: Spread;
  /** What is wrong with the results. */
  readonly problem?: string;
}

export interface Plot {
  /** A part of the file's name. */
  readonly kind: string;
  readonly title: string;
  readonly spec: TopLevelSpec;
}

export interface Point {
  readonly size: number;
  readonly gops: number;
  readonly library: string;
  /** The results are right. */
  readonly right: boolean;
}

/** One panel: a kind of operands, and what grows along x. */
interface Panel {
  readonly title: string;
  readonly xTitle: string;
  readonly points: readonly Point[];
}

/** Operands of each figure, a row of panels each. */
const ROWS: Readonly<Record<PeakKind, Readonly<Partial<Record<Operands, string>>>>> = {
  int8: { u8s8: 'u8 x s8', s8s8: 's8 x s8', dynamic: 'float32 quantized in the call' },
  float32: { f32: 'float32' },
};
const UNITS = { int8: 'GOPS (10^9 a second)', float32: 'GFLOPS (10^9 a second)' } as const;
const WHAT = { int8: '8-bit products', float32: 'float32 products' } as const;

const CALLERS =
  'lowp and ORT (onnxruntime-node, awaited) are called from JavaScript; ORT kernel (in a Loop within one call), oneDNN and OpenBLAS are not.';

/** Distinguishable with any colour vision (Okabe and Ito), and by the shape of their points. Ours comes first. */
const COLORS = ['#0072b2', '#d55e00', '#e69f00', '#009e73', '#cc79a7', '#56b4e9', '#000000'];
const SHAPES = ['circle', 'square', 'triangle-up', 'diamond', 'cross', 'triangle-down', 'triangle-right'];
const PEAK_COLOR = '#555555';
const WIDTH = 380;
const HEIGHT = 210;
const MIN_POINTS = 2;

/** The fastest operator (by its median) of each library for each shape, with its best sample; ascending by size. */
export function fastest(records: readonly GemmRecord[], size: (record: GemmRecord) => number): Point[] {
  const chosen = new Map<string, GemmRecord>();
  for (const record of records) {
    const key = `${record.library} ${size(record)}`;
    if ((chosen.get(key)?.perSecond.median ?? 0) < record.perSecond.median) chosen.set(key, record);
  }
  return [...chosen.values()]
    .map((record) => ({
      size: size(record),
      gops: record.perSecond.best / 1e9,
      library: record.library,
      right: record.problem === undefined,
    }))
    .sort((x, y) => x.size - y.size);
}

/** The weights [K, N] that most numbers of rows were measured with. */
function sweptWeights(records: readonly GemmRecord[]): { k: number; n: number } | undefined {
  const rows = new Map<string, Set<number>>();
  for (const { m, n, k } of records) {
    const key = `${k} ${n}`;
    rows.set(key, (rows.get(key) ?? new Set()).add(m));
  }
  const [most] = [...rows].sort(([, x], [, y]) => y.size - x.size);
  if (most === undefined || most[1].size < MIN_POINTS) return undefined;
  const [k, n] = most[0].split(' ').map(Number);
  return { k, n };
}

function panelsOf(records: readonly GemmRecord[], title: string): Panel[] {
  const squares = fastest(
    records.filter(({ m, n, k }) => m === n && n === k),
    ({ m }) => m,
  );
  const panels: Panel[] = [{ title: `${title}: squares`, xTitle: 'size N of [N, N] x [N, N]', points: squares }];
  const weights = sweptWeights(records);
  if (weights !== undefined) {
    const { k, n } = weights;
    const points = fastest(
      records.filter((r) => r.k === k && r.n === n),
      ({ m }) => m,
    );
    const xTitle = `rows M of [M, ${k}] x [${k}, ${n}]`;
    panels.push({ title: `${title}: rows`, xTitle, points });
  }
  return panels.filter(({ points }) => new Set(points.map((p) => p.size)).size >= MIN_POINTS);
}

/** The figures that there are enough points for. */
export function plots(records: readonly GemmRecord[], machine: MachineRecord): Plot[] {
  const found: Plot[] = [];
  for (const kind of ['int8', 'float32'] as const) {
    const rows = Object.entries(ROWS[kind])
      .map(([operands, title]) => {
        // Where int8 is measured, our float32 product is too: it belongs to the other figure, where its own kind is.
        return panelsOf(
          records.filter((r) => r.kind === kind && r.operands === operands),
          title,
        );
      })
      .filter((panels) => panels.length > 0);
    if (rows.length === 0) continue;
    const threads = machine.threads === 1 ? '1 thread' : `${machine.threads} threads`;
    const title = `${WHAT[kind]}, ${machine.cpu.model} (${machine.isa}), ${threads}`;
    found.push({ kind, title, spec: specOf(kind, title, rows, machine) });
  }
  return found;
}

/** Peaks of as many cores as the calls had: of the figure's own arithmetic, and of float32 as what int8 has to beat. */
function peaksOf(kind: PeakKind, { peakPerCore, threads }: MachineRecord): { label: string[]; gops: number }[] {
  const kinds: readonly PeakKind[] = kind === 'int8' ? ['int8', 'float32'] : ['float32'];
  return kinds
    .map((name) => ({ name, gops: (peakPerCore[name] * coresFor(threads)) / 1e9 }))
    .filter(({ gops }) => gops > 0)
    .map(({ name, gops }) => ({ label: [`${name === 'int8' ? 'exact int8' : name}`, `peak: ${gops.toFixed(0)}`], gops }));
}

function specOf(kind: PeakKind, title: string, rows: readonly Panel[][], machine: MachineRecord): TopLevelSpec {
  const peaks = peaksOf(kind, machine);
  const points = rows.flat().flatMap((panel) => panel.points);
  const libraries = [...new Set(points.map((p) => p.library))];
  const top = 1.08 * Math.max(...points.map((p) => p.gops), ...peaks.map((p) => p.gops));
  const scale = { domain: libraries };
  const legend = { title: null, orient: 'bottom' as const, labelLimit: 0, symbolSize: 90 };
  const byLibrary = { field: 'library', type: 'nominal' as const, scale: { ...scale, range: COLORS } };
  const panelSpec = ({ title: panelTitle, xTitle, points: values }: Panel) => {
    const sizes = [...new Set(values.map((p) => p.size))];
    const y = { field: 'gops', type: 'quantitative' as const, scale: { domain: [0, top], nice: false }, title: UNITS[kind] };
    return {
      title: panelTitle,
      width: WIDTH,
      height: HEIGHT,
      layer: [
        { data: { values: peaks }, mark: { type: 'rule' as const, strokeDash: [5, 4], color: PEAK_COLOR }, encoding: { y } },
        {
          data: { values: peaks },
          mark: { type: 'text' as const, align: 'left' as const, baseline: 'middle' as const, dx: 5, dy: -6, color: PEAK_COLOR },
          encoding: { y, x: { value: WIDTH }, text: { field: 'label' } },
        },
        {
          data: { values: [...values] },
          encoding: {
            x: {
              field: 'size',
              type: 'quantitative' as const,
              scale: { type: 'log' as const, base: 2, domain: [Math.min(...sizes), Math.max(...sizes)], nice: false },
              axis: {
                values: sizes.filter((size) => Number.isInteger(Math.log2(size))),
                format: 'd',
                labelFlush: false,
                title: xTitle,
              },
            },
            y,
            color: { ...byLibrary, legend },
          },
          layer: [
            { mark: { type: 'line' as const, strokeWidth: 1.8 } },
            {
              mark: { type: 'point' as const, size: 45, opacity: 1 },
              encoding: {
                shape: { field: 'library', type: 'nominal' as const, scale: { ...scale, range: SHAPES }, legend },
                fill: { condition: { test: 'datum.right', ...byLibrary, legend }, value: 'white' },
              },
            },
          ],
        },
      ],
    };
  };
  return {
    $schema: 'https://vega.github.io/schema/vega-lite/v6.json',
    background: 'white',
    padding: 12,
    title: {
      text: title,
      subtitle: [
        "Multiplies and adds, in the fastest sample of a library's fastest operator.",
        ...(libraries.length > 1 ? [CALLERS] : []),
        ...(points.every((p) => p.right) ? [] : ['Hollow: results are wrong there, by sums that saturate.']),
      ],
      ...TITLE,
    },
    config: CONFIG,
    vconcat: rows.map((panels) => ({ hconcat: panels.map(panelSpec) })),
  };
}
