/** Both splits of a convolution: exact at full rank, their error as promised below it; weights of a real network. */
import { conv2d, splitConv2d, type Conv2dOptions, type SplitConv2dOptions, type Tensor } from 'lowp';
import { expectThrows, wrong } from '../helpers/failures';
import { AngleClassifier } from '../helpers/ocr';
import { Random } from '../helpers/random';
import { norm } from '../helpers/spectra';

const [O, I, H, W] = [6, 5, 3, 4];
const weights = (): Tensor<Float32Array> => ({ data: new Random('weights').floats(O * I * H * W), shape: [O, I, H, W] });
const apart = (x: Float32Array, y: Float32Array): number => norm(x.map((v, i) => v - y[i])) / norm(x);

test.each<[SplitConv2dOptions['kind'], number]>([
  ['channel', O],
  ['spatial', I * H],
])('%s: rank %i is the convolution itself, with strides, dilations, padding and all that the second one takes', (kind, rank) => {
  const r = new Random(kind);
  const x = { data: r.floats(2 * I * 11 * 13), shape: [2, I, 11, 13] };
  const bias = r.floats(O);
  const geometry = { strides: [2, 1], dilations: [1, 2], padding: [1, 2, 0, 3] } as const;
  const whole = conv2d(x, weights(), { ...geometry, bias, activation: 'relu' });
  const split = splitConv2d(weights(), { kind, rank, ...geometry });
  expect([split.rank, split.first.shape, split.second.shape]).toEqual(
    kind === 'channel' ? [rank, [rank, I, H, W], [O, rank, 1, 1]] : [rank, [rank, I, H, 1], [O, rank, 1, W]],
  );
  expect(split.error).toBeLessThan(1e-6);
  const options: Conv2dOptions = { ...split.secondOptions, bias, activation: 'relu' };
  const got = conv2d(conv2d(x, split.first, split.firstOptions), split.second, options);
  expect(got.shape).toEqual(whole.shape);
  expect(apart(whole.data, got.data)).toBeLessThan(1e-5);
});

test.each(['channel', 'spatial'] as const)(
  '%s: one convolution of an impulse shows the weights, with the error that was said',
  (kind) => {
    const { first, second, error, rank } = splitConv2d(weights(), { kind, maxError: 0.5 });
    expect(error).toBeLessThanOrEqual(0.5);
    expect(rank).toBeGreaterThan(1);
    // Channel c of image c has an impulse: the result is weights[:, c], mirrored.
    const shape = [I, I, 2 * H - 1, 2 * W - 1];
    const image = new Float32Array(I * I * shape[2] * shape[3]);
    for (let c = 0; c < I; c++) image[((c * I + c) * shape[2] + H - 1) * shape[3] + W - 1] = 1;
    const whole = conv2d({ data: image, shape }, weights()).data;
    const got = conv2d(conv2d({ data: image, shape }, first), second).data;
    expect(apart(whole, got)).toBeCloseTo(error, 4);
  },
);

test('a rank of 1 by hand', () => {
  const w = { data: Float32Array.of(1, 2, 2, 4), shape: [1, 1, 2, 2] };
  const { first, second } = splitConv2d(w, { kind: 'spatial', rank: 1 });
  const [a, b] = [first.data, second.data];
  [a[0] * b[0], a[0] * b[1], a[1] * b[0], a[1] * b[1]].forEach((x, i) => expect(x).toBeCloseTo(w.data[i], 5));
});

test('convolutions of PP-OCR: the measured error falls with the rank, to rounding at the full one', () => {
  const blocks = new AngleClassifier().blocks.filter(({ groups, weights: w }) => groups === 1 && w.data.length > 500);
  expect(blocks.length).toBeGreaterThan(10);
  for (const { weights: w } of blocks.slice(0, 12)) {
    const full = Math.min(w.shape[0], w.shape[1] * w.shape[2] * w.shape[3]);
    let last = 1;
    for (const rank of [Math.ceil(full / 8), Math.ceil(full / 2), full]) {
      const { error } = splitConv2d(w, { kind: 'channel', rank });
      expect(error).toBeLessThanOrEqual(last + 1e-7);
      last = error;
    }
    expect(last).toBeLessThan(1e-6);
  }
});

test('refusals', () => {
  const split = (options: unknown, over: object = {}): unknown => splitConv2d({ ...weights(), ...over }, wrong(options));
  expectThrows(() => split(undefined), 'ERR_LOWP_TYPE', ['options']);
  expectThrows(() => split({ rank: 1 }), 'ERR_LOWP_TYPE', ['options.kind']);
  expectThrows(() => split({ kind: 'spacial', rank: 1 }), 'ERR_LOWP_TYPE', ["did you mean 'spatial'"]);
  expectThrows(() => split({ kind: 'channel' }), 'ERR_LOWP_VALUE', ['none']);
  expectThrows(() => split({ kind: 'channel', rank: 7 }), 'ERR_LOWP_VALUE', ['options.rank', 6, 7]);
  expectThrows(() => split({ kind: 'channel', rank: 1, strides: 0 }), 'ERR_LOWP_VALUE', ['options.strides', 1, 0]);
  expectThrows(() => split({ kind: 'channel', rank: 1, strides: [1] }), 'ERR_LOWP_SHAPE', ['options.strides']);
  expectThrows(() => split({ kind: 'channel', rank: 1, padding: 'same' }), 'ERR_LOWP_TYPE', ['options.padding']);
  expectThrows(() => split({ kind: 'channel', rank: 1, padding: [1, 2] }), 'ERR_LOWP_SHAPE', ['options.padding']);
  expectThrows(() => split({ kind: 'channel', rank: 1, groups: 2 }), 'ERR_LOWP_TYPE', ["'groups'"]);
  expectThrows(() => split({ kind: 'channel', rank: 1 }, { shape: [6, 60] }), 'ERR_LOWP_SHAPE', ['weights.shape', '[6, 60]']);
  expectThrows(() => split({ kind: 'channel', rank: 1 }, { strides: [60, 12, 4, 1] }), 'ERR_LOWP_VALUE', ['weights.strides']);
  expectThrows(() => split({ kind: 'channel', rank: 1 }, { data: new Float32Array(9) }), 'ERR_LOWP_SHAPE', ['weights', 360, 9]);
});
