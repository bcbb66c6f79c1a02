/** `sparseMatmul` and `packSparse`: what they refuse, and with which words. */
import {
  checkBsr,
  checkCsr,
  packSparse,
  PackedSparse,
  sparseMatmul,
  sparseMatmulAsync,
  type BsrMatrix,
  type CsrMatrix,
  type LowpErrorCode,
  type QuantizedTensor,
  type Tensor,
} from 'lowp';
import * as reference from 'lowp/reference';
import { detach } from '../helpers/buffers';
import { expectRejects, expectThrows, wrong, type Fragment } from '../helpers/failures';
import { fb, qb } from '../helpers/problems';
import { refuses, type BadCall, type Subject } from '../helpers/products';

/** [0 1 2; 3 4 0] */
function csr(): CsrMatrix<Float32Array> {
  return {
    ...{ rows: 2, cols: 3, rowPtr: Int32Array.of(0, 2, 4) },
    ...{ colIdx: Int32Array.of(1, 2, 0, 1), values: Float32Array.of(1, 2, 3, 4) },
  };
}
function csr8(): CsrMatrix<Int8Array> {
  return { ...csr(), values: Int8Array.of(1, 2, 3, 4), scale: 0.5 };
}
/** The same 2 by 4: [0 0 1 2; 3 4 0 0] in blocks of 1 x 2. */
function bsr(): BsrMatrix<Float32Array> {
  return {
    ...{ rows: 2, cols: 4, blockShape: [1, 2], rowPtr: Int32Array.of(0, 1, 2) },
    ...{ colIdx: Int32Array.of(1, 0), values: Float32Array.of(1, 2, 3, 4) },
  };
}
const rowOf = (): object => ({ data: Float32Array.of(1, 2, 3), shape: [1, 3] });
const bytesOf = (): object => ({ data: Uint8Array.of(1, 2, 3), shape: [1, 3], scale: 0.5, zeroPoint: 1 });

function subject(name: string, a: () => object, b: () => object, more: object): Subject {
  const given = (options: unknown): never =>
    wrong(typeof options === 'object' && options !== null ? { ...more, ...options } : options);
  return {
    ...{ name, a, b },
    sync: (x, y, options) => sparseMatmul(wrong<CsrMatrix>(x), wrong<ReturnType<typeof fb>>(y), given(options)),
    async: (x, y, options) => sparseMatmulAsync(wrong<CsrMatrix>(x), wrong<ReturnType<typeof fb>>(y), given(options)),
  };
}
const left = subject('sparseMatmul', csr, fb, {});
const left8 = subject('sparseMatmul int8', csr8, qb, {});
const right = subject('sparseMatmul right', rowOf, csr, { side: 'right' });
const right8 = subject('sparseMatmul right int8', bytesOf, csr8, { side: 'right' });

