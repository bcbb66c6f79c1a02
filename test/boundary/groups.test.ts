/** Weights in groups: what quantizeWeights, dequantize, packWeights and quantizedMatmul refuse, and how they say it. */
import '../helpers/ownBinary';
import {
  dequantize,
  matmul,
  packWeights,
  quantize,
  quantizedMatmul,
  quantizedMatmulAsync,
  quantizeWeights,
  runtime,
  type GroupQuantizedTensor,
  type LowpErrorCode,
} from 'lowp';
import { detach, shared } from '../helpers/buffers';
import { expectRejects, expectThrows, wrong, type Fragment } from '../helpers/failures';
import { fa, fb, qa, qb } from '../helpers/problems';

/** [N, K] = [2, 3], codes 1 2 3 and 4 5 6 less 8, in halves and units. */
function gb(): GroupQuantizedTensor & { data: Uint8Array; scales: Float32Array } {
  const data = new Uint8Array(16);
  data.set([0x21, 0x83], 0);
  data.set([0x54, 0x86], 8);
  return { data, bits: 4, groupSize: 16, shape: [2, 3], scales: Float32Array.of(0.5, 1) };
}

/** [2, 3] whose rows' largest magnitude is 127, so that they are integers as they are. */
function ga(): { data: Float32Array; shape: number[] } {
  return { data: Float32Array.of(127, 0, 1, 0, 127, -2), shape: [2, 3] };
}

const Y = [(-7 * 127 - 5) / 2, -4 * 127 - 2, (-6 * 127 + 10) / 2, -3 * 127 + 4];

type Bad = readonly [title: string, code: LowpErrorCode, words: readonly Fragment[], over: Record<string, unknown>];

const BAD_WEIGHTS: readonly Bad[] = [
  ['data Int8Array', 'ERR_LOWP_TYPE', ['data', 'Int8Array(16)'], { data: new Int8Array(16) }],
  ['data short', 'ERR_LOWP_SHAPE', ['data', 16, 'Uint8Array(15)'], { data: new Uint8Array(15) }],
  ['bits absent', 'ERR_LOWP_TYPE', ['bits', 'undefined'], { bits: undefined }],
  ['bits 2', 'ERR_LOWP_VALUE', ['bits', '4 or 8', 2], { bits: 2 }],
  ['groupSize 24', 'ERR_LOWP_VALUE', ['groupSize', 128, 24], { groupSize: 24 }],
  ['groupSize text', 'ERR_LOWP_TYPE', ['groupSize', "'32'"], { groupSize: '32' }],
  ['three dimensions', 'ERR_LOWP_SHAPE', ['shape', 'two dimensions'], { shape: [2, 1, 3] }],
  ['shape negative', 'ERR_LOWP_SHAPE', ['shape[1]', -1], { shape: [2, -1] }],
  ['scales absent', 'ERR_LOWP_TYPE', ['scales', 'undefined'], { scales: undefined }],
  ['scales Float64Array', 'ERR_LOWP_TYPE', ['scales', 'Float64Array(2)'], { scales: new Float64Array(2) }],
  ['scales short', 'ERR_LOWP_SHAPE', ['scales', 2, 'Float32Array(1)'], { scales: new Float32Array(1) }],
  ['scales NaN', 'ERR_LOWP_VALUE', ['scales[1]', 'NaN'], { scales: Float32Array.of(1, NaN) }],
  ['scales infinite', 'ERR_LOWP_VALUE', ['scales[0]', '-Infinity'], { scales: Float32Array.of(-Infinity, 1) }],
  ['zeroPoints Int8Array', 'ERR_LOWP_TYPE', ['zeroPoints', 'Int8Array(2)'], { zeroPoints: new Int8Array(2) }],
  ['zeroPoints long', 'ERR_LOWP_SHAPE', ['zeroPoints', 2, 'Uint8Array(3)'], { zeroPoints: new Uint8Array(3) }],
];

describe.each([
  ['packWeights', (b: GroupQuantizedTensor): unknown => packWeights(b), 'b'],
  ['dequantize', (b: GroupQuantizedTensor): unknown => dequantize(b), 'q'],
  ['quantizedMatmul', (b: GroupQuantizedTensor): unknown => quantizedMatmul(ga(), b), 'b'],
] as const)('%s', (_, call, name) => {
  test.each(BAD_WEIGHTS)('%s > %s', (_title, code, words, over) => {
    const [first, ...rest] = words;
    expectThrows(() => call(wrong({ ...gb(), ...over })), code, [`${name}.${String(first)}`, ...rest]);
  });

  test('data of a detached buffer', () => {
    const b = gb();
    detach(b.data);
    expectThrows(() => call(b), 'ERR_LOWP_DETACHED', [`${name}.data`]);
  });
});

