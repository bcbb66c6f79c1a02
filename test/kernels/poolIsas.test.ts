/** Poolings on every instruction set against the oracle: shapes around vectors and blocks, every way to walk them, threads. */
import {
  averagePool2d,
  averagePool2dAsync,
  globalAveragePool2d,
  maxPool2d,
  maxPool2dAsync,
  runtime,
  type AveragePool2dOptions,
  type QuantizedTensor,
  type Tensor,
} from 'lowp';
import * as reference from 'lowp/reference';
import { expectSame } from '../helpers/compare';
import { toNhwc } from '../helpers/convs';
import { usableIsas, useIsa } from '../helpers/isas';
import { Random } from '../helpers/random';

interface Case {
  /** [N, C, H, W] */
  readonly shape: readonly number[];
  readonly options: AveragePool2dOptions;
}

const CASES: readonly Case[] = [
  // What networks have: the first layer of ResNet, shortcuts, Inception, ShuffleNet, a row of audio.
  { shape: [1, 9, 112, 112], options: { kernel: 3, strides: 2, padding: 1, threads: 2 } },
  { shape: [2, 33, 14, 14], options: { kernel: 2, strides: 2 } },
  { shape: [1, 17, 35, 35], options: { kernel: 3, padding: 1 } },
  { shape: [1, 40, 28, 28], options: { kernel: 3, strides: 2, padding: 'same', ceilMode: true } },
  { shape: [1, 2, 1, 5000], options: { kernel: [1, 4], strides: [1, 4] } },
  // Rows of one vector more or less, and narrower than one.
  ...[1, 3, 4, 7, 8, 9, 15, 16, 17, 31, 32, 33, 63, 65].flatMap((width): Case[] => [
    { shape: [1, 3, 5, width], options: { kernel: [3, 1], padding: 1 } },
    { shape: [1, 2, 4, width + 2], options: { kernel: 3, strides: 2, padding: 1 } },
  ]),
  // Wide windows, a large stride, dilations.
  { shape: [2, 5, 9, 70], options: { kernel: [2, 50], strides: [1, 7] } },
  { shape: [1, 3, 5, 200], options: { kernel: 3, strides: [1, 11] } },
  { shape: [1, 5, 20, 21], options: { kernel: [3, 4], dilations: [4, 5], padding: 3, strides: 3 } },
];

const product = (shape: readonly number[]): number => shape.reduce((p, size) => p * size, 1);
const wholes = (r: Random, length: number): Float32Array => r.fill(new Float32Array(length), () => r.int(-9, 9));

/** Small whole numbers, whose float32 averages every order of the sum rounds alike, and all of 8 bits. */
function images(shape: readonly number[], seed: string): (Tensor<Float32Array> | QuantizedTensor)[] {
  const r = new Random(seed);
  const count = product(shape);
  const bytes = r.bytes(count);
  return [
    { data: wholes(r, count), shape },
    { data: bytes, shape, scale: 0.1, zeroPoint: 77 },
    { data: new Int8Array(bytes), shape, scale: 0.1, zeroPoint: -5 },
  ];
}

