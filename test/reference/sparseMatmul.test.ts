/** The oracle's sparse product against results worked out by hand, and against the dense oracle of the same matrix. */
import {
  matmul,
  packSparse,
  quantizedMatmul,
  sparseMatmul,
  sparseMatmulAsync,
  type BsrMatrix,
  type CsrMatrix,
  type MatmulOutput,
  type QuantizedTensor,
} from 'lowp/reference';
import { expectNear, expectSame } from '../helpers/compare';
import { Random } from '../helpers/random';
import { dense, denseWeights, floatBsr, floatCsr, int8Bsr, int8Csr, transposed } from '../helpers/sparse';

/** [0 2 0; 0 0 0; 1 0 -3] */
const csr: CsrMatrix<Float32Array> = {
  ...{ rows: 3, cols: 3, rowPtr: Int32Array.of(0, 1, 1, 3) },
  ...{ colIdx: Int32Array.of(1, 0, 2), values: Float32Array.of(2, 1, -3) },
};
const quantized: CsrMatrix<Int8Array> = { ...csr, values: Int8Array.of(2, 1, -3), scale: 0.25 };
/** [1 2; 3 4; 5 6] */
const b = { data: Float32Array.of(1, 2, 3, 4, 5, 6), shape: [3, 2] };
/** The same with real zero at 1, in halves. */
const qb: QuantizedTensor = { data: Uint8Array.of(1, 2, 3, 4, 5, 6), shape: [3, 2], scale: 0.5, zeroPoint: 1 };

type Numbers = Float32Array | Int32Array | Int8Array | Uint8Array;

const refused = (code: string) => expect.objectContaining({ code });

describe('sparseMatmul > float32', () => {
  test('left: M3 N2 K3', () => {
    // 2 * [3 4]; 0; [1 2] - 3 * [5 6]
    expect(sparseMatmul(csr, b)).toEqual({ data: Float32Array.of(6, 8, 0, 0, -14, -16), shape: [3, 2] });
  });

  test('right: a * transposed b, [2, 1, 3] gives [2, 1, 3]', () => {
    const a = { data: Float32Array.of(1, 3, 5, 2, 4, 6), shape: [2, 1, 3] };
    expect(sparseMatmul(a, csr, { side: 'right' })).toEqual({ data: Float32Array.of(6, 0, -14, 8, 0, -16), shape: [2, 1, 3] });
  });

  test('a vector on either side: [3]', () => {
    const x = { data: Float32Array.of(1, 3, 5), shape: [3] };
    const y = { data: Float32Array.of(6, 0, -14), shape: [3] };
    expect(sparseMatmul(csr, x)).toEqual(y);
    expect(sparseMatmul(x, csr, { side: 'right' })).toEqual(y);
  });

  test('bias by row of the sparse matrix, then the activation', () => {
    const bias = Float32Array.of(-7, 1, 20);
    expect(sparseMatmul(csr, b, { bias, activation: 'relu' }).data).toEqual(Float32Array.of(0, 1, 1, 1, 6, 4));
    const a = { data: Float32Array.of(1, 3, 5), shape: [1, 3] };
    expect(sparseMatmul(a, csr, { bias, side: 'right' }).data).toEqual(Float32Array.of(-1, 1, 6));
  });

  test('sums in float64: 1 + 2^24 - 2^24 is 1', () => {
    const ones = {
      ...csr,
      rows: 1,
      rowPtr: Int32Array.of(0, 3),
      colIdx: Int32Array.of(0, 1, 2),
      values: Float32Array.of(1, 1, 1),
    };
    const x = { data: Float32Array.of(1, 2 ** 24, -(2 ** 24)), shape: [3] };
    expect(sparseMatmul(ones, x).data).toEqual(Float32Array.of(1));
  });

  test('NaN reaches what it meets, a stored zero too, and nothing else', () => {
    const x = { data: Float32Array.of(NaN, 1, Infinity), shape: [3] };
    expect(sparseMatmul({ ...csr, values: Float32Array.of(2, 0, 0) }, x).data).toEqual(Float32Array.of(2, 0, NaN));
  });

  test('ldb+1, ldc+2: gaps are neither read nor written', () => {
    const gaps = { data: Float32Array.of(1, 2, NaN, 3, 4, NaN, 5, 6), shape: [3, 2], strides: [3, 1] };
    const out = new Float32Array(10).fill(9);
    expect(sparseMatmul(csr, gaps, { out, outStride: 4 })).toEqual({ data: out, shape: [3, 2], strides: [4, 1] });
    expect(out).toEqual(Float32Array.of(6, 8, 9, 9, 0, 0, 9, 9, -14, -16));
  });

  test('K0 gives the bias, no rows nothing', () => {
    const none = { rows: 2, cols: 0, rowPtr: new Int32Array(3), colIdx: new Int32Array(0), values: new Float32Array(0) };
    const empty = { data: new Float32Array(0), shape: [0, 1] };
    expect(sparseMatmul(none, empty, { bias: Float32Array.of(1, 2) }).data).toEqual(Float32Array.of(1, 2));
    expect(sparseMatmul({ ...none, rows: 0 }, empty)).toEqual({ data: new Float32Array(0), shape: [0, 1] });
  });

  test('blocks 1x2: [0 0 1 2; 3 4 0 0]', () => {
    const bsr: BsrMatrix<Float32Array> = {
      ...{ rows: 2, cols: 4, blockShape: [1, 2], rowPtr: Int32Array.of(0, 1, 2) },
      ...{ colIdx: Int32Array.of(1, 0), values: Float32Array.of(1, 2, 3, 4) },
    };
    expect(sparseMatmul(bsr, { data: Float32Array.of(1, 10, 100, 1000), shape: [4] }).data).toEqual(Float32Array.of(2100, 43));
  });

  test('blocks 2x2: [1 2; 3 4] on the right of [1 10]', () => {
    const bsr: BsrMatrix<Float32Array> = {
      ...{ rows: 2, cols: 2, blockShape: [2, 2], rowPtr: Int32Array.of(0, 1) },
      ...{ colIdx: Int32Array.of(0), values: Float32Array.of(1, 2, 3, 4) },
    };
    const x = { data: Float32Array.of(1, 10), shape: [1, 2] };
    expect(sparseMatmul(x, bsr, { side: 'right' }).data).toEqual(Float32Array.of(21, 43));
  });

  test('int8 operands and outputs are refused', () => {
    expect(() => sparseMatmul(csr, qb)).toThrow(refused('ERR_LOWP_TYPE'));
    expect(() => sparseMatmul(csr, b, { output: 'int32' })).toThrow(refused('ERR_LOWP_TYPE'));
  });
});

