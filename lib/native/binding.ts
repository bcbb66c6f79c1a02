/**
 * The type of lowp.node. Native code checks again whatever could corrupt memory; everything a person reads is made in
 * lib/validate/. On failure a native function throws (or rejects with) a plain `{ code, message }`.
 *
 * Numbers travel in a control block (control.ts), whose slots are named by the enums below, which mirror native/addon/ctl.h (a test
 * compares them). Reading one array costs less than reading a dozen properties.
 */
import type { FloatDtype } from '../types';

/** Changes whenever a signature or a control block does; a stale build is refused at load. */
export const BINDING_VERSION = 8;

/** What native code takes at most (kMaxThreads). */
export const MAX_THREADS = 256;

export type Typed8 = Int8Array | Uint8Array;
export type NumericArray = Typed8 | Int32Array | Float32Array;
/** What any tensor may hold: of 16 bits only the weights of sgemm and what `cast` converts. */
export type TensorArray = NumericArray | Uint16Array;

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

export interface NativeCpu {
  readonly vendor: string;
  readonly model: string;
  readonly arch: string;
  /** Bytes; 0 where unknown. */
  readonly l1d: number;
  readonly l2: number;
  readonly l3: number;
  readonly cores: number;
}

export interface NativeIsa {
  readonly name: string;
  readonly built: boolean;
  readonly supported: boolean;
}

export interface NativeKernel {
  readonly family: string;
  readonly name: string;
  readonly isa: string;
  readonly supported: boolean;
  /** The one that the current ISA setting picks. */
  readonly selected: boolean;
}

export interface NativeMemory {
  readonly packedHandles: number;
  readonly packedBytes: number;
  readonly asyncPending: number;
}

/** What weights are once they are packed; 'int8' stands for all 8-bit ones. */
export type PackedDtype = 'int4' | 'int8' | FloatDtype;

/** What a packed handle answers. dtype: 'int8' also of embeddings, 'binary' only of them. */
export interface NativeHandleInfo {
  /** Dimensions, of embeddings. */
  readonly k: number;
  /** Rows, of embeddings. */
  readonly n: number;
  readonly bytes: number;
  readonly kernel: string;
  readonly isa: string;
  readonly dtype: PackedDtype | 'binary';
  /** 0: the weights are not in groups. */
  readonly groupSize: number;
}

declare const brand: unique symbol;

/** Packed weights or embeddings in native memory, which goes when this is collected or given to `dispose`: a napi_external. */
export interface NativeHandle {
  readonly [brand]: never;
}

export interface NativeBinding {
  readonly version: number;
  cpu(): NativeCpu;
  /** Best first. */
  isas(): NativeIsa[];
  kernels(): NativeKernel[];
  /** Unknown, not built or unsupported names throw. '' returns to detection. */
  setIsa(name: string): void;
  getIsa(): string;
  setThreads(n: number): void;
  getThreads(): number;
  memory(): NativeMemory;

  /** scales and zeros: 1 or N elements. */
  packQ(ctl: Uint8Array, b: Typed8, scales: Float32Array, zeros: Int32Array): NativeHandle;
  packF(ctl: Uint8Array, b: Float32Array | Uint16Array): NativeHandle;
  packN(ctl: Uint8Array, data: Uint8Array, scales: Float32Array, zeros: Uint8Array | undefined): NativeHandle;
  /**
   * Of two handles of packQ or two of packF, the columns of the first being the rows of the second: for qgemm or sgemm, which multiply
   * by both. It holds what is in them, so they may be disposed of.
   */
  packLowRank(first: NativeHandle, second: NativeHandle): NativeHandle;
  /** Idempotent; safe while an async call uses the weights. */
  dispose(handle: NativeHandle): void;
  handleInfo(handle: NativeHandle): NativeHandleInfo;

