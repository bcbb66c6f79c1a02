/** The judge of the convolution bench: takes what is right in either layout, names what is not. */
import { conv2d, quantizedConv2d, type ConvLayout } from 'lowp';
import { checkFloatConv, checkQuantizedConv, makeConvProblem, toNhwc } from '../../bench/convProblem';

const LAYER = { channels: 4, height: 6, width: 5, outChannels: 6, kernel: 3, stride: 2, padding: 1, groups: 2, count: 1 };
/** Larger than what is checked as a whole: some pixels and channels of it are. */
const LARGE = { ...LAYER, channels: 32, height: 40, width: 40, outChannels: 80, stride: 1, groups: 1 };
const LAYOUTS: readonly ConvLayout[] = ['NHWC', 'NCHW'];

test('conv problem > toNhwc', () => {
  const x = { data: Float32Array.of(1, 2, 3, 4, 5, 6), shape: [1, 2, 1, 3] };
  expect(toNhwc(x)).toEqual({ data: Float32Array.of(1, 4, 2, 5, 3, 6), shape: [1, 1, 3, 2] });
});

describe.each([
  ['checked as a whole', LAYER],
  ['sampled', LARGE],
])('conv problem > %s', (_, layer) => {
  const problem = makeConvProblem(layer, 1, 1);
  const { groups, stride: strides, padding } = layer;
  const options = { groups, strides, padding, activation: 'relu' } as const;

  test.each(LAYOUTS)('bytes, %s', (layout) => {
    const { quantized, weights, quantizedBias: bias, output } = problem;
    const x = layout === 'NHWC' ? toNhwc(quantized) : quantized;
    const y = quantizedConv2d(x, weights, { ...options, layout, bias, output }).data as Uint8Array;
    expect(checkQuantizedConv(problem, y, layout)).toBeUndefined();
    y[y.length - 1] ^= 1;
    expect(checkQuantizedConv(problem, y, layout)).toMatch(/^1 of \d+ checked elements are wrong/);
  });

  test.each(LAYOUTS)('float32, %s', (layout) => {
    const { x, floatWeights, bias } = problem;
    const y = conv2d(layout === 'NHWC' ? toNhwc(x) : x, floatWeights, { ...options, layout, bias }).data;
    expect(checkFloatConv(problem, y, layout)).toBeUndefined();
    y[0] += 1;
    expect(checkFloatConv(problem, y, layout)).toMatch(/^1 of \d+ checked elements are wrong/);
  });
});
