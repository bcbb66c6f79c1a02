/** The oracle's convolutions against results worked out by hand, and against the oracle's matrix product. */
import {
  conv2d,
  conv2dAsync,
  foldBatchNorm,
  matmul,
  packConv2d,
  quantizedConv2d,
  quantizedConv2dAsync,
  quantizedMatmul,
  type Conv2dOptions,
  type MatmulOutput,
  type QuantizedTensor,
} from 'lowp/reference';
import { expectNear, expectSame } from '../helpers/compare';
import { im2col, toNchw, toNhwc } from '../helpers/convs';
import { Random } from '../helpers/random';

const f = (...values: number[]): Float32Array => Float32Array.from(values);
/** 1 to 9. */
const x = { data: f(1, 2, 3, 4, 5, 6, 7, 8, 9), shape: [1, 1, 3, 3] };
const ones = { data: f(1, 1, 1, 1), shape: [1, 1, 2, 2] };
const refused = (code: string) => expect.objectContaining({ code });

describe('conv2d', () => {
  test('2x2 of ones over 1..9', () => {
    expect(conv2d(x, ones)).toEqual({ data: f(12, 16, 24, 28), shape: [1, 1, 2, 2] });
  });

  test('the kernel is not flipped', () => {
    expect(conv2d(x, { data: f(1, 2, 3, 4), shape: [1, 1, 2, 2] }).data).toEqual(f(1 + 4 + 12 + 20, 47, 67, 77));
  });

  test.each<[string, Conv2dOptions, number[], number[]]>([
    ['padding 1', { padding: 1 }, [4, 4], [1, 3, 5, 3, 5, 12, 16, 9, 11, 24, 28, 15, 7, 15, 17, 9]],
    ['padding at the top and left', { padding: [1, 1, 0, 0] }, [3, 3], [1, 3, 5, 5, 12, 16, 11, 24, 28]],
    ['padding 2 at the right', { padding: [0, 0, 0, 2] }, [2, 4], [12, 16, 9, 0, 24, 28, 15, 0]],
    ['same: the odd one at the end', { padding: 'same' }, [3, 3], [12, 16, 9, 24, 28, 15, 15, 17, 9]],
    ['sameLower: at the beginning', { padding: 'sameLower' }, [3, 3], [1, 3, 5, 5, 12, 16, 11, 24, 28]],
    ['valid', { padding: 'valid' }, [2, 2], [12, 16, 24, 28]],
    ['stride 2', { strides: 2 }, [1, 1], [12]],
    ['stride 2, same', { strides: 2, padding: 'same' }, [2, 2], [12, 9, 15, 9]],
    ['strides [1, 2], padding 1', { strides: [1, 2], padding: 1 }, [4, 2], [1, 5, 5, 16, 11, 28, 7, 17]],
    ['dilation 2', { dilations: 2 }, [1, 1], [1 + 3 + 7 + 9]],
    ['dilations [2, 1]', { dilations: [2, 1] }, [1, 2], [1 + 2 + 7 + 8, 2 + 3 + 8 + 9]],
    ['dilation 3, padding 1', { dilations: 3, padding: 1 }, [2, 2], [9, 7, 3, 1]],
  ])('%s', (_, options, spatial, want) => {
    expect(conv2d(x, ones, options)).toEqual({ data: Float32Array.from(want), shape: [1, 1, ...spatial] });
  });

  test('same where strides exceed the kernel needs no padding', () => {
    expect(conv2d(x, { data: f(1), shape: [1, 1, 1, 1] }, { strides: 2, padding: 'same' }).data).toEqual(f(1, 3, 7, 9));
  });

  test('channels are summed, output channels follow each other', () => {
    const two = { data: f(1, 2, 3, 4, 10, 20, 30, 40), shape: [1, 2, 2, 2] };
    const weights = { data: f(1, 1, 1, -1), shape: [2, 2, 1, 1] };
    expect(conv2d(two, weights).data).toEqual(f(11, 22, 33, 44, -9, -18, -27, -36));
  });

  test('NHWC', () => {
    const two = { data: f(1, 10, 2, 20, 3, 30, 4, 40), shape: [1, 2, 2, 2] };
    const weights = { data: f(1, 1, 1, -1), shape: [2, 2, 1, 1] };
    const y = conv2d(two, weights, { layout: 'NHWC' });
    expect(y).toEqual({ data: f(11, -9, 22, -18, 33, -27, 44, -36), shape: [1, 2, 2, 2] });
  });

  test('groups: each sees its own channels', () => {
    const four = { data: f(1, 2, 3, 4), shape: [1, 4, 1, 1] };
    const weights = { data: f(1, 10, 100, 1000), shape: [2, 2, 1, 1] };
    expect(conv2d(four, weights, { groups: 2 }).data).toEqual(f(21, 4300));
  });

  test('depthwise with multiplier 2', () => {
    const two = { data: f(3, 5), shape: [1, 2, 1, 1] };
    const weights = { data: f(1, 2, 3, 4), shape: [4, 1, 1, 1] };
    expect(conv2d(two, weights, { groups: 2 }).data).toEqual(f(3, 6, 15, 20));
  });

  test('one spatial dimension, in both layouts', () => {
    const line = { data: f(1, 2, 3, 4, 5), shape: [1, 1, 5] };
    const weights = { data: f(1, 0, -1), shape: [1, 1, 3] };
    expect(conv2d(line, weights, { padding: [2, 0], strides: 2 })).toEqual({ data: f(-1, -2, -2), shape: [1, 1, 3] });
    expect(conv2d(line, weights, { padding: 1 }).data).toEqual(f(-2, -2, -2, -2, 4));
    expect(conv2d(line, weights, { dilations: [2] }).data).toEqual(f(-4));
    const two = { data: f(1, 10, 2, 20, 3, 30), shape: [1, 3, 2] };
    const y = conv2d(two, { data: f(1, 1, 1, 1), shape: [1, 2, 2] }, { layout: 'NHWC' });
    expect(y).toEqual({ data: f(33, 55), shape: [1, 2, 1] });
  });

  test('a batch; an empty one', () => {
    const y = conv2d({ data: f(1, 2), shape: [2, 1, 1, 1] }, { data: f(3), shape: [1, 1, 1, 1] });
    expect(y).toEqual({ data: f(3, 6), shape: [2, 1, 1, 1] });
    const none = conv2d({ data: f(), shape: [0, 1, 3, 3] }, ones);
    expect(none).toEqual({ data: f(), shape: [0, 1, 2, 2] });
  });

  test('bias, then residual, then the activation', () => {
    const residual = { data: f(0, 0, 4, -40), shape: [1, 1, 2, 2] };
    const options = { bias: f(-20), residual, activation: { min: 0, max: 6 } } as const;
    expect(conv2d(x, ones, options).data).toEqual(f(0, 0, 6, 0));
    expect(conv2d(x, ones, { ...options, residual: residual.data, activation: 'relu' }).data).toEqual(f(0, 0, 8, 0));
  });

  test('views of x, weights and residual: gaps are not read', () => {
    const gaps = { data: f(1, 2, NaN, 3, 4, NaN, NaN), shape: [1, 1, 2, 2], strides: [7, 6, 3, 1] };
    const weights = { data: f(1, 0, NaN, 0, 1), shape: [1, 1, 2, 2], strides: [5, 5, 3, 1] };
    const residual = { data: f(7, NaN, NaN), shape: [1, 1, 1, 1], strides: [3, 2, 2, 1] };
    expect(conv2d(gaps, weights, { residual }).data).toEqual(f(1 + 4 + 7));
  });

  test('out takes the result', () => {
    const out = new Float32Array(5).fill(9);
    expect(conv2d(x, ones, { out }).data).toBe(out);
    expect(out).toEqual(f(12, 16, 24, 28, 9));
  });

  test('sums in float64: 1 + 2^24 - 2^24 is 1', () => {
    const image = { data: f(1, 2 ** 24, -(2 ** 24)), shape: [1, 3, 1, 1] };
    expect(conv2d(image, { data: f(1, 1, 1), shape: [1, 3, 1, 1] }).data).toEqual(f(1));
  });

  test('1x1 is the matrix product', () => {
    const r = new Random('1x1');
    const image = { data: r.floats(2 * 5 * 3 * 4), shape: [2, 3, 4, 5] };
    const weights = { data: r.floats(7 * 5), shape: [7, 5, 1, 1] };
    const bias = r.floats(7);
    const want = matmul(
      { ...image, shape: [24, 5] },
      { ...weights, shape: [7, 5] },
      { transposeB: true, bias, activation: 'silu' },
    );
    expectSame(conv2d(image, weights, { layout: 'NHWC', bias, activation: 'silu' }).data, want.data, 'NHWC');
    const y = conv2d(toNchw(image), weights, { bias, activation: 'silu' });
    expectSame(toNhwc(y).data, want.data, 'NCHW');
  });

  test.each([
    ['a kernel larger than x', { data: new Float32Array(16), shape: [1, 1, 4, 4] }, {}, 'ERR_LOWP_SHAPE'],
    ['two input channels', { data: f(1, 1), shape: [1, 2, 1, 1] }, {}, 'ERR_LOWP_SHAPE'],
    ['groups that do not divide', { data: f(1, 1, 1), shape: [3, 1, 1, 1] }, { groups: 2 }, 'ERR_LOWP_SHAPE'],
    ['weights of three dimensions', { data: f(1), shape: [1, 1, 1] }, {}, 'ERR_LOWP_SHAPE'],
    ['a residual of another shape', ones, { residual: f(1) }, 'ERR_LOWP_SHAPE'],
  ])('%s > refused', (_, weights, options, code) => {
    expect(() => conv2d(x, weights, options)).toThrow(refused(code));
  });
});

