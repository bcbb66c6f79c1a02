/** What a failing call has to look like: class, code and words of the message; and the values that no call may accept. */
import type { LowpErrorCode } from 'lowp';

const CLASSES: Readonly<Record<string, new () => Error>> = {
  ERR_LOWP_TYPE: TypeError,
  ERR_LOWP_DETACHED: TypeError,
  ERR_LOWP_DISPOSED: TypeError,
  ERR_LOWP_HANDLE: TypeError,
  ERR_LOWP_SHAPE: RangeError,
  ERR_LOWP_VALUE: RangeError,
  ERR_LOWP_ALIAS: RangeError,
};

/** Parts of the message: a number stands for itself and not for a piece of a longer one. */
export type Fragment = string | number | RegExp;

export function expectError(thrown: unknown, code: LowpErrorCode, fragments: readonly Fragment[] = []): void {
  // instanceof on purpose: the error has to belong to this realm.
  const expectedClass = CLASSES[code] ?? Error;
  expect(thrown).toBeInstanceOf(expectedClass);
  const error = thrown as Error & { code: unknown };
  expect({ code: error.code, name: error.name, message: error.message }).toEqual({
    code,
    name: expectedClass.name,
    message: expect.any(String),
  });
  expect(error.message.length).toBeLessThan(600);
  for (const fragment of fragments) {
    const pattern = typeof fragment === 'number' ? new RegExp(`(?<![\\d.])${fragment}(?![\\d]|\\.\\d)`) : fragment;
    expect(error.message).toMatch(pattern);
  }
}

export function expectThrows(call: () => unknown, code: LowpErrorCode, fragments: readonly Fragment[] = []): void {
  let thrown: unknown = 'nothing was thrown';
  try {
    call();
  } catch (error) {
    thrown = error;
  }
  expectError(thrown, code, fragments);
}

/** The call must return a promise: a synchronous throw fails the test. */
export async function expectRejects(
  call: () => Promise<unknown>,
  code: LowpErrorCode,
  fragments: readonly Fragment[] = [],
): Promise<void> {
  const promise = call();
  expect(promise).toBeInstanceOf(Promise);
  const thrown = await promise.then(
    () => 'nothing was rejected',
    (reason: unknown) => reason,
  );
  expectError(thrown, code, fragments);
}

/** A value in the place of one of another type, as JavaScript callers can put it. */
export function wrong<T>(value: unknown): T {
  return value as T;
}
