/** sparseMatmul on every instruction set: int8 bit for bit the oracle's, float32 exact where sums are small integers. */
import {
  packSparse,
  runtime,
  sparseMatmul,
  sparseMatmulAsync,
  type BsrMatrix,
  type CsrMatrix,
  type QuantizedTensor,
  type SparseMatmulOptions,
  type SparseMatrix,
  type Tensor,
} from 'lowp';
import * as reference from 'lowp/reference';
import { expectNear, expectSame } from '../helpers/compare';
import { kernelOf, resetIsa, usableIsas, useIsa } from '../helpers/isas';
import { Random } from '../helpers/random';
import { floatBsr, floatCsr, int8Bsr, int8Csr } from '../helpers/sparse';

const EPSILON = 2 ** -23;

type OutArray = Float32Array | Int32Array | Int8Array | Uint8Array;
type Out = new (n: number) => OutArray;
type Dense = Tensor<Float32Array> | QuantizedTensor;
type Product = (matrix: unknown, dense: Dense, options: SparseMatmulOptions) => Tensor<Float32Array>;

interface Case {
  readonly rows: number;
  readonly cols: number;
  readonly n: number;
  readonly density: number;
  readonly block?: readonly [number, number];
  readonly padding?: number;
  readonly threads?: number;
}

const BLOCKS: readonly (readonly [number, number])[] = [
  [1, 4],
  [4, 1],
  [16, 1],
  [4, 4],
  [3, 2],
  [8, 16],
];

const CASES: readonly Case[] = [
  // Around vectors, strips and tiles of 64 columns.
  ...[1, 3, 8, 16, 17, 32, 63, 64, 65, 130].map((n) => ({ rows: 11, cols: 29, n, density: 0.3 })),
  { rows: 11, cols: 29, n: 20, density: 0.3, padding: 3 },
  // Several blocks of columns, several bands of rows.
  { rows: 13, cols: 1500, n: 70, density: 0.1 },
  { rows: 1300, cols: 40, n: 5, density: 0.1, threads: 2 },
  { rows: 560, cols: 60, n: 130, density: 0.15, threads: 2 },
  { rows: 64, cols: 3000, n: 9, density: 0.001 },
  { rows: 5, cols: 7, n: 9, density: 0 },
  { rows: 5, cols: 7, n: 9, density: 1 },
  ...BLOCKS.map((block) => ({ rows: 6, cols: 9, n: 33, density: 0.4, block })),
];

function titleOf({ rows, cols, n, density, block, padding, threads }: Case): string {
  const shape = block === undefined ? 'csr' : `blocks ${block.join('x')}`;
  return `${shape} ${rows}x${cols} N${n} density ${density}${padding === undefined ? '' : ` ld+${padding}`} t${threads ?? 1}`;
}

/** [rows, cols], `padding` between the rows. */
function place<T extends Float32Array | Int8Array | Uint8Array>(data: T, rows: number, cols: number, padding = 0): Tensor<T> {
  if (padding === 0) return { data, shape: [rows, cols] };
  const padded = Reflect.construct(data.constructor, [rows * (cols + padding)]) as T;
  for (let r = 0; r < rows; r++) padded.set(data.subarray(r * cols, (r + 1) * cols), r * (cols + padding));
  return { data: padded, shape: [rows, cols], strides: [cols + padding, 1] };
}

const left: Product = (matrix, dense, options) =>
  sparseMatmul(matrix as CsrMatrix, dense, { ...options, side: 'left' } as object);
const right: Product = (matrix, dense, options) =>
  sparseMatmul(dense, matrix as CsrMatrix, { ...options, side: 'right' } as { side: 'right' });
const sides = { left, right };

function oracle(side: 'left' | 'right', matrix: SparseMatrix, dense: Dense, options: SparseMatmulOptions): Float32Array {
  return side === 'left'
    ? reference.sparseMatmul(matrix, dense, { ...options, side } as object).data
    : reference.sparseMatmul(dense, matrix, { ...options, side } as { side: 'right' }).data;
}

