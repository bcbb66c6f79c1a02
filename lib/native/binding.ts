/**
 * The type of lowp.node. Native code checks again whatever could corrupt memory; everything a person reads is made in
 * lib/validate/. On failure a native function throws (or rejects with) a plain `{ code, message }`. `ctl` is a control block with the
 * slots of slots.ts.
 */
import type { FloatDtype } from '../types';

export type Typed8 = Int8Array | Uint8Array;
export type NumericArray = Typed8 | Int32Array | Float32Array;
/** What any tensor may hold: of 16 bits only the weights of sgemm and what `cast` converts. */
export type TensorArray = NumericArray | Uint16Array;

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

export interface NativeCudaDevice {
  readonly name: string;
  readonly ordinal: number;
  readonly devices: number;
  readonly capability: string;
  readonly multiprocessors: number;
  readonly driver: string;
  readonly runtime: string;
  readonly totalBytes: number;
  readonly freeBytes: number;
  readonly emulated: boolean;
}

export interface NativeCudaMemory {
  readonly usedBytes: number;
  readonly cachedBytes: number;
  readonly peakBytes: number;
  /** 0: none. */
  readonly limitBytes: number;
}

/** Functions that also run on the CUDA device, where arrays may be handles of `allocate`. */
export type CudaFunction =
  | 'packQ'
  | 'packF'
  | 'packN'
  | 'packSparse'
  | 'packConvF'
  | 'packConvQ'
  | 'qgemm'
  | 'qgemmAsync'
  | 'sgemm'
  | 'sgemmAsync'
  | 'nbits'
  | 'nbitsAsync'
  | 'sparse'
  | 'sparseAsync'
  | 'conv'
  | 'convAsync'
  | 'pool'
  | 'poolAsync'
  | 'svd'
  | 'svdAsync'
  | 'cast'
  | 'quantizeParams'
  | 'quantize'
  | 'dequantize';

/** Everything but `describe`, `memory` and `trim` opens the device, and throws ERR_LOWP_UNSUPPORTED where there is none. */
export interface NativeCuda extends Pick<NativeBinding, CudaFunction> {
  /** `device` or the reason why not. */
  describe(): { readonly reason: string; readonly device?: NativeCudaDevice };
  /** type: an ElementCode. */
  allocate(type: number, length: number): NativeHandle;
  /** Queued; `from` has been read. */
  upload(array: NativeHandle, from: TensorArray): void;
  download(array: NativeHandle, out: TensorArray): void;
  downloadAsync(job: number, array: NativeHandle, out: TensorArray): Promise<void>;
  /** When all that is queued has run. */
  finish(job: number): Promise<void>;
  memory(): NativeCudaMemory;
  /** Bytes; 0: no limit. */
  setLimit(bytes: number): void;
  /** Gives what is cached back to the device. */
  trim(): void;
}

export interface NativeBinding {
  readonly version: number;
  readonly cuda: NativeCuda;
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
  /** Slots of Pool; both arrays are contiguous. */
  pool(ctl: Uint8Array, x: Float32Array | Typed8, out: Float32Array | Typed8): void;
  poolAsync(...args: Parameters<NativeBinding['pool']>): Promise<void>;
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
