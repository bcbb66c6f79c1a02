/** Quantized search: bad arguments, handles and their memory, and what callers do to the data of an asynchronous search. */
import '../helpers/ownBinary';
import {
  matmulAsync,
  packEmbeddings,
  PackedEmbeddings,
  packWeights,
  quantizedMatmul,
  quantizeEmbeddings,
  runtime,
  searchEmbeddings,
  searchEmbeddingsAsync,
  type Int8Embeddings,
  type LowpErrorCode,
} from 'lowp';
import * as reference from 'lowp/reference';
import { Search } from '../../lib/native/slots';
import { makeControl } from '../../lib/native/control';
import { detach, shared } from '../helpers/buffers';
import { expectRejects, expectThrows, wrong, type Fragment } from '../helpers/failures';
import { longCall, type LongCall } from '../helpers/long';
import { binding, isNativeFailure } from '../helpers/native';
import { qa, qb } from '../helpers/problems';

const QUIET = { packedHandles: 0, packedBytes: 0, asyncPending: 0 };
const x = () => ({ data: Float32Array.of(1, 0, 0, 1, 0.6, 0.8), shape: [3, 2] });
const query = () => ({ data: Float32Array.of(0, 1), shape: [1, 2] });
const int8 = (): Int8Embeddings => ({
  dtype: 'int8',
  data: Int8Array.of(127, 0, 0, 127, 76, 102),
  shape: [3, 2],
  ranges: { min: -1, max: 1 },
});
const bits = () => quantizeEmbeddings(x(), { dtype: 'binary' });

afterEach(() => expect(runtime.memory()).toEqual(QUIET));

type Bad = [title: string, code: LowpErrorCode, words: readonly Fragment[], value: unknown];

describe('quantizeEmbeddings refuses', () => {
  test.each<Bad>([
    ['no tensor', 'ERR_LOWP_TYPE', [' x '], 7],
    ['float64', 'ERR_LOWP_TYPE', ['x.data', 'Float64Array'], { data: new Float64Array(4), shape: [2, 2] }],
    ['three dimensions', 'ERR_LOWP_SHAPE', ['two dimensions', 'x.shape'], { data: new Float32Array(8), shape: [2, 2, 2] }],
    ['no dimension', 'ERR_LOWP_SHAPE', ['at least one'], { data: new Float32Array(8), shape: [2, 0] }],
    ['too few values', 'ERR_LOWP_SHAPE', [6, 'Float32Array(5)'], { data: new Float32Array(5), shape: [3, 2] }],
  ])('x: %s', (_, code, words, value) => expectThrows(() => quantizeEmbeddings(wrong(value)), code, words));

  const d3 = { data: new Float32Array(3), shape: [1, 3] };
  test.each<Bad>([
    ['unknown', 'ERR_LOWP_TYPE', ['calibration', /did you mean/], { calibrate: x() }],
    ['dtype', 'ERR_LOWP_TYPE', ["'int8', 'binary'", "'uint8'"], { dtype: 'uint8' }],
    ['ranges name', 'ERR_LOWP_TYPE', ["'perDimension'", /did you mean/], { ranges: 'perDimensions' }],
    ['ranges null', 'ERR_LOWP_TYPE', ['options.ranges', 'null'], { ranges: null }],
    ['ranges without max', 'ERR_LOWP_TYPE', ['options.ranges.max'], { ranges: { min: 0 } }],
    ['ranges NaN', 'ERR_LOWP_VALUE', ['finite', 'options.ranges.min'], { ranges: { min: NaN, max: 1 } }],
    [
      'ranges infinite',
      'ERR_LOWP_VALUE',
      ['max[1]'],
      { ranges: { min: new Float32Array(2), max: Float32Array.of(1, Infinity) } },
    ],
    ['ranges reversed', 'ERR_LOWP_VALUE', [2, 1, 'min'], { ranges: { min: 2, max: 1 } }],
    ['ranges of other dimensions', 'ERR_LOWP_SHAPE', [2, 'Float32Array(3)'], { ranges: { min: new Float32Array(3), max: 1 } }],
    ['ranges of two lengths', 'ERR_LOWP_SHAPE', [2, 'max'], { ranges: { min: new Float32Array(2), max: 1 } }],
    ['calibration of other dimensions', 'ERR_LOWP_SHAPE', [2, 3, 'calibration'], { calibration: d3 }],
    ['calibration beside ranges', 'ERR_LOWP_VALUE', ['options.calibration'], { calibration: x(), ranges: { min: 0, max: 1 } }],
    ['ranges of bits', 'ERR_LOWP_VALUE', ["'binary'", 'ranges'], { dtype: 'binary', ranges: 'perTensor' }],
    ['calibration of bits', 'ERR_LOWP_VALUE', ["'binary'", 'calibration'], { dtype: 'binary', calibration: x() }],
  ])('options: %s', (_, code, words, options) => expectThrows(() => quantizeEmbeddings(x(), wrong(options)), code, words));

  test('a detached array', () => {
    const dead = x();
    detach(dead.data);
    expectThrows(() => quantizeEmbeddings(dead), 'ERR_LOWP_DETACHED', ['x']);
  });
});

