/** lowp: exact low-precision matrix products for Node.js. Re-exports only. */
export { cast } from './ops/cast';
export { lowRank } from './compress/lowRank';
export { magnitudePrune } from './compress/prune';
export { splitConv2d } from './compress/splitConv2d';
export { conv2d, conv2dAsync } from './ops/conv2d';
export { toDevice, toDeviceAsync, toHost, toHostAsync } from './ops/device';
export { foldBatchNorm } from './ops/foldBatchNorm';
export { matmul, matmulAsync } from './ops/matmul';
export { PackedConv2d, packConv2d } from './ops/packConv2d';
export { PackedEmbeddings, packEmbeddings } from './ops/packEmbeddings';
export { LowRankWeights } from './ops/lowRankWeights';
export { PackedSparse, packSparse } from './ops/packSparse';
export { PackedWeights, packWeights } from './ops/packWeights';
export {
  averagePool2d,
  averagePool2dAsync,
  globalAveragePool2d,
  globalAveragePool2dAsync,
  maxPool2d,
  maxPool2dAsync,
} from './ops/pool';
export { dequantize, quantize } from './ops/quantize';
export { quantizedConv2d, quantizedConv2dAsync } from './ops/quantizedConv2d';
export { quantizedMatmul, quantizedMatmulAsync } from './ops/quantizedMatmul';
export { quantizeEmbeddings } from './ops/quantizeEmbeddings';
export { searchEmbeddings, searchEmbeddingsAsync } from './ops/searchEmbeddings';
export { quantizeWeights } from './ops/quantizeWeights';
export { sparseMatmul, sparseMatmulAsync } from './ops/sparseMatmul';
export { truncatedSvd, truncatedSvdAsync } from './ops/truncatedSvd';
export { bsrFromCsr, bsrFromDense, bsrToDense } from './sparse/blocks';
export { checkBsr, checkCsr } from './sparse/check';
export { csrFromCoo, csrToCoo } from './sparse/coo';
export { csrFromCsc, csrToCsc, transposeCsr } from './sparse/csc';
export { csrFromDense, csrToDense } from './sparse/dense';
export { fromMatrixMarket } from './sparse/market';
export { toMatrixMarket } from './sparse/marketText';
export { quantizeCsr } from './sparse/quantized';
export { repairCsr } from './sparse/repair';
export { runtime } from './runtime';
export type { Cpu, Cuda, CudaDevice, CudaMemory, Isa, Kernel, Memory, Runtime } from './runtime';
export type { LowRankOptions } from './compress/lowRank';
export type { SplitConv2d, SplitConv2dOptions } from './compress/splitConv2d';
export type { PruneOptions, PruneResult, PruneStructure } from './compress/prune';
export type { BlockOptions } from './sparse/blocks';
export type { CsrFromCooOptions } from './sparse/coo';
export type { CsrFromDenseOptions } from './sparse/dense';
export type { ToMatrixMarketOptions } from './sparse/marketText';
export type { QuantizeCsrOptions } from './sparse/quantized';
export type { RepairCsrOptions } from './sparse/repair';
export type { LowpError, LowpErrorCode } from './errors';
export type * from './types';
