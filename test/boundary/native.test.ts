/** lowp.node called without TypeScript in front of it: whatever comes, it throws { code, message } and touches no other memory. */
import '../helpers/ownBinary';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { types } from 'node:util';
import {
  ActivationCode,
  ActivationQuantization,
  BINDING_VERSION,
  Cast,
  Conv,
  Gemm,
  Group,
  MAX_THREADS,
  Pack,
  Quantize,
  Search,
  Svd,
  SvdCriterion,
  SvdReport,
  Sparse,
  StorageCode,
} from '../../lib/native/binding';
import { detach } from '../helpers/buffers';
import { outcome, ROOT, runChild, SUCCESS } from '../helpers/child';
import { wrong } from '../helpers/failures';
import { binding, controlOf, expectFailure, gemmControl, packControl, packedBytes, packedFloats } from '../helpers/native';

const native = binding();
const f = (n: number): Float32Array => new Float32Array(n);
const u16 = (n: number): Uint16Array => new Uint16Array(n);
const i8 = (n: number): Int8Array => new Int8Array(n);
const i32 = (n: number): Int32Array => new Int32Array(n);
const one: Float32Array = Float32Array.of(1);

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

const HUGE = [2 ** 31, 2 ** 32, 2 ** 40, 2 ** 40 + 1, 2 ** 53, 2 ** 63, 1e300, Infinity];
const NOT_SIZES = [-1, -(2 ** 40), 0.5, NaN, -Infinity];

describe('sgemm 2x2x3', () => {
  const b = packedFloats(3, 2);
  const run = (
    over: Partial<Record<keyof typeof Gemm, number>>,
    a = f(6),
    out = f(4),
    bias?: Float32Array,
    residual?: unknown,
  ): void => native.sgemm(gemmControl(2, 2, 3, over), a, b, out, bias, wrong(residual));

  test('is right when nothing is wrong', () => {
    const out = f(4);
    run({}, f(6).fill(2), out);
    expect([...out]).toEqual([6, 6, 6, 6]);
  });

  const sizes = ['batch', 'm', 'n', 'k', 'lda', 'ldc', 'batchStrideA', 'batchStrideC', 'threads'] as const;
  test.each(sizes.flatMap((slot) => NOT_SIZES.map((value): [(typeof sizes)[number], number] => [slot, value])))(
    '%s %d',
    (slot, value) => {
      expectFailure(() => run({ [slot]: value }), 'VALUE');
    },
  );
  const extents = ['batch', 'm', 'n', 'k', 'lda', 'ldc'] as const;
  test.each(extents.flatMap((slot) => HUGE.map((value): [(typeof extents)[number], number] => [slot, value])))(
    '%s %d',
    (slot, value) => {
      expectFailure(() => run({ [slot]: value }), /SHAPE|VALUE/);
    },
  );

  test.each([
    ['a one short', () => run({}, f(5))],
    ['a empty', () => run({}, f(0))],
    ['out one short', () => run({}, f(6), f(3))],
    ['lda below K', () => run({ lda: 2 })],
    ['lda past the end', () => run({ lda: 4 })],
    ['ldc below N', () => run({ ldc: 1 })],
    ['ldc past the end', () => run({ ldc: 3 })],
    ['lda below M, transposed', () => run({ transposeA: 1, lda: 1 })],
    ['a second batch', () => run({ batch: 2 })],
    ['a second batch of a only', () => run({ batch: 2, batchStrideA: 6 }, f(12))],
    ['overlapping batches of out', () => run({ batch: 2, batchStrideC: 2 }, f(6), f(8))],
    ['products that overflow 2^64', () => run({ batch: 2 ** 40, m: 2 ** 40, lda: 2 ** 40, ldc: 2 ** 40, batchStrideA: 2 ** 40 })],
    ['another depth than the weights', () => run({ k: 2 })],
    ['other columns than the weights', () => run({ n: 1 })],
    ['bias short', () => run({}, f(6), f(4), f(1))],
    ['residual short', () => run({}, f(6), f(4), undefined, f(3))],
    ['residual empty', () => run({}, f(6), f(4), undefined, f(0))],
    ['ldResidual below N', () => run({ ldResidual: 1 }, f(6), f(4), undefined, f(4))],
    ['ldResidual past the end', () => run({ ldResidual: 3 }, f(6), f(4), undefined, f(4))],
    ['ldResidual 2^40', () => run({ ldResidual: 2 ** 40 }, f(6), f(4), undefined, f(4))],
  ])('%s', (_, call) => expectFailure(call, 'SHAPE'));

  test.each([
    ['min above max', () => run({ min: 1, max: 0 })],
    ['min NaN', () => run({ min: NaN })],
    ['max NaN', () => run({ max: NaN })],
    ['activation of another number', () => run({ activation: ActivationCode.length })],
    ['activation -1', () => run({ activation: -1 })],
    ['activation NaN', () => run({ activation: NaN })],
    ['alpha Infinity', () => run({ activation: ActivationCode.leakyRelu, alpha: Infinity })],
    ['ldResidual -1', () => run({ ldResidual: -1 }, f(6), f(4), undefined, f(4))],
    ['ldResidual 2.5', () => run({ ldResidual: 2.5 }, f(6), f(4), undefined, f(4))],
  ])('%s', (_, call) => expectFailure(call, 'VALUE'));

  test.each([i8(4), new Float64Array(4), {}, 'x', 7])('residual %p', (residual) => {
    expectFailure(() => run({}, f(6), f(4), undefined, residual), 'TYPE');
  });

  test('residual over out: the same elements only', () => {
    const memory = f(16);
    const out = memory.subarray(4, 8);
    run({}, f(6), out, undefined, memory.subarray(4, 8));
    run({}, f(6), out, undefined, memory.subarray(4, 16));
    run({}, f(6), out, undefined, memory.subarray(8, 12));
    expectFailure(() => run({}, f(6), out, undefined, memory.subarray(5, 9)), 'ALIAS');
    expectFailure(() => run({}, f(6), out, undefined, memory.subarray(1, 5)), 'ALIAS');
    expectFailure(() => run({ ldResidual: 3 }, f(6), out, undefined, memory.subarray(4, 16)), 'ALIAS');
  });

  test('detached arrays', () => {
    const dead = f(6);
    detach(dead);
    expectFailure(() => run({}, dead), 'SHAPE');
    expectFailure(() => run({}, f(6), dead), 'SHAPE');
    expectFailure(() => run({}, f(6), f(4), dead), 'SHAPE');
  });

  test('an empty bias', () => expectFailure(() => run({}, f(6), f(4), f(0)), 'SHAPE'));

  test('out over a and bias', () => {
    const memory = f(16);
    expectFailure(() => run({}, memory.subarray(0, 6), memory.subarray(5, 9)), 'ALIAS');
    expectFailure(() => run({}, memory.subarray(5, 11), memory.subarray(2, 6)), 'ALIAS');
    expectFailure(() => run({}, f(6), memory.subarray(0, 4), memory.subarray(3, 5)), 'ALIAS');
    run({}, memory.subarray(0, 6), memory.subarray(6, 10), memory.subarray(10, 12));
  });
});

