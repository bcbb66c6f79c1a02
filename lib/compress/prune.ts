import { expected, lowpError } from '../errors';
import type { Tensor } from '../types';
import { allocate, isTagged } from '../validate/arrays';
import { checkKeys, checkTensor, readName } from '../validate/options';
import { readAxis } from '../validate/quantization';
import { checkExtent, checkShape, readSize } from '../validate/shapes';
import { select, selectInGroups, type GroupLayout } from './select';

const KEYS: ReadonlySet<string> = new Set(['threshold', 'sparsity', 'stdFactor', 'structure']);
const BLOCK_KEYS: ReadonlySet<string> = new Set(['block']);
const GROUP_KEYS: ReadonlySet<string> = new Set(['n', 'm', 'axis']);

/** Which weights go together. */
export type PruneStructure =
  | 'unstructured'
  /** Blocks of [rows, cols] of a matrix. */
  | { readonly block: readonly [number, number] }
  /** Of each m neighbours along `axis` (default: the last dimension) n stay. */
  | { readonly n: number; readonly m: number; readonly axis?: number };

export interface PruneOptions {
  /** Removes what has a magnitude of this or less. */
  readonly threshold?: number;
  /** Share to remove, from 0 to 1: floor(sparsity * count) weights, or blocks. */
  readonly sparsity?: number;
  /** threshold = stdFactor * standard deviation of the weights (over all of them, about their mean). */
  readonly stdFactor?: number;
  /** Default `'unstructured'`. */
  readonly structure?: PruneStructure;
}

export interface PruneResult {
  /** A copy with zeros for what was removed. */
  readonly weights: Tensor<Float32Array>;
  /** 1: kept, 0: removed. */
  readonly mask: Tensor<Uint8Array>;
  /** Share of the weights that was removed. */
  readonly sparsity: number;
}

/**
 * Removes the weights of smallest magnitude, |w|; of equal ones the one that comes first. Linear in the number of weights.
 *
 * What is removed is said by exactly one of `threshold`, `sparsity` and `stdFactor`, or by `structure: { n, m }` alone.
 *
 * - `'unstructured'` (default): weight by weight, any shape.
 * - `{ block: [rows, cols] }`: block by block of a matrix; those at its right and lower edge may be smaller. The magnitude of a block is
 *   the root of the mean of its squares (its L2 norm / sqrt(its size), in float32), so that a small block competes fairly and a
 *   threshold means what it does for weights.
 * - `{ n, m, axis }`: of each m neighbours along `axis` (default: the last dimension) the n largest stay; 2 of 4 is what sparse tensor
 *   cores take. The dimension is a multiple of m.
 *
 * Sources: Han, Pool, Tran and Dally, Learning both Weights and Connections for Efficient Neural Networks, 2015 (threshold by
 * standard deviation); Mishra et al., Accelerating Sparse Deep Neural Networks, 2021 (n of m).
 *
 * @throws ERR_LOWP_TYPE, ERR_LOWP_SHAPE, ERR_LOWP_VALUE (also for NaN among the weights, and for infinities beside `stdFactor`),
 * ERR_LOWP_DETACHED, ERR_LOWP_NOMEM.
 * @example
 * const weights = { data: Float32Array.of(0.1, -2, 0.3, 1), shape: [2, 2] };
 * const pruned = magnitudePrune(weights, { sparsity: 0.5 });
 * console.log(pruned.weights.data, pruned.mask.data); // 0 -2 0 1, 0 1 0 1
 */
