/** Running checked convolutions, on native kernels or by the reference. */
import { fromNative, type Caller } from '../errors';
import type { NativeBinding, NativeHandle } from '../native/binding';
import { Conv } from '../native/slots';
import { makeControl } from '../native/control';
import { bindingFor } from '../native/cuda';
import { nativeBinding } from '../native/load';
import type { ConvCall } from './conv';
import { runConvReference } from './convReference';
import { awaitJob, writeJob } from './gemm';
import { packConvForCall } from './packConv2d';
import { handleOf } from './packed';

/** Writes the result into call.out. */
export function runConv(call: ConvCall, caller: Caller): void {
  const native = bindingFor(nativeBinding(), call.cuda);
  if (call.empty) return;
  if (native === undefined) runConvReference(call);
  else withHandle(native, call, caller, (handle) => native.conv(...argumentsOf(call, handle)));
}

export async function runConvAsync(call: ConvCall, signal: AbortSignal | undefined, caller: Caller): Promise<void> {
  const native = bindingFor(nativeBinding(), call.cuda);
  if (call.empty) return;
  if (native === undefined) {
    runConvReference(call);
    return;
  }
  const job = writeJob(call.control.slots, call.ownsOut);
  const done = withHandle(native, call, caller, (handle) => native.convAsync(...argumentsOf(call, handle)));
  await awaitJob(native, job, done, signal, caller);
}

/** Runs `body` with the caller's handle, or with one that lives for this call. A job holds on to what it needs. */
function withHandle<T>(native: NativeBinding, call: ConvCall, caller: Caller, body: (handle: NativeHandle) => T): T {
  const { packed, weights } = call;
  const handle = packed === undefined ? packConvForCall(native, weights, caller) : handleOf(packed, native);
  try {
    return body(handle);
  } catch (thrown) {
    throw fromNative(thrown, caller);
  } finally {
    if (packed === undefined) native.dispose(handle);
  }
}

function argumentsOf(
  { control, window, weights, x, out, residual }: ConvCall,
  handle: NativeHandle,
): Parameters<NativeBinding['conv']> {
  const { slots, bytes } = makeControl(Conv.length);
  slots[Conv.batch] = window.batch;
  slots[Conv.channels] = window.channels;
  slots[Conv.height] = window.height;
  slots[Conv.width] = window.width;
  slots[Conv.outChannels] = weights.outChannels;
  slots[Conv.outH] = window.outH;
  slots[Conv.outW] = window.outW;
  slots[Conv.kernelH] = window.kernelH;
  slots[Conv.kernelW] = window.kernelW;
  slots[Conv.strideH] = window.strideH;
  slots[Conv.strideW] = window.strideW;
  slots[Conv.dilationH] = window.dilationH;
  slots[Conv.dilationW] = window.dilationW;
  slots[Conv.padTop] = window.padTop;
  slots[Conv.padLeft] = window.padLeft;
  slots[Conv.groups] = weights.groups;
  slots[Conv.nhwc] = window.layout === 'NHWC' ? 1 : 0;
  return [control.bytes, bytes, x, handle, out, weights.bias, residual];
}
