/**
 * The same quantized network for onnxruntime-node: its QGemm operator (8-bit product, int32 bias, requantization in one), which is
 * what its own optimizer makes of a quantized model. ReLU needs no operator: uint8 with zero point 0 stops at 0.
 */
import type { QuantizedTensor } from 'lowp';
import type { onnx } from 'onnx-proto';
import * as ort from 'onnxruntime-node';
import { PIXEL_SCALE, toInt32 } from '../../examples/digits/quantized';
import type { Predict } from '../../examples/service/model';
import { DataType, encodeModel, initializer, sessionOptions, valueInfo } from '../peers/onnx';
import type { QuantizedNetwork } from './network';

const DOMAIN = 'com.microsoft';

interface Part {
  readonly node: onnx.INodeProto;
  readonly constants: readonly onnx.ITensorProto[];
}

interface Layer {
  readonly input: string;
  readonly inputScale: number;
  readonly weights: QuantizedTensor;
  readonly bias: Int32Array;
  readonly output: string;
  /** Without it the output is float32. */
  readonly outputScale?: number;
}

function qgemm({ input, inputScale, weights, bias, output, outputScale }: Layer): Part {
  const n = weights.shape[1];
  const named = (name: string): string => `${output}.${name}`;
  const constants = [
    initializer(named('inputScale'), [], Float32Array.of(inputScale)),
    initializer(named('inputZero'), [], Uint8Array.of(0)),
    initializer(named('weights'), weights.shape, weights.data),
    initializer(
      named('weightScales'),
      [n],
      Float32Array.from({ length: n }, (_, i) => scaleOf(weights, i)),
    ),
    initializer(named('weightZeros'), [n], new Int8Array(n)),
    initializer(named('bias'), [n], bias),
  ];
  if (outputScale !== undefined) {
    constants.push(initializer(named('scale'), [], Float32Array.of(outputScale)));
    constants.push(initializer(named('zero'), [], Uint8Array.of(0)));
  }
  const inputs = [input, ...constants.map(({ name }) => name ?? '')];
  return { node: { opType: 'QGemm', domain: DOMAIN, input: inputs, output: [output] }, constants };
}

function scaleOf({ scale }: QuantizedTensor, column: number): number {
  return typeof scale === 'number' ? scale : scale[column];
}

/** `pixels` uint8 [batch, inputs] to `logits` float32 [batch, classes]. */
export function encodeNetwork({ hidden, last }: QuantizedNetwork): Uint8Array {
  const parts: Part[] = [];
  let [input, inputScale] = ['pixels', PIXEL_SCALE];
  for (const [i, { weights, bias, output }] of hidden.entries()) {
    const name = `hidden${i}`;
    parts.push(qgemm({ input, inputScale, weights, bias, output: name, outputScale: output.scale }));
    [input, inputScale] = [name, output.scale];
  }
  const bias = toInt32(last.bias, inputScale, last.weights);
  parts.push(qgemm({ input, inputScale, weights: last.weights, bias, output: 'logits' }));
  const graph = {
    name: 'network',
    node: parts.map(({ node }) => node),
    initializer: parts.flatMap(({ constants }) => constants),
    input: [valueInfo('pixels', DataType.UINT8, ['batch', (hidden[0] ?? last).weights.shape[0]])],
    output: [valueInfo('logits', DataType.FLOAT, ['batch', last.bias.length])],
  };
  return encodeModel(graph, [DOMAIN]);
}

export async function onnxruntimePredictor(network: QuantizedNetwork, threads: number, exact: boolean): Promise<Predict> {
  const session = await ort.InferenceSession.create(encodeNetwork(network), sessionOptions(threads, exact));
  const inputs = (network.hidden[0] ?? network.last).weights.shape[0];
  const classes = network.last.bias.length;
  return async (images) => {
    const count = images.length / inputs;
    const { logits } = await session.run({ pixels: new ort.Tensor('uint8', images, [count, inputs]) });
    return { data: logits.data as Float32Array, shape: [count, classes] };
  };
}
