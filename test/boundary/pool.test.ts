/** The poolings: what they refuse, and with which words. */
import '../helpers/ownBinary';
import {
  averagePool2d,
  averagePool2dAsync,
  globalAveragePool2d,
  globalAveragePool2dAsync,
  matmulAsync,
  maxPool2d,
  maxPool2dAsync,
  runtime,
  type AveragePool2dOptions,
  type LowpErrorCode,
} from 'lowp';
import { detach } from '../helpers/buffers';
import { expectRejects, expectThrows, wrong, type Fragment } from '../helpers/failures';
import { longCall } from '../helpers/long';

/** [1, 2, 3, 3] */
const x = () => ({ data: Float32Array.from({ length: 18 }, (_, i) => i), shape: [1, 2, 3, 3] });
const q = () => ({ data: Uint8Array.from({ length: 18 }, (_, i) => i), shape: [1, 2, 3, 3], scale: 0.5, zeroPoint: 1 });

type Row = [title: string, over: object, code: LowpErrorCode, ...words: Fragment[]];

const IMAGES: Row[] = [
  ['no data', { data: null }, 'ERR_LOWP_TYPE', 'x.data', 'null'],
  ['data of int32', { data: new Int32Array(18) }, 'ERR_LOWP_TYPE', 'x.data', 'Int32Array(18)'],
  ['two dimensions', { shape: [3, 6] }, 'ERR_LOWP_SHAPE', 'x.shape', '[3, 6]'],
  ['too short', { shape: [1, 2, 4, 4] }, 'ERR_LOWP_SHAPE', ' x ', 32, 'Array(18)'],
  ['no columns', { shape: [1, 2, 3, 0] }, 'ERR_LOWP_SHAPE', 'x.shape[3]', 1, 0],
  ['strides of three', { strides: [9, 3, 1] }, 'ERR_LOWP_SHAPE', 'x.strides', '4 strides'],
];

const OPTIONS: Row[] = [
  ['kernle', { kernle: 2 }, 'ERR_LOWP_TYPE', "did you mean 'kernel'"],
  ['no kernel', { kernel: undefined }, 'ERR_LOWP_TYPE', 'options.kernel', 'undefined'],
  ['kernel 0', { kernel: 0 }, 'ERR_LOWP_VALUE', 'options.kernel', 1, 0],
  ['kernel of three', { kernel: [1, 1, 1] }, 'ERR_LOWP_SHAPE', 'options.kernel', 'two numbers', '[1, 1, 1]'],
  ['kernel 4', { kernel: [1, 4] }, 'ERR_LOWP_SHAPE', 'at most 3 (W 3 + padding 0 + 0)', '4 ((kW 4 - 1) * dilation 1 + 1)'],
  ['strides 0', { strides: 0 }, 'ERR_LOWP_VALUE', 'options.strides', 0],
  ['padding -1', { padding: -1 }, 'ERR_LOWP_VALUE', 'options.padding', '-1'],
  ['ceilMode 1', { ceilMode: 1 }, 'ERR_LOWP_TYPE', 'options.ceilMode', 'boolean', 1],
  ['threads 0', { threads: 0 }, 'ERR_LOWP_VALUE', 'options.threads', 256, 0],
  ["threads '2'", { threads: '2' }, 'ERR_LOWP_TYPE', 'options.threads', "'2'"],
  ['layout', { layout: 'HWC' }, 'ERR_LOWP_TYPE', 'options.layout', "'HWC'"],
  ['out of 7', { out: new Float32Array(7) }, 'ERR_LOWP_SHAPE', 'options.out', 8, 'Float32Array(7)'],
  ['out of bytes', { out: new Uint8Array(8) }, 'ERR_LOWP_TYPE', 'options.out', 'Float32Array', 'Uint8Array(8)'],
];

