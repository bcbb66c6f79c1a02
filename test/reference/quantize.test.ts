/** The oracle's quantization against results worked out by hand. */
import { dequantize, quantize } from 'lowp/reference';

const f32 = Math.fround;

function vector(...values: number[]) {
  return { data: Float32Array.from(values), shape: [values.length] };
}

describe('quantize > given scale', () => {
  test('ties go to even: 0.5 1.5 2.5 -0.5 -1.5 -2.5 at scale 1 -> 0 2 2 0 -2 -2', () => {
    const q = quantize(vector(0.5, 1.5, 2.5, -0.5, -1.5, -2.5), { scale: 1 });
    expect(q.data).toEqual(Int8Array.of(0, 2, 2, 0, -2, -2));
    expect(q).toMatchObject({ shape: [6], scale: 1, zeroPoint: 0 });
    expect(q).not.toHaveProperty('axis');
  });

  test('the tie is decided before the zero point is added: 0.5 at zp 1 -> 1, 1.5 at zp 1 -> 3', () => {
    expect(quantize(vector(0.5, 1.5), { scale: 1, zeroPoint: 1 }).data).toEqual(Int8Array.of(1, 3));
  });

  test('the quotient is rounded to float32 first: 1.75 / 0.7 is above the tie in float64 (-> 3), the tie 2.5 in float32 (-> 2)', () => {
    expect(f32(1.75) / f32(0.7)).toBeGreaterThan(2.5);
    expect(quantize(vector(1.75), { scale: 0.7 }).data).toEqual(Int8Array.of(2));
  });

  test('int8 saturates at both ends: 127.4 127.6 1000 -128.4 -128.6 -1000', () => {
    const q = quantize(vector(127.4, 127.6, 1000, -128.4, -128.6, -1000), { scale: 1 });
    expect(q.data).toEqual(Int8Array.of(127, 127, 127, -128, -128, -128));
  });

  test('uint8 saturates at both ends with zp 10: -10 -11 245 246', () => {
    const q = quantize(vector(-10, -11, 245, 246), { dtype: 'uint8', scale: 1, zeroPoint: 10 });
    expect(q.data).toEqual(Uint8Array.of(0, 0, 255, 255));
  });

  test('NaN is the zero point, infinities saturate', () => {
    const x = vector(NaN, Infinity, -Infinity);
    expect(quantize(x, { scale: 0.5, zeroPoint: -7 }).data).toEqual(Int8Array.of(-7, 127, -128));
    expect(quantize(x, { dtype: 'uint8', scale: 0.5, zeroPoint: 7 }).data).toEqual(Uint8Array.of(7, 255, 0));
  });

  test('a quotient that overflows float32 saturates: 3e38 / 1e-30', () => {
    expect(quantize(vector(3e38, -3e38), { scale: 1e-30 }).data).toEqual(Int8Array.of(127, -128));
  });

  test('zero points default to 0, or 128 for symmetric uint8', () => {
    expect(quantize(vector(1), { scale: 1, dtype: 'uint8' }).zeroPoint).toBe(0);
    expect(quantize(vector(1), { scale: 1, dtype: 'uint8', symmetric: true }).zeroPoint).toBe(128);
  });

  test('axis 1 of [2, 2], one scale and zero point per column', () => {
    const x = { data: Float32Array.of(1, 1, 2, 2), shape: [2, 2] };
    const q = quantize(x, { axis: 1, scale: Float32Array.of(1, 0.5), zeroPoint: Int8Array.of(0, 5) });
    expect(q.data).toEqual(Int8Array.of(1, 7, 2, 9));
    expect(q).toMatchObject({ axis: 1, scale: Float32Array.of(1, 0.5), zeroPoint: Int32Array.of(0, 5) });
  });

  test('out receives the values, strided input is read by rows', () => {
    const out = new Int8Array(5).fill(99);
    const x = { data: Float32Array.of(1, 2, -9, 3, 4), shape: [2, 2], strides: [3, 1] };
    expect(quantize(x, { scale: 1, out }).data).toBe(out);
    expect(out).toEqual(Int8Array.of(1, 2, 3, 4, 99));
  });
});

