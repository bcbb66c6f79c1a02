/** The plugin's own tests, against the processor's kernels, on the emulated device: every capability, threads in several orders. */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { ROOT } from '../helpers/child';

const run = promisify(execFile);
const BUILD = join(ROOT, 'build');
const PLUGIN = join(BUILD, 'Release', 'lowp_cuda_emulated.so');
const PROGRAM = join(BUILD, 'cuda', 'lowp_cuda_test');
const EMULATOR_PROGRAM = join(BUILD, 'cuda', 'emulator', 'lowp_cuda_emulator_test');

/** Without cmake the build has no emulated device; then CI must not pass unnoticed. */
const built = process.env.CI !== undefined || [PLUGIN, PROGRAM, EMULATOR_PROGRAM].every((path) => existsSync(path));
const testBuilt = built ? test : test.skip;

function environment(capability: string, order: string): NodeJS.ProcessEnv {
  return { ...process.env, LOWP_CUDA_EMULATED_CAPABILITY: capability, LOWP_CUDA_EMULATED_ORDER: order };
}

testBuilt(
  'the emulated device',
  async () => {
    const { stdout } = await run(EMULATOR_PROGRAM);
    expect(stdout).toMatch(/^\d+ passed, 0 failed$/m);
  },
  120_000,
);

testBuilt.each([
  ['7.5', 'ascending'],
  ['8.0', 'descending'],
  ['9.0', '7'],
])(
  'the plugin, capability %s, threads in order %s',
  async (capability, order) => {
    const { stdout } = await run(PROGRAM, [PLUGIN, '--quick'], { env: environment(capability, order), maxBuffer: 2 ** 24 });
    expect(stdout).toMatch(/^\d+ passed, 0 failed$/m);
  },
  240_000,
);
