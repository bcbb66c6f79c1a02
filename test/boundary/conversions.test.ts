/** quantize, dequantize, packWeights and runtime against arguments of the wrong type or size. Scales and axes: quantization.test.ts. */
import '../helpers/ownBinary';
import { cast, dequantize, packWeights, PackedWeights, quantize, runtime, type LowpErrorCode } from 'lowp';
import { expectThrows, wrong, type Fragment } from '../helpers/failures';
import { fb, qa, qb } from '../helpers/problems';

interface Conversion {
  readonly name: string;
  readonly input: string;
  readonly good: () => object;
  readonly run: (tensor: unknown, options?: unknown) => unknown;
  /** A good option and a misspelling of it. */
  readonly misspelled: [string, string];
  readonly out: undefined | (() => Float32Array | Uint16Array | Int8Array);
}

/** `dtype` of cast has no default. */
function withDtype(options: unknown = {}): unknown {
  return typeof options === 'object' && options !== null ? { dtype: 'float16', ...options } : options;
}

const conversions: readonly Conversion[] = [
  {
    name: 'quantize',
    input: 'x',
    good: () => ({ data: Float32Array.of(0, 1, 2, 3, 4, 5), shape: [2, 3] }),
    run: (x, options) => quantize(wrong(x), wrong(options)),
    misspelled: ['symetric', 'symmetric'],
    out: () => new Int8Array(6).fill(7),
  },
  {
    name: 'dequantize',
    input: 'q',
    good: qa,
    run: (q, options) => dequantize(wrong(q), wrong(options)),
    misspelled: ['outt', 'out'],
    out: () => new Float32Array(6).fill(7),
  },
  {
    name: 'cast',
    input: 'x',
    good: () => ({ data: Float32Array.of(0, 1, 2, 3, 4, 5), shape: [2, 3] }),
    run: (x, options) => cast(wrong(x), wrong<never>(withDtype(options))),
    misspelled: ['outt', 'out'],
    out: () => new Uint16Array(6).fill(7),
  },
  {
    name: 'packWeights',
    input: 'b',
    good: qb,
    run: (b, options) => packWeights(wrong(b), wrong(options)),
    misspelled: ['transposeb', 'transposeB'],
    out: undefined,
  },
];

/** Laid over a good tensor. */
const badTensors: [title: string, over: object, code: LowpErrorCode, ...words: Fragment[]][] = [
  ['data missing', { data: undefined }, 'ERR_LOWP_TYPE', '.data', 'undefined'],
  ['data an array', { data: [1, 2, 3] }, 'ERR_LOWP_TYPE', '.data', '[1, 2, 3]'],
  ['data Float64Array', { data: new Float64Array(6) }, 'ERR_LOWP_TYPE', 'Float64Array(6)'],
  ['data Uint8ClampedArray', { data: new Uint8ClampedArray(6) }, 'ERR_LOWP_TYPE', 'Uint8ClampedArray(6)'],
  ['shape missing', { shape: undefined }, 'ERR_LOWP_TYPE', '.shape', 'undefined'],
  ['shape a number', { shape: 6 }, 'ERR_LOWP_TYPE', '.shape', '6'],
  ['shape NaN', { shape: [NaN, 3] }, 'ERR_LOWP_SHAPE', '.shape[0]', 'NaN'],
  ['shape negative', { shape: [2, -3] }, 'ERR_LOWP_SHAPE', '.shape[1]', '-3'],
  ['shape fractional', { shape: [2.5, 2] }, 'ERR_LOWP_SHAPE', '.shape[0]', '2.5'],
  ['shape 2^31', { shape: [1, 2 ** 31] }, 'ERR_LOWP_SHAPE', 2 ** 31 - 1, 2 ** 31],
  ['shape a bigint', { shape: [2n, 3] }, 'ERR_LOWP_TYPE', '2n'],
  ['shape beyond 2^53', { shape: [2 ** 31 - 1, 2 ** 31 - 1] }, 'ERR_LOWP_SHAPE', 2 ** 32],
  ['shape beyond 2^53 before a zero', { shape: [2 ** 31 - 1, 2 ** 31 - 1, 0] }, 'ERR_LOWP_SHAPE'],
  ['shape larger than data', { shape: [2, 4] }, 'ERR_LOWP_SHAPE', 8, '(6)'],
  ['strides not an array', { strides: 3 }, 'ERR_LOWP_TYPE', '.strides', '3'],
  ['strides one too few', { strides: [1] }, 'ERR_LOWP_SHAPE', 2, '[1]'],
  ['strides NaN', { strides: [NaN, 1] }, 'ERR_LOWP_VALUE', 'NaN'],
  ['strides negative', { strides: [-3, 1] }, 'ERR_LOWP_VALUE', '-3'],
  ['strides past the end', { strides: [5, 1] }, 'ERR_LOWP_SHAPE', '(6)'],
  ['strides far past the end', { strides: [2 ** 50, 1] }, 'ERR_LOWP_SHAPE', '(6)'],
  ['strides shorter than a row', { strides: [1, 1] }, 'ERR_LOWP_VALUE', '[0]', 1],
];

