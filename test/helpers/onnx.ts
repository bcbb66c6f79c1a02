/** ONNX models of operators side by side, made in memory and run by onnxruntime: a judge that shares no code with this library. */
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
  /** Integer attributes by name, and lists of integers. */
  readonly attributes?: Readonly<Record<string, number | readonly number[]>>;
  /** Default: that of ONNX itself. */
  readonly domain?: string;
  /** Float attributes, and strings. */
  readonly parameters?: Readonly<Record<string, number | string>>;
  /** Indices of inputs that are initializers. */
  readonly constant?: readonly number[];
}

const { INT, INTS, FLOAT, STRING } = onnx.AttributeProto.AttributeType;

function attributesOf({ axis, attributes, parameters = {} }: Operator): onnx.IAttributeProto[] {
  const integers = Object.entries({ ...(axis === undefined ? {} : { axis }), ...attributes });
  return [
    ...integers.map(([name, value]) =>
      typeof value === 'number' ? { name, type: INT, i: value } : { name, type: INTS, ints: [...value] },
    ),
    ...Object.entries(parameters).map(([name, value]) =>
      typeof value === 'number' ? { name, type: FLOAT, f: value } : { name, type: STRING, s: new TextEncoder().encode(value) },
    ),
  ];
}

/** Names of what operator `at` of a model reads (an absent optional input has none) and writes. */
function inputNames({ inputs }: Operator, at: number): string[] {
  return inputs.map((value, i) => (value === undefined ? '' : `x${at}_${i}`));
}

function outputNames({ outputs }: Operator, at: number): string[] {
  return outputs.map((_, i) => `y${at}_${i}`);
}

function encode(operators: readonly Operator[]): Uint8Array {
  const input: onnx.IValueInfoProto[] = [];
  const initializers: onnx.ITensorProto[] = [];
  operators.forEach((operator, at) => {
    const names = inputNames(operator, at);
    operator.inputs.forEach((value, i) => {
      if (value === undefined) return;
      if (operator.constant?.includes(i) === true) initializers.push(initializer(names[i], value));
      else input.push(valueInfo(names[i], dtypeOf(value.data), value.shape));
    });
  });
  const domains = new Set(operators.map(({ domain = '' }) => domain).filter((domain) => domain !== ''));
  const model = onnx.ModelProto.create({
    irVersion: IR_VERSION,
    opsetImport: [{ domain: '', version: OPSET }, ...[...domains].map((domain) => ({ domain, version: 1 }))],
    graph: {
      name: operators[0].opType,
      node: operators.map((operator, at) => ({
        ...{ opType: operator.opType, domain: operator.domain ?? '', attribute: attributesOf(operator) },
        ...{ input: inputNames(operator, at), output: outputNames(operator, at) },
      })),
      input,
      initializer: initializers,
      output: operators.flatMap((operator, at) => {
        const names = outputNames(operator, at);
        return operator.outputs.map(({ dtype, shape }, i) => valueInfo(names[i], dtype, shape));
      }),
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
  const [outputs] = await runOperators([operator]);
  return outputs;
}

/** The outputs of each operator, of all in one session: making one costs more than running dozens of small operators. */
export async function runOperators(operators: readonly Operator[]): Promise<Data[][]> {
  const session = await InferenceSession.create(encode(operators), SESSION);
  try {
    const feeds: Record<string, Tensor> = {};
    operators.forEach((operator, at) => {
      const names = inputNames(operator, at);
      operator.inputs.forEach((value, i) => {
        if (value === undefined || operator.constant?.includes(i) === true) return;
        feeds[names[i]] = new Tensor(dtypeOf(value.data), value.data, value.shape);
      });
    });
    const results = await session.run(feeds);
    return operators.map((operator, at) => outputNames(operator, at).map((name) => results[name].data as Data));
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
