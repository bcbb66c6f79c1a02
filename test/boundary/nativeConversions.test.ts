/** Casts and quantization of lowp.node, called without TypeScript in front: see native.test.ts. */
import '../helpers/ownBinary';
import { StorageCode } from '../../lib/native/slots';
import { wrong } from '../helpers/failures';
import { binding, controlOf, expectFailure } from '../helpers/native';

const native = binding();
const f = (n: number): Float32Array => new Float32Array(n);
const u16 = (n: number): Uint16Array => new Uint16Array(n);
const i8 = (n: number): Int8Array => new Int8Array(n);
const i32 = (n: number): Int32Array => new Int32Array(n);
const one: Float32Array = Float32Array.of(1);

describe('cast', () => {
  const [float32, bfloat16, float16] = [StorageCode.float32, StorageCode.bfloat16, StorageCode.float16];
  test.each<[string, string, () => void]>([
    ['x short', 'SHAPE', () => native.cast(controlOf(5, float32, float16), f(4), u16(5))],
    ['out short', 'SHAPE', () => native.cast(controlOf(5, float32, float16), f(5), u16(4))],
    ['2^40', 'SHAPE', () => native.cast(controlOf(2 ** 40, float32, float16), f(5), u16(4))],
    ['x of the other type', 'TYPE', () => native.cast(controlOf(4, bfloat16, float32), f(4), f(4))],
    ['out of the other type', 'TYPE', () => native.cast(controlOf(4, float32, float16), f(4), f(4))],
    ['int16 x', 'TYPE', () => native.cast(controlOf(4, float16, float32), wrong(new Int16Array(4)), f(4))],
    ['from 3', 'VALUE', () => native.cast(controlOf(4, 3, float32), u16(4), f(4))],
    ['to -1', 'VALUE', () => native.cast(controlOf(4, float32, -1), f(4), u16(4))],
    ['NaN elements', 'VALUE', () => native.cast(controlOf(NaN, float32, float16), f(4), u16(4))],
  ])('%s > %s', (_, code, call) => expectFailure(call, code));
  test('out over x', () => {
    const x = f(4);
    expectFailure(() => native.cast(controlOf(4, float32, float16), x, new Uint16Array(x.buffer, 8, 4)), 'ALIAS');
  });
});

describe('quantize', () => {
  const ctl = (outer: number, channels: number, inner: number): Uint8Array => controlOf(outer, channels, inner, 0, 1);
  const run = (c: Uint8Array, x = f(4), s: Float32Array = one, z = i32(1), out = i8(4)): void => native.quantize(c, x, s, z, out);
  test.each<[string, string, () => void]>([
    ['x short', 'SHAPE', () => run(ctl(1, 1, 5), f(4), one, i32(1), i8(5))],
    ['out short', 'SHAPE', () => run(ctl(1, 1, 4), f(4), one, i32(1), i8(3))],
    ['scales short', 'SHAPE', () => run(ctl(1, 2, 2), f(4), one, i32(2))],
    ['2^40 cubed', 'SHAPE', () => run(ctl(2 ** 40, 2 ** 40, 2 ** 40))],
    ['negative', 'VALUE', () => run(ctl(-1, 1, 4))],
    ['NaN', 'VALUE', () => run(ctl(1, NaN, 4))],
    ['scale NaN', 'VALUE', () => run(ctl(1, 1, 4), f(4), Float32Array.of(NaN))],
    ['zero point 128', 'VALUE', () => run(ctl(1, 1, 4), f(4), one, Int32Array.of(128))],
  ])('%s > %s', (_, code, call) => expectFailure(call, code));
  test('out over x', () => {
    const x = f(4);
    expectFailure(() => run(ctl(1, 1, 4), x, one, i32(1), new Int8Array(x.buffer, 12, 4)), 'ALIAS');
  });
});
