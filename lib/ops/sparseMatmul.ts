import { expected, fromNative, type Caller } from '../errors';
import type { NativeBinding, NativeHandle, NumericArray } from '../native/binding';
import { Gemm } from '../native/slots';
import { bindingFor } from '../native/cuda';
import { nativeBinding } from '../native/load';
import * as reference from '../reference';
import type { AsyncOptions, DeviceOptions, MatmulOutput, OnDevice, QuantizedMatmulResult, SparseMatmulOptions } from '../types';
import { checkKeys, readSignal } from '../validate/options';
import { contiguous } from './contiguous';
import { awaitJob, writeJob } from './gemm';
import { matrixOf, packSparseForCall } from './packSparse';
import { handleOf } from './packed';
import type { DeviceInput, Input } from './qgemm';
import { KEYS, prepareSparse, readSide, type Sparse, type SparseCall } from './sparse';

const ASYNC_KEYS: ReadonlySet<string> = new Set([...KEYS, 'signal']);

type Operand = Sparse | Input | DeviceInput;
type Options = SparseMatmulOptions | DeviceOptions<SparseMatmulOptions>;
type Left<O> = SparseMatmulOptions & { readonly side?: 'left'; readonly output?: O };
type Right<O> = SparseMatmulOptions & { readonly side: 'right'; readonly output?: O };

/**
 * Product of a sparse and a dense matrix: y[m, n] = sum over the stored elements k of the sparse operand.
 *
 * On the left (default) `a` is sparse, [M, K], and `b` dense, [K, N]: y = a * b, [M, N]; [M] for a vector `b` [K]. With
 * `side: 'right'` `a` is dense, [..., M, K], and `b` sparse, [N, K], as the pruned weights of a linear layer are:
 * y = a * transposed b, [..., M, N]; [N] for a vector `a` [K]. The sparse operand is a CsrMatrix, a BsrMatrix or the result of
 * `packSparse`; the structure of one that is not packed is checked at each call.
 *
 * float32 values take a float32 Tensor and give float32, within eps * (elements of the longest row + 1) * max|a| * max|b| * 2. int8
 * values take a QuantizedTensor with one scale and zero point, or a float32 Tensor, which is quantized to uint8 inside the call
 * (`activations`: `'perRow'` on the right by default, else `'perTensor'`); sums of value * (dense - zeroPoint) are exact in int32,
 * and `output`, `activation` and rounding are as in `quantizedMatmul`: the result is equal to its, of the same matrix with its zeros.
 * `bias` has one value per row of the sparse matrix. `out` and `outStride` place the result.
 *
 * Only stored elements count: a NaN or infinity of the dense operand reaches the result where it meets one, be it a stored zero.
 *
 * @throws ERR_LOWP_TYPE, ERR_LOWP_SHAPE, ERR_LOWP_VALUE (also where a row has so many elements that the sum could leave int32; the
 * message has the bound), ERR_LOWP_ALIAS (`out` overlaps an input), ERR_LOWP_DETACHED, ERR_LOWP_DISPOSED, ERR_LOWP_HANDLE,
 * ERR_LOWP_UNSUPPORTED (`device`, or no native binary), ERR_LOWP_NOMEM.
 * @example
 * const weights = csrFromDense({ data: Float32Array.of(0, 2, 0, 1, 0, -1), shape: [2, 3] });
 * const x = { data: Float32Array.of(1, 2, 3), shape: [1, 3] };
 * console.log(sparseMatmul(x, weights, { side: 'right' }).data); // Float32Array(2) [ 4, -2 ]
 */
export function sparseMatmul<O extends MatmulOutput = 'float32'>(
  a: Sparse,
  b: Input,
  options?: Left<O>,
): QuantizedMatmulResult<O>;
export function sparseMatmul<O extends MatmulOutput = 'float32'>(
  a: Input,
  b: Sparse,
  options: Right<O>,
): QuantizedMatmulResult<O>;
export function sparseMatmul<O extends MatmulOutput = 'float32'>(
  a: Sparse,
  b: DeviceInput,
  options?: DeviceOptions<Left<O>>,
): OnDevice<QuantizedMatmulResult<O>>;
export function sparseMatmul<O extends MatmulOutput = 'float32'>(
  a: DeviceInput,
  b: Sparse,
  options: DeviceOptions<Right<O>>,
): OnDevice<QuantizedMatmulResult<O>>;
export function sparseMatmul(a: Operand, b: Operand, options?: Options): unknown {
  const backend = nativeBinding();
  const side = readSide(options);
  const call = prepareSparse(side, a, b, options, KEYS);
  const native = bindingFor(backend, call.cuda);
  if (call.empty) return call.result;
  const dense = (side === 'left' ? b : a) as Input;
  if (native === undefined) runReference(call, dense, { ...(options as SparseMatmulOptions), side });
  else withHandle(native, call, sparseMatmul, (handle) => native.sparse(...argumentsOf(call, handle)));
  return call.result;
}

