/** Sums over the layers of a network: each layer's time as often as the network has it. */
import { convOperations, isDepthwise, type ConvShape, type Network } from './convShapes';
import type { Spread } from './measure';
import type { Row } from './types';

/** What was measured of one contender for one layer. */
export interface ConvFigures {
  readonly shape: ConvShape;
  readonly name: string;
  readonly peer: boolean;
  readonly seconds: Spread;
  /** Of the arithmetic peak, or of the bandwidth where the layer is depthwise. */
  readonly share: Spread | undefined;
  /** Column title -> name of the contender that it is a ratio against. */
  readonly rivals: Readonly<Record<string, string>>;
}

const GROUPS = [
  { title: 'depthwise', has: isDepthwise },
  { title: 'dense', has: (shape: ConvShape) => !isDepthwise(shape) },
] as const;

/** One row for each contender: over all layers, and over the depthwise and the dense ones of a network that has both. */
export function* sumRows(network: Network, all: readonly ConvFigures[], comparisons: readonly string[]): Generator<Row> {
  const { layers, total } = network;
  const whole = layers.length === total ? '' : `, ${layers.length} of ${total}`;
  const groups = layers.some(isDepthwise) && !layers.every(isDepthwise) ? GROUPS : [];
  for (const { title, has } of [...groups, { title: 'sum', has: () => true }]) {
    const group = all.filter(({ shape }) => has(shape));
    let first = true;
    for (const name of new Set(group.map((figures) => figures.name))) {
      const label = `${network.name} ${title}${title === 'sum' ? whole : ''}`;
      yield sumRow(network, label, name, group, comparisons, first);
      first = false;
    }
  }
}

function sumRow(
  network: Network,
  label: string,
  name: string,
  group: readonly ConvFigures[],
  comparisons: readonly string[],
  first: boolean,
): Row {
  const mine = group.filter((figures) => figures.name === name);
  const seconds = sumOf(mine);
  const ratios: Record<string, Spread> = {};
  for (const [title, rival] of Object.entries(mine[0].rivals)) {
    const other = sumOf(group.filter((figures) => figures.name === rival));
    ratios[title] = { median: other.median / seconds.median, best: other.best / seconds.best };
  }
  const shared = mine.filter((figures) => figures.share !== undefined);
  const share = shared.length < mine.length ? undefined : shareOf(mine, seconds);
  const amount = mine.reduce((sum, { shape }) => sum + shape.count * convOperations(shape), 0);
  const cells = [
    first ? label : '',
    name,
    ...[seconds.median, seconds.best].map((s) => (s * 1e6).toFixed(1)),
    (amount / seconds.median / 1e9).toFixed(1),
    ...shareCells(share),
    ...comparisons.map((title) => ratios[title]?.median.toFixed(2) ?? ''),
  ];
  const layers = { layers: network.layers.length, of: network.total };
  const record = { record: 'convSum', network: network.name, group: label, ...layers, contender: name, peer: mine[0].peer };
  return { cells, first, record: { ...record, seconds, share, ratios } };
}

function sumOf(figures: readonly ConvFigures[]): Spread {
  return total(figures, ({ seconds }) => seconds);
}

/** The time that the peaks allow, as a share of the time it took. */
function shareOf(figures: readonly ConvFigures[], seconds: Spread): Spread {
  const least = total(figures, (f) => ({
    median: f.seconds.median * (f.share?.median ?? 0),
    best: f.seconds.best * (f.share?.best ?? 0),
  }));
  return { median: least.median / seconds.median, best: least.best / seconds.best };
}

function total(figures: readonly ConvFigures[], of: (figures: ConvFigures) => Spread): Spread {
  return figures.reduce(
    (sum, each) => ({
      median: sum.median + each.shape.count * of(each).median,
      best: sum.best + each.shape.count * of(each).best,
    }),
    { median: 0, best: 0 },
  );
}

export function shareCells(share: Spread | undefined): string[] {
  return [share?.median, share?.best].map((value) => (value === undefined ? '-' : (value * 100).toFixed(1)));
}
