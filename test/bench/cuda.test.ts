/** The CUDA case on the emulated device, and the program of its peer with a stand-in for PyTorch. */
import { join } from 'node:path';
import { convolutions } from '../../bench/cuda/conv';
import { calls, copies, transfers } from '../../bench/cuda/copies';
import { floatProducts, int4Products, int8Products } from '../../bench/cuda/gemm';
import { sparseProducts } from '../../bench/cuda/sparse';
import { TABLES } from '../../bench/cuda/tables';
import type { Opened, Peer } from '../../bench/peers/peer';
import { openTorch } from '../../bench/peers/torch';
import { SvdProblem } from '../../bench/svd/problem';
import { outcome, ROOT, runChild, SUCCESS } from '../helpers/child';

const LONG = 120_000;
const EMULATED = { LOWP_CUDA_LIBRARY: join(ROOT, 'build', 'Release', 'lowp_cuda_emulated.so') };

test('without a device: the reason and nothing else', async () => {
  const child = await runChild('bench/run.ts', { args: ['cuda'], env: { LOWP_CUDA_LIBRARY: '/nonexistent/lowp_cuda.so' } });
  expect(outcome(child)).toEqual(SUCCESS);
  expect(child.stdout).toMatch(/^cuda: the CUDA plugin was not built or does not load.*\n$/);
});

test(
  'every table on the emulated device, all results right',
  async () => {
    const child = await runChild('bench/run.ts', { args: ['cuda'], env: EMULATED, timeout: LONG });
    expect(outcome(child)).toEqual(SUCCESS);
    const titles = child.stdout.split('\n').filter((line) => line.startsWith('cuda: '));
    expect(titles.length).toBe(TABLES.length);
    for (const title of titles) expect(title).toMatch(/\(EMULATED DEVICE: the figures mean nothing\)$/);
    for (const name of ['lowp s8s8 -> int32', 'lowp 4 bits, groups of 32', 'lowp CSR int8', 'sum: tiny', 'lowp accurate']) {
      expect(child.stdout).toContain(name);
    }
    expect(child.stdout).not.toMatch(/WRONG|fails|NaN/);
  },
  LONG,
);

test('an unknown table', async () => {
  const child = await runChild('bench/run.ts', { args: ['cuda', '--tables', 'copy,gemm'], env: EMULATED });
  expect(child.code).toBe(1);
  expect(child.stderr).toContain(
    "Expected some of copy,int8,float,int4,sparse,conv,transfer,call,svd for --tables but received 'gemm'",
  );
});

describe('the program of PyTorch', () => {
  const before = { ...process.env };
  const opened: Peer[] = [];
  const open = async (): Promise<Opened> => {
    const found = await openTorch(1);
    opened.push(...found.peers);
    return found;
  };
  beforeEach(() => {
    Object.assign(process.env, { PYTHONPATH: join(__dirname, 'fixtures', 'torch'), PYTHONDONTWRITEBYTECODE: '1' });
  });
  // A program that still runs would keep the tests from ending.
  afterEach(async () => {
    for (const peer of opened.splice(0)) await peer.close();
    process.env = { ...before };
  });

  test('takes every request', async () => {
    const { peers, missing } = await open();
    expect(missing).toEqual([]);
    expect(peers.map(({ name, version }) => `${name} ${version}`)).toEqual(['PyTorch 0.0 (CUDA 0.1, a device)']);
    const torch = peers[0].cuda;
    const families = [copies, int8Products, floatProducts, int4Products, sparseProducts, convolutions, transfers, calls];
    for (const groups of families.map((family) => family('tiny').groups)) {
      for (const make of groups) {
        const { request, lanes: ours } = make();
        if (request === undefined) continue;
        const answer = await torch?.open({ ...request, sets: 2 });
        const names = [...(answer?.lanes ?? []), ...(answer?.failed ?? [])].map(({ name }) => name);
        const rivals = ours.flatMap((lane) => Object.values(lane.rivals ?? {})).filter((name) => name.startsWith('torch'));
        expect(names).toEqual(expect.arrayContaining(rivals));
        for (const { name, problem } of answer?.failed ?? []) {
          expect({ name, problem }).toEqual({ name: 'torch._int_mm', problem: 'RuntimeError: no such kernel' });
        }
        for (const lane of answer?.lanes ?? []) expect(await lane.sample(3)).toBeGreaterThan(0);
        await answer?.close();
      }
    }
    const svd = await torch?.svd.open(new SvdProblem({ m: 256, n: 256, spectrum: 'gaussian', rank: 4 }));
    expect(svd?.contenders.map(({ name }) => name)).toEqual(torch?.svd.libraries);
    expect(await svd?.contenders[0].sample(2)).toBe(0.002);
    expect(svd?.contenders[0].error()).toBe(1);
    expect(await svd?.best()).toBe(1);
    await svd?.close();
  });

  test('says what is missing', async () => {
    process.env.STAND_IN_DEVICES = '0';
    const { peers, missing } = await open();
    expect([peers, missing]).toEqual([[], ['PyTorch 0.0 (it finds no CUDA device)']]);
  });
});
