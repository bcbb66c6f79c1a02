'use strict';
// What a fresh clone needs before anything runs: dependencies and the native addon. Does nothing where both are up to date.
//   --dist   also dist/, for programs that import lowp as its users do
//   --test   also system packages and files that the tests use: as root on Debian, gets those that are missing
const { existsSync, readdirSync, statSync } = require('node:fs');
const { join } = require('node:path');
const { ensureFiles, ensureTools, root, run } = require('./system');

const at = (...parts) => join(root, ...parts);
const modified = (path) => (existsSync(path) ? statSync(path).mtimeMs : 0);
const newest = (folder) => Math.max(...readdirSync(folder, { recursive: true }).map((file) => modified(join(folder, file))));

// The tests compile the addon in both ways, so they need what either needs.
if (
  process.argv.includes('--test') &&
  !ensureTools({ 'g++': 'g++', make: 'make', cmake: 'cmake', python3: 'python3', nm: 'binutils' })
) {
  console.warn('Tests that need these will fail.');
}
const TEST_FILES = {
  '/usr/share/libonnx-testdata/data/node': 'libonnx-testdata',
  '/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf': 'fonts-dejavu-core',
};
if (process.argv.includes('--test') && !ensureTools(TEST_FILES)) {
  console.warn("Tests of ONNX's own data will be skipped, and those that render text may fail.");
}

// Matrices of the Harwell-Boeing collection and a malformed one, in the Matrix Market format.
const MATRICES = ['lund_a', 'pores_1', 'jgl009', 'wrong'].map((name) => `usr/lib/R/library/Matrix/external/${name}.mtx`);
if (process.argv.includes('--test') && !ensureFiles('r-cran-matrix', MATRICES, at('.cache', 'matrices'))) {
  console.warn("Missing: files of r-cran-matrix (Debian's package name). Tests that read them are skipped.");
}

if (modified(at('node_modules', '.package-lock.json')) < modified(at('package-lock.json'))) {
  console.log('Installing dependencies (npm ci)');
  run('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error']);
}

// With the tests also the emulated CUDA device; the plugin itself takes minutes, so it is made whole only where there is a GPU.
const testing = process.argv.includes('--test');
const hasGpu = existsSync('/dev/nvidiactl');
const binaries = testing ? ['lowp.node', 'lowp_cuda_emulated.so'] : ['lowp.node'];
const sources = Math.max(
  ...['native', 'cuda'].map((folder) => newest(at(folder))),
  modified(at('CMakeLists.txt')),
  modified(at('binding.gyp')),
);
if (binaries.some((binary) => modified(at('build', 'Release', binary)) < sources)) {
  console.log('Building native code');
  const cuda = `--cuda=${hasGpu ? 'all' : testing ? 'one' : 'off'}`;
  run(process.execPath, [at('scripts', 'build.js'), '--native', cuda, ...(testing ? ['--test'] : [])]);
}

if (process.argv.includes('--dist') && modified(at('dist', 'index.js')) < newest(at('lib'))) {
  console.log('Compiling TypeScript');
  run(process.execPath, [at('scripts', 'build.js'), '--dist']);
}
