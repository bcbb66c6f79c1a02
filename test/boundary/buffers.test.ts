/** Every kind of buffer under the arrays: detached, resizable, shared, Node's own, at any byte offset. */
import { csrFromDense, dequantize, packWeights, quantize, quantizeCsr, quantizedMatmul, sparseMatmul, type Tensor } from 'lowp';
import * as reference from 'lowp/reference';
import { detach, resizable, shared } from '../helpers/buffers';
import { expectRejects, expectThrows, wrong } from '../helpers/failures';
import { fa, fb, qa, qb } from '../helpers/problems';
import { floatProduct, products, quantizedProduct } from '../helpers/products';

const EXPECTED = [8, 2, 26, 2];

function valuesOf(result: unknown): number[] {
  return [...(result as Tensor<Float32Array>).data];
}

describe.each(products)('$name > detached', (product) => {
  const bad: [string, string, () => [unknown, unknown, object]][] = [
    ['a', ' a ', () => [dead(product.a()), product.b(), {}]],
    ['b', ' b ', () => [product.a(), dead(product.b()), {}]],
    ['bias', 'options.bias', () => [product.a(), product.b(), { bias: dead({ data: new Float32Array(2) }).data }]],
    ['out', 'options.out', () => [product.a(), product.b(), { out: dead({ data: new Float32Array(4) }).data }]],
  ];
  test.each(bad)('%s', async (_, name, make) => {
    const out = new Float32Array(4).fill(7);
    const [a, b, options] = make();
    expectThrows(() => product.sync(a, b, { out, ...options }), 'ERR_LOWP_DETACHED', [name]);
    await expectRejects(() => product.async(a, b, { out, ...options }), 'ERR_LOWP_DETACHED', [name]);
    expect([...out]).toEqual([7, 7, 7, 7]);
  });

  test('by a getter among the options, after a was checked', () => {
    const a = product.a();
    const options = {
      get outStride(): undefined {
        if (a.data.byteLength > 0) detach(a.data);
        return undefined;
      },
    };
    expect(() => product.sync(a, product.b(), options)).toThrow(
      expect.objectContaining({ code: expect.stringMatching(/^ERR_LOWP_/) }),
    );
  });
});

function dead<T extends { readonly data: { readonly buffer: ArrayBufferLike } }>(tensor: T): T {
  detach(tensor.data);
  return tensor;
}

describe('detached', () => {
  test('quantize, dequantize and packWeights', () => {
    expectThrows(() => quantize(dead(fa())), 'ERR_LOWP_DETACHED', [' x ', 6]);
    expectThrows(() => quantize(fa(), { out: dead({ data: new Int8Array(6) }).data }), 'ERR_LOWP_DETACHED', ['options.out', 6]);
    expectThrows(() => dequantize(dead(qa())), 'ERR_LOWP_DETACHED', [' q ', 6]);
    expectThrows(() => dequantize(qa(), { out: dead({ data: new Float32Array(6) }).data }), 'ERR_LOWP_DETACHED', ['options.out']);
    expectThrows(() => packWeights(dead(fb())), 'ERR_LOWP_DETACHED', [' b ', 6]);
    expectThrows(() => packWeights(dead(qb())), 'ERR_LOWP_DETACHED', [' b ', 6]);
  });

  test('scales and zero points', () => {
    const scale = dead({ data: Float32Array.of(1, 1) }).data;
    const zeroPoint = dead({ data: Int32Array.of(0, 0) }).data;
    const one = Float32Array.of(1, 1);
    expectThrows(() => quantizedMatmul({ ...qa(), scale, axis: 0 }, qb()), 'ERR_LOWP_DETACHED', ['a.scale']);
    expectThrows(() => quantizedMatmul({ ...qa(), scale: one, zeroPoint, axis: 0 }, qb()), 'ERR_LOWP_DETACHED', ['a.zeroPoint']);
    expectThrows(() => packWeights({ ...qb(), scale, axis: 1 }), 'ERR_LOWP_DETACHED', ['b.scale']);
    expectThrows(() => packWeights({ ...qb(), scale: one, zeroPoint, axis: 1 }), 'ERR_LOWP_DETACHED', ['b.zeroPoint']);
    expectThrows(() => dequantize({ ...qa(), scale, axis: 0 }), 'ERR_LOWP_DETACHED', ['q.scale']);
  });

  test('an empty tensor is not a detached one', () => {
    const a = { data: new Float32Array(0), shape: [0, 3] };
    expect(valuesOf(floatProduct.sync(a, fb()))).toEqual([]);
  });
});