describe('quantize > symmetric', () => {
  test('int8 (the default): -2 1 -> scale 2/127, q -127 and round(63.5)', () => {
    const q = quantize(vector(-2, 1));
    expect(q.scale).toBe(f32(2 / 127));
    // f32(1 / f32(2/127)) is 63.5 exactly: the tie goes to 64.
    expect(q.data).toEqual(Int8Array.of(-127, 64));
    expect(q.zeroPoint).toBe(0);
  });

  test('uint8: zero point 128, -127 0 127 -> 1 128 255', () => {
    const q = quantize(vector(-127, 0, 127), { dtype: 'uint8', symmetric: true });
    expect(q).toMatchObject({ scale: 1, zeroPoint: 128, data: Uint8Array.of(1, 128, 255) });
  });

  test('all zeros (and nothing at all) have scale 1', () => {
    expect(quantize(vector(0, -0))).toMatchObject({ scale: 1, zeroPoint: 0, data: Int8Array.of(0, 0) });
    expect(quantize(vector())).toMatchObject({ scale: 1, zeroPoint: 0, data: new Int8Array(0) });
  });

  test('a magnitude whose scale underflows has scale 1: 1e-45', () => {
    expect(quantize(vector(1e-45))).toMatchObject({ scale: 1, data: Int8Array.of(0) });
  });

  test('axis -1 of [2, 3] is axis 1: a range for each column', () => {
    const q = quantize({ data: Float32Array.of(127, 0, -1, -254, 0, 63.5), shape: [2, 3] }, { axis: -1 });
    expect(q.axis).toBe(1);
    expect(q.scale).toEqual(Float32Array.of(2, 1, 0.5));
    expect(q.zeroPoint).toEqual(Int32Array.of(0, 0, 0));
    expect(q.data).toEqual(Int8Array.of(64, 0, -2, -127, 0, 127));
  });

  test('axis 0 of [2, 2]: a range for each row', () => {
    const q = quantize({ data: Float32Array.of(127, -1, 254, 2), shape: [2, 2] }, { axis: 0 });
    expect(q.scale).toEqual(Float32Array.of(1, 2));
    expect(q.data).toEqual(Int8Array.of(127, -1, 127, 1));
  });

  test('axis 1 of [2, 2, 2]: the middle dimension', () => {
    const x = { data: Float32Array.of(127, 1, 254, 2, 3, 4, 8, 6), shape: [2, 2, 2] };
    const q = quantize(x, { axis: 1 });
    expect(q.scale).toEqual(Float32Array.of(1, 2));
    expect(q.data).toEqual(Int8Array.of(127, 1, 127, 1, 3, 4, 4, 3));
  });

  test('only finite values count: NaN, infinities and 127', () => {
    expect(quantize(vector(NaN, Infinity, -Infinity, 127))).toMatchObject({ scale: 1, data: Int8Array.of(0, 127, -128, 127) });
  });
});

