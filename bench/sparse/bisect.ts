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
