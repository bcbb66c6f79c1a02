/** `conv2d`, `quantizedConv2d`, `packConv2d` and `foldBatchNorm`: what they refuse, and with which words. */
import {
  conv2d,
  conv2dAsync,
  foldBatchNorm,
  packConv2d,
  PackedConv2d,
  quantizedConv2d,
  quantizedConv2dAsync,
  type BatchNorm,
  type Conv2dOptions,
  type LowpErrorCode,
  type QuantizedConv2dOptions,
} from 'lowp';
import { detach, shared } from '../helpers/buffers';
import { expectRejects, expectThrows, wrong, type Fragment } from '../helpers/failures';
import { refuses, type BadCall, type Subject } from '../helpers/products';

/** [1, 2, 3, 3] */
const x = () => ({ data: Float32Array.from({ length: 18 }, (_, i) => i), shape: [1, 2, 3, 3] });
const x8 = () => ({ data: Uint8Array.from({ length: 18 }, (_, i) => i), shape: [1, 2, 3, 3], scale: 0.5, zeroPoint: 1 });
/** [2, 2, 2, 2]: the result is [1, 2, 2, 2]. */
const w = () => ({ data: new Float32Array(16).fill(1), shape: [2, 2, 2, 2] });
const w8 = () => ({ data: new Int8Array(16).fill(1), shape: [2, 2, 2, 2], scale: 0.5, zeroPoint: 0 });

const float: Subject = {
  ...{ name: 'conv2d', a: x, b: w },
  sync: (a, b, options) => conv2d(wrong(a), wrong(b), wrong<Conv2dOptions>(options)),
  async: (a, b, options) => conv2dAsync(wrong(a), wrong(b), wrong<Conv2dOptions>(options)),
};
const bytes: Subject = {
  ...{ name: 'quantizedConv2d', a: x8, b: w8 },
  sync: (a, b, options) => quantizedConv2d(wrong(a), wrong(b), wrong<QuantizedConv2dOptions>(options)),
  async: (a, b, options) => quantizedConv2dAsync(wrong(a), wrong(b), wrong<QuantizedConv2dOptions>(options)),
};

type Row = [title: string, over: object, code: LowpErrorCode, ...words: Fragment[]];
const callsOf = (place: 'a' | 'b' | 'options', rows: readonly Row[]): BadCall[] =>
  rows.map(([title, over, code, ...words]) => ({ title, code, words, [place]: over }));

const images = callsOf('a', [
  ['x.shape a string', { shape: '1' }, 'ERR_LOWP_TYPE', 'x.shape', "'1'"],
  ['x of two dimensions', { shape: [3, 6] }, 'ERR_LOWP_SHAPE', 'x.shape', '[N, C, H, W] or [N, C, L]', '[3, 6]'],
  ['x of five dimensions', { shape: [1, 2, 3, 3, 1] }, 'ERR_LOWP_SHAPE', 'x.shape', '[1, 2, 3, 3, 1]'],
  ['x too short', { shape: [2, 2, 3, 3] }, 'ERR_LOWP_SHAPE', ' x ', 36, 'Array(18)'],
  ['x without rows', { shape: [1, 2, 0, 3] }, 'ERR_LOWP_SHAPE', 'x.shape[2]', 1, 0],
  ['x of 1.5 columns', { shape: [1, 2, 3, 1.5] }, 'ERR_LOWP_SHAPE', 'x.shape[3]', '1.5'],
  [
    'x of one channel',
    { shape: [2, 1, 3, 3] },
    'ERR_LOWP_SHAPE',
    'channels of x',
    '2 (weights.shape[1] 2 * groups 1)',
    'received 1',
  ],
  ['x of one spatial dimension', { shape: [1, 2, 9] }, 'ERR_LOWP_SHAPE', '3 dimensions', 'weights.shape', 4],
  ['strides of three', { strides: [18, 9, 3] }, 'ERR_LOWP_SHAPE', 'x.strides', '4 strides'],
  ['columns that are not neighbours', { strides: [18, 9, 3, 2] }, 'ERR_LOWP_VALUE', 'x.strides[3]'],
  ['data of int32', { data: new Int32Array(18) }, 'ERR_LOWP_TYPE', 'x.data', 'Int32Array(18)'],
]);

