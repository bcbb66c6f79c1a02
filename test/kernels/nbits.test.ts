/** Weights in groups: every instruction set against the oracle, bit for bit. */
import {
  dequantize,
  packWeights,
  quantizedMatmul,
  quantizedMatmulAsync,
  quantizeWeights,
  runtime,
  type Activation,
  type GroupQuantizedTensor,
  type QuantizedMatmulOptions,
  type Tensor,
} from 'lowp';
import * as reference from 'lowp/reference';
import { CURVES } from '../helpers/activations';
import { expectSame } from '../helpers/compare';
import { around, kernelOf, tileOf, unique, usableIsas, useIsa } from '../helpers/isas';
import { Random } from '../helpers/random';

const GROUPS = [16, 32, 64, 128, 256] as const;
const BITS = [4, 8] as const;
const BATCHES = 6;
const BATCH_SIZE = 60;

interface Case {
  readonly m: number;
  readonly n: number;
  readonly k: number;
  readonly bits: 4 | 8;
  readonly group: (typeof GROUPS)[number];
  readonly zeros?: boolean;
  /** Codes, zero points and activations at the ends of their ranges. */
  readonly extreme?: 'low' | 'high' | 'mixed';
  readonly batch?: readonly number[];
  readonly padA?: number;
  readonly padC?: number;
  readonly packed?: boolean;
  readonly bias?: boolean;
  readonly act?: 'relu' | 'clamp' | Exclude<Activation, object>;
  readonly residual?: boolean;
  readonly threads?: number;
}

function titleOf({ m, n, k, ...rest }: Case): string {
  const words = Object.entries(rest).flatMap(([key, value]) => (value === undefined ? [] : [`${key} ${String(value)}`]));
  return [`M${m} N${n} K${k}`, ...words].join(' ');
}

function groupsOf(r: Random, { n, k, bits, group, zeros, extreme }: Case): GroupQuantizedTensor {
  const groups = Math.ceil(k / group);
  const fill = (length: number): Uint8Array =>
    extreme === 'low' || extreme === 'high' ? new Uint8Array(length).fill(extreme === 'low' ? 0 : 255) : r.bytes(length);
  const data = fill((n * groups * group * bits) / 8);
  // Of either sign, some 0.
  const scales = r.fill(new Float32Array(n * groups), () => (r.chance(0.05) ? 0 : r.normal() / 50));
  const weights = { data, bits, groupSize: group, shape: [n, k], scales };
  if (zeros !== true) return weights;
  const length = n * Math.ceil((groups * bits) / 8);
  return {
    ...weights,
    zeroPoints: extreme === undefined || extreme === 'mixed' ? r.bytes(length) : fill(length).map((x) => 255 - x),
  };
}

function activationsOf(r: Random, { m, k, batch = [], padA = 0, extreme }: Case): Tensor<Float32Array> {
  const shape = [...batch, m, k];
  const rows = shape.slice(0, -1).reduce((p, size) => p * size, 1);
  const ld = k + padA;
  const value = (): number => {
    if (extreme === 'low') return -5;
    if (extreme === 'high') return 5;
    return extreme === 'mixed' ? r.pick([-3e38, 3e38, 1e-40, 0, -0, 1, -1]) : r.normal() * 3;
  };
  const data = r.fill(new Float32Array(Math.max(0, (rows - 1) * ld + k) + 1).subarray(1), value);
  const strides = shape.map((_, d) => (d === shape.length - 1 ? 1 : shape.slice(d + 1, -1).reduce((p, size) => p * size, ld)));
  return padA === 0 ? { data, shape } : { data, shape, strides };
}

interface Problem {
  readonly a: Tensor<Float32Array>;
  readonly b: GroupQuantizedTensor;
  readonly options: QuantizedMatmulOptions;
  readonly length: number;
}

function problem(c: Case): Problem {
  const r = new Random(titleOf({ ...c, threads: undefined, packed: undefined }));
  const rows = c.m * (c.batch ?? []).reduce((p, size) => p * size, 1);
  const options: QuantizedMatmulOptions = {
    bias: c.bias === true ? r.floats(c.n) : undefined,
    activation: c.act === 'clamp' ? { min: -1, max: 0.5 } : c.act,
    residual: c.residual === true ? r.floats(rows * c.n) : undefined,
    outStride: c.padC === undefined ? undefined : c.n + c.padC,
  };
  return { a: activationsOf(r, c), b: groupsOf(r, c), options, length: rows * (c.n + (c.padC ?? 0)) + 3 };
}

