/** Products with a sparse matrix: over shapes and sparsities, in structured forms, where they break even with dense ones, and over all sparsities. */
import { evenTable } from '../sparse/even';
import { formsTable } from '../sparse/forms';
import { sweepTable } from '../sparse/sweep';
import { sparseTable } from '../sparse/table';
import type { BenchCase } from '../types';

export const sparse: BenchCase = {
  name: 'sparse',
  about:
    'sparse times dense against our dense products; 2 of 4 and blocks; where they break even; over sparsity, for the plot of --out',
  // The others have shapes of their own, so they are left out where others are asked for.
  open: (settings) =>
    settings.shapes === undefined
      ? [sparseTable(settings), formsTable(settings), evenTable(settings), sweepTable(settings)]
      : sparseTable(settings),
};
