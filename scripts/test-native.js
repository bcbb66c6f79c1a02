'use strict';
// The kernels' own tests (native/test, no Node inside) on machines and under checkers that `npm test` has not got:
//   node scripts/test-native.js host|asan|tsan|arm64|avxvnni|baseline|avx512 [<option of lowp_test>...]
// host      as built for this machine
// asan      AddressSanitizer and UndefinedBehaviorSanitizer
// tsan      ThreadSanitizer
// arm64     cross-compiled, under qemu: with dot product (all ISAs required) and without
// avxvnni   the kernels for AVX-VNNI, with AVX2 in place of their one instruction
// baseline  x86-64 without AVX, and with AVX2 only, under qemu
// avx512    with AVX-512 VNNI, under Bochs (emulator/); --quick where no options are given, the others take none
const { mkdirSync } = require('node:fs');
const { join } = require('node:path');
const emulator = require('./emulator');
const { ensureTools, root, run } = require('./system');

const BUILD_TOOLS = { cmake: 'cmake', 'g++': 'g++', make: 'make' };

function build(name, ...options) {
  const folder = join(root, `build-${name}`);
  mkdirSync(folder, { recursive: true });
  run('cmake', ['-S', root, '-B', folder, '-DLOWP_TESTS=ON', '-DLOWP_CUDA=OFF', ...options], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  run('cmake', ['--build', folder, '--parallel', '2'], { stdio: ['ignore', 'ignore', 'inherit'] });
  return join(folder, 'lowp_test');
}

const TARGETS = {
  host: { tools: {}, test: () => run(build('host'), []) },
  asan: { tools: {}, test: () => run(build('asan', '-DLOWP_SANITIZE=address,undefined'), []) },
  tsan: {
    tools: { setarch: 'util-linux' },
    // Without address-space randomisation, which this sanitizer does not bear.
    test: () => run('setarch', ['-R', build('tsan', '-DLOWP_SANITIZE=thread')]),
  },
  arm64: {
    tools: { 'aarch64-linux-gnu-g++': 'g++-aarch64-linux-gnu', 'qemu-aarch64': 'qemu-user' },
    test: () => {
      const program = build('arm64', `-DCMAKE_TOOLCHAIN_FILE=${join(root, 'cmake', 'aarch64.cmake')}`);
      const qemu = (cpu, ...args) => run('qemu-aarch64', ['-cpu', cpu, '-L', '/usr/aarch64-linux-gnu', program, ...args]);
      qemu('max', '--require', 'neondot,neon');
      qemu('cortex-a72', '--require', 'neon');
    },
  },
  avxvnni: { tools: {}, test: () => run(build('avxvnni', '-DLOWP_EMULATE_AVXVNNI=ON'), ['--require', 'avxvnni']) },
  baseline: {
    tools: { 'qemu-x86_64': 'qemu-user' },
    test: () => {
      const program = build('host');
      run('qemu-x86_64', ['-cpu', 'qemu64', program]);
      run('qemu-x86_64', ['-cpu', 'max', program, '--require', 'avx2']);
    },
  },
  avx512: {
    tools: emulator.TOOLS,
    test: async (options) => {
      const program = build('static', '-DCMAKE_EXE_LINKER_FLAGS=-static');
      const chosen = options.length > 0 ? options : ['--quick'];
      process.exitCode = await emulator.emulate(program, [...chosen, '--require', 'avx512vnni,avx512,avx2']);
    },
  },
};

const [name, ...options] = process.argv.slice(2);
const target = TARGETS[name];
if (target === undefined) throw new Error(`Expected one of ${Object.keys(TARGETS).join(', ')} but received ${name}`);
if (!ensureTools({ ...BUILD_TOOLS, ...target.tools })) process.exit(1);
target.test(options);
