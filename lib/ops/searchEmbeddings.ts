import { expected, fromNative, lowpError } from '../errors';
import type { NativeBinding } from '../native/binding';
import { Search } from '../native/slots';
import type { Control } from '../native/control';
import { nativeBinding } from '../native/load';
import * as reference from '../reference';
import type { AsyncOptions, QuantizedEmbeddings, SearchOptions, SearchResult, Tensor } from '../types';
import { allocate, tooShort } from '../validate/arrays';
import { readFloatRows, type FloatRows } from '../validate/embeddings';
import { checkOnlyCpu, checkKeys, readSignal, readThreads } from '../validate/options';
import { awaitJob, nextJob } from './gemm';
import { readCorpus, type CorpusState, type PackedEmbeddings } from './packEmbeddings';
import { handleOf } from './packed';
import { controlOf } from './quantizeEmbeddings';
import { readQueries, type Queries } from './searchQueries';

const KEYS: ReadonlySet<string> = new Set(['k', 'rescore', 'threads', 'device']);
const ASYNC_KEYS: ReadonlySet<string> = new Set([...KEYS, 'signal']);
const RESCORE_KEYS: ReadonlySet<string> = new Set(['embeddings', 'oversample']);
const DEFAULT_K = 10;
const DEFAULT_OVERSAMPLE = 4;

interface Rescore {
  readonly x: FloatRows;
  readonly candidates: number;
}

/** A checked call. */
interface Call {
  readonly corpus: CorpusState;
  readonly queries: Queries;
  readonly k: number;
  readonly threads: number;
  readonly rescore: Rescore | undefined;
}

/**
 * The `k` nearest rows of a packed corpus for each query, exhaustively and exactly by their codes: int8 by dot product, binary by
 * Hamming distance. Best first; equal scores by ascending row, so the result is the same on every machine and for any `threads`.
 *
 * `queries` is a float32 Tensor [Q, D] (or [D], one query), of finite values: each is quantized in the call with a scale of its own,
 * the steps of an int8 corpus multiplied into it, so `scores` are dot products in units of the float32 vectors. Or they are quantized
 * embeddings of the corpus's dtype, used as they are: int8 ones need a symmetric range shared by all dimensions (`'perTensor'`), on
 * both sides one step, and codes from -127. For cosine similarity normalize the vectors beforehand.
 *
 * `k` is 1 to N (default 10, or N if that is less). `rescore: { embeddings, oversample }` takes the best k * oversample (default 4)
 * rows by their codes and orders them by the float32 dot product with the original vectors, given as a Tensor [N, D]; it needs
 * float32 queries. Each sum is made in float64 and rounded once; NaN ranks last.
 *
 * Returns `indices` and `scores` [Q, k]: int8 and rescored: more is better; binary: distances, less is better.
 *
 * @throws ERR_LOWP_TYPE, ERR_LOWP_SHAPE (D of queries or originals), ERR_LOWP_VALUE (k, NaN or infinity in a query, ranges that do
 * not compare), ERR_LOWP_HANDLE, ERR_LOWP_DISPOSED, ERR_LOWP_DETACHED, ERR_LOWP_UNSUPPORTED (`device`, or no native binary),
 * ERR_LOWP_NOMEM.
 * @example
 * const vectors = { data: Float32Array.of(1, 0, 0, 1, 0.6, 0.8), shape: [3, 2] };
 * using corpus = packEmbeddings(quantizeEmbeddings(vectors));
 * const hits = searchEmbeddings({ data: Float32Array.of(0, 1), shape: [1, 2] }, corpus, { k: 2 });
 * console.log(hits.indices); // Int32Array(2) [ 1, 2 ]; the scores are about 1 and 0.8
 */
export function searchEmbeddings(
  queries: Tensor<Float32Array> | QuantizedEmbeddings,
  corpus: PackedEmbeddings,
  options?: SearchOptions,
): SearchResult {
  const native = nativeBinding();
  const call = prepare(queries, corpus, options, KEYS);
  if (native === undefined) return runReference(call, queries, options);
  const out = allocate('Int32Array', 2 * call.queries.rows * scanned(call));
  try {
    native.search(control(call).bytes, call.queries.codes, handleOf(call.corpus, native), out);
    return finish(native, call, out);
  } catch (thrown) {
    throw fromNative(thrown, searchEmbeddings);
  }
}

/**
 * `searchEmbeddings` off the event loop. The queries are copied before the call returns; the vectors of `rescore` are not: they are
 * read, on this thread, when the scan has ended. `signal` cancels: the promise rejects with its reason.
 *
 * @throws Never: argument errors reject, with the codes of `searchEmbeddings`.
 * @example
 * const vectors = { data: Float32Array.of(1, 0, 0, 1, 0.6, 0.8), shape: [3, 2] };
 * using corpus = packEmbeddings(quantizeEmbeddings(vectors, { dtype: 'binary' }));
 * const query = { data: Float32Array.of(0, 1), shape: [2] };
 * const hits = await searchEmbeddingsAsync(query, corpus, { k: 1, rescore: { embeddings: vectors } });
 * console.log(hits.indices, hits.scores); // Int32Array(1) [ 1 ] Float32Array(1) [ 1 ]
 */
