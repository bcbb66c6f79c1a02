/** The control blocks: lib/native/slots.ts mirrors native/addon/ctl.h, slot by slot. Nothing else would notice a slip. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { BINDING_VERSION, MAX_THREADS } from '../../lib/native/slots';
import { binding } from '../helpers/native';

const ROOT = join(__dirname, '..', '..');
// Slots whose name is a keyword of C++.
const RENAMED: Readonly<Record<string, string>> = { isSigned: 'signed' };
const MIRRORS = [
  ['GemmSlot', 'Gemm'],
  ['ActivationCode', 'ActivationCode'],
  ['ActivationQuantization', 'ActivationQuantization'],
  ['PackSlot', 'Pack'],
  ['StorageCode', 'StorageCode'],
  ['ElementCode', 'ElementCode'],
  ['CastSlot', 'Cast'],
  ['GroupSlot', 'Group'],
  ['ConvSlot', 'Conv'],
  ['PoolSlot', 'Pool'],
  ['SparseSlot', 'Sparse'],
  ['QuantizeSlot', 'Quantize'],
  ['SvdSlot', 'Svd'],
  ['SvdCriterionCode', 'SvdCriterion'],
  ['SvdReport', 'SvdReport'],
  ['SearchSlot', 'Search'],
] as const;

/** Comments would hide names, or look like them. */
function read(...path: string[]): string {
  return readFileSync(join(ROOT, ...path), 'utf8').replace(/\/\*[^]*?\*\/|\/\/.*/g, '');
}

/** The names between the braces behind `start`, in order; an assigned value would break the mirror, so it stays in the name. */
function names(text: string, pattern: RegExp): Map<string, string[]> {
  const found = [...text.matchAll(pattern)];
  return new Map(found.map(([, name, body]) => [name, body.split(',').flatMap((s) => (s.trim() === '' ? [] : [s.trim()]))]));
}

const header = read('native', 'addon', 'ctl.h');
const own = read('lib', 'native', 'slots.ts');
const slots = names(header, /struct (\w+) \{\s*enum(?: : \w+)? \{([^}]*)\}/g);
const enums = names(own, /enum (\w+) \{([^}]*)\}/g);

test('both sides have the same control blocks', () => {
  expect([...slots.keys()]).toEqual(MIRRORS.map(([cpp]) => cpp));
  expect([...enums.keys()].sort()).toEqual(MIRRORS.map(([, ts]) => ts).sort());
});

test.each(MIRRORS)('%s of ctl.h is %s of slots.ts: names and order', (cpp, ts) => {
  expect(slots.get(cpp)?.length).toBeGreaterThan(0);
  expect(slots.get(cpp)?.map((name) => RENAMED[name] ?? name)).toEqual(enums.get(ts));
});

test('version and limits', () => {
  expect(/kBindingVersion = (\d+)/.exec(header)?.[1]).toBe(String(BINDING_VERSION));
  expect(binding().version).toBe(BINDING_VERSION);
  expect(read('native', 'core', 'thread_pool.h')).toContain(`kMaxThreads = ${MAX_THREADS};`);
});
