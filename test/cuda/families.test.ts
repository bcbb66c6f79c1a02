/**
 * Every family on the CUDA device against the processor: 8-bit results bit for bit, float32 within its bound. The processor's own
 * tests run there too with `npm run test:cuda`.
 */
import {
  averagePool2d,
  cast,
  conv2d,
  dequantize,
  matmul,
  maxPool2d,
  packSparse,
  quantize,
  quantizedConv2d,
  quantizedMatmul,
  quantizeWeights,
  runtime,
  sparseMatmul,
  toDevice,
  toHost,
  truncatedSvd,
  truncatedSvdAsync,
  type Conv2dOptions,
  type QuantizedTensor,
  type Tensor,
} from 'lowp';
import { expectNear, expectSame } from '../helpers/compare';
import { check, checkAsync } from '../helpers/qgemm';
import { randomShape, TYPES, variant } from '../helpers/qgemmCases';
import { Random } from '../helpers/random';
import { floatBsr, floatCsr, int8Csr } from '../helpers/sparse';
import { distance, expectFactors } from '../helpers/spectra';

const EPSILON = 2 ** -23;

function floats(r: Random, ...shape: number[]): Tensor<Float32Array> {
  return { data: r.floats(shape.reduce((product, size) => product * size, 1)), shape };
}

function bytes(r: Random, ...shape: number[]): QuantizedTensor<Uint8Array> {
  const count = shape.reduce((product, size) => product * size, 1);
  return { data: r.fill(new Uint8Array(count), () => r.int(0, 255)), shape, scale: 0.02, zeroPoint: 117 };
}

/** The same call on the processor and on the device. */
function expectEqual(call: (device: 'cpu' | 'cuda') => { readonly data: ArrayLike<number> }, title: string): void {
  expectSame(call('cuda').data, call('cpu').data, title);
}

describe('quantizedMatmul', () => {
  beforeAll(() => {
    runtime.device = 'cuda';
  });
  afterAll(() => {
    runtime.device = 'cpu';
  });

  test.each(TYPES)('$a x $b: all outputs, activations, residuals, layouts', (types) => {
    const r = new Random(`cuda ${types.a} ${types.b}`);
    for (let i = 0; i < 40; i++) check(variant(r, randomShape(r), types));
  });

  test.each([1, 5, 16, 17, 64, 65, 128, 130])('M%i around the tiles', (m) => {
    for (const n of [1, 63, 64, 129]) {
      for (const k of [1, 31, 64, 200]) check({ m, n, k, a: 'u8', b: 's8', za: 'row', zb: 'col', output: 'u8', bias: 's32' });
    }
  });

  test.each(['min/min', 'min/max', 'max/min', 'max/max'] as const)('extremes > %s', (fill) => {
    for (const [a, b] of [
      ['u8', 's8'],
      ['s8', 's8'],
      ['u8', 'u8'],
    ] as const) {
      for (const za of [a === 'u8' ? 0 : -128, a === 'u8' ? 255 : 127]) {
        check({ m: 17, n: 33, k: 130, a, b, fill, za, zb: 0, output: 's32' });
        check({ m: 2, n: 3, k: 4000, a, b, fill, za, zb: 'col', output: 's8', bias: 'f32' });
      }
    }
  });

  test('asynchronous', async () => {
    const r = new Random('cuda asynchronous');
    for (let i = 0; i < 30; i++) await checkAsync(variant(r, randomShape(r), TYPES[i % TYPES.length]));
  });
});

test.each([4, 8] as const)('weights of %i bits in groups', (bits) => {
  const r = new Random(`cuda groups ${bits}`);
  for (const groupSize of [16, 32, 128] as const) {
    for (const [m, n, k] of [
      [1, 70, 100],
      [8, 33, 256],
      [40, 90, 300],
    ]) {
      const weights = quantizeWeights(floats(r, k, n), { bits, groupSize, symmetric: r.chance(0.5) });
      const [x, bias] = [floats(r, m, k), r.floats(n)];
      expectEqual((device) => quantizedMatmul(x, weights, { bias, activation: 'silu', device }), `${m} ${n} ${k} ${groupSize}`);
    }
  }
});

