/** The convolutions of lowp.node, called without TypeScript in front: see native.test.ts. */
import '../helpers/ownBinary';
import { Gemm } from '../../lib/native/slots';
import { wrong } from '../helpers/failures';
import { binding, convControl, expectFailure, gemmControl, packedConv, packedFloats, type ConvSizes } from '../helpers/native';

const native = binding();
const f = (n: number): Float32Array => new Float32Array(n);
const i8 = (n: number): Int8Array => new Int8Array(n);
const i32 = (n: number): Int32Array => new Int32Array(n);
const one = Float32Array.of(1);

describe('packing 4x2x3x3 in 2 groups', () => {
  const sizes: ConvSizes = { channels: 4, outChannels: 4, kernelH: 3, kernelW: 3, groups: 2 };
  const floats = (over: ConvSizes, w: unknown = f(72)): unknown => native.packConvF(convControl({ ...sizes, ...over }), wrong(w));
  const bytes = (over: ConvSizes, w: unknown = i8(72), scales: unknown = one, zeros: unknown = i32(1)): unknown =>
    native.packConvQ(convControl({ ...sizes, ...over }), wrong(w), wrong(scales), wrong(zeros));

  test('good ones', () => {
    floats({});
    bytes({});
    bytes({}, new Uint8Array(72), f(4).fill(1), i32(4));
  });

  test.each<[string, string, () => unknown]>([
    ['floats short', 'SHAPE', () => floats({}, f(71))],
    ['bytes short', 'SHAPE', () => bytes({}, i8(71))],
    ['groups that do not divide', 'SHAPE', () => floats({ groups: 3 })],
    ['no groups', 'SHAPE', () => floats({ groups: 0 })],
    ['no kernel', 'SHAPE', () => floats({ kernelH: 0 })],
    ['no channels', 'SHAPE', () => floats({ channels: 0 })],
    [
      'sizes that overflow',
      'SHAPE',
      () => floats({ kernelH: 2 ** 30, kernelW: 2 ** 30, channels: 2 ** 30, outChannels: 2 ** 30 }),
    ],
    ['2^40 channels', 'SHAPE', () => floats({ channels: 2 ** 40 })],
    ['negative kernel', 'VALUE', () => floats({ kernelW: -1 })],
    ['int8 weights as floats', 'TYPE', () => floats({}, i8(72))],
    ['float32 weights as bytes', 'TYPE', () => bytes({}, f(72))],
    ['scales for half', 'SHAPE', () => bytes({}, i8(72), f(2), i32(2))],
    ['scale 0', 'VALUE', () => bytes({}, i8(72), f(1))],
    ['zero point 128', 'VALUE', () => bytes({}, i8(72), one, Int32Array.of(128))],
    ['depthwise, scale NaN', 'VALUE', () => bytes({ groups: 4 }, i8(36), Float32Array.of(NaN))],
    ['depthwise, zero point -129', 'VALUE', () => bytes({ groups: 4 }, i8(36), one, Int32Array.of(-129))],
  ])('%s', (_, code, call) => expectFailure(call, code));
});

