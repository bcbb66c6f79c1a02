/** The oracle of quantized search, against results worked out by hand. */
import type { EmbeddingRanges } from 'lowp';
import * as reference from 'lowp/reference';

const { packEmbeddings, quantizeEmbeddings, searchEmbeddings, searchEmbeddingsAsync } = reference;

const matrix = (rows: number[][]): { data: Float32Array; shape: number[] } => ({
  data: Float32Array.from(rows.flat()),
  shape: [rows.length, rows[0].length],
});
const bytes = (rows: number[][], ranges: EmbeddingRanges = { min: -127, max: 127 }): reference.Int8Embeddings => ({
  dtype: 'int8',
  data: Int8Array.from(rows.flat()),
  shape: [rows.length, rows[0].length],
  ranges,
});

describe('quantizeEmbeddings', () => {
  test('one symmetric range for all dimensions: 127 codes up to max|x|, ties to even', () => {
    const q = quantizeEmbeddings(
      matrix([
        [-254, 1, 3],
        [5, 100, 253],
      ]),
    ); // step 2
    expect(q).toEqual({
      dtype: 'int8',
      data: Int8Array.of(-127, 0, 2, 2, 50, 126), // 0.5 -> 0, 1.5 -> 2, 2.5 -> 2, 126.5 -> 126
      shape: [2, 3],
      ranges: { min: Float32Array.of(-254), max: Float32Array.of(254) },
    });
  });

  test('a range for each dimension: its ends are -127 and 127, its middle 0', () => {
    const q = quantizeEmbeddings(
      matrix([
        [0, 10],
        [254, 30],
        [127, 20],
      ]),
      { ranges: 'perDimension' },
    );
    expect([...q.data]).toEqual([-127, -127, 127, 127, 0, 0]);
    expect(q.ranges).toEqual({ min: Float32Array.of(0, 10), max: Float32Array.of(254, 30) });
  });

  test('calibration gives the ranges, or they are given; outside them codes saturate', () => {
    const x = matrix([[1000, -3, 64]]);
    expect([...quantizeEmbeddings(x, { calibration: matrix([[0, 127, 1]]) }).data]).toEqual([127, -3, 64]);
    expect([...quantizeEmbeddings(x, { ranges: { min: -127, max: 127 } }).data]).toEqual([127, -3, 64]);
    const each = { min: Float32Array.of(0, -254, 0), max: Float32Array.of(2000, 254, 254) };
    expect([...quantizeEmbeddings(x, { ranges: each }).data]).toEqual([0, -2, -63]); // -1.5 -> -2
  });

  test('NaN is 0, infinities saturate, neither makes a range; nothing finite has the range 0', () => {
    const x = matrix([[NaN, Infinity, -Infinity, 127]]);
    const q = quantizeEmbeddings(x);
    expect([...q.data]).toEqual([0, 127, -127, 127]);
    expect(q.ranges).toEqual({ min: Float32Array.of(-127), max: Float32Array.of(127) });
    const each = quantizeEmbeddings(x, { ranges: 'perDimension' });
    expect([...each.data]).toEqual([0, 127, -127, 0]);
    expect(each.ranges).toEqual({ min: Float32Array.of(0, 0, 0, 127), max: Float32Array.of(0, 0, 0, 127) });
  });

  test('binary: signs, the first dimension in the highest bit, zero and NaN are 0', () => {
    const x = matrix([
      [1, -1, 0, 2, 3, NaN, -0, 1e-30, 5],
      [-1, -1, -1, -1, -1, -1, -1, 4, -1],
    ]);
    expect(quantizeEmbeddings(x, { dtype: 'binary' })).toEqual({
      dtype: 'binary',
      data: Uint8Array.of(0b10011001, 0b10000000, 0b00000001, 0),
      shape: [2, 9],
    });
  });
});

