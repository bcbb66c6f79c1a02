/** The poolings of lowp.node, called without TypeScript in front: see native.test.ts. */
import '../helpers/ownBinary';
import { wrong } from '../helpers/failures';
import { binding, expectFailure, poolControl, type PoolSlots } from '../helpers/native';

const native = binding();
const f = (n: number): Float32Array => new Float32Array(n);
const i8 = (n: number): Int8Array => new Int8Array(n);
const u8 = (n: number): Uint8Array => new Uint8Array(n);

describe.each([
  ['max', 0],
  ['average', 1],
])('%s 3x3, 1x4x5x6 to 1x4x3x4', (_, average) => {
  const sizes: PoolSlots = { average, batch: 1, channels: 4, height: 5, width: 6, outH: 3, outW: 4, kernelH: 3, kernelW: 3 };
  const run = (over: PoolSlots, { x = f(120), out = f(48) }: Readonly<Record<string, unknown>> = {}): void =>
    native.pool(poolControl({ ...sizes, ...over }), wrong(x), wrong(out));

  test('good ones', () => {
    const out = f(48);
    run({}, { x: f(120).fill(3), out });
    expect(new Set(out)).toEqual(new Set([3]));
    run({}, { x: i8(120), out: i8(48) });
    run({ nhwc: 1 }, { x: u8(121), out: u8(49) });
    run({ batch: 0 }, { x: f(0), out: f(0) });
    // Padding may be larger than the image, and the result too small or too large for it: what is missing is padding.
    run({ padTop: 100, padLeft: 100, countIncludePad: 1 });
    run({ strideH: 1000, strideW: 1000, dilationH: 500, dilationW: 500 });
    run({ height: 0 }, { x: f(0) });
    run({ kernelW: 2 ** 31 - 1, padLeft: 2 ** 31 - 1, padRight: 2 ** 31 - 1 });
  });

  test.each<[string, string, () => void]>([
    ['x short', 'SHAPE', () => run({}, { x: f(119) })],
    ['out short', 'SHAPE', () => run({}, { out: f(47) })],
    ['kernel 0', 'SHAPE', () => run({ kernelH: 0 })],
    ['stride 0', 'SHAPE', () => run({ strideW: 0 })],
    ['dilation 0', 'SHAPE', () => run({ dilationH: 0 })],
    ['sizes that overflow', 'SHAPE', () => run({ height: 2 ** 30, width: 2 ** 30, batch: 2 ** 30 })],
    ['padding beyond reason', 'SHAPE', () => run({ padLeft: 2 ** 31 })],
    ['dilations beyond reason', 'SHAPE', () => run({ kernelW: 2 ** 20, dilationW: 2 ** 20 })],
    ['strides beyond reason', 'SHAPE', () => run({ strideH: 2 ** 40 })],
    ['width NaN', 'VALUE', () => run({ width: NaN })],
    ['negative padding', 'VALUE', () => run({ padRight: -1 })],
    ['threads 0.5', 'VALUE', () => run({ threads: 0.5 })],
    ['int32 x', 'TYPE', () => run({}, { x: new Int32Array(120) })],
    ['float64 out', 'TYPE', () => run({}, { out: new Float64Array(48) })],
    ['int8 out for float32 x', 'TYPE', () => run({}, { out: i8(48) })],
    ['float32 out for int8 x', 'TYPE', () => run({}, { x: i8(120) })],
  ])('%s', (__, code, call) => expectFailure(call, code));

  test('out over x', () => {
    const memory = f(200);
    expectFailure(() => run({}, { x: memory.subarray(0, 120), out: memory.subarray(119, 167) }), 'ALIAS');
    run({}, { x: memory.subarray(0, 120), out: memory.subarray(120, 168) });
  });
});

test('what averages of 8 bits need', () => {
  const run = (over: PoolSlots): void =>
    native.pool(poolControl({ ...{ average: 1, outW: 1, kernelW: 4 }, ...over }), i8(4), u8(1));
  run({});
  run({ zeroX: -128, zeroOut: 255 });
  for (const slot of ['scaleX', 'scaleOut'] as const) {
    for (const value of [0, -1, NaN, Infinity]) expectFailure(() => run({ [slot]: value }), 'VALUE');
  }
  expectFailure(() => run({ zeroX: 128 }), 'VALUE');
  expectFailure(() => run({ zeroOut: -1 }), 'VALUE');
  expectFailure(() => native.pool(poolControl({ kernelW: 4 }), i8(4), u8(1)), 'TYPE');
});
