'use strict';
// npm run test:cuda: the CUDA device's own tests in all variants, and the processor's tests of the same functions on it.
//   --gpu       on the GPU of this machine; default: on the emulated device
//   --quick     fewer cases
// On the emulated device: every capability that kernels are written for, threads in several orders (a race shows as a difference), and
// one pass under AddressSanitizer, which sees what lies outside of an allocation.
const { existsSync, mkdirSync } = require('node:fs');
const { join } = require('node:path');
const { root, run } = require('./system');

const at = (...parts) => join(root, ...parts);
const gpu = process.argv.includes('--gpu');
const options = process.argv.includes('--quick') ? ['--quick'] : [];
const library = at('build', 'Release', gpu ? 'lowp_cuda.so' : 'lowp_cuda_emulated.so');
if (!existsSync(library)) throw new Error(`Expected ${library} to have been built (npm run build; the GPU's needs nvcc)`);

const announce = (what) => console.log(`\n--- ${what}`);
const runWith = (env, command, args) => run(command, args, { env: { ...process.env, ...env } });
const program = (name) =>
  ['build', 'build/Release', 'build/cuda', 'build/cuda/emulator'].map((folder) => at(folder, name)).find(existsSync);

function sanitized() {
  const folder = at('build-cuda-asan');
  mkdirSync(folder, { recursive: true });
  const quiet = { stdio: ['ignore', 'ignore', 'inherit'] };
  run('cmake', ['-S', root, '-B', folder, '-DLOWP_SANITIZE=address,undefined', '-DLOWP_CUDA_EMULATOR=ON'], quiet);
  run('cmake', ['--build', folder, '--parallel', '2'], quiet);
  const built = (name) => ['.', 'Release', 'cuda', 'cuda/emulator'].map((part) => join(folder, part, name)).find(existsSync);
  runWith({ LOWP_CUDA_ALLOCATOR: 'exact' }, built('lowp_cuda_test'), [built('lowp_cuda_emulated.so'), ...options]);
}

if (gpu) {
  announce('the plugin against the processor');
  run(program('lowp_cuda_test'), [library, ...options]);
} else {
  announce('the emulated device');
  run(program('lowp_cuda_emulator_test'), []);
  for (const capability of ['7.5', '8.0', '9.0']) {
    for (const order of ['ascending', 'descending', '7']) {
      announce(`the plugin against the processor, capability ${capability}, threads in order ${order}`);
      const env = { LOWP_CUDA_EMULATED_CAPABILITY: capability, LOWP_CUDA_EMULATED_ORDER: order };
      runWith(env, program('lowp_cuda_test'), [library, ...options]);
    }
  }
  announce('under AddressSanitizer');
  sanitized();
}

announce("the processor's tests, on the device");
const FAMILIES = [
  'qgemm',
  'sgemm',
  'nbits',
  'quantize',
  'cast',
  'float16',
  'epilogue',
  'rounding',
  'conv',
  'convOracle',
  'pool',
  'sparse',
  'sparseFiles',
  'svd',
  'onnxNodes',
  'onnxruntime',
  'matMulNBits',
];
const jest = join(require.resolve('jest/package.json', { paths: [root] }), '..', 'bin', 'jest.js');
const files = FAMILIES.map((family) => `test/kernels/${family}.test.ts`);
// All but what they say of the processor's own kernels.
const pattern = '^(?!.*every supported kernel is the choice of some instruction set)';
runWith({ LOWP_CUDA_LIBRARY: library }, process.execPath, [jest, 'test/cuda']);
runWith({ LOWP_DEVICE: 'cuda', LOWP_CUDA_LIBRARY: library }, process.execPath, [jest, '--testNamePattern', pattern, ...files]);
