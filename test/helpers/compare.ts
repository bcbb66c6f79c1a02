/** Whole arrays compared at once: thousands of cases would drown in expect() calls. */

type Values = ArrayLike<number>;

// Once: in a test each use of a global is a look-up through the sandbox.
const { abs } = Math;
const { isFinite } = Number;

function isSame(x: number, y: number): boolean {
  return x === y || (x !== x && y !== y);
}

/** What differs first, or undefined. NaN equals NaN. */
export function firstDifference(got: Values, want: Values): string | undefined {
  if (got.length !== want.length) return `length ${got.length}, expected ${want.length}`;
  for (let i = 0; i < want.length; i++) if (!isSame(got[i], want[i])) return `[${i}] is ${got[i]}, expected ${want[i]}`;
  return undefined;
}

/** Throws with the title of the case unless all elements are equal. */
export function expectSame(got: Values, want: Values, title: string): void {
  const difference = firstDifference(got, want);
  if (difference !== undefined) throw new Error(`${title}: ${difference}`);
}

/** Throws unless |got - want| <= bound + 2^-23 |want| everywhere; NaN and infinities have to be equal. */
export function expectNear(got: Values, want: Values, bound: number, title: string): void {
  if (got.length !== want.length) throw new Error(`${title}: length ${got.length}, expected ${want.length}`);
  for (let i = 0; i < want.length; i++) {
    const near = isFinite(want[i]) && abs(got[i] - want[i]) <= bound + 2 ** -23 * abs(want[i]);
    if (!near && !isSame(got[i], want[i])) throw new Error(`${title}: [${i}] is ${got[i]}, expected ${want[i]} +- ${bound}`);
  }
}
