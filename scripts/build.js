'use strict';
// npm run build: compiles the addon into build/Release/lowp.node and the TypeScript into dist/.
//   --native, --dist  only the one or the other
//   --emulator        with cmake-js: also the emulated CUDA device and its tests
//   --with=cmake-js   or node-gyp: instead of cmake-js where cmake is found, else node-gyp
const { spawnSync } = require('node:child_process');
const { existsSync } = require('node:fs');
const { dirname, join } = require('node:path');

const root = join(__dirname, '..');

function found(command) {
  return spawnSync(command, ['--version'], { stdio: 'ignore', shell: process.platform === 'win32' }).status === 0;
}

function compilerFound() {
  if (process.platform === 'win32') return true; // cmake and node-gyp look for Visual Studio themselves, and say so
  return [process.env.CXX, 'c++', 'g++', 'clang++'].some((compiler) => compiler && found(compiler.split(' ')[0]));
}

const ADVICE = `lowp needs a C++17 compiler to build its native code, and found none.

  Debian, Ubuntu   sudo apt-get install build-essential cmake
  Fedora, RHEL     sudo dnf install gcc-c++ make cmake
  Alpine           apk add build-base cmake python3
  macOS            xcode-select --install
  Windows          winget install Microsoft.VisualStudio.2022.BuildTools Kitware.CMake

cmake may be missing if python3 and make are there: node-gyp builds then.
Without a compiler, LOWP_BACKEND=reference runs the TypeScript reference: exact, but slow.`;

function run(command, args, options = {}) {
  const { status, error } = spawnSync(command, args, { cwd: root, stdio: 'inherit', ...options });
  if (error) throw error;
  if (status !== 0) throw new Error(`Expected exit status 0 from ${command} ${args.join(' ')} but received ${status}`);
}

// A package's own command, run by this Node.
function runPackage(name, bin, args) {
  run(process.execPath, [join(dirname(require.resolve(`${name}/package.json`, { paths: [root] })), bin), ...args]);
}

// Node's own headers, where the installation has them, instead of a download.
function headers() {
  const prefix = dirname(dirname(process.execPath));
  return existsSync(join(prefix, 'include', 'node', 'node_api.h')) ? [`--nodedir=${prefix}`] : [];
}

function buildNative(tool, emulator) {
  if (!compilerFound()) throw new Error(ADVICE);
  console.log(`Building with ${tool}`);
  if (tool === 'cmake-js') {
    const options = emulator ? ['--CDLOWP_CUDA_EMULATOR=ON'] : [];
    // `compile` alone leaves a folder that was configured before as it is.
    for (const step of ['configure', 'build']) runPackage('cmake-js', 'bin/cmake-js', [step, '--log-level', 'warn', ...options]);
  } else {
    runPackage('node-gyp', 'bin/node-gyp.js', ['rebuild', '--loglevel=warn', ...headers()]);
  }
}

function main(args) {
  if (!args.includes('--dist')) {
    const given = args.find((arg) => arg.startsWith('--with='))?.slice('--with='.length);
    const tool = given ?? (found('cmake') ? 'cmake-js' : 'node-gyp');
    if (tool !== 'cmake-js' && tool !== 'node-gyp')
      throw new Error(`Expected cmake-js or node-gyp for --with but received ${tool}`);
    buildNative(tool, args.includes('--emulator'));
  }
  if (!args.includes('--native')) runPackage('typescript', 'bin/tsc', ['-p', 'tsconfig.build.json']);
}

try {
  main(process.argv.slice(2));
} catch (error) {
  console.error(`\n${error.message}\n`);
  process.exitCode = 1;
}
