/** The network with its first layer, nine tenths of all weights, as two factors of lower and lower rank. */
import { lowRank, type LowRankWeights, type PackedWeights } from 'lowp';
import { measureSpeed, predict, verifyBatches, type Model } from './measure';
import { PIXELS, type Digits } from './mnist';
import { countEqual, forward, packNetwork, toFloat, type Layer, type Matrix, type Network } from './network';
import { forwardDynamic, packDynamic } from './quantized';
import { count, formatTable, ratio } from './table';

export const RANKS = [4, 8, 16, 24, 32, 48, 64, 96, 128];
const ROUNDS = 11;
const BAR = 50;

export interface LowRankOptions {
  readonly ranks: readonly number[];
  readonly batches: readonly number[];
}

interface Line {
  /** Of the first layer; undefined: whole. */
  readonly low: LowRankWeights | undefined;
  readonly models: readonly [float32: Model, int8: Model];
}

/** A table with a group for each rank, the error of the first layer over the rank as bars, and what the largest rank explains. */
export function compareLowRank(network: Network, test: Digits, { ranks, batches }: LowRankOptions): string {
  const floats = toFloat(test.images);
  const largest = Math.max(...batches);
  const outs = network.map(({ bias }) => new Float32Array(largest * bias.length));
  const rows = (from: number, to: number): Matrix => ({
    data: floats.data.subarray(from * PIXELS, to * PIXELS),
    shape: [to - from, PIXELS],
  });
  const lines = [undefined, ...ranks].map((rank) => lineOf(network, rank, rows, outs));
  const accuracyOf = (model: Model): number => countEqual(predict(model, test.count, largest), test.labels) / test.count;
  const whole = accuracyOf(lines[0].models[0]);
  const parameters = (line: Line): number => parametersOf(network, line.low?.rank);
  const speeds = batches.map((batch) => {
    const models = lines.flatMap((line) => line.models);
    for (const model of models) verifyBatches(model, [batch]);
    return measureSpeed(models, batch, test.count, ROUNDS);
  });
  const header = ['', 'accuracy', 'points', 'parameters', '', ...batches.flatMap((batch) => [`images/s at ${batch}`, ''])];
  const body = lines.flatMap((line, i) =>
    line.models.map((model, j) => {
      const accuracy = accuracyOf(model);
      return [
        `${line.low === undefined ? 'whole' : `rank ${line.low.rank}`} ${model.name}`,
        `${(100 * accuracy).toFixed(2)} %`,
        (100 * (accuracy - whole)).toFixed(2),
        count(parameters(line)),
        ratio(parameters(line), parameters(lines[0])),
        ...speeds.flatMap((speed) => [count(speed[2 * i + j]), ratio(speed[2 * i + j], speed[j])]),
      ];
    }),
  );
  const bars = lines.flatMap(({ low }) => (low === undefined ? [] : [barOf(low)]));
  const last = lines[lines.length - 1].low;
  return [
    formatTable([header, ...body]),
    '',
    'relative error of the first layer (Frobenius) over the rank',
    ...bars,
    ...(last === undefined ? [] : ['', last.explain([...batches])]),
  ].join('\n');
}

function barOf({ rank, error }: LowRankWeights): string {
  return `${String(rank).padStart(4)}  ${'#'.repeat(Math.round(BAR * error)).padEnd(BAR)}  ${error.toFixed(3)}`;
}

/** Weights and biases; the first layer as factors where there is a rank. */
export function parametersOf(network: Network, rank: number | undefined): number {
  return network.reduce((sum, { weights: { shape }, bias }, i) => {
    const [inputs, outputs] = shape;
    return sum + bias.length + (i === 0 && rank !== undefined ? rank * (inputs + outputs) : inputs * outputs);
  }, 0);
}

type Rows = (from: number, to: number) => Matrix;

function lineOf(network: Network, rank: number | undefined, rows: Rows, outs: readonly Float32Array[]): Line {
  const floats = packNetwork(network);
  const bytes = packDynamic(network);
  const { weights, bias } = network[0];
  const low = rank === undefined ? undefined : lowRank(weights, { rank });
  const first: Layer<PackedWeights> = { weights: low ?? floats[0].weights, bias };
  const firstBytes = rank === undefined ? bytes[0].weights : lowRank(weights, { rank, dtype: 'int8' });
  const size = parametersOf(network, rank);
  const { kernel } = first.weights;
  return {
    low,
    models: [
      {
        ...{ name: 'float32', kernel, bytes: 4 * size },
        run: (from, to) => forward([first, ...floats.slice(1)], rows(from, to), outs)[network.length - 1],
      },
      {
        ...{ name: 'int8', kernel: firstBytes.kernel, bytes: size },
        run: (from, to) => forwardDynamic([{ weights: firstBytes, bias }, ...bytes.slice(1)], rows(from, to), outs),
      },
    ],
  };
}
