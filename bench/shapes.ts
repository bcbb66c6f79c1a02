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
  const shapes: GemmShape[] = [];
  read(path)
    .split('\n')
    .forEach((line, index) => {
      const text = line.replace(/#.*/, '').trim();
      if (text === '') return;
      const match = /^(\d+)x(\d+)x(\d+)$/.exec(text);
      const [m, n, k] = (match ?? []).slice(1).map(Number);
      if (match === null || m * n * k === 0) {
        throw new InputError(`Expected MxNxK in line ${index + 1} of ${basename(path)} but received '${text}'`);
      }
      shapes.push({ m, n, k });
    });
  if (shapes.length === 0) throw new InputError(`Expected at least one MxNxK line in ${basename(path)} but received none`);
  return shapes;
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (thrown) {
    throw new InputError(
      `Expected a file of MxNxK lines but received ${thrown instanceof Error ? thrown.message : String(thrown)}`,
    );
  }
}
