import { expected, fromNative, lowpError } from '../errors';
import { Svd, SvdCriterion, SvdReport } from '../native/slots';
import { makeControl, type Control } from '../native/control';
import { bindingFor } from '../native/cuda';
import { isDeviceArray } from '../native/deviceArray';
import { nativeBinding } from '../native/load';
import * as reference from '../reference';
import type { AsyncOptions, DeviceTensor, Tensor, TruncatedSvd, TruncatedSvdOptions } from '../types';
import { allocate, isElements } from '../validate/arrays';
import { checkKeys, checkTensor, readBoolean, readDevice, readName, readSignal, readThreads } from '../validate/options';
import { checkExtent, checkShape, leadingDimension } from '../validate/shapes';
import { awaitJob, nextJob } from './gemm';

const CRITERIA = ['rank', 'energy', 'maxError', 'parameterBudget'] as const;
const KEYS: ReadonlySet<string> = new Set([
  ...CRITERIA,
  ...['mode', 'oversample', 'powerIterations', 'seed', 'measureResidual', 'threads', 'device'],
]);
const ASYNC_KEYS: ReadonlySet<string> = new Set([...KEYS, 'signal']);
const MODES = ['accurate', 'fast'] as const;
/** Floats that the report takes. */
const REPORT = (SvdReport.length * Float64Array.BYTES_PER_ELEMENT) / Float32Array.BYTES_PER_ELEMENT;

/** A checked call. */
interface Call {
  readonly control: Control;
  readonly a: Float32Array;
  readonly m: number;
  readonly n: number;
  /** The largest rank that may come out. */
  readonly most: number;
  readonly cuda: boolean;
}

/**
 * The largest singular values of a matrix and their vectors: a ~ u * diag(s) * vt.
 *
 * `a` is a float32 Tensor [m, n] of finite values, of any shape with at least one element. Exactly one option says what is kept:
 * `rank` triplets; `energy`, the fewest that keep this share of the sum of squares; `maxError`, the fewest with
 * ||a - u diag(s) vt|| <= maxError * ||a|| (Frobenius), which is measured, not estimated; or `parameterBudget`, as many as
 * `rank * (m + n)` numbers allow. Returns `u` [m, r] and `vt` [r, n], orthonormal to about 1e-6 for any matrix (also one of lower rank:
 * s is then 0 within rounding), `s` [r] descending, the `energy` kept, with `measureResidual` the `residual`, and `converged`.
 *
 * Randomized block Krylov iteration on float32 products with float64 sums where digits would be lost. `'accurate'` (default) extends the
 * search space until the error is within 1e-6 of the smallest possible for the rank, by the rate at which the last blocks gained, or
 * 1e-7 * ||a||, which is what float32 can tell; where that takes more than 6 * rank + 256 columns (spectra that hardly decay) or `oversample`
 * sets the space, `converged` may be false. `'fast'` takes a fixed space: for power-law spectra the error is about 5e-3 above the
 * smallest, as with two power iterations of the usual randomized method.
 *
 * The same bits for any `threads`; another `seed` (or instruction set) gives another result within the same errors. The start is uniform
 * in [-1, 1): the upper 24 bits of SplitMix64 with state `seed`. Signs: in each column of u the entry of largest magnitude (the first
 * of equal ones) is positive. Twice the memory of `a` is taken for the time of the call.
 *
 * Sources: Halko, Martinsson, Tropp, Finding structure with randomness, 2011; Musco, Musco, Randomized block Krylov methods, 2015.
 *
 * @throws ERR_LOWP_TYPE, ERR_LOWP_SHAPE, ERR_LOWP_VALUE (also NaN or infinities in `a`), ERR_LOWP_DETACHED, ERR_LOWP_UNSUPPORTED
 * (`device`, or no native binary), ERR_LOWP_NOMEM.
 * @example
 * const a = { data: Float32Array.of(3, 0, 0, 0, 0, 2), shape: [2, 3] };
 * const { u, s, vt, energy } = truncatedSvd(a, { rank: 1 });
 * console.log(s.data, u.data, vt.data, energy); // about 3, 1 0, 1 0 0 and 9 / 13
 */
export function truncatedSvd(a: Tensor<Float32Array> | DeviceTensor, options: TruncatedSvdOptions): TruncatedSvd {
  const backend = nativeBinding();
  const call = prepare(a, options, KEYS);
  const native = bindingFor(backend, call.cuda);
  if (native === undefined) return reference.truncatedSvd(a as Tensor<Float32Array>, options);
  const out = outOf(call);
  try {
    native.svd(call.control.bytes, call.a, out);
  } catch (thrown) {
    throw fromNative(thrown, truncatedSvd);
  }
  return resultOf(call, out);
}

/**
 * `truncatedSvd` off the event loop. `a` is copied before the call returns. `signal` cancels: the promise rejects with its reason.
 *
 * @throws Never: argument errors reject, with the codes of `truncatedSvd`.
 * @example
 * const a = { data: Float32Array.of(1, 2, 2, 4), shape: [2, 2] };
 * const { s, residual } = await truncatedSvdAsync(a, { rank: 1, measureResidual: true });
 * console.log(s.data, residual); // about 5 and 0: the rows are multiples of each other
 */
