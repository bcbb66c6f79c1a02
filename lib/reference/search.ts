import type { AsyncOptions, EmbeddingDtype, QuantizedEmbeddings, SearchOptions, SearchResult, Tensor } from '../types';
import { arrays, at, gridOf, int8, packBits, rowsOfFloats } from './embeddings';
import { refuse } from './refuse';

const f32 = Math.fround;

/** Holds a copy of the codes, so that programs written for packed native ones run unchanged. */
export class PackedEmbeddings {
  readonly shape: readonly number[];
  readonly dtype: EmbeddingDtype;
  readonly kernel = 'reference';
  readonly isa = 'reference';
  readonly bytes: number;
  #embeddings: QuantizedEmbeddings | undefined;

  constructor(embeddings: QuantizedEmbeddings) {
    this.#embeddings = embeddings;
    this.shape = [...embeddings.shape];
    this.dtype = embeddings.dtype;
    this.bytes = embeddings.data.byteLength;
  }

  get disposed(): boolean {
    return this.#embeddings === undefined;
  }

  dispose(): void {
    this.#embeddings = undefined;
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  embeddings(): QuantizedEmbeddings {
    if (this.#embeddings === undefined) {
      throw refuse('ERR_LOWP_DISPOSED', 'Expected live packed embeddings for corpus but received disposed ones');
    }
    return this.#embeddings;
  }
}

export function packEmbeddings(embeddings: QuantizedEmbeddings): PackedEmbeddings {
  const shape = [...embeddings.shape];
  if (embeddings.dtype === 'binary') return new PackedEmbeddings({ dtype: 'binary', data: embeddings.data.slice(), shape });
  return new PackedEmbeddings({
    dtype: 'int8',
    data: embeddings.data.slice(),
    shape,
    ranges: arrays(embeddings.ranges),
  });
}

/** A query as the scan compares it; its integer score times `scale` plus `offset` is what the caller sees. */
interface Query {
  readonly codes: ArrayLike<number>;
  readonly scale: number;
  readonly offset: number;
}

interface Hit {
  readonly row: number;
  readonly score: number;
}

/** Every score, sorted: more (binary: less) is better, equal ones by row. Then, if asked for, float32 dot products of the best. */
export function searchEmbeddings(
  queries: Tensor<Float32Array> | QuantizedEmbeddings,
  corpus: PackedEmbeddings,
  options: SearchOptions = {},
): SearchResult {
  const packed = corpus.embeddings();
  const [n, d] = packed.shape;
  const k = options.k ?? Math.min(10, n);
  const floats = isQuantized(queries) ? [] : rowsOfFloats(queries);
  const prepared = isQuantized(queries) ? given(queries, packed) : floats.map((row) => prepare(row, packed));
  const sign = packed.dtype === 'binary' ? 1 : -1;
  const hits = prepared.flatMap(({ codes, scale, offset }, q): Hit[] => {
    const width = codes.length;
    const all = Array.from({ length: n }, (_, row): Hit => {
      const other = packed.data.subarray(row * width, (row + 1) * width);
      return { row, score: packed.dtype === 'binary' ? distance(codes, other, d) : dot(codes, other) };
    });
    all.sort((x, y) => sign * (x.score - y.score) || x.row - y.row);
    if (options.rescore === undefined) {
      return all.slice(0, k).map(({ row, score }) => ({ row, score: f32(score * scale + offset) }));
    }
    const { embeddings, oversample = 4 } = options.rescore;
    const vectors = rowsOfFloats(embeddings);
    const candidates = all.slice(0, k * oversample).map(({ row }) => ({ row, score: f32(dot(floats[q], vectors[row])) }));
    return candidates.sort((x, y) => order(x.score, y.score) || x.row - y.row).slice(0, k);
  });
  const shape = queries.shape.length === 1 ? [k] : [prepared.length, k];
  return { indices: Int32Array.from(hits, (h) => h.row), scores: Float32Array.from(hits, (h) => h.score), shape };
}

/** The same, at once; the promise only matches the signature. */
export async function searchEmbeddingsAsync(
  queries: Tensor<Float32Array> | QuantizedEmbeddings,
  corpus: PackedEmbeddings,
  options: SearchOptions & AsyncOptions = {},
): Promise<SearchResult> {
  options.signal?.throwIfAborted();
  return searchEmbeddings(queries, corpus, options);
}

function isQuantized(queries: Tensor<Float32Array> | QuantizedEmbeddings): queries is QuantizedEmbeddings {
  return queries.data.BYTES_PER_ELEMENT === 1;
}

/** Codes as they are: their products are in the order of the real ones only where one step and no offset holds for all. */
function given(queries: QuantizedEmbeddings, corpus: QuantizedEmbeddings): Query[] {
  const [count, d] = queries.shape;
  const width = queries.dtype === 'binary' ? Math.ceil(d / 8) : d;
  return Array.from({ length: count }, (_, q) => {
    const codes = queries.data.subarray(q * width, (q + 1) * width);
    if (queries.dtype === 'binary' || corpus.dtype === 'binary') return { codes, scale: 1, offset: 0 };
    const mine = gridOf(arrays(queries.ranges));
    const { centre, step } = gridOf(arrays(corpus.ranges));
    let sum = 0;
    for (const code of codes) sum += code;
    return { codes, scale: step[0] * mine.step[0], offset: centre[0] * mine.step[0] * sum };
  });
}

/**
 * q . x = sum of q (centre + step * code) = sum of (q * step) * code + sum of q * centre. The factors q * step get one symmetric
 * scale of their own; the last sum is the same for every row.
 */
function prepare(row: readonly number[], corpus: QuantizedEmbeddings): Query {
  if (!row.every(Number.isFinite)) throw refuse('ERR_LOWP_VALUE', 'Expected finite values for queries.data');
  if (corpus.dtype === 'binary') return { codes: packBits(row), scale: 1, offset: 0 };
  const { centre, step } = gridOf(arrays(corpus.ranges));
  const shared = step.length === 1;
  const factors = row.map((v, d) => (shared ? v : f32(v * step[d])));
  const reach = factors.reduce((most, v) => Math.max(most, Math.abs(v)), 0);
  const scale = f32(reach / 127);
  const offset = row.reduce((sum, v, d) => sum + v * at(centre, d), 0);
  return { codes: factors.map((v) => (scale === 0 ? 0 : int8(f32(v / scale)))), scale: shared ? scale * step[0] : scale, offset };
}

function dot(x: ArrayLike<number>, y: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < x.length; i++) sum += x[i] * y[i];
  return sum;
}

/** Bits that differ among the first `d`. */
function distance(x: ArrayLike<number>, y: ArrayLike<number>, d: number): number {
  let count = 0;
  for (let i = 0; i < d; i++) count += ((x[i >> 3] ^ y[i >> 3]) >> (7 - (i % 8))) & 1;
  return count;
}

/** Descending; NaN comes last. */
function order(x: number, y: number): number {
  if (Number.isNaN(x) || Number.isNaN(y)) return Number(Number.isNaN(x)) - Number(Number.isNaN(y));
  return x === y ? 0 : y > x ? 1 : -1;
}
