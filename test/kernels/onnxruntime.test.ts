/**
 * onnxruntime's CPU operators as judge: MatMulInteger, QLinearMatMul, QuantizeLinear, DequantizeLinear, DynamicQuantizeLinear. Equal
 * results, on every instruction set. The activations, whose rounding ONNX leaves open, within a tolerance.
 *
 * One exception, by arithmetic and not by taste: where the processor has AVX2 but no VNNI, onnxruntime multiplies uint8 by int8 with
 * vpmaddubsw, whose sums of two products saturate at 32767 (its documentation advises 7-bit weights). Here int8 weights of uint8
 * activations stay within +-64, where 2 * 255 * 64 = 32640 fits; full range is compared with exact sums instead.
 */
import { dequantize, matmul, quantize, quantizedMatmul, runtime, type Activation, type QuantizedTensor } from 'lowp';
import { expectNear, expectSame } from '../helpers/compare';
import { resetIsa, usableIsas } from '../helpers/isas';
import { runOperator, scalar, type Dtype, type Operator, type Value } from '../helpers/onnx';
import { Random } from '../helpers/random';

type Byte = 'uint8' | 'int8';
type Bytes = Uint8Array | Int8Array;

const CASES = 40;
const TYPES: readonly (readonly [Byte, Byte])[] = [
  ['uint8', 'uint8'],
  ['uint8', 'int8'],
  ['int8', 'uint8'],
  ['int8', 'int8'],
];
// What onnxruntime 1.30 has of QLinearMatMul on the CPU: a, b, y. It refuses the other combinations, which lowp has.
const QLINEAR: readonly (readonly [Byte, Byte, Byte])[] = [
  ['uint8', 'uint8', 'uint8'],
  ['uint8', 'int8', 'uint8'],
  ['int8', 'int8', 'int8'],
];
const QLINEAR_MISSING: readonly (readonly [Byte, Byte, Byte])[] = [
  ['uint8', 'uint8', 'int8'],
  ['uint8', 'int8', 'int8'],
  ['int8', 'uint8', 'uint8'],
  ['int8', 'uint8', 'int8'],
  ['int8', 'int8', 'uint8'],
];

const isas = usableIsas();
afterEach(resetIsa);

function onEachIsa(check: (isa: string) => void): void {
  for (const isa of isas) {
    runtime.isa = isa;
    check(isa);
  }
}

function low(dtype: Byte): number {
  return dtype === 'uint8' ? 0 : -128;
}

function bytes(r: Random, dtype: Byte, length: number, from = low(dtype), to = low(dtype) + 255): Bytes {
  return r.fill(dtype === 'uint8' ? new Uint8Array(length) : new Int8Array(length), () => r.int(from, to));
}

function zeroPointOf(r: Random, dtype: Byte): number {
  return r.pick([low(dtype), low(dtype) + 255, low(dtype) + 128, r.int(low(dtype), low(dtype) + 255)]);
}

interface Product {
  readonly title: string;
  readonly a: QuantizedTensor & { readonly scale: number; readonly zeroPoint: number };
  readonly b: QuantizedTensor;
  readonly y: readonly number[];
}

/** A random product; weights per tensor or per column, a of rank 2 to 4. */
function product(r: Random, aType: Byte, bType: Byte): Product {
  const [m, n, k] = [r.int(1, 20), r.int(1, 40), r.int(1, r.pick([8, 70, 300]))];
  const batch = r.pick([[], [], [2], [2, 3]]);
  const shape = [...batch, m, k];
  const pow2 = r.chance(0.5);
  const scale = (): number => (pow2 ? 2 ** r.int(-9, -6) : Math.fround(r.real(0.3, 3) / 128));
  const data = bytes(
    r,
    aType,
    shape.reduce((p, size) => p * size, 1),
  );
  const a = { data, shape, scale: scale(), zeroPoint: zeroPointOf(r, aType) };
  const weights = aType === 'uint8' && bType === 'int8' ? bytes(r, bType, k * n, -64, 63) : bytes(r, bType, k * n);
  const perColumn = r.chance(0.5);
  const b: QuantizedTensor = perColumn
    ? {
        ...{ data: weights, shape: [k, n], axis: 1 },
        scale: r.fill(new Float32Array(n), scale),
        zeroPoint: bytes(r, bType, n),
      }
    : { data: weights, shape: [k, n], scale: scale(), zeroPoint: zeroPointOf(r, bType) };
  const title = `a [${shape.join(', ')}] za ${a.zeroPoint}, N${n}, ${perColumn ? 'per column' : `zb ${String(b.zeroPoint)}`}`;
  return { title, a, b, y: [...batch, m, n] };
}