const NOT_TENSORS: readonly unknown[] = [undefined, null, 7, 'x', () => 0, [], new Float32Array(6)];
const NOT_OPTIONS: readonly unknown[] = [null, 7, 'x', () => 0];

describe.each(conversions)('$name', ({ input, good, run, misspelled, out: makeOut }) => {
  const before = runtime.memory();
  afterAll(() => expect(runtime.memory()).toEqual(before));

  test.each(badTensors)('%s', (_, over, code, ...words) => {
    const out = makeOut?.();
    expectThrows(() => run({ ...good(), ...over }, out && { out }), code, [input, ...words]);
    expect(out).toEqual(makeOut?.());
  });

  test.each(NOT_TENSORS)('%p instead of a tensor', (value) => expectThrows(() => run(value), 'ERR_LOWP_TYPE', [input]));
  test.each(NOT_OPTIONS)('%p instead of options', (value) =>
    expectThrows(() => run(good(), value), 'ERR_LOWP_TYPE', ['options']),
  );
  test('a misspelled option', () => {
    const [bad, meant] = misspelled;
    expectThrows(() => run(good(), { [bad]: undefined }), 'ERR_LOWP_TYPE', [`'${bad}'`, `did you mean '${meant}'`]);
  });
});

describe.each(conversions.slice(0, 3))('$name > out', ({ good, run, out: makeOut }) => {
  test.each([null, [], 6, new Float64Array(6), new Uint8ClampedArray(6), new ArrayBuffer(24)])('%p', (out) => {
    expectThrows(() => run(good(), { out }), 'ERR_LOWP_TYPE', ['options.out']);
  });
  test.each([0, 5])('of %i elements', (length) => {
    const out = makeOut?.().slice(0, length);
    expectThrows(() => run(good(), { out }), 'ERR_LOWP_SHAPE', [6, `(${length})`]);
  });
});

describe('quantize', () => {
  const x = { data: Float32Array.of(1, 2), shape: [2] };
  const options: [object, LowpErrorCode, ...Fragment[]][] = [
    [{ dtype: 'int4' }, 'ERR_LOWP_TYPE', "'int8', 'uint8'", "'int4'"],
    [{ dtype: 'uint' }, 'ERR_LOWP_TYPE', "'uint'"],
    [{ dtype: null }, 'ERR_LOWP_TYPE', 'null'],
    [{ symmetric: 1 }, 'ERR_LOWP_TYPE', 'options.symmetric'],
    [{ dtype: 'uint8', out: new Int8Array(2) }, 'ERR_LOWP_TYPE', 'Uint8Array', 'Int8Array(2)'],
    [{ out: new Uint8Array(2) }, 'ERR_LOWP_TYPE', 'Int8Array', 'Uint8Array(2)'],
  ];
  test.each(options)('%p', (option, code, ...words) => expectThrows(() => quantize(x, wrong(option)), code, words));
  test('int8 data', () => {
    expectThrows(() => quantize(wrong({ ...x, data: new Int8Array(2) })), 'ERR_LOWP_TYPE', ['Float32Array', 'Int8Array(2)']);
  });

  // Each empty run costs nothing: these return at once.
  test.each([0, 1])('an empty tensor with a huge dimension, axis %i', (axis) => {
    const shape = axis === 0 ? [0, 2 ** 31 - 1] : [2 ** 31 - 1, 1, 0];
    const q = quantize({ data: new Float32Array(0), shape }, { axis });
    expect(q.data).toHaveLength(0);
    expect(dequantize(q).shape).toEqual(shape);
  });
});

