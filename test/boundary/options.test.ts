/** Arguments of the wrong type, and options that are unknown, misspelled or out of range: both products, in both forms. */
import { floatProduct, products, quantizedProduct, refuses, type BadCall } from '../helpers/products';

const NOT_TENSORS: [unknown, string][] = [
  [undefined, 'undefined'],
  [null, 'null'],
  [7, '7'],
  ['a', "'a'"],
  [Symbol.iterator, 'Symbol(Symbol.iterator)'],
  [() => 0, 'a function'],
  [[1, 2, 3], '[1, 2, 3]'],
  [Float32Array.of(1, 2), 'Float32Array(2)'],
];

const NOT_DATA: [unknown, string][] = [
  [undefined, 'undefined'],
  [null, 'null'],
  [[1, 2, 3, 4, 5, 6], '[1, 2, 3, 4, 5, 6]'],
  ['abcdef', "'abcdef'"],
  [new ArrayBuffer(24), 'ArrayBuffer'],
  [new DataView(new ArrayBuffer(24)), 'DataView'],
  [new Float64Array(6), 'Float64Array(6)'],
  [new Uint8ClampedArray(6), 'Uint8ClampedArray(6)'],
  [new Int16Array(6), 'Int16Array(6)'],
  [new BigInt64Array(6), 'BigInt64Array(6)'],
  [Object.create(Float32Array.prototype), 'Float32Array'],
  [{ length: 6, [Symbol.toStringTag]: 'Float32Array' }, 'an object'],
];

const types: BadCall[] = [
  ...NOT_TENSORS.map(([a, word]): BadCall => ({ title: `a ${word}`, code: 'ERR_LOWP_TYPE', words: [' a ', word], a })),
  ...NOT_TENSORS.slice(0, 6).map(([b, word]): BadCall => ({
    title: `b ${word}`,
    code: 'ERR_LOWP_TYPE',
    words: [' b ', word],
    b,
  })),
  ...NOT_TENSORS.slice(6).map(([b, word]): BadCall => ({ title: `b ${word}`, code: 'ERR_LOWP_HANDLE', words: [' b '], b })),
  { title: 'b {}', code: 'ERR_LOWP_HANDLE', words: [' b ', 'packWeights'], b: Object.create(null) },
  ...NOT_DATA.flatMap(([data, word]): BadCall[] => [
    { title: `a.data ${word}`, code: 'ERR_LOWP_TYPE', words: ['a.data', word], a: { data } },
    { title: `b.data ${word}`, code: 'ERR_LOWP_TYPE', words: ['b.data', word], b: { data } },
  ]),
];

