/** Convolutions, element by element: the sum is written where it is made. */
import type {
  AsyncOptions,
  Conv2dOptions,
  MatmulOutput,
  QuantizedConv2dOptions,
  QuantizedMatmulResult,
  QuantizedTensor,
  Tensor,
} from '../types';
import { activationOf } from './activation';
import { allocate, checkDepth, checkEpilogue, epilogue } from './epilogue';
import { contiguousStrides, product } from './layout';
import { dtypeOf } from './numbers';
import { PackedConv2d, parametersOf, type ConvParameters } from './packConv2d';
import { refuse } from './refuse';
import { residualOf, type ReadResidual } from './residual';
import { reach } from './rows';
import { imagesOf, positions, shapeOf, windowOf, type Images } from './window';

const f32 = Math.fround;

type Bytes = Int8Array | Uint8Array;
type QuantizedOptions<O> = QuantizedConv2dOptions & { readonly output?: O };

/** What the overload narrows to QuantizedMatmulResult<O>. */
type AnyResult = Tensor<Float32Array | Int32Array | Bytes> & Partial<Pick<QuantizedTensor, 'scale' | 'zeroPoint'>>;

/** The sum in float64, rounded once to float32; then + bias, + residual in float32, then the activation. */
export function conv2d(
  x: Tensor<Float32Array>,
  weights: Tensor<Float32Array> | PackedConv2d,
  options: Conv2dOptions = {},
): Tensor<Float32Array> {
  const p = readParameters(weights, options, 4) as ConvParameters<Float32Array>;
  const plan = planOf(x, p, options);
  const data = options.out ?? new Float32Array(product(plan.shape));
  const activate = activationOf(options.activation);
  const residual = residualOf(options.residual, plan.shape);
  const bias = p.bias as Float32Array | undefined;
  forEachOutput(plan, p, (o, index, terms) => {
    let sum = 0;
    for (const { x: from, w } of terms) sum += x.data[from] * p.data[w];
    let v = f32(sum);
    if (bias !== undefined) v = f32(v + bias[o]);
    if (residual !== undefined) v = f32(v + residual(index));
    data[index] = activate(v);
  });
  return { data, shape: plan.shape };
}

/** The exact sum of (x - its zero point) * (w - its zero point); then as in `quantizedMatmul`. Padding is x's zero point, so adds nothing. */
export function quantizedConv2d<O extends MatmulOutput = 'float32'>(
  x: QuantizedTensor,
  weights: QuantizedTensor | PackedConv2d,
  options?: QuantizedOptions<O>,
): QuantizedMatmulResult<O>;
export function quantizedConv2d(
  x: QuantizedTensor,
  weights: QuantizedTensor | PackedConv2d,
  options: QuantizedConv2dOptions = {},
): AnyResult {
  const { scale, zeroPoint } = x;
  if (typeof scale !== 'number' || typeof zeroPoint !== 'number') {
    throw refuse('ERR_LOWP_VALUE', 'Expected one scale and one zero point for x but received an axis');
  }
  const output: MatmulOutput = options.output ?? 'float32';
  const p = readParameters(weights, options, 1) as ConvParameters<Bytes>;
  const { bias } = p;
  const plan = planOf(x, p, options);
  checkEpilogue(false, output, { ...options, bias });
  const step = reach(Int32Array.of(zeroPoint), dtypeOf(x.data)) * reach(p.zeros, dtypeOf(p.data));
  checkDepth(p.perGroup * product(p.kernel), step, bias, 'I / groups * kH * kW');

  const { shape } = plan;
  const data = options.out ?? allocate(output, product(shape));
  const residual = residualOf(options.residual, shape);
  // By index of the result, which the epilogue counts row by row: one channel a row, so that its n is the channel.
  const read: ReadResidual | undefined = residual && ((index) => residual(Math.floor(index / p.outChannels)));
  const finish = epilogue(output, { ...options, bias }, { n: p.outChannels, scales: p.scales }, read);
  forEachOutput(plan, p, (o, index, terms) => {
    let sum = 0;
    for (const { x: from, w } of terms) sum += (x.data[from] - zeroPoint) * (p.data[w] - p.zeros[o]);
    data[index] = finish(sum, f32(scale), index, o);
  });
  const result = { data, shape };
  return typeof output === 'string' ? result : { ...result, scale: f32(output.scale), zeroPoint: output.zeroPoint ?? 0 };
}

