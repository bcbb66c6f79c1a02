/**
 * oneDNN, OpenBLAS, Eigen and libxsmm, through a small C++ program that is built here on demand from native/. It keeps running
 * and takes one request after the other, so that its samples alternate with ours.
 */
import { spawn, spawnSync, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Opened, Peer, PeerOperators, PeerProduct } from './peer';
import { parseLibraries, parseOpen, parseRun, type NativeLibrary, type NativeOperator } from './protocol';

const SOURCE = join(__dirname, 'native');
const BUILD = join(__dirname, '..', '..', 'build', 'peers');
const PROGRAM = join(BUILD, 'lowp_peers');

/** What to install, by Debian's names. */
const PACKAGES: Readonly<Record<string, string>> = {
  oneDNN: 'libdnnl-dev',
  OpenBLAS: 'libopenblas-dev',
  Eigen: 'libeigen3-dev',
  libxsmm: 'libxsmm-dev',
};

/** By sort of operators, else for all that a library has. */
const ABOUT: Readonly<Record<string, string>> = {
  'oneDNN int8':
    'oneDNN: called from C++ in a process of its own, in turn with ours. matmul: the primitive, weights in the layout that it asks for; ' +
    'with `-> u8` bias, relu and a scale for each column, else int32 sums; gemm: the dnnl_gemm_*s8s32 functions, row-major weights.',
  'oneDNN float32':
    'oneDNN: called from C++ in a process of its own, in turn with ours; the matmul primitive, weights in the layout that it asks for.',
  'oneDNN sparse': 'oneDNN: its dense matmul primitive, called from C++ in a process of its own, in turn with ours; D prepacked.',
  'oneDNN convolutions':
    'oneDNN: called from C++ in a process of its own, in turn with ours; the convolution primitive with bias and relu, images and weights ' +
    'in the layouts that it asks for (reorders between them and NCHW are not timed), u8s8 -> u8 with a scale for each channel.',
  'OpenBLAS sparse': 'OpenBLAS: cblas_sgemm, dense, called from C++ likewise.',
  OpenBLAS: 'OpenBLAS: cblas_sgemm, called from C++ likewise; row-major weights.',
  Eigen: 'Eigen: SparseMatrix times row-major dense (or vector), -O3 -march=native, from C++ likewise; one thread.',
  libxsmm: 'libxsmm: spmdm, its slices made beforehand, from C++ likewise; one thread.',
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

/** What opens a product: the verb and its numbers, as native/main.cc lists them. */
type Request = readonly [verb: 'open' | 'conv', ...numbers: number[]];

function peerOf({ name, version, operators, convolutions }: NativeLibrary, program: Program, first: boolean): Peer {
  const offer = <P>(
    sort: string,
    found: readonly NativeOperator[],
    requestOf: (problem: P) => Request,
  ): PeerOperators<P> | undefined => {
    if (found.length === 0) return undefined;
    return {
      about: [ABOUT[`${name} ${sort}`] ?? ABOUT[name] ?? `${name}: called from C++ in a process of its own.`],
      libraries: [name],
      open: async (problem) => {
        const products: PeerProduct[] = [];
        for (const operator of found) products.push(await openProduct(name, operator, program, requestOf(problem)));
        return products;
      },
    };
  };
  return {
    name,
    version,
    products: (kind) => {
      const found = operators.filter((operator) => operator.kind === kind);
      return offer(kind, found, ({ shape: { m, n, k } }) => ['open', m, n, k, 0]);
    },
    sparse: offer(
      'sparse',
      // Dense float32 products are what sparse ones have to beat.
      operators.filter(({ kind }) => kind === 'sparse' || kind === 'float32'),
      ({ m, n, k, sparsity }) => ['open', m, n, k, sparsity],
    ),
    convolutions: offer('convolutions', convolutions, ({ shape }) => {
      const { channels, height, width, outChannels, kernel, stride, padding, groups } = shape;
      return ['conv', channels, height, width, outChannels, kernel, stride, padding, groups];
    }),
    // Libraries share the process.
    cpuSeconds: () => (first ? program.cpuSeconds : 0),
    close: async () => program.close(),
  };
}

async function openProduct(
  library: string,
  operator: NativeOperator,
  program: Program,
  [verb, ...numbers]: Request,
): Promise<PeerProduct> {
  const id = program.nextId();
  const { describe, problem } = parseOpen(await program.ask(`${verb} ${id} ${numbers.join(' ')} ${library}/${operator.name}`));
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
