/** Truncated singular value decompositions: several matrices, and one over the rank. */
import { join } from 'node:path';
import { readSvdShapes, type SvdShape } from '../svd/problem';
import { svdTable } from '../svd/table';
import type { BenchCase } from '../types';

const SHAPES = join(__dirname, '..', 'shapes', 'svd.txt');
const SWEEP: readonly SvdShape[] = [4, 8, 16, 32, 64, 128, 256].map((rank) => ({ m: 1024, n: 1024, spectrum: 'power', rank }));

export const svd: BenchCase = {
  name: 'svd',
  about: 'truncated singular value decompositions: time and excess error; over the rank, for the plot of --out',
  // The sweep has shapes of its own, so it is left out where others are asked for.
  open: (settings) => {
    const table = svdTable('truncated SVD', 'svd', readSvdShapes(settings.shapes ?? SHAPES), settings);
    return settings.shapes === undefined ? [table, svdTable('truncated SVD over the rank', 'svd-rank', SWEEP, settings)] : table;
  },
};
