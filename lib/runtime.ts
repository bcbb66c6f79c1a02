/** What was found on this machine and what was chosen. */
import { arch, cpus } from 'node:os';
import { expected, fromNative, lowpError } from './errors';
import type {
  NativeBinding,
  NativeCpu,
  NativeCuda,
  NativeCudaDevice,
  NativeCudaMemory,
  NativeIsa,
  NativeKernel,
  NativeMemory,
} from './native/binding';
import { defaultDevice, setDefaultDevice } from './native/defaults';
import { noCuda } from './native/deviceArray';
import { nativeBinding, setIsa } from './native/load';
import type { Device } from './types';
import { DEVICES, readName, readThreads } from './validate/options';

export type Cpu = NativeCpu;
export type Isa = NativeIsa;
export type Kernel = NativeKernel;
export type Memory = NativeMemory;

/** The CUDA device that LOWP_CUDA_DEVICE (default 0) names. Sizes in bytes. */
export type CudaDevice = NativeCudaDevice;

/** Memory of the CUDA device that this thread's arrays and packed weights use, in bytes. `limitBytes` 0: no limit. */
export type CudaMemory = NativeCudaMemory;

/** Whether `device: 'cuda'` works, with which device, or why not. */
export interface Cuda {
  readonly available: boolean;
  /** Empty where it is available. */
  readonly reason: string;
  readonly device?: CudaDevice;
}

const AVAILABLE = { available: true, reason: '' } as const;

function withCuda(work: (cuda: NativeCuda) => void): void {
  const native = nativeBinding();
  if (native === undefined) throw noCuda();
  try {
    work(native.cuda);
  } catch (thrown) {
    throw fromNative(thrown, withCuda);
  }
}

class Runtime {
  /** `'native'`, or `'reference'` where LOWP_BACKEND asked for it. */
  get backend(): 'native' | 'reference' {
    return nativeBinding() === undefined ? 'reference' : 'native';
  }

  /** The processor, its caches (bytes, 0 where unknown) and cores. */
  get cpu(): Cpu {
    const native = nativeBinding();
    if (native !== undefined) return native.cpu();
    const all = cpus();
    return { vendor: '', model: all[0]?.model ?? '', arch: arch(), l1d: 0, l2: 0, l3: 0, cores: all.length };
  }

  /** Every instruction set that the library knows, best first: compiled into this build? supported by this machine? */
  isas(): Isa[] {
    return nativeBinding()?.isas() ?? [];
  }

  /** Every kernel, best first within its family; `selected` ones are what the next call uses. Weights may suit another one: see their `kernel`. */
  kernels(): Kernel[] {
    return nativeBinding()?.kernels() ?? [];
  }

  /**
   * The best instruction set that kernels may use. Set a name from `isas()`, or `'auto'` to return to detection. Weights keep the
   * kernel that they were packed for. Default: LOWP_ISA, else detection.
   *
   * @throws ERR_LOWP_VALUE for unknown names, ERR_LOWP_UNSUPPORTED for ones that this machine or build lacks.
   */
  get isa(): string {
    return nativeBinding()?.getIsa() ?? 'reference';
  }

  set isa(name: string) {
    if (typeof name !== 'string') throw expected('ERR_LOWP_TYPE', 'a string', 'runtime.isa', name);
    const native = nativeBinding();
    if (native !== undefined) setIsa(native, name, 'runtime.isa', setIsa);
    else if (name !== '' && name !== 'auto' && name !== 'reference') {
      throw expected('ERR_LOWP_UNSUPPORTED', "'auto' (the reference backend runs)", 'runtime.isa', name);
    }
  }

  /**
   * Threads that a call may use, the calling one included. Default: LOWP_THREADS, else what native code finds. The
   * reference backend always uses 1.
   *
   * @throws ERR_LOWP_VALUE unless it is an integer from 1 to 256.
   */
  get threads(): number {
    return nativeBinding()?.getThreads() ?? 1;
  }

  set threads(n: number) {
    if (typeof n !== 'number') throw expected('ERR_LOWP_TYPE', 'a number', 'runtime.threads', n);
    const threads = readThreads(n, 'runtime.threads');
    try {
      nativeBinding()?.setThreads(threads);
    } catch (thrown) {
      throw fromNative(thrown, readThreads);
    }
  }

  /**
   * Where calls run whose operands are arrays of the host and that do not say: `'cpu'` or `'cuda'`. Default: LOWP_DEVICE, else `'cpu'`.
   *
   * @throws ERR_LOWP_TYPE for other names; ERR_LOWP_UNSUPPORTED, with the reason, for `'cuda'` where there is no device.
   */
  get device(): Device {
    nativeBinding(); // reads LOWP_DEVICE
    return defaultDevice();
  }

  set device(device: Device) {
    nativeBinding();
    const { available, reason } = readName(device, DEVICES, 'runtime.device') === 'cuda' ? this.cuda : AVAILABLE;
    if (!available) {
      throw lowpError('ERR_LOWP_UNSUPPORTED', `Expected 'cpu' for runtime.device but received 'cuda': ${reason}`);
    }
    setDefaultDevice(device);
  }

  /** Native memory in packed handles, and asynchronous calls under way. */
  memory(): Memory {
    return nativeBinding()?.memory() ?? { packedHandles: 0, packedBytes: 0, asyncPending: 0 };
  }

  /** Looks for the device at each call; never throws. */
  get cuda(): Cuda {
    let native: NativeBinding | undefined;
    try {
      native = nativeBinding();
    } catch (thrown) {
      return { available: false, reason: thrown instanceof Error ? thrown.message : String(thrown) };
    }
    if (native === undefined) return { available: false, reason: 'the reference backend runs' };
    const { reason, device } = native.cuda.describe();
    return device === undefined ? { available: false, reason } : { available: true, reason, device };
  }

  /** Memory of the CUDA device in use by this thread: given out, and cached for the next call. */
  cudaMemory(): CudaMemory {
    return nativeBinding()?.cuda.memory() ?? { usedBytes: 0, cachedBytes: 0, peakBytes: 0, limitBytes: 0 };
  }

  /**
   * The most device memory that this thread may take, in bytes, what is cached included; 0: no limit. Calls that need more fail with
   * ERR_LOWP_NOMEM.
   *
   * @throws ERR_LOWP_VALUE unless it is a whole number from 0 to 2^40; ERR_LOWP_UNSUPPORTED where there is no device.
   */
  setCudaMemoryLimit(bytes: number): void {
    if (typeof bytes !== 'number') throw expected('ERR_LOWP_TYPE', 'a number', 'bytes', bytes);
    withCuda((cuda) => cuda.setLimit(bytes));
  }

  /** Gives cached memory back to the CUDA device, after waiting for what is under way. */
  trimCudaMemory(): void {
    withCuda((cuda) => cuda.trim());
  }
}

/**
 * What was found and chosen: processor, instruction sets, kernels, threads, memory.
 *
 * @throws ERR_LOWP_UNSUPPORTED (each member but `cuda`) where no native binary is found and LOWP_BACKEND does not ask for the
 * reference.
 * @example
 * console.log(runtime.backend, runtime.isa, runtime.threads);
 * for (const k of runtime.kernels()) if (k.selected) console.log(k.family, k.name);
 */
export const runtime: Runtime = Object.freeze(new Runtime());
export type { Runtime };
