/** Reading and checking the arguments of the poolings. */
import { expected } from '../errors';
import type { Typed8 } from '../native/binding';
import { isDeviceArray } from '../native/deviceArray';
import type {
  AveragePool2dOptions,
  DeviceOptions,
  GlobalAveragePool2dOptions,
  MaxPool2dOptions,
  QuantizedOutput,
  QuantizedTensor,
  Tensor,
} from '../types';
import { checkAlias, type ArrayTag } from '../validate/arrays';
import { windowShape, type WindowSizes } from '../validate/conv';
import { checkKeys, readBoolean, readThreads } from '../validate/options';
import { readGlobalWindow, readPoolImage, readPoolOutput, readPoolWindow, type PoolImage } from '../validate/pool';
import { contiguous } from './contiguous';
import { deviceOf, readOut } from './gemm';

export type PoolResult = Tensor<Float32Array | Int8Array | Uint8Array> & Partial<Pick<QuantizedTensor, 'scale' | 'zeroPoint'>>;

/** A checked call: everything that the kernels need, and the result that the caller gets. */
export interface PoolCall {
  readonly kind: 'max' | 'average';
  /** Contiguous. */
  readonly x: Float32Array | Typed8;
  readonly window: WindowSizes;
  readonly countIncludePad: boolean;
  /** Of x and of the result; undefined for float32. */
  readonly quantized: Required<QuantizedOutput> | undefined;
  readonly output: Required<QuantizedOutput> | undefined;
  /** 0: the default. */
  readonly threads: number;
  readonly out: Float32Array | Typed8;
  readonly ownsOut: boolean;
  readonly result: PoolResult;
  readonly empty: boolean;
  readonly cuda: boolean;
}

type Keys = ReadonlySet<string>;

export function prepareMax(x: unknown, options: DeviceOptions<MaxPool2dOptions> | MaxPool2dOptions, keys: Keys): PoolCall {
  checkOptions(options, keys);
  const image = readPoolImage(x);
  return finish(image, options, { kind: 'max', window: readPoolWindow(image, options), output: image.quantized });
}

export function prepareAverage(
  x: unknown,
  options: DeviceOptions<AveragePool2dOptions> | AveragePool2dOptions,
  keys: Keys,
): PoolCall {
  checkOptions(options, keys);
  const image = readPoolImage(x);
  const window = readPoolWindow(image, options);
  const countIncludePad = readBoolean(options.countIncludePad, 'options.countIncludePad');
  return finish(image, options, { kind: 'average', window, countIncludePad, output: readPoolOutput(options.output, image) });
}

export function prepareGlobal(
  x: unknown,
  options: DeviceOptions<GlobalAveragePool2dOptions> | GlobalAveragePool2dOptions | undefined,
  keys: Keys,
): PoolCall {
  checkKeys(options, keys, 'options');
  const image = readPoolImage(x);
  const window = readGlobalWindow(image, options?.layout);
  return finish(image, options ?? {}, { kind: 'average', window, output: readPoolOutput(options?.output, image) });
}

function checkOptions(options: unknown, keys: Keys): void {
  if (options === undefined) throw expected('ERR_LOWP_TYPE', 'an object with a kernel', 'options', options);
  checkKeys(options as object, keys, 'options');
}

interface Pooling {
  readonly kind: 'max' | 'average';
  readonly window: WindowSizes;
  readonly countIncludePad?: boolean;
  readonly output: Required<QuantizedOutput> | undefined;
}

function finish(
  image: PoolImage,
  options: Pick<GlobalAveragePool2dOptions, 'threads' | 'device'> & { readonly out?: unknown },
  pooling: Pooling,
): PoolCall {
  const { kind, window, countIncludePad = false, output } = pooling;
  const { out: givenOut } = options;
  const threads = readThreads(options.threads, 'options.threads');
  const cuda = deviceOf(options.device, image.data, {}, givenOut);
  const shape = windowShape(window, window.channels);
  const count = shape.reduce((product, size) => product * size, 1);
  const tag: ArrayTag = output === undefined ? 'Float32Array' : output.dtype === 'int8' ? 'Int8Array' : 'Uint8Array';
  const out = readOut(
    givenOut,
    tag,
    count,
    isDeviceArray(image.data),
    'the product of the sizes of the result',
  ) as PoolResult['data'];
  if (givenOut !== undefined) checkAlias(out, image.data, 'x');
  const quantization = output === undefined ? {} : { scale: output.scale, zeroPoint: output.zeroPoint };
  return {
    ...{ kind, window, countIncludePad, quantized: image.quantized, output, threads, out, ownsOut: givenOut === undefined },
    x: contiguous(image.data, image.shape, image.strides),
    result: { data: out, shape, ...quantization },
    empty: count === 0,
    cuda,
  };
}