describe('quantize > asymmetric (DynamicQuantizeLinear)', () => {
  test('the example of the ONNX standard: 0 2 -3 -2.5 1.34 0.5', () => {
    const q = quantize(vector(0, 2, -3, -2.5, 1.34, 0.5), { dtype: 'uint8' });
    expect(q.scale).toBe(f32(5 / 255));
    expect(q.zeroPoint).toBe(153);
    expect(q.data).toEqual(Uint8Array.of(153, 255, 0, 26, 221, 179));
  });

  test('positive values only: the range reaches down to zero, zp 0', () => {
    const q = quantize(vector(1, 255), { dtype: 'uint8' });
    expect(q).toMatchObject({ scale: 1, zeroPoint: 0, data: Uint8Array.of(1, 255) });
  });

  test('negative values only: zp 255 (uint8), 127 (int8)', () => {
    expect(quantize(vector(-255, -1), { dtype: 'uint8' })).toMatchObject({
      scale: 1,
      zeroPoint: 255,
      data: Uint8Array.of(0, 254),
    });
    const q = quantize(vector(-255, -1), { dtype: 'int8', symmetric: false });
    expect(q).toMatchObject({ scale: 1, zeroPoint: 127, data: Int8Array.of(-128, 126) });
  });

  test('int8: -100 155 -> scale 1, zp -28', () => {
    const q = quantize(vector(-100, 0, 155), { symmetric: false });
    expect(q).toMatchObject({ scale: 1, zeroPoint: -28, data: Int8Array.of(-128, -28, 127) });
  });

  test('the zero point rounds ties to even: -0.5 254.5 -> zp 0, -1.5 253.5 -> zp 2', () => {
    expect(quantize(vector(-0.5, 254.5), { dtype: 'uint8' })).toMatchObject({ scale: 1, zeroPoint: 0 });
    expect(quantize(vector(-1.5, 253.5), { dtype: 'uint8' })).toMatchObject({ scale: 1, zeroPoint: 2 });
  });

  test('all zeros: scale 1 and the lowest value as zero point', () => {
    expect(quantize(vector(0), { dtype: 'uint8' })).toMatchObject({ scale: 1, zeroPoint: 0 });
    expect(quantize(vector(0), { symmetric: false })).toMatchObject({ scale: 1, zeroPoint: -128, data: Int8Array.of(-128) });
  });

  test('a width beyond float32 is divided first: -3e38 3e38', () => {
    const q = quantize(vector(-3e38, 3e38), { dtype: 'uint8' });
    const third = f32(f32(3e38) / 255);
    expect(q.scale).toBe(f32(third + third));
    // round(0 - -3e38 / scale) = round(127.5), to even.
    expect(q.zeroPoint).toBe(128);
    expect(q.data).toEqual(Uint8Array.of(0, 255));
  });

  test('a width whose scale underflows has scale 1: 1e-45', () => {
    expect(quantize(vector(1e-45), { dtype: 'uint8' })).toMatchObject({ scale: 1, zeroPoint: 0, data: Uint8Array.of(0) });
  });

  test('axis 0 of [3, 2] with a row of NaN and a row of zeros', () => {
    const x = { data: Float32Array.of(-1, 254, NaN, NaN, 0, 0), shape: [3, 2] };
    const q = quantize(x, { dtype: 'uint8', axis: 0 });
    expect(q.scale).toEqual(Float32Array.of(1, 1, 1));
    expect(q.zeroPoint).toEqual(Int32Array.of(1, 0, 0));
    expect(q.data).toEqual(Uint8Array.of(0, 255, 0, 0, 0, 0));
  });
});

describe('dequantize', () => {
  test('per tensor: scale 0.5 zp 128 over 0 128 255', () => {
    const x = dequantize({ data: Uint8Array.of(0, 128, 255), shape: [3], scale: 0.5, zeroPoint: 128 });
    expect(x).toEqual({ data: Float32Array.of(-64, 0, 63.5), shape: [3] });
  });

  test('axis 0 with zero points on both sides', () => {
    const q = {
      data: Int8Array.of(1, 2, 3, 4),
      shape: [2, 2],
      scale: Float32Array.of(1, 0.1),
      zeroPoint: Int8Array.of(-1, 5),
      axis: 0,
    };
    expect(dequantize(q).data).toEqual(Float32Array.of(2, 3, f32(f32(0.1) * -2), f32(f32(0.1) * -1)));
  });

  test('strides: the gap is not read; out receives the values', () => {
    const out = new Float32Array(4);
    const q = { data: Int8Array.of(1, 2, 99, 3, 4), shape: [2, 2], strides: [3, 1], scale: 2, zeroPoint: 0 };
    expect(dequantize(q, { out }).data).toBe(out);
    expect(out).toEqual(Float32Array.of(2, 4, 6, 8));
  });
});
