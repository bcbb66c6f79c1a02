/** NumPy, SciPy and scikit-learn, through a Python program that keeps running and takes one request after the other (svd.py). */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { SvdContender, SvdPeer } from '../svd/contenders';
import type { SvdProblem } from '../svd/problem';
import type { Opened } from './peer';
import { INTERPRETERS, Python, type Answer } from './pythonProgram';

const PROGRAM = join(__dirname, 'svd.py');

const ABOUT = [
  'LAPACK gesdd: the whole decomposition, cut off (NumPy on OpenBLAS). randomized (NumPy): two power iterations with QR, oversampling 10. ' +
    'ARPACK: scipy.sparse.linalg.svds. scikit-learn: randomized_svd with its defaults. float32, in a Python process, in turn with ours.',
];

export async function openPython(threads: number): Promise<Opened> {
  const { python, hello } = await start(threads);
  const methods = hello.methods as readonly string[];
  const svd: SvdPeer = {
    about: ABOUT,
    libraries: methods,
    open: async (problem) => await openProblem(python, problem, methods),
  };
  const peer = {
    ...{ name: 'NumPy', version: String(hello.version), products: () => undefined, svd },
    cpuSeconds: () => python.cpuSeconds,
    close: async () => python.close(),
  };
  return { peers: [peer], missing: hello.missing as readonly string[] };
}

/** The interpreter that has most of the packages, and what it says of itself. */
async function start(threads: number): Promise<{ readonly python: Python; readonly hello: Answer }> {
  const missingOf = ({ missing }: Answer): number => (missing as readonly string[]).length;
  let best: { readonly python: Python; readonly hello: Answer } | undefined;
  for (const interpreter of INTERPRETERS) {
    const python = new Python(interpreter, PROGRAM, threads);
    const hello = await python.hello();
    if (hello === undefined) continue;
    if (best !== undefined && missingOf(best.hello) <= missingOf(hello)) python.close();
    else {
      best?.python.close();
      best = { python, hello };
    }
  }
  if (best === undefined) throw new Error('apt-get install python3-numpy python3-scipy python3-sklearn');
  return best;
}

let problems = 0;

async function openProblem(python: Python, problem: SvdProblem, methods: readonly string[]) {
  const id = ++problems;
  const { m, n, rank } = problem.shape;
  const folder = mkdtempSync(join(tmpdir(), 'lowp-svd-'));
  try {
    const path = join(folder, 'a');
    writeFileSync(path, problem.a.data);
    await python.ask(`open ${id} ${m} ${n} ${rank} ${path}`);
  } finally {
    rmSync(folder, { recursive: true });
  }
  const contenders = methods.map((name): SvdContender => {
    let error = NaN;
    return {
      name,
      library: name,
      sample: async (calls) => {
        const answer = await python.ask(`run ${id} ${calls} ${name}`);
        error = Number(answer.error);
        return Number(answer.seconds);
      },
      error: () => error,
    };
  });
  return {
    contenders,
    best: async () => problem.best ?? Number((await python.ask(`best ${id}`)).best),
    close: async () => void (await python.ask(`close ${id}`)),
  };
}