const kernels = callsOf('b', [
  ['weights of two dimensions', { shape: [8, 2] }, 'ERR_LOWP_SHAPE', 'weights.shape', '[O, I / groups, kH, kW]', '[8, 2]'],
  ['weights too short', { shape: [3, 2, 2, 2] }, 'ERR_LOWP_SHAPE', 'weights', 24, 'Array(16)'],
  ['no output channels', { shape: [0, 2, 2, 2] }, 'ERR_LOWP_SHAPE', 'weights.shape[0]', 1, 0],
  ['a kernel without columns', { shape: [2, 2, 2, 0] }, 'ERR_LOWP_SHAPE', 'weights.shape[3]', 1, 0],
  [
    ...(['a kernel larger than x', { shape: [2, 2, 4, 1] }, 'ERR_LOWP_SHAPE'] as const),
    ...['extent of at most 3 (H 3 + padding 0 + 0)', '4 ((kH 4 - 1) * dilation 1 + 1)'],
  ],
  ['data of int16', { data: new Int16Array(16) }, 'ERR_LOWP_TYPE', 'weights.data', 'Int16Array(16)'],
]);

const windows = callsOf('options', [
  ['layuot', { layuot: 'NHWC' }, 'ERR_LOWP_TYPE', "'layuot'", "did you mean 'layout'"],
  ['stride', { stride: 2 }, 'ERR_LOWP_TYPE', "did you mean 'strides'"],
  ['pads', { pads: 1 }, 'ERR_LOWP_TYPE', "'pads'", 'padding'],
  ['outStride', { outStride: 1 }, 'ERR_LOWP_TYPE', "'outStride'"],
  ['layout nchw', { layout: 'nchw' }, 'ERR_LOWP_TYPE', 'options.layout', "did you mean 'NCHW'"],
  ['layout 1', { layout: 1 }, 'ERR_LOWP_TYPE', 'options.layout', 1],
  ['channels of the other layout', { layout: 'NHWC' }, 'ERR_LOWP_SHAPE', 'channels of x', "'NHWC'", 2, 3],
  ['strides 0', { strides: 0 }, 'ERR_LOWP_VALUE', 'options.strides', 1, 0],
  ['strides -1', { strides: [1, -1] }, 'ERR_LOWP_VALUE', 'options.strides[1]', '-1'],
  ['strides 1.5', { strides: 1.5 }, 'ERR_LOWP_VALUE', 'options.strides', '1.5'],
  ['strides NaN', { strides: [NaN, 1] }, 'ERR_LOWP_VALUE', 'options.strides[0]', 'NaN'],
  ['strides a string', { strides: '2' }, 'ERR_LOWP_TYPE', 'options.strides', "'2'"],
  ['one stride', { strides: [1] }, 'ERR_LOWP_SHAPE', 'options.strides', 'two numbers', '[1]'],
  ['three dilations', { dilations: [1, 1, 1] }, 'ERR_LOWP_SHAPE', 'options.dilations', 'two numbers', '[1, 1, 1]'],
  ['dilations 0', { dilations: 0 }, 'ERR_LOWP_VALUE', 'options.dilations', 1, 0],
  [
    ...(['dilation 3', { dilations: [1, 3], padding: [0, 0, 0, 0] }, 'ERR_LOWP_SHAPE'] as const),
    ...['extent of at most 3 (W 3 + padding 0 + 0)', '4 ((kW 2 - 1) * dilation 3 + 1)'],
  ],
  [
    ...(['dilation 5, padding 1', { dilations: 5, padding: [1, 9, 1, 9] }, 'ERR_LOWP_SHAPE'] as const),
    ...['extent of at most 5 (H 3 + padding 1 + 1)', '6 ((kH 2 - 1) * dilation 5 + 1)'],
  ],
  ['padding -1', { padding: -1 }, 'ERR_LOWP_VALUE', 'options.padding', 0, '-1'],
  ['padding [0, 0, -2, 0]', { padding: [0, 0, -2, 0] }, 'ERR_LOWP_VALUE', 'options.padding[2]', '-2'],
  ['two paddings', { padding: [1, 1] }, 'ERR_LOWP_SHAPE', 'options.padding', '[top, left, bottom, right]', '[1, 1]'],
  ['padding SAME', { padding: 'SAME' }, 'ERR_LOWP_TYPE', 'options.padding', "did you mean 'same'"],
  ['padding true', { padding: true }, 'ERR_LOWP_TYPE', 'options.padding', 'true'],
  ['padding beyond 2^31', { padding: 2 ** 31 - 1 }, 'ERR_LOWP_SHAPE', 2 ** 31 - 1, 2 ** 32 + 1],
  ['a result too large', { padding: 2 ** 20 }, 'ERR_LOWP_SHAPE', 'the result', 2 ** 32],
  ['groups 0', { groups: 0 }, 'ERR_LOWP_VALUE', 'options.groups', 1, 0],
  ['groups 3', { groups: 3 }, 'ERR_LOWP_SHAPE', 'options.groups', '2 output channels', 3],
  ['groups 1.5', { groups: 1.5 }, 'ERR_LOWP_SHAPE', 'options.groups', '1.5'],
  ['groups 2', { groups: 2 }, 'ERR_LOWP_SHAPE', 'channels of x', '4 (weights.shape[1] 2 * groups 2)'],
  ['activation relu6', { activation: 'relu6' }, 'ERR_LOWP_TYPE', 'options.activation', "did you mean 'relu'"],
  ['threads 0', { threads: 0 }, 'ERR_LOWP_VALUE', 'options.threads', 0],
  ['bias of 3', { bias: new Float32Array(3) }, 'ERR_LOWP_SHAPE', 'options.bias', '2 elements', 'output channel'],
  ['bias an array', { bias: [1, 2] }, 'ERR_LOWP_TYPE', 'options.bias', '[1, 2]'],
  ['residual of 7', { residual: new Float32Array(7) }, 'ERR_LOWP_SHAPE', 'options.residual', '8 elements'],
  [
    ...(['residual of another shape', { residual: { data: new Float32Array(8), shape: [1, 2, 4] } }, 'ERR_LOWP_SHAPE'] as const),
    ...['options.residual.shape', '[1, 2, 2, 2]', '[1, 2, 4]'],
  ],
  ['out of 7', { out: new Float32Array(7) }, 'ERR_LOWP_SHAPE', 'options.out', 8, 'Float32Array(7)'],
  ['out of bytes', { out: new Uint8Array(8) }, 'ERR_LOWP_TYPE', 'options.out', 'Uint8Array(8)'],
]);

