/** onnxruntime-node: one-operator models built in memory, weights as initializers (so that it prepacks them), awaited runs. */
import type { onnx } from 'onnx-proto';
import * as ort from 'onnxruntime-node';
import type { GemmShape } from '../shapes';
import { DataType, encodeModel, initializer, sessionOptions, typeOf, valueInfo } from './onnx';
import type { Peer, PeerProduct } from './peer';

type Values = Float32Array | Int8Array | Uint8Array;

export const onnxruntime: Peer = {
  name: 'onnxruntime-node',
  version: ort.env.versions.node ?? 'of unknown version',
  matmulInteger: (shape, a, zeroA, b, threads) => {
    const zero = a instanceof Int8Array ? Int8Array.of(zeroA) : Uint8Array.of(zeroA);
    const initializers = [initializer('b', [shape.k, shape.n], b), initializer('zero', [], zero)];
    const bytes = model('MatMulInteger', ['a', 'b', 'zero'], shape, a, DataType.INT32, initializers);
    return prepare(bytes, shape, a, new Int32Array(shape.m * shape.n), threads);
  },
  matmul: (shape, a, b, threads) => {
    const bytes = model('MatMul', ['a', 'b'], shape, a, DataType.FLOAT, [initializer('b', [shape.k, shape.n], b)]);
    return prepare(bytes, shape, a, new Float32Array(shape.m * shape.n), threads);
  },
};

/** y = operator(a, ...initializers). */
function model(
  opType: string,
  input: string[],
  { m, n, k }: GemmShape,
  a: Values,
  outputType: number,
  initializers: onnx.ITensorProto[],
): Uint8Array {
  return encodeModel({
    name: 'product',
    node: [{ opType, input, output: ['y'] }],
    initializer: initializers,
    input: [valueInfo('a', typeOf(a), [m, k])],
    output: [valueInfo('y', outputType, [m, n])],
  });
}

/** `y` is given to the session as lowp is given `out`. */
async function prepare(
  bytes: Uint8Array,
  { m, n, k }: GemmShape,
  a: Values,
  y: Int32Array | Float32Array,
  threads: number,
): Promise<PeerProduct> {
  const session = await ort.InferenceSession.create(bytes, sessionOptions(threads));
  const tensor = (data: Values | Int32Array, shape: number[]): ort.Tensor => {
    if (data instanceof Float32Array) return new ort.Tensor('float32', data, shape);
    if (data instanceof Int32Array) return new ort.Tensor('int32', data, shape);
    return data instanceof Int8Array ? new ort.Tensor('int8', data, shape) : new ort.Tensor('uint8', data, shape);
  };
  const feeds = { a: tensor(a, [m, k]) };
  const fetches = { y: tensor(y, [m, n]) };
  return { run: () => session.run(feeds, fetches), result: () => y, close: () => session.release() };
}
