/**
 * What the object files and the binary export. A weak symbol in a file compiled for AVX-512 could be the copy that the linker keeps
 * for every machine, so each ISA file defines one external symbol, its kernel table entry, and nothing else.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import { isas } from '../../native/isas.json';
import { ROOT } from '../helpers/child';

const FILE = new RegExp(`^(\\w+?)_(${[...isas.map(({ name }) => name), 'scalar'].join('|')})(?:\\.cc)?\\.o$`);
const build = join(ROOT, 'build');

function objects(): string[] {
  if (!existsSync(build)) return [];
  const files = readdirSync(build, { recursive: true, encoding: 'utf8' });
  return files.filter((file) => FILE.test(basename(file))).sort();
}

function symbols(...args: string[]): { kind: string; name: string }[] {
  const lines = execFileSync('nm', args, { encoding: 'utf8' }).split('\n');
  return lines.flatMap((line) => {
    const [, kind, name] = /^[0-9a-f]* *(\w) (.+)$/.exec(line) ?? [];
    return kind === undefined ? [] : [{ kind, name }];
  });
}

const found = objects();
const binary = join(build, 'Release', 'lowp.node');
const missing =
  process.platform !== 'linux' || spawnSync('nm', ['--version']).status !== 0
    ? 'nm of binutils is not here'
    : found.length === 0 || !existsSync(binary)
      ? 'build/ has no object files'
      : '';

if (missing !== '' && !process.env.CI) {
  test.skip(`skipped: ${missing}`, () => undefined);
} else {
  test('there is something to look at', () => expect(missing).toBe(''));

  test.each(found)('%s > one external symbol, named after family and ISA', (file) => {
    const [, family, isa] = FILE.exec(basename(file)) ?? [];
    const defined = symbols('-C', '-g', '--defined-only', join(build, file));
    expect(defined).toEqual([{ kind: expect.stringMatching(/^[DRBG]$/), name: expect.stringMatching(/^lowp::k\w+$/) }]);
    expect(defined[0].name.toLowerCase()).toBe(`lowp::k${family.replace('_', '')}${isa}`);
  });

  test('every ISA file of this architecture was built', () => {
    const sources = readdirSync(join(ROOT, 'native', 'kernels'), { recursive: true, encoding: 'utf8' });
    const own = new Set(['scalar', ...isas.filter(({ arch }) => arch === process.arch).map(({ name }) => name)]);
    const expected = sources.map((file) => `${basename(file)}.o`).filter((name) => own.has(FILE.exec(name)?.[2] ?? ''));
    const built = new Set(found.map((file) => basename(file).replace(/(\.cc)?\.o$/, '.cc.o')));
    expect(expected.filter((name) => !built.has(name))).toEqual([]);
  });

  test('lowp.node exports the entry points of Node-API only', () => {
    const exported = symbols('-D', '-C', '--defined-only', binary).map(({ name }) => name);
    expect(exported.sort()).toEqual(['napi_register_module_v1', 'node_api_module_get_api_version_v1']);
  });
}
