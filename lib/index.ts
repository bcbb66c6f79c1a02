/** lowp: exact low-precision matrix products for Node.js. Re-exports only. */
export { matmul, matmulAsync } from './ops/matmul';
export { PackedEmbeddings, packEmbeddings } from './ops/packEmbeddings';
export { PackedSparse, packSparse } from './ops/packSparse';
export { PackedWeights, packWeights } from './ops/packWeights';
export { dequantize, quantize } from './ops/quantize';
export { quantizedMatmul, quantizedMatmulAsync } from './ops/quantizedMatmul';
export { quantizeEmbeddings } from './ops/quantizeEmbeddings';
export { searchEmbeddings, searchEmbeddingsAsync } from './ops/searchEmbeddings';
export { quantizeWeights } from './ops/quantizeWeights';
export { sparseMatmul, sparseMatmulAsync } from './ops/sparseMatmul';
export { checkBsr, checkCsr } from './sparse/check';
export { runtime } from './runtime';
export type { Cpu, Cuda, Isa, Kernel, Memory, Runtime } from './runtime';
export type { LowpError, LowpErrorCode } from './errors';
export type * from './types';