for (const subject of [float, bytes]) {
  refuses(subject, [...images, ...kernels, ...windows]);
  refuses(subject, [
    { title: 'x null', code: 'ERR_LOWP_TYPE', words: [' x ', 'null'], a: null },
    { title: 'x an array', code: 'ERR_LOWP_TYPE', words: [' x ', '[1]'], a: [1] },
    { title: 'weights null', code: 'ERR_LOWP_TYPE', words: [' weights ', 'null'], b: null },
    { title: 'weights {}', code: 'ERR_LOWP_HANDLE', words: [' weights ', 'packConv2d'], b: Object.create(null) },
    { title: 'options a string', code: 'ERR_LOWP_TYPE', words: ['options', "'NHWC'"], options: 'NHWC' },
  ]);
}

const norm = (): BatchNorm => ({
  ...{ gamma: Float32Array.of(1, 1), beta: Float32Array.of(1, 1) },
  ...{ mean: Float32Array.of(1, 1), variance: Float32Array.of(1, 1) },
});

const NORMS: Row[] = [
  ['no gamma', { gamma: undefined }, 'ERR_LOWP_TYPE', 'batchNorm.gamma', 'undefined'],
  ['beta float64', { beta: new Float64Array(2) }, 'ERR_LOWP_TYPE', 'batchNorm.beta', 'Float64Array(2)'],
  ['mean of 3', { mean: new Float32Array(3) }, 'ERR_LOWP_SHAPE', 'batchNorm.mean', '2 elements', 'Float32Array(3)'],
  ['variance -1', { variance: Float32Array.of(1, -1) }, 'ERR_LOWP_VALUE', 'batchNorm.variance[1]', '-1'],
  ['variance NaN', { variance: Float32Array.of(NaN, 1) }, 'ERR_LOWP_VALUE', 'batchNorm.variance[0]', 'NaN'],
  ['variance 0 without epsilon', { variance: new Float32Array(2), epsilon: 0 }, 'ERR_LOWP_VALUE', 'batchNorm.variance[0]'],
  ['epsilon -1', { epsilon: -1 }, 'ERR_LOWP_VALUE', 'batchNorm.epsilon', '-1'],
  ['epsilon a string', { epsilon: '0' }, 'ERR_LOWP_TYPE', 'batchNorm.epsilon', "'0'"],
  ['var', { var: new Float32Array(2) }, 'ERR_LOWP_TYPE', "'var'", 'variance'],
];

