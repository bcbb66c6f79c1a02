/** Sparse formats into each other and into dense matrices and back. */
import {
  bsrFromCsr,
  bsrFromDense,
  bsrToDense,
  checkBsr,
  checkCsr,
  csrFromCoo,
  csrFromCsc,
  csrFromDense,
  csrToCoo,
  csrToCsc,
  csrToDense,
  transposeCsr,
  type CooMatrix,
  type CscMatrix,
  type CsrMatrix,
  type SparseValues,
} from 'lowp';
import { expectSame } from '../helpers/compare';
import { expectThrows, wrong } from '../helpers/failures';
import { Random } from '../helpers/random';
import { dense, denseWeights, floatBsr, floatCsr, int8Bsr, int8Csr, transposed } from '../helpers/sparse';

/** [0 2 0; 0 0 0; 1 0 -3] */
const csr: CsrMatrix<Float32Array> = {
  ...{ rows: 3, cols: 3, rowPtr: Int32Array.of(0, 1, 1, 3) },
  ...{ colIdx: Int32Array.of(1, 0, 2), values: Float32Array.of(2, 1, -3) },
};
const coo: CooMatrix<Float32Array> = {
  ...{ rows: 3, cols: 3, rowIdx: Int32Array.of(2, 0, 2) },
  ...{ colIdx: Int32Array.of(2, 1, 0), values: Float32Array.of(-3, 2, 1) },
};
const csc: CscMatrix<Float32Array> = {
  ...{ rows: 3, cols: 3, colPtr: Int32Array.of(0, 1, 2, 3) },
  ...{ rowIdx: Int32Array.of(2, 0, 2), values: Float32Array.of(1, 2, -3) },
};

/** The last: enough elements and rows for the sort in two steps, and rows on both sides of what is sorted by insertion. */
const SIZES: [number, number][] = [
  [1, 1],
  [7, 3],
  [3, 7],
  [40, 60],
  [0, 5],
  [5, 0],
  [3000, 120],
];

describe('dense', () => {
  test('zeros of either sign are left out, NaN is not', () => {
    const made = csrFromDense({ data: Float32Array.of(0, -0, NaN, 1e-45), shape: [2, 2] });
    expect(made).toEqual({
      ...{ rows: 2, cols: 2, rowPtr: Int32Array.of(0, 0, 2) },
      ...{ colIdx: Int32Array.of(0, 1), values: Float32Array.of(NaN, 1e-45) },
    });
  });

  test('threshold: what is as large as it goes', () => {
    const x = { data: Float32Array.of(0.5, -0.5, 0.75, -2), shape: [1, 4] };
    expect(csrFromDense(x, { threshold: 0.5 }).colIdx).toEqual(Int32Array.of(2, 3));
  });

  test('rows 5 apart', () => {
    const x = { data: Float32Array.of(0, 2, 0, 9, 9, 0, 0, 0, 9, 9, 1, 0, -3), shape: [3, 3], strides: [5, 1] };
    expect(csrFromDense(x)).toEqual(csr);
  });

  test('int8 with its scales, and back', () => {
    const q = { data: Int8Array.of(0, -128, 3, 0), shape: [2, 2], scale: 0.5, zeroPoint: 0 };
    expect(csrFromDense(q)).toMatchObject({ colIdx: Int32Array.of(1, 0), values: Int8Array.of(-128, 3), scale: 0.5 });
    expect(csrToDense(csrFromDense(q))).toEqual(q);
    const rows = { ...q, scale: Float32Array.of(1, 2), zeroPoint: new Int32Array(2), axis: 0 };
    expect(csrToDense(csrFromDense(rows))).toEqual(rows);
  });

  test('what it refuses', () => {
    const q = { data: Int8Array.of(1, 2), shape: [1, 2], scale: 0.5, zeroPoint: 3 };
    expectThrows(() => csrFromDense(q), 'ERR_LOWP_VALUE', ['x.zeroPoint', 'real zero', 3]);
    expectThrows(() => csrFromDense({ ...q, zeroPoint: 0 }, { threshold: 1 }), 'ERR_LOWP_VALUE', ['options.threshold', 'int8']);
    const columns = { ...q, axis: 1, scale: Float32Array.of(1, 1), zeroPoint: 0 };
    expectThrows(() => csrFromDense(columns), 'ERR_LOWP_VALUE', ['x.axis', 1]);
    const x = { data: new Float32Array(4), shape: [2, 2] };
    expectThrows(() => csrFromDense({ ...x, shape: [4] }), 'ERR_LOWP_SHAPE', ['two dimensions']);
    expectThrows(() => csrFromDense({ ...x, shape: [3, 2] }), 'ERR_LOWP_SHAPE', [6, 'Float32Array(4)']);
    expectThrows(() => csrFromDense(x, { threshold: -1 }), 'ERR_LOWP_VALUE', ['options.threshold', '-1']);
    expectThrows(() => csrFromDense(x, { threshold: NaN }), 'ERR_LOWP_VALUE', ['options.threshold', 'NaN']);
    expectThrows(() => csrFromDense(x, wrong({ treshold: 1 })), 'ERR_LOWP_TYPE', ["did you mean 'threshold'"]);
    expectThrows(() => csrFromDense(wrong([1, 2])), 'ERR_LOWP_TYPE', [' x ']);
    expectThrows(() => csrToDense(wrong(null)), 'ERR_LOWP_TYPE', ['CsrMatrix']);
  });
});

