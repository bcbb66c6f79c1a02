/** PyTorch on the CUDA device, through a Python program that keeps running (pytorch.py). */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runtime } from 'lowp';
import type { SvdContender, SvdPeer } from '../svd/contenders';
import type { SvdProblem } from '../svd/problem';
import type { Opened } from './peer';
import { INTERPRETERS, Python, type Answer } from './pythonProgram';

/** Not torch.py: Python would take that for the library. */
const PROGRAM = join(__dirname, 'pytorch.py');

export interface CudaLane {
  readonly name: string;
  readonly library: string;
  /** Empty or what is wrong with its result. */
  readonly problem: string | undefined;
  readonly bytes?: number;
  readonly sample: (calls: number) => Promise<number>;
}

export interface CudaPeer {
  readonly about: readonly string[];
  readonly svd: SvdPeer;
  /** The lanes of a request, and those that can't be measured. */
  open(request: Answer): Promise<{
    readonly lanes: readonly CudaLane[];
    readonly failed: readonly { readonly name: string; readonly problem: string }[];
    close(): Promise<void>;
  }>;
}

const ABOUT = [
  'torch: PyTorch in a process of its own, in turn with ours, called one by one from Python; times by CUDA events. ',
];
const ABOUT_SVD = [
  'torch.svd_lowrank: two power iterations, oversampling 10; torch.linalg.svd: the whole decomposition, cut off.',
];
const SVD_LANES = ['torch.svd_lowrank', 'torch.linalg.svd'];

/** The first interpreter that has it, with a device. */
export async function openTorch(threads: number): Promise<Opened> {
  const missing: string[] = [];
  for (const interpreter of INTERPRETERS) {
    const python = new Python(interpreter, PROGRAM, threads);
    const hello = await python.hello();
    if (hello?.version !== undefined) return { peers: [peerOf(python, hello)], missing: [] };
    if (typeof hello?.missing === 'string') missing.push(hello.missing);
    python.close();
  }
  return { peers: [], missing: [missing[0] ?? 'PyTorch (no python3)'] };
}

/** Whether a peer on the device can be compared with. */
export function hasDevice(): boolean {
  return runtime.cuda.device?.emulated === false;
}

function peerOf(python: Python, hello: Answer): Opened['peers'][number] {
  const svd: SvdPeer = { about: ABOUT_SVD, libraries: SVD_LANES, open: (problem) => openSvd(python, problem) };
  return {
    name: 'PyTorch',
    version: `${String(hello.version)} (CUDA ${String(hello.cuda)}, ${String(hello.device)})`,
    products: () => undefined,
    cuda: { about: ABOUT, svd, open: (request) => openLanes(python, request) },
    cpuSeconds: () => python.cpuSeconds,
    close: async () => python.close(),
  };
}

let requests = 0;

async function ask(python: Python, request: Answer): Promise<Answer> {
  const answer = await python.ask(JSON.stringify(request));
  if (typeof answer.error === 'string') throw new Error(`PyTorch: ${answer.error}`);
  return answer;
}

async function openLanes(python: Python, request: Answer): ReturnType<CudaPeer['open']> {
  const id = ++requests;
  const answer = await ask(python, { ...request, verb: 'open', id });
  const lanes = answer.lanes as readonly (Omit<CudaLane, 'sample' | 'library'> & { readonly problem: string })[];
  return {
    lanes: lanes.map((lane) => ({
      ...lane,
      library: 'torch',
      problem: lane.problem === '' ? undefined : lane.problem,
      sample: async (calls) => Number((await ask(python, { verb: 'run', id, name: lane.name, calls })).seconds),
    })),
    failed: answer.failed as readonly { name: string; problem: string }[],
    close: async () => void (await ask(python, { verb: 'close', id })),
  };
}

async function openSvd(python: Python, problem: SvdProblem): ReturnType<SvdPeer['open']> {
  const { m, n, rank } = problem.shape;
  const folder = mkdtempSync(join(tmpdir(), 'lowp-svd-'));
  let opened: Awaited<ReturnType<CudaPeer['open']>>;
  const id = requests + 1;
  try {
    const path = join(folder, 'a');
    writeFileSync(path, problem.a.data);
    opened = await openLanes(python, { kind: 'svd', m, n, rank, path, sets: 1 });
  } finally {
    rmSync(folder, { recursive: true });
  }
  const contenders = opened.lanes.map(({ name, sample }): SvdContender => {
    let error = NaN;
    return {
      name,
      library: name,
      sample: async (calls) => {
        const seconds = await sample(calls);
        error = Number((await ask(python, { verb: 'distance', id, name })).distance);
        return seconds;
      },
      error: () => error,
    };
  });
  return {
    contenders,
    best: async () => problem.best ?? Number((await ask(python, { verb: 'best', id })).best),
    close: opened.close,
  };
}
