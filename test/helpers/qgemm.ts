/** Cases of the 8-bit product: a title says all about a case, its hash seeds the data, and the oracle runs once for all ISAs. */
import {
  packWeights,
  quantizedMatmul,
  quantizedMatmulAsync,
  type Activation,
  type MatmulOutput,
  type QuantizedMatmulOptions,
  type QuantizedTensor,
  type Tensor,
} from 'lowp';
import * as reference from 'lowp/reference';
import { expectSame } from './compare';
import { Random } from './random';

/** Narrow: within 64 of the middle, with many at the ends of that. */
export type Fill = 'random' | 'min/min' | 'min/max' | 'max/min' | 'max/max' | 'random/narrow' | 'max/narrow';

export interface QGemmCase {
  readonly m: number;
  readonly n: number;
  readonly k: number;
  /** Leading dimensions of a. */
  readonly batch?: readonly number[];
  readonly a: 'u8' | 's8' | 'f32';
  readonly b: 'u8' | 's8';
  /** Of a and of b. */
  readonly fill?: Fill;
  /** 'row' and 'col': a scale and zero point for each. */
  readonly za?: number | 'row';
  readonly zb?: number | 'col';
  /** Of float32 activations. */
  readonly per?: 'perTensor' | 'perRow';
  /** NaN, infinities and a row of zeros among float32 activations. */
  readonly special?: boolean;
  /** Powers of two as scales, which make ties. */
  readonly pow2?: boolean;
  readonly padA?: number;
  readonly padBatch?: number;
  readonly padB?: number;
  readonly padC?: number;
  readonly padR?: number;
  readonly transposeB?: boolean;
  readonly packed?: boolean;
  readonly bias?: 'f32' | 's32';
  readonly act?: 'relu' | 'clamp' | 'max' | 'leakyRelu' | Exclude<Activation, object>;
  readonly residual?: 'f32' | 'u8' | 's8' | 'array';
  readonly output: 'f32' | 's32' | 'u8' | 's8';
  /** A preallocated result, longer than needed. */
  readonly out?: boolean;
  readonly threads?: number;
}

export function titleOf(c: QGemmCase): string {
  const words = [`M${c.m} N${c.n} K${c.k} ${c.a} x ${c.b} -> ${c.output}`];
  if (c.batch !== undefined) words.push(`batch${c.batch.join('x')}`);
  if (c.fill !== undefined) words.push(c.fill);
  if (c.za !== undefined) words.push(`za${c.za}`);
  if (c.zb !== undefined) words.push(`zb${c.zb}`);
  if (c.per !== undefined) words.push(c.per);
  if (c.special === true) words.push('special');
  if (c.pow2 === true) words.push('pow2');
  if (c.padA !== undefined) words.push(`lda+${c.padA}`);
  if (c.padBatch !== undefined) words.push(`batchStride+${c.padBatch}`);
  if (c.padB !== undefined) words.push(`ldb+${c.padB}`);
  if (c.padC !== undefined) words.push(`ldc+${c.padC}`);
  if (c.padR !== undefined) words.push(`ldr+${c.padR}`);
  if (c.transposeB === true) words.push('transposeB');
  if (c.packed === true) words.push('packed');
  if (c.bias !== undefined) words.push(`bias ${c.bias}`);
  if (c.act !== undefined) words.push(c.act);
  if (c.residual !== undefined) words.push(`residual ${c.residual}`);
  if (c.out === true) words.push('out');
  if (c.threads !== undefined) words.push(`threads${c.threads}`);
  return words.join(' ');
}

interface Arguments {
  readonly a: Tensor<Float32Array> | QuantizedTensor;
  readonly b: QuantizedTensor;
  readonly options: QuantizedMatmulOptions & { readonly output: MatmulOutput };
  /** Elements from the first to the last of the result. */
  readonly extent: number;
}

const LOW = { u8: 0, s8: -128 } as const;

/** The values of one operand, in an array that starts at an odd element and ends with the last one; what lies between rows is noise. */
function bytes(r: Random, type: 'u8' | 's8', length: number, fill: string): Int8Array | Uint8Array {
  const raw = r.bytes(length + 3);
  if (fill === 'narrow') raw.forEach((x, i) => (raw[i] = LOW[type] + 128 + Math.min(Math.max(x - 128, -64), 64)));
  else if (fill !== 'random') raw.fill(LOW[type] + (fill === 'max' ? 255 : 0));
  return (type === 'u8' ? raw : new Int8Array(raw.buffer, 0, raw.length)).subarray(3);
}

function scaleFrom(r: Random, pow2: boolean | undefined): number {
  return pow2 === true ? 2 ** r.int(-8, -6) : Math.fround(r.real(0.5, 2) / 128);
}