describe('coordinates', () => {
  test('are sorted', () => {
    expect(csrFromCoo(coo)).toEqual(csr);
    expect(csrToCoo(csr)).toEqual({ ...coo, rowIdx: Int32Array.of(0, 2, 2), colIdx: csr.colIdx, values: csr.values });
  });

  test('a long row, columns up to 2^31 - 2', () => {
    const random = new Random('far');
    const columns = [...new Set(Array.from({ length: 100 }, () => random.int(0, 2 ** 31 - 2))), 2 ** 31 - 2, 65535, 65536];
    const values = Float32Array.from(columns.keys());
    const far = { rows: 1, cols: 2 ** 31 - 1, rowIdx: new Int32Array(columns.length), colIdx: Int32Array.from(columns), values };
    const made = csrFromCoo(far);
    const sorted = columns.map((column, i) => ({ column, i })).sort((x, y) => x.column - y.column);
    expect(made.colIdx).toEqual(Int32Array.from(sorted, ({ column }) => column));
    expect(made.values).toEqual(Float32Array.from(sorted, ({ i }) => i));
  });

  test('duplicates: refused, or added in float64', () => {
    const twice = {
      ...{ rows: 2, cols: 2, rowIdx: Int32Array.of(1, 0, 1, 1), colIdx: Int32Array.of(1, 0, 1, 1) },
      values: Float32Array.of(1, 5, 2 ** 24, -(2 ** 24)),
    };
    expectThrows(() => csrFromCoo(twice), 'ERR_LOWP_VALUE', ['row 1, column 1', 'received 3', "'sum'"]);
    expect(csrFromCoo(twice, { duplicates: 'sum' })).toMatchObject({
      ...{ rowPtr: Int32Array.of(0, 1, 2), colIdx: Int32Array.of(0, 1), values: Float32Array.of(5, 1) },
    });
    const int8 = { ...twice, values: Int8Array.of(100, 1, 27, 0), scale: 1 };
    expect(csrFromCoo(int8, { duplicates: 'sum' }).values).toEqual(Int8Array.of(1, 127));
    int8.values[3] = 1;
    expectThrows(() => csrFromCoo(int8, { duplicates: 'sum' }), 'ERR_LOWP_VALUE', ['row 1, column 1', 'int8', 128]);
  });

  test('what it refuses', () => {
    expectThrows(() => csrFromCoo({ ...coo, rowIdx: Int32Array.of(2, 3, 2) }), 'ERR_LOWP_VALUE', ['coo.rowIdx[1]', 2, 3]);
    expectThrows(() => csrFromCoo({ ...coo, colIdx: Int32Array.of(2, 1, -1) }), 'ERR_LOWP_VALUE', ['coo.colIdx[2]', '-1']);
    expectThrows(() => csrFromCoo({ ...coo, colIdx: new Int32Array(2) }), 'ERR_LOWP_SHAPE', ['coo.colIdx', 3, 'Int32Array(2)']);
    expectThrows(() => csrFromCoo({ ...coo, rows: -1 }), 'ERR_LOWP_SHAPE', ['coo.rows', '-1']);
    expectThrows(() => csrFromCoo({ ...coo, values: wrong<Float32Array>([1, 2, 3]) }), 'ERR_LOWP_TYPE', ['coo.values']);
    expectThrows(() => csrFromCoo(coo, { duplicates: wrong('sums') }), 'ERR_LOWP_TYPE', ["did you mean 'sum'"]);
    expectThrows(() => csrFromCoo(wrong<typeof coo>(undefined)), 'ERR_LOWP_TYPE', ['CooMatrix', 'undefined']);
  });
});

