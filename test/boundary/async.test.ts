/** Asynchronous calls: off the event loop, in order, and deaf to what the caller does meanwhile. */
import '../helpers/ownBinary';
import { matmulAsync, quantizedMatmulAsync, runtime } from 'lowp';
import { detach } from '../helpers/buffers';
import { outcome, runChild, SUCCESS } from '../helpers/child';
import { expectRejects } from '../helpers/failures';
import { longCall, type LongCall } from '../helpers/long';
import { fa, fb, qa, qb, SUMS } from '../helpers/problems';
import { products } from '../helpers/products';

const EXPECTED = [8, 2, 26, 2];
let long: LongCall;
/** To be queued behind. */
let brief: LongCall;
beforeAll(async () => {
  long = await longCall(500);
  brief = await longCall(40);
});
afterAll(() => {
  long.packed.dispose();
  brief.packed.dispose();
  expect(runtime.memory()).toEqual({ packedHandles: 0, packedBytes: 0, asyncPending: 0 });
});

test('timers fire on time during a long call', async () => {
  const { a, packed, value } = long;
  const start = performance.now();
  const fired = [start];
  const timer = setInterval(() => fired.push(performance.now()), 5);
  const { data } = await matmulAsync(a, packed, { threads: 1 });
  clearInterval(timer);
  const end = performance.now();
  fired.push(end);
  const gaps = fired.slice(1).map((time, i) => time - fired[i]);
  // Shares of what the call took, which a fast machine makes short and a busy one long.
  expect(fired.length).toBeGreaterThan((end - start) / 5 / 5);
  expect(Math.max(...gaps)).toBeLessThan((end - start) / 2);
  expect([data[0], data[data.length - 1]]).toEqual([value, value]);
});

test('a long call is pending, then not', async () => {
  const call = matmulAsync(long.a, long.packed);
  expect(runtime.memory().asyncPending).toBe(1);
  await call;
  expect(runtime.memory().asyncPending).toBe(0);
});

describe('inputs changed after the call', () => {
  test.each(['filled', 'transferred'])('float32, %s', async (how) => {
    const [a, b, bias, residual] = [fa(), fb(), Float32Array.of(1, 2), Float32Array.of(1, 2, 3, 4)];
    // Queued behind a long one, so that the change comes first.
    const before = matmulAsync(brief.a, brief.packed);
    const call = matmulAsync(a, b, { bias, residual });
    for (const array of [a.data, b.data, bias, residual]) {
      if (how === 'filled') array.fill(NaN);
      else detach(array);
    }
    expect([...(await call).data]).toEqual([10, 6, 30, 8]);
    await before;
  });

  test.each(['filled', 'transferred'])('8-bit with scales for each row, %s', async (how) => {
    const a = { ...qa(), scale: Float32Array.of(0.5, 0.5), zeroPoint: Int32Array.of(1, 1), axis: 0 };
    const b = { ...qb(), scale: Float32Array.of(0.25, 0.25), zeroPoint: Int32Array.of(0, 0), axis: 1 };
    const bias = Float32Array.of(1, 2);
    const before = matmulAsync(brief.a, brief.packed);
    const residual = { data: Int8Array.of(1, 2, 3, 4), shape: [2, 2], scale: 1, zeroPoint: 0 };
    const call = quantizedMatmulAsync(a, b, { bias, residual });
    for (const array of [a.data, a.scale, a.zeroPoint, b.data, b.scale, b.zeroPoint, bias, residual.data]) {
      if (how === 'filled') array.fill(99);
      else detach(array);
    }
    expect([...(await call).data]).toEqual([3, 4.25, 7.25, 6.25]);
    await before;
  });

  test('shapes, strides and options', async () => {
    const a = { data: fa().data, shape: [2, 3], strides: [3, 1] };
    const options = { bias: Float32Array.of(1, 2), outStride: 2 };
    const call = matmulAsync(a, fb(), options);
    a.shape[0] = 1;
    a.strides[0] = 0;
    options.outStride = 9;
    const y = await call;
    expect(y.shape).toEqual([2, 2]);
    expect([...y.data]).toEqual([9, 4, 27, 4]);
  });
});

