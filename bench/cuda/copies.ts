/** Work that memory limits: copies, quantization, the way to the device and back; and what a call costs beside its work. */
import {
  cast,
  dequantize,
  packWeights,
  quantize,
  quantizedMatmul,
  quantizedMatmulAsync,
  toDevice,
  toHost,
  toHostAsync,
  type DeviceArray,
  type DeviceElements,
  type OnDevice,
  type QuantizedOutput,
} from 'lowp';
import { bell, bytes, randomBits } from '../inputs';
import { checkQuantized, makeProblem } from '../problem';
import { operations } from '../shapes';
import { X_TORCH } from './gemm';
import { poisoned, type Family, type Group, type Lane, type Scale } from './lane';

const SEED = 22;
const COLUMNS = 4096;
const ROWS: Readonly<Record<Scale, number>> = { full: 16384, quick: 8192, tiny: 2 };
const TO_BF16 = 'lowp cast float32 -> bfloat16';
const TO_FLOAT = 'lowp cast bfloat16 -> float32';
const TORCH_COPY = 'torch copy_';
const TORCH_QUANTIZE = 'torch quantize_per_tensor';
/** Elements at each end that are compared with the processor's. */
const ENDS = 8192;

/** Undefined if `got` equals `want` at both ends. */
function equalEnds(got: ArrayLike<number>, want: ArrayLike<number>): string | undefined {
  for (let i = 0; i < want.length; i += i === ENDS ? Math.max(1, want.length - 2 * ENDS) : 1) {
    if (!Object.is(got[i], want[i])) return `element ${i}: expected ${want[i]} but received ${got[i]}`;
  }
  return got.length === want.length ? undefined : `expected ${want.length} elements but received ${got.length}`;
}

type Outputs = Float32Array | Uint8Array | Uint16Array;

/** One elementwise call from `x` into room like `want`. */
function elementwise<X extends { readonly data: DeviceElements; readonly shape: readonly number[] }, T extends Outputs>(
  name: string,
  x: X,
  room: T,
  run: (x: OnDevice<X>, out: DeviceArray<T>) => unknown,
  want: () => T,
  rival?: string,
): Lane {
  return {
    name,
    bytes: x.data.byteLength + room.byteLength,
    rivals: rival === undefined ? {} : { [X_TORCH]: rival },
    open: (held) => {
      const there = toDevice(x);
      held.keep(there.data as unknown as DeviceArray);
      const out = held.keep(poisoned(room));
      return { run: () => run(there, out), check: () => equalEnds(toHost(out), want()) };
    },
  };
}

function copyGroup(scale: Scale): Group {
  const shape = [ROWS[scale], COLUMNS];
  const count = shape[0] * COLUMNS;
  const random = randomBits(SEED);
  const x = { data: bell(count, random), shape };
  const half = cast(x, { dtype: 'bfloat16' });
  const given = { dtype: 'uint8', scale: 0.03, zeroPoint: 120 } as const;
  const q = quantize(x, given);
  const columns = { dtype: 'uint8', axis: 1 } as const;
  const lanes: Lane[] = [
    elementwise(
      TO_BF16,
      x,
      new Uint16Array(count),
      (t, out) => cast(t, { dtype: 'bfloat16', out }),
      () => half.data,
    ),
    elementwise(
      TO_FLOAT,
      half,
      new Float32Array(count),
      (t, out) => cast(t, { dtype: 'float32', out }),
      () => {
        return cast(half, { dtype: 'float32' }).data;
      },
    ),
    elementwise(
      'lowp quantize, scale given',
      x,
      new Uint8Array(count),
      (t, out) => quantize(t, { ...given, out }),
      () => q.data,
      TORCH_QUANTIZE,
    ),
    elementwise(
      'lowp quantize, scale computed',
      x,
      new Uint8Array(count),
      (t, out) => quantize(t, { dtype: 'uint8', out }),
      () => {
        return quantize(x, { dtype: 'uint8' }).data;
      },
      TORCH_QUANTIZE,
    ),
    elementwise(
      'lowp quantize, scale per column',
      x,
      new Uint8Array(count),
      (t, out) => quantize(t, { ...columns, out }),
      () => {
        return quantize(x, columns).data;
      },
    ),
    elementwise(
      'lowp dequantize',
      q,
      new Float32Array(count),
      (t, out) => dequantize(t, { out }),
      () => dequantize(q).data,
    ),
  ];
  const name = `${shape.join('x')} elements`;
  const request = { kind: 'copy', elements: count };
  return { name, record: { elements: count }, lanes, request, ceiling: [TO_BF16, TO_FLOAT, TORCH_COPY] };
}

const NARROW = 16;

/** float32 activations, quantized row by row in a product so narrow that reading them is most of the work. */
function dynamicGroup(scale: Scale): Group {
  const shape = { m: ROWS[scale], n: NARROW, k: COLUMNS };
  const problem = makeProblem(shape, 1, SEED);
  const { x, weights } = problem;
  const { m, n, k } = shape;
  const lane: Lane = {
    name: 'lowp quantizedMatmul of float32',
    operations: operations(shape),
    bytes: 4 * (m * k + m * n) + k * n,
    open: (held) => {
      const [left, right] = [held.keep(toDevice(x)), held.keep(packWeights(weights, { device: 'cuda' }))];
      const out = held.keep(poisoned(new Float32Array(m * n)));
      const options = { out };
      return { run: () => quantizedMatmul(left, right, options), check: () => checkQuantized(problem, x, toHost(out)) };
    },
  };
  return { name: `rows of ${m}x${k}, N = ${n}`, record: shape, lanes: [lane] };
}