export function magnitudePrune(weights: Tensor<Float32Array>, options: PruneOptions): PruneResult {
  if (options === undefined) throw expected('ERR_LOWP_TYPE', 'an object', 'options', options);
  checkKeys(options, KEYS, 'options');
  const { data, shape } = copy(weights);
  const structure = readStructure(options.structure, shape);
  const mask = allocate('Uint8Array', data.length).fill(1);
  if (structure.kind === 'groups') {
    refuseCriteria(options);
    selectInGroups(magnitudes(data), structure, mask);
  } else {
    const criterion = readCriterion(options);
    const blocks = structure.kind === 'blocks' ? structure : undefined;
    const scores = blocks === undefined ? magnitudes(data) : blockScores(data, blocks);
    const keep = blocks === undefined ? mask : allocate('Uint8Array', scores.length).fill(1);
    if (criterion.name === 'sparsity') select(scores, Math.floor(criterion.value * scores.length), keep);
    else {
      const threshold = criterion.name === 'threshold' ? criterion.value : criterion.value * deviation(data);
      for (let i = 0; i < scores.length; i++) if (scores[i] <= threshold) keep[i] = 0;
    }
    if (blocks !== undefined) spread(keep, blocks, mask);
  }
  let removed = 0;
  for (let i = 0; i < data.length; i++) {
    if (mask[i] !== 0) continue;
    data[i] = 0;
    removed++;
  }
  const sparsity = data.length === 0 ? 0 : removed / data.length;
  return { weights: { data, shape }, mask: { data: mask, shape: [...shape] }, sparsity };
}

/** Contiguous, without NaN. */
function copy(weights: unknown): { data: Float32Array; shape: number[] } {
  checkTensor(weights, 'a float32 Tensor', 'weights');
  const { data, shape, strides }: Partial<Record<keyof Tensor<unknown>, unknown>> = weights;
  if (!isTagged(data, 'Float32Array')) throw expected('ERR_LOWP_TYPE', 'a Float32Array', 'weights.data', data);
  checkShape(shape, 'weights.shape');
  const extent = checkExtent(data, shape, strides, 'weights');
  const made = Array.isArray(strides) ? gather(data, shape, strides as number[]) : data.slice(0, extent);
  const wrong = made.findIndex(Number.isNaN);
  if (wrong >= 0) throw lowpError('ERR_LOWP_VALUE', `Expected no NaN among the weights but received one (element ${wrong})`);
  return { data: made, shape: [...shape] };
}

function gather(data: Float32Array, shape: readonly number[], strides: readonly number[]): Float32Array {
  const cols = shape[shape.length - 1] ?? 1;
  const made = allocate(
    'Float32Array',
    shape.reduce((count, size) => count * size, 1),
  );
  for (let to = 0; to < made.length; to += cols) {
    let from = 0;
    for (let d = shape.length - 2, row = to / cols; d >= 0; d--) {
      from += (row % shape[d]) * strides[d];
      row = Math.floor(row / shape[d]);
    }
    made.set(data.subarray(from, from + cols), to);
  }
  return made;
}

interface Blocks {
  readonly kind: 'blocks';
  readonly rows: number;
  readonly cols: number;
  readonly block: readonly [number, number];
}

interface Groups extends GroupLayout {
  readonly kind: 'groups';
}

function readStructure(value: unknown, shape: readonly number[]): Blocks | Groups | { readonly kind: 'unstructured' } {
  if (value === undefined) return { kind: 'unstructured' };
  if (typeof value !== 'object' || value === null) {
    if (typeof value === 'string') return { kind: readName(value, ['unstructured'], 'options.structure') };
    throw expected('ERR_LOWP_TYPE', "'unstructured', { block } or { n, m, axis }", 'options.structure', value);
  }
  if ('block' in value) {
    checkKeys(value, BLOCK_KEYS, 'options.structure');
    const { block } = value;
    checkShape(block, 'options.structure.block');
    if (block.length !== 2 || block[0] < 1 || block[1] < 1) {
      throw expected('ERR_LOWP_SHAPE', 'two sizes of 1 or more', 'options.structure.block', block);
    }
    if (shape.length !== 2) throw expected('ERR_LOWP_SHAPE', 'two dimensions (of blocks)', 'weights.shape', shape);
    return { kind: 'blocks', rows: shape[0], cols: shape[1], block: [block[0], block[1]] };
  }
  checkKeys(value, GROUP_KEYS, 'options.structure');
  const { n: givenN, m: givenM, axis: givenAxis }: { n?: unknown; m?: unknown; axis?: unknown } = value;
  const n = readSize(givenN, 'options.structure.n');
  const m = readSize(givenM, 'options.structure.m');
  if (m < 1) throw expected('ERR_LOWP_VALUE', '1 or more', 'options.structure.m', m);
  if (n > m) throw expected('ERR_LOWP_VALUE', `at most ${m} (m)`, 'options.structure.n', n);
  if (shape.length === 0) throw expected('ERR_LOWP_SHAPE', 'at least one dimension', 'weights.shape', shape);
  const axis = givenAxis === undefined ? shape.length - 1 : readAxis(givenAxis, shape.length, 'options.structure.axis');
  if (shape[axis] % m !== 0) throw expected('ERR_LOWP_SHAPE', `a multiple of ${m} (m)`, `weights.shape[${axis}]`, shape[axis]);
  return { kind: 'groups', n, m, stride: shape.slice(axis + 1).reduce((product, size) => product * size, 1) };
}

