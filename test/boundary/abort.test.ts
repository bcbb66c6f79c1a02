/** AbortSignal: before the call, while it waits, while it runs, and too late. Other calls go on. */
import '../helpers/ownBinary';
import { matmulAsync, runtime } from 'lowp';
import { longCall, type LongCall } from '../helpers/long';
import { fa, fb } from '../helpers/problems';
import { products } from '../helpers/products';

const EXPECTED = [8, 2, 26, 2];
let long: LongCall;
beforeAll(async () => {
  long = await longCall(300);
});
afterAll(() => long.packed.dispose());
afterEach(() => expect(runtime.memory().asyncPending).toBe(0));

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

test.each(products)('$name > before the call', async (product) => {
  const reason = { any: 'value' };
  const out = new Float32Array(4).fill(7);
  const options = { signal: AbortSignal.abort(reason), out };
  await expect(product.async(product.a(), product.b(), options)).rejects.toBe(reason);
  expect([...out]).toEqual([7, 7, 7, 7]);
});

test('without a reason: the usual AbortError', async () => {
  const call = matmulAsync(fa(), fb(), { signal: AbortSignal.abort() });
  await expect(call).rejects.toMatchObject({ name: 'AbortError' });
});

test('arguments are not looked at where the signal is aborted already', async () => {
  const reason = new Error('first');
  await expect(matmulAsync(fa(), fa(), { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
});

test('while queued: it is dropped, and those before and behind it are right', async () => {
  const controller = new AbortController();
  const reason = new Error('changed my mind');
  const out = new Float32Array(4).fill(7);
  const running = matmulAsync(long.a, long.packed);
  const queued = matmulAsync(fa(), fb(), { signal: controller.signal, out });
  const behind = matmulAsync(fa(), fb());
  controller.abort(reason);
  await expect(queued).rejects.toBe(reason);
  expect([...out]).toEqual([7, 7, 7, 7]);
  expect([...(await behind).data]).toEqual(EXPECTED);
  expect((await running).data[0]).toBe(long.value);
});

test('while running: it ends early and out is untouched', async () => {
  const { a, packed } = long;
  const out = new Float32Array(a.shape[0] * long.n).fill(7);
  const before = process.cpuUsage();
  await matmulAsync(a, packed, { out, threads: 1 });
  const full = process.cpuUsage(before).user;

  out.fill(7);
  const controller = new AbortController();
  const call = matmulAsync(a, packed, { out, threads: 1, signal: controller.signal });
  const behind = matmulAsync(fa(), fb());
  await sleep(20);
  const whileAborted = process.cpuUsage();
  controller.abort('enough');
  await expect(call).rejects.toBe('enough');
  // Processor time, which a busy machine does not stretch as it does the clock.
  expect(process.cpuUsage(whileAborted).user).toBeLessThan(full / 2);
  expect(out.every((y) => y === 7)).toBe(true);
  expect([...(await behind).data]).toEqual(EXPECTED);
});

test('after the call: nothing happens', async () => {
  const controller = new AbortController();
  const y = await matmulAsync(fa(), fb(), { signal: controller.signal });
  controller.abort();
  await sleep(5);
  expect([...y.data]).toEqual(EXPECTED);
});

test('one signal for many calls', async () => {
  const controller = new AbortController();
  const reason = new Error('all of them');
  const calls = Array.from({ length: 8 }, () => matmulAsync(long.a, long.packed, { signal: controller.signal }));
  controller.abort(reason);
  for (const result of await Promise.allSettled(calls)) expect(result).toEqual({ status: 'rejected', reason });
});

test('AbortSignal.timeout', async () => {
  const call = matmulAsync(long.a, long.packed, { signal: AbortSignal.timeout(20), threads: 1 });
  await expect(call).rejects.toMatchObject({ name: 'TimeoutError' });
});

test('a signal is let go when its call ends', async () => {
  const { signal } = new AbortController();
  const add = jest.spyOn(signal, 'addEventListener');
  const remove = jest.spyOn(signal, 'removeEventListener');
  await matmulAsync(fa(), fb(), { signal });
  expect(remove.mock.calls.map(([name, listener]) => [name, listener])).toEqual(
    add.mock.calls.map(([name, listener]) => [name, listener]),
  );
});

test('disposed and aborted in flight', async () => {
  const { a, packed } = await longCall(100);
  const controller = new AbortController();
  const calls = Array.from({ length: 4 }, () => matmulAsync(a, packed, { signal: controller.signal }));
  packed.dispose();
  controller.abort('both');
  for (const result of await Promise.allSettled(calls)) expect(result).toEqual({ status: 'rejected', reason: 'both' });
});
