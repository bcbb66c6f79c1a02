/** Running checked poolings, on native kernels or by the reference. */
import { fromNative, type Caller } from '../errors';
import type { NativeBinding } from '../native/binding';
import { makeControl } from '../native/control';
import { bindingFor } from '../native/cuda';
import { nativeBinding } from '../native/load';
import { Pool } from '../native/slots';
import * as reference from '../reference';
import type { QuantizedTensor, Tensor } from '../types';
import { awaitJob, nextJob } from './gemm';
import type { PoolCall } from './poolCall';

/** Writes the result into call.out. */
export function runPool(call: PoolCall, caller: Caller): void {
  const native = bindingFor(nativeBinding(), call.cuda);
  if (call.empty) return;
  if (native === undefined) {
    runReference(call);
    return;
  }
  try {
    native.pool(...argumentsOf(call));
  } catch (thrown) {
    throw fromNative(thrown, caller);
  }
}

export async function runPoolAsync(call: PoolCall, signal: AbortSignal | undefined, caller: Caller): Promise<void> {
  const native = bindingFor(nativeBinding(), call.cuda);
  if (call.empty) return;
  if (native === undefined) {
    runReference(call);
    return;
  }
  const job = nextJob();
  let done: Promise<void>;
  try {
    done = native.poolAsync(...argumentsOf(call, job));
  } catch (thrown) {
    throw fromNative(thrown, caller);
  }
  await awaitJob(native, job, done, signal, caller);
}

function argumentsOf(call: PoolCall, job = 0): Parameters<NativeBinding['pool']> {
  const { window, quantized, output } = call;
  const { slots, bytes } = makeControl(Pool.length);
  slots[Pool.average] = call.kind === 'average' ? 1 : 0;
  slots[Pool.countIncludePad] = call.countIncludePad ? 1 : 0;
  slots[Pool.nhwc] = window.layout === 'NHWC' ? 1 : 0;
  slots[Pool.batch] = window.batch;
  slots[Pool.channels] = window.channels;
  slots[Pool.height] = window.height;
  slots[Pool.width] = window.width;
  slots[Pool.outH] = window.outH;
  slots[Pool.outW] = window.outW;
  slots[Pool.kernelH] = window.kernelH;
  slots[Pool.kernelW] = window.kernelW;
  slots[Pool.strideH] = window.strideH;
  slots[Pool.strideW] = window.strideW;
  slots[Pool.dilationH] = window.dilationH;
  slots[Pool.dilationW] = window.dilationW;
  slots[Pool.padTop] = window.padTop;
  slots[Pool.padLeft] = window.padLeft;
  slots[Pool.padBottom] = window.padBottom;
  slots[Pool.padRight] = window.padRight;
  slots[Pool.scaleX] = quantized?.scale ?? 1;
  slots[Pool.zeroX] = quantized?.zeroPoint ?? 0;
  slots[Pool.scaleOut] = output?.scale ?? 1;
  slots[Pool.zeroOut] = output?.zeroPoint ?? 0;
  slots[Pool.threads] = call.threads;
  slots[Pool.job] = job;
  slots[Pool.ownsOut] = call.ownsOut ? 1 : 0;
  return [bytes, call.x, call.out];
}

function runReference({ kind, x, window, countIncludePad, quantized, output, out }: PoolCall): void {
  const { layout, spatial, batch, channels } = window;
  const along = (vertical: number, horizontal: number): number[] => (spatial === 1 ? [horizontal] : [vertical, horizontal]);
  const sizes = along(window.height, window.width);
  const shape = layout === 'NCHW' ? [batch, channels, ...sizes] : [batch, ...sizes, channels];
  const image = quantized === undefined ? { data: x, shape } : { data: x, shape, ...quantized };
  const options = {
    ...{ layout, kernel: along(window.kernelH, window.kernelW), strides: along(window.strideH, window.strideW), out },
    dilations: along(window.dilationH, window.dilationW),
    padding: [...along(window.padTop, window.padLeft), ...along(window.padBottom, window.padRight)],
  };
  const pooled = image as Tensor<Float32Array> | QuantizedTensor;
  const ceilMode =
    endsBehind(window.outH, window.strideH, window.kernelH, window.dilationH, window.padTop + window.height + window.padBottom) ||
    endsBehind(window.outW, window.strideW, window.kernelW, window.dilationW, window.padLeft + window.width + window.padRight);
  if (kind === 'max') reference.maxPool2d(pooled, { ...options, ceilMode });
  else reference.averagePool2d(pooled, { ...options, ceilMode, countIncludePad, output });
}

function endsBehind(out: number, stride: number, kernel: number, dilation: number, padded: number): boolean {
  return (out - 1) * stride + (kernel - 1) * dilation + 1 > padded;
}
