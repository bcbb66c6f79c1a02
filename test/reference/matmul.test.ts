/** The oracle's float32 product against results worked out by hand. */
import { matmul, matmulAsync, packWeights } from 'lowp/reference';

const a = { data: Float32Array.of(1, 2, 3, 4, 5, 6), shape: [2, 3] };
const b = { data: Float32Array.of(1, -1, 2, 0, 3, 1), shape: [3, 2] };
const Y = Float32Array.of(14, 2, 32, 2);

describe('matmul', () => {
  test('M2 N2 K3', () => {
    expect(matmul(a, b)).toEqual({ data: Y, shape: [2, 2] });
  });

  test('transposeA, transposeB, packed', () => {
    const at = { data: Float32Array.of(1, 4, 2, 5, 3, 6), shape: [3, 2] };
    const bt = { data: Float32Array.of(1, 2, 3, -1, 0, 1), shape: [2, 3] };
    expect(matmul(at, bt, { transposeA: true, transposeB: true })).toEqual({ data: Y, shape: [2, 2] });
    expect(matmul(a, packWeights(bt, { transposeB: true })).data).toEqual(Y);
  });

  test('[K] gives [N], [2, 1, K] gives [2, 1, N]', () => {
    expect(matmul({ ...a, shape: [3] }, b)).toEqual({ data: Float32Array.of(14, 2), shape: [2] });
    expect(matmul({ ...a, shape: [2, 1, 3] }, b)).toEqual({ data: Y, shape: [2, 1, 2] });
  });

  test('sums in float64: 1 + 2^24 - 2^24 is 1, which float32 would lose', () => {
    const x = { data: Float32Array.of(1, 2 ** 24, -(2 ** 24)), shape: [1, 3] };
    expect(matmul(x, { data: Float32Array.of(1, 1, 1), shape: [3, 1] }).data).toEqual(Float32Array.of(1));
  });

  test('the sum is rounded before the bias is added: 2^24 + 1 rounds to 2^24, + 1 stays', () => {
    const x = { data: Float32Array.of(2 ** 24, 1), shape: [1, 2] };
    const y = matmul(x, { data: Float32Array.of(1, 1), shape: [2, 1] }, { bias: Float32Array.of(1) });
    expect(y.data).toEqual(Float32Array.of(2 ** 24));
  });

  test('bias, then relu or clamp', () => {
    const bias = Float32Array.of(-20, 1);
    expect(matmul(a, b, { bias, activation: 'relu' }).data).toEqual(Float32Array.of(0, 3, 12, 3));
    expect(matmul(a, b, { bias, activation: { min: -5, max: 10 } }).data).toEqual(Float32Array.of(-5, 3, 10, 3));
  });

  describe('residual', () => {
    const residual = Float32Array.of(1, -3, -40, 0.5);

    test('is added after the bias and before the activation', () => {
      const bias = Float32Array.of(0, -1);
      expect(matmul(a, b, { residual }).data).toEqual(Float32Array.of(15, -1, -8, 2.5));
      expect(matmul(a, b, { residual, bias, activation: 'relu' }).data).toEqual(Float32Array.of(15, 0, 0, 1.5));
    });

    test('the sum with the bias is rounded first: 2^24 + 1 - 1 is 2^24 - 1', () => {
      const x = { data: Float32Array.of(2 ** 24), shape: [1, 1] };
      const one = { data: Float32Array.of(1), shape: [1, 1] };
      const y = matmul(x, one, { bias: Float32Array.of(1), residual: Float32Array.of(-1) });
      expect(y.data).toEqual(Float32Array.of(2 ** 24 - 1));
    });

    test('a Tensor of the shape of the result, rows 3 apart; its gaps are not read', () => {
      const strided = { data: Float32Array.of(1, -3, NaN, -40, 0.5), shape: [2, 2], strides: [3, 1] };
      expect(matmul(a, b, { residual: strided }).data).toEqual(Float32Array.of(15, -1, -8, 2.5));
    });

    test('out may be the residual', () => {
      const h = residual.slice();
      expect(matmul(a, b, { residual: h, out: h }).data).toBe(h);
      expect(h).toEqual(Float32Array.of(15, -1, -8, 2.5));
    });

    test('another shape or length is refused', () => {
      const shape = expect.objectContaining({ code: 'ERR_LOWP_SHAPE' });
      expect(() => matmul(a, b, { residual: new Float32Array(3) })).toThrow(shape);
      expect(() => matmul(a, b, { residual: { data: residual, shape: [4] } })).toThrow(shape);
    });
  });

  test('NaN and infinities propagate; NaN also through relu', () => {
    const x = { data: Float32Array.of(NaN, Infinity, 1), shape: [3, 1] };
    const y = matmul(x, { data: Float32Array.of(1, 0), shape: [1, 2] }, { activation: 'relu' });
    expect(y.data).toEqual(Float32Array.of(NaN, NaN, Infinity, NaN, 1, 0));
  });

  test('K0 gives the bias', () => {
    const x = { data: new Float32Array(0), shape: [2, 0] };
    const w = { data: new Float32Array(0), shape: [0, 2] };
    expect(matmul(x, w, { bias: Float32Array.of(1, 2) }).data).toEqual(Float32Array.of(1, 2, 1, 2));
  });

  test('lda+1 ldb+1 ldc+1: gaps are neither read nor written', () => {
    const x = { data: Float32Array.of(1, 2, 3, NaN, 4, 5, 6), shape: [2, 3], strides: [4, 1] };
    const w = { data: Float32Array.of(1, -1, NaN, 2, 0, NaN, 3, 1), shape: [3, 2], strides: [3, 1] };
    const out = new Float32Array(5).fill(99);
    expect(matmul(x, w, { out, outStride: 3 })).toEqual({ data: out, shape: [2, 2], strides: [3, 1] });
    expect(out).toEqual(Float32Array.of(14, 2, 99, 32, 2));
  });

  test('weights packed for the other product are refused', () => {
    const w = packWeights({ data: Int8Array.of(1), shape: [1, 1], scale: 1, zeroPoint: 0 });
    const x = { data: Float32Array.of(1), shape: [1, 1] };
    expect(() => matmul(x, w)).toThrow(expect.objectContaining({ code: 'ERR_LOWP_TYPE' }));
  });

  test('matmulAsync gives what matmul gives', async () => {
    await expect(matmulAsync(a, b)).resolves.toEqual(matmul(a, b));
  });
});
