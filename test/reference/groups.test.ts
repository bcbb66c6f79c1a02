/** The oracle's weights in groups against results worked out by hand. */
import {
  dequantize,
  packWeights,
  quantizedMatmul,
  quantizeWeights,
  type GroupQuantizedTensor,
  type QuantizeWeightsOptions,
} from 'lowp/reference';

const f32 = Math.fround;

function column(...values: number[]): { data: Float32Array; shape: [number, number] } {
  return { data: Float32Array.from(values), shape: [values.length, 1] };
}

function codes(values: number[], options: QuantizeWeightsOptions = {}): { codes: number[]; scale: number; zero?: number } {
  const q = quantizeWeights(column(...values), { groupSize: 16, ...options });
  const all = q.bits === 8 ? [...q.data] : [...q.data].flatMap((byte) => [byte & 15, byte >> 4]);
  const result = { codes: all.slice(0, values.length), scale: q.scales[0] };
  return q.zeroPoints === undefined ? result : { ...result, zero: q.zeroPoints[0] };
}

describe('quantizeWeights', () => {
  test('symmetric: the largest magnitude is code 0, the scale has the opposite sign', () => {
    expect(codes([-8, 7, 3.4, -0.5, 1.5])).toEqual({ codes: [0, 15, 11, 8, 10], scale: 1 });
    expect(codes([8, -7, 3.4, -0.5, 1.5])).toEqual({ codes: [0, 15, 5, 8, 6], scale: -1 });
    // Of two as large the negative one counts.
    expect(codes([4, 4, -4])).toEqual({ codes: [15, 15, 0], scale: 0.5 });
    expect(codes([-64, 63, 0.25], { bits: 8 })).toEqual({ codes: [0, 254, 128], scale: 0.5 });
  });

  test('asymmetric: scale (max - min) / 15, zero within the range', () => {
    expect(codes([-1, 14, 6.5], { symmetric: false })).toEqual({ codes: [0, 15, 7], scale: 1, zero: 1 });
    expect(codes([30, 20], { symmetric: false })).toEqual({ codes: [15, 10], scale: 2, zero: 0 });
    expect(codes([-510, 0], { bits: 8, symmetric: false })).toEqual({ codes: [0, 255], scale: 2, zero: 255 });
  });

  test('zeros, NaN, infinities, tiny and huge values', () => {
    expect(codes([0, -0, 0])).toEqual({ codes: [8, 8, 8], scale: 1 });
    expect(codes([0, 0], { symmetric: false })).toEqual({ codes: [0, 0], scale: 1, zero: 0 });
    expect(codes([NaN, -8, Infinity, -Infinity])).toEqual({ codes: [8, 0, 15, 0], scale: 1 });
    expect(codes([NaN, -1, 14, Infinity], { symmetric: false })).toEqual({ codes: [1, 0, 15, 15], scale: 1, zero: 1 });
    expect(codes([NaN, Infinity])).toEqual({ codes: [8, 15], scale: 1 });
    expect(codes([1e-45, 0]).scale).toBe(1);
    const huge = codes([3e38, -3e38], { symmetric: false });
    expect(huge.codes).toEqual([15, 0]);
    expect(huge.scale).toBe(f32(f32(f32(3e38) / 15) - f32(f32(-3e38) / 15)));
  });

  test('layout: [N, groups, bytes], the low nibble first; zero points two in a byte; the last group is filled with zeros', () => {
    const w = { data: new Float32Array(2 * 17).fill(1), shape: [2, 17] };
    w.data[0] = -15;
    w.data[16] = 2;
    const q = quantizeWeights(w, { groupSize: 16, symmetric: false, transposeB: true });
    expect(q).toMatchObject({ bits: 4, groupSize: 16, shape: [2, 17] });
    expect([...q.scales]).toEqual([f32(16 / 15), f32(2 / 15), f32(1 / 15), f32(1 / 15)]);
    // Row 0: zero points 14 and 0; row 1: 0 and 0.
    expect([...(q.zeroPoints ?? [])]).toEqual([14, 0]);
    expect([...q.data.subarray(0, 16)]).toEqual([0xf0, 255, 255, 255, 255, 255, 255, 255, 15, 0, 0, 0, 0, 0, 0, 0]);
    expect([...q.data.subarray(16)]).toEqual([255, 255, 255, 255, 255, 255, 255, 255, 15, 0, 0, 0, 0, 0, 0, 0]);
  });

  test('[K, N], [N, K] and a view with strides give the same', () => {
    const kn = { data: Float32Array.of(1, 4, 2, 5, 3, 6), shape: [3, 2] };
    const nk = { data: Float32Array.of(1, 2, 3, 4, 5, 6), shape: [2, 3] };
    const view = { data: Float32Array.of(1, 2, 3, 99, 4, 5, 6), shape: [2, 3], strides: [4, 1] };
    expect(quantizeWeights(kn)).toEqual(quantizeWeights(nk, { transposeB: true }));
    expect(quantizeWeights(view, { transposeB: true })).toEqual(quantizeWeights(nk, { transposeB: true }));
  });
});

