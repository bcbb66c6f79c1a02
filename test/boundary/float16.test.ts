/** 16-bit weights: what packWeights, matmul and cast refuse. */
import '../helpers/ownBinary';
import { cast, matmul, matmulAsync, packWeights, quantizedMatmul, quantizeWeights, runtime, type LowpErrorCode } from 'lowp';
import * as reference from 'lowp/reference';
import { detach } from '../helpers/buffers';
import { expectRejects, expectThrows, wrong, type Fragment } from '../helpers/failures';
import { fa, fb, qa, qb } from '../helpers/problems';

const QUIET = { packedHandles: 0, packedBytes: 0, asyncPending: 0 };
afterEach(() => expect(runtime.memory()).toEqual(QUIET));

const half = () => cast(fb(), { dtype: 'bfloat16' });

describe('storage', () => {
  test.each<[string, unknown, unknown, LowpErrorCode, ...Fragment[]]>([
    ['unknown', fb(), 'bfloat', 'ERR_LOWP_TYPE', 'options.storage', "'bfloat16'", "did you mean 'bfloat16'"],
    ['int8', fb(), 'int8', 'ERR_LOWP_TYPE', 'options.storage', "'int8'"],
    ['null', fb(), null, 'ERR_LOWP_TYPE', 'options.storage', 'null'],
    ['of quantized weights', qb(), 'bfloat16', 'ERR_LOWP_VALUE', 'options.storage', "'bfloat16'", 'float32'],
    ['of weights in groups', quantizeWeights(fb()), 'float16', 'ERR_LOWP_VALUE', 'options.storage'],
    ['of 16-bit weights', half(), 'bfloat16', 'ERR_LOWP_VALUE', 'options.storage', 'float32'],
  ])('%s', (_, b, storage, code, ...words) => {
    expectThrows(() => packWeights(wrong(b), { storage: wrong(storage) }), code, words);
  });

  test('the oracle refuses it too', () => {
    expect(() => reference.packWeights(qb(), { storage: 'float16' })).toThrow(
      expect.objectContaining({ code: 'ERR_LOWP_VALUE' }),
    );
  });
});

describe('b of 16 bits', () => {
  const bad: [string, object, LowpErrorCode, ...Fragment[]][] = [
    ['without dtype', { dtype: undefined }, 'ERR_LOWP_TYPE', 'b.dtype', 'undefined'],
    ['of dtype float32', { dtype: 'float32' }, 'ERR_LOWP_TYPE', 'b.dtype', "'float32'"],
    ['of a misspelled dtype', { dtype: 'flaot16' }, 'ERR_LOWP_TYPE', 'b.dtype', "did you mean 'float16'"],
    ['in an Int16Array', { data: new Int16Array(6) }, 'ERR_LOWP_TYPE', 'b.data', 'Int16Array(6)'],
    ['too short', { shape: [4, 2] }, 'ERR_LOWP_SHAPE', ' b ', 8, 6],
    ['of one dimension', { shape: [6] }, 'ERR_LOWP_SHAPE', 'b.shape', 'two dimensions'],
    ['detached', { data: dead() }, 'ERR_LOWP_DETACHED', ' b '],
  ];
  test.each(bad)('%s', async (_, over, code, ...words) => {
    const b = wrong<never>({ ...half(), ...over });
    expectThrows(() => packWeights(b), code, words);
    expectThrows(() => matmul(fa(), b), code, words);
    await expectRejects(() => matmulAsync(fa(), b), code, words);
  });

  test('out over it', () => {
    const { buffer } = new Float32Array(6);
    const b = { data: new Uint16Array(buffer, 4, 6), shape: [3, 2], dtype: 'float16' } as const;
    expectThrows(() => matmul(fa(), b, { out: new Float32Array(buffer, 0, 4) }), 'ERR_LOWP_ALIAS', [' b ']);
  });

  test('not for quantizedMatmul, packed or not', () => {
    using packed = packWeights(half());
    expectThrows(() => quantizedMatmul(qa(), packed), 'ERR_LOWP_HANDLE', ['int8', 'bfloat16']);
    expectThrows(() => quantizedMatmul(qa(), wrong(half())), 'ERR_LOWP_TYPE', ['b.data', 'Uint16Array']);
  });

  test('16-bit activations are refused', () => {
    expectThrows(() => matmul(wrong(half()), fb()), 'ERR_LOWP_TYPE', ['a.data', 'Uint16Array(6)']);
  });
});

describe('handles', () => {
  test('disposed', async () => {
    const packed = packWeights(half());
    const call = matmulAsync(fa(), packed);
    packed.dispose();
    expect(runtime.memory()).toMatchObject({ packedHandles: 0, packedBytes: 0 });
    expect([...(await call).data]).toEqual([8, 2, 26, 2]);
    expectThrows(() => matmul(fa(), packed), 'ERR_LOWP_DISPOSED', ['dispose()']);
  });

  test('changes to what it was made from have no effect', () => {
    const b = half();
    using packed = packWeights(b);
    b.data.fill(0x7fc0);
    expect([...matmul(fa(), packed).data]).toEqual([8, 2, 26, 2]);
  });

  test('transposeB that contradicts the packing', () => {
    using packed = packWeights(half());
    expectThrows(() => matmul(fa(), packed, { transposeB: true }), 'ERR_LOWP_VALUE', ['false', 'true']);
  });
});

describe('cast', () => {
  test.each<[string, unknown, unknown, LowpErrorCode, ...Fragment[]]>([
    ['no options', fb(), undefined, 'ERR_LOWP_TYPE', 'options.dtype', 'undefined'],
    ['dtype int8', fb(), { dtype: 'int8' }, 'ERR_LOWP_TYPE', 'options.dtype', "'int8'"],
    ['16 bits without dtype', { ...half(), dtype: undefined }, { dtype: 'float32' }, 'ERR_LOWP_TYPE', 'x.dtype'],
    ['out of float32', fb(), { dtype: 'float16', out: new Float32Array(6) }, 'ERR_LOWP_TYPE', 'Uint16Array', 'Float32Array(6)'],
    ['out of 16 bits', half(), { dtype: 'float32', out: new Uint16Array(6) }, 'ERR_LOWP_TYPE', 'Float32Array', 'Uint16Array(6)'],
    ['detached x', { ...half(), data: dead() }, { dtype: 'float32' }, 'ERR_LOWP_DETACHED', ' x '],
  ])('%s', (_, x, options, code, ...words) => expectThrows(() => cast(wrong(x), wrong<never>(options)), code, words));

  test('out over x', () => {
    const x = fb();
    const out = new Uint16Array(x.data.buffer, 4, 6);
    expectThrows(() => cast(x, { dtype: 'float16', out }), 'ERR_LOWP_ALIAS', [' x ']);
  });
});

function dead(): Uint16Array {
  const array = new Uint16Array(6);
  detach(array);
  return array;
}
