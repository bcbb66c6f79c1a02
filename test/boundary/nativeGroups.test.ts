/** The weights in groups of lowp.node, called without TypeScript in front: see native.test.ts. */
import '../helpers/ownBinary';
import { Gemm, Group } from '../../lib/native/slots';
import { wrong } from '../helpers/failures';
import { binding, expectFailure, gemmControl, groupControl, packedBytes, packedGroups } from '../helpers/native';

const native = binding();
const f = (n: number): Float32Array => new Float32Array(n);
const i8 = (n: number): Int8Array => new Int8Array(n);
const i32 = (n: number): Int32Array => new Int32Array(n);

describe('nbits 2x2x3', () => {
  const b = packedGroups(3, 2);
  const run = (over: Partial<Record<keyof typeof Gemm, number>>, a: unknown = f(6), out: unknown = f(4), bias?: unknown): void =>
    native.nbits(gemmControl(2, 2, 3, over), wrong(a), b, wrong(out), wrong(bias));

  test.each<[string, string, () => void]>([
    ['a short', 'SHAPE', () => run({}, f(5))],
    ['out short', 'SHAPE', () => run({}, f(6), f(3))],
    ['lda below K', 'SHAPE', () => run({ lda: 2 })],
    ['lda past the end', 'SHAPE', () => run({ lda: 4 })],
    ['ldc below N', 'SHAPE', () => run({ ldc: 1 })],
    ['a second batch', 'SHAPE', () => run({ batch: 2 })],
    ['overlapping batches of out', 'SHAPE', () => run({ batch: 2, batchStrideA: 6, batchStrideC: 2 }, f(12), f(8))],
    ['sizes that overflow', 'SHAPE', () => run({ batch: 2 ** 40, m: 2 ** 40, lda: 2 ** 40, ldc: 2 ** 40 })],
    ['another depth', 'SHAPE', () => run({ k: 2 })],
    ['bias short', 'SHAPE', () => run({}, f(6), f(4), f(1))],
    ['m negative', 'VALUE', () => run({ m: -1 })],
    ['min above max', 'VALUE', () => run({ min: 1, max: 0 })],
    ['int8 a', 'TYPE', () => run({}, i8(6))],
    ['int32 out', 'TYPE', () => run({}, f(6), i32(4))],
    ['int32 bias', 'TYPE', () => run({}, f(6), f(4), i32(2))],
    ['8-bit weights', 'HANDLE', () => native.nbits(gemmControl(2, 2, 3), f(6), packedBytes(3, 2), f(4), undefined)],
    ['weights in groups, of qgemm', 'HANDLE', () => native.sgemm(gemmControl(2, 2, 3), f(6), b, f(4), undefined)],
  ])('%s > %s', (_, code, call) => expectFailure(call, code));

  test('out over a and bias', () => {
    const memory = f(16);
    expectFailure(() => run({}, memory.subarray(0, 6), memory.subarray(5, 9)), 'ALIAS');
    expectFailure(() => run({}, f(6), memory.subarray(0, 4), memory.subarray(3, 5)), 'ALIAS');
  });
});

describe('groups', () => {
  type Over = Partial<Record<keyof typeof Group, number>>;
  const u8 = (n: number): Uint8Array => new Uint8Array(n);
  const pack = (over: Over, data: unknown = u8(32), scales: unknown = f(2), zeros?: unknown): unknown =>
    native.packN(groupControl(3, 2, over), wrong(data), wrong(scales), wrong(zeros));
  const quantize = (over: Over, w: unknown = f(6), data: unknown = u8(32), scales: unknown = f(2), zeros?: unknown): void =>
    native.quantizeGroups(groupControl(3, 2, over), wrong(w), wrong(data), wrong(scales), wrong(zeros));
  const dequantize = (over: Over, data: unknown = u8(32), scales: unknown = f(2), out: unknown = f(6)): void =>
    native.dequantizeGroups(groupControl(3, 2, over), wrong(data), wrong(scales), undefined, wrong(out));

  test('are packed, made and read when nothing is wrong', () => {
    pack({}, u8(32), f(2), u8(2));
    quantize({}, f(6), u8(32), f(2), u8(2));
    dequantize({});
  });

  test.each<[string, string, () => void]>([
    ['bits 5', 'VALUE', () => pack({ bits: 5 })],
    ['bits 0', 'VALUE', () => quantize({ bits: 0 })],
    ['group 0', 'VALUE', () => pack({ groupSize: 0 })],
    ['group 48', 'VALUE', () => dequantize({ groupSize: 48 })],
    ['group 2^40', 'VALUE', () => quantize({ groupSize: 2 ** 40 })],
    ['K NaN', 'VALUE', () => pack({ k: NaN })],
    ['data short', 'SHAPE', () => pack({}, u8(31))],
    ['data short of 8 bits', 'SHAPE', () => pack({ bits: 8 })],
    ['scales short', 'SHAPE', () => pack({}, u8(32), f(1))],
    ['zeros short', 'SHAPE', () => pack({}, u8(32), f(2), u8(1))],
    ['scales NaN', 'VALUE', () => pack({}, u8(32), Float32Array.of(0, NaN))],
    ['2^40 x 2^40', 'SHAPE', () => pack({ k: 2 ** 40, n: 2 ** 40 })],
    ['more columns than 2^27', 'SHAPE', () => pack({ k: 0, n: 2 ** 28 })],
    ['int8 data', 'TYPE', () => pack({}, i8(32))],
    ['int32 scales', 'TYPE', () => pack({}, u8(32), i32(2))],
    ['int8 zeros', 'TYPE', () => pack({}, u8(32), f(2), i8(2))],
    ['w short', 'SHAPE', () => quantize({}, f(5))],
    ['ldw below N', 'SHAPE', () => quantize({ ldw: 1 })],
    ['ldw past the end', 'SHAPE', () => quantize({ ldw: 3 })],
    ['ldw below K, transposed', 'SHAPE', () => quantize({ transposeB: 1 })],
    ['codes short', 'SHAPE', () => quantize({}, f(6), u8(31))],
    ['out short', 'SHAPE', () => dequantize({}, u8(32), f(2), f(5))],
  ])('%s > %s', (_, code, call) => expectFailure(call, code));

  test('out over an input', () => {
    const memory = f(16);
    expectFailure(() => quantize({}, memory.subarray(0, 6), u8(32), memory.subarray(5, 7)), 'ALIAS');
    expectFailure(() => dequantize({}, u8(32), memory.subarray(0, 2), memory.subarray(1, 7)), 'ALIAS');
  });
});
