/**
 * Windows over contiguous arrays. Results that lie side by side are made together, as lanes: a row of NCHW, all channels of one place of
 * NHWC. Of an image [64, 112, 112], windows of 3 by 3, stride 2, that takes 15 ms; one result after another took 37 to 78.
 */
import type { QuantizedOutput } from '../types';
import type { Typed8 } from '../native/binding';
import type { WindowSizes } from '../validate/conv';
import { highest, lowest } from '../validate/quantization';

const f32 = Math.fround;

type Values = Float32Array | Typed8;

export interface Pooling {
  readonly x: Values;
  readonly out: Values;
  readonly window: WindowSizes;
  readonly countIncludePad: boolean;
  /** Of x and of the result; undefined for float32. */
  readonly quantized: Required<QuantizedOutput> | undefined;
  readonly output: Required<QuantizedOutput> | undefined;
}

/** What becomes of `count` elements of x from `from` on, `step` apart: each meets the lane of its number, or all meet one lane. */
interface Reduction {
  readonly first: number;
  across(acc: Float64Array, lane: number, x: Values, from: number, step: number, count: number): void;
  along(acc: Float64Array, lane: number, x: Values, from: number, step: number, count: number): void;
}

// Math.max gives NaN where either is NaN, and needs no branch, which random values would mispredict.
const maximum = (first: number): Reduction => ({
  first,
  across(acc, lane, x, from, step, count) {
    for (let i = 0; i < count; i++) acc[lane + i] = Math.max(acc[lane + i], x[from + i * step]);
  },
  along(acc, lane, x, from, step, count) {
    let largest = acc[lane];
    for (let i = 0; i < count; i++) largest = Math.max(largest, x[from + i * step]);
    acc[lane] = largest;
  },
});

const SUM: Reduction = {
  first: 0,
  across(acc, lane, x, from, step, count) {
    for (let i = 0; i < count; i++) acc[lane + i] += x[from + i * step];
  },
  along(acc, lane, x, from, step, count) {
    let sum = acc[lane];
    for (let i = 0; i < count; i++) sum += x[from + i * step];
    acc[lane] = sum;
  },
};

export function poolMaxima(pooling: Pooling): void {
  const { out, quantized } = pooling;
  const lowestOfAll = quantized === undefined ? -Infinity : lowest(quantized.dtype);
  forEachLine(pooling, maximum(lowestOfAll), (acc, to) => {
    for (let lane = 0; lane < acc.length; lane++) out[to + lane] = acc[lane];
  });
}

export function poolAverages(pooling: Pooling): void {
  const { out, quantized, output, countIncludePad } = pooling;
  forEachLine(pooling, SUM, (acc, to, inside, padded) => {
    const counts = countIncludePad ? padded : inside;
    if (quantized === undefined || output === undefined) {
      for (let lane = 0; lane < acc.length; lane++) out[to + lane] = counts[lane] === 0 ? 0 : acc[lane] / counts[lane];
      return;
    }
    const [lo, hi] = [lowest(output.dtype), highest(output.dtype)];
    for (let lane = 0; lane < acc.length; lane++) {
      const count = counts[lane];
      const multiplier = count === 0 ? 0 : f32(quantized.scale / f32(output.scale * count));
      const sum = acc[lane] - inside[lane] * quantized.zeroPoint;
      const value = roundHalfEven(f32(f32(sum) * multiplier)) + output.zeroPoint;
      out[to + lane] = value < lo ? lo : value > hi ? hi : value;
    }
  });
}

/** Adding 1.5 * 2^52 rounds to a whole number, ties to even; a result that saturates anyway needs no rounding. */
function roundHalfEven(x: number): number {
  return Math.abs(x) > 512 ? x : x + 6755399441055744 - 6755399441055744;
}

/** `inside` has the number of elements that the window of each lane has in x, `padded` of those in x or its padding. */
type Store = (acc: Float64Array, to: number, inside: Float64Array, padded: Float64Array) => void;