describe('foldBatchNorm', () => {
  const batchNorm = { gamma: f(2, 1), beta: f(0, 1), mean: f(1, 3), variance: f(4, 1), epsilon: 0 };
  const weights = { data: f(1, 2, 3, 4), shape: [2, 2, 1, 1] };

  test('weights * f and (bias - mean) * f + beta', () => {
    expect(foldBatchNorm(weights, f(5, 6), batchNorm)).toEqual({ weights, bias: f(4, 4) });
    expect(foldBatchNorm(weights, undefined, { ...batchNorm, variance: f(1, 0.25) })).toEqual({
      ...{ weights: { data: f(2, 4, 6, 8), shape: weights.shape }, bias: f(-2, -5) },
    });
  });

  test('epsilon is 1e-5 where it is not given, and the results are rounded once', () => {
    const one = { gamma: f(1 / 3), beta: f(0.1), mean: f(0.7), variance: f(0) };
    const factor = Math.fround(1 / 3) / Math.sqrt(1e-5);
    const folded = foldBatchNorm({ data: f(0.3), shape: [1, 1] }, f(0.9), one);
    expect(folded.weights.data).toEqual(f(Math.fround(0.3) * factor));
    expect(folded.bias).toEqual(f((Math.fround(0.9) - Math.fround(0.7)) * factor + Math.fround(0.1)));
  });

  test('conv2d with batchNorm is conv2d of the folded weights, packed or not', () => {
    const image = { data: f(1, 2, 3, 4), shape: [1, 2, 1, 2] };
    const folded = foldBatchNorm(weights, f(5, 6), batchNorm);
    const want = conv2d(image, folded.weights, { bias: folded.bias });
    expect(want.data).toEqual(f(7 + 4, 10 + 4, 15 + 4, 22 + 4));
    expect(conv2d(image, weights, { bias: f(5, 6), batchNorm })).toEqual(want);
    expect(conv2d(image, packConv2d(weights, { bias: f(5, 6), batchNorm }))).toEqual(want);
  });
});