describe.each(usableIsas())('%s', (isa) => {
  useIsa(isa);

  test.each(CASES.map((c) => [`[${c.shape.join(', ')}] ${JSON.stringify(c.options)}`, c] as const))('%s', async (title, c) => {
    expect(runtime.kernels().find(({ family, selected }) => family === 'pool' && selected)).toBeDefined();
    for (const x of images(c.shape, title)) {
      const { kernel, strides, dilations, padding, ceilMode, threads } = c.options;
      const window = { kernel, strides, dilations, padding, ceilMode };
      const nhwc = { ...window, layout: 'NHWC', threads } as const;
      const largest = reference.maxPool2d(x, window);
      const mean = reference.averagePool2d(x, { ...window, countIncludePad: true });
      const whole = reference.globalAveragePool2d(x);
      const name = `${title} ${x.data.constructor.name}`;
      expectSame(maxPool2d(x, { ...window, threads }).data, largest.data, `max ${name}`);
      expectSame((await maxPool2dAsync(toNhwc(x), nhwc)).data, toNhwc(largest).data, `max NHWC ${name}`);
      const given = { ...window, threads, countIncludePad: true };
      expectSame((await averagePool2dAsync(x, given)).data, mean.data, `average ${name}`);
      expectSame(averagePool2d(toNhwc(x), { ...nhwc, countIncludePad: true }).data, toNhwc(mean).data, `average NHWC ${name}`);
      expectSame(globalAveragePool2d(x, { threads }).data, whole.data, `global ${name}`);
      expectSame(globalAveragePool2d(toNhwc(x), { layout: 'NHWC' }).data, toNhwc(whole).data, `global NHWC ${name}`);
    }
  });

  test('NaN anywhere in a window is its largest; zeros come out as +0', () => {
    for (let at = 0; at < 9; at++) {
      const data = Float32Array.of(1, 2, 3, 4, 5, 6, 7, Infinity, 9);
      data[at] = NaN;
      for (const layout of ['NCHW', 'NHWC'] as const) {
        for (const channels of [1, 9, 33]) {
          const many = new Float32Array(9 * channels);
          for (let i = 0; i < many.length; i++) many[i] = data[layout === 'NCHW' ? i % 9 : Math.floor(i / channels)];
          const shape = layout === 'NCHW' ? [1, channels, 3, 3] : [1, 3, 3, channels];
          expect(new Set(maxPool2d({ data: many, shape }, { kernel: 3, layout }).data)).toEqual(new Set([NaN]));
          expect(new Set(maxPool2d({ data: many, shape }, { kernel: 3, padding: 1, layout }).data).has(NaN)).toBe(true);
          expect(new Set(globalAveragePool2d({ data: many, shape }, { layout }).data)).toEqual(new Set([NaN]));
        }
      }
    }
    const zeros = { data: new Float32Array(64).fill(-0), shape: [1, 1, 8, 8] };
    for (const options of [{ kernel: 1 }, { kernel: 2 }, { kernel: 3, strides: 2 }, { kernel: 8 }]) {
      expect(maxPool2d(zeros, options).data.every((y) => Object.is(y, 0))).toBe(true);
      expect((reference.maxPool2d(zeros, options).data as Float32Array).every((y) => Object.is(y, 0))).toBe(true);
    }
  });

  test('float32 averages lie within the bound > 200 sums of very different summands', () => {
    const r = new Random('pool bound');
    for (let i = 0; i < 200; i++) {
      const shape = [1, 2, r.int(1, 12), r.int(1, 40)];
      const data = r.fill(new Float32Array(product(shape)), () => r.real(-1, 1) * 2 ** r.int(-40, 40));
      const layout = r.pick(['NCHW', 'NHWC'] as const);
      const x = { data, shape };
      const y = globalAveragePool2d(layout === 'NCHW' ? x : toNhwc(x), { layout }).data;
      const want = reference.globalAveragePool2d(x).data;
      for (let c = 0; c < 2; c++) {
        const sum = data.subarray((c * data.length) / 2, ((c + 1) * data.length) / 2).reduce((s, v) => s + Math.abs(v), 0);
        // Two results that each are within the bound.
        expect(Math.abs(y[c] - want[c])).toBeLessThanOrEqual(2 * (2 ** -24 * Math.abs(want[c]) + 2 ** -52 * sum));
      }
    }
  });

  test('threads change nothing', () => {
    const r = new Random('pool threads');
    const x = { data: r.floats(24 * 113 * 115), shape: [1, 24, 113, 115] };
    for (const image of [x, toNhwc(x)]) {
      const layout = image === x ? 'NCHW' : 'NHWC';
      const options = { kernel: 3, strides: 2, padding: 1, layout } as const;
      const one = averagePool2d(image, { ...options, threads: 1 }).data;
      for (const threads of [2, 3, 7]) expectSame(averagePool2d(image, { ...options, threads }).data, one, `${threads} threads`);
      const whole = globalAveragePool2d(image, { layout, threads: 1 }).data;
      expectSame(globalAveragePool2d(image, { layout, threads: 5 }).data, whole, 'global');
    }
  });
});
