import { lowpError, type Caller } from '../errors';
import type { NativeHandle } from '../native/binding';
import { nativeBinding } from '../native/load';
import type { Tensor } from '../types';
import { matmul } from './matmul';
import { packForCall, packWeights, PackedWeights, readFloatWeights, readQuantizedWeights, type PackedState } from './packWeights';
import { KEY, pack, packingOf, type Key, type Packing } from './packed';
import { quantize } from './quantize';
import { quantizedMatmul } from './quantizedMatmul';

/** w[K, N] ~ first[K, r] * second[r, N]. */
export interface Factors {
  readonly dtype: 'float32' | 'int8';
  readonly k: number;
  readonly n: number;
  readonly rank: number;
  /** Stored [r, K] and [N, r]: as rows of what the decomposition of the transposed weights gives. */
  readonly first: Float32Array;
  readonly second: Float32Array;
  /** ||w - first * second|| / ||w||, of the float32 factors. */
  readonly error: number;
}

let create: (state: PackedState, packing: Packing, factors: Omit<Factors, 'first' | 'second'>) => LowRankWeights;

/** Rows of activations for which `explain` measures, unless it is told others. */
const ROWS = [1, 32];
const SAMPLES = 15;
const SAMPLE_MS = 1;

/**
 * Weights [K, N] as a product of two packed matrices [K, r] and [r, N], made by `lowRank`. `matmul` (float32) or `quantizedMatmul` (int8)
 * takes them wherever it takes packed weights; the [M, r] numbers between the two products stay in scratch memory.
 */
export class LowRankWeights extends PackedWeights {
  readonly rank: number;
  /** ||weights - factors|| / ||weights|| (Frobenius), measured before the factors of int8 ones are quantized. */
  readonly error: number;

  protected constructor(key: Key, state: PackedState, packing: Packing, { rank, error }: Pick<Factors, 'rank' | 'error'>) {
    super(key, state, packing, 'lowRank');
    this.rank = rank;
    this.error = error;
  }

  static {
    create = (state, packing, factors) => new LowRankWeights(KEY, state, packing, factors);
  }

  /** The largest rank with fewer parameters, and fewer multiply-adds, than the whole matrix: below K * N / (K + N). */
  get breakEvenRank(): number {
    return breakEvenRank(this.shape);
  }

  /**
   * What the rank saves, as text: parameters and multiply-adds before and after, the break-even rank, and the time of products with so
   * many `rows` of activations, measured now on this machine against packed weights of the same shape (not their values: the time does
   * not depend on them).
   *
   * @throws ERR_LOWP_DISPOSED, ERR_LOWP_NOMEM.
   * @example
   * using weights = lowRank({ data: new Float32Array(64 * 48).fill(1), shape: [64, 48] }, { rank: 4 });
   * console.log(weights.explain([8])); // ... parameters 3072 -> 448 ... break-even rank 27 ...
   */
  explain(rows: readonly number[] = ROWS): string {
    const [k, n] = this.shape;
    const [before, after] = [k * n, this.rank * (k + n)];
    const lines = [
      `${this.dtype} weights ${k}x${n} of rank ${this.rank}, relative error ${this.error.toPrecision(3)}`,
      `parameters ${before} -> ${after} (${(after / before).toFixed(2)} of them)`,
      `multiply-adds a row ${before} -> ${after}`,
      `break-even rank ${this.breakEvenRank}`,
    ];
    for (const m of rows) {
      const { dense, low } = timeProducts(this, m);
      lines.push(`${m} rows: ${dense.toFixed(1)} us -> ${low.toFixed(1)} us (${(dense / low).toFixed(2)} times as fast)`);
    }
    return lines.join('\n');
  }
}

export function breakEvenRank([k, n]: readonly [number, number]): number {
  return Math.max(0, Math.ceil((k * n) / (k + n)) - 1);
}

/** Packs the factors; int8 ones with a scale for each column. */
export function packLowRank(factors: Factors, caller: Caller): LowRankWeights {
  const native = nativeBinding();
  if (native === undefined) {
    throw lowpError(
      'ERR_LOWP_UNSUPPORTED',
      'Expected the native backend for low-rank weights but received LOWP_BACKEND=reference',
    );
  }
  const { dtype, k, n, rank, first, second } = factors;
  const read = (data: Float32Array, shape: number[]) => {
    const tensor = { data, shape };
    return dtype === 'float32' ? readFloatWeights(tensor, true) : readQuantizedWeights(quantize(tensor, { axis: 0 }), true);
  };
  const left = read(first, [rank, k]);
  const right = read(second, [n, rank]);
  const parts: NativeHandle[] = [];
  let handle: NativeHandle;
  try {
    for (const weights of [left, right]) parts.push(packForCall(native, weights, caller));
    handle = pack(() => native.packLowRank(parts[0], parts[1]), caller);
  } finally {
    // What is in them the pair holds on to.
    for (const part of parts) native.dispose(part);
  }
  const state: PackedState = {
    ...{ dtype, k, n, transposeB: false, groupSize: 0, oracle: undefined, native, handle, disposed: false },
    reach: 'reach' in left ? left.reach : 0,
  };
  return create(state, packingOf(state, 0), factors);
}

/** Packed weights of this shape and dtype with some values. */
export function denseOf(dtype: 'float32' | 'int8', [k, n]: readonly [number, number]): PackedWeights {
  const tensor: Tensor<Float32Array> = { data: new Float32Array(k * n).fill(0.5), shape: [k, n] };
  return packWeights(dtype === 'float32' ? tensor : quantize(tensor, { axis: 1 }));
}

/** Microseconds of one product with m rows, each the best of samples that take turns. */
export function timeProducts(weights: LowRankWeights, m: number, given?: PackedWeights): { dense: number; low: number } {
  const [k, n] = weights.shape;
  const a = { data: new Float32Array(m * k).fill(0.5), shape: [m, k] };
  const out = new Float32Array(m * n);
  const dense = given ?? denseOf(weights.dtype === 'int8' ? 'int8' : 'float32', weights.shape);
  const run = (w: PackedWeights): unknown => (weights.dtype === 'int8' ? quantizedMatmul(a, w, { out }) : matmul(a, w, { out }));
  const calls = [dense, weights].map((w) => {
    run(w);
    const start = performance.now();
    let count = 0;
    while (performance.now() - start < SAMPLE_MS) {
      run(w);
      count++;
    }
    return count;
  });
  const best = [Infinity, Infinity];
  for (let sample = 0; sample < SAMPLES; sample++) {
    [dense, weights].forEach((w, i) => {
      const start = performance.now();
      for (let call = 0; call < calls[i]; call++) run(w);
      best[i] = Math.min(best[i], ((performance.now() - start) * 1000) / calls[i]);
    });
  }
  if (given === undefined) dense.dispose();
  return { dense: best[0], low: best[1] };
}
