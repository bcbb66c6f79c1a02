/** Packed weights: which the products take, and their life from packWeights to dispose. */
import '../helpers/ownBinary';
import { matmul, matmulAsync, packWeights, PackedWeights, quantizedMatmul, quantizedMatmulAsync, runtime } from 'lowp';
import * as reference from 'lowp/reference';
import { expectRejects, expectThrows, wrong } from '../helpers/failures';
import { fa, fb, qa, qb, SUMS } from '../helpers/problems';
import { products } from '../helpers/products';

const QUIET = { packedHandles: 0, packedBytes: 0, asyncPending: 0 };

afterEach(() => expect(runtime.memory()).toEqual(QUIET));

describe('foreign objects', () => {
  const foreign: [string, () => unknown][] = [
    ['{}', () => ({})],
    ['a frozen object', () => Object.freeze({ shape: [3, 2], dtype: 'int8' })],
    ['an object with the prototype of PackedWeights', () => Object.create(PackedWeights.prototype)],
    ['weights of lowp/reference', () => reference.packWeights(qb())],
    ['a Proxy around a handle', () => new Proxy(live(), {})],
    ['an object that inherits from a handle', () => Object.create(live())],
    ['a copy of a handle', () => ({ ...live() })],
    ['a Map', () => new Map()],
    ['an ArrayBuffer', () => new ArrayBuffer(8)],
  ];
  const made: PackedWeights[] = [];
  function live(): PackedWeights {
    made.push(packWeights(qb()));
    return made[made.length - 1];
  }
  afterEach(() => made.splice(0).forEach((w) => w.dispose()));

  test.each(foreign)('%s', async (_, make) => {
    for (const product of products) {
      const out = new Float32Array(4).fill(7);
      expectThrows(() => product.sync(product.a(), make(), { out }), 'ERR_LOWP_HANDLE', [' b ', 'packWeights']);
      await expectRejects(() => product.async(product.a(), make(), { out }), 'ERR_LOWP_HANDLE', [' b ']);
      expect([...out]).toEqual([7, 7, 7, 7]);
    }
  });

  test('a handle as a, or as weights to pack', () => {
    expectThrows(() => matmul(wrong(live()), fb()), 'ERR_LOWP_TYPE', [' a ', 'PackedWeights']);
    expectThrows(() => packWeights(wrong(live())), 'ERR_LOWP_TYPE', [' b ', 'PackedWeights']);
  });

  test('the methods of a handle on another object', () => {
    const { dispose } = PackedWeights.prototype;
    expect(() => dispose.call(wrong({}))).toThrow(TypeError);
    expect(() => Reflect.get(PackedWeights.prototype, 'disposed', {})).toThrow(TypeError);
  });
});

describe('of the other kind', () => {
  test('float32 weights for quantizedMatmul', async () => {
    using packed = packWeights(fb());
    expectThrows(() => quantizedMatmul(qa(), packed), 'ERR_LOWP_HANDLE', ['int8', 'float32']);
    await expectRejects(() => quantizedMatmulAsync(qa(), packed), 'ERR_LOWP_HANDLE', ['int8', 'float32']);
  });

  test('int8 weights for matmul', async () => {
    using packed = packWeights(qb());
    expectThrows(() => matmul(fa(), packed), 'ERR_LOWP_HANDLE', ['float32', 'int8']);
    await expectRejects(() => matmulAsync(fa(), packed), 'ERR_LOWP_HANDLE', ['float32', 'int8']);
  });

  test('transposeB that contradicts the packing', () => {
    using packed = packWeights(qb());
    expectThrows(() => quantizedMatmul(qa(), packed, { transposeB: true }), 'ERR_LOWP_VALUE', ['false', 'true']);
    expect([...quantizedMatmul(qa(), packed, { transposeB: false, output: 'int32' }).data]).toEqual(SUMS);
  });

  test('another depth', () => {
    using packed = packWeights(qb());
    expectThrows(() => quantizedMatmul({ ...qa(), shape: [3, 2] }, packed), 'ERR_LOWP_SHAPE', [3, 2]);
  });
});

describe('dispose', () => {
  test('then use', async () => {
    for (const product of products) {
      const packed = packWeights(wrong(product.b()));
      packed.dispose();
      const out = new Float32Array(4).fill(7);
      expectThrows(() => product.sync(product.a(), packed, { out }), 'ERR_LOWP_DISPOSED', ['dispose()']);
      await expectRejects(() => product.async(product.a(), packed, { out }), 'ERR_LOWP_DISPOSED', ['dispose()']);
      expect([...out]).toEqual([7, 7, 7, 7]);
    }
  });

  test('twice, and what can still be read after it', () => {
    const packed = packWeights(qb());
    expect(packed.disposed).toBe(false);
    expect(runtime.memory()).toMatchObject({ packedHandles: 1, packedBytes: packed.bytes });
    packed.dispose();
    packed.dispose();
    packed[Symbol.dispose]();
    expect(packed).toMatchObject({ disposed: true, shape: [3, 2], dtype: 'int8' });
    expect(runtime.memory()).toEqual(QUIET);
  });

  test('by `using`, also where the block throws', () => {
    let kept: PackedWeights | undefined;
    expect(() => {
      using packed = packWeights(fb());
      kept = packed;
      throw new Error('on purpose');
    }).toThrow('on purpose');
    expect(kept?.disposed).toBe(true);
  });

  test('counts of several handles', () => {
    const handles = [packWeights(qb()), packWeights(fb()), packWeights(qb())];
    const bytes = handles.map((h) => h.bytes);
    expect(runtime.memory()).toMatchObject({ packedHandles: 3, packedBytes: bytes[0] + bytes[1] + bytes[2] });
    handles[1].dispose();
    expect(runtime.memory()).toMatchObject({ packedHandles: 2, packedBytes: bytes[0] + bytes[2] });
    handles.forEach((h) => h.dispose());
  });

  test('in flight: the call keeps the weights and their memory counts as gone', async () => {
    const packed = packWeights(qb());
    const calls = Array.from({ length: 20 }, () => quantizedMatmulAsync(qa(), packed, { output: 'int32' }));
    packed.dispose();
    expect(runtime.memory()).toMatchObject({ packedHandles: 0, packedBytes: 0, asyncPending: 20 });
    for (const { data } of await Promise.all(calls)) expect([...data]).toEqual(SUMS);
  });
});

test('a handle is immutable: changes to what it was made from have no effect', () => {
  const b = qb();
  using packed = packWeights(b);
  b.data.fill(100);
  expect([...quantizedMatmul(qa(), packed, { output: 'int32' }).data]).toEqual(SUMS);
  expect(() => Reflect.apply(Array.prototype.push, packed.shape, [1])).toThrow(TypeError);
});

test('weights keep the kernel that they were packed for', () => {
  const before = runtime.isa;
  runtime.isa = 'scalar';
  using packed = packWeights(qb());
  runtime.isa = 'auto';
  expect(packed.isa).toBe('scalar');
  expect([...quantizedMatmul(qa(), packed, { output: 'int32' }).data]).toEqual(SUMS);
  expect(runtime.isa).toBe(before);
});
