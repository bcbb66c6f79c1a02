/** Quantized search on every instruction set against the oracle: equal codes, equal hits, equal scores. */
import {
  packEmbeddings,
  quantizeEmbeddings,
  runtime,
  searchEmbeddings,
  searchEmbeddingsAsync,
  type QuantizedEmbeddings,
  type SearchOptions,
  type Tensor,
} from 'lowp';
import * as reference from 'lowp/reference';
import { expectSame } from '../helpers/compare';
import { kernelOf, usableIsas, useIsa } from '../helpers/isas';
import { Random } from '../helpers/random';

const BATCHES = 6;
const BATCH_SIZE = 40;
const DIMENSIONS = [1, 3, 4, 5, 7, 8, 9, 31, 32, 33, 63, 64, 65, 100, 257];

type Dtype = 'int8' | 'binary';
type Queries = Tensor<Float32Array> | QuantizedEmbeddings;

function compare(title: string, queries: Queries, embeddings: QuantizedEmbeddings, options: SearchOptions): void {
  const want = reference.searchEmbeddings(queries, reference.packEmbeddings(embeddings), options);
  using corpus = packEmbeddings(embeddings);
  const got = searchEmbeddings(queries, corpus, options);
  expectSame(got.indices, want.indices, `${title} indices`);
  expectSame(got.scores, want.scores, `${title} scores`);
  expectSame(got.shape, want.shape, `${title} shape`);
}

/** Codes of every value (queries: from -127), of the extremes only, or of two values: many ties. Steps of 1: scores are the integers. */
function codes(r: Random, dtype: Dtype, rows: number, d: number, fill: string, lowest: number): QuantizedEmbeddings {
  const shape = [rows, d];
  const value = (low: number, high: number): number =>
    fill === 'extreme' ? r.pick([low, high]) : fill === 'ties' ? r.int(0, 1) : r.int(low, high);
  if (dtype === 'binary') {
    return { dtype, data: r.fill(new Uint8Array(rows * Math.ceil(d / 8)), () => value(0, 255)), shape };
  }
  const data = r.fill(new Int8Array(rows * d), () => value(lowest, 127));
  return { dtype, data, shape, ranges: { min: -127, max: 127 } };
}

function floats(r: Random, rows: number, d: number, pad = 0): Tensor<Float32Array> {
  const ld = d + pad;
  const data = r.fill(new Float32Array(Math.max(0, (rows - 1) * ld + d) + 1).subarray(1), () => r.normal() * 0.1);
  return pad === 0 ? { data, shape: [rows, d] } : { data, shape: [rows, d], strides: [ld, 1] };
}

const isas = usableIsas();

test('every supported kernel is the choice of some instruction set', () => {
  const supported = runtime.kernels().flatMap((k) => (k.family === 'search' && k.supported ? [k.name] : []));
  const chosen = isas.flatMap((isa) => kernelOf('search', isa)?.name ?? []);
  expect([...new Set(chosen)].sort()).toEqual(supported.sort());
});

describe.each(isas)('search > %s', (isa) => {
  useIsa(isa);

  describe.each(['int8', 'binary'] as const)('%s', (dtype) => {
    test.each(DIMENSIONS)('codes > D%i, rows around the panel, each fill', (d) => {
      for (const rows of [1, 2, 15, 16, 17, 33]) {
        for (const fill of ['random', 'extreme', 'ties']) {
          const r = new Random(`${dtype} ${d} ${rows} ${fill}`);
          const corpus = codes(r, dtype, rows, d, fill, -128);
          for (const q of [1, 3, 4, 5]) {
            const k = r.pick([1, rows, r.int(1, rows)]);
            compare(`D${d} N${rows} Q${q} k${k} ${fill}`, codes(r, dtype, q, d, fill, -127), corpus, { k });
          }
        }
      }
    });

    test('all rows alike: the hits are the first k, whatever the number of threads', () => {
      const n = 3000;
      const r = new Random('alike');
      const one = codes(r, dtype, 1, 100, 'random', -127);
      const data = Array.from({ length: n }, () => [...one.data]).flat();
      const all = one.dtype === 'binary' ? { ...one, data: Uint8Array.from(data) } : { ...one, data: Int8Array.from(data) };
      using corpus = packEmbeddings({ ...all, shape: [n, 100] });
      for (const threads of [1, 2, 3, 5]) {
        const { indices } = searchEmbeddings(one, corpus, { k: 300, threads });
        expectSame(
          indices,
          Int32Array.from({ length: 300 }, (_, i) => i),
          `threads ${threads}`,
        );
      }
    });

    test('threads 1, 2, 3 and 5 give the same hits, synchronous or not; queries beyond one tile', async () => {
      const r = new Random(`threads ${dtype}`);
      const [n, d] = [2500, 96];
      const embeddings = quantizeEmbeddings(floats(r, n, d), { dtype }) as QuantizedEmbeddings;
      const queries = floats(r, 67, d);
      const want = reference.searchEmbeddings(queries, reference.packEmbeddings(embeddings), { k: 7 });
      using corpus = packEmbeddings(embeddings);
      for (const threads of [1, 2, 3, 5]) {
        const got = searchEmbeddings(queries, corpus, { k: 7, threads });
        expectSame(got.indices, want.indices, `threads ${threads}`);
        expectSame(got.scores, want.scores, `threads ${threads}`);
        const copy = { ...queries, data: queries.data.slice() };
        const done = searchEmbeddingsAsync(copy, corpus, { k: 7, threads });
        copy.data.fill(NaN);
        expectSame((await done).indices, want.indices, `threads ${threads} async`);
      }
    });

    test.each(Array.from({ length: BATCHES }, (_, seed) => seed))(
      `float32 queries, ranges, strides, rescoring > seed %i, ${BATCH_SIZE} cases`,
      (seed) => {
        const r = new Random(`${dtype} ${seed}`);
        for (let i = 0; i < BATCH_SIZE; i++) {
          const [n, d, q] = [r.int(1, r.pick([3, 40, 200])), r.int(1, r.pick([9, 70])), r.int(1, 6)];
          const x = floats(r, n, d, r.pick([0, 0, 3]));
          const ranges = dtype === 'binary' ? undefined : r.pick(['perTensor', 'perDimension'] as const);
          const embeddings = quantizeEmbeddings(x, { dtype, ranges });
          const title = `seed ${seed} case ${i} N${n} D${d} Q${q} ${ranges}`;
          expectSame(embeddings.data, reference.quantizeEmbeddings(x, { dtype, ranges }).data, `${title} codes`);
          if (r.chance(0.1)) x.data[r.int(0, x.data.length - 1)] = NaN;
          const rescore = r.chance(0.5) ? { embeddings: x, oversample: r.int(1, 5) } : undefined;
          compare(title, floats(r, q, d, r.pick([0, 2])), embeddings, { k: r.int(1, n), rescore });
        }
      },
    );
  });

  test('the largest sums: 132,104 dimensions of the extremes', () => {
    const d = 132_104;
    const data = new Int8Array(2 * d).fill(-128, 0, d).fill(127, d);
    const ranges = { min: -127, max: 127 };
    using corpus = packEmbeddings({ dtype: 'int8', data, shape: [2, d], ranges });
    const query = { dtype: 'int8', data: new Int8Array(d).fill(127), shape: [1, d], ranges } as const;
    const { indices, scores } = searchEmbeddings(query, corpus);
    expect([...indices]).toEqual([1, 0]);
    expect([...scores]).toEqual([Math.fround(127 * 127 * d), Math.fround(-128 * 127 * d)]);
  });
});

