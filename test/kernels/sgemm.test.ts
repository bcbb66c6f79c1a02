/** The float32 product on every instruction set against the float64 oracle: exact where sums are small integers, else within the bound. */
import { matmul, matmulAsync, packWeights, runtime, type Activation, type MatmulOptions, type Tensor } from 'lowp';
import * as reference from 'lowp/reference';
import { expectNear, expectSame } from '../helpers/compare';
import { around, kernelOf, tileOf, unique, usableIsas, useIsa } from '../helpers/isas';
import { CURVES } from '../helpers/activations';
import { Random } from '../helpers/random';

const EPSILON = 2 ** -23;
const BATCHES = 12;
const BATCH_SIZE = 100;

interface Case {
  readonly m: number;
  readonly n: number;
  readonly k: number;
  /** Small whole numbers, of which every sum is exact; else real ones. */
  readonly whole?: boolean;
  readonly batch?: readonly number[];
  readonly padA?: number;
  readonly padB?: number;
  readonly padC?: number;
  readonly transposeA?: boolean;
  readonly transposeB?: boolean;
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

interface Problem {
  readonly a: Tensor<Float32Array>;
  readonly b: Tensor<Float32Array>;
  readonly options: MatmulOptions;
  readonly length: number;
}

/** A matrix (or several, one behind the other) whose rows are `pad` further apart than they are long; noise lies between. */
function tensor(r: Random, shape: readonly number[], pad: number | undefined, whole: boolean | undefined): Tensor<Float32Array> {
  const rank = shape.length;
  const ld = Math.max(1, shape[rank - 1] + (pad ?? 0));
  const rows = shape.slice(0, -1).reduce((p, size) => p * size, 1);
  const data = new Float32Array(Math.max(0, (rows - 1) * ld + shape[rank - 1]) + 1).subarray(1);
  r.fill(data, () => (whole === true ? r.int(-9, 9) : r.normal()));
  if (pad === undefined) return { data, shape };
  const strides = shape.map((_, d) => (d === rank - 1 ? 1 : shape.slice(d + 1, -1).reduce((p, size) => p * size, ld)));
  return { data, shape, strides };
}

function problem(c: Case): Problem {
  const r = new Random(titleOf({ ...c, threads: undefined, packed: undefined }));
  const a = tensor(r, c.transposeA === true ? [c.k, c.m] : [...(c.batch ?? []), c.m, c.k], c.padA, c.whole);
  const b = tensor(r, c.transposeB === true ? [c.n, c.k] : [c.k, c.n], c.padB, c.whole);
  const rows = (c.batch ?? []).reduce((p, size) => p * size, c.m);
  const bias = c.bias === true ? r.fill(new Float32Array(c.n), () => r.int(-20, 20)) : undefined;
  const { data: residual } = tensor(r, [rows, c.n], undefined, c.whole);
  const options: MatmulOptions = {
    bias,
    residual: c.residual === true ? residual : undefined,
    activation: c.act === 'clamp' ? { min: -5, max: 2.5 } : c.act,
    transposeA: c.transposeA,
    transposeB: c.transposeB,
    outStride: c.padC === undefined ? undefined : c.n + c.padC,
  };
  return { a, b, options, length: rows * (c.n + (c.padC ?? 0)) + 3 };
}

const oracle = new Map<string, Float32Array>();

function expected(c: Case, { a, b, options, length }: Problem): Float32Array {
  const title = titleOf({ ...c, threads: undefined, packed: undefined });
  const known = oracle.get(title);
  if (known !== undefined) return known;
  const out = new Float32Array(length).fill(77);
  reference.matmul(a, b, { ...options, out });
  oracle.set(title, out);
  return out;
}

function largest(values: Float32Array): number {
  let most = 0;
  for (const x of values) most = x > most ? x : -x > most ? -x : most;
  return most;
}

/** Returns what the kernel gave, so that a caller can compare bits. */
function check(c: Case): Float32Array {
  const p = problem(c);
  const want = expected(c, p);
  const out = new Float32Array(p.length).fill(77);
  const options = { ...p.options, out, threads: c.threads };
  if (c.packed === true) {
    using packed = packWeights(p.b, { transposeB: c.transposeB ?? false });
    matmul(p.a, packed, options);
  } else {
    matmul(p.a, p.b, options);
  }
  if (c.whole === true) expectSame(out, want, titleOf(c));
  else {
    // No activation is steeper than 1.2; the sums with bias and residual and the activation are rounded too.
    const sum = EPSILON * (c.k + 1) * largest(p.a.data) * largest(p.b.data) * 2;
    const epilogue = c.act === undefined && c.residual === undefined ? 0 : 1e-5;
    expectNear(out, want, 1.2 * sum + epilogue, titleOf(c));
  }
  return out;
}

function variant(r: Random, m: number, n: number, k: number, whole: boolean): Case {
  const maybe = <T>(probability: number, value: T): T | undefined => (r.chance(probability) ? value : undefined);
  const transposeA = maybe(0.3, true);
  return {
    ...{ m, n, k, transposeA, whole: whole ? true : undefined },
    batch: transposeA === undefined ? maybe(0.3, r.pick([[2], [1], [3, 2]])) : undefined,
    padA: maybe(0.3, r.int(1, 5)),
    padB: maybe(0.3, r.int(1, 5)),
    padC: maybe(0.3, r.int(1, 5)),
    transposeB: maybe(0.4, true),
    packed: maybe(0.5, true),
    bias: maybe(0.4, true),
    act: r.pick([undefined, 'relu', 'clamp', 'hardswish', 'hardsigmoid', ...CURVES] as const),
    residual: maybe(0.4, true),
    threads: maybe(0.5, r.int(1, 3)),
  };
}

// Above 2^20 multiply-adds, where work is shared by threads.
const LARGE: readonly Case[] = [
  { m: 401, n: 33, k: 100, bias: true, residual: true, act: 'gelu' },
  { m: 3, n: 517, k: 700, padA: 3, padB: 1 },
  { m: 97, n: 65, k: 171, transposeA: true, padC: 2, act: 'relu' },
  { m: 260, n: 17, k: 1100, transposeB: true },
  { m: 19, n: 35, k: 321, batch: [2, 3], padA: 1 },
  { m: 1, n: 1100, k: 1000 },
];

const isas = usableIsas();

test('every supported kernel is the choice of some instruction set', () => {
  const supported = runtime.kernels().flatMap((k) => (k.family === 'sgemm' && k.supported ? [k.name] : []));
  const chosen = isas.flatMap((isa) => kernelOf('sgemm', isa)?.name ?? []);
  expect([...new Set(chosen)].sort()).toEqual(supported.sort());
});

describe.each(isas)('sgemm > %s', (isa) => {
  const { mr, nr } = tileOf('sgemm', isa);
  useIsa(isa);

  test.each(around(mr))('around the tile > M%i, each N and K: exact, and a variant', (m) => {
    for (const n of around(nr)) {
      for (const k of unique(0, 1, 2, 3, 31, 67)) {
        check({ m, n, k, whole: true });
        check(variant(new Random(`${m} ${n} ${k}`), m, n, k, true));
        check(variant(new Random(`real ${m} ${n} ${k}`), m, n, k, false));
      }
    }
  });

  test.each([255, 256, 257, 511, 512, 513, 1025])('K%i around the block of depth', (k) => {
    for (const m of [1, mr + 1]) {
      check({ m, n: nr + 1, k, whole: true });
      check({ m, n: nr + 1, k, transposeA: true, padA: 2 });
      check({ m, n: 2, k, transposeB: true });
    }
  });

  test.each([1, 2, 3])('M%i: several micropanels at once, and those left over', (m) => {
    for (const n of [2 * nr - 1, 2 * nr, 3 * nr, 4 * nr - 1, 4 * nr + 1, 7 * nr + 3]) {
      check({ m, n, k: 3, whole: true, bias: true });
      check({ m, n, k: 515, padC: 1 });
    }
  });

  test.each([119, 121, 239, 241, 385, 769])('M%i around the block of rows', (m) => {
    check({ m, n: nr + 1, k: 9, whole: true });
    check({ m, n: 3, k: 260, transposeA: true });
  });

  test.each(LARGE)('threads 1, 2, 3 and 5 give the same bits, packed or not, synchronous or not > M$m N$n K$k', async (c) => {
    const want = check({ ...c, threads: 1 });
    for (const threads of [2, 3, 5]) {
      expectSame(check({ ...c, threads, packed: threads === 3 }), want, `threads ${threads}`);
      const { a, b, options, length } = problem(c);
      const out = new Float32Array(length).fill(77);
      const done = matmulAsync(a, b, { ...options, out, threads });
      a.data.fill(NaN);
      b.data.fill(NaN);
      options.bias?.fill(NaN);
      (options.residual as Float32Array | undefined)?.fill(NaN);
      await done;
      expectSame(out, want, `threads ${threads} async`);
    }
  });

  test('NaN and infinities propagate, through bias and activation; other rows and columns stay clean', () => {
    const r = new Random('special');
    for (const k of [1, 2, 67, 300]) {
      const a = tensor(r, [mr + 1, k], undefined, true);
      const b = tensor(r, [k, nr + 1], undefined, true);
      const set = (t: Tensor<Float32Array>, row: number, col: number, x: number): void => {
        t.data[row * t.shape[1] + col] = x;
      };
      set(a, 0, k - 1, NaN);
      set(a, 2, 0, Infinity);
      set(a, 3, k >> 1, -Infinity);
      set(b, 0, nr, NaN);
      set(b, k - 1, 1, Infinity);
      set(b, 0, 0, 0); // Infinity * 0
      for (const activation of ['none', 'relu', { min: -3, max: 3 }] as const) {
        for (const bias of [undefined, new Float32Array(nr + 1).fill(-Infinity, 2, 4)]) {
          const want = reference.matmul(a, b, { activation, bias }).data;
          expectSame(matmul(a, b, { activation, bias }).data, want, `K${k} ${JSON.stringify(activation)}`);
        }
      }
    }
  });

  test('a sum that overflows is infinite, denormals are kept', () => {
    const a = { data: Float32Array.of(3e38, 3e38, 1e-20, 1e-20), shape: [2, 2] };
    const b = { data: Float32Array.of(1, 1e-20, 1, 1e-20), shape: [2, 2] };
    const { data } = matmul(a, b);
    expect(data[0]).toBe(Infinity);
    const tiny = Math.fround(2 * Math.fround(1e-20) ** 2);
    expect(tiny).toBeGreaterThan(0);
    expect(Math.abs(data[3] - tiny)).toBeLessThanOrEqual(2 * 2 ** -149);
  });

  test.each(Array.from({ length: BATCHES }, (_, seed) => seed))(`random > seed %i, ${BATCH_SIZE} cases`, (seed) => {
    const r = new Random(seed);
    for (let i = 0; i < BATCH_SIZE; i++) {
      check(
        variant(r, r.int(1, r.pick([1, 8, 40])), r.int(1, r.pick([4, 20, 70])), r.int(1, r.pick([8, 40, 130])), r.chance(0.5)),
      );
    }
  });
});
