/** What a table of the CUDA device is made of: groups of lanes that do the same work, ours queued on the device. */
import { toDevice, toHost, type DeviceArray, type DeviceElements } from 'lowp';

/** Every shape, some, or those that an emulated device finishes in a second. */
export type Scale = 'full' | 'quick' | 'tiny';

interface Disposable {
  dispose(): void;
}

/** Device memory that is given back at once, when a group is done. */
export class Held {
  readonly #all: Disposable[] = [];

  keep<T extends Disposable | { readonly data: Disposable }>(value: T): T {
    this.#all.push('data' in value ? value.data : value);
    return value;
  }

  dispose(): void {
    for (const each of this.#all.splice(0)) each.dispose();
  }
}

/** One call with memory of its own. */
export interface Call {
  /** Queues it; a promise is awaited before the next one where the lane is `awaited`. */
  readonly run: () => unknown;
  /** Undefined if the result is right. */
  readonly check: () => string | undefined;
}

export interface Lane {
  readonly name: string;
  /** A multiply-add counts as two. */
  readonly operations?: number;
  /** Inputs and output, each once. */
  readonly bytes?: number;
  /** Title of a column -> name of the lane that it compares with. */
  readonly rivals?: Readonly<Record<string, string>>;
  readonly awaited?: boolean;
  readonly open: (held: Held) => Call;
}

export interface Group {
  readonly name: string;
  readonly record: Readonly<Record<string, unknown>>;
  readonly lanes: readonly Lane[];
  /** What a call touches: as many copies of it rotate as overflow the device's cache. Default 0: one. */
  readonly bytes?: number;
  /** For PyTorch: see peers/pytorch.py. */
  readonly request?: Readonly<Record<string, unknown>>;
  /** Lanes of which the fastest is the bandwidth that others are a share of. */
  readonly ceiling?: readonly string[];
  /** Groups with the same label are summed, each so often. */
  readonly sum?: { readonly label: string; readonly count: number };
}

export interface Family {
  readonly title: string;
  readonly caption: readonly string[];
  /** Titles of the comparisons. */
  readonly comparisons: readonly string[];
  /** Made when their turn comes: their data may be large. */
  readonly groups: readonly (() => Group)[];
}

/** Several times the second-level cache of any device so far (50 MB on H100 and H200, 126 MB on B200). */
const ROTATED_BYTES = 256 * 2 ** 20;
const MOST_SETS = 64;

export function setsFor(bytes: number, scale: Scale): number {
  if (bytes === 0) return 1;
  return scale === 'tiny' ? 2 : Math.max(1, Math.min(MOST_SETS, Math.ceil(ROTATED_BYTES / bytes)));
}

/** Room for a result that no right one looks like. */
export function poisoned<T extends Float32Array | Int32Array | Uint8Array | Int8Array | Uint16Array>(values: T): DeviceArray<T> {
  return toDevice<DeviceElements>(values.fill(values instanceof Float32Array ? NaN : 0x55)) as unknown as DeviceArray<T>;
}

/** Returns when all that is queued has run. */
export class Waiter {
  readonly #tiny = toDevice(new Float32Array(1));
  readonly #out = new Float32Array(1);

  readonly wait = (): void => void toHost(this.#tiny, this.#out);

  dispose(): void {
    this.#tiny.dispose();
  }
}

/** Makes `n` calls on the sets in turn, waits once, and returns the seconds. */
export function sampler(calls: readonly Call[], awaited: boolean, wait: () => void): (n: number) => Promise<number> {
  let turn = 0;
  return async (n) => {
    const start = performance.now();
    if (awaited) for (let i = 0; i < n; i++) await calls[turn++ % calls.length].run();
    else for (let i = 0; i < n; i++) calls[turn++ % calls.length].run();
    wait();
    return (performance.now() - start) / 1000;
  };
}