function denseFor<T extends Float32Array | Int8Array | Uint8Array>(
  c: Case,
  side: 'left' | 'right',
  matrix: SparseMatrix,
  make: (length: number) => T,
): Tensor<T> {
  const [rows, cols] = side === 'left' ? [matrix.cols, c.n] : [c.n, matrix.cols];
  return place(make(rows * cols), rows, cols, c.padding);
}

/** Output stride and a prefilled array: what lies between the rows has to stay. */
function withOut(c: Case, side: string, rows: number, out: Out): SparseMatmulOptions & { readonly out: OutArray } {
  const [m, n] = side === 'left' ? [rows, c.n] : [c.n, rows];
  const outStride = n + (c.padding ?? 0);
  return { out: new out(m * outStride).fill(7), outStride, threads: c.threads ?? 1 };
}

const wholes = (r: Random) => (length: number) => r.fill(new Float32Array(length), () => r.int(-9, 9));

describe.each(usableIsas())('%s', (isa) => {
  useIsa(isa);

  describe.each(['left', 'right'] as const)('side %s', (side) => {
    test.each(CASES.map((c) => [titleOf(c), c] as const))('float32 > %s', (title, c) => {
      const r = new Random(`${title} ${side}`);
      const pattern = { rows: c.rows, cols: c.cols, density: c.density };
      const matrix = c.block === undefined ? floatCsr(r, pattern) : floatBsr(r, c.block, pattern);
      const bias = wholes(r)(matrix.rows);
      // Of small whole numbers every sum is exact; of others the bound holds.
      const whole = { ...matrix, values: wholes(r)(matrix.values.length) } as CsrMatrix<Float32Array> | BsrMatrix<Float32Array>;
      const integers = denseFor(c, side, matrix, wholes(r));
      const options = { bias, activation: 'relu' as const };
      using packed = packSparse(whole);
      const wanted = oracle(side, whole, integers, { ...options, ...withOut(c, side, matrix.rows, Float32Array) });
      for (const operand of [whole, packed]) {
        const got = sides[side](operand, integers, { ...options, ...withOut(c, side, matrix.rows, Float32Array) });
        expectSame(got.data, wanted, title);
      }
      const reals = denseFor(c, side, matrix, (length) => r.floats(length));
      const bound = EPSILON * (matrix.cols + 1) * 2 * largest(matrix.values) * largest(reals.data);
      expectNear(sides[side](matrix, reals, { threads: c.threads }).data, oracle(side, matrix, reals, {}), bound, title);
    });

    test.each(CASES.map((c) => [titleOf(c), c] as const))('int8 > %s', (title, c) => {
      const r = new Random(`${title} ${side} int8`);
      const pattern = { rows: c.rows, cols: c.cols, density: c.density };
      const matrix = c.block === undefined ? int8Csr(r, pattern, r.chance(0.5)) : int8Bsr(r, c.block, pattern);
      const bias = r.fill(new Float32Array(matrix.rows), () => r.normal());
      const sums = r.fill(new Int32Array(matrix.rows), () => r.int(-1e5, 1e5));
      const u8 = {
        ...denseFor(c, side, matrix, (length) => r.fill(new Uint8Array(length), () => r.int(0, 255))),
        scale: 0.02,
        zeroPoint: 119,
      };
      const s8 = {
        ...denseFor(c, side, matrix, (length) => r.fill(new Int8Array(length), () => r.int(-128, 127))),
        scale: 0.03,
        zeroPoint: -7,
      };
      const f32 = denseFor(c, side, matrix, (length) => r.floats(length));
      using packed = packSparse(matrix);
      const u8Out = { dtype: 'uint8', scale: 0.4, zeroPoint: 100 } as const;
      const s8Out = { dtype: 'int8', scale: 0.3, zeroPoint: 4 } as const;
      const perTensor = side === 'right' ? { activations: 'perTensor' as const } : {};
      const calls: readonly (readonly [
        Dense,
        SparseMatmulOptions,
        new (n: number) => Float32Array | Int32Array | Int8Array | Uint8Array,
      ])[] = [
        [u8, { output: 'int32' }, Int32Array],
        [s8, { output: 'int32', bias: sums }, Int32Array],
        [u8, { bias, activation: 'gelu' }, Float32Array],
        [s8, { output: u8Out, bias: sums, activation: 'relu' }, Uint8Array],
        [u8, { output: s8Out, bias, activation: 'silu' }, Int8Array],
        [f32, { bias }, Float32Array],
        [f32, { ...perTensor, output: s8Out }, Int8Array],
      ];
      for (const [dense, options, out] of calls) {
        const wanted = oracle(side, matrix, dense, { ...options, ...withOut(c, side, matrix.rows, out) });
        for (const operand of [matrix, packed]) {
          const got = sides[side](operand, dense, { ...options, ...withOut(c, side, matrix.rows, out) });
          expectSame(got.data, wanted, `${title} ${JSON.stringify(options.output)}`);
        }
      }
    });
  });

  test('a row longer than 2^31 allows is refused with the bound; one of the largest length is exact', () => {
    const cols = Math.floor((2 ** 31 - 1) / (128 * 255));
    const all = (length: number) => ({
      ...{ rows: 1, cols: length, rowPtr: Int32Array.of(0, length), colIdx: Int32Array.from({ length }, (_, i) => i) },
      ...{ values: new Int8Array(length).fill(-128), scale: 1 },
    });
    const x = (length: number) => ({ data: new Uint8Array(length).fill(255), shape: [length], scale: 1, zeroPoint: 0 });
    expect(sparseMatmul(all(cols), x(cols), { output: 'int32' }).data[0]).toBe(-128 * 255 * cols);
    expect(() => sparseMatmul(all(cols + 1), x(cols + 1), { output: 'int32' })).toThrow(`at most ${cols}`);
  });

  test('a vector on either side, and a batch whose matrices lie apart', () => {
    const r = new Random('vectors');
    const matrix = floatCsr(r, { rows: 30, cols: 40, density: 0.4 });
    const whole = { ...matrix, values: wholes(r)(matrix.values.length) };
    const x = { data: wholes(r)(40), shape: [40] };
    const wanted = reference.sparseMatmul(whole, x).data;
    expectSame(sparseMatmul(whole, x).data, wanted, 'left');
    expectSame(sparseMatmul(x, whole, { side: 'right' }).data, wanted, 'right');
    const batch = { data: wholes(r)(2 * 500), shape: [2, 3, 40], strides: [500, 45, 1] };
    expectSame(
      sparseMatmul(batch, whole, { side: 'right' }).data,
      reference.sparseMatmul(batch, whole, { side: 'right' }).data,
      'batch',
    );
  });

  test('asynchronously: what the caller changes meanwhile does not matter; a matrix disposed in flight is used to the end', async () => {
    const r = new Random('async');
    const matrix = int8Csr(r, { rows: 90, cols: 200, density: 0.3 }, true);
    const a = { data: r.fill(new Uint8Array(50 * 200), () => r.int(0, 255)), shape: [50, 200], scale: 0.02, zeroPoint: 3 };
    const bias = r.floats(90);
    const options = { side: 'right', bias, activation: 'tanh' } as const;
    const wanted = reference.sparseMatmul(a, matrix, options).data;
    const packed = packSparse(matrix);
    const pending = [sparseMatmulAsync(a, matrix, options), sparseMatmulAsync(a, packed, options)];
    packed.dispose();
    a.data.fill(0);
    bias.fill(0);
    matrix.values.fill(0);
    for (const result of await Promise.all(pending)) expectSame(result.data, wanted, 'async');
  });
});

