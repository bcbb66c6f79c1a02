/**
 * Trains a small network on handwritten digits, quantizes it in three ways, and compares accuracy, speed and size; with the argument
 * `sparse` it prunes it instead, with `lowrank` it makes factors of its first layer.
 */
import { runtime } from 'lowp';
import { relative } from 'node:path';
import { cachePath, trainOrLoad } from './cache';
import { measureSpeed, predict, verifyBatches, type Model } from './measure';
import { compareLowRank, RANKS } from './lowrank';
import { loadMnist, PIXELS, range, type Digits } from './mnist';
import { countEqual, countParameters, forward, packNetwork, toFloat, type Matrix, type Network } from './network';
import { forwardDynamic, forwardStatic, int8Bytes, packDynamic, packStatic, quantizedPixels } from './quantized';
import { compareSparse, SPARSITIES } from './sparse';
import { count, formatTable, ratio } from './table';
import { HYPERPARAMETERS } from './train';

const BATCHES = [1, 32, 1000];
const CALIBRATION_IMAGES = 1000;

function main(): void {
  const [mode, ...others] = process.argv.slice(2);
  if ((mode !== undefined && mode !== 'sparse' && mode !== 'lowrank') || others.length > 0) {
    console.error(`Expected sparse, lowrank or no argument but received ${process.argv.slice(2).join(' ')}`);
    process.exitCode = 1;
    return;
  }
  const { train, test } = loadMnist();
  const { sizes } = HYPERPARAMETERS;
  console.log(`digits    LeNet-300-100 (${sizes.join('-')}, ${count(countParameters(sizes))} parameters) on MNIST`);
  console.log(`machine   ${runtime.cpu.model}, ${runtime.isa}`);

  const network = trainWithProgress(train);

  runtime.threads = 1;
  if (mode === 'sparse') return showSparse(network, test);
  if (mode === 'lowrank') return showLowRank(network, test);
  const models = createModels(network, train, test);
  console.log(`kernels   ${[...new Set(models.map((model) => model.kernel))].join(', ')}`);
  console.log(`\n${compare(models, test)}\n`);
  console.log(
    `images/s  at batch sizes ${BATCHES.join(', ')}: median, one thread, output arrays reused. float32 and int8 dynamic`,
  );
  console.log('          read pixels that were converted to float32 beforehand; int8 static reads the bytes');
  console.log('7 bits    weights between -64 and 64, which AVX2 without VNNI multiplies faster');
  console.log('differ    predictions that are not those of float32');
  console.log('weights   as stored, with biases and scales');
}

function showSparse(network: Network, test: Digits): void {
  console.log('pruning   by magnitude, the same share of each hidden layer, without retraining; the last layer stays whole');
  console.log(`\n${compareSparse(network, test, { sparsities: SPARSITIES, batches: BATCHES })}\n`);
  console.log(`accuracy  on ${count(test.count)} test images; points: against float32 with all weights`);
  console.log(
    'weights   as stored: values of 4 bytes or 1; where they are sparse a column index (int32) for each value, or for each',
  );
  console.log('          block of 4, and row pointers (int32); with scales and biases');
  console.log(
    `images/s  at batch sizes ${BATCHES.join(', ')}: median, one thread, float32 pixels; int8 quantizes them in the call`,
  );
  console.log('4x1       other weights than CSR: removed in blocks of 4 outputs of one input');
}

function showLowRank(network: Network, test: Digits): void {
  console.log('low rank  the first layer as two factors, without retraining; the others whole');
  console.log(`\n${compareLowRank(network, test, { ranks: RANKS, batches: BATCHES })}\n`);
  console.log(`accuracy  on ${count(test.count)} test images; points: against float32 with all weights`);
  console.log(
    `images/s  at batch sizes ${BATCHES.join(', ')}: median, one thread; x: against the whole network of the same type`,
  );
}

function trainWithProgress(digits: Digits): Network {
  const { epochs } = HYPERPARAMETERS;
  const start = performance.now();
  const { network, cached } = trainOrLoad(digits, HYPERPARAMETERS, (epoch, loss) => {
    const seconds = ((performance.now() - start) / 1000).toFixed(1);
    const line = `training  epoch ${epoch} of ${epochs}, loss ${loss.toFixed(4)}, ${seconds} s, threads: ${runtime.threads}`;
    // On a terminal each epoch replaces the line of the one before.
    process.stdout.write(process.stdout.isTTY && epoch < epochs ? `${line}\r` : `${line}\n`);
  });
  const path = relative(process.cwd(), cachePath(digits));
  console.log(cached ? `training  done before: weights from ${path}` : `training  weights kept in ${path}`);
  return network;
}

/** Each one reads test images; their weights and output arrays are made here, once. */
function createModels(network: Network, train: Digits, test: Digits): Model[] {
  const floats = toFloat(test.images);
  const rows = (from: number, to: number): Matrix => ({
    data: floats.data.subarray(from * PIXELS, to * PIXELS),
    shape: [to - from, PIXELS],
  });
  const largestBatch = Math.max(...BATCHES);
  const outs = network.map(({ bias }) => new Float32Array(largestBatch * bias.length));
  const hidden = network.slice(0, -1).map(({ bias }) => new Uint8Array(largestBatch * bias.length));
  const logits = outs[outs.length - 1];

  const packed = packNetwork(network);
  const dynamic = packDynamic(network);
  const calibration = range(train, 0, CALIBRATION_IMAGES).images;
  const fixed = (name: string, reduceRange: boolean): Model => {
    const layers = packStatic(network, calibration, reduceRange);
    return {
      name,
      kernel: layers.last.weights.kernel,
      bytes: int8Bytes(network),
      run: (from, to) => forwardStatic(layers, quantizedPixels(range(test, from, to).images), { hidden, logits }),
    };
  };
  return [
    {
      name: 'float32',
      kernel: packed[0].weights.kernel,
      bytes: 4 * countParameters(HYPERPARAMETERS.sizes),
      run: (from, to) => forward(packed, rows(from, to), outs)[network.length - 1],
    },
    {
      name: 'int8 dynamic',
      kernel: dynamic[0].weights.kernel,
      bytes: int8Bytes(network),
      run: (from, to) => forwardDynamic(dynamic, rows(from, to), outs),
    },
    fixed('int8 static', false),
    fixed('int8 static, 7 bits', true),
  ];
}

function compare(models: readonly Model[], test: Digits): string {
  const predictions = models.map((model) => predict(model, test.count, Math.max(...BATCHES)));
  for (const model of models) verifyBatches(model, BATCHES);
  const speeds = BATCHES.map((batch) => measureSpeed(models, batch, test.count));
  const header = ['', 'accuracy', 'differ', 'weight bytes', '', ...BATCHES.flatMap((batch) => [`images/s at ${batch}`, ''])];
  const rows = models.map(({ name, bytes }, i) => [
    name,
    `${((100 * countEqual(predictions[i], test.labels)) / test.count).toFixed(2)} %`,
    count(test.count - countEqual(predictions[i], predictions[0])),
    count(bytes),
    ratio(bytes, models[0].bytes),
    ...speeds.flatMap((speed) => [count(speed[i]), ratio(speed[i], speed[0])]),
  ]);
  return formatTable([header, ...rows]);
}

main();