describe('packEmbeddings refuses', () => {
  test.each<Bad>([
    ['nothing', 'ERR_LOWP_TYPE', ['embeddings', 'quantizeEmbeddings'], undefined],
    ['float32', 'ERR_LOWP_TYPE', ['embeddings.dtype'], x()],
    ['int8 in a Uint8Array', 'ERR_LOWP_TYPE', ['Int8Array', "'int8'"], { ...int8(), data: new Uint8Array(6) }],
    ['bits in an Int8Array', 'ERR_LOWP_TYPE', ['Uint8Array', "'binary'"], { ...bits(), data: new Int8Array(3) }],
    ['no ranges', 'ERR_LOWP_TYPE', ['embeddings.ranges'], { ...int8(), ranges: undefined }],
    ['one code short', 'ERR_LOWP_SHAPE', [6, 'Int8Array(5)'], { ...int8(), data: new Int8Array(5) }],
    ['one byte too many', 'ERR_LOWP_SHAPE', [3, 'ceil', 4], { ...bits(), data: new Uint8Array(4) }],
    ['no rows', 'ERR_LOWP_SHAPE', ['at least one row'], { ...int8(), data: new Int8Array(0), shape: [0, 2] }],
    ['no dimensions', 'ERR_LOWP_SHAPE', ['from 1'], { ...int8(), data: new Int8Array(0), shape: [3, 0] }],
    ['too many dimensions', 'ERR_LOWP_SHAPE', [132104, 132105], { ...int8(), data: new Int8Array(132105), shape: [1, 132105] }],
  ])('%s', (_, code, words, value) => expectThrows(() => packEmbeddings(wrong(value)), code, words));

  test('a constructor call', () =>
    expectThrows(() => Reflect.construct(PackedEmbeddings, [{}]), 'ERR_LOWP_TYPE', ['packEmbeddings()']));
});

