/** Dense products on the device: 8-bit, float32 and 16-bit weights, weights of 4 bits in groups. */
import {
  cast,
  matmul,
  packWeights,
  quantizedMatmul,
  quantizeWeights,
  toDevice,
  toHost,
  type FloatDtype,
  type GroupSize,
  type QuantizedMatmulOptions,
} from 'lowp';
import { checkFloat, checkGroups, checkQuantized, makeProblem, type Problem } from '../problem';
import { operations, shapeName, type GemmShape } from '../shapes';
import { magnitude } from '../verify';
import { poisoned, type Family, type Group, type Lane, type Scale } from './lane';

const SEED = 21;
export const X_TORCH = 'x torch';
const X_INT8 = 'x int8';

const square = (size: number): GemmShape => ({ m: size, n: size, k: size });
const rows = (m: number): GemmShape => ({ m, n: 4096, k: 4096 });
const TINY: readonly GemmShape[] = [
  { m: 1, n: 40, k: 64 },
  { m: 18, n: 33, k: 96 },
];
const SHAPES: Readonly<Record<Scale, readonly GemmShape[]>> = {
  full: [...[1024, 2048, 4096, 8192].map(square), ...[1, 8, 32, 128].map(rows)],
  quick: [square(4096), rows(1), rows(32)],
  tiny: TINY,
};
const GROUP_SHAPES: Readonly<Record<Scale, readonly GemmShape[]>> = {
  full: [1, 8, 128].map(rows),
  quick: [1, 128].map(rows),
  tiny: [{ m: 3, n: 20, k: 128 }],
};

type Output = NonNullable<QuantizedMatmulOptions['output']>;

const ROOM = { float32: Float32Array, int32: Int32Array, uint8: Uint8Array, int8: Int8Array } as const;

function int8(problem: Problem, operands: 'u8s8' | 's8s8' | 'dynamic', output: Output, fused: boolean): Lane {
  const { shape, weights, x, unsigned, signed, bias } = problem;
  const { m, n, k } = shape;
  const a = { u8s8: unsigned, s8s8: signed, dynamic: x }[operands];
  const dtype = typeof output === 'string' ? output : output.dtype;
  const layer = fused ? { bias, activation: 'relu' as const, output } : { output };
  return {
    name: `lowp ${operands} -> ${dtype}${fused ? ', bias, relu' : ''}`,
    operations: operations(shape),
    bytes: a.data.byteLength + k * n + m * n * ROOM[dtype].BYTES_PER_ELEMENT,
    rivals: { [X_TORCH]: 'torch._int_mm' },
    open: (held) => {
      const [left, right] = [held.keep(toDevice<typeof a>(a)), held.keep(packWeights(weights, { device: 'cuda' }))];
      const out = held.keep(poisoned(new ROOM[dtype](m * n)));
      const options = { ...layer, bias: fused ? held.keep(toDevice(bias)) : undefined, out };
      return {
        run: () => quantizedMatmul(left, right, options),
        check: () => checkQuantized(problem, a, toHost(out), layer),
      };
    },
  };
}

function int8Group(shape: GemmShape): Group {
  const problem = makeProblem(shape, 1, SEED);
  const lanes = [
    int8(problem, 's8s8', 'int32', false),
    int8(problem, 's8s8', 'float32', false),
    int8(problem, 'u8s8', problem.output, true),
    int8(problem, 'dynamic', 'float32', false),
  ];
  return groupOf(shape, lanes, ['int8']);
}

function groupOf(shape: GemmShape, lanes: readonly Lane[], dtypes: readonly string[]): Group {
  const bytes = Math.min(...lanes.map((lane) => lane.bytes ?? 0));
  return { name: shapeName(shape), record: { ...shape }, lanes, bytes, request: { kind: 'matmul', ...shape, dtypes } };
}

interface FloatForm {
  readonly storage: FloatDtype;
  readonly tensorCores: boolean;
  readonly rival: string;
}

const FLOAT_FORMS: readonly FloatForm[] = [
  { storage: 'float32', tensorCores: false, rival: 'torch f32' },
  { storage: 'float32', tensorCores: true, rival: 'torch tf32' },
  { storage: 'bfloat16', tensorCores: false, rival: 'torch f32' },
  { storage: 'bfloat16', tensorCores: true, rival: 'torch bf16' },
  { storage: 'float16', tensorCores: true, rival: 'torch bf16' },
];

