import { expected, type Caller } from '../errors';
import type { NativeBinding, NativeHandle, PackedDtype } from '../native/binding';
import { Pack } from '../native/slots';
import { makeControl } from '../native/control';
import { bindingFor } from '../native/cuda';
import { isDeviceArray } from '../native/deviceArray';
import { nativeBinding } from '../native/load';
import * as reference from '../reference';
import type {
  DeviceQuantizedTensor,
  DeviceTensor,
  Float16Tensor,
  FloatDtype,
  GroupQuantizedTensor,
  PackOptions,
  QuantizedDtype,
  QuantizedTensor,
  Tensor,
} from '../types';
import { isElements, isElements8 } from '../validate/arrays';
import { FLOAT_DTYPES, isFloatArray, readFloats, storageCode } from '../validate/floats';
import { groupControl, isGrouped, readGroups, type GroupWeights } from '../validate/groups';
import { checkKeys, checkTensor, readBoolean, readDevice, readName } from '../validate/options';
import { reach, reachOfAll, readAxis, readScale, readScales, readZeroPoint, readZeroPoints } from '../validate/quantization';
import { checkExtent, checkShape, leadingDimension } from '../validate/shapes';
import { KEY, pack, Packed, packingOf, type Held, type Key, type Packing } from './packed';

const KEYS: ReadonlySet<string> = new Set(['transposeB', 'storage', 'device']);

/** Weights as native code packs them, checked. */
export interface QuantizedWeights {
  readonly dtype: 'int8';
  readonly data: Int8Array | Uint8Array;
  readonly k: number;
  readonly n: number;
  readonly ldb: number;
  readonly transposeB: boolean;
  /** 1 or N elements each. */
  readonly scales: Float32Array;
  readonly zeros: Int32Array;
  /** max|b - zeroPoint|, see `reach`. */
  readonly reach: number;
}

export interface FloatWeights {
  /** What they are packed as. */
  readonly dtype: FloatDtype;
  readonly data: Float32Array | Uint16Array;
  readonly k: number;
  readonly n: number;
  readonly ldb: number;
  readonly transposeB: boolean;
}

export type PackableWeights = QuantizedWeights | GroupWeights | FloatWeights;

/** What the matrix products need to know about a handle without asking native code. */
export interface PackedState extends Held {
  readonly dtype: PackedDtype;
  readonly k: number;
  readonly n: number;
  readonly transposeB: boolean;
  readonly reach: number;
  /** 0: the weights are not in groups. */
  readonly groupSize: number;
  readonly oracle: reference.PackedWeights | undefined;
}

let create: (state: PackedState, packing: Packing) => PackedWeights;
let readState: (value: object) => PackedState | undefined;

/** The state of a handle; undefined for anything that `packWeights` did not make (a brand check, which can't be spoofed). */
export function stateOf(value: object): PackedState | undefined {
  return readState(value);
}

/**
 * Immutable weights in the layout of the kernel that will read them; made by `packWeights`. They live in native memory until
 * `dispose()` (or until they are collected as garbage).
 */
export class PackedWeights extends Packed {
  /** [K, N], whichever way the weights were stored. */
  readonly shape: readonly [number, number];
  /** `'int8'` (all 8-bit weights) or `'int4'`, for `quantizedMatmul`; `'float32'`, `'bfloat16'` or `'float16'`, for `matmul`. */
  readonly dtype: 'int4' | 'int8' | FloatDtype;
  /** Weights along K that share a scale; undefined unless the weights are in groups. */
  readonly groupSize: number | undefined;
  readonly #state: PackedState;

  protected constructor(key: Key, state: PackedState, packing: Packing, maker = 'packWeights') {
    super(key, maker, state, packing);
    this.shape = Object.freeze([state.k, state.n] as const);
    this.dtype = state.dtype;
    this.groupSize = state.groupSize === 0 ? undefined : state.groupSize;
    this.#state = state;
  }

