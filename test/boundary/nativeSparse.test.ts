/** The sparse products of lowp.node, called without TypeScript in front: see native.test.ts. */
import '../helpers/ownBinary';
import { Gemm } from '../../lib/native/slots';
import { wrong } from '../helpers/failures';
import { binding, expectFailure, gemmControl, packedFloats, packedSparse, sparseControl } from '../helpers/native';

const native = binding();
const f = (n: number): Float32Array => new Float32Array(n);
const i8 = (n: number): Int8Array => new Int8Array(n);
const i32 = (...values: number[]): Int32Array => Int32Array.from(values);
const one = Float32Array.of(1);

describe('packSparse 2x3', () => {
  const pack = (
    ctl: unknown,
    rowPtr: unknown = i32(0, 2, 3),
    colIdx: unknown = i32(0, 2, 1),
    values: unknown = f(3),
    scales?: unknown,
  ): unknown => native.packSparse(wrong(ctl), wrong(rowPtr), wrong(colIdx), wrong(values), wrong(scales));
  const size = sparseControl(2, 3);

  test('good ones', () => {
    pack(size);
    pack(size, i32(0, 2, 3), i32(0, 2, 1), i8(3), one);
    pack(size, i32(0, 2, 3), i32(0, 2, 1), i8(3), Float32Array.of(1, 2));
    pack(sparseControl(4, 6, 2, 2), i32(0, 2, 3), i32(0, 2, 1), f(12));
    pack(sparseControl(2, 2 ** 31 - 1), i32(0, 1, 2), i32(2 ** 31 - 2, 5), f(2));
  });

  test.each<[string, string, () => unknown]>([
    ['rowPtr short', 'SHAPE', () => pack(size, i32(0, 3))],
    ['values short', 'SHAPE', () => pack(size, undefined, undefined, f(2))],
    ['values of blocks short', 'SHAPE', () => pack(sparseControl(4, 6, 2, 2), i32(0, 2, 3), i32(0, 2, 1), f(11))],
    ['rowPtr from 1', 'VALUE', () => pack(size, i32(1, 2, 3))],
    ['rowPtr down', 'VALUE', () => pack(size, i32(0, 3, 2))],
    ['rowPtr negative', 'VALUE', () => pack(size, i32(0, -1, 3))],
    ['rowPtr past colIdx', 'VALUE', () => pack(size, i32(0, 2, 4))],
    ['rowPtr short of colIdx', 'VALUE', () => pack(size, i32(0, 2, 2))],
    ['column too large', 'VALUE', () => pack(size, undefined, i32(0, 3, 1))],
    ['column negative', 'VALUE', () => pack(size, undefined, i32(-1, 2, 1))],
    ['columns not ascending', 'VALUE', () => pack(size, undefined, i32(2, 2, 1))],
    ['rows not whole blocks', 'SHAPE', () => pack(sparseControl(3, 6, 2, 2))],
    ['no block', 'SHAPE', () => pack(sparseControl(2, 3, 0, 1))],
    ['block too large', 'SHAPE', () => pack(sparseControl(32, 32, 32, 1))],
    ['sizes that overflow', 'SHAPE', () => pack(sparseControl(2 ** 40, 2 ** 40))],
    ['rows negative', 'VALUE', () => pack(sparseControl(-1, 3))],
    ['int32 values', 'TYPE', () => pack(size, undefined, undefined, i32(1, 2, 3))],
    ['int8 without scales', 'TYPE', () => pack(size, undefined, undefined, i8(3))],
    ['scales for half of the rows', 'SHAPE', () => pack(sparseControl(4, 6, 2, 2), undefined, undefined, i8(12), f(2))],
    ['scale 0', 'VALUE', () => pack(size, undefined, undefined, i8(3), f(1))],
    ['float64 pointers', 'TYPE', () => pack(size, new Float64Array(3))],
  ])('%s', (_, code, call) => expectFailure(call, code));
});