describe('batchNorm', () => {
  test.each(NORMS)('%s', (_, over, code, ...words) => {
    const batchNorm = { ...norm(), ...over };
    expectThrows(() => conv2d(x(), w(), { batchNorm }), code, ['options.', ...words]);
    expectThrows(() => packConv2d(w(), { batchNorm }), code, ['options.', ...words]);
    expectThrows(() => foldBatchNorm(w(), undefined, batchNorm), code, words);
  });

  test('what is not a batch normalization, and weights that have none', () => {
    expectThrows(() => conv2d(x(), w(), { batchNorm: wrong(null) }), 'ERR_LOWP_TYPE', ['options.batchNorm', 'null']);
    expectThrows(() => foldBatchNorm(wrong(w8()), undefined, norm()), 'ERR_LOWP_TYPE', ['weights.data', 'Int8Array(16)']);
    expectThrows(() => foldBatchNorm(w(), new Float32Array(3), norm()), 'ERR_LOWP_SHAPE', ['bias', '2 elements']);
    expectThrows(() => foldBatchNorm({ data: new Float32Array(1), shape: [] }, undefined, norm()), 'ERR_LOWP_SHAPE', ['[]']);
    expectThrows(() => packConv2d(w8(), { batchNorm: norm() }), 'ERR_LOWP_VALUE', ['options.batchNorm', 'foldBatchNorm']);
    const options = wrong<QuantizedConv2dOptions>({ batchNorm: norm() });
    expectThrows(() => quantizedConv2d(x8(), w8(), options), 'ERR_LOWP_TYPE', ["'batchNorm'"]);
  });
});

refuses(float, [
  { title: 'bias int32', code: 'ERR_LOWP_TYPE', words: ['options.bias', 'Int32Array(2)'], options: { bias: new Int32Array(2) } },
  { title: 'output', code: 'ERR_LOWP_TYPE', words: ["'output'"], options: { output: 'float32' } },
  { title: 'x of bytes', code: 'ERR_LOWP_TYPE', words: ['x.data', 'Uint8Array(18)'], a: x8() },
  { title: 'weights of bytes', code: 'ERR_LOWP_TYPE', words: ['weights.data', 'Int8Array(16)'], b: w8() },
]);

