/** The oracle's 8-bit product against results worked out by hand. */
import { packWeights, quantizedMatmul, quantizedMatmulAsync, type QuantizedTensor, type Tensor } from 'lowp/reference';

const f32 = Math.fround;

/** [1 2 3; 4 5 6], real zero at 1, in halves. */
const a: QuantizedTensor = { data: Uint8Array.of(1, 2, 3, 4, 5, 6), shape: [2, 3], scale: 0.5, zeroPoint: 1 };
/** [1 -1; 2 0; 3 1] in quarters. */
const b: QuantizedTensor = { data: Int8Array.of(1, -1, 2, 0, 3, 1), shape: [3, 2], scale: 0.25, zeroPoint: 0 };
// a - 1 = [0 1 2; 3 4 5]; sums: [0+2+6, 0+0+2; 3+8+15, -3+0+5]
const SUMS = Int32Array.of(8, 2, 26, 2);

describe('quantizedMatmul > int32 output', () => {
  test('M2 N2 K3 za1 zb0', () => {
    expect(quantizedMatmul(a, b, { output: 'int32' })).toEqual({ data: SUMS, shape: [2, 2] });
  });

  test('zb per column, on both sides: 2 and -3', () => {
    const q = { ...b, scale: Float32Array.of(1, 1), zeroPoint: Int32Array.of(2, -3), axis: 1 };
    // Less zb * sum(a - za) = zb * [3, 12].
    expect(quantizedMatmul(a, q, { output: 'int32' }).data).toEqual(Int32Array.of(8 - 6, 2 + 9, 26 - 24, 2 + 36));
  });

  test('za per row, negative axis, 0 and 2', () => {
    const q = { ...a, scale: Float32Array.of(1, 1), zeroPoint: Uint8Array.of(0, 2), axis: -2 };
    // a - za = [1 2 3; 2 3 4]
    expect(quantizedMatmul(q, b, { output: 'int32' }).data).toEqual(Int32Array.of(14, 2, 20, 2));
  });

  test('int8 activations with za -2, uint8 weights with zb 200', () => {
    const x = { data: Int8Array.of(-128, 127), shape: [1, 2], scale: 1, zeroPoint: -2 };
    const w = { data: Uint8Array.of(0, 255), shape: [2, 1], scale: 1, zeroPoint: 200 };
    expect(quantizedMatmul(x, w, { output: 'int32' }).data).toEqual(Int32Array.of(-126 * -200 + 129 * 55));
  });

  test('int32 bias', () => {
    const y = quantizedMatmul(a, b, { output: 'int32', bias: Int32Array.of(100, -100) });
    expect(y.data).toEqual(Int32Array.of(108, -98, 126, -98));
  });

  test('transposeB: the same weights as [N, K], also with per-column zero points on axis 0', () => {
    const bt = { ...b, data: Int8Array.of(1, 2, 3, -1, 0, 1), shape: [2, 3] };
    expect(quantizedMatmul(a, bt, { output: 'int32', transposeB: true }).data).toEqual(SUMS);
    const q = { ...bt, scale: Float32Array.of(1, 1), zeroPoint: Int32Array.of(2, -3), axis: 0 };
    expect(quantizedMatmul(a, packWeights(q, { transposeB: true }), { output: 'int32' }).data).toEqual(
      Int32Array.of(2, 11, 2, 38),
    );
  });

  test('K0 gives the bias, M0 and N0 give nothing', () => {
    const empty = { ...a, data: new Uint8Array(0), shape: [2, 0] };
    const none = { ...b, data: new Int8Array(0), shape: [0, 2] };
    expect(quantizedMatmul(empty, none, { output: 'int32', bias: Int32Array.of(3, 4) }).data).toEqual(Int32Array.of(3, 4, 3, 4));
    expect(quantizedMatmul({ ...a, shape: [0, 3] }, b)).toEqual({ data: new Float32Array(0), shape: [0, 2] });
    expect(quantizedMatmul(a, { ...b, shape: [3, 0] })).toEqual({ data: new Float32Array(0), shape: [2, 0] });
  });
});

