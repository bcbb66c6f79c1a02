/** Tensors whose elements are in the memory of a CUDA device. */
import type { QuantizedTensor, Tensor } from '../types';

/** What an array on the device may hold. */
export type DeviceElements = Float32Array | Int32Array | Int8Array | Uint8Array | Uint16Array;

/** The name of a typed array. */
type NameOf<T> = T extends Float32Array
  ? 'Float32Array'
  : T extends Int32Array
    ? 'Int32Array'
    : T extends Int8Array
      ? 'Int8Array'
      : T extends Uint8Array
        ? 'Uint8Array'
        : 'Uint16Array';

/**
 * Elements of a typed array of type `T` that are in the memory of the CUDA device: the `data` of a tensor there. They stay until
 * `dispose()` (or until the object is collected as garbage, which may be late: device memory is scarcer than the collector knows).
 */
export interface DeviceArray<T extends DeviceElements = Float32Array> {
  /** The type of the elements. */
  readonly type: NameOf<T>;
  readonly length: number;
  readonly byteLength: number;
  readonly disposed: boolean;
  /** Gives the memory back, at once; calls that were made before still find it. Calling it again does nothing. */
  dispose(): void;
  [Symbol.dispose](): void;
}

/** A tensor on the device, made by `toDevice` or by a function of such tensors. */
export type DeviceTensor<T extends DeviceElements = Float32Array> = Tensor<DeviceArray<T>>;

/** 8-bit values on the device; scale and zero point are the host's. */
export type DeviceQuantizedTensor<T extends Int8Array | Uint8Array = Int8Array | Uint8Array> = DeviceTensor<T> &
  Pick<QuantizedTensor, 'scale' | 'zeroPoint' | 'axis'>;

/** `X` with its elements on the device. */
export type OnDevice<X extends { readonly data: unknown }> = Omit<X, 'data'> & {
  readonly data: X['data'] extends DeviceElements ? DeviceArray<X['data']> : X['data'];
};

/** `X` with its elements in an array of the host. */
export type OnHost<X extends { readonly data: unknown }> = Omit<X, 'data'> & {
  readonly data: X['data'] extends DeviceArray<infer T> ? T : X['data'];
};

/**
 * Options of a function whose first tensor is on the device: bias (an int32 one as `toDevice` made it, so that its
 * range is known) and residual may be there too. `out` is there; `toHost`
 * copies it.
 */
export type DeviceOptions<O> = {
  [K in keyof O]: K extends 'bias'
    ? O[K] | DeviceArray<Extract<O[K], DeviceElements>>
    : K extends 'out'
      ? DeviceArray<Extract<O[K], DeviceElements>>
      : K extends 'residual'
        ? O[K] | DeviceArray | DeviceTensor | DeviceQuantizedTensor
        : O[K];
};

/** Where a function runs. Default: `'cuda'` where an operand or the packed weights are on the device, else `'cpu'`. */
export type Device = 'cpu' | 'cuda';
