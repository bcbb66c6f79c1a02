/** Random operators judged by onnxruntime, many to a session. */
import { runOperators, type Operator } from './onnx';
import type { Random } from './random';

export type Byte = 'uint8' | 'int8';

/** Operators of a session. */
const BATCH = 50;

export function product(sizes: readonly number[]): number {
  return sizes.reduce((p, size) => p * size, 1);
}

export function low(dtype: Byte): number {
  return dtype === 'uint8' ? 0 : -128;
}

/** Uniform over all that the dtype holds, or from `from` to `to`. */
export function bytes(r: Random, dtype: Byte, length: number, from = low(dtype), to = low(dtype) + 255): Uint8Array | Int8Array {
  return r.fill(dtype === 'uint8' ? new Uint8Array(length) : new Int8Array(length), () => r.int(from, to));
}

export interface Judged {
  readonly title: string;
  readonly operator: Operator;
  /** Throws where the library disagrees. */
  readonly check: (want: ArrayLike<number>) => void;
}

/** Operators `next(0)` to `next(count - 1)`; `count` is a multiple of a session's. */
export async function judge(count: number, next: (i: number) => Judged): Promise<void> {
  for (let done = 0; done < count; done += BATCH) {
    const cases = Array.from({ length: BATCH }, (_, i) => next(done + i));
    const results = await runOperators(cases.map(({ operator }) => operator));
    cases.forEach(({ check }, i) => check(results[i][0]));
  }
}
