/**
 * onnxruntime-node: one-operator models built in memory, weights as initializers (so that it prepacks them). Each operator is
 * measured twice: as a user calls it, awaited; and its kernel alone, many times in a Loop within one call.
 */
import * as ort from 'onnxruntime-node';
import type { OperatorKind, Operands } from '../problem';
import { smallest } from '../stats';
import { loopModel, singleModel, type Value } from './model';
import { saturates, sessionOptions } from './onnx';
import { CONVOLUTIONS } from './onnxConvolutions';
import { OPERATORS, type Product } from './onnxOperators';
import { POOLINGS } from './onnxPools';
import type { Peer, PeerOperators, PeerProduct } from './peer';

/** How sessions treat u8 x s8 without VNNI: in 16-bit sums that saturate, or exactly, for which s8 weights become u8. */
interface Mode {
  readonly name: string;
  readonly exact: boolean;
  readonly about: readonly string[];
}

const USUAL: Mode = { name: 'ORT', exact: false, about: [] };
const EXACT: Mode = {
  name: 'ORT exact',
  exact: true,
  about: [
    'ORT exact: the same with session.x64quantprecision, which turns s8 weights into u8 so that no sum saturates without VNNI; for u8s8 ' +
      'and dynamic operands.',
  ],
};
const MODES = saturates() ? [USUAL, EXACT] : [USUAL];

const ABOUT: Readonly<Record<OperatorKind, string>> = {
  int8:
    'ORT: onnxruntime-node, awaited, `y` preallocated. MatMulInteger returns int32 sums (no bias, relu or requantization), ' +
    'QLinearMatMul 8 bits (no bias), DynamicQuantizeMatMul float32 with a bias (activations quantized per tensor).',
  nbits: 'ORT: onnxruntime-node, awaited, `y` preallocated. MatMulNBits, 4 bits, block_size 32, accuracy_level 4.',
  float32: 'ORT: onnxruntime-node, awaited, `y` preallocated. MatMul, no bias or activation.',
};

const ABOUT_CONVOLUTIONS =
  'ORT: onnxruntime-node, awaited, NCHW, `y` preallocated. QLinearConv u8s8 -> u8 and FusedConv (Conv with Relu), both with bias and relu.';

const ABOUT_POOLINGS =
  'ORT: onnxruntime-node, awaited, NCHW, `y` preallocated. MaxPool, AveragePool and GlobalAveragePool; of u8 MaxPool, QLinearAveragePool ' +
  'and QLinearGlobalAveragePool.';

/** What every problem says. */
interface Threaded {
  readonly threads: number;
}

/** An operator for a sort of problem. */
interface Operator<P> {
  readonly name: string;
  readonly operands: Operands;
  readonly make: (problem: P) => Product;
}

export async function openOnnxruntime(): Promise<Peer> {
  const empty = await emptyIteration();
  const kernel =
    'ORT kernel: the same operator in the body of an ONNX Loop, as many trips within one call as a sample takes, so that the call from ' +
    `JavaScript is shared among them. What is left beside the kernel is an iteration, ${(empty * 1e6).toFixed(1)} us when empty here.`;
  return {
    name: 'onnxruntime-node',
    version: ort.env.versions.node ?? 'of unknown version',
    products: (kind) =>
      offer(
        [ABOUT[kind], kernel],
        OPERATORS.filter((o) => o.kind === kind),
      ),
    // It has no sparse product.
    convolutions: offer([ABOUT_CONVOLUTIONS, kernel], CONVOLUTIONS),
    poolings: offer([ABOUT_POOLINGS, kernel], POOLINGS),
    close: async () => {},
  };
}

function offer<P extends Threaded>(about: readonly string[], operators: readonly Operator<P>[]): PeerOperators<P> {
  const lanes = MODES.map((mode) => ({ mode, able: operators.filter(({ operands }) => hasMode(mode, operands)) }));
  const used = lanes.filter(({ able }) => able.length > 0);
  return {
    about: [...about, ...used.flatMap(({ mode }) => mode.about)],
    libraries: used.flatMap(({ mode }) => [mode.name, kernelOf(mode)]),
    open: async (problem) => {
      const products: PeerProduct[] = [];
      for (const { mode, able } of used) {
        for (const operator of able) {
          products.push(await openCall(operator, problem, mode), await openKernel(operator, problem, mode));
        }
      }
      return products;
    },
  };
}

/** s8 x s8 is exact in either mode, and float32 has none. */
function hasMode({ exact }: Mode, operands: Operands): boolean {
  return !exact || operands === 'u8s8' || operands === 'dynamic';
}

const kernelOf = ({ name }: Mode): string => `${name} kernel`;

function create(model: Uint8Array, threads: number, { exact }: Mode): Promise<ort.InferenceSession> {
  return ort.InferenceSession.create(model, sessionOptions(threads, exact));
}

function tensor({ data, shape }: Value): ort.Tensor {
  if (data instanceof Float32Array) return new ort.Tensor('float32', data, shape);
  if (data instanceof Int32Array) return new ort.Tensor('int32', data, shape);
  return data instanceof Int8Array ? new ort.Tensor('int8', data, shape) : new ort.Tensor('uint8', data, shape);
}

/** As a user does it: run() awaited. `y` is given to the session as lowp is given `out`. */
async function openCall<P extends Threaded>({ name, operands, make }: Operator<P>, problem: P, mode: Mode): Promise<PeerProduct> {
  const { node, check } = make(problem);
  const session = await create(singleModel(node), problem.threads, mode);
  const feeds = { a: tensor(node.a) };
  const fetches = { y: tensor(node.y) };
  return {
    name: `${mode.name} ${name}`,
    library: mode.name,
    operands,
    async: true,
    run: () => session.run(feeds, fetches),
    check,
    close: () => session.release(),
  };
}

/** The kernel alone: `calls` trips of a Loop within one run(). */
async function openKernel<P extends Threaded>(
  { name, operands, make }: Operator<P>,
  problem: P,
  mode: Mode,
): Promise<PeerProduct> {
  const { node, check } = make(problem);
  const session = await create(loopModel(node, node.y), problem.threads, mode);
  const sample = looper(session, node.y, { a: tensor(node.a) });
  return {
    name: `${mode.name} ${name} kernel`,
    library: kernelOf(mode),
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
  const session = await create(loopModel(undefined, y), 1, USUAL);
  const sample = looper(session, y, {});
  const trips = 2000;
  const seconds: number[] = [];
  for (let i = 0; i < 10; i++) seconds.push((await sample(trips)) / trips);
  await session.release();
  return smallest(seconds);
}
