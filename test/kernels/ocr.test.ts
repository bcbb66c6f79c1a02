/** Convolutions of a real model, with its weights and batch norms, on crops of rendered text: onnxruntime is the judge at each node. */
import { conv2d, foldBatchNorm, packConv2d, quantize, quantizedConv2d, type Tensor } from 'lowp';
import { expectNear } from '../helpers/compare';
import { AngleClassifier, renderCrops, type Block } from '../helpers/ocr';

const EPSILON = 2 ** -23;
/** Root mean square error of int8 against float32, relative to the float32 values: 8 bits of x and of each channel of w. The worst is 0.035. */
const INT8_ERROR = 0.05;

const classifier = new AngleClassifier();
const values = new Map<string, Tensor<Float32Array>>();

beforeAll(async () => {
  const crops = renderCrops(['Receipt 4711', 'upside down', 'LOW precision']);
  const names = new Set(classifier.blocks.flatMap(({ input, output }) => [input, output]));
  names.delete('x');
  for (const [name, value] of await classifier.run(crops, [...names])) values.set(name, value);
  values.set('x', crops);
});

function value(name: string): Tensor<Float32Array> {
  const found = values.get(name);
  if (found === undefined) throw new Error(`Expected a value ${name}`);
  return found;
}

const largest = (data: Float32Array): number => data.reduce((most, x) => Math.max(most, Math.abs(x)), 0);

test('the model is the one that the tests are about', () => {
  const { blocks } = classifier;
  expect(blocks.length).toBe(53);
  expect(blocks.filter(({ batchNorm }) => batchNorm !== undefined).length).toBe(35);
  expect(blocks.filter(({ groups }) => groups > 1).length).toBeGreaterThan(8);
  expect(new Set(blocks.map(({ activation }) => activation))).toEqual(new Set(['relu', 'hardswish', undefined]));
});

const table = classifier.blocks.map((block): [string, Block] => [
  `${block.name} ${block.weights.shape.join('x')} stride ${block.strides.join(',')} groups ${block.groups}${
    block.batchNorm === undefined ? '' : ' batchNorm'
  } ${String(block.activation ?? '')}`,
  block,
]);

test.each(table)('%s', (_, { input, output, weights, bias, batchNorm, activation, strides, padding, groups }) => {
  const x = value(input);
  const y = value(output);
  const options = { strides, padding, activation };
  using packed = packConv2d(weights, { groups, bias, batchNorm });
  const got = conv2d(x, packed, options);
  expect(got.shape).toEqual(y.shape);

  const folded = batchNorm === undefined ? { weights, bias } : foldBatchNorm(weights, bias, batchNorm);
  const depth = weights.data.length / weights.shape[0];
  const reach = largest(x.data) * largest(folded.weights.data) + (folded.bias === undefined ? 0 : largest(folded.bias));
  expectNear(got.data, y.data, 2 * EPSILON * (depth + 4) * reach, output);

  // The same in 8 bits, as post-training quantization does it.
  const q = quantize(x, { dtype: 'uint8' });
  const w = quantize(folded.weights, { dtype: 'int8', axis: 0 });
  const eight = quantizedConv2d(q, w, { ...options, groups, bias: folded.bias });
  let error = 0;
  let signal = 0;
  for (let i = 0; i < y.data.length; i++) {
    error += (eight.data[i] - y.data[i]) ** 2;
    signal += y.data[i] ** 2;
  }
  expect(Math.sqrt(error / signal)).toBeLessThan(INT8_ERROR);
});