describe('searchEmbeddings refuses', () => {
  const cases: [string, LowpErrorCode, readonly Fragment[], (corpus: PackedEmbeddings) => unknown[]][] = [
    ['no queries', 'ERR_LOWP_TYPE', ['queries'], (c) => [undefined, c]],
    ['queries of other dimensions', 'ERR_LOWP_SHAPE', [2, 3], (c) => [{ data: new Float32Array(3), shape: [1, 3] }, c]],
    [
      'queries that are short',
      'ERR_LOWP_SHAPE',
      [2, 'Float32Array(1)'],
      (c) => [{ data: new Float32Array(1), shape: [1, 2] }, c],
    ],
    ['NaN', 'ERR_LOWP_VALUE', ['queries[1, 0]', 'NaN'], (c) => [{ data: Float32Array.of(1, 1, NaN, 1), shape: [2, 2] }, c]],
    ['infinity', 'ERR_LOWP_VALUE', ['queries[1]', 'Infinity'], (c) => [{ data: Float32Array.of(1, -Infinity), shape: [2] }, c]],
    ['codes of the other dtype', 'ERR_LOWP_TYPE', ["'int8'", "'binary'"], (c) => [bits(), c]],
    ['codes of -128', 'ERR_LOWP_VALUE', [-127, -128], (c) => [{ ...int8(), data: new Int8Array(6).fill(-128) }, c]],
    ['codes about another centre', 'ERR_LOWP_VALUE', ['about 0', 0.5], (c) => [{ ...int8(), ranges: { min: 0, max: 1 } }, c]],
    [
      'codes with a range for each dimension',
      'ERR_LOWP_VALUE',
      ['queries', 'float32'],
      (c) => [quantizeEmbeddings(x(), { ranges: 'perDimension' }), c],
    ],
    ['no corpus', 'ERR_LOWP_HANDLE', ['corpus', 'packEmbeddings()'], () => [query(), undefined]],
    ['plain embeddings', 'ERR_LOWP_HANDLE', ['corpus'], () => [query(), int8()]],
    ['the prototype', 'ERR_LOWP_HANDLE', ['corpus'], () => [query(), Object.create(PackedEmbeddings.prototype)]],
    ['a handle of lowp/reference', 'ERR_LOWP_HANDLE', ['corpus'], () => [query(), reference.packEmbeddings(int8())]],
    ['an unknown option', 'ERR_LOWP_TYPE', ['rescore', /did you mean/], (c) => [query(), c, { rescor: {} }]],
    ['k 0', 'ERR_LOWP_VALUE', [1, 3, 0], (c) => [query(), c, { k: 0 }]],
    ['k above N', 'ERR_LOWP_VALUE', [3, 4, 'options.k'], (c) => [query(), c, { k: 4 }]],
    ['half a k', 'ERR_LOWP_VALUE', ['1.5'], (c) => [query(), c, { k: 1.5 }]],
    ['k of another type', 'ERR_LOWP_TYPE', ['options.k'], (c) => [query(), c, { k: '3' }]],
    ['threads', 'ERR_LOWP_VALUE', ['threads', 0], (c) => [query(), c, { threads: 0 }]],
    ['device', 'ERR_LOWP_UNSUPPORTED', ['cuda'], (c) => [query(), c, { device: 'cuda' }]],
    ['rescore true', 'ERR_LOWP_TYPE', ['options.rescore', 'true'], (c) => [query(), c, { rescore: true }]],
    ['rescore without vectors', 'ERR_LOWP_TYPE', ['rescore.embeddings'], (c) => [query(), c, { rescore: {} }]],
    [
      'vectors of another shape',
      'ERR_LOWP_SHAPE',
      ['[3, 2]', '[2, 2]'],
      (c) => [query(), c, { rescore: { embeddings: { data: new Float32Array(4), shape: [2, 2] } } }],
    ],
    ['oversample 0', 'ERR_LOWP_VALUE', ['oversample', 0], (c) => [query(), c, { rescore: { embeddings: x(), oversample: 0 } }]],
    ['oversample 1.5', 'ERR_LOWP_VALUE', ['oversample'], (c) => [query(), c, { rescore: { embeddings: x(), oversample: 1.5 } }]],
    ['rescoring of codes', 'ERR_LOWP_TYPE', ['float32 queries'], (c) => [int8(), c, { rescore: { embeddings: x() } }]],
  ];
  test.each(cases)('%s', async (_, code, words, make) => {
    using corpus = packEmbeddings(int8());
    const args = make(corpus);
    expectThrows(() => Reflect.apply(searchEmbeddings, undefined, args), code, words);
    await expectRejects(() => Reflect.apply(searchEmbeddingsAsync, undefined, args) as Promise<unknown>, code, words);
  });

  test('codes against a corpus with a range for each dimension', () => {
    using corpus = packEmbeddings(quantizeEmbeddings(x(), { ranges: 'perDimension' }));
    expectThrows(() => searchEmbeddings(int8(), corpus), 'ERR_LOWP_VALUE', ['the corpus', 'float32']);
    expect([...searchEmbeddings(query(), corpus, { k: 1 }).indices]).toEqual([1]);
  });

  test('handles of the products, and the products those of a search', () => {
    using weights = packWeights(qb());
    using corpus = packEmbeddings(int8());
    expectThrows(() => searchEmbeddings(query(), wrong(weights)), 'ERR_LOWP_HANDLE', ['corpus']);
    expectThrows(() => quantizedMatmul(qa(), wrong(corpus)), 'ERR_LOWP_HANDLE', ['packWeights']);
  });
});

