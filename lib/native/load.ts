/** Finds lowp.node, applies the environment's settings, and explains what to do where that fails. */
import bindings from 'bindings';
import { basename, dirname, join, resolve } from 'node:path';
import { fromNative, lowpError, suggestion, describe, type Caller } from '../errors';
import type { NativeBinding } from './binding';
import { setDefaultDevice } from './defaults';
import { BINDING_VERSION, MAX_THREADS } from './slots';

const MODULE_ROOT = join(__dirname, '..', '..');
const CANDIDATES = [
  ['build', 'Release'],
  ['build', 'Debug'],
  ['prebuilds', `${process.platform}-${process.arch}`],
];
const BACKENDS = ['native', 'reference'] as const;
const ADVICE = 'Run `npm run build` to build it, or set LOWP_BACKEND=reference to run the (slow) TypeScript reference instead.';

type Backend = { readonly name: 'native'; readonly binding: NativeBinding } | { readonly name: 'reference' };

let loaded: Backend | undefined;

/**
 * The binding, or undefined where LOWP_BACKEND=reference chose the reference. Loads at the first call, not at import, so that
 * importing lowp never throws. A failure is not remembered: the next call tries again.
 */
export function nativeBinding(): NativeBinding | undefined {
  if (loaded === undefined) loaded = load();
  return loaded.name === 'native' ? loaded.binding : undefined;
}

function load(): Backend {
  const backend = process.env.LOWP_BACKEND ?? '';
  if (backend === 'reference') {
    refuseIsa();
    threadsFromEnvironment();
    deviceFromEnvironment(/* native */ false);
    process.emitWarning('LOWP_BACKEND=reference: running the TypeScript reference, which is exact but slow', 'LowpWarning');
    return { name: 'reference' };
  }
  if (backend !== '' && backend !== 'native') {
    const message = `Expected one of ${BACKENDS.join(', ')} for LOWP_BACKEND but received ${describe(backend)}`;
    throw lowpError('ERR_LOWP_VALUE', message + suggestion(backend, BACKENDS));
  }
  const binding = find();
  const threads = threadsFromEnvironment();
  const isa = process.env.LOWP_ISA ?? '';
  if (isa !== '') setIsa(binding, isa, 'LOWP_ISA', load);
  if (threads !== undefined) binding.setThreads(threads);
  deviceFromEnvironment(true);
  return { name: 'native', binding };
}

function find(): NativeBinding {
  const given = process.env.LOWP_BINARY ?? '';
  const path = resolve(given);
  let module: unknown;
  try {
    module =
      given === ''
        ? bindings({ bindings: 'lowp.node', module_root: MODULE_ROOT, try: CANDIDATES.map((c) => ['module_root', ...c, 'bindings']) })
        : bindings({ bindings: basename(path), module_root: dirname(path), try: [['module_root', 'bindings']] });
  } catch (cause) {
    throw lowpError('ERR_LOWP_UNSUPPORTED', explain(cause, given === '' ? undefined : path), undefined, cause);
  }
  if (!isBinding(module)) {
    const version = typeof module === 'object' && module !== null && 'version' in module ? module.version : undefined;
    const message = `Expected version ${BINDING_VERSION} for lowp.node but received ${describe(version)}`;
    throw lowpError('ERR_LOWP_UNSUPPORTED', `${message}: it was built from other sources. Rebuild it with \`npm run build\`.`);
  }
  return module;
}

function isBinding(module: unknown): module is NativeBinding {
  return typeof module === 'object' && module !== null && 'version' in module && module.version === BINDING_VERSION;
}

function explain(cause: unknown, given: string | undefined): string {
  const from = given === undefined ? '' : ' (from LOWP_BINARY)';
  if (typeof cause === 'object' && cause !== null && 'tries' in cause && Array.isArray(cause.tries)) {
    const tried = cause.tries.map((t) => `\n  ${String(t)}`).join('');
    return `Expected the native binary of lowp but found none. Tried${from}:${tried}\n${ADVICE}`;
  }
  const reason = cause instanceof Error ? cause.message : String(cause);
  return `Expected a native binary that loads but received an error${from}: ${reason}\n${ADVICE}`;
}

/** Unknown names and ISAs that this machine or build lacks are errors with the list of what there is; '' returns to detection. */
export function setIsa(binding: NativeBinding, isa: string, name: string, caller: Caller): void {
  const wanted = isa === 'auto' ? '' : isa;
  if (wanted !== '') {
    const isas = binding.isas();
    const usable = isas.filter((i) => i.built && i.supported).map((i) => i.name);
    const found = isas.find((i) => i.name === wanted);
    if (found === undefined) {
      const known = isas.map((i) => i.name);
      const message = `Expected one of ${usable.join(', ')} for ${name} but received ${describe(isa)}${suggestion(isa, known)}`;
      throw lowpError('ERR_LOWP_VALUE', message, caller);
    }
    if (!found.built || !found.supported) {
      const reason = found.built ? 'this machine does not support it' : 'this build does not contain it';
      const message = `Expected one of ${usable.join(', ')} for ${name} but received '${isa}': ${reason}`;
      throw lowpError('ERR_LOWP_UNSUPPORTED', message, caller);
    }
  }
  try {
    binding.setIsa(wanted);
  } catch (thrown) {
    throw fromNative(thrown, caller);
  }
}

/** The reference has no ISA to choose: a setting that can't be honoured is an error, never ignored. */
function refuseIsa(): void {
  const isa = process.env.LOWP_ISA ?? '';
  if (isa === '' || isa === 'auto') return;
  throw lowpError('ERR_LOWP_UNSUPPORTED', `Expected no LOWP_ISA beside LOWP_BACKEND=reference but received ${describe(isa)}`);
}

function deviceFromEnvironment(native: boolean): void {
  const device = process.env.LOWP_DEVICE ?? '';
  if (device === '' || device === 'cpu') return;
  if (device !== 'cuda') {
    throw lowpError('ERR_LOWP_VALUE', `Expected one of cpu, cuda for LOWP_DEVICE but received ${describe(device)}`);
  }
  if (!native) throw lowpError('ERR_LOWP_UNSUPPORTED', "Expected no LOWP_DEVICE beside LOWP_BACKEND=reference but received 'cuda'");
  setDefaultDevice(device);
}

function threadsFromEnvironment(): number | undefined {
  const text = process.env.LOWP_THREADS ?? '';
  if (text === '') return undefined;
  const threads = Number(text);
  if (Number.isInteger(threads) && threads >= 1 && threads <= MAX_THREADS) return threads;
  throw lowpError('ERR_LOWP_VALUE', `Expected an integer from 1 to ${MAX_THREADS} for LOWP_THREADS but received ${describe(text)}`);
}