describe('out', () => {
  test('is not written before the promise resolves, and not beyond the result', async () => {
    const before = matmulAsync(brief.a, brief.packed);
    const out = new Float32Array(8).fill(7);
    const call = matmulAsync(fa(), fb(), { out, outStride: 3 });
    out[1] = 6;
    await before;
    const { data } = await call;
    expect(data).toBe(out);
    expect([...out]).toEqual([8, 2, 7, 26, 2, 7, 7, 7]);
  });

  test.each(products)('$name > detached meanwhile', async (product) => {
    const before = matmulAsync(brief.a, brief.packed);
    const out = new Float32Array(4);
    const call = product.async(product.a(), product.b(), { out });
    detach(out);
    await expectRejects(() => call, 'ERR_LOWP_DETACHED', ['out', 16]);
    await before;
  });

  test('detached meanwhile and queued behind it: the next call is unaffected', async () => {
    const out = new Float32Array(4);
    const call = matmulAsync(fa(), fb(), { out });
    const next = matmulAsync(fa(), fb());
    detach(out);
    await expectRejects(() => call, 'ERR_LOWP_DETACHED');
    expect([...(await next).data]).toEqual(EXPECTED);
  });
});

test('calls complete in the order in which they were made', async () => {
  const order: number[] = [];
  const calls = Array.from({ length: 60 }, (_, i) => {
    const call: Promise<unknown> = i % 2 === 0 ? matmulAsync(fa(), fb()) : quantizedMatmulAsync(qa(), qb(), { output: 'int32' });
    return call.then(() => order.push(i));
  });
  await Promise.all([matmulAsync(brief.a, brief.packed), ...calls]);
  expect(order).toEqual(Array.from({ length: 60 }, (_, i) => i));
});

test('synchronous calls are right while an asynchronous one runs', async () => {
  let running = true;
  const call = matmulAsync(long.a, long.packed).finally(() => (running = false));
  let count = 0;
  while (running) {
    for (const product of products) {
      const { data } = product.sync(product.a(), product.b()) as { data: Float32Array };
      expect([...data]).toEqual(product.name === 'matmul' ? EXPECTED : SUMS.map((s) => s / 8));
    }
    count += 1;
    await new Promise(setImmediate);
  }
  await call;
  expect(count).toBeGreaterThan(3);
});

test.each(products)('$name > argument errors reject and never throw', async (product) => {
  const bad: [unknown, unknown, unknown][] = [
    [undefined, undefined, undefined],
    [product.a(), product.b(), { nonsense: 1 }],
    [product.a(), product.b(), 7],
    [product.a(), product.a(), {}],
    [{ ...product.a(), shape: [1e9, 1e9] }, product.b(), {}],
  ];
  const calls = bad.map((args) => product.async(...args));
  for (const result of await Promise.allSettled(calls)) {
    expect(result).toMatchObject({ status: 'rejected', reason: { code: expect.stringMatching(/^ERR_LOWP_/) } });
  }
  expect(runtime.memory().asyncPending).toBe(0);
});

test.each(products)('$name > errors name the function that was called at the top of the stack', async (product) => {
  const reason: unknown = await product.async(product.a(), product.b(), { threads: -1 }).catch((error: unknown) => error);
  expect((reason as Error).stack).toMatch(new RegExp(`${product.name}Async|products\\.ts`));
});

describe('the life of the process', () => {
  test('a pending call keeps it alive, and it ends by itself after that', async () => {
    const child = await runChild('test/boundary/fixtures/lifetime.ts', { args: ['pending'], timeout: 20_000 });
    expect(outcome(child)).toEqual(SUCCESS);
    expect(child.stdout).toBe('end of the script\nresolved 1024\n');
  });
  test('an idle library does not', async () => {
    const child = await runChild('test/boundary/fixtures/lifetime.ts', { args: ['idle'], timeout: 20_000 });
    expect(outcome(child)).toEqual(SUCCESS);
    expect(child.stdout).toBe('resolved 1024\nexit\n');
  });
  test('process.exit() during a call', async () => {
    const child = await runChild('test/boundary/fixtures/lifetime.ts', { args: ['exit'], timeout: 20_000 });
    expect(outcome(child)).toEqual(SUCCESS);
    expect(child.stdout).toBe('exit\n');
  });
  test('an uncaught rejection is reported as usual', async () => {
    const child = await runChild('test/boundary/fixtures/lifetime.ts', { args: ['reject'], timeout: 20_000 });
    expect({ code: child.code, timedOut: child.timedOut }).toEqual({ code: 1, timedOut: false });
    expect(child.stderr).toMatch(/RangeError.*Expected 3 .* K of a .*2/s);
  });
});