test('10 million stored values: a vector and a few columns, on both sides', () => {
  const [rows, cols, n] = [5000, 4000, 3];
  const each = cols / 2;
  const rowPtr = Int32Array.from({ length: rows + 1 }, (_, row) => row * each);
  const colIdx = new Int32Array(rows * each);
  const values = new Int8Array(rows * each);
  const data = Uint8Array.from({ length: n * cols }, (_, i) => (i * 11) % 251);
  const wanted = new Int32Array(n * rows);
  for (let row = 0; row < rows; row++) {
    for (let i = 0; i < each; i++) {
      // Every other column, from 0 or 1 on.
      const at = row * each + i;
      const col = 2 * i + (row % 2);
      const value = ((at * 7) % 15) - 7;
      colIdx[at] = col;
      values[at] = value;
      for (let j = 0; j < n; j++) wanted[j * rows + row] += value * (data[j * cols + col] - 2);
    }
  }
  using packed = packSparse({ rows, cols, rowPtr, colIdx, values, scale: 1 });
  expect(packed.nnz).toBe(10_000_000);
  const x = { data, shape: [n, cols], scale: 1, zeroPoint: 2 };
  expectSame(sparseMatmul(x, packed, { side: 'right', output: 'int32' }).data, wanted, 'right');
  const vector = { ...x, data: data.subarray(0, cols), shape: [cols] };
  expectSame(sparseMatmul(packed, vector, { output: 'int32' }).data, wanted.subarray(0, rows), 'left');
});

