import { expected, fromNative } from '../errors';
import { Cast } from '../native/slots';
import { makeControl } from '../native/control';
import { bindingFor } from '../native/cuda';
import { isDeviceArray } from '../native/deviceArray';
import { nativeBinding } from '../native/load';
import * as reference from '../reference';
import type {
  CastOptions,
  DeviceOptions,
  DeviceTensor,
  Float16Tensor,
  FloatDtype,
  FloatTensor,
  OnDevice,
  Tensor,
} from '../types';
import { allocate, checkAlias, isElements, tooShort } from '../validate/arrays';
import { FLOAT_DTYPES, readFloats, storageCode } from '../validate/floats';
import { checkKeys, checkTensor, readName } from '../validate/options';
import { checkCount, checkExtent, checkShape } from '../validate/shapes';
import { contiguous } from './contiguous';
import { deviceOf } from './gemm';

const KEYS: ReadonlySet<string> = new Set(['dtype', 'out', 'device']);

/**
 * Converts between float32, bfloat16 and float16.
 *
 * `x` is a float32 Tensor or a Float16Tensor of any shape; the result has the same shape, is contiguous and of `dtype`:
 * `'float32'` (a Tensor), `'bfloat16'` or `'float16'` (a Float16Tensor, whose Uint16Array holds the bits). Fewer bits are rounded to
 * the nearest value, ties to even; what is beyond the largest (65504 of float16) becomes infinite; subnormal values are kept. More
 * bits are exact. NaN stays NaN. `out` receives the values.
 *
 * Source: ONNX Cast; IEEE 754, roundTiesToEven.
 *
 * @throws ERR_LOWP_TYPE, ERR_LOWP_SHAPE, ERR_LOWP_VALUE, ERR_LOWP_ALIAS, ERR_LOWP_DETACHED; ERR_LOWP_UNSUPPORTED where there is no
 * native binary.
 * @example
 * const half = cast({ data: Float32Array.of(1, -2, 0.1), shape: [3] }, { dtype: 'float16' });
 * console.log(half.data); // Uint16Array(3) [ 15360, 49152, 11878 ]
 * console.log(cast(half, { dtype: 'float32' }).data); // Float32Array(3) [ 1, -2, 0.0999755859375 ]
 */
export function cast<D extends FloatDtype>(x: Tensor<Float32Array> | Float16Tensor, options: CastOptions<D>): FloatTensor<D>;
export function cast<D extends FloatDtype>(
  x: DeviceTensor | OnDevice<Float16Tensor>,
  options: DeviceOptions<CastOptions<D>>,
): OnDevice<FloatTensor<D>>;
export function cast(x: Tensor<unknown>, options: CastOptions | DeviceOptions<CastOptions>): unknown {
  const backend = nativeBinding();
  checkKeys(options, KEYS, 'options');
  const dtype = readName(options?.dtype, FLOAT_DTYPES, 'options.dtype');
  checkTensor(x, 'a float32 Tensor or a Float16Tensor', 'x');
  const { data, dtype: given } = readFloats(x, 'x');
  const native = bindingFor(backend, deviceOf(options.device, data, {}, options.out));
  const { shape: givenShape, strides } = x;
  checkShape(givenShape, 'x.shape');
  const shape = [...givenShape];
  checkExtent(data, shape, strides, 'x');
  const count = checkCount(shape, 'x.shape');

  const tag = dtype === 'float32' ? 'Float32Array' : 'Uint16Array';
  const { out: givenOut } = options;
  const out = givenOut === undefined ? allocate(tag, count, isDeviceArray(data)) : givenOut;
  if (givenOut !== undefined) {
    if (!isElements(out, tag)) throw expected('ERR_LOWP_TYPE', `a ${tag} (dtype is '${dtype}')`, 'options.out', out);
    if (out.length < count) throw tooShort(out, count, 'one per value of x', 'options.out');
    checkAlias(out, data, 'x');
  }
  if (native === undefined) return reference.cast(x as Float16Tensor, { dtype, out: out as Uint16Array });

  const { slots, bytes } = makeControl(Cast.length);
  slots[Cast.count] = count;
  slots[Cast.from] = storageCode(given);
  slots[Cast.to] = storageCode(dtype);
  try {
    native.cast(bytes, contiguous(data, shape, strides), out as Float32Array | Uint16Array);
  } catch (thrown) {
    throw fromNative(thrown, cast);
  }
  return dtype === 'float32' ? { data: out as Float32Array, shape } : { data: out as Uint16Array, shape, dtype };
}
