/** The cases that ONNX publishes for Conv, ConvInteger, QLinearConv, BatchNormalization and pooling. */
import {
  averagePool2d,
  conv2d,
  globalAveragePool2d,
  maxPool2d,
  quantizedConv2d,
  type Padding,
  type QuantizedTensor,
  type Tensor,
} from 'lowp';
import { expectNear, expectSame } from '../helpers/compare';
import { hasNodeCases, nodeCases, readNodeCase, type NodeCase, type NodeTensor } from '../helpers/onnxData';

const PADDINGS: Readonly<Record<string, Padding>> = { SAME_UPPER: 'same', SAME_LOWER: 'sameLower', VALID: 'valid' };

function windowOf({ lists, strings }: NodeCase) {
  const { strides, dilations, pads } = lists;
  return { strides, dilations, padding: PADDINGS[strings['auto_pad'] ?? ''] ?? pads };
}

function floats(t: NodeTensor | undefined): Tensor<Float32Array> {
  return t as Tensor<Float32Array>;
}

/** `zero` may be absent. */
function bytes(t: NodeTensor | undefined, scale: NodeTensor | undefined, zero: NodeTensor | undefined): QuantizedTensor {
  const { data, shape } = t as NodeTensor;
  const scales = scale?.data as Float32Array | undefined;
  const values = { data: data as Uint8Array, shape };
  if (scales === undefined || scales.length === 1) return { ...values, scale: scales?.[0] ?? 1, zeroPoint: zero?.data[0] ?? 0 };
  return { ...values, scale: scales, zeroPoint: (zero as NodeTensor).data as Uint8Array, axis: 0 };
}

function pooled(test: NodeCase) {
  const { lists, integers } = test;
  return { ...windowOf(test), kernel: lists['kernel_shape'], ceilMode: integers['ceil_mode'] === 1 };
}

type Numbers = Tensor<Float32Array | Int32Array | Int8Array | Uint8Array>;

/** What an operator is in this library. */
const OPERATORS: Readonly<Record<string, (test: NodeCase) => Numbers>> = {
  Conv: (test) => {
    const [x, w, bias] = test.inputs;
    return conv2d(floats(x), floats(w), { ...windowOf(test), groups: test.integers['group'], bias: bias && floats(bias).data });
  },
  ConvInteger: (test) => {
    const [x, w, zeroX, zeroW] = test.inputs;
    const options = { ...windowOf(test), groups: test.integers['group'], output: 'int32' } as const;
    return quantizedConv2d(bytes(x, undefined, zeroX), bytes(w, undefined, zeroW), options);
  },
  QLinearConv: (test) => {
    const [x, scaleX, zeroX, w, scaleW, zeroW, scaleY, zeroY, bias] = test.inputs;
    const output = { dtype: 'uint8', scale: floats(scaleY).data[0], zeroPoint: zeroY?.data[0] } as const;
    const options = { ...windowOf(test), groups: test.integers['group'], output, bias: bias?.data as Int32Array | undefined };
    return quantizedConv2d(bytes(x, scaleX, zeroX), bytes(w, scaleW, zeroW), options);
  },
  // As a depthwise convolution by ones.
  BatchNormalization: ({ inputs, floats: { epsilon } }) => {
    const [x, gamma, beta, mean, variance] = inputs.map((input) => floats(input));
    const channels = x.shape[1];
    const ones = { data: new Float32Array(channels).fill(1), shape: [channels, 1, 1, 1] };
    const batchNorm = { gamma: gamma.data, beta: beta.data, mean: mean.data, variance: variance.data, epsilon };
    return conv2d(x, ones, { groups: channels, batchNorm });
  },
  MaxPool: (test) => {
    const [x] = test.inputs;
    return maxPool2d(x?.data.BYTES_PER_ELEMENT === 1 ? bytes(x, undefined, undefined) : floats(x), pooled(test));
  },
  AveragePool: (test) =>
    averagePool2d(floats(test.inputs[0]), { ...pooled(test), countIncludePad: test.integers['count_include_pad'] === 1 }),
  GlobalAveragePool: ({ inputs: [x] }) => globalAveragePool2d(floats(x)),
};

const cases = nodeCases(
  /^test_(basic_conv|conv_with|convinteger|qlinearconv|batchnorm_(example|epsilon)$|maxpool_[12w]|averagepool_[12]|globalaveragepool)/,
);

(hasNodeCases ? test.each(cases) : test.skip.each(['libonnx-testdata is not installed']))('%s', (name) => {
  const node = readNodeCase(name);
  const got = OPERATORS[node.opType](node);
  const [want] = node.outputs;
  expect(got.shape).toEqual(want.shape);
  if (want.data.BYTES_PER_ELEMENT === 4 && node.opType !== 'ConvInteger') expectNear(got.data, want.data, 1e-5, name);
  else expectSame(got.data, want.data, name);
});

// In CI what is missing fails.
(hasNodeCases || process.env.CI !== undefined ? test : test.skip)('the data has all of these cases', () => {
  expect(cases.length).toBe(40);
});