describe('sparse 2x3', () => {
  type Over = Partial<Record<keyof typeof Gemm, number>>;
  const real = packedSparse(2, 3, 'float32');
  const quantized = packedSparse(2, 3, 'int8');
  // On the left 2x3 * 3x4, on the right 4x3 * 3x2.
  const left = (over: Over, a: unknown = f(12), out: unknown = f(8), bias?: unknown, matrix: unknown = real): void =>
    native.sparse(gemmControl(2, 4, 3, { lda: 4, ...over }), wrong(a), wrong(matrix), wrong(out), wrong(bias));
  const right = (over: Over, a: unknown = f(12), out: unknown = f(8), bias?: unknown, matrix: unknown = real): void =>
    native.sparse(gemmControl(4, 2, 3, { right: 1, ...over }), wrong(a), wrong(matrix), wrong(out), wrong(bias));

  test('good ones', () => {
    for (const run of [left, right]) {
      run({}, f(12).fill(2), f(8), f(2));
      run({}, i8(12), f(8), f(2), quantized);
      run({}, i8(12), new Int32Array(8), i32(1, 2), quantized);
      run({ scaleOut: 1 }, f(12), i8(8), f(2), quantized);
    }
    const out = f(8);
    right({}, f(12).fill(2), out);
    expect([...out]).toEqual(new Array(8).fill(6));
  });

  test.each<[string, string, () => void]>([
    ['left > a short', 'SHAPE', () => left({}, f(11))],
    ['right > a short', 'SHAPE', () => right({}, f(11))],
    ['left > out short', 'SHAPE', () => left({}, f(12), f(7))],
    ['right > out short', 'SHAPE', () => right({}, f(12), f(7))],
    ['left > lda below N', 'SHAPE', () => left({ lda: 3 })],
    ['right > lda below K', 'SHAPE', () => right({ lda: 2 })],
    ['left > ldc below N', 'SHAPE', () => left({ ldc: 3 })],
    ['left > other rows', 'SHAPE', () => left({ m: 3 }, f(12), f(12))],
    ['right > other rows', 'SHAPE', () => right({ n: 3, ldc: 3 }, f(12), f(12))],
    ['left > another depth', 'SHAPE', () => left({ k: 2 })],
    ['right > a batch', 'SHAPE', () => right({ batch: 2, batchStrideA: 12, batchStrideC: 8 }, f(24), f(16))],
    ['left > sizes that overflow', 'SHAPE', () => left({ n: 2 ** 40, lda: 2 ** 40, ldc: 2 ** 40 })],
    ['left > bias for the columns', 'SHAPE', () => left({}, f(12), f(8), f(1))],
    ['left > int8 a of float32 values', 'TYPE', () => left({}, i8(12))],
    ['left > int32 out of float32 values', 'TYPE', () => left({}, f(12), new Int32Array(8))],
    ['left > int32 bias of float32 values', 'TYPE', () => left({}, f(12), f(8), i32(1, 2))],
    ['left > int16 a', 'TYPE', () => left({}, new Int16Array(12), f(8), undefined, quantized)],
    ['left > a row scale each', 'VALUE', () => left({ quantization: 3 }, f(12), f(8), undefined, quantized)],
    ['left > raw sums of float32', 'VALUE', () => left({ quantization: 2 }, f(12), new Int32Array(8), undefined, quantized)],
    ['right > zero point 128', 'VALUE', () => right({ zeroA: 128 }, i8(12), f(8), undefined, quantized)],
    ['right > scale 0', 'VALUE', () => right({ scaleA: 0 }, i8(12), f(8), undefined, quantized)],
    ['right > dense weights', 'HANDLE', () => right({}, f(12), f(8), undefined, packedFloats(3, 2))],
    ['right > no handle', 'HANDLE', () => right({}, f(12), f(8), undefined, {})],
  ])('%s', (_, code, call) => expectFailure(call, code));

  test('out over a and bias', () => {
    const memory = f(32);
    expectFailure(() => right({}, memory.subarray(0, 12), memory.subarray(11, 19)), 'ALIAS');
    expectFailure(() => right({}, f(12), memory.subarray(0, 8), memory.subarray(7, 9)), 'ALIAS');
  });
});
