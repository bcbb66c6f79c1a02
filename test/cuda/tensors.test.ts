/** Tensors and packed weights on the CUDA device: copies, lifetimes, memory, errors. Without a GPU the device is an emulated one. */
import {
  matmul,
  matmulAsync,
  packWeights,
  quantize,
  quantizedMatmul,
  runtime,
  toDevice,
  toDeviceAsync,
  toHost,
  toHostAsync,
  type DeviceElements,
} from 'lowp';
import { expectSame } from '../helpers/compare';
import { expectRejects, expectThrows } from '../helpers/failures';
import { Random } from '../helpers/random';

const random = new Random('device');
const floats = (count: number): Float32Array => Float32Array.from({ length: count }, () => random.real(-1, 1));
const tensor = (...shape: number[]): { data: Float32Array; shape: number[] } => ({
  data: floats(shape.reduce((product, size) => product * size, 1)),
  shape,
});

test('the device is described', () => {
  const { available, reason, device } = runtime.cuda;
  expect({ available, reason }).toEqual({ available: true, reason: '' });
  expect(device?.capability).toMatch(/^\d+\.\d$/);
  expect(device?.totalBytes).toBeGreaterThan(0);
  expect(device?.freeBytes).toBeLessThanOrEqual(device?.totalBytes ?? 0);
});

describe('copies', () => {
  const arrays: DeviceElements[] = [
    Float32Array.of(1.5, -0, NaN, Infinity),
    Int32Array.of(-(2 ** 31), 0, 2 ** 31 - 1),
    Int8Array.of(-128, 0, 127),
    Uint8Array.of(0, 1, 255),
    Uint16Array.of(0, 0x3f80, 0xffff),
    new Float32Array(0),
    floats(3_000_000), // more than goes over at once
  ];
  test.each(arrays.map((data) => [`${data.constructor.name}(${data.length})`, data] as const))('%s', async (_, data) => {
    using array = toDevice(data);
    expect(array.type).toBe(data.constructor.name);
    expect([array.length, array.byteLength]).toEqual([data.length, data.byteLength]);
    expectSame(toHost(array), data, 'toHost');
    expectSame(await toHostAsync(array), data, 'toHostAsync');
    using later = await toDeviceAsync(data);
    expectSame(toHost(later), data, 'toDeviceAsync');
  });

  test('what a tensor has beside its elements stays', () => {
    const q = quantize(tensor(3, 4), { dtype: 'uint8', axis: 1 });
    const there = toDevice(q);
    expect({ ...there, data: undefined }).toEqual({ ...q, data: undefined });
    const back = toHost(there);
    expect(back).toEqual(q);
    expect(back.data).not.toBe(q.data);
  });

  test('of a view: contiguous', () => {
    const view = { data: Float32Array.of(1, 2, 9, 3, 4, 9), shape: [2, 2], strides: [3, 1] };
    expect(toHost(toDevice(view))).toEqual({ data: Float32Array.of(1, 2, 3, 4), shape: [2, 2] });
  });

  test('into out', async () => {
    const x = toDevice(Float32Array.of(1, 2));
    const out = new Float32Array(2);
    expect(toHost(x, out)).toBe(out);
    expectSame(out, [1, 2], 'toHost');
    const other = new Float32Array(2);
    expect(await toHostAsync(x, other)).toBe(other);
    expectSame(other, [1, 2], 'toHostAsync');
  });

  test('the caller may change what it gave', () => {
    const data = floats(100_000);
    const want = data.slice();
    const x = toDevice(data);
    data.fill(0);
    expectSame(toHost(x), want, 'toDevice');
  });

  test('out that is detached meanwhile', async () => {
    const out = new Float32Array(4);
    const copied = toHostAsync(toDevice(Float32Array.of(1, 2, 3, 4)), out);
    structuredClone(out.buffer, { transfer: [out.buffer] });
    await expectRejects(() => copied, 'ERR_LOWP_DETACHED');
  });
});

describe('errors', () => {
  const x = toDevice(tensor(2, 2));
  test.each([
    ['ERR_LOWP_TYPE', () => toDevice([1, 2] as never), []],
    ['ERR_LOWP_TYPE', () => toDevice(new Float64Array(2) as never), ['Float64Array']],
    ['ERR_LOWP_SHAPE', () => toDevice({ data: floats(3), shape: [2, 2] }), [4, '3']],
    ['ERR_LOWP_TYPE', () => toHost({ data: floats(1), shape: [1] } as never), ['DeviceArray']],
    ['ERR_LOWP_TYPE', () => toHost(x, new Int8Array(4) as never), ['Float32Array', 'Int8Array(4)']],
    ['ERR_LOWP_SHAPE', () => toHost(x, new Float32Array(5)), [4, '5']],
    ['ERR_LOWP_VALUE', () => matmul(x, x as never, { device: 'cpu' }), ["'cuda'", "'cpu'"]],
    ['ERR_LOWP_HANDLE', () => matmul(x, packWeights(tensor(2, 2))), ["'cuda'", "'cpu'"]],
    ['ERR_LOWP_ALIAS', () => matmul(x, x as never, { out: x.data }), ['a']],
    ['ERR_LOWP_SHAPE', () => matmul(x, x as never, { out: toDevice(new Float32Array(3)) }), [4, 'Array(3)']],
    ['ERR_LOWP_VALUE', () => matmul(tensor(2, 2), tensor(2, 2), { device: 'cpu', tensorCores: true }), ['tensorCores']],
  ] as const)('%s %s', (code, call, fragments) => expectThrows(call, code, [...fragments]));

  test('disposed', () => {
    const gone = toDevice(tensor(2, 2));
    gone.data.dispose();
    gone.data.dispose();
    expect(gone.data.disposed).toBe(true);
    expectThrows(() => toHost(gone), 'ERR_LOWP_DISPOSED');
    expectThrows(() => matmul(gone, x as never), 'ERR_LOWP_DISPOSED');
    const weights = packWeights(tensor(2, 2), { device: 'cuda' });
    weights.dispose();
    expectThrows(() => matmul(x, weights), 'ERR_LOWP_DISPOSED');
  });
});