  qgemm(
    ctl: Uint8Array,
    a: NumericArray,
    b: NativeHandle,
    out: NumericArray,
    bias?: Float32Array | Int32Array,
    aScales?: Float32Array,
    aZeros?: Int32Array,
    residual?: Float32Array | Typed8,
  ): void;
  qgemmAsync(...args: Parameters<NativeBinding['qgemm']>): Promise<void>;
  sgemm(
    ctl: Uint8Array,
    a: Float32Array,
    b: NativeHandle,
    out: Float32Array,
    bias?: Float32Array,
    residual?: Float32Array,
  ): void;
  sgemmAsync(...args: Parameters<NativeBinding['sgemm']>): Promise<void>;
  /** Weights in groups; float32 in and out. */
  nbits(...args: Parameters<NativeBinding['sgemm']>): void;
  nbitsAsync(...args: Parameters<NativeBinding['nbits']>): Promise<void>;
  /** Of int8 values with scales (1, or one for each row), of float32 ones without. */
  packSparse(
    ctl: Uint8Array,
    rowPtr: Int32Array,
    colIdx: Int32Array,
    values: Float32Array | Int8Array,
    scales?: Float32Array,
  ): NativeHandle;
  /**
   * Slots of Gemm, `a` being the dense operand. On the right m and k are its rows and columns and n the rows of the sparse matrix; on
   * the left m is the rows of the sparse matrix, k its columns, and n the columns of `a`. bias: one for each row of the sparse matrix.
   */
  sparse(ctl: Uint8Array, a: NumericArray, matrix: NativeHandle, out: NumericArray, bias?: Float32Array | Int32Array): void;
  sparseAsync(...args: Parameters<NativeBinding['sparse']>): Promise<void>;
  cast(ctl: Uint8Array, x: Float32Array | Uint16Array, out: Float32Array | Uint16Array): void;
  /** w: contiguous [outChannels, channels / groups, kernelH, kernelW]. Of the slots: outChannels, channels, kernelH, kernelW, groups. */
  packConvF(sizes: Uint8Array, w: Float32Array): NativeHandle;
  /** scales and zeros: 1 or outChannels elements. */
  packConvQ(sizes: Uint8Array, w: Typed8, scales: Float32Array, zeros: Int32Array): NativeHandle;
  /**
   * ctl: slots of Gemm, of which it takes activation and its parameters, scaleA and zeroA of x, those of residual and out, threads, and
   * job and ownsOut. All arrays are contiguous, residual like the result.
   */
  conv(
    ctl: Uint8Array,
    sizes: Uint8Array,
    x: NumericArray,
    weights: NativeHandle,
    out: NumericArray,
    bias?: Float32Array | Int32Array,
    residual?: Float32Array | Typed8,
  ): void;
  convAsync(...args: Parameters<NativeBinding['conv']>): Promise<void>;
  /** True if the job was still queued or running; its promise then rejects with code ERR_LOWP_ABORTED. */
  cancel(job: number): boolean;

  /** Ranges of x, then scale and zero point per channel. */
  quantizeParams(ctl: Uint8Array, x: Float32Array, scales: Float32Array, zeros: Int32Array): void;
  quantize(ctl: Uint8Array, x: Float32Array, scales: Float32Array, zeros: Int32Array, out: Typed8): void;
  dequantize(ctl: Uint8Array, q: Typed8, scales: Float32Array, zeros: Int32Array, out: Float32Array): void;

  /** Smallest and largest finite value of each dimension; 0 and 0 where it has none. */
  embeddingRanges(ctl: Uint8Array, x: Float32Array, min: Float32Array, max: Float32Array): void;
  /** int8 into an Int8Array (centre and step: 1 or `dimensions` elements), bits into a Uint8Array. */
  quantizeEmbeddings(ctl: Uint8Array, x: Float32Array, out: Typed8, centre?: Float32Array, step?: Float32Array): void;
  /** int8 from an Int8Array, binary from a Uint8Array. */
  packEmbeddings(ctl: Uint8Array, codes: Typed8): NativeHandle;
  /** out: the rows of the hits [queries, k], then their scores [queries, k] (sums of products, or distances). */
  search(ctl: Uint8Array, codes: Typed8, corpus: NativeHandle, out: Int32Array): void;
  searchAsync(...args: Parameters<NativeBinding['search']>): Promise<void>;
  /** The k best of each query's candidates by float32 dot product. */
  rescore(
    ctl: Uint8Array,
    queries: Float32Array,
    x: Float32Array,
    candidates: Int32Array,
    rows: Int32Array,
    scores: Float32Array,
  ): void;

  /**
   * out: as doubles the report (the bytes of two floats each), then u [m, r], s [r] and vt [r, n]; room for the rank asked for, or for
   * min(m, n).
   */
  svd(ctl: Uint8Array, a: Float32Array, out: Float32Array): void;
  svdAsync(...args: Parameters<NativeBinding['svd']>): Promise<void>;

  /** Without zeros: symmetric. */
  quantizeGroups(
    ctl: Uint8Array,
    w: Float32Array,
    data: Uint8Array,
    scales: Float32Array,
    zeros: Uint8Array | undefined,
  ): void;
  /** out: [N, K] */
  dequantizeGroups(
    ctl: Uint8Array,
    data: Uint8Array,
    scales: Float32Array,
    zeros: Uint8Array | undefined,
    out: Float32Array,
  ): void;

  /** Operations per second of one core in a register-only loop of the ISA's own instructions; 0 where there is none. */
  peak(kind: 'int8' | 'float32', isa: string, milliseconds: number): number;
  /** Bytes per second that one core reads from a buffer of this size, over and over; 0 where there is no loop for it. */
  bandwidth(bytes: number, milliseconds: number): number;
}