const oracle = new Map<string, Float32Array>();

function expected(c: Case, { a, b, options, length }: Problem): Float32Array {
  const title = titleOf({ ...c, threads: undefined, packed: undefined });
  const known = oracle.get(title);
  if (known !== undefined) return known;
  const out = new Float32Array(length).fill(77);
  reference.quantizedMatmul(a, b, { ...options, out });
  oracle.set(title, out);
  return out;
}

function check(c: Case): void {
  const p = problem(c);
  const want = expected(c, p);
  const out = new Float32Array(p.length).fill(77);
  const options = { ...p.options, out, threads: c.threads };
  if (c.packed === true) {
    using packed = packWeights(p.b);
    quantizedMatmul(p.a, packed, options);
  } else {
    quantizedMatmul(p.a, p.b, options);
  }
  expectSame(out, want, titleOf(c));
}

function variant(r: Random, c: Pick<Case, 'm' | 'n' | 'k' | 'bits' | 'group'>): Case {
  const maybe = <T>(probability: number, value: T): T | undefined => (r.chance(probability) ? value : undefined);
  return {
    ...c,
    zeros: maybe(0.5, true),
    extreme: maybe(0.3, r.pick(['low', 'high', 'mixed'] as const)),
    batch: maybe(0.2, r.pick([[2], [1], [3, 2]])),
    padA: maybe(0.3, r.int(1, 5)),
    padC: maybe(0.3, r.int(1, 5)),
    packed: maybe(0.5, true),
    bias: maybe(0.4, true),
    act: r.pick([undefined, 'relu', 'clamp', 'hardswish', ...CURVES] as const),
    residual: maybe(0.4, true),
    threads: maybe(0.5, r.int(1, 3)),
  };
}

const isas = usableIsas();

test('every supported kernel is the choice of some instruction set', () => {
  const supported = runtime.kernels().flatMap((k) => (k.family === 'nbits' && k.supported ? [k.name] : []));
  const chosen = isas.flatMap((isa) => kernelOf('nbits', isa)?.name ?? []);
  expect([...new Set(chosen)].sort()).toEqual(supported.sort());
});

describe.each(isas)('nbits > %s', (isa) => {
  const { mr, nr } = tileOf('nbits', isa);
  useIsa(isa);

  describe.each(BITS)('%i bits', (bits) => {
    test.each(GROUPS)('groups of %i > around the tile, K not of whole groups', (group) => {
      for (const m of around(mr)) {
        for (const n of unique(1, nr - 1, nr, nr + 1)) {
          const r = new Random(`${bits} ${group} ${m} ${n}`);
          for (const k of [r.int(0, group), group + r.int(-1, 1)]) check(variant(r, { m, n, k, bits, group }));
        }
      }
    });

    test.each(GROUPS)('groups of %i > the largest sums of either sign, with and without zero points', (group) => {
      for (const extreme of ['low', 'high'] as const) {
        for (const zeros of [false, true]) check({ m: mr + 1, n: nr + 1, k: 2 * group + 1, bits, group, extreme, zeros });
      }
    });

    test.each([511, 512, 513, 1100])('K%i around the block of depth', (k) => {
      for (const m of [1, mr + 2]) for (const group of GROUPS) check({ m, n: nr + 1, k, bits, group, zeros: m === 1 });
    });
  });

  test.each([
    { m: 1, n: 700, k: 1600, bits: 4, group: 32 },
    { m: 65, n: 70, k: 300, bits: 4, group: 64, zeros: true, padC: 2 },
    { m: 19, n: 80, k: 200, bits: 8, group: 32, batch: [2, 2], padA: 3 },
  ] as const)('threads 1, 2, 3 and 5 give the same bits, synchronous or not > M$m N$n K$k', async (c) => {
    const want = expected(c, problem(c));
    for (const threads of [1, 2, 3, 5]) {
      check({ ...c, threads, packed: threads === 3 });
      const { a, b, options, length } = problem(c);
      const out = new Float32Array(length).fill(77);
      const done = quantizedMatmulAsync(a, b, { ...options, out, threads });
      a.data.fill(NaN);
      b.data.fill(0);
      b.scales.fill(0);
      await done;
      expectSame(out, want, `threads ${threads} async`);
    }
  });

  test('NaN and infinities: only their own groups and rows are touched', () => {
    for (const bits of BITS) {
      for (const k of [3, 40, 67]) {
        const c = { m: mr + 2, n: nr + 1, k, bits, group: 32 } as const;
        const { a, b } = problem(c);
        a.data[0] = NaN;
        a.data[k + 1] = Infinity;
        a.data[2 * k - 1] = -Infinity;
        a.data.fill(NaN, 2 * k, 3 * k);
        a.data.fill(-Infinity, 3 * k, 4 * k);
        expectSame(quantizedMatmul(a, b).data, reference.quantizedMatmul(a, b).data, titleOf(c));
      }
    }
  });

  test('scales whose product overflows: infinities and NaN, as arithmetic gives them', () => {
    const a = { data: new Float32Array(2 * 40).fill(3e38, 0, 40), shape: [2, 40] };
    const b = {
      ...groupsOf(new Random('overflow'), { m: 2, n: 3, k: 40, bits: 4, group: 32 }),
      scales: new Float32Array(6).fill(3e38),
    };
    expectSame(quantizedMatmul(a, b).data, reference.quantizedMatmul(a, b).data, 'overflow');
    expect([...quantizedMatmul(a, b).data].some((y) => !Number.isFinite(y))).toBe(true);
  });

  test.each(Array.from({ length: BATCHES }, (_, seed) => seed))(`random > seed %i, ${BATCH_SIZE} cases`, (seed) => {
    const r = new Random(seed);
    for (let i = 0; i < BATCH_SIZE; i++) {
      const sizes = { m: r.int(1, r.pick([1, 8, 30])), n: r.int(1, r.pick([4, 20, 50])), k: r.int(1, r.pick([20, 100, 300])) };
      check(variant(r, { ...sizes, bits: r.pick([4, 4, 8]), group: r.pick(GROUPS) }));
    }
  });
});