describe('accepts', () => {
  test('no queries, k of N, the default k, shared memory', () => {
    using corpus = packEmbeddings({ ...int8(), data: shared(int8().data) });
    expect(searchEmbeddings({ data: new Float32Array(0), shape: [0, 2] }, corpus)).toEqual({
      indices: new Int32Array(0),
      scores: new Float32Array(0),
      shape: [0, 3],
    });
    const { indices } = searchEmbeddings({ data: shared(query().data), shape: [1, 2] }, corpus);
    expect([...indices]).toEqual([1, 2, 0]);
  });

  test('no queries, asynchronously and with rescoring', async () => {
    using corpus = packEmbeddings(bits());
    const none = { data: new Float32Array(0), shape: [0, 2] };
    expect((await searchEmbeddingsAsync(none, corpus, { k: 2, rescore: { embeddings: x() } })).shape).toEqual([0, 2]);
  });

  test('tensors of other libraries, which have a dtype of their own', () => {
    using corpus = packEmbeddings(int8());
    expect([...searchEmbeddings(wrong({ ...query(), dtype: 'float32' }), corpus, { k: 1 }).indices]).toEqual([1]);
  });
});

describe('handles', () => {
  test('dispose twice, use after it, counters', async () => {
    const corpus = packEmbeddings(int8());
    expect(runtime.memory()).toMatchObject({ packedHandles: 1, packedBytes: corpus.bytes });
    expect(corpus).toMatchObject({ shape: [3, 2], dtype: 'int8', disposed: false });
    corpus.dispose();
    corpus[Symbol.dispose]();
    expect(corpus.disposed).toBe(true);
    expectThrows(() => searchEmbeddings(query(), corpus), 'ERR_LOWP_DISPOSED', ['corpus', 'dispose()']);
    await expectRejects(() => searchEmbeddingsAsync(query(), corpus), 'ERR_LOWP_DISPOSED');
  });

  test('disposed in flight: the search keeps the codes', async () => {
    const corpus = packEmbeddings(int8());
    const calls = Array.from({ length: 10 }, () => searchEmbeddingsAsync(query(), corpus, { k: 1 }));
    corpus.dispose();
    expect(runtime.memory()).toMatchObject({ packedHandles: 0, packedBytes: 0, asyncPending: 10 });
    for (const { indices } of await Promise.all(calls)) expect([...indices]).toEqual([1]);
  });
});

describe('asynchronous', () => {
  /** To be queued behind. */
  let brief: LongCall;
  beforeEach(async () => {
    brief = await longCall(40);
  });
  afterEach(() => brief.packed.dispose());

  test('queries changed or transferred meanwhile do not matter', async () => {
    using corpus = packEmbeddings(int8());
    const [filled, transferred] = [query(), query()];
    const codes = int8();
    const before = matmulAsync(brief.a, brief.packed);
    const calls = [filled, transferred, codes].map((q) => searchEmbeddingsAsync(q, corpus, { k: 1 }));
    filled.data.fill(NaN);
    detach(transferred.data);
    codes.data.fill(0);
    expect((await Promise.all(calls)).map(({ indices }) => [...indices])).toEqual([[1], [1], [0, 1, 2]]);
    await before;
  });

  test('the vectors of rescore are read at the end: transferred ones reject', async () => {
    using corpus = packEmbeddings(bits());
    const vectors = x();
    const before = matmulAsync(brief.a, brief.packed);
    const call = searchEmbeddingsAsync(query(), corpus, { rescore: { embeddings: vectors } });
    detach(vectors.data);
    await expectRejects(() => call, 'ERR_LOWP_DETACHED', ['options.rescore.embeddings', 6]);
    await before;
  });

  test('cancelled while it waits, and before it begins', async () => {
    using corpus = packEmbeddings(int8());
    const controller = new AbortController();
    const before = matmulAsync(brief.a, brief.packed);
    const call = searchEmbeddingsAsync(query(), corpus, { signal: controller.signal });
    controller.abort('enough');
    await expect(call).rejects.toBe('enough');
    await before;
    await expect(searchEmbeddingsAsync(query(), corpus, { signal: AbortSignal.abort('early') })).rejects.toBe('early');
  });
});