/**
 * `sparseMatmul` off the event loop. The dense operand and a matrix that is not packed are copied before the call returns, so the
 * caller may change them at once; `out` is written when the promise resolves. `signal` cancels: the promise rejects with its reason.
 *
 * @throws Never: argument errors reject, with the codes of `sparseMatmul`; also ERR_LOWP_DETACHED where `out` was detached meanwhile.
 * @example
 * const matrix = csrFromDense({ data: Float32Array.of(0, 2, 0, 1, 0, -1), shape: [2, 3] });
 * const y = await sparseMatmulAsync(matrix, { data: Float32Array.of(1, 2, 3), shape: [3] });
 * console.log(y.data); // Float32Array(2) [ 4, -2 ]
 */
export function sparseMatmulAsync<O extends MatmulOutput = 'float32'>(
  a: Sparse,
  b: Input,
  options?: Left<O> & AsyncOptions,
): Promise<QuantizedMatmulResult<O>>;
export function sparseMatmulAsync<O extends MatmulOutput = 'float32'>(
  a: Input,
  b: Sparse,
  options: Right<O> & AsyncOptions,
): Promise<QuantizedMatmulResult<O>>;
export function sparseMatmulAsync<O extends MatmulOutput = 'float32'>(
  a: Sparse,
  b: DeviceInput,
  options?: DeviceOptions<Left<O>> & AsyncOptions,
): Promise<OnDevice<QuantizedMatmulResult<O>>>;
export function sparseMatmulAsync<O extends MatmulOutput = 'float32'>(
  a: DeviceInput,
  b: Sparse,
  options: DeviceOptions<Right<O>> & AsyncOptions,
): Promise<OnDevice<QuantizedMatmulResult<O>>>;
export async function sparseMatmulAsync(a: Operand, b: Operand, options?: Options & AsyncOptions): Promise<unknown> {
  const backend = nativeBinding();
  checkKeys(options, ASYNC_KEYS, 'options');
  const signal = readSignal(options?.signal);
  if (signal?.aborted === true) throw signal.reason;
  const side = readSide(options);
  const call = prepareSparse(side, a, b, options, ASYNC_KEYS);
  const native = bindingFor(backend, call.cuda);
  if (call.empty) return call.result;
  const dense = (side === 'left' ? b : a) as Input;
  if (native === undefined) {
    runReference(call, dense, { ...(options as SparseMatmulOptions), side });
    return call.result;
  }
  const job = writeJob(call.control.slots, call.ownsOut);
  const start = (handle: NativeHandle): Promise<void> => native.sparseAsync(...argumentsOf(call, handle));
  await awaitJob(native, job, withHandle(native, call, sparseMatmulAsync, start), signal, sparseMatmulAsync);
  return call.result;
}

/** Runs `body` with the caller's handle, or with one that lives for this call. A job holds on to what it needs. */
function withHandle<T>(native: NativeBinding, { sparse }: SparseCall, caller: Caller, body: (handle: NativeHandle) => T): T {
  const handle = 'rowPtr' in sparse ? packSparseForCall(native, sparse, caller) : handleOf(sparse, native);
  try {
    return body(handle);
  } catch (thrown) {
    throw fromNative(thrown, caller);
  } finally {
    if ('rowPtr' in sparse) native.dispose(handle);
  }
}

function argumentsOf({ control, side, dense, out, bias }: SparseCall, handle: NativeHandle): Parameters<NativeBinding['sparse']> {
  control.slots[Gemm.right] = side === 'right' ? 1 : 0;
  return [control.bytes, joinBatch(control.slots, dense), handle, out, bias];
}

/** Matrices of a batch as the rows of one: where they do not follow each other as rows do, copied. */
function joinBatch(ctl: Float64Array, dense: NumericArray): NumericArray {
  const [batch, m, k, lda, stride] = [ctl[Gemm.batch], ctl[Gemm.m], ctl[Gemm.k], ctl[Gemm.lda], ctl[Gemm.batchStrideA]];
  if (batch === 1) return dense;
  ctl[Gemm.batch] = 1;
  ctl[Gemm.m] = batch * m;
  if (stride === m * lda) return dense;
  ctl[Gemm.lda] = k;
  return contiguous(dense, [batch, m, k], [stride, lda, 1]);
}

function runReference({ sparse, out }: SparseCall, dense: Input, options: SparseMatmulOptions): void {
  const matrix = 'rowPtr' in sparse ? matrixOf(sparse) : sparse.oracle;
  if (matrix === undefined) throw expected('ERR_LOWP_HANDLE', 'a matrix packed by this backend', 'the sparse operand', sparse);
  if (options.side === 'right') reference.sparseMatmul<MatmulOutput>(dense, matrix, { ...options, side: 'right', out });
  else reference.sparseMatmul<MatmulOutput>(matrix, dense, { ...options, side: 'left', out });
}
