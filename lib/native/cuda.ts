/** The native functions of the CUDA device behind the names and types of those of the processor. */
import type { CudaFunction, NativeBinding } from './binding';
import { deviceHandle, isDeviceArray, noCuda } from './deviceArray';

const FUNCTIONS: readonly CudaFunction[] = [
  ...(['packQ', 'packF', 'packN', 'packSparse', 'packConvF', 'packConvQ'] as const),
  ...(['qgemm', 'qgemmAsync', 'sgemm', 'sgemmAsync', 'nbits', 'nbitsAsync', 'sparse', 'sparseAsync'] as const),
  ...(['conv', 'convAsync', 'pool', 'poolAsync', 'svd', 'svdAsync', 'cast', 'quantizeParams', 'quantize', 'dequantize'] as const),
];

// Of the one native binding that there is.
let cuda: NativeBinding | undefined;

/** Arguments that are arrays on the device go over as their handles. */
function onDevice(native: NativeBinding, name: CudaFunction): (...values: unknown[]) => unknown {
  const body = native.cuda[name] as (...values: unknown[]) => unknown;
  return (...values) => body(...values.map((value) => (isDeviceArray(value) ? deviceHandle(value) : value)));
}

/** The functions for a call that runs on the device, or those of the processor. */
export function bindingFor<N extends NativeBinding | undefined>(native: N, onCuda: boolean): N;
export function bindingFor(native: NativeBinding | undefined, onCuda: boolean): NativeBinding | undefined {
  if (!onCuda) return native;
  if (native === undefined) throw noCuda();
  if (cuda === undefined) {
    const functions = Object.fromEntries(FUNCTIONS.map((name) => [name, onDevice(native, name)]));
    cuda = { ...native, ...functions } as NativeBinding;
  }
  return cuda;
}

/** Whether weights that were packed with it are on the device. */
export function isCuda(native: NativeBinding | undefined): boolean {
  return native !== undefined && native === cuda;
}
