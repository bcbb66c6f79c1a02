/** Deterministic inputs: the same seed gives the same bytes on every machine. */

/** 32 random bits a call (mulberry32). */
export type Random = () => number;

export function randomBits(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return (t ^ (t >>> 14)) >>> 0;
  };
}

/** Bell-shaped values of standard deviation 1, within +-3.5: the sum of the four bytes of a draw. Trained weights look like that. */
export function bell(length: number, random: Random): Float32Array {
  const values = new Float32Array(length);
  for (let i = 0; i < length; i++) {
    const bits = random();
    values[i] = ((bits & 255) + ((bits >>> 8) & 255) + ((bits >>> 16) & 255) + (bits >>> 24) - 510) / 147.8;
  }
  return values;
}

/** Every byte alike, the extremes included. */
export function bytes(length: number, random: Random): Uint8Array {
  const values = new Uint8Array(length);
  for (let i = 0; i < length; i++) values[i] = random() >>> 24;
  return values;
}
