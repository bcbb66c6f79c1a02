/** Speed over sparsity: dense-equivalent operations a second of each way to compute the same product. */
import type { TopLevelSpec } from 'vega-lite' with { 'resolution-mode': 'import' };
import type { MachineRecord } from '../machine';
import type { Spread } from '../measure';
import type { Plot } from '../plot';
import { CONFIG, TITLE } from '../render';

/** What the figure needs of the record of a contender at a sparsity. */
export interface SweepRecord {
  readonly m: number;
  readonly k: number;
  readonly n: number;
  readonly sparsity: number;
  /** Its line. */
  readonly series: string;
  /** 2 M N K over the time. */
  readonly densePerSecond: Spread;
}

/** Okabe and Ito, in pairs: one colour for a structure, darker for float32. Shapes tell them apart too. */
const STYLES: Readonly<Record<string, { readonly color: string; readonly shape: string; readonly dash: number[] }>> = {
  'CSR f32': { color: '#0072b2', shape: 'circle', dash: [1, 0] },
  'CSR int8': { color: '#56b4e9', shape: 'circle', dash: [1, 0] },
  '4x1 blocks f32': { color: '#d55e00', shape: 'square', dash: [1, 0] },
  '4x1 blocks int8': { color: '#e69f00', shape: 'square', dash: [1, 0] },
  'dense f32': { color: '#000000', shape: 'triangle-up', dash: [5, 4] },
  'dense int8': { color: '#777777', shape: 'triangle-up', dash: [5, 4] },
};
export const SERIES = Object.keys(STYLES);

const WIDTH = 560;
const HEIGHT = 340;

/** No figure without records. */
export function sparsePlots(records: readonly SweepRecord[], machine: MachineRecord): Plot[] {
  if (records.length === 0) return [];
  const { m, k, n } = records[0];
  const threads = machine.threads === 1 ? '1 thread' : `${machine.threads} threads`;
  const title = `sparse ${m}x${k} times dense ${k}x${n}, ${machine.cpu.model} (${machine.isa}), ${threads}`;
  return [{ kind: 'sparse', title, spec: specOf(records, title) }];
}

function specOf(records: readonly SweepRecord[], title: string): TopLevelSpec {
  const series = SERIES.filter((name) => records.some((record) => record.series === name));
  const styles = series.map((name) => STYLES[name]);
  const values = records.map(({ sparsity, series, densePerSecond }) => ({
    sparsity: 100 * sparsity,
    gops: densePerSecond.best / 1e9,
    series,
  }));
  const scaled = (range: readonly unknown[]) => ({
    field: 'series',
    type: 'nominal' as const,
    scale: { domain: series, range: [...range] as string[] },
    legend: { title: null, orient: 'bottom' as const, labelLimit: 0, symbolSize: 90, columns: 3 },
  });
  return {
    $schema: 'https://vega.github.io/schema/vega-lite/v6.json',
    background: 'white',
    padding: 12,
    title: {
      text: title,
      subtitle: [
        'Operations of the dense product, 2 M N K, over the time of the fastest sample.',
        'Where a sparse line crosses a dense one, they break even.',
      ],
      ...TITLE,
    },
    config: CONFIG,
    width: WIDTH,
    height: HEIGHT,
    data: { values },
    encoding: {
      x: {
        field: 'sparsity',
        type: 'quantitative',
        scale: { domain: [0, 100], nice: false },
        axis: { values: Array.from({ length: 11 }, (_, i) => 10 * i), title: 'sparsity, % zeros' },
      },
      y: {
        field: 'gops',
        type: 'quantitative',
        scale: { type: 'log', base: 2, nice: true },
        axis: { format: '~g', title: 'dense-equivalent GOPS (10^9 a second)' },
      },
      color: scaled(styles.map((style) => style.color)),
    },
    layer: [
      {
        mark: { type: 'line', strokeWidth: 1.8 },
        encoding: { strokeDash: scaled(styles.map((style) => style.dash)) },
      },
      {
        mark: { type: 'point', size: 45, opacity: 1, filled: true },
        encoding: { shape: scaled(styles.map((style) => style.shape)) },
      },
    ],
  };
}