/** A structure that is wrong, for each place where one may stand; rows and places are in the words. */
const STRUCTURES: [title: string, over: object, code: LowpErrorCode, ...words: Fragment[]][] = [
  ['rows a string', { rows: '2' }, 'ERR_LOWP_TYPE', '.rows', "'2'"],
  ['rows -1', { rows: -1 }, 'ERR_LOWP_SHAPE', '.rows', '-1'],
  ['rows 1.5', { rows: 1.5 }, 'ERR_LOWP_SHAPE', '.rows', '1.5'],
  ['cols NaN', { cols: NaN }, 'ERR_LOWP_SHAPE', '.cols', 'NaN'],
  ['cols 2^31', { cols: 2 ** 31 }, 'ERR_LOWP_SHAPE', '.cols', 2 ** 31 - 1, 2 ** 31],
  ['rowPtr an array', { rowPtr: [0, 2, 4] }, 'ERR_LOWP_TYPE', '.rowPtr', 'Int32Array', '[0, 2, 4]'],
  ['rowPtr uint32', { rowPtr: Uint32Array.of(0, 2, 4) }, 'ERR_LOWP_TYPE', '.rowPtr', 'Uint32Array(3)'],
  ['rowPtr too short', { rowPtr: Int32Array.of(0, 4) }, 'ERR_LOWP_SHAPE', '.rowPtr', '3 elements', 'Int32Array(2)'],
  ['rowPtr too long', { rowPtr: Int32Array.of(0, 2, 4, 4) }, 'ERR_LOWP_SHAPE', '.rowPtr', '3 elements', 'Int32Array(4)'],
  ['rowPtr[0] 1', { rowPtr: Int32Array.of(1, 2, 4) }, 'ERR_LOWP_VALUE', '.rowPtr[0]', 0, 1],
  ['rowPtr falls', { rowPtr: Int32Array.of(0, 5, 4) }, 'ERR_LOWP_VALUE', '.rowPtr[2]', 'row 1', 5, 4],
  ['rowPtr negative', { rowPtr: Int32Array.of(0, -1, 4) }, 'ERR_LOWP_VALUE', '.rowPtr[1]', 'row 0', '-1'],
  ['rowPtr ends early', { rowPtr: Int32Array.of(0, 2, 3) }, 'ERR_LOWP_SHAPE', '.rowPtr[2]', '3 elements', 'Int32Array(4)'],
  ['rowPtr ends late', { rowPtr: Int32Array.of(0, 2, 5) }, 'ERR_LOWP_SHAPE', '.rowPtr[2]', '5 elements', 'Int32Array(4)'],
  ['colIdx int16', { colIdx: new Int16Array(4) }, 'ERR_LOWP_TYPE', '.colIdx', 'Int16Array(4)'],
  ['colIdx null', { colIdx: null }, 'ERR_LOWP_TYPE', '.colIdx', 'null'],
  ['a column of 3', { colIdx: Int32Array.of(1, 2, 0, 3) }, 'ERR_LOWP_VALUE', 'colIdx[3]', 'row 1', 'from 0 to 2', 3],
  ['a column of -1', { colIdx: Int32Array.of(-1, 2, 0, 1) }, 'ERR_LOWP_VALUE', 'colIdx[0]', 'row 0', 'from 0 to 2', '-1'],
  ['columns that descend', { colIdx: Int32Array.of(2, 1, 0, 1) }, 'ERR_LOWP_VALUE', 'colIdx[1]', 'row 0', 'above 2', 1],
  ['a column twice', { colIdx: Int32Array.of(1, 2, 1, 1) }, 'ERR_LOWP_VALUE', 'colIdx[3]', 'row 1', 'above 1', 'ascending'],
  ['values float64', { values: new Float64Array(4) }, 'ERR_LOWP_TYPE', '.values', 'Float64Array(4)'],
  ['values uint8', { values: new Uint8Array(4) }, 'ERR_LOWP_TYPE', '.values', 'Uint8Array(4)'],
  ['values too short', { values: new Float32Array(3) }, 'ERR_LOWP_SHAPE', '.values', '4 elements', 'Float32Array(3)'],
  ['values too long', { values: new Float32Array(5) }, 'ERR_LOWP_SHAPE', '.values', '4 elements', 'Float32Array(5)'],
  ['a scale of float32', { scale: 1 }, 'ERR_LOWP_VALUE', '.scale', 'float32', 1],
  ['int8 without scale', { values: new Int8Array(4) }, 'ERR_LOWP_TYPE', '.scale', 'undefined'],
  ['a scale of 0', { values: new Int8Array(4), scale: 0 }, 'ERR_LOWP_VALUE', '.scale', 'above 0'],
  ['NaN in scale', { values: new Int8Array(4), scale: Float32Array.of(1, NaN) }, 'ERR_LOWP_VALUE', '.scale[1]', 'NaN'],
  ['3 scales', { values: new Int8Array(4), scale: new Float32Array(3).fill(1) }, 'ERR_LOWP_SHAPE', '.scale', '2 elements'],
];

