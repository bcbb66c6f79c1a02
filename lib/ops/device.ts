import { expected, fromNative, type Caller } from '../errors';
import type { NumericArray, TensorArray } from '../native/binding';
import { allocateOnDevice, deviceHandle, isDeviceArray, noCuda, type DeviceTag } from '../native/deviceArray';
import { nativeBinding } from '../native/load';
import type { DeviceArray, DeviceElements, OnDevice, OnHost, Tensor } from '../types';
import { allocate, isTagged, tagOf } from '../validate/arrays';
import { checkTensor } from '../validate/options';
import { checkExtent, checkShape } from '../validate/shapes';
import { contiguous } from './contiguous';
import { awaitJob, nextJob } from './gemm';

const TAGS: readonly DeviceTag[] = ['Float32Array', 'Int32Array', 'Int8Array', 'Uint8Array', 'Uint16Array'];

type HostTensor = Tensor<DeviceElements>;

/**
 * A copy of a tensor in the memory of the CUDA device.
 *
 * `x` is any tensor of float32, int32, 8-bit or 16-bit values; what else it has (scale, zeroPoint, axis, dtype) stays as it is, its
 * shape too, and the copy is contiguous. Functions of lowp that get it run on the device and leave their results there, so that a chain
 * of calls copies nothing. The elements have been read when this returns; the copy itself may still be under way, in order before
 * whatever uses it. An array (a bias) may stand in place of the tensor. `dispose()` of `data` gives the memory back.
 *
 * @throws ERR_LOWP_TYPE, ERR_LOWP_SHAPE, ERR_LOWP_VALUE, ERR_LOWP_DETACHED; ERR_LOWP_UNSUPPORTED with the reason where there is no
 * device (see `runtime.cuda`); ERR_LOWP_NOMEM; ERR_LOWP_DEVICE.
 * @example
 * if (runtime.cuda.available) {
 *   const x = toDevice({ data: Float32Array.of(1, 2, 3, 4), shape: [2, 2] });
 *   console.log(toHost(matmul(x, x)).data); // Float32Array(4) [ 7, 10, 15, 22 ]
 *   x.data.dispose();
 * }
 */
export function toDevice<T extends DeviceElements>(x: T): DeviceArray<T>;
export function toDevice<X extends HostTensor>(x: X): OnDevice<X>;
export function toDevice(x: HostTensor | DeviceElements): unknown {
  return upload(x, toDevice);
}

/**
 * `toDevice`, resolved when the copy is complete.
 *
 * @throws Never: errors reject, with the codes of `toDevice`.
 * @example
 * if (runtime.cuda.available) {
 *   const x = await toDeviceAsync({ data: Float32Array.of(1, 2), shape: [2] });
 *   console.log(x.data.length); // 2
 * }
 */
export function toDeviceAsync<T extends DeviceElements>(x: T): Promise<DeviceArray<T>>;
export function toDeviceAsync<X extends HostTensor>(x: X): Promise<OnDevice<X>>;
export async function toDeviceAsync(x: HostTensor | DeviceElements): Promise<unknown> {
  const copied = upload(x, toDeviceAsync);
  const native = nativeBinding();
  if (native === undefined) throw noCuda();
  const job = nextJob();
  await awaitJob(native, job, native.cuda.finish(job), undefined, toDeviceAsync);
  return copied;
}

/**
 * A copy of a tensor of the CUDA device in an array of the host: waits for all calls that came before. What else the tensor has stays
 * as it is. `out` receives the elements. A DeviceArray may stand in place of the tensor.
 *
 * @throws ERR_LOWP_TYPE, ERR_LOWP_SHAPE, ERR_LOWP_DISPOSED, ERR_LOWP_DETACHED, ERR_LOWP_NOMEM, ERR_LOWP_UNSUPPORTED; ERR_LOWP_DEVICE
 * also where a call that came before failed on the device.
 * @example
 * if (runtime.cuda.available) {
 *   const x = toDevice({ data: Int8Array.of(-1, 0, 1), shape: [3] });
 *   console.log(toHost(x).data); // Int8Array(3) [ -1, 0, 1 ]
 * }
 */