test('quantizeWeights and dequantize > 200 random cases: the oracle, bit for bit', () => {
  const r = new Random('convert');
  for (let i = 0; i < 200; i++) {
    const [k, n] = [r.int(0, 90), r.int(0, 9)];
    const transposeB = r.chance(0.5);
    const shape = transposeB ? [n, k] : [k, n];
    const ld = shape[1] + r.pick([0, 0, 3]);
    const spread = 10 ** r.pick([0, 0, 0, -40, -44, 38]);
    const data = r.floats(Math.max(0, (shape[0] - 1) * ld + shape[1]) + 2, spread);
    if (r.chance(0.2)) data[r.int(0, data.length - 1)] = r.pick([NaN, Infinity, -Infinity, -0]);
    const w = ld === shape[1] ? { data, shape } : { data, shape, strides: [ld, 1] };
    const options = { bits: r.pick(BITS), groupSize: r.pick(GROUPS), symmetric: r.chance(0.5), transposeB };
    const title = `case ${i} K${k} N${n} ${JSON.stringify(options)}`;
    const got = quantizeWeights(w, options);
    const want = reference.quantizeWeights(w, options);
    expectSame(got.scales, want.scales, `${title} scales`);
    expectSame(got.zeroPoints ?? [], want.zeroPoints ?? [], `${title} zero points`);
    expectSame(got.data, want.data, title);
    expect({ ...got, data: 0, scales: 0, zeroPoints: 0 }).toEqual({ ...want, data: 0, scales: 0, zeroPoints: 0 });
    expectSame(dequantize(got).data, reference.dequantize(want).data, `${title} back`);
  }
});

test('quantizeWeights: an error of at most half a step, or a whole one at the far end of a symmetric group', () => {
  const r = new Random('error');
  const w = { data: r.floats(64 * 256), shape: [64, 256] };
  for (const bits of BITS) {
    for (const symmetric of [true, false]) {
      const q = quantizeWeights(w, { bits, symmetric, transposeB: true });
      const back = dequantize(q).data;
      for (let i = 0; i < back.length; i++) {
        const step = Math.abs(q.scales[Math.floor(i / 32)]);
        const error = Math.abs(back[i] - w.data[i]);
        if (!(error <= step * (symmetric ? 1.0001 : 0.5001))) throw new Error(`${bits} bits [${i}]: ${error} of ${step}`);
      }
    }
  }
});