export async function searchEmbeddingsAsync(
  queries: Tensor<Float32Array> | QuantizedEmbeddings,
  corpus: PackedEmbeddings,
  options?: SearchOptions & AsyncOptions,
): Promise<SearchResult> {
  const native = nativeBinding();
  checkKeys(options, ASYNC_KEYS, 'options');
  const signal = readSignal(options?.signal);
  if (signal?.aborted === true) throw signal.reason;
  const call = prepare(queries, corpus, options, ASYNC_KEYS);
  if (native === undefined) return runReference(call, queries, options);
  const out = allocate('Int32Array', 2 * call.queries.rows * scanned(call));
  const ctl = control(call);
  const job = nextJob();
  ctl.slots[Search.job] = job;
  let done: Promise<void>;
  try {
    done = native.searchAsync(ctl.bytes, call.queries.codes, handleOf(call.corpus, native), out);
  } catch (thrown) {
    throw fromNative(thrown, searchEmbeddingsAsync);
  }
  await awaitJob(native, job, done, signal, searchEmbeddingsAsync);
  try {
    return finish(native, call, out);
  } catch (thrown) {
    throw fromNative(thrown, searchEmbeddingsAsync);
  }
}

/** Hits that the scan itself finds for each query. */
function scanned({ k, rescore }: Call): number {
  return rescore?.candidates ?? k;
}

function control(call: Call): Control {
  const { rows, dimensions } = call.corpus;
  const ctl = controlOf(call.rescore?.x ?? { rows, dimensions, ld: dimensions });
  ctl.slots[Search.queries] = call.queries.rows;
  ctl.slots[Search.k] = scanned(call);
  ctl.slots[Search.threads] = call.threads;
  return ctl;
}

function finish(native: NativeBinding, call: Call, out: Int32Array): SearchResult {
  const { queries, k, rescore } = call;
  const shape = queries.single ? [k] : [queries.rows, k];
  const found = queries.rows * scanned(call);
  const rows = out.slice(0, found);
  if (rescore === undefined) return { indices: rows, scores: inRealUnits(queries, out.subarray(found), k), shape };

  const { x, candidates } = rescore;
  // A buffer that was transferred during an asynchronous scan has no elements left.
  if (x.data.length < x.extent) throw tooShort(x.data, x.extent, 'N * D', 'options.rescore.embeddings');
  const indices = allocate('Int32Array', queries.rows * k);
  const scores = allocate('Float32Array', queries.rows * k);
  const ctl = control(call);
  ctl.slots[Search.k] = k;
  ctl.slots[Search.candidates] = candidates;
  native.rescore(ctl.bytes, queries.floats, x.data, rows, indices, scores);
  return { indices, scores, shape };
}

function inRealUnits({ rows, scales, offsets }: Queries, integers: Int32Array, k: number): Float32Array {
  const scores = allocate('Float32Array', rows * k);
  for (let q = 0; q < rows; q++) {
    for (let i = q * k; i < (q + 1) * k; i++) scores[i] = integers[i] * scales[q] + offsets[q];
  }
  return scores;
}

function runReference(
  { corpus }: Call,
  queries: Tensor<Float32Array> | QuantizedEmbeddings,
  options: SearchOptions | undefined,
): SearchResult {
  if (corpus.oracle === undefined) throw expected('ERR_LOWP_HANDLE', 'embeddings packed by this backend', 'corpus', corpus);
  return reference.searchEmbeddings(queries, corpus.oracle, options);
}

function prepare(
  givenQueries: unknown,
  givenCorpus: unknown,
  options: SearchOptions | undefined,
  keys: ReadonlySet<string>,
): Call {
  checkKeys(options, keys, 'options');
  const corpus = readCorpus(givenCorpus, 'corpus');
  const { k: givenK, rescore: givenRescore, threads, device } = options ?? {};
  const queries = readQueries(givenQueries, corpus);
  const k = readK(givenK, corpus.rows);
  checkOnlyCpu(device);
  const rescore = givenRescore === undefined ? undefined : readRescore(givenRescore, corpus, k);
  if (rescore !== undefined && !queries.isFloat) {
    throw lowpError('ERR_LOWP_TYPE', 'Expected float32 queries with options.rescore but received quantized ones');
  }
  return { corpus, queries, k, threads: readThreads(threads, 'options.threads'), rescore };
}

function readK(value: unknown, rows: number): number {
  if (value === undefined) return Math.min(DEFAULT_K, rows);
  if (typeof value !== 'number') throw expected('ERR_LOWP_TYPE', 'a number', 'options.k', value);
  if (!Number.isInteger(value) || value < 1 || value > rows) {
    throw expected('ERR_LOWP_VALUE', `an integer from 1 to ${rows} (rows of the corpus)`, 'options.k', value);
  }
  return value;
}

function readRescore(value: unknown, corpus: CorpusState, k: number): Rescore {
  if (typeof value !== 'object' || value === null) {
    throw expected('ERR_LOWP_TYPE', 'an object { embeddings, oversample }', 'options.rescore', value);
  }
  checkKeys(value, RESCORE_KEYS, 'options.rescore');
  const { embeddings, oversample: given }: { embeddings?: unknown; oversample?: unknown } = value;
  const x = readFloatRows(embeddings, 'options.rescore.embeddings');
  if (x.rows !== corpus.rows || x.dimensions !== corpus.dimensions) {
    const shape = [corpus.rows, corpus.dimensions];
    throw expected('ERR_LOWP_SHAPE', `[${shape.join(', ')}] (that of the corpus)`, 'options.rescore.embeddings', [
      x.rows,
      x.dimensions,
    ]);
  }
  const oversample = given ?? DEFAULT_OVERSAMPLE;
  if (typeof oversample !== 'number') throw expected('ERR_LOWP_TYPE', 'a number', 'options.rescore.oversample', oversample);
  if (!Number.isInteger(oversample) || oversample < 1) {
    throw expected('ERR_LOWP_VALUE', 'an integer of at least 1', 'options.rescore.oversample', oversample);
  }
  return { x, candidates: Math.min(corpus.rows, k * oversample) };
}