function forEachLine(pooling: Pooling, reduction: Reduction, store: Store): void {
  const { layout, batch, channels, height, outH } = pooling.window;
  const { kernelH, strideH, dilationH, padTop, padBottom } = pooling.window;
  const images = layout === 'NCHW' ? batch * channels : batch;
  const line = layout === 'NCHW' ? rowOfNchw(pooling, reduction, store) : rowOfNhwc(pooling, reduction, store);
  for (let image = 0; image < images; image++) {
    for (let oh = 0; oh < outH; oh++) {
      const top = oh * strideH - padTop;
      const rows = within(top, kernelH, dilationH, height);
      const all = within(top + padTop, kernelH, dilationH, height + padTop + padBottom);
      line(image, oh, { first: image * height + top, ...rows }, all.count);
    }
  }
}

/** Rows of x that the windows of a row of results meet: first + i * dilationH for i from begin on, `count` of them. */
interface Rows extends Places {
  readonly first: number;
}

type Line = (image: number, oh: number, rows: Rows, paddedRows: number) => void;

function rowOfNchw({ x, window }: Pooling, reduction: Reduction, store: Store): Line {
  const { width, outH, outW, kernelW, strideW, dilationW, dilationH, padLeft, padRight } = window;
  const acc = new Float64Array(outW);
  const [inside, padded] = [new Float64Array(outW), new Float64Array(outW)];
  const columns = Array.from({ length: outW }, (_, ow) => within(ow * strideW - padLeft, kernelW, dilationW, width));
  const all = columns.map((_, ow) => within(ow * strideW, kernelW, dilationW, width + padLeft + padRight).count);
  // Of element j of the kernel: the results whose window has it in x.
  const lanes = Array.from({ length: kernelW }, (_, j) => within(j * dilationW - padLeft, outW, strideW, width));
  return (image, oh, rows, paddedRows) => {
    acc.fill(reduction.first);
    for (let i = rows.begin; i < rows.begin + rows.count; i++) {
      const row = (rows.first + i * dilationH) * width - padLeft;
      // The longer of the two is the inner loop: a window over all of x has one result a row.
      if (outW < kernelW) {
        for (let ow = 0; ow < outW; ow++) {
          const { begin, count } = columns[ow];
          reduction.along(acc, ow, x, row + ow * strideW + begin * dilationW, dilationW, count);
        }
      } else {
        for (let j = 0; j < kernelW; j++) {
          const { begin, count } = lanes[j];
          reduction.across(acc, begin, x, row + begin * strideW + j * dilationW, strideW, count);
        }
      }
    }
    for (let ow = 0; ow < outW; ow++) {
      inside[ow] = rows.count * columns[ow].count;
      padded[ow] = paddedRows * all[ow];
    }
    store(acc, (image * outH + oh) * outW, inside, padded);
  };
}

function rowOfNhwc({ x, window }: Pooling, reduction: Reduction, store: Store): Line {
  const { channels, width, outH, outW, kernelW, strideW, dilationW, dilationH, padLeft, padRight } = window;
  const acc = new Float64Array(channels);
  const [inside, padded] = [new Float64Array(channels), new Float64Array(channels)];
  return (image, oh, rows, paddedRows) => {
    for (let ow = 0; ow < outW; ow++) {
      const left = ow * strideW - padLeft;
      const columns = within(left, kernelW, dilationW, width);
      acc.fill(reduction.first);
      for (let i = rows.begin; i < rows.begin + rows.count; i++) {
        const row = (rows.first + i * dilationH) * width + left;
        for (let j = columns.begin; j < columns.begin + columns.count; j++) {
          reduction.across(acc, 0, x, (row + j * dilationW) * channels, 1, channels);
        }
      }
      inside.fill(rows.count * columns.count);
      padded.fill(paddedRows * within(left + padLeft, kernelW, dilationW, width + padLeft + padRight).count);
      store(acc, ((image * outH + oh) * outW + ow) * channels, inside, padded);
    }
  };
}

interface Places {
  readonly begin: number;
  readonly count: number;
}

/** The i from 0 to n - 1 for which 0 <= origin + i * step < size. */
function within(origin: number, n: number, step: number, size: number): Places {
  const begin = origin < 0 ? Math.ceil(-origin / step) : 0;
  const end = Math.min(n, Math.ceil((size - origin) / step));
  return begin < end ? { begin, count: end - begin } : { begin: 0, count: 0 };
}
