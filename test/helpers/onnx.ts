/** One-operator ONNX models, made in memory and run by onnxruntime: a judge that shares no code with this library. */
import { onnx } from 'onnx-proto';
import { InferenceSession, Tensor } from 'onnxruntime-node';

const OPSET = 21;
const IR_VERSION = 10;

const { DataType } = onnx.TensorProto;
const TYPES = { float32: DataType.FLOAT, uint8: DataType.UINT8, int8: DataType.INT8, int32: DataType.INT32 } as const;

const FLOAT_TYPES = { float32: DataType.FLOAT, bfloat16: DataType.BFLOAT16, float16: DataType.FLOAT16 } as const;

export type Dtype = keyof typeof TYPES;
type Data = Float32Array | Uint8Array | Int8Array | Int32Array;

export interface Value {
  readonly data: Data;
  readonly shape: readonly number[];
}

export interface Output {
  readonly dtype: Dtype;
  readonly shape: readonly number[];
}

function tagOf(value: unknown): string {
  return Object.prototype.toString.call(value).slice('[object '.length, -1);
}

// onnxruntime makes its results in the main realm and checks them with instanceof; jest gives each test file a realm of its own.
for (const array of [Float32Array, Uint16Array, Int32Array, Int8Array]) {
  Object.defineProperty(array, Symbol.hasInstance, { value: (x: unknown) => tagOf(x) === array.name });
}

/** By tag: arrays of another realm count too. */
export function dtypeOf(data: Data): Dtype {
  const tag = tagOf(data);
  if (tag === 'Float32Array') return 'float32';
  if (tag === 'Int32Array') return 'int32';
  return tag === 'Int8Array' ? 'int8' : 'uint8';
}

function allocate(dtype: Dtype, length: number): Data {
  if (dtype === 'float32') return new Float32Array(length);
  if (dtype === 'int32') return new Int32Array(length);
  return dtype === 'int8' ? new Int8Array(length) : new Uint8Array(length);
}

function valueInfo(name: string, dtype: Dtype, shape: readonly number[]): onnx.IValueInfoProto {
  const dim = shape.map((dimValue) => ({ dimValue }));
  return { name, type: { tensorType: { elemType: TYPES[dtype], shape: { dim } } } };
}

function initializer(name: string, { data, shape }: Value): onnx.ITensorProto {
  const rawData = new Uint8Array(data.slice().buffer);
  return { name, dataType: TYPES[dtypeOf(data)], dims: [...shape], rawData };
}

/** An operator whose inputs are fed at the run, or built into the model (as weights are: onnxruntime packs those beforehand). */
export interface Operator {
  readonly opType: string;
  /** Undefined: an optional input that is absent. */
  readonly inputs: readonly (Value | undefined)[];
  readonly outputs: readonly Output[];
  readonly axis?: number;
  /** Integer attributes by name. */
  readonly attributes?: Readonly<Record<string, number>>;
  /** Default: that of ONNX itself. */
  readonly domain?: string;
  /** Float attributes, and strings. */
  readonly parameters?: Readonly<Record<string, number | string>>;
  /** Indices of inputs that are initializers. */
  readonly constant?: readonly number[];
}

function encode({
  opType,
  inputs,
  outputs,
  axis,
  attributes,
  parameters = {},
  domain = '',
  constant = [],
}: Operator): Uint8Array {
  const integers = Object.entries({ ...(axis === undefined ? {} : { axis }), ...attributes });
  const { INT, FLOAT, STRING } = onnx.AttributeProto.AttributeType;
  const attribute: onnx.IAttributeProto[] = integers.map(([name, i]) => ({ name, type: INT, i }));
  for (const [name, value] of Object.entries(parameters)) {
    if (typeof value === 'number') attribute.push({ name, type: FLOAT, f: value });
    else attribute.push({ name, type: STRING, s: new TextEncoder().encode(value) });
  }
  const names = inputs.map((value, i) => (value === undefined ? '' : `x${i}`));
  const outputNames = outputs.map((_, i) => `y${i}`);
  const model = onnx.ModelProto.create({
    irVersion: IR_VERSION,
    opsetImport: [{ domain: '', version: OPSET }, ...(domain === '' ? [] : [{ domain, version: 1 }])],
    graph: {
      name: opType,
      node: [{ opType, domain, input: names, output: outputNames, attribute }],
      input: inputs.flatMap((v, i) =>
        v === undefined || constant.includes(i) ? [] : [valueInfo(names[i], dtypeOf(v.data), v.shape)],
      ),
      initializer: inputs.flatMap((v, i) => (v !== undefined && constant.includes(i) ? [initializer(names[i], v)] : [])),
      output: outputs.map(({ dtype, shape }, i) => valueInfo(outputNames[i], dtype, shape)),
    },
  });
  return onnx.ModelProto.encode(model).finish();
}

/** One thread: thousands of tiny sessions. No graph rewriting: the operator itself is the judge. */
const SESSION: InferenceSession.SessionOptions = {
  executionProviders: ['cpu'],
  intraOpNumThreads: 1,
  interOpNumThreads: 1,
  graphOptimizationLevel: 'disabled',
  logSeverityLevel: 4,
};

/** The outputs of the operator. */
export async function runOperator(operator: Operator): Promise<Data[]> {
  const session = await InferenceSession.create(encode(operator), SESSION);
  try {
    const feeds: Record<string, Tensor> = {};
    operator.inputs.forEach((value, i) => {
      if (value === undefined || operator.constant?.includes(i) === true) return;
      feeds[`x${i}`] = new Tensor(dtypeOf(value.data), value.data, value.shape);
    });
    const results = await session.run(feeds);
    return operator.outputs.map((_, i) => results[`y${i}`].data as Data);
  } finally {
    await session.release();
  }
}

/**
 * x cast to each of the dtypes in turn. A Uint16Array is of `from`; onnxruntime gives no bfloat16 to JavaScript, so that it can't
 * come last.
 */
export async function runCasts(
  x: { readonly data: Float32Array | Uint16Array; readonly shape: readonly number[] },
  from: keyof typeof FLOAT_TYPES,
  ...dtypes: (keyof typeof FLOAT_TYPES)[]
): Promise<Float32Array | Uint16Array> {
  const shape = { dim: x.shape.map((dimValue) => ({ dimValue })) };
  const last = dtypes[dtypes.length - 1];
  const model = onnx.ModelProto.create({
    irVersion: IR_VERSION,
    opsetImport: [{ domain: '', version: OPSET }],
    graph: {
      name: 'Casts',
      node: dtypes.map((dtype, i) => ({
        opType: 'Cast',
        ...{ input: [`t${i}`], output: [`t${i + 1}`] },
        attribute: [{ name: 'to', type: onnx.AttributeProto.AttributeType.INT, i: FLOAT_TYPES[dtype] }],
      })),
      initializer: [
        { name: 't0', dataType: FLOAT_TYPES[from], dims: [...x.shape], rawData: new Uint8Array(x.data.slice().buffer) },
      ],
      output: [{ name: `t${dtypes.length}`, type: { tensorType: { elemType: FLOAT_TYPES[last], shape } } }],
    },
  });
  const session = await InferenceSession.create(onnx.ModelProto.encode(model).finish(), SESSION);
  try {
    const results = await session.run({});
    return results[`t${dtypes.length}`].data as Float32Array | Uint16Array;
  } finally {
    await session.release();
  }
}

export function scalar(x: number, dtype: Dtype): Value {
  const data = allocate(dtype, 1);
  data[0] = x;
  return { data, shape: [] };
}
