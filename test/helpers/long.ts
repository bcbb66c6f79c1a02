/** Calls that take long enough to be caught in the act. */
import { matmulAsync, packWeights, type PackedWeights, type Tensor } from 'lowp';

/** Square, so that little memory goes with much work. */
const N = 1024;
const K = 1024;

export interface LongCall {
  readonly a: Tensor<Float32Array>;
  readonly packed: PackedWeights;
  readonly n: number;
  /** What each element of the result is. */
  readonly value: number;
}

/** All ones times all ones, with as many rows as take about `ms` on one thread of this machine. */
export async function longCall(ms: number): Promise<LongCall> {
  const packed = packWeights({ data: new Float32Array(K * N).fill(1), shape: [K, N] });
  const trial = { data: new Float32Array(64 * K).fill(1), shape: [64, K] };
  // The best of several: a busy machine must not make the call short.
  let best = Infinity;
  for (let i = 0; i < 5; i++) {
    const start = performance.now();
    await matmulAsync(trial, packed, { threads: 1 });
    best = Math.min(best, performance.now() - start);
  }
  const rows = Math.ceil((64 * ms) / best);
  // Bounded, so that a fast machine does not need gigabytes: 64 Ki rows are 256 MiB.
  const m = Math.min(Math.max(rows, 16), 65536);
  return { a: { data: new Float32Array(m * K).fill(1), shape: [m, K] }, packed, n: N, value: K };
}