refuses(bytes, [
  ...callsOf('a', [
    ['scale 0', { scale: 0 }, 'ERR_LOWP_VALUE', 'x.scale', 0],
    ['a scale for each channel', { scale: Float32Array.of(1, 1), axis: 1 }, 'ERR_LOWP_VALUE', 'x.axis', 1],
    ['scales without axis', { scale: Float32Array.of(1, 1) }, 'ERR_LOWP_TYPE', 'x.scale'],
    ['zero point 256', { zeroPoint: 256 }, 'ERR_LOWP_VALUE', 'x.zeroPoint', 255, 256],
    ['float32', x(), 'ERR_LOWP_TYPE', 'x.data', 'Float32Array(18)'],
  ]),
  ...callsOf('b', [
    ['scale NaN', { scale: NaN }, 'ERR_LOWP_VALUE', 'weights.scale', 'NaN'],
    ['axis 1', { axis: 1 }, 'ERR_LOWP_VALUE', 'weights.axis', 0, 1],
    ['axis 4', { axis: 4 }, 'ERR_LOWP_VALUE', 'weights.axis', 4],
    ['three scales', { scale: new Float32Array(3).fill(1), axis: 0 }, 'ERR_LOWP_SHAPE', 'weights.scale', '2 elements'],
    ['zero point 200', { zeroPoint: 200 }, 'ERR_LOWP_VALUE', 'weights.zeroPoint', 127, 200],
    ['float32', w(), 'ERR_LOWP_TYPE', 'weights.data', 'Float32Array(16)'],
  ]),
  ...callsOf('options', [
    ['output int8', { output: 'int8' }, 'ERR_LOWP_TYPE', 'options.output', "'int8'"],
    ['output without scale', { output: { dtype: 'int8' } }, 'ERR_LOWP_TYPE', 'options.output.scale'],
    ['real bias of int32', { output: 'int32', bias: new Float32Array(2) }, 'ERR_LOWP_TYPE', 'options.bias', 'Int32Array'],
    ['int32 bias of float32', { bias: new Int32Array(2) }, 'ERR_LOWP_TYPE', 'options.bias', "output is 'float32'"],
    ['relu of int32', { output: 'int32', activation: 'relu' }, 'ERR_LOWP_VALUE', 'options.activation', "'int32'"],
    ['residual of int32', { output: 'int32', residual: new Float32Array(8) }, 'ERR_LOWP_VALUE', 'options.residual'],
  ]),
]);

test('as many products as int32 can hold: the bound is in the message', () => {
  const k = Math.floor((2 ** 31 - 1) / (255 * 128));
  const image = { data: new Uint8Array(k + 1), shape: [1, k + 1, 1], scale: 1, zeroPoint: 0 };
  const weights = { data: new Int8Array(k + 1), shape: [1, k + 1, 1], scale: 1, zeroPoint: 0 };
  expectThrows(() => quantizedConv2d(image, weights), 'ERR_LOWP_VALUE', [k, k + 1, 'weights.shape[1] * k']);
});

describe('out that overlaps an input', () => {
  test.each(['x', 'weights', 'options.bias', 'options.residual'])('%s', async (name) => {
    const memory = new Float32Array(64);
    const at = (length: number): Float32Array => memory.subarray(4, 4 + length);
    const image = name === 'x' ? { ...x(), data: at(18) } : x();
    const weights = name === 'weights' ? { ...w(), data: at(16) } : w();
    const more = name === 'options.bias' ? { bias: at(2) } : name === 'options.residual' ? { residual: at(8) } : {};
    const options = { ...more, out: memory.subarray(5, 13) };
    expectThrows(() => conv2d(image, weights, options), 'ERR_LOWP_ALIAS', [name]);
    await expectRejects(() => conv2dAsync(image, weights, options), 'ERR_LOWP_ALIAS', [name]);
  });

  test('a residual may be out itself', () => {
    const out = new Float32Array(8).fill(1);
    const want = conv2d(x(), w(), { residual: out.slice() }).data;
    expect(conv2d(x(), w(), { residual: out, out }).data).toBe(out);
    expect(out).toEqual(want);
    const nhwc = conv2d({ ...x(), shape: [1, 3, 3, 2] }, w(), {
      layout: 'NHWC',
      residual: { data: out, shape: [1, 2, 2, 2] },
      out,
    });
    expect(nhwc.data).toBe(out);
  });
});

