/**
 * Weights packed for Winograd on every instruction set, against the direct sum of the oracle: tiles of 2 x 2 exact where values are
 * small integers and within the bound of the direct sum else, tiles of 4 x 4 within four times that.
 */
import { conv2d, conv2dAsync, packConv2d, runtime, type Conv2dOptions } from 'lowp';
import * as reference from 'lowp/reference';
import { expectNear, expectSame } from '../helpers/compare';
import { usableIsas, useIsa } from '../helpers/isas';
import { Random } from '../helpers/random';

const EPSILON = 2 ** -23;
const TILES = [2, 4] as const;

interface Case {
  readonly x: readonly number[];
  readonly outChannels: number;
  readonly options: Conv2dOptions;
}

const CASES: readonly Case[] = [
  { x: [1, 14, 14, 64], outChannels: 64, options: { layout: 'NHWC', padding: 1 } },
  { x: [2, 7, 9, 33], outChannels: 17, options: { layout: 'NHWC', padding: 'same', threads: 2 } },
  { x: [2, 19, 13, 11], outChannels: 40, options: { layout: 'NCHW', padding: [0, 2, 1, 3] } },
  { x: [1, 3, 3, 3], outChannels: 1, options: { layout: 'NHWC' } },
  { x: [1, 1, 1, 1], outChannels: 3, options: { layout: 'NHWC', padding: 2 } },
  { x: [1, 8, 4, 5], outChannels: 16, options: { layout: 'NCHW', padding: 5 } },
  { x: [3, 20, 30, 31], outChannels: 20, options: { layout: 'NCHW', padding: 1, threads: 3 } },
  { x: [0, 4, 8, 8], outChannels: 2, options: { layout: 'NCHW' } },
];

const count = (shape: readonly number[]): number => shape.reduce((p, size) => p * size, 1);
const channelsOf = ({ x, options }: Case): number => x[options.layout === 'NHWC' ? 3 : 1];
const wholes = (r: Random, length: number): Float32Array => r.fill(new Float32Array(length), () => r.int(-5, 5));
const largest = (values: Float32Array): number => values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
const boundOf = (channels: number, magnitude: number): number => EPSILON * (9 * channels + 1) * magnitude * 2;

describe.each(usableIsas())('%s', (isa) => {
  useIsa(isa);

  describe.each(TILES)('tiles of %i', (winograd) => {
    const slack = winograd === 2 ? 1 : 4;

    test.each(CASES.map((c) => [`${c.x.join('x')} -> ${c.outChannels} ${JSON.stringify(c.options)}`, c] as const))(
      '%s',
      async (title, c) => {
        const r = new Random(title);
        const channels = channelsOf(c);
        const wShape = [c.outChannels, channels, 3, 3];
        const x = { data: wholes(r, count(c.x)), shape: c.x };
        const weights = { data: wholes(r, count(wShape)), shape: wShape };
        const bias = wholes(r, c.outChannels);
        const plain = reference.conv2d(x, weights, c.options);
        const options = { ...c.options, activation: 'relu', residual: { ...plain, data: wholes(r, plain.data.length) } } as const;
        const wanted = reference.conv2d(x, weights, { ...options, bias }).data;
        using packed = packConv2d(weights, { bias, winograd });
        const { data } = conv2d(x, packed, options);
        if (winograd === 2) expectSame(data, wanted, title);
        else expectNear(data, wanted, slack * boundOf(channels, 25), title);
        expectSame((await conv2dAsync(x, packed, options)).data, data, `${title} async`);
        expectSame(conv2d(x, packed, { ...options, threads: 1 }).data, data, `${title} one thread`);

        const reals = { data: r.floats(count(c.x)), shape: c.x };
        const filters = { data: r.floats(count(wShape)), shape: wShape };
        using packedReals = packConv2d(filters, { winograd });
        const bound = slack * boundOf(channels, largest(reals.data) * largest(filters.data));
        expectNear(conv2d(reals, packedReals, c.options).data, reference.conv2d(reals, filters, c.options).data, bound, title);
      },
    );

    test('signs that add up in the transforms', () => {
      const shape = [1, 24, 24, 32];
      const flip = (i: number): number => ((i >> 5) + Math.floor(i / (24 * 32))) % 2;
      const x = { data: Float32Array.from({ length: count(shape) }, (_, i) => (flip(i) === 0 ? 1.1 : -1.3)), shape };
      const weights = {
        data: Float32Array.from({ length: 8 * 32 * 9 }, (_, i) => (i % 2 === 0 ? 0.7 : -0.9)),
        shape: [8, 32, 3, 3],
      };
      const options = { layout: 'NHWC', padding: 1 } as const;
      using packed = packConv2d(weights, { winograd });
      const bound = slack * boundOf(32, 1.3 * 0.9);
      expectNear(conv2d(x, packed, options).data, reference.conv2d(x, weights, options).data, bound, 'signs');
    });

    test('a NaN reaches no output but those of its tiles', () => {
      const x = { data: new Float32Array(32 * 32).fill(1), shape: [1, 1, 32, 32] };
      x.data[15 * 32 + 15] = NaN;
      using packed = packConv2d({ data: new Float32Array(9).fill(1), shape: [1, 1, 3, 3] }, { winograd });
      const { data, shape } = conv2d(x, packed, { padding: 1 });
      expect(shape).toEqual([1, 1, 32, 32]);
      const touched = [...data.keys()].filter((i) => Number.isNaN(data[i]));
      for (const y of [14, 15, 16]) expect(touched).toEqual(expect.arrayContaining([y * 32 + 14, y * 32 + 15, y * 32 + 16]));
      const far = touched.filter((i) => Math.max(Math.abs((i >> 5) - 15), Math.abs((i % 32) - 15)) > winograd);
      expect(far).toEqual([]);
    });
  });
});

test('the handle says what it was packed for, and is larger', () => {
  const weights = { data: new Float32Array(64 * 64 * 9), shape: [64, 64, 3, 3] };
  using direct = packConv2d(weights);
  using small = packConv2d(weights, { winograd: 2 });
  using large = packConv2d(weights, { winograd: 4 });
  if (runtime.backend !== 'native') return;
  expect(small.kernel).toBe(runtime.kernels().find((k) => k.family === 'winograd' && k.selected)?.name);
  expect(small.bytes / direct.bytes).toBeCloseTo(16 / 9, 2);
  expect(large.bytes / direct.bytes).toBeCloseTo(4, 2);
});
