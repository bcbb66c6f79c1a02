/** Nearest neighbours among embeddings: float32 as users do it today, against int8 and binary codes, with and without rescoring. */
import {
  matmul,
  packEmbeddings,
  packWeights,
  quantizeEmbeddings,
  searchEmbeddings,
  type EmbeddingDtype,
  type PackedEmbeddings,
  type PackedWeights,
  type Tensor,
} from 'lowp';
import * as reference from 'lowp/reference';
import { nativeBinding } from '../../lib/native/load';
import { makeVectors, plainSearch, topK, VECTORS } from '../embeddings';
import { randomBits } from '../inputs';
import { FULL, interleave, QUICK, shareOfPeak, speedup, type Contender, type Spread, type Timing } from '../measure';
import { median, smallest } from '../stats';
import type { BenchCase, Column, Row, Settings, Table } from '../types';

const SEED = 5;
const ROWS = 100_000;
const QUICK_ROWS = 20_000;
const DIMENSIONS = 768;
const K = 10;
const BATCHES = [1, 32];
const RECALL_QUERIES = 256;
/** Rows of the corpus that the oracle searches too. */
const CHECKED_ROWS = 1000;
const BANDWIDTH_MS = 5;
const BASELINE = 'float32 matmul + top-k';

type Kind = 'float32' | EmbeddingDtype;

interface Way extends Contender {
  readonly kind: Kind;
  /** Indices of the hits of all queries. */
  readonly find: (queries: Tensor<Float32Array>) => Int32Array;
}

interface Problem {
  readonly vectors: Tensor<Float32Array>;
  readonly queries: Tensor<Float32Array>;
  readonly floats: PackedWeights;
  readonly int8: PackedEmbeddings;
  readonly binary: PackedEmbeddings;
}

/** The bytes that one pass over the corpus reads. */
function bytesOf({ vectors, int8, binary }: Problem, kind: Kind): number {
  return kind === 'float32' ? vectors.data.byteLength : kind === 'int8' ? int8.bytes : binary.bytes;
}

function first({ data, shape }: Tensor<Float32Array>, count: number): Tensor<Float32Array> {
  return { data: data.subarray(0, count * shape[1]), shape: [count, shape[1]] };
}

function makeProblem(rows: number): Problem {
  const { vectors, queries } = makeVectors(rows, RECALL_QUERIES, DIMENSIONS, randomBits(SEED));
  const floats = packWeights(vectors, { transposeB: true });
  const int8 = packEmbeddings(quantizeEmbeddings(vectors));
  const binary = packEmbeddings(quantizeEmbeddings(vectors, { dtype: 'binary' }));
  return { vectors, queries, floats, int8, binary };
}

/** What each way finds for any queries, in the order of the table. */
function finders({ vectors, floats, int8, binary }: Problem, threads: number): Record<string, [Kind, Way['find']]> {
  const rows = vectors.shape[0];
  const rescore = { embeddings: vectors };
  const lowp =
    (corpus: PackedEmbeddings, options: object): Way['find'] =>
    (queries) =>
      searchEmbeddings(queries, corpus, { k: K, threads, ...options }).indices;
  return {
    [BASELINE]: [
      'float32',
      (queries) => {
        const scores = matmul(queries, floats, { threads }).data;
        return join(queries, (_, q) => topK(scores, q * rows, rows, K));
      },
    ],
    'float32 plain loops': ['float32', (queries) => join(queries, (query) => plainSearch(query, vectors, K))],
    int8: ['int8', lowp(int8, {})],
    'int8 + rescore': ['int8', lowp(int8, { rescore })],
    binary: ['binary', lowp(binary, {})],
    'binary + rescore': ['binary', lowp(binary, { rescore })],
    'binary + rescore 20 k': ['binary', lowp(binary, { rescore: { ...rescore, oversample: 20 } })],
  };
}

function join({ data, shape }: Tensor<Float32Array>, search: (query: Float32Array, q: number) => Int32Array): Int32Array {
  const found = new Int32Array(shape[0] * K);
  for (let q = 0; q < shape[0]; q++) found.set(search(data.subarray(q * shape[1], (q + 1) * shape[1]), q), q * K);
  return found;
}

/** The oracle on a part of the corpus: the same hits, or the run ends. */
function verify({ vectors, queries }: Problem): void {
  const part = first(vectors, Math.min(CHECKED_ROWS, vectors.shape[0]));
  const some = first(queries, 3);
  for (const dtype of ['int8', 'binary'] as const) {
    for (const rescore of [undefined, { embeddings: part }]) {
      const codes = quantizeEmbeddings(part, { dtype });
      using corpus = packEmbeddings(codes);
      const actual = searchEmbeddings(some, corpus, { k: K, rescore });
      const expected = reference.searchEmbeddings(some, reference.packEmbeddings(codes), { k: K, rescore });
      const wrong = expected.indices.findIndex((row, i) => actual.indices[i] !== row || actual.scores[i] !== expected.scores[i]);
      if (wrong < 0) continue;
      throw new Error(`${dtype}: expected row ${expected.indices[wrong]} for hit ${wrong} but received ${actual.indices[wrong]}`);
    }
  }
}