/** Properties that make the options bad, and words of the message. */
const badOptions: [BadCall['code'], Record<string, unknown>, ...NonNullable<BadCall['words']>][] = [
  ['ERR_LOWP_TYPE', { biass: null }, "'biass'", "did you mean 'bias'"],
  ['ERR_LOWP_TYPE', { treads: 2 }, "did you mean 'threads'"],
  ['ERR_LOWP_TYPE', { Threads: 2 }, "did you mean 'threads'"],
  ['ERR_LOWP_TYPE', { tranposeB: true }, "did you mean 'transposeB'"],
  ['ERR_LOWP_TYPE', { otu: undefined }, "'otu'"],
  ['ERR_LOWP_TYPE', { zzzzzzzzzzzz: 1 }, /'zzzzzzzzzzzz'$/],
  ['ERR_LOWP_TYPE', { ['x'.repeat(10_000)]: 1 }, 'xxx'],
  ['ERR_LOWP_TYPE', { threads: '2' }, 'options.threads', "'2'"],
  ['ERR_LOWP_VALUE', { threads: 0 }, 'options.threads', 1, 256, 0],
  ['ERR_LOWP_VALUE', { threads: -1 }, '-1'],
  ['ERR_LOWP_VALUE', { threads: 1.5 }, '1.5'],
  ['ERR_LOWP_VALUE', { threads: NaN }, 'NaN'],
  ['ERR_LOWP_VALUE', { threads: Infinity }, 'Infinity'],
  ['ERR_LOWP_VALUE', { threads: 257 }, 256, 257],
  ['ERR_LOWP_VALUE', { threads: 2 ** 53 }, 256, 2 ** 53],
  ['ERR_LOWP_TYPE', { device: 'gpu' }, "'cpu', 'cuda'", "'gpu'"],
  ['ERR_LOWP_TYPE', { device: 'CPU' }, "did you mean 'cpu'"],
  ['ERR_LOWP_TYPE', { device: 0 }, 'options.device'],
  ['ERR_LOWP_TYPE', { transposeB: 'yes' }, 'options.transposeB', "'yes'"],
  ['ERR_LOWP_TYPE', { transposeB: 1 }, 'options.transposeB'],
  ['ERR_LOWP_TYPE', { transposeB: null }, 'options.transposeB', 'null'],
  ['ERR_LOWP_TYPE', { activation: 'rellu' }, "did you mean 'relu'"],
  ['ERR_LOWP_TYPE', { activation: 5 }, 'options.activation', '5'],
  ['ERR_LOWP_TYPE', { activation: null }, 'options.activation', 'null'],
  ['ERR_LOWP_TYPE', { activation: { mim: 0 } }, "did you mean 'min'", 'options.activation'],
  ['ERR_LOWP_TYPE', { activation: { min: '0' } }, 'options.activation.min', "'0'"],
  ['ERR_LOWP_TYPE', { activation: { max: null } }, 'options.activation.max', 'null'],
  ['ERR_LOWP_VALUE', { activation: { min: NaN } }, 'options.activation.min', 'NaN'],
  ['ERR_LOWP_VALUE', { activation: { min: 2, max: 1 } }, 1, 2],
  ['ERR_LOWP_TYPE', { activation: 'Gelu' }, "did you mean 'gelu'"],
  ['ERR_LOWP_TYPE', { activation: 'swish' }, "'hardswish'", "'swish'"],
  ['ERR_LOWP_TYPE', { activation: 'leakyRelu' }, "'leakyRelu'"],
  ['ERR_LOWP_TYPE', { activation: { type: 'leakyrelu' } }, "did you mean 'leakyRelu'", 'options.activation.type'],
  ['ERR_LOWP_TYPE', { activation: { alpha: 0.1 } }, 'options.activation.type', 'undefined'],
  ['ERR_LOWP_TYPE', { activation: { type: 'leakyRelu', alpha: '1' } }, 'options.activation.alpha', "'1'"],
  ['ERR_LOWP_VALUE', { activation: { type: 'leakyRelu', alpha: NaN } }, 'options.activation.alpha', 'NaN'],
  ['ERR_LOWP_VALUE', { activation: { type: 'leakyRelu', alpha: 1e39 } }, 'finite', 'options.activation.alpha'],
  ['ERR_LOWP_VALUE', { activation: { type: 'leakyRelu', min: 0 } }, 'options.activation.min'],
  ['ERR_LOWP_VALUE', { activation: { type: 'leakyRelu', max: 6 } }, 'options.activation.max', 6],
  ['ERR_LOWP_TYPE', { residual: null }, 'options.residual', 'null'],
  ['ERR_LOWP_TYPE', { residual: 3 }, 'options.residual', '3'],
  ['ERR_LOWP_TYPE', { residual: [1, 2, 3, 4] }, 'options.residual', '[1, 2, 3, 4]'],
  ['ERR_LOWP_TYPE', { residual: new Float64Array(4) }, 'options.residual', 'Float64Array(4)'],
  ['ERR_LOWP_TYPE', { residual: new Int8Array(4) }, 'options.residual', 'Int8Array(4)'],
  ['ERR_LOWP_TYPE', { residual: { data: new Int32Array(4), shape: [2, 2] } }, 'options.residual.data', 'Int32Array(4)'],
  ['ERR_LOWP_SHAPE', { residual: new Float32Array(3) }, 'options.residual', 4, 'Float32Array(3)'],
  ['ERR_LOWP_SHAPE', { residual: new Float32Array(5) }, 'options.residual', 4, 'Float32Array(5)'],
  ['ERR_LOWP_TYPE', { residual: { data: new Float32Array(4) } }, 'options.residual.shape', 'undefined'],
  ['ERR_LOWP_SHAPE', { residual: { data: new Float32Array(4), shape: [4] } }, '[2, 2]', '[4]'],
  ['ERR_LOWP_SHAPE', { residual: { data: new Float32Array(4), shape: [2, 1] } }, '[2, 2]', '[2, 1]'],
  ['ERR_LOWP_SHAPE', { residual: { data: new Float32Array(3), shape: [2, 2] } }, 'options.residual', 'Float32Array(3)'],
  ['ERR_LOWP_SHAPE', { residual: { data: new Float32Array(4), shape: [2, 2], strides: [3, 1] } }, 5, 'Float32Array(4)'],
  ['ERR_LOWP_VALUE', { residual: { data: new Float32Array(9), shape: [2, 2], strides: [1, 1] } }, 'options.residual.strides'],
  ['ERR_LOWP_TYPE', { bias: [1, 2] }, 'options.bias', '[1, 2]'],
  ['ERR_LOWP_TYPE', { bias: new Float64Array(2) }, 'options.bias', 'Float64Array(2)'],
  ['ERR_LOWP_TYPE', { bias: null }, 'options.bias', 'null'],
  ['ERR_LOWP_TYPE', { out: null }, 'options.out', 'null'],
  ['ERR_LOWP_TYPE', { out: [] }, 'options.out'],
  ['ERR_LOWP_TYPE', { out: new Float64Array(4) }, 'options.out', 'Float64Array(4)'],
  ['ERR_LOWP_TYPE', { out: new Int8Array(16) }, 'options.out', 'Float32Array', 'Int8Array(16)'],
  ['ERR_LOWP_TYPE', { out: new ArrayBuffer(16) }, 'options.out', 'ArrayBuffer'],
];

