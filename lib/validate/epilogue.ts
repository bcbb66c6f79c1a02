/** What both matrix products do to a result before it is stored: activation and residual. */
import type { Activation, QuantizedTensor } from '../types';
import { expected, lowpError } from '../errors';
import type { NumericArray, Typed8 } from '../native/binding';
import { ActivationCode, Gemm } from '../native/slots';
import { checkAlias, checkLength, isElements, isElements8 } from './arrays';
import { checkKeys, readName } from './options';
import { readScale, readZeroPoint } from './quantization';
import { checkExtent, checkShape } from './shapes';

const KEYS: ReadonlySet<string> = new Set(['min', 'max', 'type', 'alpha']);
const DEFAULT_ALPHA = 0.01;

const CODES: Readonly<Record<Exclude<Activation, object>, ActivationCode>> = {
  none: ActivationCode.clamp,
  relu: ActivationCode.clamp,
  gelu: ActivationCode.gelu,
  geluTanh: ActivationCode.geluTanh,
  silu: ActivationCode.silu,
  sigmoid: ActivationCode.sigmoid,
  tanh: ActivationCode.tanh,
  hardswish: ActivationCode.hardswish,
  hardsigmoid: ActivationCode.hardsigmoid,
};
const NAMES = Object.keys(CODES) as (keyof typeof CODES)[];

/** Writes code, bounds and alpha: as float32, because the arithmetic is. */
export function writeActivation(ctl: Float64Array, activation: unknown): void {
  ctl[Gemm.activation] = ActivationCode.clamp;
  ctl[Gemm.min] = -Infinity;
  ctl[Gemm.max] = Infinity;
  ctl[Gemm.alpha] = 0;
  if (activation === undefined || activation === 'none') return;
  if (activation === 'relu') {
    ctl[Gemm.min] = 0;
  } else if (typeof activation === 'string') {
    ctl[Gemm.activation] = CODES[readName(activation, NAMES, 'options.activation')];
  } else if (typeof activation !== 'object' || activation === null) {
    throw expected('ERR_LOWP_TYPE', 'a name, { min, max } or { type, alpha }', 'options.activation', activation);
  } else {
    writeParameters(ctl, activation);
  }
}

function writeParameters(ctl: Float64Array, activation: object): void {
  checkKeys(activation, KEYS, 'options.activation');
  const { min, max, type, alpha }: { min?: unknown; max?: unknown; type?: unknown; alpha?: unknown } = activation;
  if (type === undefined && alpha === undefined) {
    if (min !== undefined) ctl[Gemm.min] = readNumber(min, 'options.activation.min');
    if (max !== undefined) ctl[Gemm.max] = readNumber(max, 'options.activation.max');
    if (ctl[Gemm.min] <= ctl[Gemm.max]) return;
    throw expected('ERR_LOWP_VALUE', `at most activation.max (${String(max)})`, 'options.activation.min', min);
  }
  readName(type, ['leakyRelu'], 'options.activation.type');
  if (min !== undefined) throw expected('ERR_LOWP_VALUE', 'no bound beside a type', 'options.activation.min', min);
  if (max !== undefined) throw expected('ERR_LOWP_VALUE', 'no bound beside a type', 'options.activation.max', max);
  ctl[Gemm.activation] = ActivationCode.leakyRelu;
  ctl[Gemm.alpha] = alpha === undefined ? Math.fround(DEFAULT_ALPHA) : readNumber(alpha, 'options.activation.alpha');
  if (!Number.isFinite(ctl[Gemm.alpha])) {
    throw expected('ERR_LOWP_VALUE', 'a finite float32', 'options.activation.alpha', alpha);
  }
}

function readNumber(value: unknown, name: string): number {
  if (typeof value !== 'number') throw expected('ERR_LOWP_TYPE', 'a number', name, value);
  if (Number.isNaN(value)) throw expected('ERR_LOWP_VALUE', 'a number', name, value);
  return Math.fround(value);
}

/** True for 'none' and whatever else changes nothing. */
export function isIdentity(ctl: Float64Array): boolean {
  return ctl[Gemm.activation] === ActivationCode.clamp && ctl[Gemm.min] === -Infinity && ctl[Gemm.max] === Infinity;
}

