/**
 * Import this first in a test file that counts handles. One jest process runs many test files, and Node keeps a binary that was
 * loaded once: its counters would include what the files before left to the garbage collector. A copy under another name is
 * another library, with counters of its own.
 */
import { copyFileSync, existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ROOT } from './child';

const places = ['build/Release', 'build/Debug', `prebuilds/${process.platform}-${process.arch}`].map((p) =>
  join(ROOT, p, 'lowp.node'),
);
const found = [process.env.LOWP_BINARY ?? '', ...places].find((path) => path !== '' && existsSync(path));

if (found !== undefined) {
  const folder = mkdtempSync(join(tmpdir(), 'lowp-'));
  const before = process.env.LOWP_BINARY;
  process.env.LOWP_BINARY = join(folder, 'lowp.node');
  copyFileSync(found, process.env.LOWP_BINARY);
  afterAll(() => {
    // A loaded library needs its file no more, except on Windows.
    if (process.platform !== 'win32') rmSync(folder, { recursive: true });
    if (before === undefined) delete process.env.LOWP_BINARY;
    else process.env.LOWP_BINARY = before;
  });
}
