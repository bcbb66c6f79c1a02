/** Shapes of sparse products, and the share of zeros that each is measured at. */
import type { SparseSide } from 'lowp';
import { readLines } from '../shapes';

/** The sparse matrix is [m, k]; n: columns of the dense one, or with `'right'` its rows. */
export interface SparseShape {
  readonly m: number;
  readonly k: number;
  readonly n: number;
  /** Share of zeros, 0 to 1. */
  readonly sparsity: number;
  readonly side: SparseSide;
}

/** Rows of a block of the block-sparse contenders. */
export const BLOCK_ROWS = 4;

const FORMAT = `MxKxN (M a multiple of ${BLOCK_ROWS}), sparsities in percent (0 to 100) and perhaps right`;

export function sparseShapeName({ m, k, n, side }: SparseShape): string {
  return `${m}x${k}x${n}${side === 'right' ? ' right' : ''}`;
}

export function percent(sparsity: number): string {
  return `${Number((100 * sparsity).toFixed(1))} %`;
}

/** One for each sparsity of each line. */
export function readSparseShapes(path: string): SparseShape[] {
  return readLines(path, FORMAT, parseSparseShapes);
}

/** `512x512x128 80 90 right`; undefined if it is something else. */
export function parseSparseShapes(text: string): SparseShape[] | undefined {
  const match = /^(\d+)x(\d+)x(\d+)((?:\s+\d+(?:\.\d+)?)+)(\s+right)?$/.exec(text);
  if (match === null) return undefined;
  const [m, k, n] = match.slice(1, 4).map(Number);
  const sparsities = match[4].trim().split(/\s+/).map(Number);
  if (m * k * n === 0 || m % BLOCK_ROWS !== 0 || sparsities.some((value) => value > 100)) return undefined;
  const side = match[5] === undefined ? 'left' : 'right';
  return sparsities.map((value) => ({ m, k, n, sparsity: value / 100, side }));
}
