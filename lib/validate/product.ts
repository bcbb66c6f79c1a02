/** The options of the matrix products, and the control block that serves all their calls. */
import { describe, expected, lowpError, suggestion } from '../errors';
import { Gemm } from '../native/slots';
import { makeControl, type Control } from '../native/control';
import { readBoolean } from './options';

/** Which of the options there are. */
export interface Product {
  readonly quantized: boolean;
  readonly async: boolean;
}

/** What the caller's options say, not yet checked. */
export interface Given {
  out: unknown;
  output: unknown;
  threads: unknown;
  bias: unknown;
  activation: unknown;
  residual: unknown;
  outStride: unknown;
  transposeA: unknown;
  tensorCores: unknown;
  transposeB: unknown;
  activations: unknown;
  device: unknown;
  signal: unknown;
}

const COMMON = ['activation', 'transposeB', 'threads', 'device', 'bias', 'residual', 'out', 'outStride'] as const;

function namesOf({ quantized, async }: Product): (keyof Given)[] {
  const own = quantized ? (['activations', 'output'] as const) : (['transposeA', 'tensorCores'] as const);
  return async ? [...COMMON, ...own, 'signal'] : [...COMMON, ...own];
}

/**
 * Copies the options into an object of one shape, each read once, and refuses names that there are not. A for-in loop finds a value by
 * its index among the keys, whatever shape the caller's object has: half a product's time in TypeScript went into looking ten names up
 * in objects of many shapes, and each key up in a Set.
 */
export function readOptions(options: object | undefined, product: Product): Given {
  const given: Given = {
    out: undefined,
    output: undefined,
    threads: undefined,
    bias: undefined,
    activation: undefined,
    residual: undefined,
    outStride: undefined,
    transposeA: undefined,
    tensorCores: undefined,
    transposeB: undefined,
    activations: undefined,
    device: undefined,
    signal: undefined,
  };
  if (options === undefined) return given;
  if (typeof options !== 'object' || options === null) throw expected('ERR_LOWP_TYPE', 'an object', 'options', options);
  const values = options as Readonly<Record<string, unknown>>;
  for (const key in values) {
    const value = values[key];
    let known = true;
    switch (key) {
      case 'out':
        given.out = value;
        break;
      case 'output':
        given.output = value;
        known = product.quantized;
        break;
      case 'threads':
        given.threads = value;
        break;
      case 'bias':
        given.bias = value;
        break;
      case 'activation':
        given.activation = value;
        break;
      case 'residual':
        given.residual = value;
        break;
      case 'outStride':
        given.outStride = value;
        break;
      case 'transposeA':
        given.transposeA = value;
        known = !product.quantized;
        break;
      case 'tensorCores':
        given.tensorCores = value;
        known = !product.quantized;
        break;
      case 'transposeB':
        given.transposeB = value;
        break;
      case 'activations':
        given.activations = value;
        known = product.quantized;
        break;
      case 'device':
        given.device = value;
        break;
      case 'signal':
        given.signal = value;
        known = product.async;
        break;
      default:
        known = false;
    }
    if (!known) throw unknownOption(key, product);
  }
  // Not Object.getPrototypeOf, which is a call into C++ (20 ns).
  if (values.constructor !== Object) readAccessors(values, given, product);
  return given;
}

/** Of an instance of a class, whose accessors for-in does not show. */
function readAccessors(values: Readonly<Record<string, unknown>>, given: Given, product: Product): void {
  for (const name of namesOf(product)) given[name] ??= values[name];
}

/** Undefined: left at its default. */
export function readTranspose(value: unknown): boolean | undefined {
  return value === undefined ? undefined : readBoolean(value, 'options.transposeB');
}

function unknownOption(key: string, product: Product): Error {
  const names = namesOf(product);
  const message = `Expected one of ${names.join(', ')} in options but received ${describe(key)}${suggestion(key, names)}`;
  return lowpError('ERR_LOWP_TYPE', message);
}

// One control block serves all calls. It is taken, not shared, so that a getter among the caller's objects may itself multiply;
// a call that throws keeps it and the next one makes another.
let idle: Control | undefined;

export function takeControl(): Control {
  const control = idle ?? makeControl(Gemm.length);
  idle = undefined;
  return control;
}

export function giveControl(control: Control): void {
  idle = control;
}