describe('quantizedMatmul > shapes and strides', () => {
  test('a [K] gives [N]', () => {
    expect(quantizedMatmul({ ...a, shape: [3] }, b, { output: 'int32' })).toEqual({ data: Int32Array.of(8, 2), shape: [2] });
  });

  test('a [2, 1, K] gives [2, 1, N]', () => {
    expect(quantizedMatmul({ ...a, shape: [2, 1, 3] }, b, { output: 'int32' })).toEqual({ data: SUMS, shape: [2, 1, 2] });
  });

  test('per-row za of a [2, 2, K] repeats for each matrix', () => {
    const x = {
      data: Int8Array.of(1, 1, 1, 1),
      shape: [2, 2, 1],
      scale: Float32Array.of(1, 1),
      zeroPoint: Int32Array.of(0, 1),
      axis: 1,
    };
    const w = { data: Int8Array.of(5), shape: [1, 1], scale: 1, zeroPoint: 0 };
    expect(quantizedMatmul(x, w, { output: 'int32' }).data).toEqual(Int32Array.of(5, 0, 5, 0));
  });

  test('lda+1, ldb+1: the gaps are not read', () => {
    const x = { ...a, data: Uint8Array.of(1, 2, 3, 99, 4, 5, 6), strides: [4, 1] };
    const w = { ...b, data: Int8Array.of(1, -1, 99, 2, 0, 99, 3, 1), strides: [3, 1] };
    expect(quantizedMatmul(x, w, { output: 'int32' }).data).toEqual(SUMS);
  });

  test('outStride 3: the elements between rows are left alone, strides tell', () => {
    const out = new Int32Array(7).fill(99);
    const y = quantizedMatmul(a, b, { output: 'int32', out, outStride: 3 });
    expect(y.data).toBe(out);
    expect(y.strides).toEqual([3, 1]);
    expect(out).toEqual(Int32Array.of(8, 2, 99, 26, 2, 99, 99));
  });

  test('packed weights are a copy, and gone after dispose()', () => {
    const mine = { ...b, data: Int8Array.of(1, -1, 2, 0, 3, 1) };
    const w = packWeights(mine);
    mine.data.fill(0);
    expect(w).toMatchObject({ shape: [3, 2], dtype: 'int8', bytes: 6, disposed: false });
    expect(quantizedMatmul(a, w, { output: 'int32' }).data).toEqual(SUMS);
    w.dispose();
    expect(w.disposed).toBe(true);
    expect(() => quantizedMatmul(a, w)).toThrow(expect.objectContaining({ code: 'ERR_LOWP_DISPOSED' }));
  });

  test('a K that does not match is refused', () => {
    expect(() => quantizedMatmul({ ...a, shape: [3, 2] }, b)).toThrow(expect.objectContaining({ code: 'ERR_LOWP_SHAPE' }));
  });
});