describe('chains', () => {
  test('results stay on the device and nothing is copied', () => {
    const a = tensor(5, 7);
    const [first, second] = [tensor(7, 9), tensor(9, 3)];
    const want = matmul(matmul(a, first, { activation: 'relu' }), second);
    using one = packWeights(first, { device: 'cuda' });
    using two = packWeights(second, { device: 'cuda' });
    expect([one.device, packWeights(first).device]).toEqual(['cuda', 'cpu']);
    const hidden = matmul(toDevice(a), one, { activation: 'relu' });
    expect(hidden.data.type).toBe('Float32Array');
    expectNearly(toHost(matmul(hidden, two)).data, want.data);
  });

  test('weights on the device take the call there', async () => {
    const a = tensor(4, 6);
    const b = tensor(6, 5);
    using weights = packWeights(b, { device: 'cuda' });
    const got = matmul(a, weights);
    expect(got.data).toBeInstanceOf(Float32Array);
    expectNearly(got.data, matmul(a, b).data);
    expectNearly((await matmulAsync(a, weights)).data, matmul(a, b).data);
  });

  test('out, bias and residual on the device, of which out may be the residual', async () => {
    const [a, b, bias, residual] = [tensor(4, 6), tensor(6, 5), floats(5), tensor(4, 5)];
    const want = matmul(a, b, { bias, residual }).data;
    const x = toDevice(a);
    const out = toDevice(residual);
    const got = matmul(x, b, { bias: toDevice(bias), residual: out, out: out.data });
    expect(got.data).toBe(out.data);
    expectNearly(toHost(got).data, want);
    const again = toDevice(residual);
    await matmulAsync(x, b, { bias, residual: again, out: again.data });
    expectNearly(toHost(again).data, want);
  });

  test('rows of the result apart from each other', () => {
    const [a, b] = [tensor(3, 4), tensor(4, 2)];
    const want = matmul(a, b).data;
    const out = new Float32Array(3 * 5).fill(7);
    matmul(a, b, { out, outStride: 5, device: 'cuda' });
    for (let row = 0; row < 3; row++) {
      expectNearly(out.subarray(row * 5, row * 5 + 2), want.subarray(row * 2, row * 2 + 2));
      expectSame(out.subarray(row * 5 + 2, row * 5 + 5), [7, 7, 7], 'between rows');
    }
  });

  test('an asynchronous call reads its operands before the caller changes them', async () => {
    const [a, b] = [tensor(40, 50), tensor(50, 60)];
    using weights = packWeights(b, { device: 'cuda' });
    const want = matmul(a, b).data;
    const got = matmulAsync(a, weights);
    a.data.fill(0);
    weights.dispose();
    expectNearly((await got).data, want);
  });

  test('timers fire while the device works', async () => {
    using weights = packWeights(tensor(256, 256), { device: 'cuda' });
    const x = toDevice(tensor(256, 256));
    let ticks = 0;
    const timer = setInterval(() => (ticks += 1), 1);
    await Promise.all(Array.from({ length: 4 }, () => matmulAsync(x, weights)));
    clearInterval(timer);
    expect(ticks).toBeGreaterThan(0);
  });
});

describe('memory', () => {
  test('is counted and given back', () => {
    runtime.trimCudaMemory();
    const before = runtime.cudaMemory();
    expect(before.cachedBytes).toBe(0);
    const x = toDevice(floats(100_000));
    expect(runtime.cudaMemory().usedBytes - before.usedBytes).toBeGreaterThanOrEqual(400_000);
    x.dispose();
    expect(runtime.cudaMemory().usedBytes).toBe(before.usedBytes);
    expect(runtime.cudaMemory().cachedBytes).toBeGreaterThanOrEqual(400_000);
    const again = toDevice(floats(100_000));
    expect(runtime.cudaMemory().cachedBytes).toBe(0);
    again.dispose();
    runtime.trimCudaMemory();
    expect(runtime.cudaMemory()).toMatchObject({ usedBytes: before.usedBytes, cachedBytes: 0 });
  });

  test('has a limit', () => {
    runtime.trimCudaMemory();
    const { usedBytes } = runtime.cudaMemory();
    runtime.setCudaMemoryLimit(usedBytes + 2 ** 20);
    try {
      const small = toDevice(floats(1000));
      expectThrows(() => toDevice(floats(2 ** 20)), 'ERR_LOWP_NOMEM', [usedBytes + 2 ** 20]);
      expectThrows(() => quantizedMatmul(tensor(600, 600), quantize(tensor(600, 600)), { device: 'cuda' }), 'ERR_LOWP_NOMEM');
      expectSame(toHost(small).subarray(0, 0), [], 'still there');
      small.dispose();
    } finally {
      runtime.setCudaMemoryLimit(0);
    }
    toDevice(floats(2 ** 20)).dispose();
    expectThrows(() => runtime.setCudaMemoryLimit(-1), 'ERR_LOWP_VALUE');
    expectThrows(() => runtime.setCudaMemoryLimit('1' as never), 'ERR_LOWP_TYPE');
  });
});

function expectNearly(got: ArrayLike<number>, want: ArrayLike<number>): void {
  expect(got.length).toBe(want.length);
  for (let i = 0; i < want.length; i++) expect(Math.abs(got[i] - want[i])).toBeLessThan(1e-4);
}