function zeroOf(q: QuantizedTensor, dtype: Byte): Value {
  if (typeof q.zeroPoint === 'number') return scalar(q.zeroPoint, dtype);
  return { data: q.zeroPoint, shape: [q.zeroPoint.length] };
}

function scaleOf(q: QuantizedTensor): Value {
  return typeof q.scale === 'number' ? scalar(q.scale, 'float32') : { data: q.scale, shape: [q.scale.length] };
}

describe('MatMulInteger', () => {
  test.each(TYPES)(`%s x %s > seed of that name, ${CASES} cases`, async (aType, bType) => {
    const r = new Random(`${aType} ${bType}`);
    for (let i = 0; i < CASES; i++) {
      const { title, a, b, y } = product(r, aType, bType);
      const inputs = [a, b, scalar(a.zeroPoint, aType), zeroOf(b, bType)];
      const constant = r.pick([[], [1], [1, 2, 3]]);
      const [want] = await runOperator({ opType: 'MatMulInteger', inputs, constant, outputs: [{ dtype: 'int32', shape: y }] });
      onEachIsa((isa) => expectSame(quantizedMatmul(a, b, { output: 'int32' }).data, want, `${isa} case ${i} ${title}`));
    }
  });

  test('absent zero points are 0', async () => {
    const r = new Random('absent');
    const a = { data: bytes(r, 'uint8', 21), shape: [3, 7], scale: 1, zeroPoint: 0 };
    const b = { data: bytes(r, 'uint8', 35), shape: [7, 5], scale: 1, zeroPoint: 0 };
    const [want] = await runOperator({ opType: 'MatMulInteger', inputs: [a, b], outputs: [{ dtype: 'int32', shape: [3, 5] }] });
    onEachIsa((isa) => expectSame(quantizedMatmul(a, b, { output: 'int32' }).data, want, isa));
  });
});

describe('QLinearMatMul', () => {
  function operator({ a, b, y }: Product, types: readonly [Byte, Byte, Byte], scaleY: number, zeroY: number): Operator {
    const inputs = [
      ...[a, scaleOf(a), zeroOf(a, types[0])],
      ...[b, scaleOf(b), zeroOf(b, types[1])],
      ...[scalar(scaleY, 'float32'), scalar(zeroY, types[2])],
    ];
    return { opType: 'QLinearMatMul', inputs, outputs: [{ dtype: types[2], shape: y }] };
  }

  test.each(QLINEAR)(`%s x %s -> %s > seed of that name, ${CASES} cases`, async (...types) => {
    const [aType, bType, dtype] = types;
    const r = new Random(types.join(' '));
    for (let i = 0; i < CASES; i++) {
      const p = product(r, aType, bType);
      const spread = (5476 * Math.sqrt(p.b.shape[0]) * 2 ** -14) / 64;
      const scale = r.chance(0.5) ? 2 ** Math.round(Math.log2(spread)) : Math.fround(spread * r.real(0.3, 3));
      const zeroPoint = zeroPointOf(r, dtype);
      const [want] = await runOperator(operator(p, types, scale, zeroPoint));
      onEachIsa((isa) => {
        const got = quantizedMatmul(p.a, p.b, { output: { dtype, scale, zeroPoint } });
        expectSame(got.data, want, `${isa} case ${i} ${p.title}`);
      });
    }
  });

  test.each(QLINEAR_MISSING)('%s x %s -> %s is not in onnxruntime', async (...types) => {
    const p = product(new Random(types.join(' ')), types[0], types[1]);
    await expect(runOperator(operator(p, types, 1, 0))).rejects.toThrow('Could not find an implementation');
  });
});

test('uint8 x int8 at full range: lowp gives the true sum, 255 * 127 * K, whatever onnxruntime gives on this processor', async () => {
  const k = 64;
  const a = { data: new Uint8Array(2 * k).fill(255), shape: [2, k], scale: 1, zeroPoint: 0 };
  const b = { data: new Int8Array(2 * k).fill(127), shape: [k, 2], scale: 1, zeroPoint: 0 };
  const truth = 255 * 127 * k;
  const saturated = 32767 * (k / 2);
  const [theirs] = await runOperator({ opType: 'MatMulInteger', inputs: [a, b], outputs: [{ dtype: 'int32', shape: [2, 2] }] });
  expect([truth, saturated]).toContain(theirs[0]);
  onEachIsa((isa) => expectSame(quantizedMatmul(a, b, { output: 'int32' }).data, new Int32Array(4).fill(truth), isa));
});