/** The same, at once; the promise only matches the signature. */
export async function conv2dAsync(
  x: Tensor<Float32Array>,
  weights: Tensor<Float32Array> | PackedConv2d,
  options: Conv2dOptions & AsyncOptions = {},
): Promise<Tensor<Float32Array>> {
  options.signal?.throwIfAborted();
  return conv2d(x, weights, options);
}

/** The same, at once; the promise only matches the signature. */
export async function quantizedConv2dAsync<O extends MatmulOutput = 'float32'>(
  x: QuantizedTensor,
  weights: QuantizedTensor | PackedConv2d,
  options: QuantizedOptions<O> & AsyncOptions = {},
): Promise<QuantizedMatmulResult<O>> {
  options.signal?.throwIfAborted();
  return quantizedConv2d<O>(x, weights, options);
}

function readParameters(
  weights: Tensor<Float32Array> | QuantizedTensor | PackedConv2d,
  options: Conv2dOptions | QuantizedConv2dOptions,
  bytesPerElement: number,
): ConvParameters {
  const p = weights instanceof PackedConv2d ? weights.parameters() : parametersOf(weights, options);
  if (p.data.BYTES_PER_ELEMENT === bytesPerElement) return p;
  throw refuse('ERR_LOWP_TYPE', `Expected ${bytesPerElement === 4 ? 'float32' : 'quantized'} weights but received other ones`);
}

interface Plan {
  readonly images: Images;
  readonly window: ReturnType<typeof windowOf>;
  readonly shape: number[];
  readonly layout: Conv2dOptions['layout'];
}

function planOf(x: Tensor<unknown>, p: ConvParameters, options: Conv2dOptions | QuantizedConv2dOptions): Plan {
  const { layout } = options;
  const images = imagesOf(x, layout);
  if (images.spatial !== p.spatial) {
    throw refuse('ERR_LOWP_SHAPE', `Expected ${x.shape.length} dimensions (those of x) for weights.shape`);
  }
  if (images.channels !== p.perGroup * p.groups) {
    const want = `${p.perGroup * p.groups} (${p.perGroup} * groups ${p.groups})`;
    throw refuse('ERR_LOWP_SHAPE', `Expected ${want} for the channels of x but received ${images.channels}`);
  }
  const window = windowOf(images, p.kernel, options);
  return { images, window, layout, shape: shapeOf(layout, images.batch, p.outChannels, window.spatial) };
}

/** Indices of one product in the data of x and of the weights. */
interface Term {
  readonly x: number;
  readonly w: number;
}

/** Calls `visit` for each element of the result with its channel, its index and the products that it is the sum of. */
function forEachOutput(
  { images, window: { h, w, spatial }, shape, layout }: Plan,
  { perGroup, outChannels, groups, kernel }: ConvParameters,
  visit: (o: number, index: number, terms: readonly Term[]) => void,
): void {
  const result = imagesOf({ data: undefined, shape, strides: contiguousStrides(shape) }, layout);
  if (spatial.includes(0)) return;
  for (let n = 0; n < images.batch; n++) {
    for (let oh = 0; oh < h.out; oh++) {
      const rows = positions(h, oh);
      for (let ow = 0; ow < w.out; ow++) {
        const columns = positions(w, ow);
        for (let o = 0; o < outChannels; o++) {
          const first = Math.floor(o / (outChannels / groups)) * perGroup;
          const terms: Term[] = [];
          for (let c = 0; c < perGroup; c++) {
            for (const row of rows) {
              for (const column of columns) {
                const place = ((o * perGroup + c) * kernel[0] + row.i) * kernel[1] + column.i;
                terms.push({ x: images.at(n, first + c, row.at, column.at), w: place });
              }
            }
          }
          visit(o, result.at(n, o, oh, ow), terms);
        }
      }
    }
  }
}