/** In halves, real zero at 3: 0 1 2 3. */
const qx = { data: Uint8Array.of(3, 4, 5, 6), shape: [1, 1, 2, 2], scale: 0.5, zeroPoint: 3 };
/** In quarters, real zero at 1: 1 2 3 -4. */
const qw: QuantizedTensor = { data: Int8Array.of(2, 3, 4, -3), shape: [1, 1, 2, 2], scale: 0.25, zeroPoint: 1 };

describe('quantizedConv2d', () => {
  test('exact sums with both zero points; padding is real zero', () => {
    // 0 * 1 + 1 * 2 + 2 * 3 + 3 * -4
    expect(quantizedConv2d(qx, qw, { output: 'int32' })).toEqual({ data: Int32Array.of(-4), shape: [1, 1, 1, 1] });
    const y = quantizedConv2d(qx, qw, { output: 'int32', padding: 1, bias: Int32Array.of(100) });
    const sums = [0, -4, 3, -8, -4, 10, 4, 8, 3];
    expect(y).toEqual({ data: Int32Array.from(sums, (sum) => sum + 100), shape: [1, 1, 3, 3] });
  });

  test('real values: sums / 8, a scale and zero point for each output channel', () => {
    expect(quantizedConv2d(qx, qw).data).toEqual(f(-0.5));
    const perChannel = {
      ...{ data: Int8Array.of(1, 5), shape: [2, 1, 1, 1], axis: 0 },
      ...{ scale: f(1, 2), zeroPoint: Int8Array.of(0, 3) },
    };
    expect(quantizedConv2d(qx, perChannel).data).toEqual(f(0, 0.5, 1, 1.5, 0, 2, 4, 6));
    expect(quantizedConv2d(qx, { ...perChannel, axis: -4 }, { bias: f(1, 2) }).data).toEqual(f(1, 1.5, 2, 2.5, 2, 4, 6, 8));
  });

  test('8-bit output: ties to even, the activation at the zero point', () => {
    const identity = { data: Int8Array.of(1), shape: [1, 1, 1, 1], scale: 1, zeroPoint: 0 };
    const output = { dtype: 'uint8', scale: 1, zeroPoint: 10 } as const;
    // 0 0.5 1 1.5
    const y = quantizedConv2d(qx, identity, { output });
    expect(y).toEqual({ data: Uint8Array.of(10, 10, 11, 12), shape: [1, 1, 2, 2], scale: 1, zeroPoint: 10 });
    expect(quantizedConv2d(qx, identity, { output, activation: { max: 1 } }).data).toEqual(Uint8Array.of(10, 10, 11, 11));
    const bias = Int32Array.of(-2);
    expect(quantizedConv2d(qx, identity, { output, bias }).data).toEqual(Uint8Array.of(9, 10, 10, 10));
  });

  test('a residual of real or 8-bit values, of the channel it belongs to', () => {
    const identity = { data: Int8Array.of(1, 2), shape: [2, 1, 1, 1], scale: 1, zeroPoint: 0 };
    const residual = f(1, 2, 3, 4, 10, 20, 30, 40);
    expect(quantizedConv2d(qx, identity, { residual }).data).toEqual(f(1, 2.5, 4, 5.5, 10, 21, 32, 43));
    const bytes = { data: Int8Array.from(residual), shape: [1, 2, 2, 2], scale: 0.5, zeroPoint: 2 };
    expect(quantizedConv2d(qx, identity, { residual: bytes }).data).toEqual(f(-0.5, 0.5, 1.5, 2.5, 4, 10, 16, 22));
  });

  test('as many products as int32 can hold, and one more', () => {
    const k = Math.floor((2 ** 31 - 1) / (255 * 128));
    const image = (n: number) => ({ data: new Uint8Array(n).fill(255), shape: [1, n, 1, 1], scale: 1, zeroPoint: 0 });
    const weights = (n: number) => ({ data: new Int8Array(n).fill(-128), shape: [1, n, 1, 1], scale: 1, zeroPoint: 0 });
    expect(quantizedConv2d(image(k), weights(k), { output: 'int32' }).data).toEqual(Int32Array.of(-128 * 255 * k));
    expect(() => quantizedConv2d(image(k + 1), weights(k + 1))).toThrow(refused('ERR_LOWP_VALUE'));
  });

  test.each<MatmulOutput>(['float32', 'int32', { dtype: 'int8', scale: 0.3, zeroPoint: -5 }, { dtype: 'uint8', scale: 2 }])(
    'is quantizedMatmul of the patches > output %j',
    (output) => {
      const r = new Random('im2col');
      for (let i = 0; i < 8; i++) {
        const [batch, channels, outChannels] = [r.int(1, 2), r.int(1, 3), r.int(1, 5)];
        const geometry = {
          kernel: [r.int(1, 3), r.int(1, 3)],
          strides: [r.int(1, 2), r.int(1, 3)],
          dilations: [r.int(1, 2), r.int(1, 2)],
          padding: [r.int(0, 2), r.int(0, 2), r.int(0, 2), r.int(0, 2)],
        } as const;
        const data = r.bytes(batch * channels * 42);
        const image = { data, shape: [batch, channels, 6, 7], scale: 0.02, zeroPoint: r.int(0, 255) };
        const k = channels * geometry.kernel[0] * geometry.kernel[1];
        const weights = {
          ...{ data: new Int8Array(r.bytes(outChannels * k)), axis: 0 },
          ...{ scale: r.fill(new Float32Array(outChannels), () => r.real(0.01, 0.1)) },
          ...{ zeroPoint: new Int8Array(r.bytes(outChannels)) },
        };
        const bias = output === 'int32' ? r.fill(new Int32Array(outChannels), () => r.int(-999, 999)) : r.floats(outChannels);
        const activation = output === 'int32' ? 'none' : 'hardswish';
        const patches = im2col(image, geometry);
        const rows = { ...weights, shape: [outChannels, k] };
        const product = quantizedMatmul<MatmulOutput>(patches, rows, { output, bias, activation, transposeB: true });
        const kernel = { ...weights, shape: [outChannels, channels, ...geometry.kernel] };
        const y = quantizedConv2d<MatmulOutput>(image, kernel, { ...geometry, output, bias, activation });
        expectSame(toNhwc(y).data, product.data, `case ${i} ${JSON.stringify(geometry)}`);
      }
    },
  );

  test('NHWC is NCHW with its dimensions in the other order', () => {
    const r = new Random('layouts');
    const image = { data: r.bytes(2 * 4 * 5 * 6), shape: [2, 4, 5, 6], scale: 0.5, zeroPoint: 77 };
    const weights = { data: new Int8Array(r.bytes(6 * 2 * 9)), shape: [6, 2, 3, 3], scale: 0.1, zeroPoint: -3 };
    const options = { groups: 2, strides: [2, 1], padding: [0, 1, 2, 1] } as const;
    const residual = { data: r.floats(2 * 6 * 3 * 6), shape: [2, 6, 3, 6] };
    const want = quantizedConv2d(image, weights, { ...options, residual });
    const got = quantizedConv2d(toNhwc(image), weights, { ...options, residual: toNhwc(residual), layout: 'NHWC' });
    expect(got).toEqual(toNhwc(want));
    const real = { data: r.floats(image.data.length), shape: image.shape };
    const kernel = { data: r.floats(weights.data.length), shape: weights.shape };
    const float = conv2d(real, kernel, { ...options, residual });
    const other = conv2d(toNhwc(real), kernel, { ...options, residual: toNhwc(residual), layout: 'NHWC' });
    expectNear(other.data, toNhwc(float).data, 0, 'float32');
  });

  test('float32 weights, and a scale for each channel of x, are refused', () => {
    expect(() => quantizedConv2d(qx, packConv2d(ones))).toThrow(refused('ERR_LOWP_TYPE'));
    expect(() => conv2d(x, packConv2d(qw))).toThrow(refused('ERR_LOWP_TYPE'));
    expect(() => quantizedConv2d({ ...qx, scale: f(1), axis: 1 }, qw)).toThrow(refused('ERR_LOWP_VALUE'));
    expect(() => quantizedConv2d(qx, { ...qw, scale: f(1, 1), zeroPoint: Int8Array.of(0, 0), axis: 2 })).toThrow(
      refused('ERR_LOWP_VALUE'),
    );
    expect(() => packConv2d(qw, { batchNorm: { gamma: f(1), beta: f(1), mean: f(1), variance: f(1) } })).toThrow(
      refused('ERR_LOWP_TYPE'),
    );
  });
});

describe('packConv2d', () => {
  test('a copy, gone after dispose()', () => {
    const mine = { data: Buffer.from([1, 2, 3, 4]), shape: [1, 1, 2, 2], scale: 1, zeroPoint: 0 };
    const bias = Int32Array.of(5);
    const packed = packConv2d(mine, { bias });
    mine.data.fill(0);
    bias.fill(0);
    expect(packed).toMatchObject({ shape: [1, 1, 2, 2], groups: 1, dtype: 'int8', bytes: 4, disposed: false });
    expect(quantizedConv2d(qx, packed, { output: 'int32' }).data).toEqual(Int32Array.of(0 + 2 + 6 + 12 + 5));
    packed.dispose();
    expect(packed.disposed).toBe(true);
    expect(() => quantizedConv2d(qx, packed)).toThrow(refused('ERR_LOWP_DISPOSED'));
  });

  test('the asynchronous forms give the same', async () => {
    await expect(conv2dAsync(x, ones)).resolves.toEqual(conv2d(x, ones));
    await expect(quantizedConv2dAsync(qx, qw)).resolves.toEqual(quantizedConv2d(qx, qw));
  });
});