describe('quantizedMatmul > float32 output', () => {
  test('sums times scale: 1/8', () => {
    expect(quantizedMatmul(a, b).data).toEqual(Float32Array.of(1, 0.25, 3.25, 0.25));
  });

  test('scales per column and per row', () => {
    const x = { ...a, scale: Float32Array.of(1, 10), zeroPoint: 1, axis: 0 };
    const w = { ...b, scale: Float32Array.of(1, 0.5), zeroPoint: 0, axis: 1 };
    expect(quantizedMatmul(x, w).data).toEqual(Float32Array.of(8, 1, 260, 10));
  });

  test('each step is rounded: sum, product of the scales, product, bias', () => {
    const x = { data: new Uint8Array(2000).fill(255), shape: [1, 2000], scale: 0.1, zeroPoint: 0 };
    const w = { data: new Int8Array(2000).fill(127), shape: [2000, 1], scale: 0.3, zeroPoint: 0 };
    const sum = 2000 * 255 * 127 + 0;
    const v = f32(f32(sum) * f32(f32(0.1) * f32(0.3)));
    expect(quantizedMatmul(x, w).data).toEqual(Float32Array.of(v));
    expect(quantizedMatmul(x, w, { bias: Float32Array.of(0.7) }).data).toEqual(Float32Array.of(f32(v + f32(0.7))));
  });

  test('a sum beyond 2^24 is rounded to float32 before it is scaled: 2^24 + 1 -> 2^24', () => {
    // 255 * 127 * 518 = 16775430; 16777217 - 16775430 = 1787 = 127 * 14 + 9.
    const x = { data: new Uint8Array(520).fill(255), shape: [1, 520], scale: 1, zeroPoint: 0 };
    x.data[518] = 14;
    x.data[519] = 9;
    const w = { data: new Int8Array(520).fill(127), shape: [520, 1], scale: 1, zeroPoint: 0 };
    w.data[519] = 1;
    expect(quantizedMatmul(x, w, { output: 'int32' }).data).toEqual(Int32Array.of(2 ** 24 + 1));
    expect(quantizedMatmul(x, w).data).toEqual(Float32Array.of(2 ** 24));
  });

  test('bias, then relu', () => {
    const y = quantizedMatmul(a, b, { bias: Float32Array.of(-2, 0.5), activation: 'relu' });
    expect(y.data).toEqual(Float32Array.of(0, 0.75, 1.25, 0.75));
  });

  test('clamp to [0.5, 1], and to either bound alone', () => {
    expect(quantizedMatmul(a, b, { activation: { min: 0.5, max: 1 } }).data).toEqual(Float32Array.of(1, 0.5, 1, 0.5));
    expect(quantizedMatmul(a, b, { activation: { max: 1 } }).data).toEqual(Float32Array.of(1, 0.25, 1, 0.25));
    expect(quantizedMatmul(a, b, { activation: { min: 0.5 } }).data).toEqual(Float32Array.of(1, 0.5, 3.25, 0.5));
  });

  test('a NaN bias propagates through relu and clamp', () => {
    const bias = Float32Array.of(NaN, 0);
    expect(quantizedMatmul(a, b, { bias, activation: 'relu' }).data[0]).toBeNaN();
    expect(quantizedMatmul(a, b, { bias, activation: { min: -1, max: 1 } }).data[2]).toBeNaN();
  });

  test('K0 gives the float bias', () => {
    const x = { ...a, data: new Uint8Array(0), shape: [1, 0] };
    const w = { ...b, data: new Int8Array(0), shape: [0, 2] };
    expect(quantizedMatmul(x, w, { bias: Float32Array.of(1.5, -2) }).data).toEqual(Float32Array.of(1.5, -2));
  });
});

