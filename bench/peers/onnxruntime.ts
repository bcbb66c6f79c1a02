/**
 * onnxruntime-node: one-operator models built in memory, weights as initializers (so that it prepacks them). Each operator is
 * measured twice: as a user calls it, awaited; and its kernel alone, many times in a Loop within one call.
 */
import * as ort from 'onnxruntime-node';
import type { DenseKind, Problem } from '../problem';
import { smallest } from '../stats';
import { loopModel, singleModel, type Value } from './model';
import { sessionOptions } from './onnx';
import { OPERATORS, type Operator } from './onnxOperators';
import type { Peer, PeerProduct } from './peer';

const CALL = 'ORT';
const KERNEL = 'ORT kernel';

const ABOUT: Readonly<Record<DenseKind, string>> = {
  int8:
    'ORT: onnxruntime-node, awaited, `y` preallocated. MatMulInteger returns int32 sums (no bias, relu or requantization), ' +
    'QLinearMatMul 8 bits (no bias), DynamicQuantizeMatMul float32 with a bias (activations quantized per tensor).',
  nbits: 'ORT: onnxruntime-node, awaited, `y` preallocated. MatMulNBits, 4 bits, block_size 32, accuracy_level 4.',
  float32: 'ORT: onnxruntime-node, awaited, `y` preallocated. MatMul, no bias or activation.',
};

export async function openOnnxruntime(): Promise<Peer> {
  const empty = await emptyIteration();
  const kernel =
    'ORT kernel: the same operator in the body of an ONNX Loop, as many trips within one call as a sample takes, so that the call from ' +
    `JavaScript is shared among them. What is left beside the kernel is an iteration, ${(empty * 1e6).toFixed(1)} us when empty here.`;
  return {
    name: 'onnxruntime-node',
    version: ort.env.versions.node ?? 'of unknown version',
    // It has no sparse product.
    about: (kind) => (kind === 'sparse' ? [] : [ABOUT[kind], kernel]),
    libraries: (kind) => (kind === 'sparse' ? [] : [CALL, KERNEL]),
    open: async (kind, problem) => {
      const products: PeerProduct[] = [];
      for (const operator of OPERATORS.filter((o) => o.kind === kind)) {
        products.push(await openCall(operator, problem), await openKernel(operator, problem));
      }
      return products;
    },
    close: async () => {},
  };
}

function create(model: Uint8Array, threads: number): Promise<ort.InferenceSession> {
  return ort.InferenceSession.create(model, sessionOptions(threads));
}

function tensor({ data, shape }: Value): ort.Tensor {
  if (data instanceof Float32Array) return new ort.Tensor('float32', data, shape);
  if (data instanceof Int32Array) return new ort.Tensor('int32', data, shape);
  return data instanceof Int8Array ? new ort.Tensor('int8', data, shape) : new ort.Tensor('uint8', data, shape);
}

/** As a user does it: run() awaited. `y` is given to the session as lowp is given `out`. */
async function openCall({ name, operands, make }: Operator, problem: Problem): Promise<PeerProduct> {
  const { node, check } = make(problem);
  const session = await create(singleModel(node), problem.threads);
  const feeds = { a: tensor(node.a) };
  const fetches = { y: tensor(node.y) };
  return {
    name: `ORT ${name}`,
    library: CALL,
    operands,
    async: true,
    run: () => session.run(feeds, fetches),
    check,
    close: () => session.release(),
  };
}

/** The kernel alone: `calls` trips of a Loop within one run(). */
async function openKernel({ name, operands, make }: Operator, problem: Problem): Promise<PeerProduct> {
  const { node, check } = make(problem);
  const session = await create(loopModel(node, node.y), problem.threads);
  const sample = looper(session, node.y, { a: tensor(node.a) });
  return {
    name: `ORT ${name} kernel`,
    library: KERNEL,
    operands,
    run: () => sample(1),
    sample,
    check,
    close: () => session.release(),
  };
}

/** Seconds of a run() with so many trips. */
function looper(session: ort.InferenceSession, y: Value, inputs: Record<string, ort.Tensor>): (trips: number) => Promise<number> {
  const y0 = tensor({ data: y.data.slice(), shape: y.shape });
  const fetches = { y: tensor(y) };
  return async (trips) => {
    const feeds = { ...inputs, y0, trips: new ort.Tensor('int64', BigInt64Array.of(BigInt(trips)), []) };
    const start = performance.now();
    await session.run(feeds, fetches);
    return (performance.now() - start) / 1000;
  };
}

/** Seconds of a Loop's iteration with nothing in it. */
async function emptyIteration(): Promise<number> {
  const y = { data: new Float32Array(1), shape: [1, 1] };
  const session = await create(loopModel(undefined, y), 1);
  const sample = looper(session, y, {});
  const trips = 2000;
  const seconds: number[] = [];
  for (let i = 0; i < 10; i++) seconds.push((await sample(trips)) / trips);
  await session.release();
  return smallest(seconds);
}
