/** What a user would pick instead. A peer that can't be loaded is named with its reason, never left out in silence. */
import type { GemmShape } from '../shapes';

/** A product with constant weights, ready to run. */
export interface PeerProduct {
  /** One call as a user makes it, awaited. */
  readonly run: () => Promise<unknown>;
  /** The result of the last call, [M, N]. */
  readonly result: () => Int32Array | Float32Array;
  readonly close: () => Promise<void>;
}

export interface Peer {
  readonly name: string;
  readonly version: string;
  /** int32 sums of (a - zeroA) * b; no bias, activation or requantization. */
  matmulInteger(shape: GemmShape, a: Int8Array | Uint8Array, zeroA: number, b: Int8Array, threads: number): Promise<PeerProduct>;
  /** float32, without bias or activation. */
  matmul(shape: GemmShape, a: Float32Array, b: Float32Array, threads: number): Promise<PeerProduct>;
}

/** Every peer there is; one row each. Imported on demand: a peer that isn't installed must not stop the bench. */
const OPENERS: readonly { readonly name: string; readonly open: () => Promise<Peer> }[] = [
  { name: 'onnxruntime-node', open: async () => (await import('./onnxruntime.js')).onnxruntime },
];

export async function openPeers(): Promise<{ peers: Peer[]; missing: string[] }> {
  const peers: Peer[] = [];
  const missing: string[] = [];
  for (const { name, open } of OPENERS) {
    try {
      peers.push(await open());
    } catch (thrown) {
      const reason = thrown instanceof Error ? thrown.message.split('\n')[0] : String(thrown);
      missing.push(`${name} (${reason})`);
    }
  }
  return { peers, missing };
}