describe('quantizedMatmul > 8-bit output', () => {
  const unit: QuantizedTensor = { data: Int8Array.of(1, 3, 5, -1, -3, 127, -128), shape: [7, 1], scale: 1, zeroPoint: 0 };
  const one: QuantizedTensor = { data: Int8Array.of(1), shape: [1, 1], scale: 1, zeroPoint: 0 };

  test('ties go to even before zy is added: 1 3 5 -1 -3 by 1/2', () => {
    const y = quantizedMatmul(unit, one, { output: { dtype: 'int8', scale: 2, zeroPoint: 1 } });
    expect(y.data).toEqual(Int8Array.of(1, 3, 3, 1, -1, 65, -63));
    expect(y).toMatchObject({ shape: [7, 1], scale: 2, zeroPoint: 1 });
  });

  test('saturation at both ends: int8 by 4, uint8 zy 200', () => {
    expect(quantizedMatmul(unit, one, { output: { dtype: 'int8', scale: 0.25 } }).data).toEqual(
      Int8Array.of(4, 12, 20, -4, -12, 127, -128),
    );
    expect(quantizedMatmul(unit, one, { output: { dtype: 'uint8', scale: 0.5, zeroPoint: 200 } }).data).toEqual(
      Uint8Array.of(202, 206, 210, 198, 194, 255, 0),
    );
  });

  test('the multiplier is fround(fround(sa * sb) / sy): sa 0.1 sb 0.3 sy 0.07', () => {
    const y = quantizedMatmul({ ...unit, scale: 0.1 }, { ...one, scale: 0.3 }, { output: { dtype: 'int8', scale: 0.07 } });
    // 0.42857: 1 3 5 127 -128 -> 0.43 1.29 2.14 54.43 -54.86
    expect(y.data).toEqual(Int8Array.of(0, 1, 2, 0, -1, 54, -55));
    expect(y.scale).toBe(f32(0.07));
  });

  test('int32 bias is added before scaling', () => {
    const y = quantizedMatmul(unit, one, { bias: Int32Array.of(1000), output: { dtype: 'int8', scale: 10 } });
    // 1001 1003 1005 999 997 1127 872 by 1/10: 100.1 100.3 100.5 99.9 99.7 112.7 87.2
    expect(y.data).toEqual(Int8Array.of(100, 100, 100, 100, 100, 113, 87));
  });

  test('float32 bias is added to the real value', () => {
    const y = quantizedMatmul(unit, one, { bias: Float32Array.of(0.5), output: { dtype: 'int8', scale: 1, zeroPoint: -1 } });
    // 1.5 3.5 5.5 -0.5 -2.5 127.5 -127.5, ties to even, less 1
    expect(y.data).toEqual(Int8Array.of(1, 3, 5, -1, -3, 127, -128));
  });

  test('a NaN bias gives the zero point', () => {
    const y = quantizedMatmul(one, one, { bias: Float32Array.of(NaN), output: { dtype: 'uint8', scale: 1, zeroPoint: 9 } });
    expect(y.data).toEqual(Uint8Array.of(9));
  });

  test('relu clamps at the zero point: zy 3', () => {
    const y = quantizedMatmul(unit, one, { activation: 'relu', output: { dtype: 'int8', scale: 1, zeroPoint: 3 } });
    expect(y.data).toEqual(Int8Array.of(4, 6, 8, 3, 3, 127, 3));
  });

  test('clamp bounds are quantized with ties to even: { min: -2.5, max: 2.5 } at scale 1 zy 10 -> 8 and 12', () => {
    const y = quantizedMatmul(unit, one, {
      activation: { min: -2.5, max: 2.5 },
      output: { dtype: 'uint8', scale: 1, zeroPoint: 10 },
    });
    expect(y.data).toEqual(Uint8Array.of(11, 12, 12, 9, 8, 12, 8));
  });

  test('with a float32 bias the real value is clamped, then rounded', () => {
    const y = quantizedMatmul(unit, one, {
      bias: Float32Array.of(0.25),
      activation: { max: 3.5 },
      output: { dtype: 'int8', scale: 1 },
    });
    // 1.25 3.25 3.5 -0.75 -2.75 3.5 -127.75
    expect(y.data).toEqual(Int8Array.of(1, 3, 4, -1, -3, 4, -128));
  });
});