test('a handle says what it is, counts as memory, and is gone after dispose()', () => {
  const r = new Random('handle');
  const matrix = int8Bsr(r, [4, 4], { rows: 20, cols: 30, density: 0.5 });
  const before = runtime.memory();
  const packed = packSparse(matrix);
  const quads = runtime.kernels().find((k) => k.family === 'qspmm_quads' && k.selected);
  const kernel = runtime.device === 'cuda' ? { name: 'qspmm__cuda', isa: 'cuda' } : quads;
  expect([packed.rows, packed.cols, packed.nnz, packed.dtype]).toEqual([80, 120, matrix.values.length, 'int8']);
  if (runtime.backend === 'native') {
    expect([packed.kernel, packed.isa]).toEqual([kernel?.name, kernel?.isa]);
    expect(runtime.memory().packedBytes - before.packedBytes).toBe(packed.bytes);
  }
  packed.dispose();
  packed.dispose();
  expect(packed.disposed).toBe(true);
  expect(runtime.memory()).toEqual(before);
  expect(() => sparseMatmul(packed, { data: new Float32Array(120), shape: [120] })).toThrow(
    expect.objectContaining({ code: 'ERR_LOWP_DISPOSED' }),
  );
});

test('the kernel of a handle is that of single entries, or of quads where its columns stand by fours', () => {
  const r = new Random('quads');
  const pattern = { rows: 8, cols: 10, density: 0.5 };
  for (const isa of usableIsas().filter((name) => name !== 'reference')) {
    const families = { spmm: floatBsr, qspmm: int8Bsr };
    for (const [family, make] of Object.entries(families)) {
      const expected = {
        '4x1': kernelOf(family, isa),
        '1x4': kernelOf(`${family}_quads`, isa),
        '4x4': kernelOf(`${family}_quads`, isa),
      };
      for (const [blocks, kernel] of Object.entries(expected)) {
        const [rows, cols] = blocks.split('x').map(Number);
        runtime.isa = isa;
        using packed = packSparse(make(r, [rows, cols], pattern), { device: 'cpu' });
        expect([packed.kernel, packed.isa]).toEqual([kernel?.name, kernel?.isa]);
      }
    }
  }
  resetIsa();
});

function largest(values: Float32Array): number {
  let most = 1;
  for (const x of values) most = Math.max(most, Math.abs(x));
  return most;
}
