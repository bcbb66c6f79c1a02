/** What goes wrong with the CUDA device, in processes of their own: no plugin, no memory, a lost device. The process lives on. */
import { join } from 'node:path';
import { outcome, ROOT, runChild, SUCCESS } from '../helpers/child';

const LIBRARY = process.env.LOWP_CUDA_LIBRARY ?? '';
const FIXTURE = 'test/cuda/fixtures/failures.ts';

test.each([
  ['no plugin', { LOWP_CUDA_LIBRARY: '/nonexistent/lowp_cuda.so' }, /the CUDA plugin was not built or does not load/],
  ['a library that is none', { LOWP_CUDA_LIBRARY: join(ROOT, 'build', 'Release', 'lowp.node') }, /is no CUDA plugin of lowp/],
  ['a device that there is not', { LOWP_CUDA_LIBRARY: LIBRARY, LOWP_CUDA_DEVICE: '99' }, /99/],
  ['a device that is no number', { LOWP_CUDA_LIBRARY: LIBRARY, LOWP_CUDA_DEVICE: 'gpu0' }, /LOWP_CUDA_DEVICE but received gpu0/],
])('%s', async (_, env, reason) => {
  const child = await runChild(FIXTURE, { args: ['none'], env });
  expect(outcome(child)).toEqual(SUCCESS);
  expect(child.stdout).toMatch(reason);
});

test('the reference backend has none', async () => {
  const child = await runChild(FIXTURE, { args: ['none'], env: { LOWP_CUDA_LIBRARY: LIBRARY, LOWP_BACKEND: 'reference' } });
  expect({ code: child.code, signal: child.signal }).toEqual({ code: 0, signal: null });
  expect(child.stdout).toMatch(/the reference backend runs/);
});

const emulated = { LOWP_CUDA_LIBRARY: join(ROOT, 'build', 'Release', 'lowp_cuda_emulated.so') };

test('memory that is all given out', async () => {
  const child = await runChild(FIXTURE, { args: ['memory'], env: { ...emulated, LOWP_CUDA_EMULATED_MEMORY: String(2 ** 22) } });
  expect(outcome(child)).toEqual(SUCCESS);
  expect(child.stdout).toBe('ERR_LOWP_NOMEM\nright\n');
});

test('a device that is lost in a call', async () => {
  const child = await runChild(FIXTURE, { args: ['lost'], env: { ...emulated, LOWP_CUDA_EMULATED_FAULT: '3' } });
  expect(outcome(child)).toEqual(SUCCESS);
  expect(child.stdout).toBe('ERR_LOWP_DEVICE ERR_LOWP_DEVICE\nright\n');
});

test('workers that end while the device works', async () => {
  const child = await runChild(FIXTURE, { args: ['workers'], env: emulated });
  expect(outcome(child)).toEqual(SUCCESS);
  expect(child.stdout).toBe('right\n');
});

test('LOWP_DEVICE takes calls there', async () => {
  const child = await runChild(FIXTURE, { args: ['default'], env: { ...emulated, LOWP_DEVICE: 'cuda' } });
  expect(outcome(child)).toEqual(SUCCESS);
  expect(child.stdout).toBe('cuda cuda\ncpu cpu\n');
});
