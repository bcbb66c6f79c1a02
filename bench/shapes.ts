import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { InputError } from './types';

export interface GemmShape {
  readonly m: number;
  readonly n: number;
  readonly k: number;
}

export function shapeName({ m, n, k }: GemmShape): string {
  return `${m}x${n}x${k}`;
}

/** A multiply-add counts as two. */
export function operations({ m, n, k }: GemmShape): number {
  return 2 * m * n * k;
}

/** Reads lines of MxNxK; `#` starts a comment. */
export function readShapes(path: string): GemmShape[] {
  return readLines(path, 'MxNxK', (text) => {
    const match = /^(\d+)x(\d+)x(\d+)$/.exec(text);
    const [m, n, k] = (match ?? []).slice(1).map(Number);
    return match === null || m * n * k === 0 ? undefined : [{ m, n, k }];
  });
}

/** What `parse` makes of each line that is not empty; undefined if it is no `format`. */
export function readLines<T>(path: string, format: string, parse: (text: string) => readonly T[] | undefined): T[] {
  const found: T[] = [];
  read(path, format)
    .split('\n')
    .forEach((line, index) => {
      const text = line.replace(/#.*/, '').trim();
      if (text === '') return;
      const parsed = parse(text);
      if (parsed === undefined) {
        throw new InputError(`Expected ${format} in line ${index + 1} of ${basename(path)} but received '${text}'`);
      }
      found.push(...parsed);
    });
  if (found.length === 0) throw new InputError(`Expected at least one ${format} line in ${basename(path)} but received none`);
  return found;
}

function read(path: string, format: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (thrown) {
    throw new InputError(
      `Expected a file of ${format} lines but received ${thrown instanceof Error ? thrown.message : String(thrown)}`,
    );
  }
}