describe('columns', () => {
  test('to rows and back', () => {
    expect(csrFromCsc(csc)).toEqual(csr);
    expect(csrToCsc(csr)).toEqual(csc);
    expect(transposeCsr(csr)).toEqual({
      ...{ rows: 3, cols: 3, rowPtr: csc.colPtr, colIdx: csc.rowIdx, values: csc.values },
    });
  });

  test('what they refuse: the column is named', () => {
    const descending = { ...csc, colPtr: Int32Array.of(0, 2, 2, 3) };
    expectThrows(() => csrFromCsc(descending), 'ERR_LOWP_VALUE', ['csc.rowIdx[1]', 'column 0', 'a row above 2', 0]);
    const outside = { ...csc, rowIdx: Int32Array.of(2, 0, 3) };
    expectThrows(() => csrFromCsc(outside), 'ERR_LOWP_VALUE', ['csc.rowIdx[2]', 'column 2', 'a row from 0 to 2', 3]);
    expectThrows(() => csrFromCsc({ ...csc, colPtr: Int32Array.of(0, 3) }), 'ERR_LOWP_SHAPE', ['csc.colPtr', 'columns + 1']);
    const rows = { ...csr, values: Int8Array.of(1, 2, 3), scale: Float32Array.of(1, 2, 3) };
    expectThrows(() => transposeCsr(rows), 'ERR_LOWP_VALUE', ['csr.scale', 'one scale']);
  });
});