describe('quantizedMatmul > float32 activations', () => {
  // Row 0: min -1 max 254 -> scale 1, zp 1. Row 1: min 0 max 2.55 -> scale 0.01, zp 0.
  const x: Tensor<Float32Array> = { data: Float32Array.of(-1, 254, 1, 2.55), shape: [2, 2] };
  const w: QuantizedTensor = { data: Int8Array.of(1, 0, 0, 1), shape: [2, 2], scale: 1, zeroPoint: 0 };

  test('perRow is the default: each row has its own scale', () => {
    const s = f32(f32(2.55) / 255);
    const y = quantizedMatmul(x, w);
    expect(y.data).toEqual(Float32Array.of(-1, 254, f32(100 * s), f32(255 * s)));
    expect(quantizedMatmul(x, w, { activations: 'perRow' })).toEqual(y);
  });

  test('perTensor: scale 1, zp 1 for all; 2.55 becomes 3', () => {
    expect(quantizedMatmul(x, w, { activations: 'perTensor' }).data).toEqual(Float32Array.of(-1, 254, 1, 3));
  });

  test('NaN is real zero; infinities saturate to the range of the finite values', () => {
    const odd = { data: Float32Array.of(NaN, 255, Infinity, -Infinity), shape: [4] };
    const eye = { ...w, data: Int8Array.of(1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1), shape: [4, 4] };
    expect(quantizedMatmul(odd, eye).data).toEqual(Float32Array.of(0, 255, 255, 0));
  });

  test('float32 bias, 8-bit output', () => {
    const y = quantizedMatmul(x, w, { bias: Float32Array.of(1, 0), output: { dtype: 'uint8', scale: 1 } });
    expect(y.data).toEqual(Uint8Array.of(0, 254, 2, 3));
  });

  test('int32 output and int32 bias are refused', () => {
    const value = expect.objectContaining({ code: 'ERR_LOWP_VALUE' });
    expect(() => quantizedMatmul(x, w, { output: 'int32' })).toThrow(value);
    expect(() => quantizedMatmul(x, w, { bias: Int32Array.of(1, 2), output: { dtype: 'int8', scale: 1 } })).toThrow(value);
  });
});

describe('quantizedMatmul > residual and activation', () => {
  // Real values 1, 0.25, 3.25, 0.25.
  const residual = Float32Array.of(1, -0.5, -4, 0.125);

  test('float32 output: after the bias, before the activation', () => {
    expect(quantizedMatmul(a, b, { residual }).data).toEqual(Float32Array.of(2, -0.25, -0.75, 0.375));
    const y = quantizedMatmul(a, b, { residual, bias: Float32Array.of(0, 1), activation: 'relu' });
    expect(y.data).toEqual(Float32Array.of(2, 0.75, 0, 1.375));
  });

  test('8-bit residual: scale * (q - zeroPoint) is added', () => {
    const q = { data: Uint8Array.of(12, 9, 2, 10), shape: [2, 2], scale: 0.5, zeroPoint: 10 };
    expect(quantizedMatmul(a, b, { residual: q }).data).toEqual(Float32Array.of(2, -0.25, -0.75, 0.25));
    const s = { ...q, data: Int8Array.of(2, -1, -8, 0), zeroPoint: 0 };
    expect(quantizedMatmul(a, b, { residual: s }).data).toEqual(Float32Array.of(2, -0.25, -0.75, 0.25));
  });

  test('8-bit output: the real value is rounded once, at the end', () => {
    const output = { dtype: 'int8', scale: 0.5, zeroPoint: 1 } as const;
    // 2 -0.25 -0.75 0.375 by 1/2: 4 -0.5 -1.5 0.75, ties to even, plus 1
    expect(quantizedMatmul(a, b, { residual, output }).data).toEqual(Int8Array.of(5, 1, -1, 2));
    // With an int32 bias of 2 and -2 units of 1/8: 2.25 -0.5 -0.5 0.125 by 1/2: 4.5 -1 -1 0.25
    const bias = Int32Array.of(2, -2);
    expect(quantizedMatmul(a, b, { residual, output, bias }).data).toEqual(Int8Array.of(5, 0, 0, 1));
    expect(quantizedMatmul(a, b, { residual, output, bias, activation: 'relu' }).data).toEqual(Int8Array.of(5, 1, 1, 1));
  });

  test('8-bit output of a curve: sigmoid at scale 1/256, zy -128', () => {
    const output = { dtype: 'int8', scale: 1 / 256, zeroPoint: -128 } as const;
    const y = quantizedMatmul(a, b, { activation: 'sigmoid', output });
    // sigmoid of 1, 0.25, 3.25: 0.731059, 0.562177, 0.962673, times 256: 187.15 143.92 246.44
    expect(y.data).toEqual(Int8Array.of(59, 16, 118, 16));
  });

  test('NaN of the residual: NaN, or the zero point', () => {
    const nan = Float32Array.of(NaN, 0, 0, 0);
    expect(quantizedMatmul(a, b, { residual: nan, activation: 'gelu' }).data[0]).toBeNaN();
    const y = quantizedMatmul(a, b, { residual: nan, activation: 'gelu', output: { dtype: 'uint8', scale: 1, zeroPoint: 7 } });
    expect(y.data[0]).toBe(7);
  });

  test('int32 output takes neither; a residual per axis is refused', () => {
    const value = expect.objectContaining({ code: 'ERR_LOWP_VALUE' });
    expect(() => quantizedMatmul(a, b, { output: 'int32', residual })).toThrow(value);
    expect(() => quantizedMatmul(a, b, { output: 'int32', activation: 'gelu' })).toThrow(value);
    const scale = Float32Array.of(1, 1);
    const perRow = { data: new Int8Array(4), shape: [2, 2], scale, zeroPoint: 0, axis: 0 };
    expect(() => quantizedMatmul(a, b, { residual: perRow })).toThrow(value);
  });
});