describe('resizable', () => {
  test('a view that follows the length: right while long enough, refused when shrunk, right when grown again', async () => {
    const buffer = resizable(24, 64);
    const a = { data: new Float32Array(buffer), shape: [2, 3] };
    const fill = (): void => a.data.set(fa().data);
    fill();
    expect(valuesOf(floatProduct.sync(a, fb()))).toEqual(EXPECTED);
    expect(valuesOf(await floatProduct.async(a, fb()))).toEqual(EXPECTED);
    buffer.resize(20);
    expectThrows(() => floatProduct.sync(a, fb()), 'ERR_LOWP_SHAPE', [6, 'Float32Array(5)']);
    await expectRejects(() => floatProduct.async(a, fb()), 'ERR_LOWP_SHAPE', [6, 'Float32Array(5)']);
    buffer.resize(64);
    fill();
    expect(valuesOf(floatProduct.sync(a, fb()))).toEqual(EXPECTED);
  });

  test('a view of fixed length that a shrunk buffer no longer holds', () => {
    const buffer = resizable(32, 32);
    const view = new Float32Array(buffer, 8, 6);
    const out = new Float32Array(buffer, 16, 4);
    buffer.resize(24);
    expectThrows(() => floatProduct.sync({ data: view, shape: [2, 3] }, fb()), 'ERR_LOWP_SHAPE', [6, '(0)']);
    expectThrows(() => floatProduct.sync(fa(), { data: view, shape: [3, 2] }), 'ERR_LOWP_SHAPE', [6, '(0)']);
    expectThrows(() => floatProduct.sync(fa(), fb(), { out }), 'ERR_LOWP_SHAPE', [4, '(0)']);
    expectThrows(() => quantize({ data: view, shape: [6] }), 'ERR_LOWP_SHAPE', [6, '(0)']);
  });

  test('shrunk by a getter after the check', () => {
    const buffer = resizable(24, 24);
    const a = { data: new Float32Array(buffer), shape: [2, 3] };
    const options = {
      get outStride(): undefined {
        buffer.resize(4);
        return undefined;
      },
    };
    expectThrows(() => floatProduct.sync(a, fb(), options), 'ERR_LOWP_SHAPE', [6, 'Float32Array(1)']);
  });

  test.each([0, 12])('out shrunk to %i bytes during an asynchronous call', async (bytes) => {
    const buffer = resizable(16, 16);
    const call = floatProduct.async(fa(), fb(), { out: new Float32Array(buffer) });
    buffer.resize(bytes);
    await expectRejects(() => call, 'ERR_LOWP_DETACHED', ['out', 16]);
    expect([...new Float32Array(buffer)]).toEqual(new Array(bytes / 4).fill(0));
  });
});

describe('shared memory and odd offsets', () => {
  test('matmul', async () => {
    const a = { data: shared(fa().data), shape: [2, 3] };
    const b = { data: shared(fb().data), shape: [3, 2] };
    const bias = shared(Float32Array.of(1, 2));
    const out = shared(new Float32Array(4));
    const expected = [9, 4, 27, 4];
    expect(valuesOf(floatProduct.sync(a, b, { bias, out }))).toEqual(expected);
    out.fill(0);
    expect(valuesOf(await floatProduct.async(a, b, { bias, out }))).toEqual(expected);
  });

  test.each([1, 3, 63])('quantizedMatmul with 8-bit arrays at byte %i', async (offset) => {
    const scale = shared(Float32Array.of(0.5, 0.5));
    const a = { ...qa(), data: shared(qa().data, offset), scale, zeroPoint: shared(Int32Array.of(1, 1)), axis: 0 };
    const b = { ...qb(), data: shared(qb().data, offset) };
    const out = shared(new Int32Array(4));
    const bias = shared(Int32Array.of(1, 2));
    expect(valuesOf(quantizedProduct.sync(a, b, { output: 'int32', bias, out }))).toEqual([9, 4, 27, 4]);
    out.fill(0);
    expect(valuesOf(await quantizedProduct.async(a, b, { output: 'int32', bias, out }))).toEqual([9, 4, 27, 4]);
  });

  test('quantize and dequantize', () => {
    const x = { data: shared(Float32Array.of(-1, 0, 0.5, 1.27)), shape: [4] };
    const q = quantize(x, { out: shared(new Int8Array(4), 3) });
    expect([...q.data]).toEqual([-100, 0, 50, 127]);
    expect(dequantize({ ...q, scale: 1 }, { out: shared(new Float32Array(4), 4) }).data).toEqual(
      Float32Array.of(-100, 0, 50, 127),
    );
  });
});

