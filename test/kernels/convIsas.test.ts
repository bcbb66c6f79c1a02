/**
 * Convolutions as models have them, on every instruction set, packed and awaited too: int8 bit for bit the oracle's, float32 exact
 * where sums are small integers. convOracle.test.ts has random ones.
 */
import {
  conv2d,
  conv2dAsync,
  packConv2d,
  quantizedConv2d,
  quantizedConv2dAsync,
  runtime,
  type Activation,
  type Conv2dOptions,
  type MatmulOutput,
  type QuantizedConv2dOptions,
} from 'lowp';
import * as reference from 'lowp/reference';
import { CURVES } from '../helpers/activations';
import { expectNear, expectSame } from '../helpers/compare';
import { usableIsas, useIsa } from '../helpers/isas';
import { Random } from '../helpers/random';

const EPSILON = 2 ** -23;

interface Case {
  readonly batch: number;
  readonly channels: number;
  readonly size: readonly [number, number];
  readonly outChannels: number;
  readonly kernel: readonly [number, number];
  readonly options: Pick<Conv2dOptions, 'strides' | 'dilations' | 'padding' | 'groups' | 'layout' | 'threads'>;
}

const FIXED: readonly Case[] = [
  // What models have: a first layer, 3x3, 1x1, 1x1 with stride, depthwise 3x3 and 5x5, a multiplier, dilation.
  ...(['NCHW', 'NHWC'] as const).flatMap((layout): Case[] => [
    { batch: 1, channels: 3, size: [30, 31], outChannels: 20, kernel: [7, 7], options: { layout, strides: 2, padding: 3 } },
    { batch: 2, channels: 17, size: [9, 11], outChannels: 33, kernel: [3, 3], options: { layout, padding: 'same' } },
    { batch: 2, channels: 40, size: [7, 7], outChannels: 65, kernel: [1, 1], options: { layout } },
    { batch: 1, channels: 40, size: [7, 8], outChannels: 20, kernel: [1, 1], options: { layout, strides: 2 } },
    { batch: 2, channels: 35, size: [12, 13], outChannels: 35, kernel: [3, 3], options: { layout, groups: 35, padding: 1 } },
    {
      batch: 1,
      channels: 16,
      size: [14, 40],
      outChannels: 16,
      kernel: [5, 5],
      options: { layout, groups: 16, strides: 2, padding: 2 },
    },
    // Rows that are wider than the borders, and channels that are not a multiple of a block.
    ...[3, 5, 7].flatMap((k) =>
      [1, 2].map((strides): Case => {
        const options = { layout, groups: 37, strides, padding: [1, 2, k - 2, k - 1] };
        return { batch: 1, channels: 37, size: [8, 150], outChannels: 37, kernel: [k, k], options };
      }),
    ),
    {
      batch: 1,
      channels: 20,
      size: [9, 50],
      outChannels: 20,
      kernel: [3, 3],
      options: { layout, groups: 20, dilations: 2, padding: 2 },
    },
    { batch: 1, channels: 6, size: [9, 9], outChannels: 12, kernel: [3, 3], options: { layout, groups: 6 } },
    {
      batch: 1,
      channels: 8,
      size: [15, 15],
      outChannels: 12,
      kernel: [3, 3],
      options: { layout, dilations: 3, groups: 2, padding: 3 },
    },
    { batch: 1, channels: 300, size: [5, 5], outChannels: 9, kernel: [3, 3], options: { layout, padding: 1, threads: 2 } },
    {
      batch: 3,
      channels: 33,
      size: [40, 9],
      outChannels: 33,
      kernel: [3, 2],
      options: { layout, groups: 33, padding: 1, threads: 3 },
    },
  ]),
];

function titleOf({ batch, channels, size, outChannels, kernel, options }: Case): string {
  return `${batch}x${channels}x${size.join('x')} -> ${outChannels} kernel ${kernel.join('x')} ${JSON.stringify(options)}`;
}

const CASES = FIXED.map((c) => [titleOf(c), c] as const);

function shapesOf({ batch, channels, size, outChannels, kernel, options }: Case) {
  const xShape = options.layout === 'NHWC' ? [batch, ...size, channels] : [batch, channels, ...size];
  const wShape = [outChannels, channels / (options.groups ?? 1), ...kernel];
  const product = (shape: readonly number[]): number => shape.reduce((p, s) => p * s, 1);
  return { xShape, wShape, xCount: product(xShape), wCount: product(wShape) };
}

const wholes = (r: Random, length: number): Float32Array => r.fill(new Float32Array(length), () => r.int(-5, 5));
const anyActivation = (r: Random): Activation => (r.chance(0.5) ? 'relu' : CURVES[r.int(0, CURVES.length - 1)]);

