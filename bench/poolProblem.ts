/** Poolings of networks, from text files; what all contenders pool, and what their results should be. */
import * as reference from 'lowp/reference';
import type { AveragePool2dOptions, ConvLayout, QuantizedTensor, Tensor } from 'lowp';
import { toNhwc } from './convProblem';
import { bell, bytes, randomBits } from './inputs';
import { readLines } from './shapes';

const KINDS = ['max', 'average', 'global'] as const;
export type PoolKind = (typeof KINDS)[number];
export type PoolOperands = 'f32' | 'u8';

/** A square window; of a global pooling the whole image. */
export interface PoolShape {
  readonly kind: PoolKind;
  readonly channels: number;
  readonly height: number;
  readonly width: number;
  readonly kernel: number;
  readonly stride: number;
  readonly padding: number;
}

export interface PoolProblem {
  readonly shape: PoolShape;
  readonly threads: number;
  /** [1, C, H, W] */
  readonly x: Tensor<Float32Array>;
  readonly quantized: QuantizedTensor<Uint8Array> & { readonly scale: number; readonly zeroPoint: number };
  /** NCHW, computed once. */
  readonly expected: Readonly<Record<PoolOperands, () => Float32Array | Uint8Array>>;
}

const FORMAT = 'kind channels height width kernel stride padding';

export function readPools(path: string, quick: boolean): PoolShape[] {
  const marked = readLines(path, FORMAT, (text) => {
    const match = /^(max|average|global)((?:\s+\d+){6})\s*(\*?)$/.exec(text);
    const kind = KINDS.find((name) => name === match?.[1]);
    if (match === null || kind === undefined) return undefined;
    const [channels, height, width, kernel, stride, padding] = match[2].trim().split(/\s+/).map(Number);
    const shape = { kind, channels, height, width, kernel, stride, padding };
    return [channels, kernel, stride, ...poolSize(shape)].every((n) => n >= 1) ? [{ shape, quick: match[3] === '*' }] : undefined;
  });
  return marked.filter((line) => !quick || line.quick).map(({ shape }) => shape);
}

/** `max 3x3 64 @112 s2`, `global 2048 @7`. */
export function poolName({ kind, channels, height, width, kernel, stride }: PoolShape): string {
  const at = `${channels} @${height === width ? height : `${height}x${width}`}`;
  return kind === 'global' ? `global ${at}` : `${kind} ${kernel}x${kernel} ${at}${stride > 1 ? ` s${stride}` : ''}`;
}

/** [height, width] of the result. */
export function poolSize({ kind, height, width, kernel, stride, padding }: PoolShape): [number, number] {
  const along = (size: number): number => Math.floor((size + 2 * padding - kernel) / stride) + 1;
  return kind === 'global' ? [1, 1] : [along(height), along(width)];
}

/** Elements of x and y, each once. */
export function poolElements(shape: PoolShape): number {
  const [h, w] = poolSize(shape);
  return shape.channels * (shape.height * shape.width + h * w);
}

export function poolOptions({ kernel, stride, padding }: PoolShape): AveragePool2dOptions {
  return { kernel, strides: stride, padding };
}

export function makePoolProblem(shape: PoolShape, threads: number, seed: number): PoolProblem {
  const random = randomBits(seed);
  const sizes = [1, shape.channels, shape.height, shape.width];
  const count = shape.channels * shape.height * shape.width;
  const x = { data: bell(count, random), shape: sizes };
  const quantized = { data: bytes(count, random), shape: sizes, scale: 0.02, zeroPoint: 120 };
  const options = poolOptions(shape);
  const pool = (image: Tensor<Float32Array> | QuantizedTensor): Float32Array | Uint8Array => {
    if (shape.kind === 'max') return reference.maxPool2d(image, options).data as Float32Array | Uint8Array;
    if (shape.kind === 'global') return reference.globalAveragePool2d(image).data as Float32Array | Uint8Array;
    return reference.averagePool2d(image, options).data as Float32Array | Uint8Array;
  };
  return { shape, threads, x, quantized, expected: { f32: once(() => pool(x)), u8: once(() => pool(quantized)) } };
}

/** Computed once, when it is first asked for. */
function once<T>(compute: () => T): () => T {
  let value: T | undefined;
  return () => (value ??= compute());
}

/**
 * Undefined if y is the pooling, else what is wrong. `units`: by how much 8-bit values may differ; float32 by the rounding of a sum of
 * as many elements as the window has.
 */
export function checkPool(
  problem: PoolProblem,
  operands: PoolOperands,
  y: Float32Array | Uint8Array,
  layout: ConvLayout,
  units = 0,
): string | undefined {
  const { shape } = problem;
  const [h, w] = poolSize(shape);
  const want = problem.expected[operands]();
  const ordered = layout === 'NHWC' ? toNhwc({ data: want, shape: [1, shape.channels, h, w] }).data : want;
  const taps = shape.kind === 'global' ? shape.height * shape.width : shape.kernel ** 2;
  const tolerance = operands === 'u8' ? units : shape.kind === 'max' ? 0 : taps * 2 ** -23;
  const wrong = ordered.findIndex((v, i) => !(Math.abs(v - y[i]) <= tolerance));
  return wrong < 0 ? undefined : `element ${wrong} is ${y[wrong]}, expected ${ordered[wrong]}`;
}