describe('searchEmbeddings', () => {
  test('int8 codes as they are: best dot products first, equal ones by row', () => {
    const corpus = packEmbeddings(
      bytes([
        [1, 2],
        [-3, 5],
        [2, 1],
        [0, 0],
        [4, -1],
      ]),
    );
    const { indices, scores, shape } = searchEmbeddings(
      bytes([
        [1, 1],
        [-1, 0],
      ]),
      corpus,
      { k: 4 },
    );
    expect(shape).toEqual([2, 4]);
    expect([...indices]).toEqual([0, 2, 4, 1, 1, 3, 0, 2]);
    expect([...scores]).toEqual([3, 3, 3, 2, 3, 0, -1, -2]);
  });

  test('scores are in real units: both steps, and the centre of the corpus times the sum of the query', () => {
    // corpus: 1 + code / 2, that is 2, 0.5; query: 3 * code, that is 3, 6.
    const corpus = packEmbeddings(bytes([[2, -1]], { min: -62.5, max: 64.5 }));
    const { scores } = searchEmbeddings(bytes([[1, 2]], { min: -381, max: 381 }), corpus);
    expect([...scores]).toEqual([3 * 2 + 6 * 0.5]);
  });

  test('float32 queries: a scale for each, and the steps of the dimensions multiplied in', () => {
    // Dimension 0 is 10 + 2 * code, dimension 1 is code: rows (14, 1), (10, 8).
    const ranges = { min: Float32Array.of(-244, -127), max: Float32Array.of(264, 127) };
    const corpus = packEmbeddings(
      bytes(
        [
          [2, 1],
          [0, 8],
        ],
        ranges,
      ),
    );
    // Factors (127, 63.5 -> 64 codes of 1): 2 * 127 + 64 = 318, 8 * 64 = 512; plus 10 * 63.5.
    const { indices, scores, shape } = searchEmbeddings({ data: Float32Array.of(63.5, 63.5), shape: [2] }, corpus);
    expect(shape).toEqual([2]);
    expect([...indices]).toEqual([1, 0]);
    expect([...scores]).toEqual([512 + 635, 318 + 635]);
  });

  test('binary: smallest distances first, equal ones by row; bits behind D do not count', () => {
    const corpus = packEmbeddings({ dtype: 'binary', data: Uint8Array.of(0b11100000, 0b00011111, 0b10100011), shape: [3, 5] });
    const x = { data: Float32Array.of(1, -1, 1, -1, -1), shape: [1, 5] };
    expect(searchEmbeddings(x, corpus)).toEqual({
      indices: Int32Array.of(2, 0, 1),
      scores: Float32Array.of(0, 1, 4),
      shape: [1, 3],
    });
  });

  test('rescore: the best by codes, in the order of the float32 products; NaN last', async () => {
    const vectors = matrix([
      [1, 0],
      [3, 0],
      [2, NaN],
      [2, 9],
      [-1, 5],
    ]);
    const corpus = packEmbeddings({ dtype: 'binary', data: Uint8Array.of(128, 128, 128, 192, 64), shape: [5, 2] });
    const query = matrix([[1, 0]]);
    const all = searchEmbeddings(query, corpus, { k: 5, rescore: { embeddings: vectors } });
    expect([...all.indices]).toEqual([1, 3, 0, 4, 2]);
    expect([...all.scores]).toEqual([3, 2, 1, -1, NaN]);
    // Two candidates by distance: rows 0 and 1.
    const rescore = { embeddings: vectors, oversample: 2 };
    expect([...(await searchEmbeddingsAsync(query, corpus, { k: 1, rescore })).indices]).toEqual([1]);
    expect([...searchEmbeddings(query, corpus, { k: 1, rescore: { ...rescore, oversample: 1 } }).indices]).toEqual([0]);
  });

  test('a query of zeros finds all alike; NaN and infinities are refused; packed codes are a copy', () => {
    const codes = bytes([
      [1, 2],
      [3, 4],
    ]);
    using corpus = packEmbeddings(codes);
    codes.data.fill(9);
    expect([...searchEmbeddings(matrix([[0, 0]]), corpus).scores]).toEqual([0, 0]);
    expect([...searchEmbeddings(matrix([[0, 127]]), corpus).scores]).toEqual([4 * 127, 2 * 127]);
    for (const bad of [NaN, Infinity]) {
      expect(() => searchEmbeddings(matrix([[0, bad]]), corpus)).toThrow(expect.objectContaining({ code: 'ERR_LOWP_VALUE' }));
    }
    corpus.dispose();
    expect(() => searchEmbeddings(matrix([[0, 1]]), corpus)).toThrow(expect.objectContaining({ code: 'ERR_LOWP_DISPOSED' }));
  });
});