function makeA(c: QGemmCase, r: Random): Tensor<Float32Array> | QuantizedTensor {
  const batch = c.batch ?? [];
  const lda = Math.max(c.k + (c.padA ?? 0), 1);
  const shape = [...batch, c.m, c.k];
  const strides = [lda, 1];
  let stride = Math.max(c.m * lda + (c.padBatch ?? 0), 1);
  for (let d = batch.length - 1; d >= 0; stride *= batch[d], d--) strides.unshift(stride);
  const length = shape.includes(0) ? 0 : shape.reduce((end, size, d) => end + (size - 1) * strides[d], 1);
  const view = c.padA === undefined && c.padBatch === undefined ? { shape } : { shape, strides };

  if (c.a === 'f32') {
    const spread = 2 ** r.int(-3, 3);
    const data = r.fill(new Float32Array(length + 1), () => r.normal() * spread).subarray(1);
    if (c.special === true) {
      for (let i = r.int(0, 9); i < length; i += r.int(5, 60)) data[i] = r.pick([NaN, Infinity, -Infinity, 0, 1e-40]);
      data.fill(0, 0, Math.min(c.k, length));
    }
    return { data, ...view };
  }
  const [fillA] = (c.fill ?? 'random').split('/');
  const data = bytes(r, c.a, length, fillA);
  const low = LOW[c.a];
  if (c.za !== 'row') return { data, ...view, scale: scaleFrom(r, c.pow2), zeroPoint: c.za ?? (c.a === 'u8' ? 128 : 0) };
  const scale = r.fill(new Float32Array(c.m), () => scaleFrom(r, c.pow2));
  const zeroPoint = r.fill(new Int32Array(c.m), () => r.pick([low, low + 255, r.int(low, low + 255)]));
  return { data, ...view, scale, zeroPoint, axis: batch.length };
}

function makeB(c: QGemmCase, r: Random): QuantizedTensor {
  const shape = c.transposeB === true ? [c.n, c.k] : [c.k, c.n];
  const ldb = Math.max(shape[1] + (c.padB ?? 0), 1);
  const length = shape.includes(0) ? 0 : (shape[0] - 1) * ldb + shape[1];
  const view = c.padB === undefined ? { shape } : { shape, strides: [ldb, 1] };
  const [fillA, fillB = fillA] = (c.fill ?? 'random').split('/');
  const data = bytes(r, c.b, length, fillB);
  const low = LOW[c.b];
  if (c.zb !== 'col') return { data, ...view, scale: scaleFrom(r, c.pow2), zeroPoint: c.zb ?? (c.b === 'u8' ? 128 : 0) };
  const scale = r.fill(new Float32Array(c.n), () => scaleFrom(r, c.pow2));
  const zeros = r.fill(new Int32Array(c.n), () => r.pick([low, low + 255, r.int(low, low + 255)]));
  const zeroPoint = r.chance(0.5) ? zeros : c.b === 'u8' ? Uint8Array.from(zeros) : Int8Array.from(zeros);
  return { data, ...view, scale, zeroPoint, axis: c.transposeB === true ? 0 : -1 };
}

/** Of about the size of the real values; noise lies between its rows. */
function makeResidual(c: QGemmCase, r: Random, real: number): QuantizedMatmulOptions['residual'] {
  const shape = [...(c.batch ?? []), c.m, c.n];
  const ld = Math.max(c.n + (c.residual === 'array' ? 0 : (c.padR ?? 0)), 1);
  const rows = shape.slice(0, -1).reduce((p, size) => p * size, 1);
  const length = rows === 0 || c.n === 0 ? 0 : (rows - 1) * ld + c.n;
  const strides = shape.map((_, d) => (d === shape.length - 1 ? 1 : shape.slice(d + 1, -1).reduce((p, size) => p * size, ld)));
  const view = c.padR === undefined ? { shape } : { shape, strides };
  if (c.residual === undefined) return undefined;
  if (c.residual === 'u8' || c.residual === 's8') {
    const zeroPoint = r.int(LOW[c.residual], LOW[c.residual] + 255);
    return { data: bytes(r, c.residual, length, 'random'), ...view, scale: Math.fround(real / 64), zeroPoint };
  }
  const data = r.fill(new Float32Array(length + 1), () => r.normal() * real).subarray(1);
  if (c.special === true) for (let i = r.int(0, 9); i < length; i += r.int(5, 60)) data[i] = r.pick([NaN, Infinity, -Infinity]);
  return c.residual === 'array' ? data : { data, ...view };
}

function activationOf(c: QGemmCase, r: Random, real: number): Activation | undefined {
  if (c.act === 'clamp') return { min: -real * r.next(), max: real * r.next() };
  if (c.act === 'max') return { max: real * r.next() };
  return c.act === 'leakyRelu' ? { type: 'leakyRelu', alpha: r.real(-0.5, 0.5) } : c.act;
}

