/** `repairCsr` and `quantizeCsr`. */
import { csrFromDense, csrToDense, quantize, quantizeCsr, repairCsr, type CsrMatrix } from 'lowp';
import { checkNonZeros } from '../../lib/validate/sparse';
import { expectThrows, wrong } from '../helpers/failures';
import { Random } from '../helpers/random';
import { dense, floatCsr } from '../helpers/sparse';

/** Row 0: columns 2 0 2; row 1: none; row 2: 1 1. */
function broken(): CsrMatrix<Float32Array> {
  return {
    ...{ rows: 3, cols: 3, rowPtr: Int32Array.of(0, 3, 3, 5) },
    ...{ colIdx: Int32Array.of(2, 0, 2, 1, 1), values: Float32Array.of(1, 2, 3, 4, -4) },
  };
}

describe('repairCsr', () => {
  test('sorts and adds; zeros stay', () => {
    expect(repairCsr(broken())).toEqual({
      ...{ rows: 3, cols: 3, rowPtr: Int32Array.of(0, 2, 2, 3) },
      ...{ colIdx: Int32Array.of(0, 2, 1), values: Float32Array.of(2, 4, 0) },
    });
  });

  test('dropZeros: also sums of 0 and -0, not NaN', () => {
    expect(repairCsr(broken(), { dropZeros: true })).toMatchObject({
      ...{ rowPtr: Int32Array.of(0, 2, 2, 2), colIdx: Int32Array.of(0, 2), values: Float32Array.of(2, 4) },
    });
    const zeros = { ...broken(), rowPtr: Int32Array.of(0, 3, 3, 3), colIdx: Int32Array.of(0, 1, 2) };
    const odd = { ...zeros, values: Float32Array.of(-0, NaN, 0) };
    expect(repairCsr(odd, { dropZeros: true })).toMatchObject({ colIdx: Int32Array.of(1), values: Float32Array.of(NaN) });
  });

  test('leaves the input alone, and a sound matrix as it is', () => {
    const input = broken();
    repairCsr(input, { dropZeros: true });
    expect(input).toEqual(broken());
    const sound = floatCsr(new Random('repair'), { rows: 20, cols: 30, density: 0.3 });
    const copy = repairCsr(sound);
    expect(copy).toEqual(sound);
    expect(copy.values).not.toBe(sound.values);
    expect(copy.rowPtr).not.toBe(sound.rowPtr);
  });

  test('random rows, shuffled', () => {
    const random = new Random('shuffled');
    const sound = floatCsr(random, { rows: 20, cols: 30, density: 0.3 });
    const colIdx = sound.colIdx.slice();
    const values = sound.values.slice();
    for (let row = 0; row < 20; row++) {
      for (let i = sound.rowPtr[row + 1] - 1; i > sound.rowPtr[row]; i--) {
        const j = random.int(sound.rowPtr[row], i);
        [colIdx[i], colIdx[j], values[i], values[j]] = [colIdx[j], colIdx[i], values[j], values[i]];
      }
    }
    expect(repairCsr({ ...sound, colIdx, values }, { duplicates: 'refuse' })).toEqual(sound);
  });

  test('what was not asked for is refused', () => {
    expectThrows(() => repairCsr(broken(), { sort: false }), 'ERR_LOWP_VALUE', ['csr.colIdx[1]', 'row 0', 'sort is false', 0]);
    expectThrows(() => repairCsr(broken(), { duplicates: 'refuse' }), 'ERR_LOWP_VALUE', ['row 0, column 2', 'received 2']);
  });

  test('what has no repair', () => {
    const over = (more: object) => () => repairCsr(wrong<CsrMatrix>({ ...broken(), ...more }));
    expectThrows(over({ colIdx: Int32Array.of(2, 0, 3, 1, 1) }), 'ERR_LOWP_VALUE', ['csr.colIdx[2]', 'row 0', 'from 0 to 2', 3]);
    expectThrows(over({ rowPtr: Int32Array.of(0, 3, 2, 5) }), 'ERR_LOWP_VALUE', ['csr.rowPtr[2]', 'row 1', 3, 2]);
    expectThrows(over({ rowPtr: Int32Array.of(0, 3, 3, 4) }), 'ERR_LOWP_SHAPE', ['csr.rowPtr[3]', 'Int32Array(5)']);
    expectThrows(over({ values: new Float32Array(4) }), 'ERR_LOWP_SHAPE', ['csr.values', 'Float32Array(4)']);
    expectThrows(over({ values: new Float64Array(5) }), 'ERR_LOWP_TYPE', ['csr.values']);
    expectThrows(() => repairCsr(broken(), wrong({ dropZeroes: true })), 'ERR_LOWP_TYPE', ["did you mean 'dropZeros'"]);
    expectThrows(() => repairCsr(broken(), { sort: wrong('yes') }), 'ERR_LOWP_TYPE', ['options.sort']);
    expectThrows(() => repairCsr(wrong<CsrMatrix>(7)), 'ERR_LOWP_TYPE', ['CsrMatrix', 7]);
  });

  test('more non-zeros than pointers can count: the limit is in the message', () => {
    checkNonZeros(2 ** 31 - 1, 'csr');
    expectThrows(() => checkNonZeros(2 ** 31, 'csr'), 'ERR_LOWP_VALUE', [2 ** 31 - 1, 2 ** 31, 'non-zeros']);
  });
});

describe('quantizeCsr', () => {
  test.each([undefined, 0, -2])('what quantize makes of the dense matrix > axis %s', (axis) => {
    const random = new Random('quantizeCsr');
    const x = dense(floatCsr(random, { rows: 25, cols: 31, density: 0.4 }));
    // Rows: infinities and NaN, denormals whose scale underflows, and one tie.
    x.data.set([NaN, Infinity, -Infinity, 2], 0);
    x.data.fill(0, 31, 93);
    x.data[32] = 1e-44;
    x.data.set([127, 0.5, 1.5, -0.5, -127], 62);
    const sparse = quantizeCsr(csrFromDense(x), axis === undefined ? {} : { axis });
    const want = quantize(x, { dtype: 'int8', symmetric: true, ...(axis === undefined ? {} : { axis: 0 }) });
    expect(csrToDense(sparse)).toEqual(want);
  });

  test('elements that become 0 stay; a row without any has scale 1', () => {
    const csr = csrFromDense({ data: Float32Array.of(127, 0.25, 0, 0), shape: [2, 2] });
    const q = quantizeCsr(csr, { axis: 0 });
    expect(q).toMatchObject({ values: Int8Array.of(127, 0), scale: Float32Array.of(1, 1), rowPtr: csr.rowPtr });
    expect(repairCsr(q, { dropZeros: true }).values).toEqual(Int8Array.of(127));
  });

  test('what it refuses', () => {
    const csr = csrFromDense({ data: Float32Array.of(1), shape: [1, 1] });
    expectThrows(() => quantizeCsr(csr, { axis: 1 }), 'ERR_LOWP_VALUE', ['options.axis', 1]);
    expectThrows(() => quantizeCsr(wrong(quantizeCsr(csr))), 'ERR_LOWP_TYPE', ['csr.values', 'Int8Array(1)']);
    expectThrows(() => quantizeCsr(csr, wrong({ axes: 0 })), 'ERR_LOWP_TYPE', ["did you mean 'axis'"]);
  });
});