describe('lowp.node', () => {
  const native = binding();
  const control = (
    over: Partial<Record<'rows' | 'dimensions' | 'ld' | 'queries' | 'k' | 'candidates' | 'threads', number>>,
  ): Uint8Array => {
    const slots = { rows: 3, dimensions: 2, ld: 2, queries: 1, k: 2, candidates: 3, threads: 1, ...over };
    const ctl = makeControl(Search.length);
    ctl.slots.set([slots.rows, slots.dimensions, slots.ld, slots.queries, slots.k, slots.candidates, slots.threads]);
    return ctl.bytes;
  };
  const expectFailure = (call: () => unknown, code: RegExp): void => {
    let thrown: unknown = 'nothing';
    try {
      call();
    } catch (error) {
      thrown = error;
    }
    expect(isNativeFailure(thrown)).toBe(true);
    expect((thrown as { code: string }).code).toMatch(code);
  };
  const [f, i8, i32] = [(n: number) => new Float32Array(n), (n: number) => new Int8Array(n), (n: number) => new Int32Array(n)];
  const sizes = [-1, 0.5, NaN, 2 ** 31, 2 ** 32, 2 ** 40, 2 ** 53, Infinity];
  const slots = ['rows', 'dimensions', 'ld', 'queries', 'k', 'candidates'] as const;

  test.each(slots.flatMap((slot) => sizes.map((value): [(typeof slots)[number], number] => [slot, value])))(
    '%s %d',
    (slot, value) => {
      const corpus = native.packEmbeddings(control({}), i8(6));
      const ctl = control({ [slot]: value });
      const codes = /SHAPE|VALUE/;
      if (['rows', 'dimensions', 'ld'].includes(slot)) {
        expectFailure(() => native.embeddingRanges(ctl, f(6), f(2), f(2)), codes);
        expectFailure(() => native.quantizeEmbeddings(ctl, f(6), i8(6), f(1), f(1)), codes);
        expectFailure(() => native.quantizeEmbeddings(ctl, f(6), new Uint8Array(3)), codes);
      }
      if (['rows', 'dimensions'].includes(slot)) expectFailure(() => native.packEmbeddings(ctl, i8(6)), codes);
      if (['dimensions', 'queries', 'k'].includes(slot)) expectFailure(() => native.search(ctl, i8(2), corpus, i32(4)), codes);
      expectFailure(() => native.rescore(ctl, f(2), f(6), i32(3), i32(2), f(2)), codes);
      native.dispose(corpus);
    },
  );

  test('short arrays, wrong types, overlaps, rows that the vectors lack', () => {
    const corpus = native.packEmbeddings(control({}), i8(6));
    const memory = new ArrayBuffer(64);
    expectFailure(() => native.embeddingRanges(control({}), f(5), f(2), f(2)), /SHAPE/);
    expectFailure(() => native.embeddingRanges(control({}), f(6), f(1), f(2)), /SHAPE/);
    const six = new Float32Array(memory, 0, 6);
    expectFailure(() => native.embeddingRanges(control({}), six, six.subarray(0, 2), f(2)), /ALIAS/);
    expectFailure(() => native.quantizeEmbeddings(control({}), f(6), i8(5), f(1), f(1)), /SHAPE/);
    expectFailure(() => native.quantizeEmbeddings(control({}), f(6), i8(6), f(1), f(3).subarray(1, 1)), /SHAPE/);
    expectFailure(() => native.quantizeEmbeddings(control({}), f(6), i8(6)), /TYPE/);
    expectFailure(() => native.quantizeEmbeddings(control({}), six, new Int8Array(memory, 20, 6), f(1), f(1)), /ALIAS/);
    expectFailure(() => native.packEmbeddings(control({}), i8(5)), /SHAPE/);
    expectFailure(() => native.packEmbeddings(control({ rows: 0 }), i8(6)), /SHAPE/);
    expectFailure(() => native.search(control({}), i8(1), corpus, i32(4)), /SHAPE/);
    expectFailure(() => native.search(control({}), new Uint8Array(2), corpus, i32(4)), /TYPE/);
    expectFailure(() => native.search(control({}), i8(2), corpus, i32(3)), /SHAPE/);
    expectFailure(() => native.search(control({}), i8(2), wrong({}), i32(4)), /HANDLE/);
    expectFailure(() => native.search(control({}), new Int8Array(memory, 4, 2), corpus, new Int32Array(memory, 0, 4)), /ALIAS/);
    for (const bad of [-1, 3, 2 ** 31 - 1]) {
      expectFailure(() => native.rescore(control({}), f(2), f(6), Int32Array.of(0, 1, bad), i32(2), f(2)), /VALUE/);
    }
    expectFailure(() => native.rescore(control({}), f(2), f(6), i32(3), i32(1), f(2)), /SHAPE/);
    expectFailure(() => native.rescore(control({ k: 4 }), f(2), f(6), i32(3), i32(4), f(4)), /VALUE/);
    const three = new Int32Array(memory, 0, 3);
    expectFailure(() => native.rescore(control({}), f(2), f(6), three, three.subarray(1), f(2)), /ALIAS/);
    native.dispose(corpus);
  });
});
