/** Options: unknown names are refused with a suggestion, values with what was expected. */
import { describe, expected, lowpError, suggestion, type LowpError } from '../errors';
import { defaultDevice } from '../native/defaults';
import { MAX_THREADS } from '../native/slots';

export const DEVICES = ['cpu', 'cuda'] as const;

/** for-in rather than Object.keys: no array is made, and inherited options (a class of settings) count too. */
export function checkKeys(options: object | undefined, known: ReadonlySet<string>, name: string): void {
  if (options === undefined) return;
  if (typeof options !== 'object' || options === null) throw expected('ERR_LOWP_TYPE', 'an object', name, options);
  for (const key in options) {
    if (!known.has(key)) {
      const names = [...known].join(', ');
      const message = `Expected one of ${names} in ${name} but received ${describe(key)}${suggestion(key, known)}`;
      throw lowpError('ERR_LOWP_TYPE', message);
    }
  }
}

export function checkTensor(value: unknown, what: string, name: string): asserts value is { data: unknown; shape: unknown } {
  if (typeof value !== 'object' || value === null || !('data' in value)) throw expected('ERR_LOWP_TYPE', what, name, value);
}

export function readName<T extends string>(value: unknown, names: readonly T[], name: string): T {
  for (const candidate of names) if (candidate === value) return candidate;
  throw badName(value, names, name);
}

export function badName(value: unknown, names: readonly string[], name: string): LowpError {
  const hint = typeof value === 'string' ? suggestion(value, names) : '';
  const list = names.map((n) => `'${n}'`).join(', ');
  return lowpError('ERR_LOWP_TYPE', `Expected one of ${list} for ${name} but received ${describe(value)}${hint}`);
}

export function readBoolean(value: unknown, name: string): boolean {
  if (value === undefined) return false;
  if (typeof value !== 'boolean') throw expected('ERR_LOWP_TYPE', 'a boolean', name, value);
  return value;
}

/** 0 (the control block's "default") where absent. */
export function readThreads(value: unknown, name: string): number {
  if (value === undefined) return 0;
  if (typeof value !== 'number') throw expected('ERR_LOWP_TYPE', 'a number', name, value);
  if (!Number.isInteger(value) || value < 1 || value > MAX_THREADS) {
    throw expected('ERR_LOWP_VALUE', `an integer from 1 to ${MAX_THREADS}`, name, value);
  }
  return value;
}

/**
 * Whether the call runs on the CUDA device: where the option says, by default where an operand is. `onDevice` undefined: no operand has
 * a place of its own.
 */
export function readDevice(value: unknown, onDevice: boolean | undefined): boolean {
  if (value === undefined) return onDevice ?? defaultDevice() === 'cuda';
  if (readName(value, DEVICES, 'options.device') === 'cuda') return true;
  if (onDevice === true) throw expected('ERR_LOWP_VALUE', "'cuda' (an operand is there)", 'options.device', value);
  return false;
}

/** Of functions that have no kernels for CUDA. */
export function checkOnlyCpu(value: unknown): void {
  if (value === undefined || readName(value, DEVICES, 'options.device') === 'cpu') return;
  throw lowpError('ERR_LOWP_UNSUPPORTED', "Expected 'cpu' for options.device but received 'cuda': there are no such kernels");
}

export function readSignal(value: unknown): AbortSignal | undefined {
  if (value === undefined) return undefined;
  // By shape, not by instanceof: a signal of another realm is as good.
  if (typeof value === 'object' && value !== null && 'aborted' in value && 'addEventListener' in value) {
    return value as AbortSignal;
  }
  throw expected('ERR_LOWP_TYPE', 'an AbortSignal', 'options.signal', value);
}
