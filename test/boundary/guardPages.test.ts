/** Arrays that end at an unmapped page, through the real API, on every ISA of this machine: one byte too far kills the child. */
import { runtime } from 'lowp';
import { outcome, runChild, SUCCESS } from '../helpers/child';

const isas = runtime.isas().filter(({ built, supported }) => built && supported);
// The pages behind a WebAssembly memory are looked up in /proc.
const onLinux = process.platform === 'linux' ? test : test.skip;

onLinux.each(isas)('$name', async ({ name }) => {
  const child = await runChild('test/boundary/fixtures/guardPages.ts', { args: [name] });
  expect(outcome(child)).toEqual(SUCCESS);
  expect(child.stdout).toMatch(/^\d{3,} results/);
});

onLinux('the guard is real: WebAssembly memory ends at an inaccessible page', async () => {
  const child = await runChild('test/boundary/fixtures/guardProof.ts');
  expect(outcome(child)).toEqual(SUCCESS);
});
