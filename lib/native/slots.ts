/**
 * Numbers that native code and TypeScript agree on. They travel in a control block (control.ts), whose slots are named by the enums
 * below, which mirror native/addon/ctl.h (a test compares them). Reading one array costs less than reading a dozen properties.
 */

/** Changes whenever a signature or a control block does; a stale build is refused at load. */
export const BINDING_VERSION = 11;

/** What native code takes at most (kMaxThreads). */
export const MAX_THREADS = 256;

/** Slots shared by qgemm and sgemm. */
export const enum Gemm {
  batch,
  m,
  n,
  k,
  /** Row stride of a (of the stored matrix, also when it is transposed). */
  lda,
  batchStrideA,
  ldc,
  batchStrideC,
  /** See ActivationCode. */
  activation,
  /** Bounds of a clamp in real units; -Infinity and Infinity mean no activation. */
  min,
  max,
  /** Of leakyRelu. */
  alpha,
  /** Row stride of residual, of all batch * M rows alike. */
  ldResidual,
  /** Of an 8-bit residual. */
  scaleResidual,
  zeroResidual,
  /** 0: the default. */
  threads,
  /** Async only: `cancel()` takes it. */
  job,
  /** Async only: 1 if TypeScript allocated `out` for this call, so that nobody else can detach it. */
  ownsOut,
  /** sgemm only: a is stored [K, M]. */
  transposeA,
  /** qgemm only: see ActivationQuantization. */
  quantization,
  scaleA,
  zeroA,
  /** qgemm only, quantized output. */
  scaleOut,
  zeroOut,
  /** Sparse products only: the sparse operand stands on the right, transposed. */
  right,
  /** sgemm on the CUDA device only: operands may be rounded for its matrix units. */
  tensorCores,
  length,
}

export const enum ActivationCode {
  /** None and relu too. */
  clamp,
  leakyRelu,
  gelu,
  geluTanh,
  silu,
  sigmoid,
  tanh,
  hardswish,
  hardsigmoid,
  length,
}

export const enum ActivationQuantization {
  /** scaleA and zeroA hold for all of a. */
  perTensor,
  /** aScales and aZeros hold one value for each row (M of them, or batch * M). */
  perRow,
  /** a is float32, quantized in the call with one scale for all of it. */
  dynamicPerTensor,
  /** a is float32, quantized in the call row by row. */
  dynamicPerRow,
}

/** Slots of packQ and packF. */
export const enum Pack {
  k,
  n,
  /** Row stride of b as stored. */
  ldb,
  /** b is stored [N, K]. */
  transposeB,
  /** packF only: see StorageCode. */
  storage,
  length,
}

/** float32 from a Float32Array, the others from a Uint16Array that holds them or (packF) rounded from a Float32Array. */
export const enum StorageCode {
  float32,
  bfloat16,
  float16,
  length,
}

/** What arrays on the CUDA device hold. */
export const enum ElementCode {
  int8,
  uint8,
  int32,
  float32,
  uint16,
  length,
}

export const enum Cast {
  count,
  /** See StorageCode. */
  from,
  to,
  length,
}

/** Slots of packN, quantizeGroups and dequantizeGroups: weights [N, K] in groups. */
export const enum Group {
  k,
  n,
  /** 4 or 8. */
  bits,
  groupSize,
  /** quantizeGroups only: row stride of w as stored. */
  ldw,
  /** quantizeGroups only: w is stored [N, K]. */
  transposeB,
  length,
}

/** Slots of the convolutions: sizes of images, result and kernel. One spatial dimension: heights are 1. */
export const enum Conv {
  batch,
  channels,
  height,
  width,
  outChannels,
  outH,
  outW,
  kernelH,
  kernelW,
  strideH,
  strideW,
  dilationH,
  dilationW,
  padTop,
  padLeft,
  groups,
  /** Images and result are [N, H, W, C]. */
  nhwc,
  /** packConvF only: 2 or 4, the side of the tiles; 0: none. */
  winograd,
  length,
}

/** Slots of the poolings: sizes as those of Conv. */
export const enum Pool {
  /** 1: averages; 0: maxima. */
  average,
  countIncludePad,
  /** Images and result are [N, H, W, C]. */
  nhwc,
  batch,
  channels,
  height,
  width,
  outH,
  outW,
  kernelH,
  kernelW,
  strideH,
  strideW,
  dilationH,
  dilationW,
  padTop,
  padLeft,
  padBottom,
  padRight,
  /** Of averages of 8-bit values, with the three that follow. */
  scaleX,
  zeroX,
  scaleOut,
  zeroOut,
  /** 0: the default. */
  threads,
  /** Async only, as in Gemm. */
  job,
  ownsOut,
  length,
}

/** Slots of packSparse: a matrix of blocks (CSR: of 1x1). */
export const enum Sparse {
  /** Of values, multiples of the block's. */
  rows,
  cols,
  blockRows,
  blockCols,
  length,
}

/** Slots of the quantize family: x is seen as [outer, channels, inner], contiguous. */
export const enum Quantize {
  outer,
  channels,
  inner,
  /** quantizeParams only. */
  symmetric,
  /** quantizeParams only: 1 for int8, 0 for uint8. */
  signed,
  length,
}

/** Slots of svd: a is [m, n] float32, `lda` elements from row to row. */
export const enum Svd {
  m,
  n,
  lda,
  /** Of SvdCriterion.rank. */
  rank,
  /** See SvdCriterion. */
  criterion,
  /** Of the other criteria. */
  target,
  accurate,
  /** Below 0: the default. */
  oversample,
  powerIterations,
  seed,
  measure,
  /** 0: the default. */
  threads,
  /** svdAsync only: `cancel()` takes it. */
  job,
  length,
}

export const enum SvdCriterion {
  rank,
  energy,
  maxError,
  length,
}

/** What svd writes in front of the factors, as doubles. */
export const enum SvdReport {
  rank,
  energy,
  /** Below 0: not measured. */
  residual,
  converged,
  length,
}

/** Slots of the embeddings family: x is [rows, dimensions] float32, `ld` elements from row to row. */
export const enum Search {
  /** Of x, or of the codes to pack. */
  rows,
  dimensions,
  ld,
  queries,
  k,
  /** rescore only: candidates of each query. */
  candidates,
  /** 0: the default. */
  threads,
  /** searchAsync only: `cancel()` takes it. */
  job,
  length,
}
