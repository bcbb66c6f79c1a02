'use strict';
// npm run build: compiles the addon into build/Release/lowp.node and the TypeScript into dist/.
//   --native, --dist  only the one or the other
//   --test            with cmake-js: also the emulated CUDA device and the tests of the CUDA kernels
//   --cuda=all        with cmake-js, the CUDA plugin where nvcc is found: for every device (the default), for one (so that a test sees
//                     it compile; minutes less), or off
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

const CUDA = {
  all: ['--CDLOWP_CUDA=AUTO', '--CDLOWP_CUDA_TARGETS=75:sm_75;80:sm_80,sm_86,sm_89,compute_80;90a:sm_90a'],
  one: ['--CDLOWP_CUDA=AUTO', '--CDLOWP_CUDA_TARGETS=90a:sm_90a'],
  off: ['--CDLOWP_CUDA=OFF'],
};

function buildNative(tool, cuda, tests) {
  if (!compilerFound()) throw new Error(ADVICE);
  console.log(`Building with ${tool}`);
  if (tool === 'cmake-js') {
    const options = [...CUDA[cuda], `--CDLOWP_CUDA_EMULATOR=${tests ? 'ON' : 'OFF'}`];
    // `compile` alone leaves a folder that was configured before as it is.
    runPackage('cmake-js', 'bin/cmake-js', ['configure', '--log-level', 'warn', ...options]);
    runPackage('cmake-js', 'bin/cmake-js', ['build', '--log-level', 'warn']);
  } else {
    runPackage('node-gyp', 'bin/node-gyp.js', ['rebuild', '--loglevel=warn', ...headers()]);
  }
}

// Of --name=value.
function valueOf(args, name, fallback, known) {
  const given = args.find((arg) => arg.startsWith(`--${name}=`))?.slice(name.length + 3) ?? fallback;
  if (!known.includes(given)) throw new Error(`Expected one of ${known.join(', ')} for --${name} but received ${given}`);
  return given;
}

function main(args) {
  if (!args.includes('--dist')) {
    const tool = valueOf(args, 'with', found('cmake') ? 'cmake-js' : 'node-gyp', ['cmake-js', 'node-gyp']);
    buildNative(tool, valueOf(args, 'cuda', 'all', Object.keys(CUDA)), args.includes('--test'));
  }
  if (!args.includes('--native')) runPackage('typescript', 'bin/tsc', ['-p', 'tsconfig.build.json']);
}

try {
  main(process.argv.slice(2));
} catch (error) {
  console.error(`\n${error.message}\n`);
  process.exitCode = 1;
}
