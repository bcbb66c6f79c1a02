/** Convolutions on every instruction set against the oracle: integers equal, floats within the bound; all options at once. */
import {
  conv2d,
  packConv2d,
  quantizedConv2d,
  runtime,
  type Activation,
  type Conv2dOptions,
  type MatmulOutput,
  type QuantizedConv2dOptions,
} from 'lowp';
import * as reference from 'lowp/reference';
import { expectNear, expectSame } from '../helpers/compare';
import { resetIsa, usableIsas } from '../helpers/isas';
import { bytes, low, product, type Byte } from '../helpers/judge';
import { Random } from '../helpers/random';

const CASES = 150;
const CLAMPS: readonly Activation[] = ['none', 'relu', { min: 0, max: 6 }, { min: -0.5 }];

const isas = usableIsas();
afterEach(resetIsa);

interface Case {
  readonly title: string;
  readonly x: readonly number[];
  readonly weights: readonly number[];
  readonly y: readonly number[];
  readonly groups: number;
  readonly window: Pick<Conv2dOptions, 'layout' | 'strides' | 'dilations' | 'padding'>;
}

/** Channels around the widths of registers, too; depthwise with a multiplier; one spatial dimension. */
function randomCase(r: Random): Case {
  const spatial = r.pick([1, 2, 2]);
  const along = (value: () => number): number[] => Array.from({ length: spatial }, value);
  const groups = r.pick([1, 1, 2, 8, 17]);
  const perGroup = groups > 2 ? r.pick([1, 1, 2]) : r.pick([1, 3, 4, 16, 19, 32]);
  const outChannels = groups * r.pick(groups > 2 ? [1, 2] : [1, 5, 8, 16, 18]);
  const kernel = along(() => r.pick([1, 1, 2, 3, 5]));
  const size = along(() => r.int(5, 9));
  const layout = r.pick(['NCHW', 'NHWC'] as const);
  const padding = r.pick(['same', 'sameLower', r.int(2, 3), Array.from({ length: 2 * spatial }, () => r.int(1, 3))] as const);
  const dilations = r.chance(0.3) ? 2 : 1;
  const window = { layout, strides: along(() => r.int(1, 2)), dilations, padding };
  const shape = (channels: number, sizes: readonly number[], n = 1): number[] =>
    layout === 'NCHW' ? [n, channels, ...sizes] : [n, ...sizes, channels];
  const x = shape(perGroup * groups, size, r.int(1, 2));
  const weights = [outChannels, perGroup, ...kernel];
  const empty = (sizes: readonly number[]) => ({ data: new Float32Array(product(sizes)), shape: sizes });
  const y = reference.conv2d(empty(x), empty(weights), { ...window, groups }).shape;
  return { x, weights, y, groups, window, title: `x [${x.join()}] weights [${weights.join()}] ${JSON.stringify(window)}` };
}

test.each<[Byte, Byte]>([
  ['uint8', 'int8'],
  ['int8', 'int8'],
  ['uint8', 'uint8'],
  ['int8', 'uint8'],
])(`quantizedConv2d > %s x %s > seed of that name, ${CASES} cases`, (xType, wType) => {
  const r = new Random(`conv ${xType} ${wType}`);
  for (let i = 0; i < CASES; i++) {
    const { x, weights, y, groups, window, title } = randomCase(r);
    const extreme = r.chance(0.1);
    const fill = (dtype: Byte, length: number) =>
      extreme ? bytes(r, dtype, length).fill(r.pick([low(dtype), low(dtype) + 255])) : bytes(r, dtype, length);
    const image = { data: fill(xType, product(x)), shape: x, scale: 0.02, zeroPoint: r.int(low(xType), low(xType) + 255) };
    const outChannels = weights[0];
    const kernel = {
      ...{ data: fill(wType, product(weights)), shape: weights, axis: 0, zeroPoint: bytes(r, wType, outChannels) },
      scale: r.fill(new Float32Array(outChannels), () => r.real(0.005, 0.05)),
    };
    const depth = Math.sqrt(product(weights) / outChannels);
    const scale = Math.fround(r.real(0.05, 0.2) * depth);
    const output: MatmulOutput = r.pick(['float32', 'int32', { dtype: 'uint8', scale, zeroPoint: 99 }, { dtype: 'int8', scale }]);
    const int32 = () => r.fill(new Int32Array(outChannels), () => r.int(-9999, 9999));
    const real = () => r.floats(outChannels, depth);
    const bias = r.pick([undefined, output === 'float32' ? real() : output === 'int32' ? int32() : r.pick([real, int32])()]);
    const residual = r.pick([
      undefined,
      { data: r.floats(product(y), depth), shape: y },
      { data: bytes(r, 'int8', product(y)), shape: y, scale: 0.1, zeroPoint: 3 },
    ]);
    const more = output === 'int32' ? {} : { residual, activation: r.pick<Activation>([...CLAMPS, 'gelu', 'hardswish']) };
    const options: QuantizedConv2dOptions = { ...window, output, ...more };
    const want = reference.quantizedConv2d<MatmulOutput>(image, kernel, { ...options, groups, bias });
    for (const isa of isas) {
      runtime.isa = isa;
      const threads = r.pick([1, 2]);
      const got = quantizedConv2d<MatmulOutput>(image, kernel, { ...options, groups, bias, threads });
      expectSame(got.data, want.data, `${isa} case ${i} ${title} ${JSON.stringify(output)}`);
      expect(got.shape).toEqual(want.shape);
      using packed = packConv2d(kernel, { groups, bias });
      expectSame(quantizedConv2d<MatmulOutput>(image, packed, options).data, want.data, `packed ${isa} case ${i} ${title}`);
    }
  }
});

test(`conv2d > seed of that name, ${CASES} cases`, () => {
  const r = new Random('conv2d');
  for (let i = 0; i < CASES; i++) {
    const { x, weights, y, groups, window, title } = randomCase(r);
    const image = { data: r.floats(product(x)), shape: x };
    const kernel = { data: r.floats(product(weights)), shape: weights };
    const bias = r.pick([undefined, r.floats(weights[0])]);
    const residual = r.pick([undefined, { data: r.floats(product(y)), shape: y }]);
    const options = { ...window, residual, activation: r.pick(CLAMPS) };
    const want = reference.conv2d(image, kernel, { ...options, groups, bias });
    const largest = (values: Float32Array): number => values.reduce((most, v) => Math.max(most, Math.abs(v)), 0);
    const k = product(weights) / weights[0];
    // Bias and residual are added to what is rounded already: two more roundings of values of about that size.
    const sum = 2 ** -23 * (k + 1) * largest(image.data) * largest(kernel.data) * 2;
    const near =
      sum +
      2 ** -22 * (largest(want.data) + largest(bias ?? new Float32Array(1)) + largest(residual?.data ?? new Float32Array(1)));
    for (const isa of isas) {
      runtime.isa = isa;
      const got = conv2d(image, kernel, { ...options, groups, bias, threads: r.pick([1, 2]) });
      expectNear(got.data, want.data, near, `${isa} case ${i} ${title}`);
      expect(got.shape).toEqual(want.shape);
      using packed = packConv2d(kernel, { groups, bias });
      expectNear(conv2d(image, packed, options).data, want.data, near, `packed ${isa} case ${i} ${title}`);
    }
  }
});