function makeArguments(c: QGemmCase): Arguments {
  const r = new Random(titleOf({ ...c, threads: undefined, packed: undefined }));
  const a = makeA(c, r);
  const b = makeB(c, r);
  // Standard deviation of the sums of random bytes, in their own units and in real ones.
  const units = 5476 * Math.sqrt(c.k + 1);
  const real = units / 128 / (c.a === 'f32' ? 1 : 128);
  const bias =
    c.bias === undefined
      ? undefined
      : c.bias === 'f32'
        ? r.floats(c.n, real)
        : r.fill(new Int32Array(c.n), () => Math.round(r.normal() * units));
  const activation = activationOf(c, r, real);
  const residual = makeResidual(c, r, real);
  // Results that fill the range, and overflow it now and then.
  const scale = c.pow2 === true ? 2 ** Math.round(Math.log2(real / 64)) : Math.fround((real / 64) * r.real(0.3, 3));
  const zeroPoint = c.output === 'u8' ? r.pick([0, 128, 255, r.int(0, 255)]) : r.pick([0, -128, 127, r.int(-128, 127)]);
  const output: MatmulOutput =
    c.output === 'f32'
      ? 'float32'
      : c.output === 's32'
        ? 'int32'
        : { dtype: c.output === 'u8' ? 'uint8' : 'int8', scale, zeroPoint };
  const rows = (c.batch ?? []).reduce((p, size) => p * size, c.m);
  const ldc = c.n + (c.padC ?? 0);
  const options: QuantizedMatmulOptions & { output: MatmulOutput } = {
    output,
    ...(bias !== undefined && { bias }),
    ...(activation !== undefined && { activation }),
    ...(residual !== undefined && { residual }),
    ...(c.transposeB === true && { transposeB: true }),
    ...(c.per !== undefined && { activations: c.per }),
    ...(c.padC !== undefined && { outStride: ldc }),
  };
  return { a, b, options, extent: rows === 0 || c.n === 0 ? 0 : (rows - 1) * ldc + c.n };
}

/** A result to write into, if the case wants one: what no kernel should touch holds 77. */
function outOf(c: QGemmCase, extent: number): Pick<QuantizedMatmulOptions, 'out'> {
  if (c.out !== true && c.padC === undefined) return {};
  const length = extent + 5;
  const out =
    c.output === 'f32'
      ? new Float32Array(length)
      : c.output === 's32'
        ? new Int32Array(length)
        : c.output === 'u8'
          ? new Uint8Array(length)
          : new Int8Array(length);
  return { out: out.fill(77) };
}

type Result = Tensor<Float32Array | Int32Array | Int8Array | Uint8Array>;

const oracle = new Map<string, Result>();

function expected(c: QGemmCase, { a, b, options, extent }: Arguments): Result {
  const title = titleOf({ ...c, threads: undefined, packed: undefined });
  const known = oracle.get(title);
  if (known !== undefined) return known;
  const result = reference.quantizedMatmul(a, b, { ...options, ...outOf(c, extent) });
  oracle.set(title, result);
  return result;
}

function compare(c: QGemmCase, got: Result, want: Result, how: string): void {
  const title = `${titleOf(c)}${how}`;
  expectSame(got.data, want.data, title);
  const { data: gotData, ...gotRest } = got;
  const { data: wantData, ...wantRest } = want;
  if (gotData.constructor.name !== wantData.constructor.name) throw new Error(`${title}: ${gotData.constructor.name}`);
  if (JSON.stringify(gotRest) !== JSON.stringify(wantRest)) {
    throw new Error(`${title}: ${JSON.stringify(gotRest)}, expected ${JSON.stringify(wantRest)}`);
  }
}

/** Runs a case with the current ISA and throws, with its title, unless it equals the oracle. */
export function check(c: QGemmCase): void {
  const args = makeArguments(c);
  const want = expected(c, args);
  const options = { ...args.options, ...outOf(c, args.extent), ...(c.threads !== undefined && { threads: c.threads }) };
  if (c.packed !== true) {
    compare(c, quantizedMatmul(args.a, args.b, options), want, '');
    return;
  }
  using packed = packWeights(args.b, { transposeB: c.transposeB ?? false });
  compare(c, quantizedMatmul(args.a, packed, options), want, '');
}

/** The same through the asynchronous form; the inputs are spoilt while it runs, which must not matter. */
export async function checkAsync(c: QGemmCase): Promise<void> {
  const { a, b, options: given, extent } = makeArguments(c);
  const want = expected(c, { a, b, options: given, extent });
  const options = { ...given, ...outOf(c, extent), ...(c.threads !== undefined && { threads: c.threads }) };
  const packed = c.packed === true ? packWeights(b, { transposeB: c.transposeB ?? false }) : undefined;
  const done = quantizedMatmulAsync(a, packed ?? b, options);
  packed?.dispose();
  a.data.fill(1);
  b.data.fill(1);
  options.bias?.fill(1);
  const { residual } = options;
  if (residual !== undefined) ('data' in residual ? residual.data : residual).fill(1);
  compare(c, await done, want, ' async');
}