/**
 * The residual's data, checked to have the result's shape [..., M, N] in evenly spaced rows; writes their stride, and the scale and
 * zero point of a quantized one. `quantized`: whether such a one is allowed.
 */
export function readResidual(
  ctl: Float64Array,
  value: unknown,
  resultShape: readonly number[],
  quantized: boolean,
): Float32Array | Typed8 | undefined {
  ctl[Gemm.scaleResidual] = 1;
  ctl[Gemm.zeroResidual] = 0;
  if (value === undefined) return undefined;
  const n = resultShape[resultShape.length - 1];
  ctl[Gemm.ldResidual] = n;
  if (isElements(value, 'Float32Array')) {
    let count = 1;
    for (let i = 0; i < resultShape.length; i++) count *= resultShape[i];
    checkLength(value, count, 'one per element of the result', 'options.residual');
    return value;
  }
  if (typeof value !== 'object' || value === null || !('data' in value)) {
    throw expected('ERR_LOWP_TYPE', 'a Tensor or Float32Array', 'options.residual', value);
  }
  const { data, shape, strides, scale, zeroPoint, axis }: Partial<Record<keyof QuantizedTensor, unknown>> = value;
  if (!isElements(data, 'Float32Array') && !(quantized && isElements8(data))) {
    const what = quantized ? 'a Float32Array, Int8Array or Uint8Array' : 'a Float32Array';
    throw expected('ERR_LOWP_TYPE', what, 'options.residual.data', data);
  }
  checkShape(shape, 'options.residual.shape');
  if (shape.length !== resultShape.length || shape.some((size, i) => size !== resultShape[i])) {
    throw expected('ERR_LOWP_SHAPE', `[${resultShape.join(', ')}] (that of the result)`, 'options.residual.shape', shape);
  }
  checkExtent(data, shape, strides, 'options.residual');
  if (strides !== undefined) ctl[Gemm.ldResidual] = rowStride(shape, strides as readonly number[]);
  if (isElements8(data)) {
    if (axis !== undefined) throw expected('ERR_LOWP_VALUE', 'one scale and no axis', 'options.residual.axis', axis);
    ctl[Gemm.scaleResidual] = readScale(scale, 'options.residual.scale');
    const dtype = isElements(data, 'Int8Array') ? 'int8' : 'uint8';
    ctl[Gemm.zeroResidual] = readZeroPoint(zeroPoint, dtype, 'options.residual.zeroPoint');
  }
  return data;
}

/** The one distance between all rows, where the leading dimensions have one. */
function rowStride(shape: readonly number[], strides: readonly number[]): number {
  const n = shape[shape.length - 1];
  let rows = 1;
  let ld = n;
  if (shape.includes(0)) return n;
  for (let i = shape.length - 2; i >= 0; i--) {
    if (shape[i] === 1) continue;
    if (rows === 1) ld = strides[i];
    else if (strides[i] !== rows * ld) {
      throw expected('ERR_LOWP_VALUE', 'rows that are evenly spaced', 'options.residual.strides', strides);
    }
    rows *= shape[i];
  }
  return ld;
}

/** A residual may be `out` itself, element for element; any other overlap is refused. */
export function checkResidualAlias(ctl: Float64Array, out: NumericArray, residual: Float32Array | Typed8): void {
  const sameElements = out.byteOffset === residual.byteOffset && out.BYTES_PER_ELEMENT === residual.BYTES_PER_ELEMENT;
  if (sameElements && ctl[Gemm.ldResidual] === ctl[Gemm.ldc] && out.buffer === residual.buffer) return;
  checkAlias(out, residual, 'options.residual');
}

/** int32 output has no real values. */
export function refuseRealEpilogue(ctl: Float64Array, activation: unknown, residual: unknown): void {
  if (!isIdentity(ctl)) {
    throw expected('ERR_LOWP_VALUE', "'none' (output is 'int32', which has no real values)", 'options.activation', activation);
  }
  if (residual !== undefined) {
    throw lowpError(
      'ERR_LOWP_VALUE',
      "Expected no options.residual (output is 'int32', which has no real values) but received one",
    );
  }
}
