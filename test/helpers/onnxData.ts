/** ONNX's own test data: one operator each, with inputs and outputs (Debian's libonnx-testdata; scripts/setup.js --test installs it). */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { onnx } from 'onnx-proto';

const NODES = '/usr/share/libonnx-testdata/data/node';

export const hasNodeCases = existsSync(NODES);

/** Names of the cases that the pattern fits. */
export function nodeCases(pattern: RegExp): string[] {
  if (!hasNodeCases) {
    console.warn(`Skipped: no ${NODES} (Debian's libonnx-testdata)`);
    return [];
  }
  return readdirSync(NODES)
    .filter((name) => pattern.test(name))
    .sort();
}

export interface NodeTensor {
  readonly data: Float32Array | Int32Array | Int8Array | Uint8Array;
  readonly shape: readonly number[];
}

export interface NodeCase {
  readonly opType: string;
  /** Undefined where an optional one is absent. */
  readonly inputs: readonly (NodeTensor | undefined)[];
  readonly outputs: readonly NodeTensor[];
  readonly integers: Readonly<Record<string, number>>;
  readonly lists: Readonly<Record<string, readonly number[]>>;
  readonly floats: Readonly<Record<string, number>>;
  readonly strings: Readonly<Record<string, string>>;
}

export function readNodeCase(name: string): NodeCase {
  const folder = join(NODES, name);
  const { graph } = onnx.ModelProto.decode(readFileSync(join(folder, 'model.onnx')));
  const node = graph?.node?.[0];
  if (node === undefined || node === null || graph?.node?.length !== 1) throw new Error(`Expected one node in ${name}`);
  const set = join(folder, 'test_data_set_0');
  // Files are numbered without the inputs that are absent.
  let at = 0;
  const inputs = (node.input ?? []).map((input) => (input === '' ? undefined : readTensor(join(set, `input_${at++}.pb`))));
  const outputs = (node.output ?? []).filter((output) => output !== '');
  const attributes = node.attribute ?? [];
  const named = <T>(value: (a: onnx.IAttributeProto) => T): Record<string, T> =>
    Object.fromEntries(attributes.map((a) => [String(a.name), value(a)]));
  return {
    ...{ opType: String(node.opType), inputs, outputs: outputs.map((_, i) => readTensor(join(set, `output_${i}.pb`))) },
    integers: named(({ i }) => Number(i)),
    lists: named(({ ints }) => (ints ?? []).map(Number)),
    floats: named(({ f }) => Number(f)),
    strings: named(({ s }) => new TextDecoder().decode(s ?? new Uint8Array(0))),
  };
}

function readTensor(file: string): NodeTensor {
  const { dims, dataType, rawData, floatData, int32Data } = onnx.TensorProto.decode(readFileSync(file));
  const shape = (dims ?? []).map(Number);
  const bytes = Uint8Array.from(rawData ?? []);
  const { FLOAT, UINT8, INT8, INT32, INT64 } = onnx.TensorProto.DataType;
  const plain = bytes.length === 0;
  if (dataType === FLOAT) return { data: plain ? Float32Array.from(floatData ?? []) : new Float32Array(bytes.buffer), shape };
  if (dataType === UINT8) return { data: plain ? Uint8Array.from(int32Data ?? []) : bytes, shape };
  if (dataType === INT8) return { data: plain ? Int8Array.from(int32Data ?? []) : new Int8Array(bytes.buffer), shape };
  if (dataType === INT32) return { data: plain ? Int32Array.from(int32Data ?? []) : new Int32Array(bytes.buffer), shape };
  // Indices of a maximum, which nothing here has.
  if (dataType === INT64) return { data: new Int32Array(0), shape };
  throw new Error(`Expected a type known here in ${file} but found ${String(dataType)}`);
}
