/** Geometric means over groups of shapes, by rows of activations: what bounds one row is memory, what bounds many is arithmetic. */
import type { Spread } from './measure';
import { geomean } from './stats';

/** Figures of a contender: for one shape, or their means over a group of shapes. */
export interface Mean {
  readonly name: string;
  /** Operations a second. */
  readonly perSecond: Spread;
  readonly share: Spread | undefined;
  /** Column title -> how many times as fast. */
  readonly ratios: Readonly<Record<string, Spread>>;
}

const GROUPS: readonly { readonly title: string; readonly has: (m: number) => boolean }[] = [
  { title: 'M = 1', has: (m) => m === 1 },
  { title: '1 < M < 128', has: (m) => m > 1 && m < 128 },
  { title: 'M >= 128', has: (m) => m >= 128 },
  { title: 'all', has: () => true },
];

/** One row for each group that has shapes and each contender; a ratio that some shape lacks is the mean of the others. */
export function* groupMeans(
  all: readonly (Mean & { readonly m: number })[],
  comparisons: readonly string[],
): Generator<{ readonly title: string; readonly first: boolean; readonly mean: Mean }> {
  for (const { title, has } of GROUPS) {
    const group = all.filter(({ m }) => has(m));
    let first = true;
    for (const name of new Set(group.map((figures) => figures.name))) {
      const mine = group.filter((figures) => figures.name === name);
      const perSecond = spreadMean(mine.map((figures) => figures.perSecond)) ?? { median: 0, best: 0 };
      const share = spreadMean(mine.map((figures) => figures.share));
      const ratios: Record<string, Spread> = {};
      for (const comparison of comparisons) {
        const ratio = spreadMean(mine.map((figures) => figures.ratios[comparison]));
        if (ratio !== undefined) ratios[comparison] = ratio;
      }
      yield { title: `mean, ${title}`, first, mean: { name, perSecond, share, ratios } };
      first = false;
    }
  }
}

function spreadMean(spreads: readonly (Spread | undefined)[]): Spread | undefined {
  const known = spreads.filter((spread) => spread !== undefined);
  if (known.length === 0) return undefined;
  return { median: geomean(known.map((s) => s.median)), best: geomean(known.map((s) => s.best)) };
}