describe('packWeights', () => {
  test('axis of float32 weights is not looked at, transposeB is', () => {
    expectThrows(() => packWeights(fb(), { transposeB: wrong('no') }), 'ERR_LOWP_TYPE', ['options.transposeB', "'no'"]);
  });
  test.each([[[]], [[6]], [[1, 3, 2]]])('shape %j', (shape) => {
    expectThrows(() => packWeights({ ...qb(), shape }), 'ERR_LOWP_SHAPE', ['two dimensions']);
    expectThrows(() => packWeights({ ...fb(), shape }), 'ERR_LOWP_SHAPE', ['two dimensions']);
  });
  test('new PackedWeights() is refused', () => {
    const construct = (...args: unknown[]): unknown => Reflect.construct(PackedWeights, args);
    expectThrows(() => construct(), 'ERR_LOWP_TYPE', ['packWeights()']);
    expectThrows(() => construct({ k: 1, n: 1 }, undefined), 'ERR_LOWP_TYPE', ['packWeights()']);
  });
});

describe('runtime', () => {
  const { isa, threads } = runtime;
  const bad: ['isa' | 'threads', unknown, LowpErrorCode, ...Fragment[]][] = [
    ['isa', 7, 'ERR_LOWP_TYPE', '7'],
    ['isa', null, 'ERR_LOWP_TYPE', 'null'],
    ['isa', 'sacalr', 'ERR_LOWP_VALUE', "'sacalr'", "did you mean 'scalar'"],
    ['isa', 'AVX2 ', 'ERR_LOWP_VALUE', 'scalar'],
    ['threads', '2', 'ERR_LOWP_TYPE', "'2'"],
    ['threads', undefined, 'ERR_LOWP_TYPE', 'undefined'],
    ['threads', 0, 'ERR_LOWP_VALUE', 1, 256, 0],
    ['threads', -1, 'ERR_LOWP_VALUE', '-1'],
    ['threads', 1.5, 'ERR_LOWP_VALUE', '1.5'],
    ['threads', NaN, 'ERR_LOWP_VALUE', 'NaN'],
    ['threads', 257, 'ERR_LOWP_VALUE', 256, 257],
    ['threads', 2 ** 53, 'ERR_LOWP_VALUE', 2 ** 53],
  ];
  test.each(bad)('%s = %p', (name, value, code, ...words) => {
    const settings: Record<'isa' | 'threads', unknown> = runtime as never;
    expectThrows(() => (settings[name] = value), code, [`runtime.${name}`, ...words]);
    expect([runtime.isa, runtime.threads]).toEqual([isa, threads]);
  });
  test('an ISA that this machine lacks is unsupported, not unknown', () => {
    for (const { name, built, supported } of runtime.isas()) {
      if (built && supported) continue;
      expectThrows(() => (runtime.isa = name), 'ERR_LOWP_UNSUPPORTED', [`'${name}'`, 'scalar']);
    }
    expect(runtime.isa).toBe(isa);
  });
  test('auto returns to detection', () => {
    runtime.isa = 'scalar';
    expect(runtime.isa).toBe('scalar');
    runtime.isa = 'auto';
    expect(runtime.isa).toBe(isa);
  });
});
