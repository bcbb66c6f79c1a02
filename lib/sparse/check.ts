import { expected } from '../errors';
import type { BsrMatrix, CsrMatrix } from '../types';
import { readSparse } from '../validate/sparse';

/**
 * Throws unless `csr` keeps every rule of a CsrMatrix. Linear in rows and elements.
 *
 * @throws ERR_LOWP_TYPE, ERR_LOWP_SHAPE, ERR_LOWP_VALUE, ERR_LOWP_DETACHED. The message has the row, the place in its array, what was
 * expected and what came.
 * @example
 * checkCsr({ rows: 1, cols: 3, rowPtr: Int32Array.of(0, 2), colIdx: Int32Array.of(0, 2), values: Float32Array.of(5, 7) });
 */
export function checkCsr(csr: CsrMatrix): void {
  if (readSparse(csr, 'csr').blockShape !== undefined) throw expected('ERR_LOWP_TYPE', 'a CsrMatrix', 'csr', csr);
}

/**
 * Throws unless `bsr` keeps every rule of a BsrMatrix. Linear in rows and blocks.
 *
 * @throws ERR_LOWP_TYPE, ERR_LOWP_SHAPE, ERR_LOWP_VALUE, ERR_LOWP_DETACHED, as `checkCsr`; rows and places are those of blocks.
 * @example
 * const rowPtr = Int32Array.of(0, 1);
 * const colIdx = Int32Array.of(1);
 * checkBsr({ rows: 1, cols: 4, blockShape: [1, 2], rowPtr, colIdx, values: Float32Array.of(5, 7) }); // [0 0 5 7]
 */
export function checkBsr(bsr: BsrMatrix): void {
  if (readSparse(bsr, 'bsr').blockShape === undefined) throw expected('ERR_LOWP_TYPE', 'a BsrMatrix', 'bsr', bsr);
}