describe.each([
  ['maxPool2d', maxPool2d, maxPool2dAsync],
  ['averagePool2d', averagePool2d, averagePool2dAsync],
])('%s', (_, pool, poolAsync) => {
  test.each(IMAGES)('x > %s', (_title, over, code, ...words) => {
    expectThrows(() => pool({ ...x(), ...over }, { kernel: 2 }), code, words);
    expectThrows(() => pool({ ...q(), ...over }, { kernel: 2 }), code, words);
  });

  test.each(OPTIONS)('options > %s', async (_title, over, code, ...words) => {
    const out = new Float32Array(8).fill(7);
    expectThrows(() => pool(x(), wrong({ kernel: 2, out, ...over })), code, words);
    await expectRejects(() => poolAsync(x(), wrong({ kernel: 2, out, ...over })), code, words);
    expect(out).toEqual(new Float32Array(8).fill(7));
  });

  test('no options; x null; a scale for each channel; out over x; detached', () => {
    expectThrows(() => pool(x(), wrong(undefined)), 'ERR_LOWP_TYPE', ['options', 'kernel', 'undefined']);
    expectThrows(() => pool(wrong<ReturnType<typeof x>>(null), { kernel: 2 }), 'ERR_LOWP_TYPE', [' x ', 'null']);
    const scales = { ...q(), scale: Float32Array.of(1, 1), axis: 1 };
    expectThrows(() => pool(scales, { kernel: 2 }), 'ERR_LOWP_VALUE', ['x.axis', 1]);
    const image = x();
    expectThrows(() => pool(image, { kernel: 2, out: image.data.subarray(10) }), 'ERR_LOWP_ALIAS', ['x']);
    detach(image.data);
    expectThrows(() => pool(image, { kernel: 2 }), 'ERR_LOWP_DETACHED', [' x ']);
  });

  test('shared memory, Buffers and an empty batch', () => {
    const shared = new Float32Array(new SharedArrayBuffer(72));
    shared.set(x().data);
    const want = pool(x(), { kernel: 2 });
    expect(pool({ data: shared, shape: [1, 2, 3, 3] }, { kernel: 2 })).toEqual(want);
    expect(pool({ ...q(), data: Buffer.from(q().data) }, { kernel: 2 })).toEqual(pool(q(), { kernel: 2 }));
    const none = { data: new Float32Array(0), shape: [0, 2, 3, 3] };
    expect(pool(none, { kernel: 2 })).toEqual({ data: new Float32Array(0), shape: [0, 2, 2, 2] });
  });

  test('an options object is not changed, and signal is for awaited calls only', () => {
    const options = Object.freeze({ kernel: Object.freeze([2, 2]), strides: Object.freeze([1, 1]) });
    expect(pool(x(), options).shape).toEqual([1, 2, 2, 2]);
    const { signal } = new AbortController();
    expectThrows(() => pool(x(), wrong({ kernel: 2, signal })), 'ERR_LOWP_TYPE', ["'signal'"]);
  });
});

