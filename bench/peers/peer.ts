/** What a user would pick instead. A peer that can't be loaded is named with its reason, never left out in silence. */
import type { ConvProblem } from '../convProblem';
import type { GemmContender } from '../gemm';
import type { OperatorKind, Problem } from '../problem';

export interface Peer {
  readonly name: string;
  readonly version: string;
  /** Sentences for the caption of a table that has it. */
  about(kind: OperatorKind): readonly string[];
  /** The `library` of its contenders: a column of comparisons each. Empty if it has no operators of that kind. */
  libraries(kind: OperatorKind): readonly string[];
  /** All its operators of a kind, ready to run. */
  open(kind: OperatorKind, problem: Problem): Promise<PeerProduct[]>;
  /** Undefined if it has none. */
  readonly convolutions?: PeerConvolutions;
  /** Processor time that it spent outside this process. */
  readonly cpuSeconds?: () => number;
  close(): Promise<void>;
}

/** A peer's operators for convolutions, as `about`, `libraries` and `open` above. */
export interface PeerConvolutions {
  readonly about: readonly string[];
  readonly libraries: readonly string[];
  open(problem: ConvProblem): Promise<PeerProduct[]>;
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
  'oneDNN and OpenBLAS': async (threads) => (await import('./native.js')).openNative(threads),
};

export async function openPeers(threads: number): Promise<Opened> {
  const opened: Opened[] = [];
  for (const [name, open] of Object.entries(OPENERS)) {
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

/** The products of all peers; those that were opened are closed again if one can't be. */
export async function openPeerProducts(peers: readonly Peer[], kind: OperatorKind, problem: Problem): Promise<GemmContender[]> {
  const weightBytes = problem.shape.k * problem.shape.n * BYTES[kind];
  const peak = kind === 'float32' ? kind : 'int8';
  const products = await openAll(peers, (peer) => peer.open(kind, problem));
  return products.map((product) => ({ ...product, kind: peak, weightBytes, peer: true }));
}

/** The convolutions of all peers, likewise. */
export async function openPeerConvolutions(
  peers: readonly Peer[],
  problem: ConvProblem,
): Promise<(PeerProduct & { readonly peer: true })[]> {
  const products = await openAll(peers, async (peer) => (await peer.convolutions?.open(problem)) ?? []);
  return products.map((product) => ({ ...product, peer: true }));
}

async function openAll(peers: readonly Peer[], open: (peer: Peer) => Promise<PeerProduct[]>): Promise<PeerProduct[]> {
  const products: PeerProduct[] = [];
  try {
    for (const peer of peers) products.push(...(await open(peer)));
  } catch (thrown) {
    for (const product of products) await product.close();
    throw thrown;
  }
  return products;
}
