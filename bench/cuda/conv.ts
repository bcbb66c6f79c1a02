/** Convolution layers of networks on the device, one image and a batch. */
import { join } from 'node:path';
import { conv2d, packConv2d, quantizedConv2d, toDevice, toHost, type Tensor } from 'lowp';
import { checkFloatConv, checkQuantizedConv, makeConvProblem, toNhwc, type ConvProblem } from '../convProblem';
import { convName, convOperations, depthOf, outSize, readNetwork, type ConvShape } from '../convShapes';
import { X_TORCH } from './gemm';
import { poisoned, type Family, type Group, type Lane, type Scale } from './lane';

const SEED = 23;
const FILES = ['resnet50_conv.txt', 'mobilenetv2_conv.txt'].map((file) => join(__dirname, '..', 'shapes', file));
const BATCHES: Readonly<Record<Scale, readonly number[]>> = { full: [1, 32], quick: [1, 32], tiny: [2] };

const LAYER = { channels: 4, height: 9, width: 7, outChannels: 6, kernel: 3, stride: 2, padding: 1, groups: 1, count: 1 };
const TINY: readonly ConvShape[] = [LAYER, { ...LAYER, channels: 6, groups: 6, stride: 1 }];

/** NHWC, the same image so many times. */
function batchOf<X extends Tensor<Float32Array | Uint8Array>>(image: X, batch: number): X {
  const { data, shape } = toNhwc(image);
  const all = data instanceof Float32Array ? new Float32Array(batch * data.length) : new Uint8Array(batch * data.length);
  for (let i = 0; i < batch; i++) all.set(data, i * data.length);
  return { ...image, data: all, shape: [batch, ...shape.slice(1)] };
}

const windowOf = ({ stride, padding }: ConvShape) => ({ layout: 'NHWC', strides: stride, padding, activation: 'relu' }) as const;

/** Elements of x, weights and y. */
function sizesOf(shape: ConvShape, batch: number): readonly [number, number, number] {
  const { channels, height, width, outChannels } = shape;
  const [h, w] = outSize(shape);
  return [batch * channels * height * width, outChannels * depthOf(shape), batch * outChannels * h * w];
}

/** The first and the last image are checked. */
function ends<T extends Float32Array | Uint8Array>(
  y: T,
  batch: number,
  check: (image: T) => string | undefined,
): string | undefined {
  const size = y.length / batch;
  return check(y.subarray(0, size) as T) ?? check(y.subarray(y.length - size) as T);
}

function int8(problem: ConvProblem, batch: number): Lane {
  const { shape, quantized, weights, quantizedBias: bias, output } = problem;
  const [x, w, y] = sizesOf(shape, batch);
  const image = batchOf(quantized, batch);
  return {
    name: 'lowp int8',
    operations: batch * convOperations(shape),
    bytes: x + w + y,
    rivals: { [X_TORCH]: 'torch bf16' },
    open: (held) => {
      const [input, packed] = [
        held.keep(toDevice(image)),
        held.keep(packConv2d(weights, { bias, groups: shape.groups, device: 'cuda' })),
      ];
      const out = held.keep(poisoned(new Uint8Array(y)));
      const options = { ...windowOf(shape), output, out };
      return {
        run: () => quantizedConv2d(input, packed, options),
        check: () => ends(toHost(out), batch, (first) => checkQuantizedConv(problem, first, 'NHWC')),
      };
    },
  };
}

function float(problem: ConvProblem, batch: number): Lane {
  const { shape, x: image, floatWeights, bias } = problem;
  const [x, w, y] = sizesOf(shape, batch);
  const images = batchOf(image, batch);
  return {
    name: 'lowp float32',
    operations: batch * convOperations(shape),
    bytes: 4 * (x + w + y),
    rivals: { [X_TORCH]: 'torch f32' },
    open: (held) => {
      const packed = held.keep(packConv2d(floatWeights, { bias, groups: shape.groups, device: 'cuda' }));
      const [input, out] = [held.keep(toDevice(images)), held.keep(poisoned(new Float32Array(y)))];
      const options = { ...windowOf(shape), out };
      return {
        run: () => conv2d(input, packed, options),
        check: () => ends(toHost(out), batch, (first) => checkFloatConv(problem, first, 'NHWC')),
      };
    },
  };
}

function group(network: string, shape: ConvShape, batch: number): Group {
  const problem = makeConvProblem(shape, 1, SEED);
  const lanes = [int8(problem, batch), float(problem, batch)];
  const { count, ...sizes } = shape;
  return {
    name: `${convName(shape)}${batch === 1 ? '' : `, ${batch} images`}`,
    record: { network, batch, ...sizes, count },
    lanes,
    bytes: lanes[0].bytes,
    request: { kind: 'conv', ...sizes, batch },
    sum: { label: `${network}, ${batch} image${batch === 1 ? '' : 's'}`, count },
  };
}

export function convolutions(scale: Scale): Family {
  const networks =
    scale === 'tiny' ? [{ name: 'tiny', layers: TINY }] : FILES.map((file) => readNetwork(file, scale === 'quick'));
  return {
    title: 'convolutions',
    caption: [
      'NHWC, bias and relu in the call. int8: uint8 in and out. torch: conv2d in channels_last with the bias, without the relu; it has no int8 ' +
        'on the device, so int8 compares with bf16. sum: each layer as often as the network has it (with --quick, of some layers).',
    ],
    comparisons: [X_TORCH],
    groups: networks.flatMap(({ name, layers }) =>
      BATCHES[scale].flatMap((batch) => layers.map((shape) => () => group(name, shape, batch))),
    ),
  };
}
