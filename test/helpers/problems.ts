/** One small problem of each kind, whose parts a test replaces by bad ones. Results are known. */
import type { QuantizedTensor, Tensor } from 'lowp';

/** [2, 3] real zero at 1, in halves. */
export function qa(): QuantizedTensor<Uint8Array> & { scale: number; zeroPoint: number } {
  return { data: Uint8Array.of(1, 2, 3, 4, 5, 6), shape: [2, 3], scale: 0.5, zeroPoint: 1 };
}

/** [3, 2] in quarters. */
export function qb(): QuantizedTensor<Int8Array> & { scale: number; zeroPoint: number } {
  return { data: Int8Array.of(1, -1, 2, 0, 3, 1), shape: [3, 2], scale: 0.25, zeroPoint: 0 };
}

/** qa * qb with output 'int32': [0 1 2; 3 4 5] times [1 -1; 2 0; 3 1]. */
export const SUMS = [8, 2, 26, 2];

/** [2, 3] */
export function fa(): Tensor<Float32Array> {
  return { data: Float32Array.of(0, 1, 2, 3, 4, 5), shape: [2, 3] };
}

/** [3, 2] */
export function fb(): Tensor<Float32Array> {
  return { data: Float32Array.of(1, -1, 2, 0, 3, 1), shape: [3, 2] };
}

/** Values in a fixed order, from a linear congruential generator: tests repeat exactly. */
export function random(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

export function randomInt8(length: number, seed: number): Int8Array {
  const next = random(seed);
  return Int8Array.from({ length }, () => Math.floor(next() * 256) - 128);
}

export function randomUint8(length: number, seed: number): Uint8Array {
  const next = random(seed);
  return Uint8Array.from({ length }, () => Math.floor(next() * 256));
}

export function randomFloats(length: number, seed: number): Float32Array {
  const next = random(seed);
  return Float32Array.from({ length }, () => next() * 2 - 1);
}
