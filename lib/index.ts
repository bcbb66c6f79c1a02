/** lowp: exact low-precision matrix products for Node.js. Re-exports only. */
export { cast } from './ops/cast';
export { matmul, matmulAsync } from './ops/matmul';
export { PackedEmbeddings, packEmbeddings } from './ops/packEmbeddings';
export { PackedWeights, packWeights } from './ops/packWeights';
export { dequantize, quantize } from './ops/quantize';
export { quantizedMatmul, quantizedMatmulAsync } from './ops/quantizedMatmul';
export { quantizeEmbeddings } from './ops/quantizeEmbeddings';
export { searchEmbeddings, searchEmbeddingsAsync } from './ops/searchEmbeddings';
export { quantizeWeights } from './ops/quantizeWeights';
export { runtime } from './runtime';
export type { Cpu, Cuda, Isa, Kernel, Memory, Runtime } from './runtime';
export type { LowpError, LowpErrorCode } from './errors';
export type * from './types';
