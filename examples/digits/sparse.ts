/** The network pruned more and more: accuracy, size and speed as dense and as sparse matrices, side by side. */
import { measureSpeed, predict, verifyBatches, type Model } from './measure';
import { PIXELS, type Digits } from './mnist';
import { countEqual, forward, packNetwork, toFloat, type Matrix, type Network } from './network';
import { packPruned, forwardSparse, pruneNetwork, type Dtype, type Structure } from './pruned';
import { forwardDynamic, int8Bytes, packDynamic } from './quantized';
import { count, formatTable, ratio } from './table';

export const SPARSITIES = [0.5, 0.7, 0.8, 0.9, 0.95];
const ROUNDS = 11;

export interface SparseOptions {
  readonly sparsities: readonly number[];
  readonly batches: readonly number[];
}

/** One table: a group of rows for each sparsity. */
export function compareSparse(network: Network, test: Digits, { sparsities, batches }: SparseOptions): string {
  const largestBatch = Math.max(...batches);
  const floats = toFloat(test.images);
  const outs = network.map(({ bias }) => new Float32Array(largestBatch * bias.length));
  const rows = (from: number, to: number): Matrix => ({
    data: floats.data.subarray(from * PIXELS, to * PIXELS),
    shape: [to - from, PIXELS],
  });
  const accuracyOf = (model: Model): number => countEqual(predict(model, test.count, largestBatch), test.labels) / test.count;
  const whole = accuracyOf(denseModels(network, rows, outs)[0]);
  const groups = [0, ...sparsities].map((sparsity) => {
    const models = sparsity === 0 ? denseModels(network, rows, outs) : modelsOf(network, sparsity, rows, outs);
    for (const model of models) verifyBatches(model, batches);
    const speeds = batches.map((batch) => measureSpeed(models, batch, test.count, ROUNDS));
    const lines = models.map((model, i) => {
      const accuracy = accuracyOf(model);
      return [
        `  ${model.name}`,
        `${(100 * accuracy).toFixed(2)} %`,
        (100 * (accuracy - whole)).toFixed(2),
        count(model.bytes),
        ratio(model.bytes, models[0].bytes),
        ...speeds.flatMap((speed) => [count(speed[i]), ratio(speed[i], speed[0])]),
      ];
    });
    const title = sparsity === 0 ? 'all weights' : `${Math.round(100 * sparsity)} % removed`;
    return [[title, ...lines[0].slice(1).map(() => '')], ...lines];
  });
  const speedTitles = batches.flatMap((batch) => [`images/s at ${batch}`, '']);
  return formatTable([['', 'accuracy', 'points', 'weight bytes', '', ...speedTitles], ...groups.flat()]);
}

type Rows = (from: number, to: number) => Matrix;

function denseModels(network: Network, rows: Rows, outs: readonly Float32Array[]): Model[] {
  const packed = packNetwork(network);
  const dynamic = packDynamic(network);
  return [
    {
      name: 'float32',
      kernel: packed[0].weights.kernel,
      bytes: network.reduce((sum, { weights, bias }) => sum + 4 * (weights.data.length + bias.length), 0),
      run: (from, to) => forward(packed, rows(from, to), outs)[network.length - 1],
    },
    {
      name: 'int8',
      kernel: dynamic[0].weights.kernel,
      bytes: int8Bytes(network),
      run: (from, to) => forwardDynamic(dynamic, rows(from, to), outs),
    },
  ];
}

function modelsOf(network: Network, sparsity: number, rows: Rows, outs: readonly Float32Array[]): Model[] {
  const single = pruneNetwork(network, sparsity, 'unstructured');
  const blocks = pruneNetwork(network, sparsity, 'blocks');
  const sparse = (name: string, pruned: Network, structure: Structure, dtype: Dtype): Model => {
    const packed = packPruned(pruned, structure, dtype);
    const { kernel } = packed.hidden[0].weights;
    const run: Model['run'] = (from, to) => forwardSparse(packed, rows(from, to), outs);
    return { name: `${name} ${dtype}`, kernel, bytes: packed.bytes, run };
  };
  return [
    ...denseModels(single, rows, outs),
    sparse('CSR', single, 'unstructured', 'float32'),
    sparse('CSR', single, 'unstructured', 'int8'),
    sparse('4x1', blocks, 'blocks', 'float32'),
    sparse('4x1', blocks, 'blocks', 'int8'),
  ];
}