test('matmul: shapes, transposed operands, 16-bit weights', () => {
  const r = new Random('cuda matmul');
  for (const [m, n, k] of [
    [1, 300, 500],
    [7, 65, 33],
    [130, 140, 70],
    [64, 3, 1000],
  ]) {
    for (const [transposeA, transposeB] of [
      [false, false],
      [true, false],
      [false, true],
    ]) {
      const a = transposeA ? floats(r, k, m) : floats(r, m, k);
      const b = transposeB ? floats(r, n, k) : floats(r, k, n);
      const options = { transposeA, transposeB, bias: r.floats(n), activation: 'relu' } as const;
      const title = `${m} ${n} ${k} ${transposeA} ${transposeB}`;
      const bound = EPSILON * (k + 1) * 2 * 16;
      const want = matmul(a, b, options).data;
      expectNear(matmul(a, b, { ...options, device: 'cuda' }).data, want, bound, title);
      for (const dtype of ['bfloat16', 'float16'] as const) {
        const half = cast(b, { dtype });
        const got = matmul(a, half, { ...options, device: 'cuda' }).data;
        expectNear(got, matmul(a, half, options).data, bound, `${title} ${dtype}`);
      }
    }
  }
});

test('matmul on matrix units: within the error that is documented', () => {
  const r = new Random('cuda tensor cores');
  const [m, n, k] = [70, 90, 200];
  const [a, b] = [floats(r, m, k), floats(r, k, n)];
  const largest = (x: Float32Array): number => x.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  const bound = (u: number): number => k * largest(a.data) * largest(b.data) * (2 * u + u * u + 2 ** -22 * (k + 1));
  const exact = matmul(a, b).data;
  const got = matmul(a, b, { device: 'cuda', tensorCores: true }).data;
  expectNear(got, exact, bound(2 ** -11), 'tf32');
  expect(got).not.toEqual(exact);
});

test('quantize, dequantize and cast, from and to the device', () => {
  const r = new Random('cuda quantize');
  for (const shape of [[1000], [3, 70], [5, 4, 33]]) {
    const x = floats(r, ...shape);
    x.data.set([NaN, Infinity, -Infinity].slice(0, x.data.length), 1);
    for (const dtype of ['int8', 'uint8'] as const) {
      for (const axis of [undefined, 0, shape.length - 1]) {
        for (const symmetric of [true, false]) {
          const options = { dtype, axis, symmetric };
          const want = quantize(x, options);
          expect(quantize(x, { ...options, device: 'cuda' })).toEqual(want);
          const there = quantize(toDevice(x), options);
          expect(toHost(there)).toEqual(want);
          expectSame(toHost(dequantize(there)).data, dequantize(want).data, 'dequantize');
        }
      }
    }
    const out = new Int8Array(x.data.length + 2).fill(7);
    quantize(x, { out, device: 'cuda' });
    expectSame(out.subarray(x.data.length), [7, 7], 'behind the result');
    for (const dtype of ['bfloat16', 'float16'] as const) {
      const half = cast(x, { dtype });
      expect(toHost(cast(toDevice(x), { dtype }))).toEqual(half);
      expectEqual((device) => cast(half, { dtype: 'float32', device }), dtype);
    }
  }
});

describe('convolutions', () => {
  interface Layer {
    readonly x: readonly number[];
    readonly w: readonly number[];
    readonly options: Omit<Conv2dOptions, 'out'>;
  }
  const layers: readonly Layer[] = [
    { x: [2, 3, 11, 9], w: [8, 3, 3, 3], options: { padding: [1, 0, 2, 1], strides: [2, 1] } },
    { x: [1, 16, 7, 7], w: [20, 16, 1, 1], options: {} },
    { x: [1, 8, 10, 10], w: [8, 1, 3, 3], options: { groups: 8, padding: 'same' } },
    { x: [1, 6, 12, 8], w: [4, 3, 3, 2], options: { groups: 2, dilations: [2, 1] } },
    { x: [1, 70, 5, 6], w: [70, 1, 5, 5], options: { groups: 70, padding: [2, 2, 2, 2], strides: [1, 2] } },
  ];
  const toNhwc = ([n, c, h, w]: readonly number[]): number[] => [n, h, w, c];

  test.each(layers)('$x with $w', ({ x: shape, w: weightShape, options }) => {
    const r = new Random(`cuda conv ${shape.join()} ${weightShape.join()}`);
    const outputs = ['float32', 'int32', { dtype: 'uint8', scale: 0.3, zeroPoint: 9 }] as const;
    for (const layout of ['NCHW', 'NHWC'] as const) {
      const sizes = layout === 'NCHW' ? [...shape] : toNhwc(shape);
      const x = bytes(r, ...sizes);
      const weights = quantize(floats(r, ...weightShape), { dtype: 'int8', axis: 0 });
      for (const output of outputs) {
        expectEqual((device) => quantizedConv2d(x, weights, { ...options, layout, output, device }), `int8 ${layout}`);
      }
      const bias = r.floats(weightShape[0]);
      expectEqual((device) => quantizedConv2d(x, weights, { ...options, layout, bias, activation: 'hardswish', device }), layout);
      const [image, kernel] = [floats(r, ...sizes), floats(r, ...weightShape)];
      const want = conv2d(image, kernel, { ...options, layout, activation: 'relu' }).data;
      const got = conv2d(image, kernel, { ...options, layout, activation: 'relu', device: 'cuda' }).data;
      const depth = weightShape[1] * weightShape[2] * weightShape[3];
      expectNear(got, want, EPSILON * (depth + 1) * 2 * 16, `float32 ${layout}`);
      const y = conv2d(toDevice(image), kernel, { ...options, layout });
      expect(y.shape).toEqual(conv2d(image, kernel, { ...options, layout }).shape);
    }
  });
});

