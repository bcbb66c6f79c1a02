/** The native binding itself, for tests that go round lib/validate. */
import type { NativeBinding, NativeHandle } from '../../lib/native/binding';
import { Conv, Gemm, Group, Pack, Pool, Sparse } from '../../lib/native/slots';
import { makeControl } from '../../lib/native/control';
import { nativeBinding } from '../../lib/native/load';

export function binding(): NativeBinding {
  const native = nativeBinding();
  if (native === undefined) throw new Error('Expected the native backend but LOWP_BACKEND chose the reference');
  return native;
}

/** Slots by name over those of a [m, k] x [k, n] product with contiguous arrays. */
export function gemmControl(m: number, n: number, k: number, over: Partial<Record<keyof typeof Gemm, number>> = {}): Uint8Array {
  const slots = {
    batch: 1,
    m,
    n,
    k,
    lda: k,
    ldc: n,
    batchStrideC: m * n,
    min: -Infinity,
    max: Infinity,
    scaleA: 1,
    scaleOut: 1,
    ldResidual: n,
    scaleResidual: 1,
  };
  const ctl = makeControl(Gemm.length);
  for (const [name, value] of Object.entries({ ...slots, ...over })) ctl.slots[SLOT[name]] = value;
  return ctl.bytes;
}

// Spelled out: a const enum has no object to look names up in under every compiler.
const SLOT: Readonly<Record<string, number>> = {
  batch: Gemm.batch,
  m: Gemm.m,
  n: Gemm.n,
  k: Gemm.k,
  lda: Gemm.lda,
  batchStrideA: Gemm.batchStrideA,
  ldc: Gemm.ldc,
  batchStrideC: Gemm.batchStrideC,
  activation: Gemm.activation,
  min: Gemm.min,
  max: Gemm.max,
  alpha: Gemm.alpha,
  ldResidual: Gemm.ldResidual,
  scaleResidual: Gemm.scaleResidual,
  zeroResidual: Gemm.zeroResidual,
  threads: Gemm.threads,
  job: Gemm.job,
  ownsOut: Gemm.ownsOut,
  transposeA: Gemm.transposeA,
  quantization: Gemm.quantization,
  scaleA: Gemm.scaleA,
  zeroA: Gemm.zeroA,
  scaleOut: Gemm.scaleOut,
  zeroOut: Gemm.zeroOut,
  right: Gemm.right,
};

export function packControl(k: number, n: number, ldb = n, transposeB = 0, storage = 0): Uint8Array {
  const { slots, bytes } = makeControl(Pack.length);
  slots[Pack.k] = k;
  slots[Pack.n] = n;
  slots[Pack.ldb] = ldb;
  slots[Pack.transposeB] = transposeB;
  slots[Pack.storage] = storage;
  return bytes;
}

const GROUP_SLOT: Readonly<Record<string, number>> = {
  k: Group.k,
  n: Group.n,
  bits: Group.bits,
  groupSize: Group.groupSize,
  ldw: Group.ldw,
  transposeB: Group.transposeB,
};

/** [n, k] of 4 bits in groups of 32. */
export function groupControl(k: number, n: number, over: Partial<Record<keyof typeof Group, number>> = {}): Uint8Array {
  const { slots, bytes } = makeControl(Group.length);
  for (const [name, value] of Object.entries({ k, n, bits: 4, groupSize: 32, ldw: n, ...over })) slots[GROUP_SLOT[name]] = value;
  return bytes;
}

export function packedGroups(k: number, n: number): NativeHandle {
  const groups = Math.ceil(k / 32);
  const data = new Uint8Array(n * groups * 16).fill(0x99);
  return binding().packN(groupControl(k, n), data, new Float32Array(n * groups).fill(1), undefined);
}

export type ConvSizes = Partial<Record<keyof typeof Conv, number>>;

const CONV_SLOT: Readonly<Record<string, number>> = {
  batch: Conv.batch,
  channels: Conv.channels,
  height: Conv.height,
  width: Conv.width,
  outChannels: Conv.outChannels,
  outH: Conv.outH,
  outW: Conv.outW,
  kernelH: Conv.kernelH,
  kernelW: Conv.kernelW,
  strideH: Conv.strideH,
  strideW: Conv.strideW,
  dilationH: Conv.dilationH,
  dilationW: Conv.dilationW,
  padTop: Conv.padTop,
  padLeft: Conv.padLeft,
  groups: Conv.groups,
  nhwc: Conv.nhwc,
};

/** Strides and dilations of 1, no padding. */
export function convControl(sizes: ConvSizes): Uint8Array {
  const { slots, bytes } = makeControl(Conv.length);
  const ones = { strideH: 1, strideW: 1, dilationH: 1, dilationW: 1 };
  for (const [name, value] of Object.entries({ ...ones, ...sizes })) slots[CONV_SLOT[name]] = value;
  return bytes;
}

