/** Where something that is slower becomes faster. */

export interface Crossing {
  /** Middle of the interval that is left; undefined where even `high` is not past it. `low` if that is past it already. */
  readonly at: number | undefined;
  readonly probes: number;
}

/** Halves [low, high] until it is no wider than `width`. `isPast` is false below the crossing and true above it. */
export async function bisect(
  isPast: (x: number) => boolean | Promise<boolean>,
  low: number,
  high: number,
  width: number,
): Promise<Crossing> {
  let probes = 0;
  const probe = (x: number): boolean | Promise<boolean> => {
    probes += 1;
    return isPast(x);
  };
  if (!(await probe(high))) return { at: undefined, probes };
  if (await probe(low)) return { at: low, probes };
  while (high - low > width) {
    const middle = (low + high) / 2;
    if (await probe(middle)) high = middle;
    else low = middle;
  }
  return { at: (low + high) / 2, probes };
}

/**
 * Where y, linear between the points, first falls to 1: undefined where it does not. A sparse product's share of the dense one's time
 * is nearly linear in sparsity, so few points are enough.
 */
export function fallsToOne(points: readonly { readonly x: number; readonly y: number }[]): number | undefined {
  const sorted = [...points].sort((p, q) => p.x - q.x);
  const past = sorted.findIndex(({ y }) => y <= 1);
  if (past <= 0) return sorted[past]?.x;
  const [before, after] = [sorted[past - 1], sorted[past]];
  return before.x + ((after.x - before.x) * (before.y - 1)) / (before.y - after.y);
}