describe('quantizedMatmul > refusals', () => {
  test('a float32 bias with int32 output, an int32 bias with float32 output', () => {
    const type = expect.objectContaining({ code: 'ERR_LOWP_TYPE' });
    expect(() => quantizedMatmul(a, b, { output: 'int32', bias: Float32Array.of(0, 0) })).toThrow(type);
    expect(() => quantizedMatmul(a, b, { bias: Int32Array.of(0, 0) })).toThrow(type);
  });

  test('u8 za0 x s8 zb0: K 65793 fits (255 * 128 * 65793 <= 2^31-1), 65794 does not', () => {
    const product = (k: number) =>
      quantizedMatmul(
        { data: new Uint8Array(k).fill(255), shape: [1, k], scale: 1, zeroPoint: 0 },
        { data: new Int8Array(k).fill(-128), shape: [k, 1], scale: 1, zeroPoint: 0 },
        { output: 'int32' },
      );
    expect(product(65793).data).toEqual(Int32Array.of(-255 * 128 * 65793));
    expect(() => product(65794)).toThrow(/at most 65793 .* received 65794/);
  });

  test('the largest |bias| counts too, and so do zero points off the middle', () => {
    const k = 65793;
    const x = { data: new Uint8Array(k), shape: [1, k], scale: 1, zeroPoint: 0 };
    const w = { data: new Int8Array(k), shape: [k, 1], scale: 1, zeroPoint: 0 };
    const room = 2 ** 31 - 1 - 255 * 128 * k;
    expect(quantizedMatmul(x, w, { output: 'int32', bias: Int32Array.of(-room) }).data).toEqual(Int32Array.of(-room));
    expect(() => quantizedMatmul(x, w, { output: 'int32', bias: Int32Array.of(-room - 1) })).toThrow(/at most 65792/);
    expect(() => quantizedMatmul(x, { ...w, zeroPoint: 1 }, { output: 'int32' })).toThrow(/at most 65282/);
    expect(() => quantizedMatmul({ ...x, zeroPoint: 128 }, { ...w, zeroPoint: 1 }, { output: 'int32' })).not.toThrow();
  });
});

describe('quantizedMatmulAsync', () => {
  test('gives what quantizedMatmul gives; errors reject; an aborted signal rejects with its reason', async () => {
    await expect(quantizedMatmulAsync(a, b)).resolves.toEqual(quantizedMatmul(a, b));
    await expect(quantizedMatmulAsync(a, { ...b, shape: [2, 3] })).rejects.toMatchObject({ code: 'ERR_LOWP_SHAPE' });
    const reason = new Error('enough');
    await expect(quantizedMatmulAsync(a, b, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
  });
});