const BLOCKS: typeof STRUCTURES = [
  ['blockShape a number', { blockShape: 2 }, 'ERR_LOWP_TYPE', '.blockShape', 2],
  ['blockShape of three', { blockShape: [1, 1, 1] }, 'ERR_LOWP_SHAPE', '.blockShape', 'two'],
  ['blockShape 0', { blockShape: [0, 2] }, 'ERR_LOWP_SHAPE', '.blockShape[0]', 'from 1 to 16', 0],
  ['blockShape 17', { blockShape: [1, 17] }, 'ERR_LOWP_SHAPE', '.blockShape[1]', 'from 1 to 16', 17],
  ['cols 5', { cols: 5 }, 'ERR_LOWP_SHAPE', '.cols', 'a multiple of 2', 5],
  ['rows 3 of blocks of 2', { rows: 3, blockShape: [2, 2] }, 'ERR_LOWP_SHAPE', '.rows', 'a multiple of 2', 3],
  ['a block column of 2', { colIdx: Int32Array.of(1, 2) }, 'ERR_LOWP_VALUE', '.colIdx[1]', 'row 1', 'from 0 to 1', 2],
  ['values too short', { values: new Float32Array(3) }, 'ERR_LOWP_SHAPE', '.values', '4 elements', '1 * 2', 'Float32Array(3)'],
];

describe('structure', () => {
  test.each(STRUCTURES)('csr > %s', (_, over, code, ...words) => {
    const bad = { ...csr(), ...over };
    expectThrows(() => checkCsr(bad), code, ['csr', ...words]);
    expectThrows(() => packSparse(bad), code, ['matrix', ...words]);
    expectThrows(() => sparseMatmul(bad, fb()), code, [' a.', ...words]);
    const x = { data: new Float32Array(3), shape: [3] };
    expectThrows(() => sparseMatmul(x, bad, { side: 'right' }), code, [' b.', ...words]);
  });

  test.each(BLOCKS)('bsr > %s', (_, over, code, ...words) => {
    expectThrows(() => checkBsr(wrong({ ...bsr(), ...over })), code, ['bsr', ...words]);
  });

  test('sound ones pass; the other kind does not', () => {
    for (const good of [csr(), csr8(), { ...csr8(), scale: Float32Array.of(1, 2) }]) checkCsr(good);
    checkBsr(bsr());
    checkCsr({ ...csr(), values: Float32Array.of(NaN, Infinity, 0, -0) });
    expectThrows(() => checkCsr(bsr()), 'ERR_LOWP_TYPE', ['CsrMatrix']);
    expectThrows(() => checkBsr(wrong(csr())), 'ERR_LOWP_TYPE', ['BsrMatrix']);
  });

  test.each(['rowPtr', 'colIdx', 'values'] as const)('%s detached', (name) => {
    const matrix = csr();
    detach(matrix[name]);
    expectThrows(() => checkCsr(matrix), 'ERR_LOWP_DETACHED', [`csr.${name}`]);
  });
});