describe('Buffer', () => {
  // Node cuts small Buffers out of one pool, so they begin at odd offsets of a buffer that others use too.
  test('counts as Uint8Array, in and out', async () => {
    Buffer.from('x');
    const a = { ...qa(), data: Buffer.from(qa().data) };
    const output = { dtype: 'uint8', scale: 0.125, zeroPoint: 3 };
    const out = Buffer.alloc(4);
    quantizedProduct.sync(a, qb(), { output, out });
    expect([...out]).toEqual([11, 5, 29, 5]);
    out.fill(0);
    await quantizedProduct.async(a, qb(), { output, out });
    expect([...out]).toEqual([11, 5, 29, 5]);
    expect([...dequantize({ ...a, data: a.data }).data]).toEqual([0, 0.5, 1, 1.5, 2, 2.5]);
  });

  test('does not count as Int8Array', () => {
    const output = { dtype: 'int8', scale: 1 };
    expectThrows(() => quantizedProduct.sync(qa(), qb(), { output, out: Buffer.alloc(4) }), 'ERR_LOWP_TYPE', [
      'Int8Array',
      'Buffer(4)',
    ]);
  });

  test('subclasses of typed arrays count as their element type', () => {
    class Named extends Float32Array {
      override get length(): number {
        return super.length;
      }
    }
    expect(valuesOf(floatProduct.sync({ data: Named.from(fa().data), shape: [2, 3] }, fb()))).toEqual(EXPECTED);
  });

  test('a subclass that lies about its length is stopped by native code', () => {
    class Liar extends Float32Array {
      override get length(): number {
        return 1000;
      }
    }
    const a = { data: new Liar(2), shape: [10, 10] };
    const b = { data: new Float32Array(100), shape: [10, 10] };
    expectThrows(() => floatProduct.sync(a, b), 'ERR_LOWP_SHAPE', [100, 'Float32Array(2)']);
    expectThrows(() => floatProduct.sync(b, wrong({ ...b, data: a.data })), 'ERR_LOWP_SHAPE', [100, 'Float32Array(2)']);
    expectThrows(() => floatProduct.sync(b, b, { out: a.data }), 'ERR_LOWP_SHAPE', [100, 'Float32Array(2)']);
  });
});

describe('a Buffer is not written to, though its slice() is a view of it', () => {
  test('a batch beside a sparse matrix', () => {
    const weights = quantizeCsr(csrFromDense({ data: Float32Array.of(1, 0, 0, 1), shape: [2, 2] }));
    const data = Buffer.from([1, 2, 9, 3, 4, 9, 9, 9, 5, 6, 9, 7, 8]);
    const before = [...data];
    const y = sparseMatmul({ data, shape: [2, 2, 2], strides: [8, 3, 1], scale: 1, zeroPoint: 0 }, weights, { side: 'right' });
    expect(y.data.map((v) => Math.round(v))).toEqual(Float32Array.of(1, 2, 3, 4, 5, 6, 7, 8));
    expect([...data]).toEqual(before);
  });

  test('weights of the reference, transposed', () => {
    const data = Buffer.from([1, 2, 3, 4, 5, 6]);
    const packed = reference.packWeights({ data, shape: [2, 3], scale: 1, zeroPoint: 0 }, { transposeB: true });
    expect([...data]).toEqual([1, 2, 3, 4, 5, 6]);
    data.fill(0);
    const a = { data: Uint8Array.of(1, 1, 1), shape: [3], scale: 1, zeroPoint: 0 };
    expect([...reference.quantizedMatmul(a, packed).data]).toEqual([6, 15]);
  });
});
