/**
 * onnxruntime's CPU operators as judge of convolutions: equal integers, floats within the bound. As in
 * onnxruntime.test.ts, int8 weights of uint8 activations stay within +-64, because onnxruntime's sums of two such products saturate at
 * 32767 where the processor has AVX2 but no VNNI; other pairs use the whole range.
 */
import { conv2d, foldBatchNorm, packConv2d, quantizedConv2d, type Padding, type QuantizedTensor } from 'lowp';
import { expectNear, expectSame } from '../helpers/compare';
import { toNhwc } from '../helpers/convs';
import { bytes, judge, low, product, type Byte } from '../helpers/judge';
import { runOperators, scalar, type Operator, type Value } from '../helpers/onnx';
import { Random } from '../helpers/random';

/** Of each kind; there are three of QLinearConv, two of ConvInteger. */
const CASES = 500;

/** Sizes and options of a convolution, and the attributes that say the same to ONNX. */
interface Case {
  readonly title: string;
  readonly x: readonly number[];
  readonly weights: readonly number[];
  readonly y: readonly number[];
  readonly options: {
    readonly strides: number[];
    readonly dilations: number[];
    readonly padding: Padding;
    readonly groups: number;
  };
  readonly attributes: NonNullable<Operator['attributes']>;
  readonly parameters: Readonly<Record<string, string>>;
}

/** One or two spatial dimensions, all kinds of groups, padding by numbers and by name. */
function randomCase(r: Random): Case {
  const spatial = r.pick([1, 2, 2, 2]);
  const along = (value: () => number): number[] => Array.from({ length: spatial }, value);
  const groups = r.pick([1, 1, 1, 2, 3, 5]);
  const perGroup = r.pick([1, 1, 2, 3]);
  const outPerGroup = r.int(1, r.pick([2, 9]));
  const kernel = along(() => r.int(1, r.pick([1, 3, 4])));
  const strides = along(() => r.int(1, 3));
  const dilated = r.chance(0.3);
  const dilations = along(() => (dilated ? r.int(1, 3) : 1));
  // onnxruntime has no padding by name of windows that are dilated.
  const named = dilated ? undefined : r.pick([undefined, undefined, 'same', 'sameLower', 'valid'] as const);
  const pads = Array.from({ length: 2 * spatial }, () => (named === undefined ? r.int(0, 2) : 0));
  const sizes = kernel.map((k, i) => {
    const extent = (k - 1) * dilations[i] + 1;
    return Math.max(1, extent - pads[i] - pads[i + spatial], r.int(1, 9));
  });
  const padding = named ?? pads;
  const out = sizes.map((size, i) => {
    if (named === 'same' || named === 'sameLower') return Math.ceil(size / strides[i]);
    const extent = (kernel[i] - 1) * dilations[i] + 1;
    return Math.floor((size + pads[i] + pads[i + spatial] - extent) / strides[i]) + 1;
  });
  const x = [r.int(1, 2), perGroup * groups, ...sizes];
  const weights = [outPerGroup * groups, perGroup, ...kernel];
  const options = { strides, dilations, padding, groups };
  const numbers = { group: groups, strides, dilations, kernel_shape: kernel };
  return {
    ...{ x, weights, options, y: [x[0], weights[0], ...out] },
    title: `x [${x.join(', ')}] weights [${weights.join(', ')}] ${JSON.stringify(options)}`,
    attributes: named === undefined ? { ...numbers, pads } : numbers,
    parameters: named === undefined ? {} : { auto_pad: { same: 'SAME_UPPER', sameLower: 'SAME_LOWER', valid: 'VALID' }[named] },
  };
}

interface Quantized extends Case {
  readonly image: QuantizedTensor & { readonly scale: number; readonly zeroPoint: number };
  readonly kernel: QuantizedTensor;
  readonly kernelScale: Value;
  readonly kernelZero: Value;
}