const operands: BadCall[] = [
  { title: 'a null', code: 'ERR_LOWP_TYPE', words: [' a ', 'CsrMatrix', 'null'], a: null },
  { title: 'a {}', code: 'ERR_LOWP_HANDLE', words: [' a ', 'packSparse'], a: Object.create(null) },
  { title: 'a dense', code: 'ERR_LOWP_TYPE', words: [' a ', "side is 'left'"], a: Object.assign(Object.create(null), fb()) },
  { title: 'b an array', code: 'ERR_LOWP_TYPE', words: [' b ', '[1, 2]'], b: [1, 2] },
  { title: 'b of int32', code: 'ERR_LOWP_TYPE', words: ['b.data', 'Int32Array(6)'], b: { data: new Int32Array(6) } },
  { title: 'K 2', code: 'ERR_LOWP_SHAPE', words: ['K of b', 'columns of a', 3, 2], b: { shape: [2, 3] } },
  { title: 'b of three dimensions', code: 'ERR_LOWP_SHAPE', words: ['b.shape', '[3, 2, 1]'], b: { shape: [3, 2, 1] } },
  { title: 'b of none', code: 'ERR_LOWP_SHAPE', words: ['b.shape'], b: { shape: [] } },
  { title: 'b too short', code: 'ERR_LOWP_SHAPE', words: [' b ', 8, 'Float32Array(6)'], b: { strides: [3, 1] } },
];
const optionsOfAll: BadCall[] = [
  { title: 'trheads', code: 'ERR_LOWP_TYPE', words: ["did you mean 'threads'"], options: { trheads: 1 } },
  { title: 'sides', code: 'ERR_LOWP_TYPE', words: ["did you mean 'side'"], options: { sides: 'right' } },
  { title: 'residual', code: 'ERR_LOWP_TYPE', words: ["'residual'"], options: { residual: new Float32Array(4) } },
  { title: 'side middle', code: 'ERR_LOWP_TYPE', words: ['options.side', "'middle'"], options: { side: 'middle' } },
  { title: 'threads 0', code: 'ERR_LOWP_VALUE', words: ['options.threads', 0], options: { threads: 0 } },
  { title: 'activation', code: 'ERR_LOWP_TYPE', words: ["did you mean 'relu'"], options: { activation: 'rellu' } },
  { title: 'outStride 1', code: 'ERR_LOWP_VALUE', words: ['options.outStride', 2, 1], options: { outStride: 1 } },
  {
    title: 'bias of 3',
    code: 'ERR_LOWP_SHAPE',
    words: ['options.bias', '2 elements', 'row'],
    options: { bias: new Float32Array(3) },
  },
  { title: 'options 5', code: 'ERR_LOWP_TYPE', words: ['options', '5'], options: 5 },
];

describe('arguments', () => {
  refuses(left, [
    ...operands,
    ...optionsOfAll,
    { title: 'out too short', code: 'ERR_LOWP_SHAPE', words: ['options.out', 4], options: { out: new Float32Array(3) } },
    { title: 'out int32', code: 'ERR_LOWP_TYPE', words: ['options.out'], options: { out: new Int32Array(4) } },
    { title: 'quantized b', code: 'ERR_LOWP_TYPE', words: ['b.data', 'sparse values are float32'], b: qb() },
    { title: 'int32 output', code: 'ERR_LOWP_VALUE', words: ['options.output', "'int32'"], options: { output: 'int32' } },
    {
      title: 'activations',
      code: 'ERR_LOWP_VALUE',
      words: ['options.activations', 'float32'],
      options: { activations: 'perRow' },
    },
    { title: 'int32 bias', code: 'ERR_LOWP_TYPE', words: ['options.bias'], options: { bias: new Int32Array(2) } },
  ]);

  refuses(left8, [
    { title: 'b by column', code: 'ERR_LOWP_VALUE', words: ['b.axis', 1], b: { axis: 1, scale: Float32Array.of(1, 1) } },
    { title: 'scale missing', code: 'ERR_LOWP_TYPE', words: ['b.scale'], b: { scale: undefined } },
    { title: 'zero point 300', code: 'ERR_LOWP_VALUE', words: ['b.zeroPoint', 300], b: { zeroPoint: 300 } },
    { title: 'perRow', code: 'ERR_LOWP_VALUE', words: ["'perTensor'", "'left'"], options: { activations: 'perRow' } },
    { title: 'perRows', code: 'ERR_LOWP_TYPE', words: ["did you mean 'perRow'"], options: { activations: 'perRows' } },
    {
      title: 'relu of int32',
      code: 'ERR_LOWP_VALUE',
      words: ["'relu'"],
      options: { activation: 'relu', output: 'int32', out: new Int32Array(4) },
    },
    { title: 'int32 of float32', code: 'ERR_LOWP_VALUE', words: [' b '], b: fb(), options: { output: 'int32', out: undefined } },
    {
      title: 'int32 bias of float32 b',
      code: 'ERR_LOWP_VALUE',
      words: ["b's scale"],
      b: { data: new Float32Array(6) },
      options: { bias: new Int32Array(2), output: { dtype: 'int8', scale: 1 }, out: new Int8Array(4) },
    },
  ]);

  refuses(right, [
    ...optionsOfAll,
    { title: 'b dense', code: 'ERR_LOWP_TYPE', words: [' b ', "side is 'right'"], b: Object.assign(Object.create(null), fb()) },
    { title: 'K 2', code: 'ERR_LOWP_SHAPE', words: ['K of a', 'columns of b', 3, 2], a: { shape: [1, 2] } },
    { title: 'a.data', code: 'ERR_LOWP_TYPE', words: ['a.data', 'Int8Array(3)'], a: { data: new Int8Array(3) } },
  ]);
  refuses(right8, [{ title: 'a by row', code: 'ERR_LOWP_VALUE', words: ['a.axis'], a: { axis: 0 } }]);

  test('the depth limit counts the elements of a row, packed or not', () => {
    const nnz = Math.floor((2 ** 31 - 1) / (255 * 128)) + 1;
    const long: CsrMatrix<Int8Array> = {
      ...{ rows: 1, cols: nnz, rowPtr: Int32Array.of(0, nnz), colIdx: Int32Array.from({ length: nnz }, (_, i) => i) },
      ...{ values: new Int8Array(nnz), scale: 1 },
    };
    const x = { data: new Float32Array(nnz), shape: [nnz] };
    expectThrows(() => sparseMatmul(long, x), 'ERR_LOWP_VALUE', [nnz - 1, nnz, 'row of a']);
    using packed = packSparse(long);
    expectThrows(() => sparseMatmul(packed, x), 'ERR_LOWP_VALUE', [nnz - 1, nnz, 'row of a']);
    // A signed operand reaches less far.
    const signed = { data: new Int8Array(nnz), shape: [nnz], scale: 1, zeroPoint: 0 };
    expect(sparseMatmul(long, signed, { output: 'int32' }).data).toEqual(Int32Array.of(0));
  });
});