  static {
    create = (state, packing) => new PackedWeights(KEY, state, packing);
    readState = (value) => (#state in value ? value.#state : undefined);
  }
}

/**
 * Copies weights into the layout that the fastest kernel of this machine reads, once, for any number of products.
 *
 * `b` is [K, N], or [N, K] with `transposeB` (default `false`): a QuantizedTensor for `quantizedMatmul` (one scale and zero point,
 * or one per column: `axis` 1 of [K, N], 0 of [N, K]), a GroupQuantizedTensor for `quantizedMatmul` of float32 activations (always
 * [N, K], whatever `transposeB` is left at), or for `matmul` a float32 Tensor (rounded to `storage`: `'float32'` by default,
 * `'bfloat16'` or `'float16'`) or a Float16Tensor. Later changes to `b` have no effect.
 *
 * @throws ERR_LOWP_TYPE, ERR_LOWP_SHAPE, ERR_LOWP_VALUE for weights as described in the message; ERR_LOWP_NOMEM.
 * @example
 * const weights = { data: Float32Array.of(1, 2, 3, 4, 5, 6), shape: [3, 2] };
 * const packed = packWeights(quantize(weights, { dtype: 'int8', axis: 1 }));
 * console.log(packed.shape, packed.kernel); // [ 3, 2 ] and the kernel chosen for this machine
 * packed.dispose();
 */
export function packWeights(
  b: QuantizedTensor | GroupQuantizedTensor | Tensor<Float32Array> | Float16Tensor | DeviceTensor | DeviceQuantizedTensor,
  options?: PackOptions,
): PackedWeights {
  checkKeys(options, KEYS, 'options');
  const given = options?.transposeB;
  const transposeB = given === undefined ? undefined : readBoolean(given, 'options.transposeB');
  const storage = options?.storage;
  checkTensor(b, 'a QuantizedTensor, GroupQuantizedTensor, Tensor or Float16Tensor', 'b');
  const weights = isFloatArray(b.data) ? readFloatWeights(b, transposeB === true, storage) : readQuantized(b, transposeB);
  if (storage !== undefined && !isElements(b.data, 'Float32Array')) {
    throw expected('ERR_LOWP_VALUE', 'nothing (only float32 weights are rounded)', 'options.storage', storage);
  }

  const native = bindingFor(nativeBinding(), readDevice(options?.device, isDeviceArray(b.data) ? true : undefined));
  const { dtype, k, n } = weights;
  const oracle =
    native === undefined ? reference.packWeights(b as QuantizedTensor, { transposeB: weights.transposeB, storage }) : undefined;
  const state: PackedState = {
    dtype,
    k,
    n,
    transposeB: weights.transposeB,
    reach: 'reach' in weights ? weights.reach : 0,
    groupSize: 'groupSize' in weights ? weights.groupSize : 0,
    native,
    handle: native === undefined ? undefined : packForCall(native, weights, packWeights),
    oracle,
    disposed: false,
  };
  return create(state, packingOf(state, weights.data.byteLength));
}

/** A native handle of the weights, for the call of `caller`. */
export function packForCall(native: NativeBinding, weights: PackableWeights, caller: Caller): NativeHandle {
  if ('groupSize' in weights) {
    return pack(() => native.packN(groupControl(weights).bytes, weights.data, weights.scales, weights.zeroPoints), caller);
  }
  const { slots, bytes } = makeControl(Pack.length);
  slots[Pack.k] = weights.k;
  slots[Pack.n] = weights.n;
  slots[Pack.ldb] = weights.ldb;
  slots[Pack.transposeB] = weights.transposeB ? 1 : 0;
  if (weights.dtype === 'int8') return pack(() => native.packQ(bytes, weights.data, weights.scales, weights.zeros), caller);
  slots[Pack.storage] = storageCode(weights.dtype);
  return pack(() => native.packF(bytes, weights.data), caller);
}

/** Weights for `quantizedMatmul`, in groups or with a scale for each column. Undefined: `transposeB` was left at its default. */
export function readQuantized(b: object, transposeB: boolean | undefined): QuantizedWeights | GroupWeights {
  if (!isGrouped(b)) return readQuantizedWeights(b, transposeB === true);
  if (transposeB === false) {
    throw expected('ERR_LOWP_VALUE', 'true or nothing (weights in groups are [N, K])', 'options.transposeB', transposeB);
  }
  return readGroups(b, 'b');
}

export function readQuantizedWeights(b: object, transposeB: boolean): QuantizedWeights {
  const { data, shape, strides, scale, zeroPoint, axis }: Partial<Record<keyof QuantizedTensor, unknown>> = b;
  if (!isElements8(data)) throw expected('ERR_LOWP_TYPE', 'an Int8Array or Uint8Array', 'b.data', data);
  checkMatrix(shape);
  checkExtent(data, shape, strides, 'b');
  const n = transposeB ? shape[0] : shape[1];
  const k = transposeB ? shape[1] : shape[0];
  const dtype: QuantizedDtype = isElements(data, 'Int8Array') ? 'int8' : 'uint8';
  const ldb = leadingDimension(shape, strides);

  if (axis === undefined) {
    const scales = Float32Array.of(readScale(scale, 'b.scale'));
    const zero = readZeroPoint(zeroPoint, dtype, 'b.zeroPoint');
    return { dtype: 'int8', data, k, n, ldb, transposeB, scales, zeros: Int32Array.of(zero), reach: reach(zero, dtype) };
  }
  const columns = transposeB ? 0 : 1;
  if (readAxis(axis, 2, 'b.axis') !== columns) {
    throw expected('ERR_LOWP_VALUE', `${columns} (the axis of the columns)`, 'b.axis', axis);
  }
  const scales = readScales(scale, n, 'b.scale');
  const zeros = readZeroPoints(zeroPoint, n, dtype, 'b.zeroPoint');
  return { dtype: 'int8', data, k, n, ldb, transposeB, scales, zeros, reach: reachOfAll(zeros, dtype) };
}

/** `storage`: what float32 weights are rounded to, by default nothing. */
export function readFloatWeights(b: object, transposeB: boolean, storage?: unknown): FloatWeights {
  const { shape, strides }: Partial<Record<keyof Tensor<unknown>, unknown>> = b;
  const { data, dtype: given } = readFloats(b, 'b');
  const dtype = storage === undefined ? given : readName(storage, FLOAT_DTYPES, 'options.storage');
  checkMatrix(shape);
  checkExtent(data, shape, strides, 'b');
  const [rows, cols] = shape;
  const ldb = leadingDimension(shape, strides);
  return { dtype, data, k: transposeB ? cols : rows, n: transposeB ? rows : cols, ldb, transposeB };
}

function checkMatrix(shape: unknown): asserts shape is readonly [number, number] {
  checkShape(shape, 'b.shape');
  if (shape.length !== 2) throw expected('ERR_LOWP_SHAPE', 'two dimensions', 'b.shape', shape);
}
