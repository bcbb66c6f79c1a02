/** Source files and what they include or import. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, posix } from 'node:path';
import { ROOT } from './child';

export interface Source {
  /** From the root of the repository, with forward slashes. */
  readonly path: string;
  readonly text: string;
}

export function sources(folder: string, pattern: RegExp): Source[] {
  return readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
    .map((file) => posix.join(folder, file.split('\\').join('/')))
    .filter((path) => pattern.test(path))
    .sort()
    .map((path) => ({ path, text: readFileSync(join(ROOT, path), 'utf8') }));
}

/** What stands between the quotes or brackets of each #include, in any branch of the preprocessor. */
export function includesOf({ text }: Source): string[] {
  return [...text.matchAll(/^[ \t]*#[ \t]*include[ \t]*([<"])([^>"]+)[>"]/gm)].map(([, bracket, name]) =>
    bracket === '<' ? `<${name}>` : name,
  );
}

/** Static and dynamic imports, re-exports and requires. */
export function importsOf({ text }: Source): string[] {
  const code = text.replace(/\/\*[\s\S]*?\*\//g, '').replace(/^\s*\/\/.*$/gm, '');
  const statements = /(?:\bfrom|\bimport)\s*['"]([^'"]+)['"]|\b(?:import|require)\s*\(\s*['"]([^'"]+)['"]/g;
  return [...code.matchAll(statements)].map(([, from, call]) => from ?? call);
}

/** The file that a relative import means, from the root of the repository; other names as they are. */
export function resolveImport(importer: string, name: string): string {
  if (!name.startsWith('.')) return name;
  const target = posix.join(dirname(importer), name);
  const found = [`${target}.ts`, `${target}/index.ts`, target].find((path) => existsSync(join(ROOT, path)));
  if (found === undefined) throw new Error(`Expected a file for '${name}' in ${importer} but found none`);
  return found;
}
