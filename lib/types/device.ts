/** Tensors whose elements are in the memory of a CUDA device. */
import type { DeviceArray } from '../native/deviceArray';
import type { QuantizedTensor, Tensor } from '../types';

export type { DeviceArray };

/** What an array on the device may hold. */
export type DeviceElements = Float32Array | Int32Array | Int8Array | Uint8Array | Uint16Array;

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
 * Options of a function whose first tensor is on the device: bias and residual may be there too. `out` is there; `toHost`
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
