/** Ways to the same truncated decomposition, ours and those of peers. */
import { toDevice, truncatedSvd, type Device, type TruncatedSvd } from 'lowp';
import type { SvdProblem } from './problem';

export interface SvdContender {
  readonly name: string;
  /** A peer's, or `lowp`. */
  readonly library: string;
  /** Makes `calls` calls and returns the seconds they took. */
  readonly sample: (calls: number) => Promise<number>;
  /** Frobenius error of the last result. */
  readonly error: () => number;
  readonly close?: () => void;
}

export interface SvdPeer {
  readonly about: readonly string[];
  readonly libraries: readonly string[];
  open(problem: SvdProblem): Promise<{
    readonly contenders: readonly SvdContender[];
    /** The error of the best approximation. */
    best(): Promise<number>;
    close(): Promise<void>;
  }>;
}

export const MODES = ['fast', 'accurate'] as const;
export const nameOf = (mode: (typeof MODES)[number]): string => `lowp ${mode}`;

export function ours(problem: SvdProblem, threads: number, device: Device): SvdContender[] {
  const { rank } = problem.shape;
  const there = device === 'cuda' ? toDevice(problem.a) : undefined;
  const a = there ?? problem.a;
  return MODES.map((mode) => {
    let last: TruncatedSvd | undefined;
    return {
      name: nameOf(mode),
      library: 'lowp',
      sample: async (calls) => {
        const start = performance.now();
        for (let call = 0; call < calls; call++) last = truncatedSvd(a, { rank, mode, threads, seed: call });
        return (performance.now() - start) / 1000;
      },
      error: () => (last === undefined ? NaN : problem.errorOf(last)),
      close: () => there?.data.dispose(),
    };
  });
}
