/**
 * oneDNN and OpenBLAS, through a small C++ program that is built here on demand from native/. It keeps running and takes one request
 * after the other, so that its samples alternate with ours.
 */
import { spawn, spawnSync, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Opened, Peer, PeerProduct } from './peer';
import { parseLibraries, parseOpen, parseRun, type NativeConvolution, type NativeLibrary } from './protocol';

const SOURCE = join(__dirname, 'native');
const BUILD = join(__dirname, '..', '..', 'build', 'peers');
const PROGRAM = join(BUILD, 'lowp_peers');

/** What to install, by Debian's names. */
const PACKAGES: Readonly<Record<string, string>> = { oneDNN: 'libdnnl-dev', OpenBLAS: 'libopenblas-dev' };

/** By kind, else for all kinds. */
const ABOUT: Readonly<Record<string, string>> = {
  'oneDNN int8':
    'oneDNN: called from C++ in a process of its own, in turn with ours. matmul: the primitive, weights in the layout that it asks for; ' +
    'with `-> u8` bias, relu and a scale for each column, else int32 sums; gemm: the dnnl_gemm_*s8s32 functions, row-major weights.',
  'oneDNN float32':
    'oneDNN: called from C++ in a process of its own, in turn with ours; the matmul primitive, weights in the layout that it asks for.',
  OpenBLAS: 'OpenBLAS: cblas_sgemm, called from C++ likewise; row-major weights.',
};

const ABOUT_CONVOLUTIONS: Readonly<Record<string, string>> = {
  oneDNN:
    'oneDNN: called from C++ in a process of its own, in turn with ours; the convolution primitive with bias and relu, images and weights ' +
    'in the layouts that it asks for (reorders between them and NCHW are not timed), u8s8 -> u8 with a scale for each channel.',
};

export async function openNative(threads: number): Promise<Opened> {
  const problem = build();
  if (problem !== undefined) return { peers: [], missing: Object.keys(PACKAGES).map((name) => `${name} (${problem})`) };
  const program = new Program(threads);
  const libraries = parseLibraries(await program.hello);
  const missing = Object.keys(PACKAGES).filter((name) => !libraries.some((library) => library.name === name));
  if (libraries.length === 0) program.close();
  return {
    peers: libraries.map((library, i) => peerOf(library, program, i === 0)),
    missing: missing.map((name) => `${name} (apt-get install ${PACKAGES[name]})`),
  };
}

/** Undefined if the program is there and up to date, else why it isn't. */
function build(): string | undefined {
  // Looked for anew each time: packages come and go.
  const found = Object.keys(PACKAGES).flatMap((name) => ['-U', `${name.toUpperCase()}_*`]);
  const commands = [
    [...found, '-S', SOURCE, '-B', BUILD],
    ['--build', BUILD],
  ];
  for (const args of commands) {
    const { error, status, stdout, stderr } = spawnSync('cmake', args, { encoding: 'utf8' });
    if (error === undefined && status === 0) continue;
    const lines = (error?.message ?? stderr + stdout).split('\n').filter((line) => line.trim() !== '');
    const reason = lines.slice(0, 3).map((line) => line.trim());
    return `${reason.join(' ')}; apt-get install cmake g++ ${Object.values(PACKAGES).join(' ')}`;
  }
  return undefined;
}

function peerOf({ name, version, operators, convolutions }: NativeLibrary, program: Program, first: boolean): Peer {
  return {
    name,
    version,
    about: (kind) => [ABOUT[`${name} ${kind}`] ?? ABOUT[name] ?? `${name}: called from C++ in a process of its own.`],
    libraries: (kind) => (operators.some((operator) => operator.kind === kind) ? [name] : []),
    open: async (kind, problem) => {
      const { m, n, k } = problem.shape;
      const products: PeerProduct[] = [];
      for (const operator of operators.filter((o) => o.kind === kind)) {
        products.push(await openProduct(name, operator, program, 'open', [m, n, k]));
      }
      return products;
    },
    ...(convolutions.length > 0 && {
      convolutions: {
        about: [ABOUT_CONVOLUTIONS[name] ?? `${name}: called from C++ in a process of its own.`],
        libraries: [name],
        open: async ({ shape }) => {
          const { channels, height, width, outChannels, kernel, stride, padding, groups } = shape;
          const sizes = [channels, height, width, outChannels, kernel, stride, padding, groups];
          const products: PeerProduct[] = [];
          for (const each of convolutions) products.push(await openProduct(name, each, program, 'conv', sizes));
          return products;
        },
      },
    }),
    // Libraries share the process.
    cpuSeconds: () => (first ? program.cpuSeconds : 0),
    close: async () => program.close(),
  };
}

async function openProduct(
  library: string,
  operator: NativeConvolution,
  program: Program,
  verb: 'open' | 'conv',
  sizes: readonly number[],
): Promise<PeerProduct> {
  const id = program.nextId();
  const { describe, problem } = parseOpen(await program.ask(`${verb} ${id} ${sizes.join(' ')} ${library}/${operator.name}`));
  const sample = async (calls: number): Promise<number> => {
    const { seconds, cpuSeconds } = parseRun(await program.ask(`run ${id} ${calls}`));
    program.cpuSeconds = cpuSeconds;
    return seconds;
  };
  return {
    name: `${library} ${operator.name}`,
    library,
    operands: operator.operands,
    implementation: describe,
    run: () => sample(1),
    sample,
    check: () => (problem === '' ? undefined : problem),
    close: async () => void (await program.ask(`close ${id}`)),
  };
}

/** The running program: a line in, a line out, in order. */
class Program {
  readonly hello: Promise<string>;
  cpuSeconds = 0;
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #waiting: { resolve: (line: string) => void; reject: (reason: Error) => void }[] = [];
  #ended: Error | undefined;
  #id = 0;

  constructor(threads: number) {
    this.#child = spawn(PROGRAM, {
      env: {
        ...process.env,
        OMP_NUM_THREADS: String(threads),
        OPENBLAS_NUM_THREADS: String(threads),
        // It would print between the answers.
        ONEDNN_VERBOSE: '0',
        DNNL_VERBOSE: '0',
      },
    });
    let stderr = '';
    this.#child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
    // Written to after its end: `close` below says what happened.
    this.#child.stdin.on('error', () => {});
    this.#child.on('error', (error) => this.#end(error));
    this.#child.on('close', (code, signal) =>
      this.#end(new Error(`The native peers ended (${signal ?? code}) ${stderr}`.trim())),
    );
    createInterface(this.#child.stdout).on('line', (line) => this.#waiting.shift()?.resolve(line));
    this.hello = this.#next();
  }

  nextId(): number {
    return this.#id++;
  }

  ask(line: string): Promise<string> {
    const answer = this.#next();
    this.#child.stdin.write(`${line}\n`);
    return answer;
  }

  /** It ends by itself when its input does. */
  close(): void {
    this.#child.stdin.end();
  }

  #next(): Promise<string> {
    if (this.#ended !== undefined) return Promise.reject(this.#ended);
    return new Promise((resolve, reject) => this.#waiting.push({ resolve, reject }));
  }

  #end(reason: Error): void {
    this.#ended ??= reason;
    for (const { reject } of this.#waiting.splice(0)) reject(this.#ended);
  }
}