describe.each([
  ['dense', 1],
  ['depthwise', 4],
])('%s 3x3, 1x4x5x6 to 1x4x3x4', (_, groups) => {
  const sizes: ConvSizes = {
    ...{ batch: 1, channels: 4, height: 5, width: 6, outChannels: 4, outH: 3, outW: 4 },
    ...{ kernelH: 3, kernelW: 3, groups },
  };
  const real = packedConv(sizes, 'float32');
  const quantized = packedConv(sizes, 'int8');
  type Over = Partial<Record<keyof typeof Gemm, number>>;
  const run = (
    over: ConvSizes,
    { x = f(120), out = f(48), bias, residual, weights = real, ctl = {} }: Readonly<Record<string, unknown>> = {},
  ): void =>
    native.conv(
      gemmControl(0, 0, 0, ctl as Over),
      convControl({ ...sizes, ...over }),
      wrong(x),
      wrong(weights),
      wrong(out),
      wrong(bias),
      wrong(residual),
    );

  test('good ones', () => {
    const out = f(48);
    run({}, { x: f(120).fill(1), out, bias: f(4).fill(0.5), residual: f(48).fill(2) });
    expect(new Set(out)).toEqual(new Set([36 / groups + 2.5]));
    run({}, { x: i8(120), weights: quantized, out: i32(48), bias: i32(4) });
    run({}, { x: i8(120), weights: quantized, out: i8(48), residual: i8(48), ctl: { scaleOut: 1 } });
    run({ nhwc: 1 });
    run({ batch: 0 }, { x: f(0), out: f(0) });
    // Padding may be larger than the image, and the result too small or too large for it: what is missing is padding.
    run({ padTop: 100, padLeft: 100 });
    run({ strideH: 1000, strideW: 1000, dilationH: 500, dilationW: 500 });
  });

  test.each<[string, string, () => void]>([
    ['x short', 'SHAPE', () => run({}, { x: f(119) })],
    ['out short', 'SHAPE', () => run({}, { out: f(47) })],
    ['bias short', 'SHAPE', () => run({}, { bias: f(3) })],
    ['residual short', 'SHAPE', () => run({}, { residual: f(47) })],
    ['another kernel', 'SHAPE', () => run({ kernelH: 2 })],
    ['other groups', 'SHAPE', () => run({ groups: 2 })],
    ['other channels', 'SHAPE', () => run({ channels: 2 })],
    ['other output channels', 'SHAPE', () => run({ outChannels: 3 })],
    ['stride 0', 'SHAPE', () => run({ strideW: 0 })],
    ['dilation 0', 'SHAPE', () => run({ dilationH: 0 })],
    ['sizes that overflow', 'SHAPE', () => run({ height: 2 ** 30, width: 2 ** 30, batch: 2 ** 30 })],
    ['padding beyond reason', 'SHAPE', () => run({ padLeft: 2 ** 30 })],
    ['stride beyond reason', 'SHAPE', () => run({ strideW: 2 ** 30 })],
    ['height NaN', 'VALUE', () => run({ height: NaN })],
    ['int8 x for float32 weights', 'TYPE', () => run({}, { x: i8(120) })],
    ['float32 x for int8 weights', 'TYPE', () => run({}, { weights: quantized })],
    ['int32 out for float32 weights', 'TYPE', () => run({}, { out: i32(48) })],
    ['int32 bias for float32 weights', 'TYPE', () => run({}, { bias: i32(4) })],
    ['int8 residual for float32 weights', 'TYPE', () => run({}, { residual: i8(48) })],
    ['int32 residual', 'TYPE', () => run({}, { x: i8(120), weights: quantized, residual: i32(48) })],
    ['zero point 128', 'VALUE', () => run({}, { x: i8(120), weights: quantized, ctl: { zeroA: 128 } })],
    ['scale 0', 'VALUE', () => run({}, { x: i8(120), weights: quantized, ctl: { scaleA: 0 } })],
    ['residual of int32 out', 'VALUE', () => run({}, { x: i8(120), weights: quantized, out: i32(48), residual: f(48) })],
    ['min above max', 'VALUE', () => run({}, { ctl: { min: 1, max: 0 } })],
    ['weights of matmul', 'HANDLE', () => run({}, { weights: packedFloats(4, 4) })],
    ['no handle', 'HANDLE', () => run({}, { weights: {} })],
  ])('%s', (__, code, call) => expectFailure(call, code));

  test('out over x, bias and residual; exactly over residual is fine', () => {
    const memory = f(200);
    expectFailure(() => run({}, { x: memory.subarray(0, 120), out: memory.subarray(119, 167) }), 'ALIAS');
    expectFailure(() => run({}, { bias: memory.subarray(47, 51), out: memory.subarray(0, 48) }), 'ALIAS');
    expectFailure(() => run({}, { residual: memory.subarray(1, 49), out: memory.subarray(0, 48) }), 'ALIAS');
    run({}, { residual: memory.subarray(0, 48), out: memory.subarray(0, 48) });
  });
});
