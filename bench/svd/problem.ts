/** Matrices whose best approximation is known, and how far a truncated decomposition is from it. */
import type { Tensor, TruncatedSvd } from 'lowp';
import { randomBits, type Random } from '../inputs';
import { readLines } from '../shapes';

export type Spectrum = 'power' | 'gaussian';

export interface SvdShape {
  readonly m: number;
  readonly n: number;
  readonly spectrum: Spectrum;
  readonly rank: number;
}

export function readSvdShapes(path: string): SvdShape[] {
  return readLines(path, 'MxN power|gaussian rank', (text) => {
    const match = /^(\d+)x(\d+) (power|gaussian) (\d+)$/.exec(text);
    if (match === null) return undefined;
    const [m, n, rank] = [match[1], match[2], match[4]].map(Number);
    const least = Math.min(m, n);
    return m % BLOCK !== 0 || n % BLOCK !== 0 || rank < 1 || rank > least
      ? undefined
      : [{ m, n, spectrum: match[3] as Spectrum, rank }];
  });
}

export function svdShapeName({ m, n, spectrum, rank }: SvdShape): string {
  return `${m}x${n} ${spectrum}, rank ${rank}`;
}

/** Rows and columns are multiples of this: the orthogonal factors mix so many at a time. */
const BLOCK = 256;
/** After which every entry depends on every singular vector. */
const ROUNDS = 3;

export class SvdProblem {
  readonly a: Tensor<Float32Array>;
  /** Frobenius error of the best approximation of this rank, where the spectrum tells it. */
  readonly best: number | undefined;

  constructor(readonly shape: SvdShape) {
    const { m, n, spectrum, rank } = shape;
    const random = randomBits(5);
    if (spectrum === 'gaussian') {
      this.a = { data: Float32Array.from({ length: m * n }, () => normal(random)), shape: [m, n] };
      this.best = undefined;
      return;
    }
    const x = new Float64Array(m * n);
    const least = Math.min(m, n);
    for (let i = 0; i < least; i++) x[i * n + i] = 1 / (i + 1);
    for (let round = 0; round < ROUNDS; round++) {
      mix(x, random, m, n, 1, n);
      mix(x, random, n, m, n, 1);
    }
    this.a = { data: Float32Array.from(x), shape: [m, n] };
    let tail = 0;
    for (let i = least; i > rank; i--) tail += 1 / (i * i);
    this.best = Math.sqrt(tail);
  }

  /** ||a - u diag(s) vt|| in float64. */
  errorOf({ u, s, vt }: TruncatedSvd): number {
    const { m, n } = this.shape;
    const rank = s.data.length;
    const row = new Float64Array(n);
    let squares = 0;
    for (let i = 0; i < m; i++) {
      for (let j = 0; j < n; j++) row[j] = this.a.data[i * n + j];
      for (let r = 0; r < rank; r++) {
        const weight = u.data[i * rank + r] * s.data[r];
        for (let j = 0; j < n; j++) row[j] -= weight * vt.data[r * n + j];
      }
      for (let j = 0; j < n; j++) squares += row[j] * row[j];
    }
    return Math.sqrt(squares);
  }
}

function normal(random: Random): number {
  const uniform = (): number => (random() + 0.5) / 2 ** 32;
  return Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform());
}

/**
 * `lines` vectors of x at a distance of `lineStride`, of `length` elements at a distance of `stride`, times one orthogonal matrix: random
 * signs, a random order, and Hadamard's matrix on each block.
 */
function mix(x: Float64Array, random: Random, lines: number, length: number, stride: number, lineStride: number): void {
  const signs = Float64Array.from({ length }, () => ((random() & 1) === 0 ? 1 : -1) / Math.sqrt(BLOCK));
  const order = Array.from({ length }, (_, i) => i);
  for (let i = length - 1; i > 0; i--) {
    const j = random() % (i + 1);
    [order[i], order[j]] = [order[j], order[i]];
  }
  const line = new Float64Array(length);
  for (let l = 0; l < lines; l++) {
    const from = l * lineStride;
    for (let i = 0; i < length; i++) line[i] = signs[i] * x[from + order[i] * stride];
    for (let half = 1; half < BLOCK; half *= 2) {
      for (let i = 0; i < length; i++) {
        if ((i & half) !== 0) continue;
        const [p, q] = [line[i], line[i + half]];
        line[i] = p + q;
        line[i + half] = p - q;
      }
    }
    for (let i = 0; i < length; i++) x[from + i * stride] = line[i];
  }
}