describe('handles', () => {
  test('new PackedConv2d() and copies of one are refused', () => {
    const Constructor = wrong<new () => unknown>(PackedConv2d);
    expectThrows(() => new Constructor(), 'ERR_LOWP_TYPE', ['packConv2d()']);
    expectThrows(() => conv2d(x(), wrong({ ...packConv2d(w()) })), 'ERR_LOWP_HANDLE', ['packConv2d']);
  });

  test('of the other kind, disposed, with options of their own', async () => {
    const packed = packConv2d(w(), { bias: Float32Array.of(1, 2) });
    expectThrows(() => quantizedConv2d(x8(), packed), 'ERR_LOWP_HANDLE', ['packed int8', 'packed float32']);
    expectThrows(() => conv2d(x(), packConv2d(w8())), 'ERR_LOWP_HANDLE', ['packed float32', 'packed int8']);
    expectThrows(() => conv2d(x(), packed, { bias: new Float32Array(2) }), 'ERR_LOWP_VALUE', ['options.bias', 'packConv2d()']);
    expectThrows(() => conv2d(x(), packed, { batchNorm: norm() }), 'ERR_LOWP_VALUE', ['options.batchNorm', 'packConv2d()']);
    expectThrows(() => conv2d(x(), packed, { groups: 2 }), 'ERR_LOWP_VALUE', ['options.groups', 1, 2]);
    expect(conv2d(x(), packed, { groups: 1 })).toEqual(conv2d(x(), w(), { bias: Float32Array.of(1, 2) }));
    packed.dispose();
    packed.dispose();
    expect(packed.disposed).toBe(true);
    expectThrows(() => conv2d(x(), packed), 'ERR_LOWP_DISPOSED', ['weights']);
    await expectRejects(() => conv2dAsync(x(), packed), 'ERR_LOWP_DISPOSED', ['weights']);
  });

  test('what packConv2d refuses', () => {
    expectThrows(() => packConv2d(wrong(null)), 'ERR_LOWP_TYPE', ['weights', 'null']);
    expectThrows(() => packConv2d(w(), wrong({ group: 2 })), 'ERR_LOWP_TYPE', ["did you mean 'groups'"]);
    expectThrows(() => packConv2d(w(), { bias: new Int32Array(2) }), 'ERR_LOWP_TYPE', ['options.bias', 'Int32Array(2)']);
    expectThrows(() => packConv2d(w8(), { bias: new Int32Array(3) }), 'ERR_LOWP_SHAPE', ['options.bias', '2 elements']);
    expectThrows(() => packConv2d(w(), { groups: 3 }), 'ERR_LOWP_SHAPE', ['options.groups', '2 output channels']);
  });

  test('weights for Winograd: 3 x 3, float32, one group, and calls with strides and dilations of 1', () => {
    const nine = { data: new Float32Array(36), shape: [2, 2, 3, 3] };
    expectThrows(() => packConv2d(nine, wrong({ winograd: 3 })), 'ERR_LOWP_VALUE', ['2 or 4', 'options.winograd', '3']);
    expectThrows(() => packConv2d(w(), { winograd: 2 }), 'ERR_LOWP_SHAPE', ['[3, 3]', '[2, 2]']);
    expectThrows(() => packConv2d({ data: new Float32Array(6), shape: [1, 2, 3] }, { winograd: 2 }), 'ERR_LOWP_SHAPE', [
      '[1, 3]',
    ]);
    expectThrows(() => packConv2d(nine, { winograd: 2, groups: 2 }), 'ERR_LOWP_VALUE', ['options.groups', '2']);
    expectThrows(() => packConv2d(w8(), { winograd: 2 }), 'ERR_LOWP_VALUE', ['quantized', 'options.winograd']);
    expectThrows(() => conv2d(x(), nine, wrong({ winograd: 2 })), 'ERR_LOWP_TYPE', ['winograd']);
    using packed = packConv2d(nine, { winograd: 2 });
    expectThrows(() => conv2d(x(), packed, { strides: 2 }), 'ERR_LOWP_VALUE', ['options.strides', '[2, 2]', 'Winograd']);
    expectThrows(() => conv2d(x(), packed, { dilations: [1, 2], padding: 3 }), 'ERR_LOWP_VALUE', ['options.dilations', '[1, 2]']);
  });

  test('int32 bias of a handle and a float32 output', () => {
    const packed = packConv2d(w8(), { bias: Int32Array.of(1, 2) });
    expectThrows(() => quantizedConv2d(x8(), packed), 'ERR_LOWP_TYPE', ["a Float32Array (output is 'float32')"]);
    const want = quantizedConv2d(x8(), w8(), { output: 'int32', bias: Int32Array.of(1, 2) });
    expect(quantizedConv2d(x8(), packed, { output: 'int32' })).toEqual(want);
  });

  test('later changes of the arrays do not reach a handle, also of a Buffer', () => {
    const mine = { ...w8(), data: Buffer.alloc(16, 2) };
    const packed = packConv2d(mine);
    const want = quantizedConv2d(x8(), mine);
    mine.data.fill(0);
    expect(quantizedConv2d(x8(), packed)).toEqual(want);
    expect(packed).toMatchObject({ shape: [2, 2, 2, 2], groups: 1, dtype: 'int8' });
  });
});

