/**
 * onnxruntime's MatMulNBits as judge of the weights in groups, on every instruction set.
 *
 * accuracy_level 4: the same integers (activations rounded to int8 by groups), so only the order and fusing of the float32 additions
 * differ. With S the sum of the products' magnitudes, as dequantized, each side is within eps * (groups + 16) * S of the exact sum of
 * its integers (16: the partial sums of a vector's lanes).
 *
 * accuracy_level 0 and 1: float32 activations, so the rounding of ours counts: at most half a step, scale / 2, for each of them.
 */
import { dequantize, quantizedMatmul, quantizeWeights, runtime, type GroupQuantizedTensor, type Tensor } from 'lowp';
import { firstDifference } from '../helpers/compare';
import { resetIsa, usableIsas } from '../helpers/isas';
import { runOperator, type Value } from '../helpers/onnx';
import { Random } from '../helpers/random';

const EPSILON = 2 ** -23;
const GROUPS = [16, 32, 64, 128, 256] as const;
const { abs, ceil, max, min } = Math;

const isas = usableIsas();
afterEach(resetIsa);

interface Product {
  readonly title: string;
  readonly a: Tensor<Float32Array>;
  readonly q: GroupQuantizedTensor;
  readonly bias: Float32Array | undefined;
}

function product(r: Random, bits: 4 | 8, groupSize: (typeof GROUPS)[number]): Product {
  const [m, n, k] = [r.int(1, 20), r.int(1, 40), r.int(1, r.pick([30, 300, 700]))];
  const symmetric = r.chance(0.5);
  const w = { data: r.floats(n * k), shape: [n, k] };
  const q = quantizeWeights(w, { bits, groupSize, symmetric, transposeB: true });
  const title = `M${m} N${n} K${k} bits ${bits} group ${groupSize}${symmetric ? '' : ' zero points'}`;
  return { title, a: { data: r.floats(m * k, 3), shape: [m, k] }, q, bias: r.chance(0.5) ? r.floats(n) : undefined };
}

async function judge({ a, q, bias }: Product, level: number): Promise<Float32Array> {
  const { bits, groupSize, data, scales, zeroPoints } = q;
  const [n, k] = q.shape;
  const groups = ceil(k / groupSize);
  const inputs: (Value | undefined)[] = [
    a,
    { data, shape: [n, groups, (groupSize * bits) / 8] },
    { data: scales, shape: [n * groups] },
  ];
  inputs.push(zeroPoints === undefined ? undefined : { data: zeroPoints, shape: [zeroPoints.length] });
  if (bias !== undefined) inputs.push(undefined, { data: bias, shape: [n] });
  const [y] = await runOperator({
    opType: 'MatMulNBits',
    domain: 'com.microsoft',
    inputs,
    constant: [1, 2, 3],
    outputs: [{ dtype: 'float32', shape: [a.shape[0], n] }],
    attributes: { K: k, N: n, bits, block_size: groupSize, accuracy_level: level },
  });
  return y as Float32Array;
}

interface Magnitudes {
  /** Of the products, as dequantized. */
  readonly products: number;
  /** Of half a step of the activations times the weights. */
  readonly halfSteps: number;
}

function magnitudes({ a, q }: Product, weights: Float32Array, m: number, n: number): Magnitudes {
  const k = q.shape[1];
  let products = 0;
  let halfSteps = 0;
  for (let begin = 0; begin < k; begin += q.groupSize) {
    const end = min(k, begin + q.groupSize);
    let largest = 0;
    let weightSum = 0;
    for (let i = begin; i < end; i++) {
      const x = abs(a.data[m * k + i]);
      largest = max(largest, x);
      weightSum += abs(weights[n * k + i]);
      products += x * abs(weights[n * k + i]);
    }
    halfSteps += (largest / 127 / 2) * weightSum;
  }
  return { products: products + halfSteps, halfSteps };
}

function compare(p: Product, want: Float32Array, exactActivations: boolean): void {
  const [n, k] = p.q.shape;
  const weights = dequantize(p.q).data;
  const count = ceil(k / p.q.groupSize);
  for (const isa of isas) {
    runtime.isa = isa;
    const got = quantizedMatmul(p.a, p.q, { bias: p.bias }).data;
    expect(got.length).toBe(want.length);
    for (let i = 0; i < got.length; i++) {
      const { products, halfSteps } = magnitudes(p, weights, Math.floor(i / n), i % n);
      const rounding = EPSILON * ((exactActivations ? k : count) + 16) * (products + abs(p.bias?.[i % n] ?? 0));
      const bound = 2 * rounding + (exactActivations ? halfSteps : 0);
      if (!(abs(got[i] - want[i]) <= bound)) {
        throw new Error(`${isa} ${p.title}: [${i}] is ${got[i]}, onnxruntime says ${want[i]} +- ${bound}`);
      }
    }
  }
}

describe.each([4, 8] as const)('%i bits', (bits) => {
  test.each(GROUPS)('groups of %i > accuracy_level 4: the same integers', async (groupSize) => {
    const r = new Random(`${bits} ${groupSize}`);
    for (let i = 0; i < 12; i++) {
      const p = product(r, bits, groupSize);
      compare(p, await judge(p, 4), false);
    }
  });

  test.each(GROUPS)(
    'groups of %i > accuracy_level 0 and 1: float32 activations, within half a step of ours',
    async (groupSize) => {
      const r = new Random(`exact ${bits} ${groupSize}`);
      for (let i = 0; i < 6; i++) {
        const p = product(r, bits, groupSize);
        compare(p, await judge(p, i % 2), true);
      }
    },
  );

  test('the identity times the weights is what dequantize gives', async () => {
    const r = new Random(`identity ${bits}`);
    for (const groupSize of GROUPS) {
      const [n, k] = [r.int(1, 9), r.int(1, 80)];
      const w = { data: r.floats(n * k), shape: [k, n] };
      for (const symmetric of [true, false]) {
        const q = quantizeWeights(w, { bits, groupSize, symmetric });
        const identity = Float32Array.from({ length: k * k }, (_, i) => (i % (k + 1) === 0 ? 1 : 0));
        const theirs = await judge({ title: '', a: { data: identity, shape: [k, k] }, q, bias: undefined }, 1);
        const ours = dequantize(q).data;
        const transposed = Float32Array.from(ours, (_, i) => ours[(i % n) * k + Math.floor(i / n)]);
        expect({ groupSize, difference: firstDifference(transposed, theirs) }).toEqual({ groupSize, difference: undefined });
      }
    }
  });
});
