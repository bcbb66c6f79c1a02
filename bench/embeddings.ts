/** Vectors to search among, and the plain ways of finding the nearest. */
import { matmul, type Tensor } from 'lowp';
import { bell, type Random } from './inputs';

/** Dimensions that the vectors really vary in; embeddings of text have some tens. */
const LATENT = 64;
/** Rows of a cluster, on average. */
const CLUSTER = 100;
/** Standard deviations: within a cluster (between centres it is 1), and of noise in all dimensions beside a signal of 1. */
const WITHIN = 0.5;
const NOISE = 0.3;

export const VECTORS =
  `Vectors: random, not from a model. Cluster centres and the spread within a cluster (${WITHIN} of that between centres) are bell-` +
  `shaped in ${LATENT} latent dimensions, mapped linearly to all, with noise of ${NOISE} of the signal in each, normalized to length 1; ` +
  `about ${CLUSTER} vectors a cluster, queries drawn alike. The seed is fixed. Recall on real embeddings may be better or worse.`;

/** `rows` vectors to search among and `queries` of the same kind, [.., dimensions]. */
export function makeVectors(
  rows: number,
  queries: number,
  dimensions: number,
  random: Random,
): { vectors: Tensor<Float32Array>; queries: Tensor<Float32Array> } {
  const clusters = Math.ceil(rows / CLUSTER);
  const centres = bell(clusters * LATENT, random);
  const map = { data: bell(LATENT * dimensions, random).map((v) => v / Math.sqrt(LATENT)), shape: [LATENT, dimensions] };
  const draw = (count: number): Tensor<Float32Array> => {
    const latent = bell(count * LATENT, random);
    for (let i = 0; i < count; i++) {
      const from = (random() % clusters) * LATENT;
      for (let d = 0; d < LATENT; d++) latent[i * LATENT + d] = centres[from + d] + WITHIN * latent[i * LATENT + d];
    }
    const x = matmul({ data: latent, shape: [count, LATENT] }, map);
    const noise = bell(count * dimensions, random);
    for (let i = 0; i < noise.length; i++) x.data[i] += NOISE * noise[i];
    for (let i = 0; i < count; i++) normalize(x.data.subarray(i * dimensions, (i + 1) * dimensions));
    return x;
  };
  return { vectors: draw(rows), queries: draw(queries) };
}

function normalize(row: Float32Array): void {
  let sum = 0;
  for (let d = 0; d < row.length; d++) sum += row[d] * row[d];
  const scale = 1 / Math.sqrt(sum);
  for (let d = 0; d < row.length; d++) row[d] *= scale;
}

/** The k largest of scores[from .. from + rows], best first: an insertion into a short sorted list, for which most rows are too small. */
export function topK(scores: Float32Array, from: number, rows: number, k: number): Int32Array {
  const indices = new Int32Array(k);
  const best = new Float32Array(k).fill(-Infinity);
  for (let row = 0; row < rows; row++) {
    const score = scores[from + row];
    if (score > best[k - 1]) insert(best, indices, score, row);
  }
  return indices;
}

function insert(best: Float32Array, indices: Int32Array, score: number, row: number): void {
  let at = best.length - 1;
  for (; at > 0 && best[at - 1] < score; at--) {
    best[at] = best[at - 1];
    indices[at] = indices[at - 1];
  }
  best[at] = score;
  indices[at] = row;
}

/** What a user writes without a library: one loop over the dimensions inside one over the rows. */
export function plainSearch(query: Float32Array, vectors: Tensor<Float32Array>, k: number): Int32Array {
  const [rows, dimensions] = vectors.shape;
  const { data } = vectors;
  const indices = new Int32Array(k);
  const best = new Float32Array(k).fill(-Infinity);
  for (let row = 0, at = 0; row < rows; row++) {
    let sum = 0;
    for (let d = 0; d < dimensions; d++, at++) sum += query[d] * data[at];
    if (sum > best[k - 1]) insert(best, indices, sum, row);
  }
  return indices;
}