test('pooling', () => {
  const r = new Random('cuda pooling');
  for (const layout of ['NCHW', 'NHWC'] as const) {
    const [x, q] = [floats(r, 2, 5, 9, 8), bytes(r, 2, 5, 9, 8)];
    const options = { layout, kernel: [3, 2], strides: [2, 1], padding: [1, 0, 1, 1] } as const;
    expectEqual((device) => maxPool2d(x, { ...options, device }), 'float32');
    expectEqual((device) => maxPool2d(q, { ...options, device }), 'uint8');
    expectEqual((device) => averagePool2d(q, { ...options, device }), 'average uint8');
    const want = averagePool2d(x, options).data;
    expectNear(averagePool2d(x, { ...options, device: 'cuda' }).data, want, 1e-6, 'average float32');
    expectSame(toHost(maxPool2d(toDevice(x), options)).data, maxPool2d(x, options).data, 'on the device');
  }
});

test('sparse products: both sides, rows of very different lengths, blocks', () => {
  const r = new Random('cuda sparse');
  for (const n of [1, 7, 64, 130]) {
    for (const density of [0, 0.05, 0.4]) {
      const pattern = { rows: 40, cols: 90, density };
      const [real, small] = [floatCsr(r, pattern), int8Csr(r, pattern, true)];
      const bound = EPSILON * 91 * 2 * 25;
      const title = `${n} ${density}`;
      const [b, q] = [floats(r, 90, n), bytes(r, 90, n)];
      expectNear(sparseMatmul(real, b, { device: 'cuda' }).data, sparseMatmul(real, b).data, bound, title);
      expectEqual((device) => sparseMatmul(small, q, { output: 'int32', device }), title);
      expectEqual((device) => sparseMatmul(small, q, { activation: 'gelu', device }), title);
      const [a, p] = [floats(r, n, 90), bytes(r, n, 90)];
      const right = sparseMatmul(a, real, { side: 'right' }).data;
      expectNear(sparseMatmul(a, real, { side: 'right', device: 'cuda' }).data, right, bound, title);
      expectEqual((device) => sparseMatmul(p, small, { side: 'right', device }), title);
      expectEqual((device) => sparseMatmul(a, small, { side: 'right', device }), title);
    }
  }
  const blocks = floatBsr(r, [4, 4], { rows: 10, cols: 12, density: 0.3 });
  const dense = floats(r, blocks.cols, 33);
  using packed = packSparse(blocks, { device: 'cuda' });
  expectNear(toHost(sparseMatmul(packed, toDevice(dense))).data, sparseMatmul(blocks, dense).data, 1e-4, 'blocks');
});

test('truncatedSvd: as good as the processor, from either memory', async () => {
  const r = new Random('cuda svd');
  const a = matmul(floats(r, 90, 12), floats(r, 12, 60));
  const noise = floats(r, 90, 60);
  a.data.forEach((_, i) => (a.data[i] += noise.data[i] * 1e-3));
  const want = truncatedSvd(a, { rank: 12 });
  const results = [truncatedSvd(a, { rank: 12, device: 'cuda' }), truncatedSvd(toDevice(a), { rank: 12 })];
  results.push(await truncatedSvdAsync(toDevice(a), { rank: 12, measureResidual: true }));
  for (const got of results) {
    expectFactors(got, 90, 60, 12);
    expectNear(got.s.data, want.s.data, 1e-4, 'singular values');
    expect(distance(a, got)).toBeLessThanOrEqual(distance(a, want) * (1 + 1e-4));
  }
  expect(truncatedSvd(a, { energy: 0.99, device: 'cuda' }).s.data.length).toBe(truncatedSvd(a, { energy: 0.99 }).s.data.length);
});