describe('sparseMatmul > int8', () => {
  // b - 1 = [0 1; 2 3; 4 5]: 2 * [2 3]; 0; [0 1] - 3 * [4 5]
  const SUMS = Int32Array.of(4, 6, 0, 0, -12, -14);

  test('left: exact sums with the zero point applied', () => {
    expect(sparseMatmul(quantized, qb, { output: 'int32' })).toEqual({ data: SUMS, shape: [3, 2] });
    const bias = Int32Array.of(1, 2, 3);
    expect(sparseMatmul(quantized, qb, { output: 'int32', bias }).data).toEqual(Int32Array.of(5, 7, 2, 2, -9, -11));
  });

  test('real values: sums / 8, a scale for each row', () => {
    expect(sparseMatmul(quantized, qb).data).toEqual(Float32Array.of(0.5, 0.75, 0, 0, -1.5, -1.75));
    const scale = Float32Array.of(1, 1, 2);
    expect(sparseMatmul({ ...quantized, scale }, qb).data).toEqual(Float32Array.of(2, 3, 0, 0, -12, -14));
  });

  test('8-bit output: ties to even, relu at the zero point', () => {
    const output = { dtype: 'uint8', scale: 0.5, zeroPoint: 3 } as const;
    // 1 1.5 0 0 -3 -3.5
    expect(sparseMatmul(quantized, qb, { output })).toEqual({
      ...{ data: Uint8Array.of(4, 5, 3, 3, 0, 0), shape: [3, 2], scale: 0.5, zeroPoint: 3 },
    });
    expect(sparseMatmul(quantized, qb, { output, activation: 'relu' }).data).toEqual(Uint8Array.of(4, 5, 3, 3, 3, 3));
  });

  test('float32 b on the left has one scale: 0 to 255', () => {
    const x = { data: Float32Array.of(0, 255, 0.4, 100.6, 7, 8), shape: [3, 2] };
    const eye = {
      ...quantized,
      rowPtr: Int32Array.of(0, 1, 2, 3),
      colIdx: Int32Array.of(0, 1, 2),
      values: Int8Array.of(1, 1, 1),
    };
    expect(sparseMatmul({ ...eye, scale: 1 }, x).data).toEqual(Float32Array.of(0, 255, 0, 101, 7, 8));
    expect(() => sparseMatmul(eye, x, { activations: 'perRow' })).toThrow(refused('ERR_LOWP_VALUE'));
    expect(() => sparseMatmul(eye, x, { output: 'int32' })).toThrow(refused('ERR_LOWP_VALUE'));
  });

  test('as many elements in a row as int32 can hold, and one more', () => {
    const k = Math.floor((2 ** 31 - 1) / (255 * 128));
    const row = (nnz: number): CsrMatrix<Int8Array> => ({
      ...{ rows: 1, cols: k + 1, rowPtr: Int32Array.of(0, nnz), colIdx: Int32Array.from({ length: nnz }, (_, i) => i) },
      ...{ values: new Int8Array(nnz).fill(-128), scale: 1 },
    });
    const x = { data: new Uint8Array(k + 1).fill(255), shape: [k + 1], scale: 1, zeroPoint: 0 };
    expect(sparseMatmul(row(k), x, { output: 'int32' }).data).toEqual(Int32Array.of(-128 * 255 * k));
    expect(() => sparseMatmul(row(k + 1), x)).toThrow(expect.objectContaining({ message: expect.stringContaining(String(k)) }));
    const bias = Int32Array.of(2 ** 31 - 1);
    expect(() => sparseMatmul(row(k), x, { output: 'int32', bias })).toThrow(refused('ERR_LOWP_VALUE'));
  });
});