/** Of a product on matrix units: see `tensorCores`. */
function matrixUnitTolerance({ x, floatWeights, shape: { k } }: Problem, storage: FloatDtype): number {
  const u = storage === 'bfloat16' ? 2 ** -8 : 2 ** -11;
  return k * magnitude(x.data) * magnitude(floatWeights.data) * (2 * u + u * u + 2 ** -22 * (k + 1));
}

function float(problem: Problem, { storage, tensorCores, rival }: FloatForm): Lane {
  const { shape, x, floatWeights } = problem;
  const { m, n, k } = shape;
  return {
    name: `lowp ${storage}${storage === 'float32' ? '' : ' weights'}${tensorCores ? ', tensorCores' : ''}`,
    operations: operations(shape),
    bytes: 4 * (m * k + m * n) + (storage === 'float32' ? 4 : 2) * k * n,
    rivals: { [X_TORCH]: rival },
    open: (held) => {
      const [left, right] = [held.keep(toDevice(x)), held.keep(packWeights(floatWeights, { storage, device: 'cuda' }))];
      const out = held.keep(poisoned(new Float32Array(m * n)));
      const options = { tensorCores, out };
      return {
        run: () => matmul(left, right, options),
        check: () => {
          const rounded = cast(cast(floatWeights, { dtype: storage }), { dtype: 'float32' });
          const tolerance = tensorCores ? matrixUnitTolerance(problem, storage) : undefined;
          return checkFloat({ ...problem, floatWeights: rounded }, toHost(out), {}, tolerance);
        },
      };
    },
  };
}

function floatGroup(shape: GemmShape): Group {
  const problem = makeProblem(shape, 1, SEED);
  const lanes = FLOAT_FORMS.map((form) => float(problem, form));
  return groupOf(shape, lanes, ['f32', 'tf32', 'bf16']);
}

function int4(problem: Problem, groupSize: GroupSize): Lane {
  const { shape, x, floatWeights } = problem;
  const { m, n, k } = shape;
  const q = quantizeWeights(floatWeights, { bits: 4, groupSize });
  return {
    name: `lowp 4 bits, groups of ${groupSize}`,
    operations: operations(shape),
    bytes: 4 * (m * k + m * n) + q.data.byteLength + q.scales.byteLength,
    rivals: { [X_TORCH]: 'torch bf16', [X_INT8]: 'lowp dynamic -> float32' },
    open: (held) => {
      const [left, right] = [held.keep(toDevice(x)), held.keep(packWeights(q, { device: 'cuda' }))];
      const out = held.keep(poisoned(new Float32Array(m * n)));
      const options = { out };
      return { run: () => quantizedMatmul(left, right, options), check: () => checkGroups(problem, q, toHost(out)) };
    },
  };
}

function int4Group(shape: GemmShape): Group {
  const problem = makeProblem(shape, 1, SEED);
  const lanes = [int4(problem, 32), int4(problem, 128), int8(problem, 'dynamic', 'float32', false)];
  return groupOf(shape, lanes, ['bf16', 'int8']);
}

export const int8Products = (scale: Scale): Family => ({
  title: 'int8 products',
  caption: [
    'Weights int8 with a scale for each column; s8s8, u8s8: activations with one scale and zero point; dynamic: float32 activations, ' +
      'quantized row by row in the call. All compare with torch._int_mm (int8 -> int32, without zero points; fewer than 17 rows padded).',
  ],
  comparisons: [X_TORCH],
  groups: SHAPES[scale].map((shape) => () => int8Group(shape)),
});

export const floatProducts = (scale: Scale): Family => ({
  title: 'float32 products',
  caption: [
    'tensorCores compare with tf32 and bf16 of torch.matmul, the others with its float32 (allow_tf32 off). Sums are float32.',
  ],
  comparisons: [X_TORCH],
  groups: SHAPES[scale].map((shape) => () => floatGroup(shape)),
});

export const int4Products = (scale: Scale): Family => ({
  title: 'products with weights of 4 bits in groups',
  caption: [
    'float32 in and out, activations quantized in the call. They compare with torch.matmul in bf16 and with our int8 weights.',
  ],
  comparisons: [X_TORCH, X_INT8],
  groups: GROUP_SHAPES[scale].map((shape) => () => int4Group(shape)),
});
