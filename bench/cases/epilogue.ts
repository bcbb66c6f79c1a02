/** What each activation and residual adds to a product: the time of the whole call less that of the plain one, per element. */
import { matmul, packWeights, quantizedMatmul, type Activation, type QuantizedTensor, type Tensor } from 'lowp';
import * as reference from 'lowp/reference';
import { bell, bytes, randomBits } from '../inputs';
import { median, smallest } from '../stats';
import type { BenchCase, Row, Settings, Table } from '../types';

const SIZE = 256;
const DEPTH = 64;
const SEED = 5;
const ELEMENTS = SIZE * SIZE;
const CALLS_PER_SAMPLE = 4;

const PLAIN = 'none';
const ACTIVATIONS: Readonly<Record<string, Activation>> = {
  relu: 'relu',
  leakyRelu: { type: 'leakyRelu', alpha: 0.1 },
  hardsigmoid: 'hardsigmoid',
  hardswish: 'hardswish',
  sigmoid: 'sigmoid',
  silu: 'silu',
  tanh: 'tanh',
  geluTanh: 'geluTanh',
  gelu: 'gelu',
};

interface Contender {
  readonly product: string;
  readonly name: string;
  readonly run: () => void;
  readonly out: ArrayLike<number>;
  readonly expected: () => ArrayLike<number>;
  readonly tolerance: number;
}

interface Options {
  readonly activation?: Activation;
  readonly residual?: Tensor<Float32Array> | QuantizedTensor;
}

function makeContenders(threads: number): Contender[] {
  const random = randomBits(SEED);
  const shape = [SIZE, SIZE];
  const a = { data: bytes(SIZE * DEPTH, random), shape: [SIZE, DEPTH], scale: 0.01, zeroPoint: 120 };
  const b = { data: new Int8Array(bytes(DEPTH * SIZE, random).buffer), shape: [DEPTH, SIZE], scale: 0.002, zeroPoint: 0 };
  const x = { data: bell(SIZE * DEPTH, random), shape: a.shape };
  const w = { data: bell(DEPTH * SIZE, random).map((v) => v / 8), shape: b.shape };
  const bias = bell(SIZE, random);
  const residual = { data: bell(ELEMENTS, random), shape };
  const bytesResidual = { data: bytes(ELEMENTS, random), shape, scale: 0.01, zeroPoint: 128 };
  const output = { dtype: 'uint8', scale: 0.03, zeroPoint: 100 } as const;
  const packed = packWeights(b);
  const packedFloat = packWeights(w);

  const cases: [string, Options][] = [[PLAIN, {}]];
  for (const [name, activation] of Object.entries(ACTIVATIONS)) cases.push([name, { activation }]);
  const quantizedCases: [string, Options][] = [
    ...cases,
    ['float32 residual', { residual }],
    ['uint8 residual', { residual: bytesResidual }],
  ];
  const contenders: Contender[] = [];
  for (const [name, options] of quantizedCases) {
    const toBytes = { ...options, bias, output };
    const bytesOut = new Uint8Array(ELEMENTS);
    contenders.push({
      product: 'u8s8 -> u8',
      name,
      run: () => quantizedMatmul(a, packed, { ...toBytes, out: bytesOut, threads }),
      out: bytesOut,
      expected: () => reference.quantizedMatmul(a, b, toBytes).data,
      tolerance: 0,
    });
    const toFloats = { ...options, bias };
    const out = new Float32Array(ELEMENTS);
    contenders.push({
      product: 'u8s8 -> f32',
      name,
      run: () => quantizedMatmul(a, packed, { ...toFloats, out, threads }),
      out,
      expected: () => reference.quantizedMatmul(a, b, toFloats).data,
      tolerance: 0,
    });
  }
  for (const [name, { activation }] of [...cases, ['float32 residual', {}] as [string, Options]]) {
    const options = { activation, bias, ...(name === 'float32 residual' && { residual }) };
    const out = new Float32Array(ELEMENTS);
    contenders.push({
      product: 'f32',
      name,
      run: () => matmul(x, packedFloat, { ...options, out, threads }),
      out,
      expected: () => reference.matmul(x, w, options).data,
      tolerance: 1e-4,
    });
  }
  return contenders.sort((one, other) => one.product.localeCompare(other.product));
}

function verify({ product, name, run, out, expected, tolerance }: Contender): void {
  run();
  const want = expected();
  for (let i = 0; i < want.length; i++) {
    if (Math.abs(out[i] - want[i]) <= tolerance) continue;
    throw new Error(`${product}, ${name}: expected ${want[i]} for element ${i} but received ${out[i]}`);
  }
}

/** Seconds of one call. */
function sample({ run }: Contender): number {
  const start = process.hrtime.bigint();
  for (let i = 0; i < CALLS_PER_SAMPLE; i++) run();
  return Number(process.hrtime.bigint() - start) / 1e9 / CALLS_PER_SAMPLE;
}

async function* rowsOf({ quick, threads }: Settings): AsyncGenerator<Row> {
  const contenders = makeContenders(threads);
  for (const contender of contenders) verify(contender);
  const seconds = contenders.map((): number[] => []);
  // In turn, so that whatever disturbs the machine disturbs them all.
  for (let round = 0; round < (quick ? 60 : 400); round++) contenders.forEach((each, i) => seconds[i].push(sample(each)));
  for (let i = 0; i < contenders.length; i++) {
    const { product, name } = contenders[i];
    const plain = contenders.findIndex((other) => other.product === product && other.name === PLAIN);
    const [mid, best] = [median(seconds[i]), smallest(seconds[i])];
    const added = (best - smallest(seconds[plain])) / ELEMENTS;
    const first = i === 0 || contenders[i - 1].product !== product;
    const cells = [first ? product : '', name, (mid * 1e6).toFixed(1), (best * 1e6).toFixed(1), (added * 1e9).toFixed(3)];
    const record = { record: 'epilogue', product, contender: name, seconds: { median: mid, best }, addedPerElement: added };
    yield { cells, first, record };
  }
}

function open(settings: Settings): Table {
  return {
    title: `activations and residuals of a ${SIZE}x${SIZE}x${DEPTH} product`,
    caption: [
      'Packed weights, `out` given, a float32 bias; synchronous. us: median; best: the fastest sample; ns/element: what the best ' +
        `adds to that of '${PLAIN}', for each of the ${ELEMENTS} elements.`,
    ],
    columns: [
      { title: 'product', width: 14 },
      { title: 'epilogue', width: 18 },
      ...['us', 'best', 'ns/element'].map((title) => ({ title, width: 10 })),
    ],
    rows: rowsOf(settings),
    notes: [],
  };
}

export const epilogue: BenchCase = { name: 'epilogue', about: 'what activations and residuals add to a product', open };
