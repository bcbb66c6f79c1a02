/** NumPy, SciPy and scikit-learn, through a Python program that keeps running and takes one request after the other (svd.py). */
import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface, type Interface } from 'node:readline';
import type { SvdContender, SvdPeer } from '../svd/contenders';
import type { SvdProblem } from '../svd/problem';
import type { Opened } from './peer';

const PROGRAM = join(__dirname, 'svd.py');
/** Of the PATH, or the one that Debian's packages are for. */
const INTERPRETERS = ['python3', '/usr/bin/python3'] as const;

const ABOUT = [
  'LAPACK gesdd: the whole decomposition, cut off (NumPy on OpenBLAS). randomized (NumPy): two power iterations with QR, oversampling 10. ' +
    'ARPACK: scipy.sparse.linalg.svds. scikit-learn: randomized_svd with its defaults. float32, in a Python process, in turn with ours.',
];

type Answer = Readonly<Record<string, unknown>>;

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
    const python = new Python(interpreter, threads);
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

class Python {
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #lines: Interface;
  readonly #answers: AsyncIterator<string>;
  cpuSeconds = 0;

  constructor(interpreter: string, threads: number) {
    const count = String(threads);
    const env = { ...process.env, OPENBLAS_NUM_THREADS: count, OMP_NUM_THREADS: count, MKL_NUM_THREADS: count };
    this.#child = spawn(interpreter, [PROGRAM], { env });
    this.#child.on('error', () => this.#lines.close());
    this.#lines = createInterface({ input: this.#child.stdout });
    this.#answers = this.#lines[Symbol.asyncIterator]();
  }

  /** Undefined where there is no such interpreter, or no NumPy. */
  async hello(): Promise<Answer | undefined> {
    try {
      return await this.#next();
    } catch {
      return undefined;
    }
  }

  async ask(request: string): Promise<Answer> {
    this.#child.stdin.write(`${request}\n`);
    const answer = await this.#next();
    if (typeof answer.cpuSeconds === 'number') this.cpuSeconds = answer.cpuSeconds;
    return answer;
  }

  close(): void {
    this.#child.stdin.end();
  }

  async #next(): Promise<Answer> {
    const { value, done }: IteratorResult<string, unknown> = await this.#answers.next();
    if (done === true) throw new Error('Expected an answer of the Python peers but the program ended');
    return JSON.parse(value) as Answer;
  }
}