describe('out', () => {
  test.each(['rowPtr', 'colIdx', 'values', 'b', 'bias'])('over %s', (name) => {
    const buffer = new ArrayBuffer(64);
    const at = <T extends Int32Array | Float32Array>(array: T, own: string): T => {
      if (own !== name) return array;
      const view = Reflect.construct(array.constructor, [buffer, 8, array.length]) as T;
      view.set(array);
      return view;
    };
    const { rowPtr, colIdx, values, ...rest } = csr();
    const matrix = { ...rest, rowPtr: at(rowPtr, 'rowPtr'), colIdx: at(colIdx, 'colIdx'), values: at(values, 'values') };
    const b = { ...fb(), data: at(fb().data, 'b') };
    const bias = at(Float32Array.of(1, 2), 'bias');
    const out = new Float32Array(buffer, 0, 4);
    expectThrows(() => sparseMatmul(matrix, b, { bias, out }), 'ERR_LOWP_ALIAS', ['overlap', name]);
  });

  test('outStride: rows further apart, the gaps left alone', () => {
    const out = new Float32Array(5).fill(9);
    // [0 1 2; 3 4 0] * [1 -1; 2 0; 3 1]
    expect(sparseMatmul(csr(), fb(), { out, outStride: 3 })).toEqual({ data: out, shape: [2, 2], strides: [3, 1] });
    expect([...out]).toEqual([8, 2, 9, 11, -3]);
  });

  test('undefined stands for the default of each option', () => {
    const names = ['side', 'activation', 'activations', 'output', 'threads', 'device', 'bias', 'out', 'outStride'];
    const options = Object.fromEntries(names.map((name) => [name, undefined]));
    expect(sparseMatmul(csr(), fb(), options)).toEqual(sparseMatmul(csr(), fb()));
  });
});