function quantizedCase(r: Random, xType: Byte, wType: Byte, perChannel: boolean): Quantized {
  const c = randomCase(r);
  const zeroPoint = r.pick([low(xType), low(xType) + 255, low(xType) + 128, r.int(low(xType), low(xType) + 255)]);
  const data = bytes(r, xType, product(c.x));
  const image = { data, shape: c.x, scale: Math.fround(r.real(0.3, 3) / 128), zeroPoint };
  const mixed = xType === 'uint8' && wType === 'int8';
  const values = mixed ? bytes(r, wType, product(c.weights), -64, 63) : bytes(r, wType, product(c.weights));
  const scaleOf = (): number => Math.fround(r.real(0.3, 3) / 128);
  if (!perChannel) {
    const [scale, zero] = [scaleOf(), r.int(low(wType), low(wType) + 255)];
    const kernel = { data: values, shape: c.weights, scale, zeroPoint: zero };
    return { ...c, image, kernel, kernelScale: scalar(scale, 'float32'), kernelZero: scalar(zero, wType) };
  }
  const shape = [c.weights[0]];
  const scale = r.fill(new Float32Array(shape[0]), scaleOf);
  // onnxruntime takes one zero point only, repeated.
  const zero = bytes(r, wType, 1)[0];
  const zeros = bytes(r, wType, shape[0]).fill(zero);
  const kernel = { data: values, shape: c.weights, scale, zeroPoint: zeros, axis: 0 };
  return { ...c, image, kernel, kernelScale: { data: scale, shape }, kernelZero: { data: zeros, shape } };
}

describe('ConvInteger', () => {
  test.each<[Byte, Byte]>([
    ['uint8', 'uint8'],
    ['uint8', 'int8'],
  ])(`%s x %s > seed of that name, ${CASES} cases`, async (xType, wType) => {
    const r = new Random(`ConvInteger ${xType} ${wType}`);
    await judge(CASES, (i) => {
      const { image, kernel, kernelZero, y, ...c } = quantizedCase(r, xType, wType, false);
      const inputs = [image, kernel, scalar(image.zeroPoint, xType), kernelZero];
      const title = `case ${i} ${c.title}`;
      return {
        title,
        operator: { ...c, opType: 'ConvInteger', inputs, outputs: [{ dtype: 'int32', shape: y }] },
        check: (want) => {
          const got = quantizedConv2d(image, kernel, { ...c.options, output: 'int32' });
          expect(got.shape).toEqual(y);
          expectSame(got.data, want, title);
        },
      };
    });
  });
});

describe('QLinearConv', () => {
  test.each<[Byte, Byte]>([
    ['uint8', 'uint8'],
    ['uint8', 'int8'],
    ['int8', 'int8'],
  ])(`%s x %s > seed of that name, ${CASES} cases`, async (xType, wType) => {
    const r = new Random(`QLinearConv ${xType} ${wType}`);
    await judge(CASES, (i) => {
      const { image, kernel, kernelScale, kernelZero, y, ...c } = quantizedCase(r, xType, wType, r.chance(0.5));
      const outChannels = c.weights[0];
      const depth = product(c.weights) / outChannels;
      const output = {
        ...{ dtype: xType, scale: Math.fround((r.real(0.3, 3) * Math.sqrt(depth)) / 64) },
        zeroPoint: r.int(low(xType), low(xType) + 255),
      } as const;
      const bias = r.chance(0.5) ? r.fill(new Int32Array(outChannels), () => r.int(-9999, 9999)) : undefined;
      const inputs = [
        ...[image, scalar(image.scale, 'float32'), scalar(image.zeroPoint, xType), kernel, kernelScale, kernelZero],
        ...[scalar(output.scale, 'float32'), scalar(output.zeroPoint, xType)],
        ...(bias === undefined ? [] : [{ data: bias, shape: [outChannels] }]),
      ];
      const title = `case ${i} ${c.title} ${JSON.stringify(output)}`;
      return {
        title,
        operator: { ...c, opType: 'QLinearConv', inputs, outputs: [{ dtype: xType, shape: y }] },
        check: (want) => {
          const got = quantizedConv2d(image, kernel, { ...c.options, bias, output });
          expect(got.shape).toEqual(y);
          expectSame(got.data, want, title);
          using packed = packConv2d(kernel, { groups: c.options.groups, bias });
          const options = { ...c.options, layout: 'NHWC', output } as const;
          expectSame(quantizedConv2d(toNhwc(image), packed, options).data, toNhwc(got).data, `NHWC ${title}`);
        },
      };
    });
  });
});