describe('quantizeEmbeddings', () => {
  test('codes and ranges of the oracle: NaN, infinities, ties, tiny and huge values, calibration', () => {
    const r = new Random('codes');
    for (let i = 0; i < 60; i++) {
      const [n, d] = [r.int(0, 20), r.int(1, 40)];
      const x = floats(r, n, d, r.pick([0, 2]));
      const spread = r.pick([1, 1e-30, 1e30, 2 ** -3]);
      for (let j = 0; j < x.data.length; j++) {
        x.data[j] = r.chance(0.1) ? r.pick([NaN, Infinity, -Infinity, 0, -0]) : Math.round(x.data[j] * 64) * spread;
      }
      const calibration = r.chance(0.3) ? floats(r, r.int(1, 9), d) : undefined;
      const ranges = r.pick(['perTensor', 'perDimension', undefined] as const);
      const got = quantizeEmbeddings(x, { ranges, calibration });
      const want = reference.quantizeEmbeddings(x, { ranges, calibration });
      expectSame(got.data, want.data, `case ${i}`);
      expect(got).toEqual(want);
      // The same grid for others.
      const y = floats(r, 3, d);
      expectSame(
        quantizeEmbeddings(y, { ranges: got.ranges }).data,
        reference.quantizeEmbeddings(y, { ranges: want.ranges }).data,
        '',
      );
      expect(quantizeEmbeddings(x, { dtype: 'binary' })).toEqual(reference.quantizeEmbeddings(x, { dtype: 'binary' }));
    }
  });

  test('int8 keeps the order of clearly different products; rescoring with every row is exact', () => {
    const r = new Random('order');
    const [n, d] = [400, 128];
    const x = floats(r, n, d);
    const query = floats(r, 1, d);
    const exact = Array.from({ length: n }, (_, row) => {
      let sum = 0;
      for (let i = 0; i < d; i++) sum += query.data[i] * x.data[row * d + i];
      return { row, score: Math.fround(sum) };
    }).sort((a, b) => b.score - a.score || a.row - b.row);
    for (const ranges of ['perTensor', 'perDimension'] as const) {
      using corpus = packEmbeddings(quantizeEmbeddings(x, { ranges }));
      const hits = searchEmbeddings(query, corpus, { k: n });
      const byRow = new Map(exact.map((hit) => [hit.row, hit.score]));
      // Half a step of either side in each of d products, added up like noise: five standard deviations.
      const largest = Math.max(...x.data.map(Math.abs), ...query.data.map(Math.abs));
      const noise = 5 * Math.sqrt(d / 6) * (largest / 127) * 0.1;
      hits.indices.forEach((row, i) => expect(Math.abs(hits.scores[i] - (byRow.get(row) ?? NaN))).toBeLessThan(noise));
      const rescored = searchEmbeddings(query, corpus, { k: 5, rescore: { embeddings: x, oversample: 80 } });
      expect([...rescored.indices]).toEqual(exact.slice(0, 5).map((hit) => hit.row));
      expect([...rescored.scores]).toEqual(exact.slice(0, 5).map((hit) => hit.score));
    }
  });
});
