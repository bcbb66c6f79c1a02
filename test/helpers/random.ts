/** Reproducible random numbers: a seed, or a title, decides all of them. */

// Taken out of Math once: in a test a global is looked up through the sandbox, which costs 20 times the multiplication.
const { imul, floor } = Math;
const SQRT3 = Math.sqrt(3);

export class Random {
  #state: number;

  /** A string seeds by its hash, so that the title of a case is enough to make its data again. */
  constructor(seed: number | string) {
    this.#state = typeof seed === 'string' ? hash(seed) : seed >>> 0;
  }

  /** mulberry32: uniform in [0, 1). */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let t = this.#state;
    t = imul(t ^ (t >>> 15), t | 1);
    t ^= t + imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  }

  /** Uniform integer, both ends included. */
  int(lo: number, hi: number): number {
    return lo + floor(this.next() * (hi - lo + 1));
  }

  real(lo: number, hi: number): number {
    return lo + this.next() * (hi - lo);
  }

  /** Roughly normal, standard deviation 1. */
  normal(): number {
    return (this.next() + this.next() + this.next() + this.next() - 2) * SQRT3;
  }

  pick<T>(choices: readonly T[]): T {
    return choices[this.int(0, choices.length - 1)];
  }

  chance(probability: number): boolean {
    return this.next() < probability;
  }

  /** `length` uniform bytes, four at a time: large cases spend more time here than in any kernel. */
  bytes(length: number): Uint8Array {
    const words = new Uint32Array((length + 3) >> 2);
    let state = this.#state;
    for (let i = 0; i < words.length; i++) {
      state = (state + 0x6d2b79f5) >>> 0;
      let t = imul(state ^ (state >>> 15), state | 1);
      t ^= t + imul(t ^ (t >>> 7), t | 61);
      words[i] = t ^ (t >>> 14);
    }
    this.#state = state;
    return new Uint8Array(words.buffer, 0, length);
  }

  fill<T extends Int8Array | Uint8Array | Int32Array | Float32Array>(array: T, value: () => number): T {
    for (let i = 0; i < array.length; i++) array[i] = value();
    return array;
  }

  floats(length: number, spread = 1): Float32Array {
    return this.fill(new Float32Array(length), () => this.normal() * spread);
  }
}

/** FNV-1a. */
function hash(text: string): number {
  let h = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) h = imul(h ^ text.charCodeAt(i), 0x01000193);
  return h >>> 0;
}
