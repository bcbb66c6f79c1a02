/** Layouts of images, and the matrix whose product with the weights is a convolution. */
import type { QuantizedTensor, Tensor } from 'lowp';

type Data = Float32Array | Int32Array | Int8Array | Uint8Array;

/** Each element of a row-major array where `axes` puts its dimensions: axes[i] is the old dimension that becomes dimension i. */
export function permuted<T extends Tensor<Data>>(t: T, axes: readonly number[]): T {
  const shape = axes.map((axis) => t.shape[axis]);
  const strides = t.shape.map((_, i) => t.shape.slice(i + 1).reduce((product, size) => product * size, 1));
  const data = t.data.slice();
  const position = shape.map(() => 0);
  for (let to = 0; to < data.length; to++) {
    data[to] = t.data[position.reduce((at, i, axis) => at + i * strides[axes[axis]], 0)];
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      position[axis] += 1;
      if (position[axis] < shape[axis]) break;
      position[axis] = 0;
    }
  }
  return { ...t, data, shape };
}

/** [N, C, H, W] as [N, H, W, C], also with one spatial dimension. */
export function toNhwc<T extends Tensor<Data>>(t: T): T {
  return permuted(t, t.shape.length === 4 ? [0, 2, 3, 1] : [0, 2, 1]);
}

export function toNchw<T extends Tensor<Data>>(t: T): T {
  return permuted(t, t.shape.length === 4 ? [0, 3, 1, 2] : [0, 2, 1]);
}

export interface Geometry {
  /** [kH, kW] */
  readonly kernel: readonly [number, number];
  readonly strides: readonly [number, number];
  readonly dilations: readonly [number, number];
  /** [top, left, bottom, right] */
  readonly padding: readonly [number, number, number, number];
}

/** [N * outH * outW, C * kH * kW] from x [N, C, H, W]: what lies under the kernel at each place, zero points where there is padding. */
export function im2col(x: QuantizedTensor<Uint8Array> & { readonly zeroPoint: number }, g: Geometry): QuantizedTensor {
  const [batch, channels, height, width] = x.shape;
  const [top, left, bottom, right] = g.padding;
  const [kernelH, kernelW] = g.kernel;
  const outH = Math.floor((height + top + bottom - (kernelH - 1) * g.dilations[0] - 1) / g.strides[0]) + 1;
  const outW = Math.floor((width + left + right - (kernelW - 1) * g.dilations[1] - 1) / g.strides[1]) + 1;
  const values: number[] = [];
  for (let n = 0; n < batch; n++) {
    for (let i = 0; i < outH; i++) {
      for (let j = 0; j < outW; j++) {
        for (let c = 0; c < channels; c++) {
          for (let p = 0; p < kernelH; p++) {
            for (let q = 0; q < kernelW; q++) {
              const [h, w] = [i * g.strides[0] - top + p * g.dilations[0], j * g.strides[1] - left + q * g.dilations[1]];
              const inside = h >= 0 && h < height && w >= 0 && w < width;
              values.push(inside ? x.data[((n * channels + c) * height + h) * width + w] : x.zeroPoint);
            }
          }
        }
      }
    }
  }
  return {
    data: Uint8Array.from(values),
    shape: [batch * outH * outW, channels * kernelH * kernelW],
    scale: x.scale,
    zeroPoint: x.zeroPoint,
  };
}