/** Share of the exact hits that were found. */
function recall(found: Int32Array, exact: Int32Array): number {
  let hits = 0;
  for (let q = 0; q < exact.length; q += K) {
    const wanted = new Set(exact.subarray(q, q + K));
    for (const row of found.subarray(q, q + K)) if (wanted.has(row)) hits += 1;
  }
  return hits / exact.length;
}

async function* rowsOf({ quick, threads }: Settings): AsyncGenerator<Row> {
  const problem = makeProblem(quick ? QUICK_ROWS : ROWS);
  const { queries } = problem;
  try {
    verify(problem);
    const ways = finders(problem, threads);
    const exact = ways[BASELINE][1](queries);
    // One query by plain loops is enough: they compute the same as the baseline.
    const recalls = Object.entries(ways).map(([name, [, find]]) => {
      const count = name === 'float32 plain loops' ? 4 : RECALL_QUERIES;
      return recall(find(first(queries, count)), exact.subarray(0, count * K));
    });
    const loops: Partial<Record<Kind, () => number>> = {};
    for (const kind of ['float32', 'int8', 'binary'] as const) {
      loops[kind] = () => nativeBinding()?.bandwidth(bytesOf(problem, kind), BANDWIDTH_MS) ?? 0;
    }
    for (const count of BATCHES) {
      const some = first(queries, count);
      const contenders = Object.entries(ways).map(([name, [kind, find]]) => ({ name, kind, find, run: () => find(some) }));
      // Three seconds a call at 32 queries, and a multiple of one.
      const timed = contenders.filter(({ name }) => count === 1 || name !== 'float32 plain loops');
      const { timings, peaks } = await interleave(timed, loops, quick ? QUICK : FULL);
      for (let i = 0; i < timed.length; i++) {
        const bandwidths = peaks[timed[i].kind] ?? [];
        const share = shareOfPeak(timings[i], bytesOf(problem, timed[i].kind), bandwidths, 1);
        yield rowOf(problem, timed[i], count, timings[i], {
          ...figures(timings, i),
          share,
          recall: recalls[contenders.indexOf(timed[i])],
        });
      }
    }
  } finally {
    problem.floats.dispose();
    problem.int8.dispose();
    problem.binary.dispose();
  }
}

interface Figures {
  readonly seconds: Spread;
  readonly ratio: Spread;
}

function figures(timings: readonly Timing[], i: number): Figures {
  const { seconds } = timings[i];
  const baseline = timings.find((t) => t.name === BASELINE);
  if (baseline === undefined) throw new Error(`Expected a contender named ${BASELINE}`);
  return { seconds: { median: median(seconds), best: smallest(seconds) }, ratio: speedup(timings[i], baseline) };
}

function rowOf(
  problem: Problem,
  { name, kind }: Way,
  count: number,
  timing: Timing,
  { seconds, ratio, share, recall: found }: Figures & { share: Spread; recall: number },
): Row {
  const [rows, dimensions] = problem.vectors.shape;
  const bytes = bytesOf(problem, kind);
  const cells = [
    name === BASELINE ? `${rows}x${dimensions} Q${count}` : '',
    name,
    (seconds.median * 1e3).toFixed(3),
    (count / seconds.median).toFixed(0),
    (count / seconds.best).toFixed(0),
    ratio.median.toFixed(1),
    (bytes / seconds.best / 1e9).toFixed(1),
    ...(count === 1 ? [(share.median * 100).toFixed(0), (share.best * 100).toFixed(0)] : ['', '']),
    (found * 100).toFixed(1),
  ];
  const record = { record: 'search', rows, dimensions, k: K, queries: count, contender: name, bytes, seconds };
  const sampling = { rounds: timing.seconds.length, callsPerSample: timing.callsPerSample };
  return { cells, first: name === BASELINE, record: { ...record, ratio, shareOfBandwidth: share, recall: found, ...sampling } };
}

function open(settings: Settings): Table {
  const numbers = ['ms', 'queries/s', 'best q/s', 'x float32', 'GB/s', '% read', 'best %', 'recall %'];
  const columns: Column[] = [
    { title: 'NxD, queries', width: 16 },
    { title: 'contender', width: 23 },
    ...numbers.map((title) => ({ title, width: Math.max(7, title.length) })),
  ];
  return {
    title: `the ${K} nearest of quantized embeddings by exhaustive search`,
    caption: [
      `${settings.threads} thread${settings.threads === 1 ? '' : 's'}, synchronous calls from JavaScript; float32 queries, quantized in ` +
        'the call. rescore: float32 products of 4 k (20 k) candidates with the original vectors.',
      VECTORS,
      'float32 matmul + top-k: `matmul` with the vectors as packed weights, then a loop in JavaScript. plain loops: all in JavaScript.',
      'ms, queries/s: medians; best: the fastest sample. x float32: times as fast as float32 matmul + top-k, the median within rounds.',
      'GB/s: bytes of the corpus, read once a call, in the best sample. % read: share of what one core reads from a buffer of that size, ' +
        'measured in every round, where one query makes memory the limit.',
      `recall %: share of the exact ${K} nearest that were found, over ${RECALL_QUERIES} queries.`,
    ],
    columns,
    rows: rowsOf(settings),
    notes: [],
  };
}

export const search: BenchCase = { name: 'search', about: 'nearest neighbours among int8 and binary embeddings', open };