describe('qgemm 2x2x3', () => {
  const b = packedBytes(3, 2);
  type Args = Partial<Record<'a' | 'out' | 'bias' | 'scales' | 'zeros' | 'residual', unknown>>;
  const run = (args: Args, over: Partial<Record<keyof typeof Gemm, number>> = {}): void => {
    const { a = i8(6), out = i32(4), bias, scales, zeros, residual } = args;
    const ctl = gemmControl(2, 2, 3, over);
    native.qgemm(ctl, wrong(a), b, wrong(out), wrong(bias), wrong(scales), wrong(zeros), wrong(residual));
  };
  const perRow = { quantization: ActivationQuantization.perRow };
  const dynamic = { quantization: ActivationQuantization.dynamicPerRow };

  test.each<[string, string, () => void]>([
    ['float32 a, not dynamic', 'TYPE', () => run({ a: f(6) })],
    ['int8 a, dynamic', 'TYPE', () => run({ out: f(4) }, dynamic)],
    ['Int16Array a', 'TYPE', () => run({ a: new Int16Array(6) })],
    ['BigInt64Array out', 'TYPE', () => run({ out: new BigInt64Array(4) })],
    ['Int8Array bias', 'TYPE', () => run({ bias: i8(2) })],
    ['quantization 4', 'TYPE', () => run({}, { quantization: 4 })],
    ['quantization NaN', 'VALUE', () => run({}, { quantization: NaN })],
    ['scaleA 0', 'VALUE', () => run({}, { scaleA: 0 })],
    ['scaleA NaN', 'VALUE', () => run({}, { scaleA: NaN })],
    ['zeroA 128', 'VALUE', () => run({}, { zeroA: 128 })],
    ['zeroA 0.5', 'VALUE', () => run({}, { zeroA: 0.5 })],
    ['zeroA 2^40', 'VALUE', () => run({}, { zeroA: 2 ** 40 })],
    ['zeroOut 128', 'VALUE', () => run({ out: i8(4) }, { zeroOut: 128 })],
    ['scaleOut -1', 'VALUE', () => run({ out: i8(4) }, { scaleOut: -1 })],
    ['float32 bias of int32 out', 'VALUE', () => run({ bias: f(2) })],
    ['int32 out of float32 a', 'VALUE', () => run({ a: f(6) }, dynamic)],
    ['perRow without scales', 'TYPE', () => run({ zeros: i32(2) }, perRow)],
    ['perRow without zeros', 'TYPE', () => run({ scales: f(2).fill(1) }, perRow)],
    ['perRow, scales short', 'SHAPE', () => run({ scales: one, zeros: i32(2) }, perRow)],
    ['perRow, zeros short', 'SHAPE', () => run({ scales: f(2).fill(1), zeros: i32(1) }, perRow)],
    ['perRow, zero point 300', 'VALUE', () => run({ scales: f(2).fill(1), zeros: Int32Array.of(0, 300) }, perRow)],
    ['perRow, scale 0', 'VALUE', () => run({ scales: f(2), zeros: i32(2) }, perRow)],
    ['bias at the edge of int32', 'VALUE', () => run({ bias: Int32Array.of(2 ** 31 - 1, 0) })],
    ['bias empty', 'SHAPE', () => run({ bias: i32(0) })],
    ['activation of int32 out', 'VALUE', () => run({}, { activation: ActivationCode.gelu })],
    ['residual of int32 out', 'VALUE', () => run({ residual: f(4) })],
    ['Int32Array residual', 'TYPE', () => run({ out: f(4), residual: i32(4) })],
    ['residual short', 'SHAPE', () => run({ out: f(4), residual: i8(3) })],
    ['scaleResidual 0', 'VALUE', () => run({ out: f(4), residual: i8(4) }, { scaleResidual: 0 })],
    ['scaleResidual NaN', 'VALUE', () => run({ out: f(4), residual: i8(4) }, { scaleResidual: NaN })],
    ['zeroResidual 128', 'VALUE', () => run({ out: f(4), residual: i8(4) }, { zeroResidual: 128 })],
    ['zeroResidual 0.5', 'VALUE', () => run({ out: f(4), residual: i8(4) }, { zeroResidual: 0.5 })],
    ['a short', 'SHAPE', () => run({ a: i8(5) })],
    ['out short', 'SHAPE', () => run({ out: i32(3) })],
  ])('%s > %s', (_, code, call) => expectFailure(call, code));

  test('out over a, scales and zeros', () => {
    const bytes = new ArrayBuffer(32);
    const out = new Int32Array(bytes, 0, 4);
    expectFailure(() => run({ a: new Int8Array(bytes, 15, 6), out }), 'ALIAS');
    expectFailure(() => run({ out, scales: new Float32Array(bytes, 12, 2).fill(1), zeros: i32(2) }, perRow), 'ALIAS');
    expectFailure(() => run({ out, scales: f(2).fill(1), zeros: new Int32Array(bytes, 12, 2).fill(0) }, perRow), 'ALIAS');
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

describe('packing', () => {
  const pack = (k: number, n: number, ldb = n, t = 0, b = i8(6), s: Float32Array = one, z = i32(1)): unknown =>
    native.packQ(packControl(k, n, ldb, t), b, s, z);
  test.each<[string, RegExp, () => unknown]>([
    ['b short', /SHAPE/, () => pack(4, 2)],
    ['ldb below N', /SHAPE/, () => pack(3, 2, 1)],
    ['ldb below K, transposed', /SHAPE/, () => pack(3, 2, 2, 1)],
    ['ldb past the end', /SHAPE/, () => pack(3, 2, 3)],
    ['scales short', /SHAPE/, () => pack(3, 2, 2, 0, i8(6), f(0), i32(2))],
    ['zeros short', /SHAPE/, () => pack(3, 2, 2, 0, i8(6), f(2).fill(1), i32(1))],
    ['scale 0', /VALUE/, () => pack(3, 2, 2, 0, i8(6), f(1))],
    ['zero point 128', /VALUE/, () => pack(3, 2, 2, 0, i8(6), one, Int32Array.of(128))],
    ['more columns than 2^32', /SHAPE/, () => pack(0, 2 ** 40)],
    ['K NaN', /VALUE/, () => pack(NaN, 2)],
    ['2^40 x 2^40', /SHAPE/, () => pack(2 ** 40, 2 ** 40)],
    ['float32 b', /TYPE/, () => native.packQ(packControl(3, 2), wrong(f(6)), one, i32(1))],
    ['int8 b', /TYPE/, () => native.packF(packControl(3, 2), wrong(i8(6)))],
    ['codes as float32', /TYPE/, () => native.packF(packControl(3, 2), u16(6))],
    ['codes short', /SHAPE/, () => native.packF(packControl(4, 2, 2, 0, StorageCode.float16), u16(6))],
    ['storage 3', /VALUE/, () => native.packF(packControl(3, 2, 2, 0, 3), f(6))],
    ['storage NaN', /VALUE/, () => native.packF(packControl(3, 2, 2, 0, NaN), f(6))],
  ])('%s > %s', (_, code, call) => expectFailure(call, code));
});

describe('cast', () => {
  const [float32, bfloat16, float16] = [StorageCode.float32, StorageCode.bfloat16, StorageCode.float16];
  test.each<[string, string, () => void]>([
    ['x short', 'SHAPE', () => native.cast(controlOf(5, float32, float16), f(4), u16(5))],
    ['out short', 'SHAPE', () => native.cast(controlOf(5, float32, float16), f(5), u16(4))],
    ['2^40', 'SHAPE', () => native.cast(controlOf(2 ** 40, float32, float16), f(5), u16(4))],
    ['x of the other type', 'TYPE', () => native.cast(controlOf(4, bfloat16, float32), f(4), f(4))],
    ['out of the other type', 'TYPE', () => native.cast(controlOf(4, float32, float16), f(4), f(4))],
    ['int16 x', 'TYPE', () => native.cast(controlOf(4, float16, float32), wrong(new Int16Array(4)), f(4))],
    ['from 3', 'VALUE', () => native.cast(controlOf(4, 3, float32), u16(4), f(4))],
    ['to -1', 'VALUE', () => native.cast(controlOf(4, float32, -1), f(4), u16(4))],
    ['NaN elements', 'VALUE', () => native.cast(controlOf(NaN, float32, float16), f(4), u16(4))],
  ])('%s > %s', (_, code, call) => expectFailure(call, code));
  test('out over x', () => {
    const x = f(4);
    expectFailure(() => native.cast(controlOf(4, float32, float16), x, new Uint16Array(x.buffer, 8, 4)), 'ALIAS');
  });
});

describe('quantize', () => {
  const ctl = (outer: number, channels: number, inner: number): Uint8Array => controlOf(outer, channels, inner, 0, 1);
  const run = (c: Uint8Array, x = f(4), s: Float32Array = one, z = i32(1), out = i8(4)): void => native.quantize(c, x, s, z, out);
  test.each<[string, string, () => void]>([
    ['x short', 'SHAPE', () => run(ctl(1, 1, 5), f(4), one, i32(1), i8(5))],
    ['out short', 'SHAPE', () => run(ctl(1, 1, 4), f(4), one, i32(1), i8(3))],
    ['scales short', 'SHAPE', () => run(ctl(1, 2, 2), f(4), one, i32(2))],
    ['2^40 cubed', 'SHAPE', () => run(ctl(2 ** 40, 2 ** 40, 2 ** 40))],
    ['negative', 'VALUE', () => run(ctl(-1, 1, 4))],
    ['NaN', 'VALUE', () => run(ctl(1, NaN, 4))],
    ['scale NaN', 'VALUE', () => run(ctl(1, 1, 4), f(4), Float32Array.of(NaN))],
    ['zero point 128', 'VALUE', () => run(ctl(1, 1, 4), f(4), one, Int32Array.of(128))],
  ])('%s > %s', (_, code, call) => expectFailure(call, code));
  test('out over x', () => {
    const x = f(4);
    expectFailure(() => run(ctl(1, 1, 4), x, one, i32(1), new Int8Array(x.buffer, 12, 4)), 'ALIAS');
  });
});

test('control blocks, version and limits mirror those of native code', () => {
  const text = readFileSync(join(ROOT, 'native/addon/ctl.h'), 'utf8');
  const lengths = Object.fromEntries(
    [...text.matchAll(/struct (\w+) \{\s*enum : size_t \{([^}]*)\}/g)].map(([, name, slots]) => [name, slots.split(',').length]),
  );
  expect(lengths).toEqual({
    GemmSlot: Gemm.length + 1,
    ActivationCode: ActivationCode.length + 1,
    ActivationQuantization: 4,
    PackSlot: Pack.length + 1,
    StorageCode: StorageCode.length + 1,
    CastSlot: Cast.length + 1,
    SearchSlot: Search.length + 1,
    SvdSlot: Svd.length + 1,
    SvdCriterionCode: SvdCriterion.length + 1,
    SvdReport: SvdReport.length + 1,
    ConvSlot: Conv.length + 1,
    SparseSlot: Sparse.length + 1,
    GroupSlot: Group.length + 1,
    QuantizeSlot: Quantize.length + 1,
  });
  expect(text).toContain(`kBindingVersion = ${BINDING_VERSION};`);
  expect(native.version).toBe(BINDING_VERSION);
  expect(readFileSync(join(ROOT, 'native/core/thread_pool.h'), 'utf8')).toContain(`kMaxThreads = ${MAX_THREADS};`);
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
