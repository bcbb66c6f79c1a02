/** Blocks of numbers for native code. */

/**
 * Written as doubles, handed over as bytes: Node-API reads a Uint8Array in 22 ns, but asks of a Float64Array after eight other element
 * types first, which takes 48.
 */
export interface Control {
  /** By the enums of slots.ts. */
  readonly slots: Float64Array;
  readonly bytes: Uint8Array;
}

export function makeControl(length: number): Control {
  const slots = new Float64Array(length);
  return { slots, bytes: new Uint8Array(slots.buffer) };
}