describe.each(['uint8', 'int8'] as const)('QuantizeLinear and DequantizeLinear > %s', (dtype) => {
  async function judge(x: Value, scale: Value, zero: Value, axis: number | undefined, title: string): Promise<void> {
    const attribute = axis === undefined ? {} : { axis };
    const parameters = {
      scale: axis === undefined ? scale.data[0] : Float32Array.from(scale.data),
      zeroPoint: axis === undefined ? zero.data[0] : Int32Array.from(zero.data),
      ...attribute,
    };
    const run = async (opType: string, input: Value, output: Dtype): Promise<Value['data']> => {
      const outputs = [{ dtype: output, shape: x.shape }];
      return (await runOperator({ opType, inputs: [input, scale, zero], outputs, ...attribute }))[0];
    };
    const q = await run('QuantizeLinear', x, dtype);
    const real = await run('DequantizeLinear', { data: q, shape: x.shape }, 'float32');
    const data = Float32Array.from(x.data);
    onEachIsa((isa) => {
      const got = quantize({ data, shape: x.shape }, { dtype, ...parameters });
      expectSame(got.data, q, `${isa} ${title}`);
      expectSame(dequantize({ ...parameters, data: got.data, shape: x.shape }).data, real, `${isa} ${title} dequantize`);
    });
  }

  test('ties, both ends, infinities, each zero point', async () => {
    const halves = Array.from({ length: 1201 }, (_, i) => (i - 600) / 2);
    const x = { data: Float32Array.from([...halves, 1e9, -1e9, 3e38, -3e38, Infinity, -Infinity, 1e-42, -0]), shape: [1209] };
    for (const zero of [low(dtype), low(dtype) + 1, low(dtype) + 128, low(dtype) + 255]) {
      for (const scale of [1, 0.5, 1 / 3, 2 ** -20]) {
        await judge(x, scalar(scale, 'float32'), scalar(zero, dtype), undefined, `scale ${scale} zero ${zero}`);
      }
    }
  });

  test(`per tensor and per axis > ${CASES} cases`, async () => {
    const r = new Random(dtype);
    for (let i = 0; i < CASES; i++) {
      const shape = Array.from({ length: r.int(1, 4) }, () => r.int(1, 9));
      const x = {
        data: r.floats(
          shape.reduce((p, n) => p * n, 1),
          4,
        ),
        shape,
      };
      const axis = r.chance(0.6) ? r.int(0, shape.length - 1) : undefined;
      const channels = axis === undefined ? [] : [shape[axis]];
      const scale = { data: r.fill(new Float32Array(channels[0] ?? 1), () => r.real(0.01, 0.1)), shape: channels };
      const zero = { data: bytes(r, dtype, channels[0] ?? 1), shape: channels };
      await judge(x, scale, zero, axis, `case ${i} [${shape.join(', ')}] axis ${String(axis)}`);
    }
  });
});

describe('DynamicQuantizeLinear', () => {
  async function judge(values: ArrayLike<number>, title: string): Promise<void> {
    const x = { data: Float32Array.from(values), shape: [values.length] };
    const outputs = [
      { dtype: 'uint8', shape: x.shape },
      { dtype: 'float32', shape: [] },
      { dtype: 'uint8', shape: [] },
    ] as const;
    const [q, scale, zeroPoint] = await runOperator({ opType: 'DynamicQuantizeLinear', inputs: [x], outputs });
    onEachIsa((isa) => {
      const got = quantize(x, { dtype: 'uint8' });
      expectSame([Number(got.scale)], scale, `${isa} ${title} scale`);
      expectSame([Number(got.zeroPoint)], zeroPoint, `${isa} ${title} zero point`);
      expectSame(got.data, q, `${isa} ${title}`);
    });
  }

  test('zeros, one sign, ties, wide and narrow spans', async () => {
    await judge([0, 0, 0, 0], 'zeros');
    await judge([1, 2, 3, 255], 'positive');
    await judge([-1, -2, -3, -0.5], 'negative');
    await judge([0, 255, 0.5, 1.5, 2.5, 253.5, 254.5], 'ties');
    await judge([-127.5, 127.5, 0, 3], 'tie of the zero point');
    await judge([1e38, -1e38, 3e37, 1], 'wide');
    await judge([1e-30, -1e-30, 5e-31], 'narrow');
  });

  test('random > 60 cases', async () => {
    const r = new Random('dynamic');
    for (let i = 0; i < 60; i++) {
      const shift = r.pick([0, 0, -2, 2]);
      const spread = 10 ** r.int(-20, 20);
      const values = r.floats(r.int(1, r.pick([4, 40, 700]))).map((x) => (x + shift) * spread);
      await judge(values, `case ${i} length ${values.length} spread ${spread} shift ${shift}`);
    }
  });
});

