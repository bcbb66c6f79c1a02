/** The native binding itself, for tests that go round lib/validate. */
import { Gemm, Group, Pack, type NativeBinding } from '../../lib/native/binding';
import { nativeBinding } from '../../lib/native/load';

export function binding(): NativeBinding {
  const native = nativeBinding();
  if (native === undefined) throw new Error('Expected the native backend but LOWP_BACKEND chose the reference');
  return native;
}

/** Slots by name over those of a [m, k] x [k, n] product with contiguous arrays. */
export function gemmControl(
  m: number,
  n: number,
  k: number,
  over: Partial<Record<keyof typeof Gemm, number>> = {},
): Float64Array {
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
  const ctl = new Float64Array(Gemm.length);
  for (const [name, value] of Object.entries({ ...slots, ...over })) ctl[SLOT[name]] = value;
  return ctl;
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
};

export function packControl(k: number, n: number, ldb = n, transposeB = 0, storage = 0): Float64Array {
  const ctl = new Float64Array(Pack.length);
  ctl[Pack.k] = k;
  ctl[Pack.n] = n;
  ctl[Pack.ldb] = ldb;
  ctl[Pack.transposeB] = transposeB;
  ctl[Pack.storage] = storage;
  return ctl;
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
export function groupControl(k: number, n: number, over: Partial<Record<keyof typeof Group, number>> = {}): Float64Array {
  const ctl = new Float64Array(Group.length);
  for (const [name, value] of Object.entries({ k, n, bits: 4, groupSize: 32, ldw: n, ...over })) ctl[GROUP_SLOT[name]] = value;
  return ctl;
}

export function packedGroups(k: number, n: number): object {
  const holder = {};
  const groups = Math.ceil(k / 32);
  const data = new Uint8Array(n * groups * 16).fill(0x99);
  binding().packN(holder, groupControl(k, n), data, new Float32Array(n * groups).fill(1), undefined);
  return holder;
}

export function packedBytes(k: number, n: number): object {
  const holder = {};
  binding().packQ(holder, packControl(k, n), new Int8Array(k * n).fill(1), Float32Array.of(1), Int32Array.of(0));
  return holder;
}

export function packedFloats(k: number, n: number, storage = 0): object {
  const holder = {};
  binding().packF(holder, packControl(k, n, n, 0, storage), new Float32Array(k * n).fill(1));
  return holder;
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
