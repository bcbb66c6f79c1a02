import { expected, fromNative, lowpError, type Caller } from '../errors';
import type { NativeBinding, Typed8 } from '../native/binding';
import { Quantize } from '../native/slots';
import { makeControl, type Control } from '../native/control';
import { bindingFor } from '../native/cuda';
import { isDeviceArray } from '../native/deviceArray';
import { nativeBinding } from '../native/load';
import * as reference from '../reference';
import type {
  DequantizeOptions,
  DeviceOptions,
  DeviceQuantizedTensor,
  DeviceTensor,
  GroupQuantizedTensor,
  QuantizedArray,
  QuantizedDtype,
  QuantizedTensor,
  QuantizeOptions,
  Tensor,
} from '../types';
import { allocate, checkAlias, isElements, isElements8, tooShort } from '../validate/arrays';
import { groupControl, isGrouped, readGroups } from '../validate/groups';
import { checkKeys, checkOnlyCpu, checkTensor, readBoolean, readName } from '../validate/options';
import { readAxis, readScale, readScales, readZeroPoint, readZeroPoints } from '../validate/quantization';
import { checkCount, checkExtent, checkShape } from '../validate/shapes';
import { contiguous } from './contiguous';
import { deviceOf } from './gemm';

const QUANTIZE_KEYS: ReadonlySet<string> = new Set([
  'dtype',
  'axis',
  'symmetric',
  'reduceRange',
  'scale',
  'zeroPoint',
  'out',
  'device',
]);
/** By how much `reduceRange` makes the steps larger. */
const REDUCED = 127 / 64;
const DEQUANTIZE_KEYS: ReadonlySet<string> = new Set(['out', 'device']);

/**
 * Rounds float32 values to 8 bits: q = saturate(round(x / scale) + zeroPoint), ties to even.
 *
 * `x` has any shape; the result has the same. `dtype` is `'int8'` (default) or `'uint8'`. With `axis`, each index of that
 * dimension has its own scale and zero point (a Float32Array and an Int32Array in the result), else one number each. They are
 * computed from the finite values of x, so that real zero is exact: `symmetric` (default for int8) puts the zero point in the
 * middle and makes scale = max|x| / 127; asymmetric (default for uint8) covers [min, max]. `reduceRange` (symmetric int8) multiplies
 * that scale by 127 / 64: values between -64 and 64, of which AVX2 makes exact sums faster. `scale` and `zeroPoint` may be given
 * instead. NaN becomes the zero point; infinities saturate. `out` receives the values.
 *
 * Source: ONNX QuantizeLinear and DynamicQuantizeLinear; `reduceRange` as in onnxruntime's quantizer (reduce_range).
 *
 * @throws ERR_LOWP_TYPE, ERR_LOWP_SHAPE, ERR_LOWP_VALUE, ERR_LOWP_ALIAS, ERR_LOWP_DETACHED; ERR_LOWP_UNSUPPORTED where there is no
 * native binary.
 * @example
 * const q = quantize({ data: Float32Array.of(-1, 0, 0.5, 1.27), shape: [4] }, { dtype: 'int8' });
 * console.log(q.data, q.zeroPoint); // Int8Array(4) [ -100, 0, 50, 127 ] 0 (q.scale is 0.01 as float32)
 */
