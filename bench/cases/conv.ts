/** The convolution layers of ResNet-50 and MobileNetV2, 8-bit and float32, in both layouts. */
import { join } from 'node:path';
import { conv2d, packConv2d, quantizedConv2d, type ConvLayout } from 'lowp';
import { convTable, type ConvContender, type ConvFamily } from '../conv';
import { checkFloatConv, checkQuantizedConv, toNhwc, withReducedRange, type ConvProblem } from '../convProblem';
import { outSize } from '../convShapes';
import type { BenchCase, Settings, Table } from '../types';

const X_FLOAT = 'x f32';
const X_ONE = 'x 1 thread';
const X_DIRECT = 'x direct';

interface Variant {
  readonly layout: ConvLayout;
  readonly threads: number;
  readonly suffix: string;
  readonly winograd?: 2 | 4;
  readonly against?: Readonly<Record<string, string>>;
}

function sizeOf({ shape }: ConvProblem): number {
  const [h, w] = outSize(shape);
  return shape.outChannels * h * w;
}

/** Bias, relu and requantization to uint8 with a scale for each channel. */
function quantized(problem: ConvProblem, { layout, threads, suffix, against }: Variant): ConvContender {
  const { shape, weights, quantizedBias: bias, output } = problem;
  const { groups, stride: strides, padding } = shape;
  const x = layout === 'NHWC' ? toNhwc(problem.quantized) : problem.quantized;
  const packed = packConv2d(weights, { groups, bias });
  const out = new Uint8Array(sizeOf(problem));
  const given = { layout, strides, padding, activation: 'relu', output, out, threads } as const;
  return {
    name: `lowp u8s8 ${layout}${suffix}`,
    library: 'lowp',
    operands: 'u8s8',
    against,
    threads,
    run: () => quantizedConv2d(x, packed, given),
    check: () => checkQuantizedConv(problem, out, layout),
    close: () => packed.dispose(),
  };
}

/** Bias and relu. */
function float(problem: ConvProblem, { layout, threads, suffix, winograd, against }: Variant): ConvContender {
  const { shape, floatWeights, bias } = problem;
  const { groups, stride: strides, padding } = shape;
  const x = layout === 'NHWC' ? toNhwc(problem.x) : problem.x;
  const packed = packConv2d(floatWeights, { groups, bias, winograd });
  const out = new Float32Array(sizeOf(problem));
  const given = { layout, strides, padding, activation: 'relu', out, threads } as const;
  return {
    name: `lowp f32 ${layout}${suffix}`,
    library: 'lowp',
    operands: 'f32',
    against,
    threads,
    run: () => conv2d(x, packed, given),
    check: () => checkFloatConv(problem, out, layout),
    close: () => packed.dispose(),
  };
}

const LAYOUTS: readonly ConvLayout[] = ['NHWC', 'NCHW'];

const ABOUT =
  'lowp: synchronous calls from JavaScript, packed weights, `out` given; u8s8 -> u8 with a scale for each channel, bias and relu, ' +
  '7 bits with weights of `reduceRange`, and f32 with bias and relu.';

const FAMILY: ConvFamily = {
  title: 'convolution layers of ResNet-50 and MobileNetV2, one image of 224x224',
  caption: [`${ABOUT} x and y NHWC or NCHW as named; \`x f32\` is against our own float32 of that layout.`],
  networks: ['resnet50_conv.txt', 'mobilenetv2_conv.txt'].map((file) => join(__dirname, '..', 'shapes', file)),
  seed: 7,
  comparisons: [X_FLOAT],
  peers: true,
  open: (problem) =>
    LAYOUTS.flatMap((layout) => {
      const variant = { layout, threads: problem.threads, suffix: '' };
      const against = { [X_FLOAT]: `lowp f32 ${layout}` };
      const full = quantized(problem, { ...variant, against });
      if (layout === 'NCHW') return [full, float(problem, variant)];
      const reduced = quantized(withReducedRange(problem), { ...variant, against, suffix: ', 7 bits' });
      return [full, reduced, float(problem, variant)];
    }),
};

export const conv: BenchCase = {
  name: 'conv',
  about: 'convolution layers of ResNet-50 and MobileNetV2, summed over each network',
  open: (settings) => convTable(FAMILY, settings),
};

function threadsTable(settings: Settings): Table {
  const threads = Math.max(2, settings.threads);
  const suffix = `, ${threads} threads`;
  const family: ConvFamily = {
    ...FAMILY,
    title: `the same with ${threads} threads against one, ours alone`,
    caption: [`${ABOUT} NHWC.`],
    comparisons: [X_ONE],
    peers: false,
    open: (problem) =>
      [quantized, float].flatMap((make) => {
        const one = make(problem, { layout: 'NHWC', threads: 1, suffix: '' });
        return [one, make(problem, { layout: 'NHWC', threads, suffix, against: { [X_ONE]: one.name } })];
      }),
  };
  return convTable(family, settings);
}

export const convThreads: BenchCase = {
  name: 'conv-threads',
  about: 'the same with two threads or more against one',
  open: threadsTable,
};

const WINOGRAD: ConvFamily = {
  ...FAMILY,
  title: 'their float32 layers of 3x3 with stride 1, by Winograd',
  caption: [
    `${ABOUT} NHWC; \`x direct\` is against the same without Winograd, of which % counts the operations that a direct sum has.`,
  ],
  has: ({ kernel, stride, groups }) => kernel === 3 && stride === 1 && groups === 1,
  comparisons: [X_DIRECT],
  open: (problem) => {
    const direct = float(problem, { layout: 'NHWC', threads: problem.threads, suffix: '' });
    const against = { [X_DIRECT]: direct.name };
    const tiles = ([2, 4] as const).map((winograd) => {
      return float(problem, { layout: 'NHWC', threads: problem.threads, suffix: `, winograd ${winograd}`, winograd, against });
    });
    return [direct, ...tiles];
  },
};

export const convWinograd: BenchCase = {
  name: 'conv-winograd',
  about: 'their float32 layers of 3x3 with stride 1, by Winograd',
  open: (settings) => convTable(WINOGRAD, settings),
};
