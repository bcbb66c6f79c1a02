/** Reading and making sparse matrices, for every conversion. */
import { expected } from '../errors';
import { readSparse, type SparseArrays, type SparseScale } from '../validate/sparse';

/** A CsrMatrix, checked. */
export function readCsr(csr: unknown, name = 'csr'): SparseArrays {
  const read = readSparse(csr, name);
  if (read.blockShape !== undefined) throw expected('ERR_LOWP_TYPE', 'a CsrMatrix', name, csr);
  return read;
}

/** A BsrMatrix, checked. */
export function readBsr(bsr: unknown, name = 'bsr'): SparseArrays & { readonly blockShape: readonly [number, number] } {
  const read = readSparse(bsr, name);
  const { blockShape } = read;
  if (blockShape === undefined) throw expected('ERR_LOWP_TYPE', 'a BsrMatrix', name, bsr);
  return { ...read, blockShape };
}

/** The matrix with a scale of its own, where it has one. */
export function withScale<M extends object>(matrix: M, scale: SparseScale): M & { scale?: number | Float32Array } {
  if (scale === undefined) return matrix;
  return { ...matrix, scale: typeof scale === 'number' ? scale : scale.slice() };
}
