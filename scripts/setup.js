'use strict';
// What a fresh clone needs before anything runs: dependencies and the native addon. Does nothing where both are up to date.
//   --test   also system packages that the tests use: as root on Debian, installs those that are missing
const { spawnSync } = require('node:child_process');
const { existsSync, readdirSync, statSync } = require('node:fs');
const { join } = require('node:path');

const root = join(__dirname, '..');
const at = (...parts) => join(root, ...parts);
const modified = (path) => (existsSync(path) ? statSync(path).mtimeMs : 0);

function run(command, args, env = {}) {
  const { status, error } = spawnSync(command, args, { cwd: root, stdio: 'inherit', env: { ...process.env, ...env }, shell: process.platform === 'win32' });
  if (error) throw error;
  if (status !== 0) process.exit(status ?? 1);
}

// The tests compile the addon in both ways, so they need what either needs.
const TEST_TOOLS = { 'g++': 'g++', make: 'make', cmake: 'cmake', python3: 'python3', nm: 'binutils' };

function installTestTools() {
  const has = (command) => spawnSync(command, ['--version'], { stdio: 'ignore' }).status === 0;
  const missing = Object.keys(TEST_TOOLS).filter((command) => !has(command)).map((command) => TEST_TOOLS[command]);
  if (missing.length === 0) return;
  if (process.platform !== 'linux' || process.getuid() !== 0 || !existsSync('/usr/bin/apt-get')) {
    console.warn(`Tests that need ${missing.join(', ')} will be skipped or fail: install them first.`);
    return;
  }
  console.log(`Installing ${missing.join(', ')}`);
  run('apt-get', ['update', '-q']);
  run('apt-get', ['install', '-q', '-y', '--no-install-recommends', ...missing]);
}

function newest(folder) {
  const files = readdirSync(folder, { recursive: true });
  return Math.max(...files.map((file) => modified(join(folder, file))));
}

if (process.argv.includes('--test')) installTestTools();

if (modified(at('node_modules', '.package-lock.json')) < modified(at('package-lock.json'))) {
  console.log('Installing dependencies (npm ci)');
  // onnxruntime-node's CPU library is inside its package; its install script would download CUDA parts.
  run('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'], { ONNXRUNTIME_NODE_INSTALL: 'skip' });
}

const sources = Math.max(newest(at('native')), modified(at('CMakeLists.txt')), modified(at('binding.gyp')));
if (modified(at('build', 'Release', 'lowp.node')) < sources) {
  console.log('Building native code');
  run(process.execPath, [at('scripts', 'build.js'), '--native']);
}
