/** Arguments of the poolings. */
import type { MaxPool2dOptions, QuantizedOutput, QuantizedTensor } from '../types';
import { expected } from '../errors';
import type { Typed8 } from '../native/binding';
import { isElements, isElements8 } from './arrays';
import { readImages, readKernel, readLayout, readWindow, type WindowSizes } from './conv';
import { checkKeys, checkTensor, readBoolean, readName } from './options';
import { readScale, readZeroPoint } from './quantization';
import { checkExtent, checkShape } from './shapes';

const OUTPUT_KEYS: ReadonlySet<string> = new Set(['dtype', 'scale', 'zeroPoint']);

/** x, checked. */
export interface PoolImage {
  readonly data: Float32Array | Typed8;
  readonly shape: readonly number[];
  readonly strides: unknown;
  /** Of 8-bit values; undefined for float32. */
  readonly quantized: Required<QuantizedOutput> | undefined;
}

export function readPoolImage(x: unknown): PoolImage {
  checkTensor(x, 'a QuantizedTensor or a float32 Tensor', 'x');
  const { data, shape, strides, scale, zeroPoint, axis }: Partial<Record<keyof QuantizedTensor, unknown>> = x;
  const float = isElements(data, 'Float32Array');
  if (!float && !isElements8(data)) {
    throw expected('ERR_LOWP_TYPE', 'an Int8Array, Uint8Array or Float32Array', 'x.data', data);
  }
  checkShape(shape, 'x.shape');
  const sizes = [...shape];
  checkExtent(data, sizes, strides, 'x');
  if (float) return { data, shape: sizes, strides, quantized: undefined };
  if (axis !== undefined) throw expected('ERR_LOWP_VALUE', 'one scale and no axis', 'x.axis', axis);
  const dtype = isElements(data, 'Int8Array') ? 'int8' : 'uint8';
  const quantized = {
    dtype,
    scale: readScale(scale, 'x.scale'),
    zeroPoint: readZeroPoint(zeroPoint, dtype, 'x.zeroPoint'),
  } as const;
  return { data, shape: sizes, strides, quantized };
}

export function readPoolWindow({ shape }: PoolImage, options: Omit<MaxPool2dOptions, 'out'>): WindowSizes {
  const images = readImages(shape, readLayout(options.layout));
  const kernel = readKernel(options.kernel, images.spatial);
  return readWindow(images, kernel, options, readBoolean(options.ceilMode, 'options.ceilMode'));
}

/** One window, over all of each image. */
export function readGlobalWindow({ shape }: PoolImage, layout: unknown): WindowSizes {
  const images = readImages(shape, readLayout(layout));
  return readWindow(images, [images.height, images.width], {});
}

/** Dtype, scale and zero point of an average of quantized values; those of x where nothing is given. */
export function readPoolOutput(output: unknown, { quantized }: PoolImage): Required<QuantizedOutput> | undefined {
  if (output === undefined) return quantized;
  if (quantized === undefined) throw expected('ERR_LOWP_VALUE', 'nothing (x is float32)', 'options.output', output);
  if (typeof output !== 'object' || output === null) {
    throw expected('ERR_LOWP_TYPE', '{ dtype, scale, zeroPoint }', 'options.output', output);
  }
  checkKeys(output, OUTPUT_KEYS, 'options.output');
  const { dtype: givenDtype, scale, zeroPoint }: Partial<Record<keyof QuantizedOutput, unknown>> = output;
  const dtype = readName(givenDtype, ['int8', 'uint8'], 'options.output.dtype');
  const zero = zeroPoint === undefined ? 0 : readZeroPoint(zeroPoint, dtype, 'options.output.zeroPoint');
  return { dtype, scale: readScale(scale, 'options.output.scale'), zeroPoint: zero };
}
