/** Statistics of samples that a neighbour may disturb: order statistics, no means of raw times. */

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((x, y) => x - y);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

export function smallest(values: readonly number[]): number {
  return values.reduce((x, y) => Math.min(x, y), Infinity);
}

export function largest(values: readonly number[]): number {
  return values.reduce((x, y) => Math.max(x, y), -Infinity);
}

/** Geometric mean of positive values. */
export function geomean(values: readonly number[]): number {
  return Math.exp(values.reduce((sum, v) => sum + Math.log(v), 0) / values.length);
}

/**
 * Half the width of the 95 % confidence interval of the median, relative to it. Ranks of a binomial(n, 1/2), normal approximation:
 * n/2 -+ 0.98 sqrt(n); it assumes no distribution.
 */
export function medianMargin(values: readonly number[]): number {
  const sorted = [...values].sort((x, y) => x - y);
  const n = sorted.length;
  const reach = 0.98 * Math.sqrt(n);
  const lo = sorted[Math.max(0, Math.floor(n / 2 - reach))];
  const hi = sorted[Math.min(n - 1, Math.ceil(n / 2 + reach))];
  return (hi - lo) / 2 / median(values);
}