describe('packSparse', () => {
  test('what a handle tells', () => {
    using packed = packSparse(csr8());
    expect(packed).toMatchObject({ rows: 2, cols: 3, nnz: 4, dtype: 'int8', blockShape: undefined, disposed: false });
    using blocks = packSparse(bsr());
    expect(blocks).toMatchObject({ rows: 2, cols: 4, nnz: 4, dtype: 'float32', blockShape: [1, 2] });
    expect(typeof packed.kernel + typeof packed.isa + typeof packed.bytes).toBe('stringstringnumber');
  });

  test('gives what the matrix gives, on either side, and keeps no hold on it', async () => {
    const matrix = csr();
    using packed = packSparse(matrix);
    const want = sparseMatmul(csr(), fb());
    const x = { data: Float32Array.of(1, 2, 3), shape: [3] };
    const wantRight = sparseMatmul(x, csr(), { side: 'right' });
    matrix.values.fill(0);
    matrix.colIdx.fill(-1);
    expect(sparseMatmul(packed, fb())).toEqual(want);
    expect(sparseMatmul(x, packed, { side: 'right' })).toEqual(wantRight);
    await expect(sparseMatmulAsync(packed, fb())).resolves.toEqual(want);
  });

  test('foreign objects', () => {
    using packed = packSparse(csr());
    const foreign = [Object.create(PackedSparse.prototype), { ...packed }, new Proxy(packed, {}), reference.packSparse(csr())];
    for (const b of foreign)
      expectThrows(() => sparseMatmul(wrong<CsrMatrix>(b), fb()), 'ERR_LOWP_HANDLE', [' a ', 'packSparse']);
    expectThrows(() => Reflect.construct(PackedSparse, [{}]), 'ERR_LOWP_TYPE', ['packSparse()']);
    expectThrows(() => packSparse(wrong(packed)), 'ERR_LOWP_TYPE', ['matrix', 'PackedSparse']);
  });

  test('dispose, then use', async () => {
    const packed = packSparse(csr());
    packed.dispose();
    packed.dispose();
    packed[Symbol.dispose]();
    expect(packed.disposed).toBe(true);
    expectThrows(() => sparseMatmul(packed, fb()), 'ERR_LOWP_DISPOSED', [' a ', 'dispose()']);
    await expectRejects(() => sparseMatmulAsync(packed, fb()), 'ERR_LOWP_DISPOSED', [' a ']);
  });
});

describe('sparseMatmulAsync', () => {
  test('an aborted signal rejects with its reason; a signal belongs to this form', async () => {
    const signal = AbortSignal.abort(new Error('enough'));
    await expect(sparseMatmulAsync(csr(), fb(), { signal })).rejects.toThrow('enough');
    expectThrows(() => sparseMatmul(csr(), fb(), wrong({ signal })), 'ERR_LOWP_TYPE', ["'signal'"]);
    await expectRejects(() => sparseMatmulAsync(csr(), fb(), { signal: wrong('now') }), 'ERR_LOWP_TYPE', ['options.signal']);
  });

  test('the inputs may change once it has been called', async () => {
    const matrix = csr();
    const b = fb();
    const done = sparseMatmulAsync(matrix, b);
    matrix.values.fill(0);
    b.data.fill(0);
    await expect(done).resolves.toMatchObject({ data: Float32Array.of(8, 2, 11, -3) });
  });
});

test('the type of the result follows from output', () => {
  const real: Tensor<Float32Array> = sparseMatmul(csr8(), qb());
  const sums: Tensor<Int32Array> = sparseMatmul(csr8(), qb(), { output: 'int32' });
  const bytes: QuantizedTensor<Uint8Array> = sparseMatmul(csr8(), qb(), { output: { dtype: 'uint8', scale: 1 } });
  const x = { data: Float32Array.of(1, 2, 3), shape: [3] };
  const vector: Tensor<Float32Array> = sparseMatmul(x, csr8(), { side: 'right' });
  expect([real, sums, bytes, vector].map(({ data }) => data.length)).toEqual([4, 4, 4, 2]);
});