export function quantize<D extends QuantizedDtype = 'int8'>(
  x: Tensor<Float32Array>,
  options?: QuantizeOptions & { readonly dtype?: D },
): QuantizedTensor<QuantizedArray<D>>;
export function quantize<D extends QuantizedDtype = 'int8'>(
  x: DeviceTensor,
  options?: DeviceOptions<QuantizeOptions> & { readonly dtype?: D },
): DeviceQuantizedTensor<QuantizedArray<D>>;
export function quantize(x: Tensor<unknown>, options?: QuantizeOptions | DeviceOptions<QuantizeOptions>): unknown {
  const backend = nativeBinding();
  checkKeys(options, QUANTIZE_KEYS, 'options');
  const { dtype: givenDtype, axis: givenAxis, symmetric: givenSymmetric, scale, zeroPoint, out: givenOut } = options ?? {};
  const dtype = givenDtype === undefined ? 'int8' : readName(givenDtype, ['int8', 'uint8'], 'options.dtype');
  const symmetric = givenSymmetric === undefined ? dtype === 'int8' : readBoolean(givenSymmetric, 'options.symmetric');
  const reduceRange = readBoolean(options?.reduceRange, 'options.reduceRange');
  if (reduceRange && !(symmetric && dtype === 'int8' && scale === undefined)) {
    const came = `${symmetric ? 'symmetric' : 'asymmetric'} ${dtype}${scale === undefined ? '' : ' with a given scale'}`;
    throw lowpError(
      'ERR_LOWP_VALUE',
      `Expected symmetric int8 with a computed scale for options.reduceRange but received ${came}`,
    );
  }

  checkTensor(x, 'a float32 Tensor', 'x');
  const { data, shape: givenShape, strides } = x;
  if (!isElements(data, 'Float32Array')) throw expected('ERR_LOWP_TYPE', 'a Float32Array', 'x.data', data);
  const native = bindingFor(backend, deviceOf(options?.device, data, {}, givenOut));
  checkShape(givenShape, 'x.shape');
  const shape = [...givenShape];
  checkExtent(data, shape, strides, 'x');
  const count = checkCount(shape, 'x.shape');
  const axis = givenAxis === undefined ? undefined : readAxis(givenAxis, shape.length, 'options.axis');
  const channels = axis === undefined ? 1 : shape[axis];
  const given = readGiven(scale, zeroPoint, axis, channels, dtype, givenSymmetric === true);

  const out =
    givenOut === undefined ? allocate(dtype === 'int8' ? 'Int8Array' : 'Uint8Array', count, isDeviceArray(data)) : givenOut;
  if (givenOut !== undefined) {
    const tag = dtype === 'int8' ? 'Int8Array' : 'Uint8Array';
    if (!isElements(out, tag)) throw expected('ERR_LOWP_TYPE', `a ${tag} (dtype is '${dtype}')`, 'options.out', out);
    if (out.length < count) throw tooShort(out, count, 'one per value of x', 'options.out');
    checkAlias(out, data, 'x');
  }
  if (native === undefined)
    return reference.quantize<QuantizedDtype>(x as Tensor<Float32Array>, {
      ...(options as QuantizeOptions),
      out: out as Int8Array,
    });

  const ctl = writeChannels(shape, axis, count);
  const values = contiguous(data, shape, strides);
  const scales = given?.scales ?? allocate('Float32Array', channels);
  const zeros = given?.zeros ?? allocate('Int32Array', channels);
  run(quantize, () => {
    if (given === undefined) {
      ctl.slots[Quantize.symmetric] = symmetric ? 1 : 0;
      ctl.slots[Quantize.signed] = dtype === 'int8' ? 1 : 0;
      native.quantizeParams(ctl.bytes, values, scales, zeros);
      if (reduceRange) scales.forEach((s, i) => (scales[i] = s * REDUCED));
    }
    native.quantize(ctl.bytes, values, scales, zeros, out as Typed8);
  });
  if (axis === undefined) return { data: out, shape, scale: scales[0], zeroPoint: zeros[0] };
  return { data: out, shape, scale: scales, zeroPoint: zeros, axis };
}

/**
 * The real values of a quantized tensor: scale * (q - zeroPoint), rounded once to float32.
 *
 * `q` has any shape, with one scale and zero point, or one per index of `q.axis`; the result has the same shape and is contiguous.
 * Weights in groups (`quantizeWeights`) give [N, K]. `out` receives the values.
 *
 * Source: ONNX DequantizeLinear.
 *
 * @throws ERR_LOWP_TYPE, ERR_LOWP_SHAPE, ERR_LOWP_VALUE, ERR_LOWP_ALIAS, ERR_LOWP_DETACHED; ERR_LOWP_UNSUPPORTED where there is no
 * native binary.
 * @example
 * const x = dequantize({ data: Uint8Array.of(0, 128, 130), shape: [3], scale: 0.5, zeroPoint: 128 });
 * console.log(x.data); // Float32Array(3) [ -64, 0, 1 ]
 */
export function dequantize(q: QuantizedTensor | GroupQuantizedTensor, options?: DequantizeOptions): Tensor<Float32Array>;
export function dequantize(q: DeviceQuantizedTensor, options?: DeviceOptions<DequantizeOptions>): DeviceTensor;
export function dequantize(q: Tensor<unknown>, options?: DequantizeOptions | DeviceOptions<DequantizeOptions>): unknown {
  const native = nativeBinding();
  checkKeys(options, DEQUANTIZE_KEYS, 'options');
  checkTensor(q, 'a QuantizedTensor or GroupQuantizedTensor', 'q');
  const out = options?.out;
  if (isGrouped(q)) {
    checkOnlyCpu(options?.device);
    return dequantizeGroups(native, q, out);
  }
  const cuda = deviceOf(options?.device, q.data, {}, out);
  return dequantizeTensor(bindingFor(native, cuda), q as QuantizedTensor, out);
}

function readFloats(out: unknown, count: number, onDevice: boolean): Float32Array {
  if (out === undefined) return allocate('Float32Array', count, onDevice);
  if (!isElements(out, 'Float32Array')) throw expected('ERR_LOWP_TYPE', 'a Float32Array', 'options.out', out);
  if (out.length < count) throw tooShort(out, count, 'one per value of q', 'options.out');
  return out;
}