export type PoolSlots = Partial<Record<keyof typeof Pool, number>>;

const POOL_SLOT: Readonly<Record<string, number>> = {
  average: Pool.average,
  countIncludePad: Pool.countIncludePad,
  nhwc: Pool.nhwc,
  batch: Pool.batch,
  channels: Pool.channels,
  height: Pool.height,
  width: Pool.width,
  outH: Pool.outH,
  outW: Pool.outW,
  kernelH: Pool.kernelH,
  kernelW: Pool.kernelW,
  strideH: Pool.strideH,
  strideW: Pool.strideW,
  dilationH: Pool.dilationH,
  dilationW: Pool.dilationW,
  padTop: Pool.padTop,
  padLeft: Pool.padLeft,
  padBottom: Pool.padBottom,
  padRight: Pool.padRight,
  scaleX: Pool.scaleX,
  zeroX: Pool.zeroX,
  scaleOut: Pool.scaleOut,
  zeroOut: Pool.zeroOut,
  threads: Pool.threads,
  job: Pool.job,
};

/** Of a row of 4, every other size and scale 1, no padding. */
export function poolControl(over: PoolSlots): Uint8Array {
  const { slots, bytes } = makeControl(Pool.length);
  const plain = { batch: 1, channels: 1, height: 1, width: 4, outH: 1, outW: 1, kernelH: 1, kernelW: 1, scaleX: 1, scaleOut: 1 };
  const ones = { strideH: 1, strideW: 1, dilationH: 1, dilationW: 1 };
  for (const [name, value] of Object.entries({ ...plain, ...ones, ...over })) slots[POOL_SLOT[name]] = value;
  return bytes;
}

/** Weights of ones. */
export function packedConv(sizes: ConvSizes, values: 'float32' | 'int8'): NativeHandle {
  const { channels = 1, outChannels = 1, kernelH = 1, kernelW = 1, groups = 1 } = sizes;
  const count = (outChannels * channels * kernelH * kernelW) / groups;
  const ctl = convControl(sizes);
  if (values === 'float32') return binding().packConvF(ctl, new Float32Array(count).fill(1));
  return binding().packConvQ(ctl, new Int8Array(count).fill(1), Float32Array.of(1), Int32Array.of(0));
}

export function sparseControl(rows: number, cols: number, blockRows = 1, blockCols = 1): Uint8Array {
  const { slots, bytes } = makeControl(Sparse.length);
  slots[Sparse.rows] = rows;
  slots[Sparse.cols] = cols;
  slots[Sparse.blockRows] = blockRows;
  slots[Sparse.blockCols] = blockCols;
  return bytes;
}

/** [rows, cols] with everything stored. */
export function packedSparse(rows: number, cols: number, values: 'float32' | 'int8'): NativeHandle {
  const rowPtr = Int32Array.from({ length: rows + 1 }, (_, row) => row * cols);
  const colIdx = Int32Array.from({ length: rows * cols }, (_, i) => i % cols);
  const ctl = sparseControl(rows, cols);
  if (values === 'float32') return binding().packSparse(ctl, rowPtr, colIdx, new Float32Array(rows * cols).fill(1));
  return binding().packSparse(ctl, rowPtr, colIdx, new Int8Array(rows * cols).fill(1), Float32Array.of(1));
}

export function packedBytes(k: number, n: number): NativeHandle {
  return binding().packQ(packControl(k, n), new Int8Array(k * n).fill(1), Float32Array.of(1), Int32Array.of(0));
}

export function packedFloats(k: number, n: number, storage = 0): NativeHandle {
  return binding().packF(packControl(k, n, n, 0, storage), new Float32Array(k * n).fill(1));
}

/** Numbers as a control block. */
export function controlOf(...numbers: number[]): Uint8Array {
  return new Uint8Array(Float64Array.from(numbers).buffer);
}

/** True for what native code throws and rejects with: nothing else may come out of it. */
export function isNativeFailure(thrown: unknown): thrown is { code: string; message: string } {
  if (typeof thrown !== 'object' || thrown === null || Object.prototype.toString.call(thrown) !== '[object Object]') return false;
  const { code, message }: { code?: unknown; message?: unknown } = thrown;
  return typeof code === 'string' && /^ERR_LOWP_[A-Z]+$/.test(code) && typeof message === 'string' && message.length > 10;
}

/** The call must fail with this code, as native code does; a string goes without its prefix. */
export function expectFailure(call: () => unknown, code: string | RegExp): void {
  let thrown: unknown = 'nothing';
  try {
    call();
  } catch (error) {
    thrown = error;
  }
  expect({ thrown, isNativeFailure: isNativeFailure(thrown) }).toMatchObject({
    thrown: { code: typeof code === 'string' ? `ERR_LOWP_${code}` : expect.stringMatching(code) },
    isNativeFailure: true,
  });
}
