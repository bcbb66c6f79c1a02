/** Who may know whom: the rules of the design, read from the #include and import statements of every file. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { isas } from '../../native/isas.json';
import { ROOT } from '../helpers/child';
import { importsOf, includesOf, resolveImport, sources, type Source } from '../helpers/sources';

const native = sources('native', /\.(cc|h)$/).filter(({ path }) => !path.startsWith('native/test/'));
const byPath = new Map(native.map((source) => [source.path, source]));
const lib = sources('lib', /\.ts$/);

/** kernels/qgemm/qgemm.h, but no other header of the family. */
const PUBLIC_HEADER = /^kernels\/(\w+)\/\1\.h$/;
const STANDARD = /^<[\w./]+>$/;
const ISA_FILE = new RegExp(
  `^native/kernels/(\\w+)/\\1(?:_\\w+)?_(${[...isas.map(({ name }) => name), 'scalar'].join('|')})\\.cc$`,
);
/** Of families without kernels of their own, for the ISA files of the others. */
const SHARED_HEADER = /^kernels\/(dot|epilogue|sparse)\/\1_\w+\.h$/;
const INTRINSICS = ['<immintrin.h>', '<arm_neon.h>'];

function expectOnly(source: Source, names: string[], allowed: (name: string) => boolean): void {
  expect({ file: source.path, forbidden: names.filter((name) => !allowed(name)) }).toEqual({ file: source.path, forbidden: [] });
}

describe('native', () => {
  test('the files are where the rules look for them', () => {
    expect(native.length).toBeGreaterThan(20);
    expect(native.filter(({ path }) => ISA_FILE.test(path)).length).toBeGreaterThan(5);
    for (const { path } of native) expect(path).toMatch(/^native\/(addon|core|kernels\/\w+)\/\w+\.(cc|h)$/);
  });

  test.each(native)('$path', (source) => {
    const { path } = source;
    const includes = includesOf(source);
    const [, layer, family] = /^native\/(\w+)\/(\w+)/.exec(path) ?? [];
    if (layer === 'addon') {
      const napi = ['<napi.h>', '<node_api.h>'];
      expectOnly(source, includes, (name) => {
        if (/^<.*(napi|node_api|uv|v8|node)[\w.]*>$/.test(name)) return napi.includes(name);
        return STANDARD.test(name) || /^(addon|core)\//.test(name) || PUBLIC_HEADER.test(name) || name === 'cuda/plugin_abi.h';
      });
      return;
    }
    expectOnly(source, includes, (name) => !/napi|node_api|^<(uv|v8|node)/.test(name));
    if (layer === 'core') expectOnly(source, includes, (name) => STANDARD.test(name) || name.startsWith('core/'));
    else
      expectOnly(
        source,
        includes,
        (name) =>
          STANDARD.test(name) ||
          name.startsWith('core/') ||
          name.startsWith(`kernels/${family}/`) ||
          PUBLIC_HEADER.test(name) ||
          SHARED_HEADER.test(name),
      );
  });

  // Through headers as well: a header with an STL container would do the same harm.
  test.each(native.filter(({ path }) => ISA_FILE.test(path)))(
    '$path > compiled with flags of an ISA, so plain data and intrinsics only',
    (source) => {
      const family = source.path.split('/')[2];
      const seen = new Set<string>();
      const visit = (from: Source): void => {
        for (const name of includesOf(from)) {
          if (seen.has(name)) continue;
          seen.add(name);
          const header = byPath.get(`native/${name}`);
          if (header !== undefined) visit(header);
        }
      };
      visit(source);
      const plain = ['<stdint.h>', '<stddef.h>', ...INTRINSICS];
      expectOnly(
        source,
        [...seen],
        (name) =>
          plain.includes(name) ||
          SHARED_HEADER.test(name) ||
          (name.startsWith(`kernels/${family}/`) && !PUBLIC_HEADER.test(name)),
      );
    },
  );

  test('no file of one ISA has intrinsics of another architecture', () => {
    for (const source of native) {
      const isa = ISA_FILE.exec(source.path)?.[2];
      if (isa === undefined) continue;
      const arch = isas.find(({ name }) => name === isa)?.arch;
      const own = arch === 'x64' ? '<immintrin.h>' : arch === 'arm64' ? '<arm_neon.h>' : '';
      expectOnly(source, includesOf(source), (name) => !INTRINSICS.includes(name) || name === own);
    }
  });
});

/** What the files of each part of lib may import from other parts. A part is a folder, or a file of lib itself. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  types: [],
  errors: [],
  reference: ['types'],
  native: ['errors', 'types'],
  validate: ['native', 'errors', 'types'],
  ops: ['native', 'validate', 'errors', 'types', 'reference'],
  runtime: ['native', 'validate', 'errors', 'types'],
  sparse: ['validate', 'errors', 'types'],
  graph: ['validate', 'errors', 'types'],
  compress: ['graph', 'ops', 'validate', 'errors', 'types'],
  onnx: ['graph', 'validate', 'errors', 'types'],
  plan: ['graph', 'native', 'validate', 'errors', 'types'],
  index: ['ops', 'sparse', 'compress', 'onnx', 'plan', 'graph', 'runtime', 'errors', 'types'],
  cli: ['index', 'errors', 'types'],
};
const { dependencies } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { dependencies: Record<string, string> };

function partOf(path: string): string {
  return path.replace(/^lib\//, '').replace(/\/.*|\.ts$/, '');
}

describe('lib', () => {
  test.each(lib)('$path', (source) => {
    const part = partOf(source.path);
    expect(Object.keys(MAY_IMPORT)).toContain(part);
    const allowed = [part, ...(MAY_IMPORT[part] ?? [])];
    const targets = importsOf(source).map((name) => resolveImport(source.path, name));
    expectOnly(source, targets, (target) => {
      if (target.startsWith('lib/')) return allowed.includes(partOf(target));
      // The oracle runs anywhere, so it knows neither Node nor packages.
      return part !== 'reference' && (target.startsWith('node:') || Object.hasOwn(dependencies, target));
    });
  });

  test('nothing but the command line imports index.ts', () => {
    for (const source of lib) {
      if (partOf(source.path) === 'cli') continue;
      expectOnly(
        source,
        importsOf(source).map((name) => resolveImport(source.path, name)),
        (target) => target !== 'lib/index.ts',
      );
    }
  });

  test('index.ts re-exports only', () => {
    const [index] = lib.filter(({ path }) => path === 'lib/index.ts');
    const statements = index.text
      .replace(/\/\*[\s\S]*?\*\//g, '')
      .split(';')
      .map((s) => s.trim());
    for (const statement of statements.filter((s) => s !== '')) expect(statement).toMatch(/^export (type )?[{*][^=]* from '/);
  });
});
