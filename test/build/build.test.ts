/** npm run build: cmake-js where cmake is found, node-gyp elsewhere, advice without a compiler. In copies of the sources. */
import { execFileSync, spawnSync, type SpawnSyncReturns } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, mkdirSync, readdirSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runtime } from 'lowp';

const ROOT = join(__dirname, '..', '..');
const SOURCES = [
  'native',
  'cuda',
  'scripts',
  'lib',
  'CMakeLists.txt',
  'binding.gyp',
  'package.json',
  'tsconfig.json',
  'tsconfig.build.json',
];
const MINUTES = 60_000;

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'lowp-build-'));
  for (const source of SOURCES) cpSync(join(ROOT, source), join(folder, source), { recursive: true });
  symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'));
});

afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

/** PATH without some programs: each folder that holds one is replaced by a folder of links to its others. */
function pathWithout(hidden: RegExp): string {
  const entries = (process.env.PATH ?? '').split(':').filter((entry) => existsSync(entry));
  return entries
    .map((entry, i) => {
      const programs = readdirSync(entry);
      if (!programs.some((program) => hidden.test(program))) return entry;
      const links = join(folder, `bin${i}`);
      mkdirSync(links);
      for (const program of programs) if (!hidden.test(program)) symlinkSync(join(entry, program), join(links, program));
      return links;
    })
    .join(':');
}

function build(path: string, ...args: string[]): SpawnSyncReturns<string> {
  const env = { ...process.env, PATH: path, CXX: undefined, CC: undefined };
  return spawnSync(process.execPath, ['scripts/build.js', ...args], { cwd: folder, env, encoding: 'utf8' });
}

/** The kernels of the copy's binary, and a product that it computes. */
function useCopy(): { kernels: string[]; sums: number[] } {
  const script = `
    const { packWeights, quantizedMatmul, runtime } = require('./lib/index.ts');
    const b = packWeights({ data: Int8Array.of(127, -128, 3, 4), shape: [2, 2], scale: 1, zeroPoint: 0 });
    const { data } = quantizedMatmul({ data: Uint8Array.of(255, 1), shape: [1, 2], scale: 1, zeroPoint: 0 }, b, { output: 'int32' });
    console.log(JSON.stringify({ kernels: runtime.kernels().map((k) => k.name), sums: Array.from(data) }));`;
  const answer = execFileSync(process.execPath, ['--import', 'tsx', '-e', script], { cwd: folder, encoding: 'utf8' });
  return JSON.parse(answer) as { kernels: string[]; sums: number[] };
}

test(
  'without cmake the build takes node-gyp, which makes the same addon',
  () => {
    const { status, stdout, stderr } = build(pathWithout(/^cmake/), '--native');
    expect(stdout).toContain('Building with node-gyp');
    expect(stderr).not.toMatch(/error/i);
    expect(status).toBe(0);
    // This process runs what cmake-js built.
    expect(useCopy()).toEqual({ kernels: runtime.kernels().map(({ name }) => name), sums: [255 * 127 + 3, 255 * -128 + 4] });
  },
  6 * MINUTES,
);

test('without a compiler the build says what to install', () => {
  const { status, stderr } = build(pathWithout(/^(.*-)?(c\+\+|g\+\+|clang\+\+)(-.*)?$/));
  expect(status).toBe(1);
  expect(stderr).toContain('C++17 compiler');
  expect(stderr).toContain('apt-get install build-essential cmake');
  expect(stderr).toContain('LOWP_BACKEND=reference');
});
