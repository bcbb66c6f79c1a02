/** `lowp/reference`: the oracle. Plain loops, every rounding step written out; slow, and right. */
export { dequantize, quantize } from './quantize';
export { cast } from './cast';
export { matmul, matmulAsync } from './matmul';
export { quantizeWeights } from './groups';
export { PackedWeights, packWeights } from './packWeights';
export { quantizedMatmul, quantizedMatmulAsync } from './quantizedMatmul';
export { PackedSparse, packSparse } from './packSparse';
export { sparseMatmul, sparseMatmulAsync } from './sparseMatmul';
export { quantizeEmbeddings } from './embeddings';
export { PackedEmbeddings, packEmbeddings, searchEmbeddings, searchEmbeddingsAsync } from './search';
export type * from '../types';
