/** Parts of the ONNX models that the bench builds in memory, and how onnxruntime-node runs all of them. */
import { runtime } from 'lowp';
import { onnx } from 'onnx-proto';
import type { InferenceSession } from 'onnxruntime-node';

export type Values = Float32Array | Int32Array | Int8Array | Uint8Array;

export const { DataType } = onnx.TensorProto;
const OPSET = 13;
const IR_VERSION = 8;

export function typeOf(values: Values): number {
  if (values instanceof Float32Array) return DataType.FLOAT;
  if (values instanceof Int32Array) return DataType.INT32;
  return values instanceof Int8Array ? DataType.INT8 : DataType.UINT8;
}

export function initializer(name: string, dims: readonly number[], values: Values): onnx.ITensorProto {
  const rawData = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  return { name, dims: [...dims], dataType: typeOf(values), rawData };
}

/** A dimension is a size, or the name of one that the run decides. */
export function valueInfo(name: string, elemType: number, dims: readonly (number | string)[]): onnx.IValueInfoProto {
  const dim = dims.map((size) => (typeof size === 'number' ? { dimValue: size } : { dimParam: size }));
  return { name, type: { tensorType: { elemType, shape: { dim } } } };
}

/** The bytes of a model; operators of `domains` (version 1) may be used beside the standard ones. */
export function encodeModel(graph: onnx.IGraphProto, domains: readonly string[] = []): Uint8Array {
  const opsetImport = [{ domain: '', version: OPSET }, ...domains.map((domain) => ({ domain, version: 1 }))];
  return onnx.ModelProto.encode({ irVersion: IR_VERSION, opsetImport, graph }).finish();
}

/** Whether onnxruntime adds 8-bit products in 16 bits here: on x86 without VNNI. */
export function saturates(): boolean {
  return runtime.cpu.arch === 'x64' && !runtime.isas().some(({ name, supported }) => supported && name.includes('vnni'));
}

/** `exact`: no saturating 8-bit kernels; without it, what a user gets. */
export function sessionOptions(threads: number, exact: boolean): InferenceSession.SessionOptions {
  return {
    ...(exact ? { extra: { session: { x64quantprecision: '1' } } } : {}),
    executionProviders: ['cpu'],
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    executionMode: 'sequential',
    logSeverityLevel: 3,
  };
}