export const copies = (scale: Scale): Family => ({
  title: 'copy bandwidth, quantization',
  caption: [
    `The bandwidth that all tables give shares of: the fastest of ${TO_BF16.slice(5)}, back, and ${TORCH_COPY} where there is PyTorch, ` +
      'bytes read plus bytes written. A computed scale is waited for in each call; the shares count the input once, though it is read twice.',
  ],
  comparisons: [X_TORCH],
  groups: [() => copyGroup(scale), () => dynamicGroup(scale)],
});

function transferGroup(size: number): Group {
  const host = bytes(size, randomBits(SEED));
  const there = 'torch pageable to the device';
  const back = 'torch back';
  const open: Lane['open'] = (held) => {
    const kept = held.keep(toDevice(host));
    const out = new Uint8Array(size);
    return { run: () => toHost(kept, out), check: () => equalEnds(out, host) };
  };
  const lanes: Lane[] = [
    {
      ...{ name: 'lowp toDevice', bytes: size, rivals: { [X_TORCH]: there } },
      open: () => {
        let last: Uint8Array | undefined;
        // The first call is the one that is checked.
        const run = (): void => {
          const copied = toDevice(host);
          last ??= toHost(copied);
          copied.dispose();
        };
        return { run, check: () => equalEnds(last ?? [], host) };
      },
    },
    { name: 'lowp toHost', bytes: size, rivals: { [X_TORCH]: back }, open },
    {
      ...{ name: 'lowp toHostAsync', bytes: size, rivals: { [X_TORCH]: back }, awaited: true },
      open: (held) => {
        const kept = held.keep(toDevice(host));
        const out = new Uint8Array(size);
        return { run: () => toHostAsync(kept, out), check: () => equalEnds(out, host) };
      },
    },
  ];
  const name = size >= 2 ** 20 ? `${size / 2 ** 20} MiB` : `${size / 1024} KiB`;
  return { name, record: { size }, lanes, request: { kind: 'transfer', size } };
}

const SIZES: Readonly<Record<Scale, readonly number[]>> = {
  full: [2 ** 12, 2 ** 16, 2 ** 20, 2 ** 24, 2 ** 28],
  quick: [2 ** 12, 2 ** 26],
  tiny: [2 ** 12],
};

export const transfers = (scale: Scale): Family => ({
  title: 'host to device and back',
  caption: ['toDevice with the allocation and its end; toHost into an array that is given. Arrays of the host are pageable.'],
  comparisons: [X_TORCH],
  groups: SIZES[scale].map((size) => () => transferGroup(size)),
});

const SIDE = 16;

function tinyGroup(): Group {
  const shape = { m: SIDE, n: SIDE, k: SIDE };
  const problem = makeProblem(shape, 1, SEED);
  const { unsigned: a, weights, output } = problem;
  const count = SIDE * SIDE;
  const lane = (name: string, awaited: boolean, rival: string, made: (call: Prepared) => () => unknown): Lane => ({
    ...{ name: `lowp ${name}`, awaited, rivals: { [X_TORCH]: rival } },
    open: (held) => {
      const out = held.keep(poisoned(new Uint8Array(count)));
      const left = held.keep(toDevice(a));
      const right = held.keep(packWeights(weights, { device: 'cuda' }));
      const run = made({ left, right, options: { output, out } });
      return { run, check: () => checkQuantized(problem, a, toHost(out), { output }) };
    },
  });
  const copied = new Uint8Array(count);
  const lanes = [
    lane(
      'queued',
      false,
      'torch queued',
      ({ left, right, options }) =>
        () =>
          quantizedMatmul(left, right, options),
    ),
    lane('and back to the host', false, 'torch and back', ({ left, right, options }) => () => {
      quantizedMatmul(left, right, options);
      toHost(options.out, copied);
    }),
    lane(
      'awaited',
      true,
      'torch and back',
      ({ left, right, options }) =>
        () =>
          quantizedMatmulAsync(left, right, options),
    ),
  ];
  return { name: `${SIDE}x${SIDE}x${SIDE}`, record: shape, lanes, request: { kind: 'tiny', size: SIDE } };
}

interface Prepared {
  readonly left: Parameters<typeof quantizedMatmul>[0] & { readonly data: DeviceArray<Uint8Array> };
  readonly right: ReturnType<typeof packWeights>;
  readonly options: { readonly output: QuantizedOutput; readonly out: DeviceArray<Uint8Array> };
}

export const calls = (): Family => ({
  title: 'one tiny call',
  caption: ['An int8 product (in PyTorch a float32 one), operands on the device: queued; with its result copied back; awaited.'],
  comparisons: [X_TORCH],
  groups: [tinyGroup],
});