test('float32 activations: DynamicQuantizeLinear, then MatMulInteger, then scales, is quantizedMatmul per tensor', async () => {
  const r = new Random('pipeline');
  for (let i = 0; i < 20; i++) {
    const [m, n, k] = [r.int(1, 20), r.int(1, 40), r.int(1, 100)];
    const x = { data: r.floats(m * k, 3), shape: [m, k] };
    const b = { data: bytes(r, 'int8', k * n, -64, 63), shape: [k, n], scale: Math.fround(r.real(0.01, 0.1)), zeroPoint: 0 };
    const outputs = [
      { dtype: 'uint8', shape: x.shape },
      { dtype: 'float32', shape: [] },
      { dtype: 'uint8', shape: [] },
    ] as const;
    const [q, scale, zero] = await runOperator({ opType: 'DynamicQuantizeLinear', inputs: [x], outputs });
    const inputs = [{ data: q, shape: x.shape }, b, scalar(zero[0], 'uint8'), scalar(0, 'int8')];
    const [sums] = await runOperator({ opType: 'MatMulInteger', inputs, outputs: [{ dtype: 'int32', shape: [m, n] }] });
    const multiplier = Math.fround(scale[0] * b.scale);
    const want = Float32Array.from(sums, (sum) => Math.fround(sum) * multiplier);
    onEachIsa((isa) => expectSame(quantizedMatmul(x, b, { activations: 'perTensor' }).data, want, `${isa} case ${i}`));
  }
});

describe('activations of sums with a residual', () => {
  const OPERATORS: readonly (readonly [Activation, string, Operator['parameters']])[] = [
    ['relu', 'Relu', {}],
    [{ type: 'leakyRelu', alpha: 0.2 }, 'LeakyRelu', { alpha: 0.2 }],
    [{ type: 'leakyRelu' }, 'LeakyRelu', {}],
    ['gelu', 'Gelu', {}],
    ['geluTanh', 'Gelu', { approximate: 'tanh' }],
    ['sigmoid', 'Sigmoid', {}],
    ['tanh', 'Tanh', {}],
    ['hardswish', 'HardSwish', {}],
    ['hardsigmoid', 'HardSigmoid', { alpha: 1 / 6 }],
  ];
  const n = 61;
  const r = new Random('activations');
  const a = { data: r.fill(new Float32Array(50), () => r.int(-2, 2)), shape: [50, 1] };
  const b = { data: r.fill(new Float32Array(n), () => r.int(-2, 2)), shape: [1, n] };
  const residual = r.floats(50 * n, 3);
  // The product is exact, so this is what both see.
  const x = { data: matmul(a, b, { residual }).data, shape: [50, n] };
  const outputs = [{ dtype: 'float32', shape: x.shape }] as const;

  test.each(OPERATORS)('%j is %s', async (activation, opType, parameters) => {
    const [want] = await runOperator({ opType, inputs: [x], outputs, parameters });
    onEachIsa((isa) => {
      expectNear(matmul(a, b, { residual, activation }).data, want, 1e-6, `${isa} ${opType}`);
    });
  });

  test('silu is x Sigmoid(x)', async () => {
    const [sigmoid] = await runOperator({ opType: 'Sigmoid', inputs: [x], outputs });
    const want = Float32Array.from(x.data, (v, i) => v * sigmoid[i]);
    onEachIsa((isa) => expectNear(matmul(a, b, { residual, activation: 'silu' }).data, want, 1e-6, isa));
  });

  test('Add of the real values of both, then Relu and QuantizeLinear, is a quantized residual', async () => {
    const q = { data: bytes(r, 'int8', 50 * n), shape: x.shape, scale: 0.0625, zeroPoint: -3 };
    const qa = { data: Int8Array.from(a.data), shape: a.shape, scale: 0.5, zeroPoint: 0 };
    const qb = { data: Int8Array.from(b.data), shape: b.shape, scale: 0.25, zeroPoint: 0 };
    const inputs = [quantizedMatmul(qa, qb), dequantize(q)];
    const [sum] = await runOperator({ opType: 'Add', inputs, outputs });
    const [real] = await runOperator({ opType: 'Relu', inputs: [{ data: sum, shape: x.shape }], outputs });
    const output = { dtype: 'uint8', scale: 0.03, zeroPoint: 20 } as const;
    const [want] = await runOperator({
      opType: 'QuantizeLinear',
      inputs: [{ data: real, shape: x.shape }, scalar(output.scale, 'float32'), scalar(output.zeroPoint, 'uint8')],
      outputs: [{ dtype: 'uint8', shape: x.shape }],
    });
    onEachIsa((isa) => {
      const got = quantizedMatmul(qa, qb, { residual: q, activation: 'relu', output });
      expectSame(got.data, want, isa);
    });
  });
});