describe('arrays of every kind', () => {
  test('Buffers and shared memory; views leave them as they are', () => {
    const want = quantizedConv2d(x8(), w8());
    expect(quantizedConv2d({ ...x8(), data: Buffer.from(x8().data) }, { ...w8(), data: shared(w8().data) })).toEqual(want);
    const gaps = Buffer.from([1, 2, 9, 3, 4, 9]);
    const view = { data: gaps, shape: [1, 1, 2, 2], strides: [6, 6, 3, 1], scale: 1, zeroPoint: 0 };
    const one = { data: Int8Array.of(1), shape: [1, 1, 1, 1], scale: 1, zeroPoint: 0 };
    expect([...quantizedConv2d(view, one).data]).toEqual([1, 2, 3, 4]);
    expect([...gaps]).toEqual([1, 2, 9, 3, 4, 9]);
  });

  test('detached', () => {
    const gone = x();
    detach(gone.data);
    expectThrows(() => conv2d(gone, w()), 'ERR_LOWP_DETACHED', [' x ']);
    const weights = w();
    detach(weights.data);
    expectThrows(() => packConv2d(weights), 'ERR_LOWP_DETACHED', ['weights']);
  });

  test('an empty batch', () => {
    const y = conv2d({ data: new Float32Array(0), shape: [0, 2, 3, 3] }, w());
    expect(y).toEqual({ data: new Float32Array(0), shape: [0, 2, 2, 2] });
  });
});

test('an aborted signal rejects with its reason', async () => {
  const signal = AbortSignal.abort('enough');
  await expect(conv2dAsync(x(), w(), { signal })).rejects.toBe('enough');
  await expect(quantizedConv2dAsync(x8(), w8(), { signal })).rejects.toBe('enough');
  const { data } = await conv2dAsync(x(), w(), { signal: new AbortController().signal });
  expect(data).toEqual(conv2d(x(), w()).data);
});