describe('quantizedMatmul', () => {
  test('is right when nothing is wrong: packed, unpacked, asynchronous, over shared memory, with extra data', async () => {
    const b = gb();
    using packed = packWeights(b);
    expect(packed).toMatchObject({ shape: [3, 2], dtype: 'int4', groupSize: 16 });
    expect([...quantizedMatmul(ga(), packed).data]).toEqual(Y);
    expect([...quantizedMatmul(ga(), packed, { activations: 'perGroup', output: 'float32', transposeB: true }).data]).toEqual(Y);
    expect([...quantizedMatmul(ga(), b).data]).toEqual(Y);
    expect([...(await quantizedMatmulAsync(ga(), packed, { activation: 'relu' })).data]).toEqual([0, 0, 0, 0]);
    expect([...(await quantizedMatmulAsync(ga(), b, { bias: Float32Array.of(1, 2) })).data]).toEqual(
      Y.map((y, i) => y + (i % 2) + 1),
    );
    const mapped = { ...b, data: shared(b.data, 3), scales: shared(b.scales) };
    expect([...quantizedMatmul(ga(), mapped).data]).toEqual(Y);
    expect([...quantizedMatmul(ga(), { ...b, data: new Uint8Array([...b.data, 255]) }).data]).toEqual(Y);
  });

  test('scales may be negative or 0', () => {
    const b = { ...gb(), scales: Float32Array.of(-0.5, 0) };
    expect([...quantizedMatmul(ga(), b).data]).toEqual([-Y[0], 0, -Y[2], 0]);
  });

  const calls: readonly Bad[] = [
    ['8-bit activations', 'ERR_LOWP_TYPE', ['a.data', 'Float32Array', 'Uint8Array(6)'], { a: qa() }],
    ['int32 output', 'ERR_LOWP_VALUE', ['options.output', "'float32'", "'int32'"], { options: { output: 'int32' } }],
    ['8-bit output', 'ERR_LOWP_VALUE', ['options.output'], { options: { output: { dtype: 'int8', scale: 1 } } }],
    ['perRow', 'ERR_LOWP_VALUE', ['options.activations', "'perGroup'", "'perRow'"], { options: { activations: 'perRow' } }],
    ['int32 bias', 'ERR_LOWP_TYPE', ['options.bias', 'Int32Array(2)'], { options: { bias: new Int32Array(2) } }],
    ['bias short', 'ERR_LOWP_SHAPE', ['options.bias', 2], { options: { bias: new Float32Array(1) } }],
    [
      '8-bit residual',
      'ERR_LOWP_TYPE',
      ['options.residual.data', 'Float32Array', 'Int8Array(4)'],
      { options: { residual: { data: new Int8Array(4), shape: [2, 2], scale: 1, zeroPoint: 0 } } },
    ],
    ['residual short', 'ERR_LOWP_SHAPE', ['options.residual', 4], { options: { residual: new Float32Array(3) } }],
    ['transposeB false', 'ERR_LOWP_VALUE', ['options.transposeB', 'true', 'false'], { options: { transposeB: false } }],
    ['another depth', 'ERR_LOWP_SHAPE', ['K', 3, 2], { a: { data: new Float32Array(4), shape: [2, 2] } }],
    ['out short', 'ERR_LOWP_SHAPE', ['options.out', 4], { options: { out: new Float32Array(3) } }],
    ['out Int32Array', 'ERR_LOWP_TYPE', ['options.out', 'Float32Array'], { options: { out: new Int32Array(4) } }],
  ];
  test.each(calls)('%s > %s', async (_title, code, words, over) => {
    const [a, options] = [wrong<ReturnType<typeof ga>>(over.a ?? ga()), wrong<object>(over.options ?? {})];
    using packed = packWeights(gb());
    for (const b of [gb(), packed]) {
      expectThrows(() => quantizedMatmul(a, b, options), code, words);
      await expectRejects(() => quantizedMatmulAsync(a, b, options), code, words);
    }
  });

  test('perGroup needs weights in groups', () => {
    expectThrows(() => quantizedMatmul(fa(), qb(), { activations: 'perGroup' }), 'ERR_LOWP_VALUE', [
      'options.activations',
      'groups',
    ]);
  });

  test('out over a, bias, data, scales and zero points', () => {
    const bytes = new ArrayBuffer(256);
    const out = new Float32Array(bytes, 0, 4);
    const at = (offset: number, length: number): Float32Array => new Float32Array(bytes, offset, length);
    const b = { ...gb(), zeroPoints: new Uint8Array(2) };
    const call = (a: ReturnType<typeof ga>, weights: GroupQuantizedTensor, bias?: Float32Array): unknown =>
      quantizedMatmul(a, weights, { out, bias });
    expectThrows(() => call({ data: at(12, 6), shape: [2, 3] }, b), 'ERR_LOWP_ALIAS', ['a']);
    expectThrows(() => call(ga(), b, at(12, 2)), 'ERR_LOWP_ALIAS', ['options.bias']);
    expectThrows(() => call(ga(), { ...b, data: new Uint8Array(bytes, 15, 16) }), 'ERR_LOWP_ALIAS', ['b']);
    expectThrows(() => call(ga(), { ...b, scales: at(12, 2) }), 'ERR_LOWP_ALIAS', ['b.scales']);
    expectThrows(() => call(ga(), { ...b, zeroPoints: new Uint8Array(bytes, 15, 2) }), 'ERR_LOWP_ALIAS', ['b.zeroPoints']);
  });

  test('handles: of another kind, disposed, disposed in flight', async () => {
    using floats = packWeights(fb());
    expectThrows(() => quantizedMatmul(ga(), floats), 'ERR_LOWP_HANDLE', ['int8 or int4', 'float32']);
    const packed = packWeights(gb());
    expectThrows(() => matmul(ga(), packed), 'ERR_LOWP_HANDLE', ['float32', 'int4']);
    const call = quantizedMatmulAsync(ga(), packed);
    packed.dispose();
    expect([...(await call).data]).toEqual(Y);
    expectThrows(() => quantizedMatmul(ga(), packed), 'ERR_LOWP_DISPOSED');
    floats.dispose();
    expect(runtime.memory().packedHandles).toBe(0);
  });

  test('an aborted signal rejects with its reason', async () => {
    const reason = new Error('enough');
    await expect(quantizedMatmulAsync(ga(), gb(), { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
  });

  test('empty: M, N or K is 0', () => {
    const none = { ...gb(), data: new Uint8Array(0), scales: new Float32Array(0) };
    expect(quantizedMatmul({ data: new Float32Array(0), shape: [0, 3] }, gb())).toEqual({
      data: new Float32Array(0),
      shape: [0, 2],
    });
    expect(quantizedMatmul(ga(), { ...none, shape: [0, 3] })).toEqual({ data: new Float32Array(0), shape: [2, 0] });
    const bias = Float32Array.of(1, 2);
    const y = quantizedMatmul({ data: new Float32Array(0), shape: [2, 0] }, { ...none, shape: [2, 0] }, { bias });
    expect([...y.data]).toEqual([1, 2, 1, 2]);
  });
});

describe('quantizeWeights', () => {
  test.each<readonly [string, LowpErrorCode, readonly Fragment[], unknown, unknown]>([
    ['Float64Array', 'ERR_LOWP_TYPE', ['w.data', 'Float64Array(4)'], { data: new Float64Array(4), shape: [2, 2] }, {}],
    ['one dimension', 'ERR_LOWP_SHAPE', ['w.shape', 'two dimensions'], { data: new Float32Array(4), shape: [4] }, {}],
    ['data short', 'ERR_LOWP_SHAPE', ['w', 6, 'Float32Array(4)'], { data: new Float32Array(4), shape: [2, 3] }, {}],
    ['nothing', 'ERR_LOWP_TYPE', ['w'], undefined, {}],
    ['bits 3', 'ERR_LOWP_VALUE', ['options.bits', 3], fb(), { bits: 3 }],
    ['groupSize 512', 'ERR_LOWP_VALUE', ['options.groupSize', 512], fb(), { groupSize: 512 }],
    ['symmetric 1', 'ERR_LOWP_TYPE', ['options.symmetric'], fb(), { symmetric: 1 }],
    ['transposeB text', 'ERR_LOWP_TYPE', ['options.transposeB'], fb(), { transposeB: 'no' }],
    ['misspelled', 'ERR_LOWP_TYPE', ["'groupsize'", "'groupSize'"], fb(), { groupsize: 32 }],
  ])('%s > %s', (_title, code, words, w, options) => {
    expectThrows(() => quantizeWeights(wrong(w), wrong(options)), code, words);
  });

  test('float weights, 8-bit weights and weights in groups are told apart', () => {
    using int8 = packWeights(quantize(fb(), { axis: 1 }));
    using groups = packWeights(quantizeWeights(fb(), { bits: 8 }));
    using floats = packWeights(fb());
    expect([int8, groups, floats].map((p) => [p.dtype, p.groupSize])).toEqual([
      ['int8', undefined],
      ['int8', 32],
      ['float32', undefined],
    ]);
  });

  test('packWeights refuses transposeB: false for them, and dequantize an out that overlaps or is short', () => {
    expectThrows(() => packWeights(gb(), { transposeB: false }), 'ERR_LOWP_VALUE', ['options.transposeB', '[N, K]']);
    packWeights(gb(), { transposeB: true }).dispose();
    const b = gb();
    const out = new Float32Array(b.data.buffer, 0, 4);
    expectThrows(() => dequantize({ ...b, shape: [1, 4], scales: b.scales.subarray(1) }, { out }), 'ERR_LOWP_ALIAS', ['q']);
    expectThrows(() => dequantize(b, { out: new Float32Array(5) }), 'ERR_LOWP_SHAPE', ['options.out', 6]);
    expect([...dequantize(b, { out: new Float32Array(6) }).data]).toEqual([-3.5, -3, -2.5, -4, -3, -2]);
  });
});
