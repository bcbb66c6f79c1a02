/**
 * Times contenders against each other on a machine that others use too.
 *
 * All contenders and the peak loop take turns in one process, a short sample each, round after round: a change of clock or a
 * neighbour meets all of them, and a ratio is taken within its round. One case escapes that: a neighbour on the sibling
 * hyperthread slows code that is bound by dispatch for seconds at a time, while the register-only peak loop hardly notices. So the
 * best sample is kept beside the median: the median says what such a machine gives, the best what the code can do.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { largest, median, smallest } from './stats';

export interface Contender {
  readonly name: string;
  /** One call. A promise is awaited before the next one. */
  readonly run: () => unknown;
  /** `run` returns a promise; the others are called in a loop without any `await`. */
  readonly async?: boolean;
  /** Makes `calls` calls and returns the seconds they took, for code that isn't called one by one from here; in place of `run`. */
  readonly sample?: (calls: number) => Promise<number>;
}

export interface Plan {
  /** A sample repeats the call so that it lasts about this long at least. */
  readonly sampleMs: number;
  /** Rounds go on until this is spent, within the limits below. */
  readonly budgetMs: number;
  readonly minRounds: number;
  readonly maxRounds: number;
  /** Pause before each contender, outside the budget. Default: none. */
  readonly settleMs?: number;
}

export const FULL: Plan = { sampleMs: 2, budgetMs: 6000, minRounds: 9, maxRounds: 201 };
export const QUICK: Plan = { sampleMs: 2, budgetMs: 700, minRounds: 3, maxRounds: 31 };

const SETTLE_MS = 30;

/**
 * Milliseconds before each contender of a table with these libraries of peers. Where calls have several threads, workers of a
 * peer's pool go on spinning after a call (onnxruntime's for 2^20 pause instructions, about 20 ms) and would take the cores of
 * the contender that comes next.
 */
export function settleMs(threads: number, libraries: readonly string[]): number {
  return threads > 1 && libraries.length > 0 ? SETTLE_MS : 0;
}

/** Seconds of one call, one figure a round. */
export interface Timing {
  readonly name: string;
  readonly seconds: readonly number[];
  readonly callsPerSample: number;
}

export interface Rounds<Kind extends string> {
  readonly timings: readonly Timing[];
  /** Operations a second, one figure a round, of each peak loop there is. */
  readonly peaks: Readonly<Partial<Record<Kind, readonly number[]>>>;
}

/** Measures a peak loop once, in operations a second. */
export type PeakLoops<Kind extends string> = Readonly<Partial<Record<Kind, () => number>>>;

export interface Spread {
  readonly median: number;
  readonly best: number;
}

const WARM_UP_MS = 20;
/** Calls this short start with caches that the contender before them filled: one untimed call comes first. */
const PRIMED_BELOW_MS = 10;

export async function interleave<Kind extends string>(
  contenders: readonly Contender[],
  loops: PeakLoops<Kind>,
  plan: Plan,
): Promise<Rounds<Kind>> {
  const lanes: { contender: Contender; calls: number; primed: boolean; seconds: number[] }[] = [];
  for (const contender of contenders) {
    await pause(plan);
    const ms = (await warmUp(contender)) * 1000;
    lanes.push({ contender, calls: Math.max(1, Math.ceil(plan.sampleMs / ms)), primed: ms < PRIMED_BELOW_MS, seconds: [] });
  }
  const peaks: Partial<Record<Kind, number[]>> = {};
  const start = performance.now();
  let paused = 0;
  for (let round = 0; round < plan.maxRounds; round++) {
    if (round >= plan.minRounds && performance.now() - start - paused >= plan.budgetMs) break;
    paused += await pause(plan);
    for (const kind in loops) (peaks[kind] ??= []).push(loops[kind]?.() ?? 0);
    // Each round begins with another contender, so that none always follows the same one.
    for (let i = 0; i < lanes.length; i++) {
      const { contender, calls, primed, seconds } = lanes[(i + round) % lanes.length];
      paused += await pause(plan);
      if (primed) await contender.run();
      seconds.push(await time(contender, calls));
    }
  }
  const timings = lanes.map(({ contender, calls, seconds }) => ({ name: contender.name, seconds, callsPerSample: calls }));
  return { timings, peaks };
}

/** Milliseconds that it took. */
async function pause({ settleMs = 0 }: Plan): Promise<number> {
  if (settleMs === 0) return 0;
  const start = performance.now();
  await sleep(settleMs);
  return performance.now() - start;
}

/** Compiles the JavaScript, fills caches and pools; returns the seconds of the fastest call or batch. */
async function warmUp(contender: Contender): Promise<number> {
  const start = performance.now();
  let best = Infinity;
  for (let calls = 1; performance.now() - start < WARM_UP_MS; calls = Math.min(calls * 2, 64)) {
    best = Math.min(best, await time(contender, calls));
  }
  return Math.max(best, 1e-8);
}

/** Seconds of one call, averaged over `calls`. */
async function time({ run, async: asynchronous, sample }: Contender, calls: number): Promise<number> {
  if (sample !== undefined) return (await sample(calls)) / calls;
  const start = performance.now();
  if (asynchronous === true) for (let i = 0; i < calls; i++) await run();
  else for (let i = 0; i < calls; i++) run();
  return (performance.now() - start) / 1000 / calls;
}

/** `amount` a second: of the median call and of the fastest one. */
export function rate(timing: Timing, amount: number): Spread {
  return { median: amount / median(timing.seconds), best: amount / smallest(timing.seconds) };
}

/** Share of the peak: median of the shares within each round, and best sample over best peak sample. */
export function shareOfPeak(timing: Timing, amount: number, peaks: readonly number[], cores: number): Spread {
  const shares = timing.seconds.map((s, round) => amount / s / (peaks[round] * cores));
  return { median: median(shares), best: amount / smallest(timing.seconds) / (largest(peaks) * cores) };
}

/** How many times as fast as `other`: median of the ratios within each round, and best over best. */
export function speedup(timing: Timing, other: Timing): Spread {
  const ratios = timing.seconds.map((s, round) => other.seconds[round] / s);
  return { median: median(ratios), best: smallest(other.seconds) / smallest(timing.seconds) };
}