export async function truncatedSvdAsync(
  a: Tensor<Float32Array> | DeviceTensor,
  options: TruncatedSvdOptions & AsyncOptions,
): Promise<TruncatedSvd> {
  const backend = nativeBinding();
  checkKeys(options, ASYNC_KEYS, 'options');
  const signal = readSignal(options?.signal);
  if (signal?.aborted === true) throw signal.reason;
  const call = prepare(a, options, ASYNC_KEYS);
  const native = bindingFor(backend, call.cuda);
  if (native === undefined) return reference.truncatedSvd(a as Tensor<Float32Array>, options);
  const out = outOf(call);
  const job = nextJob();
  call.control.slots[Svd.job] = job;
  let done: Promise<void>;
  try {
    done = native.svdAsync(call.control.bytes, call.a, out);
  } catch (thrown) {
    throw fromNative(thrown, truncatedSvdAsync);
  }
  await awaitJob(native, job, done, signal, truncatedSvdAsync);
  return resultOf(call, out);
}

function outOf({ m, n, most }: Call): Float32Array {
  return allocate('Float32Array', REPORT + most * (m + n + 1));
}

function resultOf({ m, n }: Call, out: Float32Array): TruncatedSvd {
  const report = new Float64Array(out.buffer, 0, SvdReport.length);
  const rank = report[SvdReport.rank];
  const s = REPORT + m * rank;
  return {
    u: { data: out.slice(REPORT, s), shape: [m, rank] },
    s: { data: out.slice(s, s + rank), shape: [rank] },
    vt: { data: out.slice(s + rank, s + rank + rank * n), shape: [rank, n] },
    energy: report[SvdReport.energy],
    residual: report[SvdReport.residual] < 0 ? undefined : report[SvdReport.residual],
    converged: report[SvdReport.converged] !== 0,
  };
}

function prepare(a: unknown, options: TruncatedSvdOptions, keys: ReadonlySet<string>): Call {
  if (options === undefined) throw expected('ERR_LOWP_TYPE', 'an object', 'options', options);
  checkKeys(options, keys, 'options');
  checkTensor(a, 'a float32 Tensor', 'a');
  const { data, shape, strides }: Partial<Record<keyof Tensor<unknown>, unknown>> = a;
  if (!isElements(data, 'Float32Array')) throw expected('ERR_LOWP_TYPE', 'a Float32Array', 'a.data', data);
  checkShape(shape, 'a.shape');
  if (shape.length !== 2) throw expected('ERR_LOWP_SHAPE', 'two dimensions', 'a.shape', shape);
  const [m, n] = shape;
  if (m === 0 || n === 0) throw expected('ERR_LOWP_SHAPE', 'at least one row and column', 'a.shape', shape);
  checkExtent(data, shape, strides, 'a');

  const control = makeControl(Svd.length);
  const ctl = control.slots;
  ctl[Svd.m] = m;
  ctl[Svd.n] = n;
  ctl[Svd.lda] = leadingDimension(shape, strides);
  const most = writeCriterion(ctl, options, m, n);
  const { mode, oversample, powerIterations, seed, measureResidual, threads, device } = options;
  ctl[Svd.accurate] = mode === undefined || readName(mode, MODES, 'options.mode') === 'accurate' ? 1 : 0;
  ctl[Svd.oversample] = oversample === undefined ? -1 : readCount(oversample, 2 ** 31 - 1, 'options.oversample');
  ctl[Svd.powerIterations] =
    powerIterations === undefined ? -1 : readCount(powerIterations, 2 ** 31 - 1, 'options.powerIterations');
  ctl[Svd.seed] = seed === undefined ? 0 : readCount(seed, Number.MAX_SAFE_INTEGER, 'options.seed');
  ctl[Svd.measure] = readBoolean(measureResidual, 'options.measureResidual') ? 1 : 0;
  ctl[Svd.threads] = readThreads(threads, 'options.threads');
  return { control, a: data, m, n, most, cuda: readDevice(device, isDeviceArray(data) ? true : undefined) };
}

/** Writes what is kept and returns the largest rank that can come of it. */
function writeCriterion(ctl: Float64Array, options: TruncatedSvdOptions, m: number, n: number): number {
  const given = CRITERIA.filter((name) => options[name] !== undefined);
  if (given.length !== 1) {
    const names = given.length === 0 ? 'none' : given.join(' and ');
    throw lowpError('ERR_LOWP_VALUE', `Expected one of ${CRITERIA.join(', ')} in options but received ${names}`);
  }
  const [name] = given;
  const value: unknown = options[name];
  const path = `options.${name}`;
  const most = Math.min(m, n);
  if (typeof value !== 'number') throw expected('ERR_LOWP_TYPE', 'a number', path, value);
  if (name === 'rank') {
    if (!Number.isInteger(value) || value < 1 || value > most) {
      throw expected('ERR_LOWP_VALUE', `an integer from 1 to ${most} (the smaller of m and n)`, path, value);
    }
    ctl[Svd.rank] = value;
    return value;
  }
  if (name === 'parameterBudget') {
    if (!(value >= m + n)) throw expected('ERR_LOWP_VALUE', `at least ${m + n} (m + n, the numbers of rank 1)`, path, value);
    return (ctl[Svd.rank] = Math.min(most, Math.floor(value / (m + n))));
  }
  const fits = value <= 1 && (name === 'energy' ? value > 0 : value >= 0);
  if (!fits) throw expected('ERR_LOWP_VALUE', name === 'energy' ? 'above 0, up to 1' : 'from 0 to 1', path, value);
  ctl[Svd.criterion] = name === 'energy' ? SvdCriterion.energy : SvdCriterion.maxError;
  ctl[Svd.target] = value;
  return most;
}

function readCount(value: unknown, most: number, name: string): number {
  if (typeof value !== 'number') throw expected('ERR_LOWP_TYPE', 'a number', name, value);
  if (!Number.isInteger(value) || value < 0 || value > most) {
    throw expected('ERR_LOWP_VALUE', `an integer from 0 to ${most}`, name, value);
  }
  return value;
}
