/** Facts of package.json, its lock file and binding.gyp that an install depends on. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { isas } from '../../native/isas.json';
import { ROOT } from '../helpers/child';

interface Manifest {
  readonly main: string;
  readonly types: string;
  readonly exports: Record<string, string | Record<string, string>>;
  readonly files: string[];
  readonly gypfile: boolean;
  readonly binary: { readonly napi_versions: number[] };
  readonly scripts: Record<string, string>;
  readonly dependencies: Record<string, string>;
  readonly devDependencies: Record<string, string>;
}

function read(path: string): string {
  return readFileSync(join(ROOT, path), 'utf8');
}

const manifest = JSON.parse(read('package.json')) as Manifest;

describe('package.json', () => {
  test('nothing runs at install: npm would block it, and binding.gyp alone would make npm compile', () => {
    expect(manifest.gypfile).toBe(false);
    const hooks = ['preinstall', 'install', 'postinstall', 'prepare', 'preprepare', 'postprepare', 'prepublish'];
    expect(Object.keys(manifest.scripts).filter((name) => hooks.includes(name))).toEqual([]);
  });

  test('one Node-API version, the one that the addon is compiled for', () => {
    expect(manifest.binary.napi_versions).toEqual([8]);
    for (const file of ['CMakeLists.txt', 'binding.gyp']) expect(read(file)).toContain('NAPI_VERSION=8');
  });

  test('the package contains what it exports, and what a build from source needs', () => {
    for (const name of ['dist', 'native', 'scripts', 'CMakeLists.txt', 'binding.gyp', 'prebuilds']) {
      expect(manifest.files).toContain(name);
    }
    const entries = Object.values(manifest.exports).flatMap((entry) =>
      typeof entry === 'string' ? [entry] : Object.values(entry),
    );
    for (const path of [manifest.main, manifest.types, ...entries]) {
      if (path === './package.json') continue;
      expect(manifest.files).toContain(path.split('/')[1]);
      // Every published file comes from a source of the same name.
      const source = path.replace('./dist/', 'lib/').replace(/(\.d\.ts|\.js)$/, '.ts');
      expect({ source, exists: existsSync(join(ROOT, source)) }).toEqual({ source, exists: true });
    }
  });

  test('scripts run files that exist and are published where a user needs them', () => {
    for (const command of Object.values(manifest.scripts)) {
      for (const [file] of command.matchAll(/\b(?:scripts|bench|examples)\/[\w/.-]+\.[jt]s\b/g)) {
        expect({ file, exists: existsSync(join(ROOT, file)) }).toEqual({ file, exists: true });
      }
    }
  });

  test('the library imports declared dependencies only at run time', () => {
    expect(Object.keys(manifest.dependencies)).toEqual(['bindings']);
  });
});

describe('package-lock.json', () => {
  const lock = JSON.parse(read('package-lock.json')) as { packages: Record<string, Record<string, unknown>> };

  test('names no registry: each user has his own', () => {
    const named = Object.entries(lock.packages).filter(([, entry]) => 'resolved' in entry && !entry.link);
    expect(named.map(([path]) => path)).toEqual([]);
  });

  test('agrees with package.json', () => {
    const { dependencies, devDependencies } = lock.packages[''];
    expect({ dependencies, devDependencies }).toEqual({
      dependencies: manifest.dependencies,
      devDependencies: manifest.devDependencies,
    });
  });
});

describe('native/isas.json', () => {
  const gyp = read('binding.gyp');

  test('binding.gyp has a target for each ISA, under its architecture', () => {
    const targets = [...gyp.matchAll(/'target_name': '(\w+)'[^{}]*'variables': \{'isa': '(\w+)'/g)].map(([, target, isa]) => ({
      target,
      isa,
    }));
    const expected = isas.map(({ name }) => ({ target: `isa_${name}`, isa: name }));
    const order = (x: { isa: string }, y: { isa: string }): number => x.isa.localeCompare(y.isa);
    expect(targets.sort(order)).toEqual(expected.sort(order));
  });

  test.each(['x64', 'arm64'])('the addon of binding.gyp depends on every ISA of %s, best first', (arch) => {
    const [, list] = new RegExp(`target_arch=="${arch}"', \\{'dependencies': \\[([^\\]]*)\\]`).exec(gyp) ?? [];
    const names = [...(list ?? '').matchAll(/'isa_(\w+)'/g)].map(([, name]) => name);
    expect(names).toEqual(isas.filter((isa) => isa.arch === arch).map(({ name }) => name));
  });

  test('core/isa.cc and core/isa_built.h know the same ISAs', () => {
    const names = isas.map(({ name }) => name).sort();
    const table = [...read('native/core/isa.cc').matchAll(/\{Isa::k\w+,\s*"(\w+)"/g)].map(([, name]) => name);
    expect(table.filter((name) => name !== 'scalar').sort()).toEqual(names);
    const built = [...read('native/core/isa_built.h').matchAll(/defined\(LOWP_HAVE_(\w+)\)/g)].map(([, name]) =>
      name.toLowerCase(),
    );
    expect(built.sort()).toEqual(names);
  });

  test('every file named after an ISA belongs to one that is listed', () => {
    const { sources } = jest.requireActual<{ sources: (isa: string) => string[] }>('../../scripts/isa.js');
    const unlisted = sources('').filter((file) => /_(avx|sse|neon|amx|sve)\w*\.cc$/.test(file));
    expect(unlisted).toEqual([]);
    for (const { name } of isas) expect(sources(name)).not.toEqual([]);
  });
});