/** Columns [1 2 3 ...] - 8 and constant 2 - 1, in steps of 0.5 and 2; zero points 8 and 1. */
const q: GroupQuantizedTensor = {
  data: Uint8Array.of(0x21, 0x43, 0, 0, 0, 0, 0, 0, 0x22, 0x22, 0, 0, 0, 0, 0, 0),
  bits: 4,
  groupSize: 16,
  shape: [2, 4],
  scales: Float32Array.of(0.5, 2),
  zeroPoints: Uint8Array.of(8, 1),
};

test('dequantize: scale * (code - zero point), [N, K]', () => {
  const real = [-3.5, -3, -2.5, -2, 2, 2, 2, 2];
  expect(dequantize(q)).toEqual({ data: Float32Array.from(real), shape: [2, 4] });
  const symmetric = { ...q, zeroPoints: undefined };
  expect([...dequantize(symmetric).data]).toEqual([-3.5, -3, -2.5, -2, -12, -12, -12, -12]);
});

describe('quantizedMatmul', () => {
  const a = { data: Float32Array.of(127, -1, 0.5, 2), shape: [1, 4] };

  test('activations are rounded to int8, ties to even: [127 -1 0 2] * 1', () => {
    // 127 * -7 + 1 * 6 - 2 * 4 = -891, times 0.5; 128 times 2.
    expect([...quantizedMatmul(a, q).data]).toEqual([-445.5, 256]);
    expect(quantizedMatmul(a, q).shape).toEqual([1, 2]);
  });

  test('each row has scales of its own', () => {
    const two = { data: Float32Array.of(127, -1, 0.5, 2, 254, -2, 1, 4), shape: [2, 4] };
    expect([...quantizedMatmul(two, q).data]).toEqual([-445.5, 256, -891, 512]);
  });

  test('bias and activation', () => {
    const bias = Float32Array.of(445, -6);
    expect([...quantizedMatmul(a, q, { bias }).data]).toEqual([-0.5, 250]);
    expect([...quantizedMatmul(a, q, { bias, activation: { min: 0, max: 200 } }).data]).toEqual([0, 200]);
  });

  test('groups have scales of their own in a and b, and are added in order', () => {
    const x = { data: new Float32Array(17).fill(1), shape: [17] };
    x.data[16] = 100;
    const data = new Uint8Array(32);
    data.fill(129, 0, 16);
    data[16] = 131;
    const w: GroupQuantizedTensor = { data, bits: 8, groupSize: 16, shape: [1, 17], scales: Float32Array.of(3, 1) };
    const first = f32(16 * 127 * f32(f32(1 / 127) * 3));
    const second = f32(3 * 127 * f32(f32(100 / 127) * 1));
    expect([...quantizedMatmul(x, w).data]).toEqual([f32(first + second)]);
    expect(quantizedMatmul(x, w).shape).toEqual([1]);
  });

  test('NaN is 0, infinities saturate at the largest finite value, tiny groups are zeros', () => {
    const run = (...values: number[]): number[] => [
      ...quantizedMatmul({ data: Float32Array.from(values), shape: [1, 4] }, q).data,
    ];
    expect(run(NaN, -1, 0, 127)).toEqual([-(127 * 4 - 6) / 2, 252]);
    expect(run(Infinity, -1, 0, 127)).toEqual([-(127 * 7 - 6 + 127 * 4) / 2, 506]);
    expect(run(-Infinity, 0, 0, 127)).toEqual([(127 * 7 - 127 * 4) / 2, 0]);
    expect(run(NaN, Infinity, 0, 0)).toEqual([0, 0]);
    expect(run(1e-38, 0, 1e-44, 0)).toEqual([0, 0]);
  });

  test('packed weights are a copy', () => {
    const data = q.data.slice();
    const packed = packWeights({ ...q, data });
    data.fill(0);
    expect(packed).toMatchObject({ shape: [4, 2], dtype: 'int4', groupSize: 16 });
    expect([...quantizedMatmul(a, packed).data]).toEqual([-445.5, 256]);
    packed.dispose();
    expect(() => quantizedMatmul(a, packed)).toThrow(expect.objectContaining({ code: 'ERR_LOWP_DISPOSED' }));
  });

  test('K0 gives the bias', () => {
    const w: GroupQuantizedTensor = {
      ...q,
      data: new Uint8Array(0),
      shape: [2, 0],
      scales: new Float32Array(0),
      zeroPoints: undefined,
    };
    const y = quantizedMatmul({ data: new Float32Array(0), shape: [1, 0] }, w, { bias: Float32Array.of(1, 2) });
    expect([...y.data]).toEqual([1, 2]);
  });

  test.each([
    ['output int32', { output: 'int32' }, 'ERR_LOWP_VALUE'],
    ['perRow', { activations: 'perRow' }, 'ERR_LOWP_VALUE'],
    ['int32 bias', { bias: Int32Array.of(1, 2) }, 'ERR_LOWP_TYPE'],
  ] as const)('refuses %s', (_, options, code) => {
    expect(() => quantizedMatmul(a, q, options)).toThrow(expect.objectContaining({ code }));
  });
});
