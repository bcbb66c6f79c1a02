/** The one place that makes errors: always a code, always the class that belongs to it, always both numbers in the message. */

/**
 * - TYPE: wrong type, unknown option or name. DETACHED: the buffer of an array was transferred. DISPOSED: packed weights after
 *   `dispose()`. HANDLE: not packed weights of this library, or of the wrong kind.
 * - SHAPE: sizes that do not fit each other or the array. VALUE: a number out of its range. ALIAS: `out` overlaps an input.
 * - BUSY, UNSUPPORTED, NOMEM, DEVICE, INTERNAL, ABORTED: as named.
 */
const CLASSES = {
  ERR_LOWP_TYPE: TypeError,
  ERR_LOWP_DETACHED: TypeError,
  ERR_LOWP_DISPOSED: TypeError,
  ERR_LOWP_HANDLE: TypeError,
  ERR_LOWP_SHAPE: RangeError,
  ERR_LOWP_VALUE: RangeError,
  ERR_LOWP_ALIAS: RangeError,
  ERR_LOWP_BUSY: Error,
  ERR_LOWP_UNSUPPORTED: Error,
  ERR_LOWP_NOMEM: Error,
  ERR_LOWP_DEVICE: Error,
  ERR_LOWP_INTERNAL: Error,
  ERR_LOWP_ABORTED: Error,
} as const;

export type LowpErrorCode = keyof typeof CLASSES;

/** Every error that this library throws or rejects with (a TypeError, RangeError or Error), except an AbortSignal's reason. */
export interface LowpError extends Error {
  readonly code: LowpErrorCode;
}

/** A public function, used only to cut the stack below it; never called. */
export type Caller = (...args: never[]) => unknown;

/** `caller`: the public function at which the stack should begin. */
export function lowpError(code: LowpErrorCode, message: string, caller?: Caller, cause?: unknown): LowpError {
  const error = cause === undefined ? new CLASSES[code](message) : new CLASSES[code](message, { cause });
  if (caller !== undefined) Error.captureStackTrace(error, caller);
  return Object.assign(error, { code });
}

/** `Expected <expectation> for <name> but received <value>`. */
export function expected(code: LowpErrorCode, expectation: string, name: string, received: unknown): LowpError {
  return lowpError(code, `Expected ${expectation} for ${name} but received ${describe(received)}`);
}

/**
 * Native code throws plain `{ code, message }` objects, because an Error made there would belong to the main realm and carry no
 * stack of the caller. This makes the real error.
 */
export function fromNative(thrown: unknown, caller: Caller): LowpError {
  if (typeof thrown === 'object' && thrown !== null && 'code' in thrown && 'message' in thrown) {
    const { code, message } = thrown;
    if (isCode(code)) return lowpError(code, String(message), caller);
  }
  const message = thrown instanceof Error ? thrown.message : describe(thrown);
  return lowpError('ERR_LOWP_INTERNAL', `Unexpected failure in native code: ${message}`, caller, thrown);
}

function isCode(code: unknown): code is LowpErrorCode {
  return typeof code === 'string' && Object.hasOwn(CLASSES, code);
}

/** A value as it should read in a message: short, and never the whole of a large array. */
export function describe(value: unknown): string {
  if (typeof value === 'string') return value.length > 60 ? `'${value.slice(0, 57)}...'` : `'${value}'`;
  if (typeof value === 'bigint') return `${value}n`;
  if (typeof value === 'function') return 'a function';
  if (typeof value !== 'object' || value === null) return Object.is(value, -0) ? '-0' : String(value);
  if (Array.isArray(value)) {
    const shown = value.slice(0, 8).map((v) => (typeof v === 'object' && v !== null ? 'an object' : describe(v)));
    return `[${shown.join(', ')}${value.length > 8 ? ', ...' : ''}]`;
  }
  const name = className(value);
  // Typed arrays, and those on the CUDA device.
  if (ArrayBuffer.isView(value) || Object.hasOwn(value, 'BYTES_PER_ELEMENT'))
    return 'length' in value ? `${name}(${String(value.length)})` : name;
  return name === 'Object' ? 'an object' : `an instance of ${name}`;
}

function className(value: object): string {
  const prototype: unknown = Object.getPrototypeOf(value);
  if (typeof prototype !== 'object' || prototype === null) return 'Object';
  const { constructor } = prototype;
  return typeof constructor === 'function' && constructor.name !== '' ? constructor.name : 'Object';
}

/** ` (did you mean 'x'?)` for the nearest known name, or nothing where none is near. */
export function suggestion(name: string, known: Iterable<string>): string {
  let best = '';
  // Two swapped letters count as two edits; in a name of three letters two edits are another word.
  let bestDistance = name.length <= 3 ? 2 : Math.max(2, Math.floor(name.length / 3)) + 1;
  for (const candidate of known) {
    const d = editDistance(name.toLowerCase(), candidate.toLowerCase());
    if (d < bestDistance) {
      best = candidate;
      bestDistance = d;
    }
  }
  return best === '' ? '' : ` (did you mean '${best}'?)`;
}

/** Levenshtein distance, one row of the table at a time. */
function editDistance(a: string, b: string): number {
  // Long junk needs no exact distance, and the table is quadratic.
  if (Math.abs(a.length - b.length) > 8 || a.length > 64) return 64;
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      next.push(Math.min(row[j] + 1, next[j - 1] + 1, row[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1)));
    }
    row = next;
  }
  return row[b.length];
}
