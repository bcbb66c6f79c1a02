/** `lowp/reference`: the oracle. Plain loops, every rounding step written out; slow, and right. */
export { dequantize, quantize } from './quantize';
export { cast } from './cast';
export { matmul, matmulAsync } from './matmul';
export { quantizeWeights } from './groups';
export { PackedWeights, packWeights } from './packWeights';
export { averagePool2d, globalAveragePool2d, maxPool2d } from './pool';
export { quantizedMatmul, quantizedMatmulAsync } from './quantizedMatmul';
export { PackedSparse, packSparse } from './packSparse';
export { sparseMatmul, sparseMatmulAsync } from './sparseMatmul';
export { foldBatchNorm } from './batchNorm';
export { conv2d, conv2dAsync, quantizedConv2d, quantizedConv2dAsync } from './conv';
export { PackedConv2d, packConv2d } from './packConv2d';
export { quantizeEmbeddings } from './embeddings';
export { PackedEmbeddings, packEmbeddings, searchEmbeddings, searchEmbeddingsAsync } from './search';
export { truncatedSvd, truncatedSvdAsync } from './svd';
export type * from '../types';
