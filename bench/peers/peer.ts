/** What a user would pick instead. A peer that can't be loaded is named with its reason, never left out in silence. */
import type { ConvProblem } from '../convProblem';
import type { GemmContender } from '../gemm';
import type { PoolProblem } from '../poolProblem';
import type { OperatorKind, Problem } from '../problem';
import type { SparseShape } from '../sparse/shapes';
import type { SvdPeer } from '../svd/contenders';
import type { CudaPeer } from './torch';

export interface Peer {
  readonly name: string;
  readonly version: string;
  /** Its products of a kind; undefined if it has none, as below. */
  products(kind: OperatorKind): PeerOperators<Problem> | undefined;
  /** With the sparse matrix on the left: its sparse products, and dense ones that don't know. */
  readonly sparse?: PeerOperators<SparseShape>;
  readonly convolutions?: PeerOperators<ConvProblem>;
  readonly poolings?: PeerOperators<PoolProblem>;
  readonly svd?: SvdPeer;
  /** Everything on the CUDA device. */
  readonly cuda?: CudaPeer;
  /** Processor time that it spent outside this process. */
  readonly cpuSeconds?: () => number;
  close(): Promise<void>;
}

/** A peer's operators for one sort of problem. */
export interface PeerOperators<P> {
  /** Sentences for the caption of a table that has them. */
  readonly about: readonly string[];
  /** The `library` of its contenders: a column of comparisons each. */
  readonly libraries: readonly string[];
  /** All of them, ready to run. */
  open(problem: P): Promise<PeerProduct[]>;
}

/** An operator on one problem, ready to run. */
export type PeerProduct = Omit<GemmContender, 'kind' | 'weightBytes' | 'peer'>;

export interface Opened {
  readonly peers: readonly Peer[];
  /** Peers that are not there, each with the reason and what to install. */
  readonly missing: readonly string[];
}

type Opener = (threads: number) => Promise<Opened>;

/** Every peer there is. Imported on demand: a peer that isn't installed must not stop the bench. */
const OPENERS: Readonly<Record<string, Opener>> = {
  'onnxruntime-node': async () => ({ peers: [await (await import('./onnxruntime.js')).openOnnxruntime()], missing: [] }),
  'oneDNN, OpenBLAS, Eigen and libxsmm': async (threads) => (await import('./native.js')).openNative(threads),
  'NumPy, SciPy and scikit-learn': async (threads) => (await import('./python.js')).openPython(threads),
};

const DEVICE_OPENERS: typeof OPENERS = {
  PyTorch: async (threads) => {
    const { hasDevice, openTorch } = await import('./torch.js');
    return hasDevice() ? openTorch(threads) : { peers: [], missing: ['PyTorch (not beside an emulated device)'] };
  },
};

const HOST = { host: true, device: false };

/** Those of the host, those of the CUDA device where there is one, or both. */
export async function openPeers(threads: number, kinds: { host: boolean; device: boolean } = HOST): Promise<Opened> {
  const opened: Opened[] = [];
  const openers = { ...(kinds.host ? OPENERS : {}), ...(kinds.device ? DEVICE_OPENERS : {}) };
  for (const [name, open] of Object.entries(openers)) {
    try {
      opened.push(await open(threads));
    } catch (thrown) {
      const reason = thrown instanceof Error ? thrown.message.split('\n')[0] : String(thrown);
      opened.push({ peers: [], missing: [`${name} (${reason})`] });
    }
  }
  return { peers: opened.flatMap((o) => o.peers), missing: opened.flatMap((o) => o.missing) };
}

/** Of a weight, with its part of a group's scale. */
const BYTES: Readonly<Record<OperatorKind, number>> = { int8: 1, float32: 4, nbits: 1 / 2 + 4 / 32 };

/** The products of all peers for a table of matrix products. */
export async function openPeerProducts(peers: readonly Peer[], kind: OperatorKind, problem: Problem): Promise<GemmContender[]> {
  const weightBytes = problem.shape.k * problem.shape.n * BYTES[kind];
  const peak = kind === 'float32' ? kind : 'int8';
  const products = await openAll(
    peers.flatMap((peer) => peer.products(kind) ?? []),
    problem,
  );
  return products.map((product) => ({ ...product, kind: peak, weightBytes }));
}

/** The operators of several peers; those that were opened are closed again if one can't be. */
export async function openAll<P>(
  operators: readonly PeerOperators<P>[],
  problem: P,
): Promise<(PeerProduct & { readonly peer: true })[]> {
  const products: (PeerProduct & { readonly peer: true })[] = [];
  try {
    for (const each of operators) {
      for (const product of await each.open(problem)) products.push({ ...product, peer: true });
    }
  } catch (thrown) {
    for (const product of products) await product.close();
    throw thrown;
  }
  return products;
}