function titled([code, options, ...words]: (typeof badOptions)[number]): BadCall {
  const title = Object.entries(options).map(
    ([k, v]) => `${k.slice(0, 20)}: ${typeof v === 'object' ? JSON.stringify(v) : String(v)}`,
  );
  return { title: title.join(', '), code, words, options };
}

const NOT_OPTIONS: BadCall[] = [
  { title: 'options null', code: 'ERR_LOWP_TYPE', words: ['options', 'null'], options: null },
  { title: 'options 5', code: 'ERR_LOWP_TYPE', words: ['options', '5'], options: 5 },
  { title: "options 'relu'", code: 'ERR_LOWP_TYPE', words: ["'relu'"], options: 'relu' },
  { title: 'options a function', code: 'ERR_LOWP_TYPE', words: ['a function'], options: () => 0 },
  { title: 'options an array', code: 'ERR_LOWP_TYPE', words: ["'0'"], options: [1] },
  { title: 'options inherited', code: 'ERR_LOWP_TYPE', words: ["'treads'"], options: Object.create({ treads: 1 }) },
];

describe.each(products)('$name > options', (product) => {
  refuses(product, [...types, ...badOptions.map(titled), ...NOT_OPTIONS]);

  test('a signal belongs to the async form', () => {
    const options = { signal: new AbortController().signal };
    expect(() => product.sync(product.a(), product.b(), options)).toThrow(/'signal'/);
  });

  test.each([null, {}, 'now', { aborted: false }])('async > signal %j', async (signal) => {
    const call = product.async(product.a(), product.b(), { signal });
    await expect(call).rejects.toMatchObject({ code: 'ERR_LOWP_TYPE', message: expect.stringContaining('options.signal') });
  });

  test('undefined stands for the default of each option', () => {
    const names = ['activation', 'transposeB', 'threads', 'device', 'bias', 'out', 'outStride'];
    const options = Object.fromEntries(names.map((name) => [name, undefined]));
    expect(product.sync(product.a(), product.b(), options)).toEqual(product.sync(product.a(), product.b()));
  });
});