const CRITERIA = ['threshold', 'sparsity', 'stdFactor'] as const;

interface Criterion {
  readonly name: (typeof CRITERIA)[number];
  readonly value: number;
}

function readCriterion(options: PruneOptions): Criterion {
  const given = CRITERIA.map((name) => ({ name, value: options[name] })).filter(({ value }) => value !== undefined);
  if (given.length !== 1) {
    const names = given.length === 0 ? 'none' : given.map(({ name }) => name).join(' and ');
    throw lowpError('ERR_LOWP_VALUE', `Expected one of ${CRITERIA.join(', ')} in options but received ${names}`);
  }
  const [{ name, value }] = given;
  if (typeof value !== 'number') throw expected('ERR_LOWP_TYPE', 'a number', `options.${name}`, value);
  const most = name === 'sparsity' ? 1 : Number.MAX_VALUE;
  if (!(value >= 0 && value <= most)) {
    const what = name === 'sparsity' ? 'a number from 0 to 1' : 'a finite number of 0 or more';
    throw expected('ERR_LOWP_VALUE', what, `options.${name}`, value);
  }
  return { name, value };
}

function refuseCriteria(options: PruneOptions): void {
  for (const name of CRITERIA) {
    if (options[name] === undefined) continue;
    throw expected('ERR_LOWP_VALUE', 'nothing (n of m are kept)', `options.${name}`, options[name]);
  }
}

function magnitudes(data: Float32Array): Float32Array {
  const scores = allocate('Float32Array', data.length);
  for (let i = 0; i < data.length; i++) scores[i] = Math.abs(data[i]);
  return scores;
}

/** Root of the mean square of each block, row by row of blocks. */
function blockScores(data: Float32Array, { rows, cols, block: [r, c] }: Blocks): Float32Array {
  const across = Math.ceil(cols / c);
  const sums = new Float64Array(Math.ceil(rows / r) * across);
  for (let row = 0, i = 0; row < rows; row++) {
    const first = Math.floor(row / r) * across;
    for (let col = 0; col < cols; col++, i++) sums[first + Math.floor(col / c)] += data[i] * data[i];
  }
  const scores = allocate('Float32Array', sums.length);
  for (let b = 0; b < sums.length; b++) {
    const height = Math.min(r, rows - Math.floor(b / across) * r);
    const width = Math.min(c, cols - (b % across) * c);
    scores[b] = Math.sqrt(sums[b] / (height * width));
  }
  return scores;
}

/** What holds for a block holds for its weights. */
function spread(keep: Uint8Array, { rows, cols, block: [r, c] }: Blocks, mask: Uint8Array): void {
  const across = Math.ceil(cols / c);
  for (let row = 0, i = 0; row < rows; row++) {
    for (let col = 0; col < cols; col++, i++) mask[i] = keep[Math.floor(row / r) * across + Math.floor(col / c)];
  }
}

/** Of the population, about the mean; in float64, two passes. */
function deviation(data: Float32Array): number {
  if (data.length === 0) return 0;
  let sum = 0;
  for (let i = 0; i < data.length; i++) sum += data[i];
  const mean = sum / data.length;
  let squares = 0;
  for (let i = 0; i < data.length; i++) squares += (data[i] - mean) ** 2;
  const result = Math.sqrt(squares / data.length);
  if (!Number.isFinite(result)) throw expected('ERR_LOWP_VALUE', 'finite weights (stdFactor)', 'weights.data', data);
  return result;
}
