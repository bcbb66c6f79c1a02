/** lowp.node called without TypeScript in front of it: whatever comes, it throws { code, message } and touches no other memory. */
import '../helpers/ownBinary';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { types } from 'node:util';
import { outcome, runChild, SUCCESS } from '../helpers/child';
import { wrong } from '../helpers/failures';
import { binding, controlOf, expectFailure, gemmControl, packedBytes, packedFloats } from '../helpers/native';

const native = binding();
const f = (n: number): Float32Array => new Float32Array(n);
const i8 = (n: number): Int8Array => new Int8Array(n);
const i32 = (n: number): Int32Array => new Int32Array(n);

describe('every function', () => {
  const names = Object.keys(native).filter((name) => typeof Reflect.get(native, name) === 'function');
  const harmless = new Set(['cpu', 'isas', 'kernels', 'getIsa', 'getThreads', 'memory']);
  const hostile: unknown[][] = [
    [],
    [undefined],
    [null, null, null, null, null, null, null, null, null],
    [1, 2, 3, 4, 5, 6, 7, 8],
    [{}, {}, {}, {}, {}, {}, {}],
    [f(100), f(100), f(100), f(100), f(100)],
    [new Float64Array(40), f(1), {}, f(1)],
    [controlOf(0, 0, 0), f(1), {}, f(1)],
    [new Uint8Array(new ArrayBuffer(800), 4), f(1), {}, f(1)],
    [new Proxy(new Uint8Array(400), {}), f(1), {}, f(1)],
    [Symbol('x'), 1n, () => 0, new DataView(new ArrayBuffer(8))],
    ['a'.repeat(100_000), [], new Date(), /x/],
  ];
  const table = names
    .filter((name) => !harmless.has(name))
    .flatMap((name) => hostile.map((args): [string, unknown[]] => [name, args]));

  test.each(table.map(([name, args], i): [string, number, unknown[]] => [name, i % hostile.length, args]))(
    '%s > arguments %i',
    (name, _, args) => {
      // Good calls: cancel(1) finds no job, setThreads(1) sets one thread, bandwidth(1, 2) reads.
      if (args[0] === 1 && ['cancel', 'setThreads', 'bandwidth'].includes(name)) return;
      expectFailure(
        () => Reflect.apply(Reflect.get(native, name) as () => unknown, native, args),
        /^ERR_LOWP_(TYPE|SHAPE|VALUE|HANDLE)$/,
      );
    },
  );

  test.each([...harmless])('%s > ignores arguments', (name) => {
    Reflect.apply(Reflect.get(native, name) as () => unknown, undefined, [Symbol('x'), null, {}]);
  });
});

describe('handles', () => {
  const call = (handle: unknown): void => native.sgemm(gemmControl(2, 2, 3), f(6), wrong(handle), f(4), undefined);
  test.each([{}, [], Object.create(null), () => 0, new Map(), f(2), null, undefined, 7, 'x', new Proxy(packedFloats(3, 2), {})])(
    '%p',
    (handle) => {
      expectFailure(() => call(handle), 'HANDLE');
      expectFailure(() => native.handleInfo(wrong(handle)), 'HANDLE');
      expectFailure(() => native.dispose(wrong(handle)), 'HANDLE');
    },
  );
  test('of another dtype', () => {
    expectFailure(() => call(packedBytes(3, 2)), 'HANDLE');
    expectFailure(
      () => native.qgemm(gemmControl(2, 2, 3), i8(6), packedFloats(3, 2), i32(4), undefined, undefined, undefined),
      'HANDLE',
    );
  });
  test('disposed', () => {
    const handle = packedFloats(3, 2);
    native.dispose(handle);
    native.dispose(handle);
    expectFailure(() => call(handle), 'DISPOSED');
    expectFailure(() => native.handleInfo(handle), 'DISPOSED');
  });
  test('native objects of others', () => {
    expectFailure(() => call(new WeakMap()), 'HANDLE');
    expectFailure(() => call(new AbortController().signal), 'HANDLE');
  });
  test('an external of others', async () => {
    const server = createServer().listen(0);
    await once(server, 'listening');
    const external: unknown = Reflect.get(Reflect.get(server, '_handle') as object, '_externalStream');
    expect(types.isExternal(external)).toBe(true);
    expectFailure(() => call(external), 'HANDLE');
    expectFailure(() => native.dispose(wrong(external)), 'HANDLE');
    server.close();
  });
  test('cannot be copied to another thread', () => {
    expect(() => structuredClone(packedFloats(3, 2))).toThrow(/could not be cloned/);
  });
});

test('20000 random calls > seed 1', async () => {
  const child = await runChild('test/boundary/fixtures/fuzz.ts', { args: ['1', '20000'], timeout: 60_000 });
  expect(outcome(child)).toEqual(SUCCESS);
  expect(child.stdout).toMatch(/^20000 calls, \d{4,5} failed as they should/);
}, 70_000);

test.each(['copy', 'runs'])('no work for empty results of huge sizes > %s', async (which) => {
  const child = await runChild('test/boundary/fixtures/empty.ts', { args: [which], timeout: 10_000 });
  expect(outcome(child)).toEqual(SUCCESS);
});
