/** Windows over contiguous arrays. Elements that lie side by side are taken together: one of NCHW, all channels of NHWC. */
import type { QuantizedOutput } from '../types';
import type { Typed8 } from '../native/binding';
import type { WindowSizes } from '../validate/conv';
import { highest, lowest } from '../validate/quantization';

const f32 = Math.fround;

export interface Pooling {
  readonly x: Float32Array | Typed8;
  readonly out: Float32Array | Typed8;
  readonly window: WindowSizes;
  readonly countIncludePad: boolean;
  /** Of x and of the result; undefined for float32. */
  readonly quantized: Required<QuantizedOutput> | undefined;
  readonly output: Required<QuantizedOutput> | undefined;
}

export function poolMaxima(pooling: Pooling): void {
  const { out, quantized } = pooling;
  const first = quantized === undefined ? -Infinity : lowest(quantized.dtype);
  forEachWindow(pooling, first, takeMaxima, (acc, to) => {
    for (let lane = 0; lane < acc.length; lane++) out[to + lane] = acc[lane];
  });
}

export function poolAverages(pooling: Pooling): void {
  const { out, quantized, output, countIncludePad } = pooling;
  forEachWindow(pooling, 0, addUp, (acc, to, inside, padded) => {
    const count = countIncludePad ? padded : inside;
    if (quantized === undefined || output === undefined) {
      for (let lane = 0; lane < acc.length; lane++) out[to + lane] = count === 0 ? 0 : acc[lane] / count;
      return;
    }
    const multiplier = count === 0 ? 0 : f32(quantized.scale / f32(output.scale * count));
    const zeros = inside * quantized.zeroPoint;
    const [lo, hi] = [lowest(output.dtype), highest(output.dtype)];
    for (let lane = 0; lane < acc.length; lane++) {
      const value = roundHalfEven(f32(f32(acc[lane] - zeros) * multiplier)) + output.zeroPoint;
      out[to + lane] = value < lo ? lo : value > hi ? hi : value;
    }
  });
}

/** Adding 1.5 * 2^52 rounds to a whole number, ties to even; a saturated result needs no more. */
function roundHalfEven(x: number): number {
  return Math.abs(x) > 512 ? x : x + 6755399441055744 - 6755399441055744;
}

type Take = (acc: Float64Array, x: Float32Array | Typed8, from: number) => void;

function takeMaxima(acc: Float64Array, x: Float32Array | Typed8, from: number): void {
  for (let lane = 0; lane < acc.length; lane++) {
    const v = x[from + lane];
    // NaN compares false with everything, so that it replaces any value and stays.
    if (!(acc[lane] > v) && acc[lane] === acc[lane]) acc[lane] = v;
  }
}

function addUp(acc: Float64Array, x: Float32Array | Typed8, from: number): void {
  for (let lane = 0; lane < acc.length; lane++) acc[lane] += x[from + lane];
}

type Store = (acc: Float64Array, to: number, inside: number, padded: number) => void;

/** `inside` counts the elements that a window has in x, `padded` those in x and its padding. */
function forEachWindow({ x, window }: Pooling, first: number, take: Take, store: Store): void {
  const { layout, batch, channels, height, width, outH, outW, strideH, strideW, dilationH, dilationW } = window;
  const [planes, lanes] = layout === 'NCHW' ? [batch * channels, 1] : [batch, channels];
  const acc = new Float64Array(lanes);
  let to = 0;
  for (let plane = 0; plane < planes; plane++) {
    const start = plane * height * width;
    for (let oh = 0; oh < outH; oh++) {
      const top = oh * strideH - window.padTop;
      const rows = within(top, window.kernelH, dilationH, height);
      const allRows = within(top + window.padTop, window.kernelH, dilationH, height + window.padTop + window.padBottom);
      for (let ow = 0; ow < outW; ow++) {
        const left = ow * strideW - window.padLeft;
        const columns = within(left, window.kernelW, dilationW, width);
        acc.fill(first);
        for (let i = rows.begin; i < rows.end; i++) {
          const row = start + (top + i * dilationH) * width + left;
          for (let j = columns.begin; j < columns.end; j++) take(acc, x, (row + j * dilationW) * lanes);
        }
        const inside = (rows.end - rows.begin) * (columns.end - columns.begin);
        const allColumns = within(left + window.padLeft, window.kernelW, dilationW, width + window.padLeft + window.padRight);
        store(acc, to, inside, (allRows.end - allRows.begin) * (allColumns.end - allColumns.begin));
        to += lanes;
      }
    }
  }
}

interface Range {
  readonly begin: number;
  readonly end: number;
}

/** The places i of a kernel at `origin` for which 0 <= origin + i * dilation < size. */
function within(origin: number, kernel: number, dilation: number, size: number): Range {
  const begin = origin < 0 ? Math.ceil(-origin / dilation) : 0;
  const end = Math.min(kernel, Math.ceil((size - origin) / dilation));
  return begin < end ? { begin, end } : { begin: 0, end: 0 };
}
