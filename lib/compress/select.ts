/** The smallest of many numbers, the first of equal ones first, without sorting them all. */

/** What `selectInGroups` needs to know of the layout: m neighbours are `stride` elements apart. */
export interface GroupLayout {
  readonly n: number;
  readonly m: number;
  readonly stride: number;
}

const HALF = 2 ** 16;

/**
 * Clears `keep` for the `count` smallest scores (0 or more, no NaN; -0 does not occur). The bits of such floats order as they do, so
 * two histograms of 16 bits find the largest that goes: linear, where a quickselect has bad cases.
 */
export function select(scores: Float32Array, count: number, keep: Uint8Array): void {
  if (count === 0) return;
  const bits = new Uint32Array(scores.buffer, scores.byteOffset, scores.length);
  const histogram = new Uint32Array(HALF);
  for (let i = 0; i < bits.length; i++) histogram[bits[i] >>> 16]++;
  const upper = rank(histogram, count);
  histogram.fill(0);
  for (let i = 0; i < bits.length; i++) if (bits[i] >>> 16 === upper.digit) histogram[bits[i] & (HALF - 1)]++;
  const lower = rank(histogram, upper.left);
  const last = upper.digit * HALF + lower.digit;
  let ties = lower.left;
  for (let i = 0; i < bits.length; i++) {
    if (bits[i] > last) continue;
    if (bits[i] === last && ties-- <= 0) continue;
    keep[i] = 0;
  }
}

/** The digit of the element with this rank (from 1), and how many of that digit are needed. */
function rank(histogram: Uint32Array, count: number): { digit: number; left: number } {
  let left = count;
  let digit = 0;
  while (histogram[digit] < left) left -= histogram[digit++];
  return { digit, left };
}

/** Clears `keep` for all but the n largest of each m. */
export function selectInGroups(scores: Float32Array, { n, m, stride }: GroupLayout, keep: Uint8Array): void {
  const bits = new Uint32Array(scores.buffer, scores.byteOffset, scores.length);
  // Score, then place, in one number: exact, for 31 bits and those of an m below 2^22.
  const keys = new Float64Array(m);
  for (let outer = 0; outer < bits.length; outer += m * stride) {
    for (let inner = outer; inner < outer + stride; inner++) {
      for (let i = 0; i < m; i++) keys[i] = bits[inner + i * stride] * m + i;
      keys.sort();
      for (let i = 0; i < m - n; i++) keep[inner + (keys[i] % m) * stride] = 0;
    }
  }
}
