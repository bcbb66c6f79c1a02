/** `cast` against the oracle, bit for bit, and against onnxruntime's Cast. */
import { cast, type Float16Tensor, type FloatDtype } from 'lowp';
import * as reference from 'lowp/reference';
import { expectSame } from '../helpers/compare';
import { runCasts } from '../helpers/onnx';
import { Random } from '../helpers/random';

const DTYPES = ['bfloat16', 'float16'] as const;
const codes = Uint16Array.from({ length: 0x10000 }, (_, i) => i);

function all(dtype: 'bfloat16' | 'float16'): Float16Tensor {
  return { data: codes, shape: [codes.length], dtype };
}

function bitsOf({ buffer, byteOffset, byteLength }: ArrayBufferView): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}

/** Every code's float32, the middle to the next code and its neighbours; then any bits at all. */
function floats(dtype: 'bfloat16' | 'float16'): Float32Array {
  const wide = new Uint32Array(reference.cast(all(dtype), { dtype: 'float32' }).data.buffer);
  const half = dtype === 'bfloat16' ? 0x8000 : 0x1000;
  const r = new Random(dtype);
  const bits: number[] = [];
  for (const code of wide) bits.push(code, code + half - 1, code + half, code + half + 1);
  for (let i = 0; i < 20_000; i++) bits.push(r.int(0, 2 ** 32 - 1));
  return new Float32Array(Uint32Array.from(bits).buffer);
}

describe.each(DTYPES)('%s', (dtype) => {
  const wide = cast(all(dtype), { dtype: 'float32' });
  const x = { data: floats(dtype), shape: [floats(dtype).length] };

  test('all codes are widened as the oracle widens them, and return', () => {
    expectSame(bitsOf(wide.data), bitsOf(reference.cast(all(dtype), { dtype: 'float32' }).data), 'widened');
    const back = cast(wide, { dtype });
    const quiet = dtype === 'bfloat16' ? 0x0040 : 0x0200;
    expectSame(
      back.data,
      codes.map((code) => (Number.isNaN(wide.data[code]) ? code | quiet : code)),
      'rounded again',
    );
  });

  test('float32 is rounded as the oracle rounds it', () => {
    expectSame(cast(x, { dtype }).data, reference.cast(x, { dtype }).data, 'rounded');
  });

  test.each(['bfloat16', 'float16', 'float32'] satisfies FloatDtype[])('codes to %s', (to) => {
    expectSame(bitsOf(cast(all(dtype), { dtype: to }).data), bitsOf(reference.cast(all(dtype), { dtype: to }).data), to);
  });

  test('onnxruntime widens alike', async () => {
    expectSame(wide.data, await runCasts(all(dtype), dtype, 'float32'), dtype);
  });

  test('onnxruntime rounds alike', async () => {
    const judged = await runCasts(x, 'float32', dtype, 'float32');
    expectSame(cast(cast(x, { dtype }), { dtype: 'float32' }).data, judged, dtype);
  });
});

test('onnxruntime has the same codes of float16', async () => {
  const x = { data: Float32Array.of(0.1, -2, 65504, 1e9, 2 ** -24, 3 * 2 ** -25), shape: [6] };
  expectSame(cast(x, { dtype: 'float16' }).data, await runCasts(x, 'float32', 'float16'), 'float16');
});

test('strides, scalars, nothing, out', () => {
  const x = { data: Float32Array.of(1, 2, 9, 3, 4), shape: [2, 2], strides: [3, 1] };
  const out = new Uint16Array(6).fill(7);
  const half = cast(x, { dtype: 'float16', out });
  expect(half).toEqual({ data: out, shape: [2, 2], dtype: 'float16' });
  expect([...out]).toEqual([0x3c00, 0x4000, 0x4200, 0x4400, 7, 7]);
  const columns = { data: out, shape: [2, 1], strides: [2, 1], dtype: 'float16' } as const;
  expect([...cast(columns, { dtype: 'float32' }).data]).toEqual([1, 3]);
  expect(cast({ data: Float32Array.of(5), shape: [] }, { dtype: 'float32' })).toEqual({ data: Float32Array.of(5), shape: [] });
  expect(cast({ data: new Float32Array(0), shape: [0, 3] }, { dtype: 'bfloat16' }).data).toHaveLength(0);
});