describe('awaited', () => {
  afterEach(() => expect(runtime.memory().asyncPending).toBe(0));

  test('the results of the plain calls; into out', async () => {
    for (const image of [x(), q()]) {
      expect(await maxPool2dAsync(image, { kernel: 2 })).toEqual(maxPool2d(image, { kernel: 2 }));
      expect(await averagePool2dAsync(image, { kernel: 2 })).toEqual(averagePool2d(image, { kernel: 2 }));
      expect(await globalAveragePool2dAsync(image)).toEqual(globalAveragePool2d(image));
    }
    const out = new Float32Array(10).fill(7);
    expect((await maxPool2dAsync(x(), { kernel: 2, out })).data).toBe(out);
    expect([...out]).toEqual([...maxPool2d(x(), { kernel: 2 }).data, 7, 7]);
  });

  test('x may change at once; out may go', async () => {
    const long = await longCall(40);
    try {
      const want = maxPool2d(x(), { kernel: 2 });
      const [changed, gone] = [x(), x()];
      const out = new Float32Array(8);
      const running = matmulAsync(long.a, long.packed);
      const calls = [changed, gone].map((image) => maxPool2dAsync(image, { kernel: 2 }));
      const lost = averagePool2dAsync(x(), { kernel: 2, out });
      changed.data.fill(NaN);
      detach(gone.data);
      detach(out);
      expect(await Promise.all(calls)).toEqual([want, want]);
      await expect(lost).rejects.toMatchObject({ code: 'ERR_LOWP_DETACHED' });
      await running;
    } finally {
      long.packed.dispose();
    }
  });

  test('aborted before and while queued', async () => {
    const signal = AbortSignal.abort('enough');
    await expect(maxPool2dAsync(x(), { kernel: 2, signal })).rejects.toBe('enough');
    await expect(averagePool2dAsync(x(), { kernel: 2, signal })).rejects.toBe('enough');
    await expect(globalAveragePool2dAsync(x(), { signal })).rejects.toBe('enough');
    const long = await longCall(40);
    const controller = new AbortController();
    const out = new Float32Array(8).fill(7);
    const running = matmulAsync(long.a, long.packed);
    const call = maxPool2dAsync(x(), { kernel: 2, out, signal: controller.signal });
    controller.abort('changed my mind');
    await expect(call).rejects.toBe('changed my mind');
    expect([...out]).toEqual(new Array(8).fill(7));
    await running;
    long.packed.dispose();
    const { data } = await maxPool2dAsync(x(), { kernel: 2, signal: new AbortController().signal });
    expect(data).toEqual(maxPool2d(x(), { kernel: 2 }).data);
  });

  test('misspelled options reject', async () => {
    await expectRejects(() => maxPool2dAsync(x(), wrong(undefined)), 'ERR_LOWP_TYPE', ['options', 'undefined']);
    await expectRejects(() => globalAveragePool2dAsync(x(), wrong({ sginal: 1 })), 'ERR_LOWP_TYPE', ["did you mean 'signal'"]);
  });
});

const OUTPUTS: Row[] = [
  ['a name', { output: 'float32' }, 'ERR_LOWP_TYPE', 'options.output', "'float32'"],
  ['dtype int16', { output: { dtype: 'int16', scale: 1 } }, 'ERR_LOWP_TYPE', 'options.output.dtype', "'int16'"],
  ['no scale', { output: { dtype: 'int8' } }, 'ERR_LOWP_TYPE', 'options.output.scale', 'undefined'],
  ['zero point 200', { output: { dtype: 'int8', scale: 1, zeroPoint: 200 } }, 'ERR_LOWP_VALUE', 'zeroPoint', 127, 200],
  ['zero', { output: { dtype: 'int8', scale: 1, zeroPiont: 2 } }, 'ERR_LOWP_TYPE', "did you mean 'zeroPoint'"],
];

test.each(OUTPUTS)('output > %s', (_, over, code, ...words) => {
  expectThrows(() => averagePool2d(q(), { kernel: 2, ...wrong<Partial<AveragePool2dOptions>>(over) }), code, words);
  expectThrows(() => globalAveragePool2d(q(), wrong(over)), code, words);
});

test('an output for float32; options of another pooling', () => {
  const output = { dtype: 'int8', scale: 1 } as const;
  expectThrows(() => averagePool2d(x(), { kernel: 2, output }), 'ERR_LOWP_VALUE', ['options.output', 'float32']);
  expectThrows(() => maxPool2d(x(), wrong({ kernel: 2, countIncludePad: true })), 'ERR_LOWP_TYPE', ["'countIncludePad'"]);
  expectThrows(() => globalAveragePool2d(x(), wrong({ kernel: 2 })), 'ERR_LOWP_TYPE', ["'kernel'"]);
  expectThrows(() => averagePool2d(x(), wrong({ kernel: 2, countIncludePad: 1 })), 'ERR_LOWP_TYPE', ['options.countIncludePad']);
});
