/** Time over rank. */
import type { TopLevelSpec } from 'vega-lite' with { 'resolution-mode': 'import' };
import type { MachineRecord } from '../machine';
import type { Spread } from '../measure';
import type { Plot } from '../plot';
import { CONFIG, TITLE } from '../render';

/** What the figure needs of the record of a contender at a rank. */
export interface RankRecord {
  readonly m: number;
  readonly n: number;
  readonly spectrum: string;
  readonly rank: number;
  readonly contender: string;
  readonly seconds: Spread;
}

/** No figure without records. */
export function svdPlots(records: readonly RankRecord[], machine: MachineRecord): Plot[] {
  if (records.length === 0) return [];
  const { m, n, spectrum } = records[0];
  const threads = machine.threads === 1 ? '1 thread' : `${machine.threads} threads`;
  const title = `truncated SVD of ${m}x${n} (${spectrum}), ${machine.cpu.model} (${machine.isa}), ${threads}`;
  return [{ kind: 'svd', title, spec: specOf(records, title) }];
}

function specOf(records: readonly RankRecord[], title: string): TopLevelSpec {
  return {
    $schema: 'https://vega.github.io/schema/vega-lite/v6.json',
    background: 'white',
    padding: 12,
    title: {
      text: title,
      subtitle: 'Time of the fastest sample.',
      ...TITLE,
    },
    config: CONFIG,
    width: 560,
    height: 340,
    data: { values: records.map(({ rank, contender, seconds }) => ({ rank, contender, ms: 1000 * seconds.best })) },
    mark: { type: 'line', point: true, strokeWidth: 1.8 },
    encoding: {
      x: { field: 'rank', type: 'quantitative', scale: { type: 'log', base: 2 }, axis: { title: 'rank' } },
      y: { field: 'ms', type: 'quantitative', scale: { type: 'log' }, axis: { title: 'ms', format: '~g' } },
      color: { field: 'contender', type: 'nominal', legend: { title: null, orient: 'bottom', columns: 3, labelLimit: 0 } },
      shape: { field: 'contender', type: 'nominal', legend: null },
    },
  };
}