describe('blocks', () => {
  test('2x2 of [0 2 0 0; 0 0 0 0; 0 0 0 7; 0 0 0 0]', () => {
    const x = { data: Float32Array.of(0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7, 0, 0, 0, 0), shape: [4, 4] };
    const bsr = bsrFromDense(x, { block: [2, 2] });
    expect(bsr).toEqual({
      ...{ rows: 4, cols: 4, blockShape: [2, 2], rowPtr: Int32Array.of(0, 1, 2), colIdx: Int32Array.of(0, 1) },
      values: Float32Array.of(0, 2, 0, 0, 0, 7, 0, 0),
    });
    expect(bsrToDense(bsr)).toEqual(x);
    expect(bsrFromCsr(csrFromDense(x), { block: [2, 2] })).toEqual(bsr);
  });

  test('what they refuse', () => {
    const x = { data: new Float32Array(12), shape: [3, 4] };
    expectThrows(() => bsrFromDense(x, { block: [2, 2] }), 'ERR_LOWP_SHAPE', ['x.shape[0]', 'a multiple of 2', 3]);
    expectThrows(() => bsrFromDense(x, { block: [1, 3] }), 'ERR_LOWP_SHAPE', ['x.shape[1]', 'a multiple of 3', 4]);
    expectThrows(() => bsrFromCsr(csr, { block: [3, 2] }), 'ERR_LOWP_SHAPE', ['csr.cols', 'a multiple of 2', 3]);
    expectThrows(() => bsrFromDense(x, { block: [1, 32] }), 'ERR_LOWP_SHAPE', ['options.block[1]', 16, 32]);
    expectThrows(() => bsrFromDense(x, wrong(undefined)), 'ERR_LOWP_TYPE', ['options.block', 'undefined']);
    expectThrows(() => bsrToDense(wrong(csr)), 'ERR_LOWP_TYPE', ['BsrMatrix']);
  });

  test.each([
    [1, 4],
    [4, 1],
    [16, 1],
    [4, 4],
    [3, 5],
  ] as [number, number][])('%ix%i > random, against the definition', (r, c) => {
    const random = new Random(`blocks ${r}x${c}`);
    const pattern = { rows: 5, cols: 6, density: 0.4 };
    const float = floatBsr(random, [r, c], pattern);
    expect(bsrToDense(float)).toEqual(dense(float));
    expect(bsrFromDense(dense(float), { block: [r, c] })).toEqual(float);
    expect(bsrToDense(bsrFromCsr(csrFromDense(dense(float)), { block: [r, c] }))).toEqual(dense(float));
    const int8 = int8Bsr(random, [r, c], pattern);
    expect(bsrToDense(int8)).toEqual({ ...denseWeights(int8), scale: Math.fround(0.03) });
    const sparse = floatCsr(random, { rows: 5 * r, cols: 6 * c, density: 0.05 });
    const blocks = bsrFromCsr(sparse, { block: [r, c] });
    checkBsr(blocks);
    expect(bsrToDense(blocks)).toEqual(dense(sparse));
  });
});

/** Field by field: `toEqual` takes seconds over large arrays. */
function expectEqual(got: object, want: object): void {
  expect(Object.keys(got).sort()).toEqual(Object.keys(want).sort());
  for (const [name, value] of Object.entries(want) as [keyof typeof got, unknown][]) {
    if (ArrayBuffer.isView(value)) expectSame(got[name], value as Float32Array, name);
    else expect({ [name]: got[name] }).toEqual({ [name]: value });
  }
}

describe.each(SIZES)('random %ix%i', (rows, cols) => {
  const random = new Random(`conversions ${rows}x${cols}`);
  const float = floatCsr(random, { rows, cols, density: 0.3 });
  const int8 = int8Csr(random, { rows, cols, density: 0.5 }, true);

  test('there and back, stored zeros too', () => {
    for (const matrix of [float, int8]) {
      checkCsr(matrix);
      expectEqual(csrFromCoo(csrToCoo<SparseValues>(matrix)), matrix);
      expectEqual(csrFromCsc(csrToCsc<SparseValues>(matrix)), matrix);
    }
    expectEqual(transposeCsr(transposeCsr(float)), float);
    expectEqual(csrToDense(transposeCsr(float)), transposed(dense(float)));
    expectEqual(csrToDense(float), dense(float));
    expectEqual(csrToDense(int8), denseWeights(int8));
    expectEqual(csrToDense(csrFromDense(dense(float))), dense(float));
  });

  test('elements in any order', () => {
    const { rowIdx, colIdx, values, ...rest } = csrToCoo(float);
    const order = Array.from(values.keys());
    for (let i = order.length - 1; i > 0; i--) {
      const j = random.int(0, i);
      [order[i], order[j]] = [order[j], order[i]];
    }
    const take = <T extends Int32Array | Float32Array>(array: T): T => array.map((_, i) => array[order[i]]) as T;
    const again = csrFromCoo({ ...rest, rowIdx: take(rowIdx), colIdx: take(colIdx), values: take(values) });
    expectEqual(again, float);
  });

  test('conversions share no memory with what they were made from', () => {
    const mine = { ...float, rowPtr: float.rowPtr.slice(), colIdx: float.colIdx.slice(), values: float.values.slice() };
    const made = [csrToCoo(mine), csrToCsc(mine)];
    const before = structuredClone(made);
    mine.values.fill(9);
    mine.colIdx.fill(9);
    made.forEach((matrix, i) => expectEqual(matrix, before[i]));
  });
});