describe.each(usableIsas())('%s', (isa) => {
  useIsa(isa);

  test.each(CASES)('float32 > %s', async (title, c) => {
    const r = new Random(title);
    const { xShape, wShape, xCount, wCount } = shapesOf(c);
    const x = { data: wholes(r, xCount), shape: xShape };
    const weights = { data: wholes(r, wCount), shape: wShape };
    const bias = r.chance(0.5) ? wholes(r, c.outChannels) : undefined;
    const plain = reference.conv2d(x, weights, c.options);
    const residual = r.chance(0.5) ? { data: wholes(r, plain.data.length), shape: plain.shape } : undefined;
    const options = { ...c.options, residual, activation: anyActivation(r) };
    const wanted = reference.conv2d(x, weights, { ...options, bias }).data;
    const out = new Float32Array(wanted.length).fill(7);
    expectSame(conv2d(x, weights, { ...options, bias, out }).data, wanted, title);
    using packed = packConv2d(weights, { groups: c.options.groups, bias });
    expectSame(conv2d(x, packed, options).data, wanted, `${title} packed`);
    expectSame((await conv2dAsync(x, packed, options)).data, wanted, `${title} async`);

    const reals = { data: r.floats(xCount), shape: xShape };
    const filters = { data: r.floats(wCount), shape: wShape };
    const depth = wCount / c.outChannels;
    const bound = EPSILON * (depth + 1) * largest(reals.data) * largest(filters.data) * 2;
    expectNear(conv2d(reals, filters, c.options).data, reference.conv2d(reals, filters, c.options).data, bound, title);
  });

  test.each(CASES)('int8 > %s', async (title, c) => {
    const r = new Random(`${title} int8`);
    const { xShape, wShape, xCount, wCount } = shapesOf(c);
    const s8 = (length: number): Int8Array => r.fill(new Int8Array(length), () => r.int(-128, 127));
    const u8 = (length: number): Uint8Array => r.fill(new Uint8Array(length), () => r.int(0, 255));
    const signed = r.chance(0.5);
    const x = signed
      ? { data: s8(xCount), shape: xShape, scale: 0.02, zeroPoint: -7 }
      : { data: u8(xCount), shape: xShape, scale: 0.03, zeroPoint: 131 };
    const wData = r.chance(0.7) ? s8(wCount) : u8(wCount);
    const low = wData instanceof Int8Array ? -128 : 0;
    const weights = r.chance(0.5)
      ? { data: wData, shape: wShape, scale: 0.01, zeroPoint: low + r.int(0, 255) }
      : {
          ...{ data: wData, shape: wShape, axis: 0 },
          scale: r.fill(new Float32Array(c.outChannels), () => r.real(0.001, 0.02)),
          zeroPoint: r.fill(new Int32Array(c.outChannels), () => low + r.int(0, 255)),
        };
    const sums = r.fill(new Int32Array(c.outChannels), () => r.int(-10000, 10000));
    const reals = r.floats(c.outChannels);
    const plain = reference.quantizedConv2d(x, weights, c.options);
    const bytes = { data: u8(plain.data.length), shape: plain.shape, scale: 0.1, zeroPoint: 120 };
    const floats = { data: r.floats(plain.data.length), shape: plain.shape };
    const calls: readonly (QuantizedConv2dOptions & { readonly output: MatmulOutput })[] = [
      { output: 'int32', bias: sums },
      { output: 'float32', bias: reals, residual: bytes, activation: anyActivation(r) },
      { output: { dtype: 'uint8', scale: 0.5, zeroPoint: 90 }, bias: sums, activation: 'relu' },
      { output: { dtype: 'int8', scale: 0.4, zeroPoint: -3 }, bias: reals, residual: floats, activation: anyActivation(r) },
    ];
    for (const { bias, ...call } of calls) {
      const options = { ...c.options, ...call };
      const wanted = reference.quantizedConv2d(x, weights, { ...options, bias }).data;
      expectSame(quantizedConv2d(x, weights, { ...options, bias }).data, wanted, title);
      using packed = packConv2d(weights, { groups: c.options.groups, bias });
      expectSame(quantizedConv2d(x, packed, options).data, wanted, `${title} packed`);
      expectSame((await quantizedConv2dAsync(x, packed, options)).data, wanted, `${title} async`);
    }
  });
});

test('a handle counts as memory, survives disposal in flight, and is gone afterwards', async () => {
  const before = runtime.memory();
  const r = new Random('handle');
  const x = { data: r.floats(64 * 20 * 20), shape: [1, 64, 20, 20] };
  const weights = { data: r.floats(64 * 64 * 9), shape: [64, 64, 3, 3] };
  const packed = packConv2d(weights);
  if (runtime.backend === 'native') {
    expect(packed.kernel).toBe(runtime.kernels().find((k) => k.family === 'sgemm' && k.selected)?.name);
    expect(runtime.memory().packedBytes - before.packedBytes).toBe(packed.bytes);
  }
  const wanted = conv2d(x, packed).data;
  const pending = conv2dAsync(x, packed);
  packed.dispose();
  expectSame((await pending).data, wanted, 'in flight');
  expect(runtime.memory()).toEqual(before);
  expect(() => conv2d(x, packed)).toThrow(expect.objectContaining({ code: 'ERR_LOWP_DISPOSED' }));
});

function largest(values: Float32Array): number {
  let most = 1;
  for (const value of values) most = Math.max(most, Math.abs(value));
  return most;
}