export function toHost<T extends DeviceElements>(x: DeviceArray<T>, out?: T): T;
export function toHost<X extends Tensor<DeviceArray<DeviceElements>>>(x: X, out?: OnHost<X>['data']): OnHost<X>;
export function toHost(x: Tensor<DeviceArray<DeviceElements>> | DeviceArray<DeviceElements>, out?: unknown): unknown {
  const native = nativeBinding();
  if (native === undefined) throw noCuda();
  const { array, host, wrap } = prepareDownload(x, out);
  try {
    native.cuda.download(deviceHandle(array), host);
  } catch (thrown) {
    throw fromNative(thrown, toHost);
  }
  return wrap(host);
}

/**
 * `toHost` off the event loop: `out` is written when the promise resolves.
 *
 * @throws Never: errors reject, with the codes of `toHost`.
 * @example
 * if (runtime.cuda.available) {
 *   const x = toDevice({ data: Float32Array.of(1, 2, 3), shape: [3] });
 *   console.log((await toHostAsync(x)).data); // Float32Array(3) [ 1, 2, 3 ]
 * }
 */
export function toHostAsync<T extends DeviceElements>(x: DeviceArray<T>, out?: T): Promise<T>;
export function toHostAsync<X extends Tensor<DeviceArray<DeviceElements>>>(x: X, out?: OnHost<X>['data']): Promise<OnHost<X>>;
export async function toHostAsync(
  x: Tensor<DeviceArray<DeviceElements>> | DeviceArray<DeviceElements>,
  out?: unknown,
): Promise<unknown> {
  const native = nativeBinding();
  if (native === undefined) throw noCuda();
  const { array, host, wrap } = prepareDownload(x, out);
  const job = nextJob();
  let done: Promise<void>;
  try {
    done = native.cuda.downloadAsync(job, deviceHandle(array), host);
  } catch (thrown) {
    throw fromNative(thrown, toHostAsync);
  }
  await awaitJob(native, job, done, undefined, toHostAsync);
  return wrap(host);
}

function readTag(data: unknown, name: string): DeviceTag {
  const tag = TAGS.find((known) => isTagged(data, known));
  if (tag === undefined) throw expected('ERR_LOWP_TYPE', `one of ${TAGS.join(', ')}`, name, data);
  return tag;
}

function upload(x: unknown, caller: Caller): unknown {
  if (tagOf(x) !== undefined) return copyIn(x as DeviceElements, readTag(x, 'x'), caller);
  checkTensor(x, 'a tensor or a typed array', 'x');
  const tag = readTag(x.data, 'x.data');
  const { data, shape, strides, ...rest } = x as HostTensor;
  checkShape(shape, 'x.shape');
  const extent = checkExtent(data, shape, strides, 'x');
  const values = strides === undefined ? data.subarray(0, extent) : contiguous(data, shape, strides);
  return { ...rest, data: copyIn(values, tag, caller), shape: [...shape] };
}

function copyIn(data: DeviceElements, tag: DeviceTag, caller: Caller): DeviceArray<DeviceElements> {
  const array = allocateOnDevice<DeviceElements>(tag, data.length, caller);
  try {
    nativeBinding()?.cuda.upload(deviceHandle(array), data);
  } catch (thrown) {
    array.dispose();
    throw fromNative(thrown, caller);
  }
  return array;
}

interface Download {
  readonly array: DeviceArray<DeviceElements>;
  readonly host: TensorArray;
  /** The result with these elements. */
  readonly wrap: (host: TensorArray) => unknown;
}

function prepareDownload(x: unknown, out: unknown): Download {
  let array: unknown = x;
  let wrap: Download['wrap'] = (host) => host;
  if (!isDeviceArray(x)) {
    checkTensor(x, 'a tensor on the device or a DeviceArray', 'x');
    const { data, ...rest } = x;
    array = data;
    wrap = (host) => ({ ...rest, data: host });
  }
  if (!isDeviceArray(array)) throw expected('ERR_LOWP_TYPE', 'a DeviceArray', 'x.data', array);
  const { type, length } = array;
  if (out === undefined) return { array, host: allocate(type, length) as NumericArray, wrap };
  if (!isTagged(out, type)) throw expected('ERR_LOWP_TYPE', `a ${type}`, 'out', out);
  if (out.length !== length) throw expected('ERR_LOWP_SHAPE', `${length} elements (as many as x has)`, 'out', out);
  return { array, host: out, wrap };
}
