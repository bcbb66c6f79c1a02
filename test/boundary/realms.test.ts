/** Values made in another vm context (jest runs this file itself in one): arrays count by what they are, errors belong to the caller. */
import '../helpers/ownBinary';
import { createContext, runInContext } from 'node:vm';
import { matmul, matmulAsync, packWeights, quantize, quantizedMatmul, runtime, type QuantizedTensor, type Tensor } from 'lowp';
import { expectRejects, expectThrows } from '../helpers/failures';
import { fa, fb, qa, qb, SUMS } from '../helpers/problems';

const context = createContext({});
function foreign<T>(expression: string): T {
  return runInContext(`(${expression})`, context) as T;
}

const A = '{ data: Float32Array.of(0, 1, 2, 3, 4, 5), shape: [2, 3] }';
const QB =
  '{ data: Int8Array.of(1, -1, 2, 0, 3, 1), shape: [3, 2], scale: Float32Array.of(1, 1), zeroPoint: Int32Array.of(0, 0), axis: 1 }';
const EXPECTED = [8, 2, 26, 2];

test('arrays and tensors of another realm', async () => {
  const a = foreign<Tensor<Float32Array>>(A);
  expect(a.data).not.toBeInstanceOf(Float32Array);
  expect([...matmul(a, fb()).data]).toEqual(EXPECTED);
  expect([...(await matmulAsync(a, fb())).data]).toEqual(EXPECTED);
  expect([...quantizedMatmul(qa(), foreign<QuantizedTensor>(QB), { output: 'int32' }).data]).toEqual(SUMS);
  expect([...quantize(foreign<Tensor<Float32Array>>('{ data: Float32Array.of(127, 1), shape: [2] }')).data]).toEqual([127, 1]);
});

test('an out of another realm is what is returned', () => {
  const options = foreign<{ out: Float32Array }>('{ out: new Float32Array(4) }');
  expect(matmul(fa(), fb(), options).data).toBe(options.out);
  expect([...options.out]).toEqual(EXPECTED);
});

test('an allocated result belongs to this realm', async () => {
  const a = foreign<Tensor<Float32Array>>(A);
  expect(matmul(a, fb()).data).toBeInstanceOf(Float32Array);
  expect((await matmulAsync(a, fb())).data).toBeInstanceOf(Float32Array);
});

test('errors belong to this realm: those of TypeScript and those of native code', async () => {
  const a = foreign<Tensor<Float32Array>>(A);
  expectThrows(() => matmul(a, foreign(A)), 'ERR_LOWP_SHAPE');
  await expectRejects(() => matmulAsync(a, foreign(A)), 'ERR_LOWP_SHAPE');
  expectThrows(() => matmul(a, foreign('{}')), 'ERR_LOWP_HANDLE');
  // Only native code sees that these two buffers are one memory.
  const memory = new SharedArrayBuffer(24);
  const again = structuredClone(memory);
  const over = { data: new Float32Array(memory), shape: [2, 3] };
  expectThrows(() => matmul(over, fb(), { out: new Float32Array(again, 0, 4) }), 'ERR_LOWP_ALIAS');
  await expectRejects(() => matmulAsync(over, fb(), { out: new Float32Array(again, 0, 4) }), 'ERR_LOWP_ALIAS');
});

test('a signal of another realm', async () => {
  const signal = foreign<AbortSignal>('{ aborted: true, reason: "theirs", addEventListener() {}, removeEventListener() {} }');
  await expect(matmulAsync(fa(), fb(), { signal })).rejects.toBe('theirs');
});

test('a handle made from arrays of another realm', () => {
  using packed = packWeights(foreign<QuantizedTensor>(QB));
  expect([...quantizedMatmul(qa(), packed, { output: 'int32' }).data]).toEqual(SUMS);
  packed.dispose();
  expectThrows(() => quantizedMatmul(qa(), packed), 'ERR_LOWP_DISPOSED');
});

test('a second copy of the library in this process has handles of its own', () => {
  const copy = jest.requireActual<object>('lowp');
  let second: typeof import('lowp') | undefined;
  jest.isolateModules(() => {
    second = jest.requireActual<typeof import('lowp')>('lowp');
  });
  expect(second).not.toBe(copy);
  const theirs = second?.packWeights(qb());
  expectThrows(() => quantizedMatmul(qa(), theirs as never), 'ERR_LOWP_HANDLE', ['packWeights']);
  expect(second?.quantizedMatmul(qa(), theirs as never, { output: 'int32' }).data).toEqual(Int32Array.from(SUMS));
  theirs?.dispose();
  expect(runtime.memory().packedHandles).toBe(0);
});