function dequantizeGroups(native: NativeBinding | undefined, q: object, givenOut: unknown): Tensor<Float32Array> {
  const weights = readGroups(q, 'q');
  const { k, n, data, scales, zeroPoints } = weights;
  const out = readFloats(givenOut, n * k, false);
  if (givenOut !== undefined) {
    checkAlias(out, data, 'q');
    checkAlias(out, scales, 'q.scales');
    if (zeroPoints !== undefined) checkAlias(out, zeroPoints, 'q.zeroPoints');
  }
  if (native === undefined) return reference.dequantize({ ...weights, shape: [n, k] }, { out });
  run(dequantize, () => native.dequantizeGroups(groupControl(weights).bytes, data, scales, zeroPoints, out));
  return { data: out, shape: [n, k] };
}

function dequantizeTensor(native: NativeBinding | undefined, q: QuantizedTensor, givenOut: unknown): Tensor<Float32Array> {
  const { data, shape: givenShape, strides, scale, zeroPoint, axis: givenAxis } = q;
  if (!isElements8(data)) throw expected('ERR_LOWP_TYPE', 'an Int8Array or Uint8Array', 'q.data', data);
  checkShape(givenShape, 'q.shape');
  const shape = [...givenShape];
  checkExtent(data, shape, strides, 'q');
  const count = checkCount(shape, 'q.shape');
  const dtype = isElements(data, 'Int8Array') ? 'int8' : 'uint8';
  const axis = givenAxis === undefined ? undefined : readAxis(givenAxis, shape.length, 'q.axis');
  const perChannel = axis !== undefined;
  const scales = perChannel ? readScales(scale, shape[axis], 'q.scale') : Float32Array.of(readScale(scale, 'q.scale'));
  const zeros = perChannel
    ? readZeroPoints(zeroPoint, shape[axis], dtype, 'q.zeroPoint')
    : Int32Array.of(readZeroPoint(zeroPoint, dtype, 'q.zeroPoint'));

  const out = readFloats(givenOut, count, isDeviceArray(data));
  if (givenOut !== undefined) {
    checkAlias(out, data, 'q');
    checkAlias(out, scales, 'q.scale');
    checkAlias(out, zeros, 'q.zeroPoint');
  }
  if (native === undefined) return reference.dequantize(q, { out });

  const ctl = writeChannels(shape, axis, count);
  const values = contiguous(data, shape, strides);
  run(dequantize, () => native.dequantize(ctl.bytes, values, scales, zeros, out));
  return { data: out, shape };
}

interface Given {
  readonly scales: Float32Array;
  readonly zeros: Int32Array;
}

/** `scale` and `zeroPoint` of the options, copied: they become part of the result. */
function readGiven(
  scale: unknown,
  zeroPoint: unknown,
  axis: number | undefined,
  channels: number,
  dtype: QuantizedDtype,
  symmetric: boolean,
): Given | undefined {
  if (scale === undefined) {
    if (zeroPoint === undefined) return undefined;
    throw lowpError('ERR_LOWP_VALUE', 'Expected options.scale beside options.zeroPoint but received undefined');
  }
  const middle = dtype === 'int8' ? 0 : 128;
  const zero = zeroPoint === undefined ? (symmetric ? middle : 0) : zeroPoint;
  const perTensor = axis === undefined;
  const scales = perTensor
    ? Float32Array.of(readScale(scale, 'options.scale'))
    : readScales(scale, channels, 'options.scale').slice();
  const zeros = perTensor
    ? Int32Array.of(readZeroPoint(zero, dtype, 'options.zeroPoint'))
    : readZeroPoints(zero, channels, dtype, 'options.zeroPoint').slice();
  if (symmetric && zeros.some((z) => z !== middle)) {
    throw expected('ERR_LOWP_VALUE', `${middle} (symmetric ${dtype})`, 'options.zeroPoint', zeroPoint);
  }
  return { scales, zeros };
}

function writeChannels(shape: readonly number[], axis: number | undefined, count: number): Control {
  const ctl = makeControl(Quantize.length);
  const { slots } = ctl;
  slots[Quantize.outer] = 1;
  slots[Quantize.channels] = 1;
  slots[Quantize.inner] = count;
  if (axis === undefined) return ctl;
  slots[Quantize.channels] = shape[axis];
  // An empty tensor has parameters but no runs of values: nothing would be gained by visiting each empty run.
  slots[Quantize.outer] = count === 0 ? 0 : checkCount(shape.slice(0, axis), 'shape');
  slots[Quantize.inner] = checkCount(shape.slice(axis + 1), 'shape');
  return ctl;
}

function run(caller: Caller, work: () => void): void {
  try {
    work();
  } catch (thrown) {
    throw fromNative(thrown, caller);
  }
}