describe('sparseMatmul > the dense product of the same matrix', () => {
  const outputs: MatmulOutput[] = [
    'float32',
    'int32',
    { dtype: 'uint8', scale: 0.3, zeroPoint: 77 },
    { dtype: 'int8', scale: 2 },
  ];
  const random = new Random('sparseMatmul');

  test.each(outputs)('int8 > right and left > output %j', (output) => {
    for (const pattern of [
      { rows: 7, cols: 19, density: 0.3 },
      { rows: 1, cols: 5, density: 1 },
      { rows: 12, cols: 40, density: 0.05 },
    ]) {
      for (const w of [int8Csr(random, pattern), int8Csr(random, pattern, true), int8Bsr(random, [4, 2], pattern)]) {
        const title = `M5 N${w.rows} K${w.cols}`;
        const data = random.bytes(5 * w.cols);
        const a: QuantizedTensor = { data, shape: [5, w.cols], scale: 0.02, zeroPoint: 130 };
        const bias =
          output === 'int32' ? random.fill(new Int32Array(w.rows), () => random.int(-999, 999)) : random.floats(w.rows);
        const options = { output, bias, activation: output === 'int32' ? 'none' : 'gelu' } as const;
        const want = quantizedMatmul(a, denseWeights(w), { ...options, transposeB: true });
        expectSame(sparseMatmul(a, w, { ...options, side: 'right' }).data, want.data, title);
        const columns = { ...a, ...transposed({ data, shape: a.shape }) };
        expectSame(sparseMatmul(w, columns, options).data, transposed<Numbers>(want).data, `${title} left`);
      }
    }
  });

  test.each(['perRow', 'perTensor'] as const)('float32 activations %s', (activations) => {
    const w = int8Csr(random, { rows: 9, cols: 33, density: 0.4 }, true);
    const a = { data: random.floats(6 * 33, 3), shape: [2, 3, 33] };
    const want = quantizedMatmul(a, denseWeights(w), { activations, transposeB: true });
    expectSame(sparseMatmul(a, w, { activations, side: 'right' }).data, want.data, activations);
    if (activations === 'perRow') expect(sparseMatmul(a, w, { side: 'right' })).toEqual(want);
    else {
      const left = sparseMatmul(w, transposed({ data: a.data, shape: [6, 33] }));
      expectSame(left.data, transposed({ data: want.data, shape: [6, 9] }).data, 'left');
    }
  });

  test('float32, also in blocks', () => {
    const pattern = { rows: 6, cols: 11, density: 0.5 };
    for (const w of [floatCsr(random, pattern), floatBsr(random, [1, 4], pattern), floatBsr(random, [16, 1], pattern)]) {
      const x = { data: random.floats(w.cols * 3), shape: [w.cols, 3] };
      // Zeros change no sum in float64, so that the same order gives the same bits.
      expectNear(sparseMatmul(w, x).data, matmul(dense(w), x).data, 0, `M${w.rows} K${w.cols}`);
    }
  });
});

describe('packSparse', () => {
  test('a copy, gone after dispose()', () => {
    const mine = { ...csr, values: csr.values.slice() };
    const packed = packSparse(mine);
    mine.values.fill(0);
    expect(packed).toMatchObject({ rows: 3, cols: 3, nnz: 3, dtype: 'float32', bytes: 16 + 12 + 12, disposed: false });
    expect(sparseMatmul(packed, b)).toEqual(sparseMatmul(csr, b));
    packed.dispose();
    expect(packed.disposed).toBe(true);
    expect(() => sparseMatmul(packed, b)).toThrow(refused('ERR_LOWP_DISPOSED'));
  });

  test('sparseMatmulAsync gives what sparseMatmul gives', async () => {
    await expect(sparseMatmulAsync(packSparse(quantized), qb)).resolves.toEqual(sparseMatmul(quantized, qb));
  });
});