/** What sums of float32 products may differ by: eps * (K + 1) * max|x| * max|w| * 2. */
function bound(k: number, x: Float32Array, w: Float32Array): number {
  const largest = (values: Float32Array): number => values.reduce((most, v) => Math.max(most, Math.abs(v)), 0);
  return 2 ** -23 * (k + 1) * largest(x) * largest(w) * 2;
}

describe('Conv', () => {
  test(`float32 > seed of that name, ${CASES} cases`, async () => {
    const r = new Random('Conv');
    await judge(CASES, (i) => {
      const c = randomCase(r);
      const x = { data: r.floats(product(c.x)), shape: c.x };
      const weights = { data: r.floats(product(c.weights)), shape: c.weights };
      const outChannels = c.weights[0];
      const bias = r.chance(0.5) ? r.floats(outChannels) : undefined;
      const inputs = [x, weights, ...(bias === undefined ? [] : [{ data: bias, shape: [outChannels] }])];
      const title = `case ${i} ${c.title}`;
      return {
        title,
        operator: { ...c, opType: 'Conv', inputs, outputs: [{ dtype: 'float32', shape: c.y }] },
        check: (want) => {
          const got = conv2d(x, weights, { ...c.options, bias });
          expect(got.shape).toEqual(c.y);
          const near = bound(product(c.weights) / outChannels, x.data, weights.data);
          expectNear(got.data, want, near, title);
          const other = conv2d(toNhwc(x), weights, { ...c.options, bias, layout: 'NHWC' });
          expectNear(other.data, toNhwc(got).data, near, `NHWC ${title}`);
        },
      };
    });
  });

  test('Conv, BatchNormalization, Add and Clip is one call', async () => {
    const r = new Random('fused');
    for (let i = 0; i < 20; i++) {
      const c = randomCase(r);
      const outChannels = c.weights[0];
      const x = { data: r.floats(product(c.x)), shape: c.x };
      const weights = { data: r.floats(product(c.weights)), shape: c.weights };
      const perChannel = (data: Float32Array): Value => ({ data, shape: [outChannels] });
      const [gamma, beta, mean] = [r.floats(outChannels), r.floats(outChannels), r.floats(outChannels)];
      const variance = r.fill(new Float32Array(outChannels), () => r.real(0.5, 2));
      const bias = r.floats(outChannels);
      const outputs = [{ dtype: 'float32', shape: c.y }] as const;
      const inputs = [x, weights, perChannel(bias)];
      const [[conv]] = await runOperators([{ ...c, opType: 'Conv', inputs, outputs }]);
      const [[normal]] = await runOperators([
        {
          ...{ opType: 'BatchNormalization', parameters: { epsilon: 1e-3 }, outputs },
          inputs: [{ data: conv, shape: c.y }, ...[gamma, beta, mean, variance].map(perChannel)],
        },
      ]);
      const residual = { data: r.floats(product(c.y)), shape: c.y };
      const want = Float32Array.from(normal, (v, at) => Math.min(6, Math.max(0, Math.fround(v + residual.data[at]))));
      const batchNorm = { gamma, beta, mean, variance, epsilon: 1e-3 };
      const got = conv2d(x, weights, { ...c.options, bias, batchNorm, residual, activation: { min: 0, max: 6 } });
      const folded = foldBatchNorm(weights, bias, batchNorm);
      const k = product(c.weights) / outChannels;
      const near = 4 * bound(k, x.data, folded.weights.data) + 2 * bound(k, x.data, weights.data) + 1e-5;
      expectNear(got.data, want, near, `case ${i} ${c.title}`);
    }
  });
});