refuses(floatProduct, [
  { title: 'transposeA a string', code: 'ERR_LOWP_TYPE', words: ['options.transposeA'], options: { transposeA: 'no' } },
  {
    title: 'transposeA of three dimensions',
    code: 'ERR_LOWP_SHAPE',
    words: ['two', '[1, 3, 2]'],
    a: { shape: [1, 3, 2] },
    options: { transposeA: true },
  },
  { title: 'output', code: 'ERR_LOWP_TYPE', words: ["'output'"], options: { output: 'float32' } },
  { title: 'int32 bias', code: 'ERR_LOWP_TYPE', words: ['Float32Array', 'Int32Array(2)'], options: { bias: new Int32Array(2) } },
  { title: 'a of int8', code: 'ERR_LOWP_TYPE', words: ['Float32Array', 'Int8Array(6)'], a: { data: new Int8Array(6) } },
  { title: 'b of int8', code: 'ERR_LOWP_TYPE', words: ['Float32Array', 'Int8Array(6)'], b: { data: new Int8Array(6) } },
]);

const quantizedOutput = { dtype: 'int8', scale: 1, zeroPoint: 0 };
const out = new Int8Array(4);
refuses(quantizedProduct, [
  {
    title: 'transposeA',
    code: 'ERR_LOWP_TYPE',
    words: ["'transposeA'", "did you mean 'transposeB'"],
    options: { transposeA: true },
  },
  { title: 'b of float32', code: 'ERR_LOWP_TYPE', words: ['Int8Array', 'Float32Array(6)'], b: { data: new Float32Array(6) } },
  { title: 'activations', code: 'ERR_LOWP_TYPE', words: ["did you mean 'perRow'"], options: { activations: 'perRows' } },
  { title: 'output float', code: 'ERR_LOWP_TYPE', words: ["did you mean 'float32'"], options: { output: 'float3' } },
  { title: 'output 32', code: 'ERR_LOWP_TYPE', words: ['options.output', '32'], options: { output: 32 } },
  { title: 'output null', code: 'ERR_LOWP_TYPE', words: ['options.output', 'null'], options: { output: null } },
  { title: 'output {}', code: 'ERR_LOWP_TYPE', words: ['options.output.dtype'], options: { output: {}, out } },
  {
    title: 'output int16',
    code: 'ERR_LOWP_TYPE',
    words: ["'int16'"],
    options: { output: { ...quantizedOutput, dtype: 'int16' }, out },
  },
  {
    title: 'output zeropoint',
    code: 'ERR_LOWP_TYPE',
    words: ["did you mean 'zeroPoint'"],
    options: { output: { ...quantizedOutput, zeropoint: 1 }, out },
  },
  {
    title: 'output uint8 into int8',
    code: 'ERR_LOWP_TYPE',
    words: ['Uint8Array', 'Int8Array(4)'],
    options: { output: { ...quantizedOutput, dtype: 'uint8' }, out },
  },
  {
    title: 'int32 output of float32 a',
    code: 'ERR_LOWP_VALUE',
    words: ['Float32Array'],
    a: { data: new Float32Array(6) },
    options: { output: 'int32', out: new Int32Array(4) },
  },
  {
    title: 'int32 bias of float32 output',
    code: 'ERR_LOWP_TYPE',
    words: ['Float32Array', 'Int32Array(2)'],
    options: { bias: new Int32Array(2) },
  },
  {
    title: 'float32 bias of int32 output',
    code: 'ERR_LOWP_TYPE',
    words: ['Int32Array', 'Float32Array(2)'],
    options: { bias: new Float32Array(2), output: 'int32', out: new Int32Array(4) },
  },
  {
    title: 'int32 bias of float32 a',
    code: 'ERR_LOWP_VALUE',
    words: ['Int32Array(2)'],
    a: { data: new Float32Array(6) },
    options: { bias: new Int32Array(2), output: quantizedOutput, out },
  },
  {
    title: 'relu of int32 output',
    code: 'ERR_LOWP_VALUE',
    words: ["'relu'"],
    options: { activation: 'relu', output: 'int32', out: new Int32Array(4) },
  },
]);
