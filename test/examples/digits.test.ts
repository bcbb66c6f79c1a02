import { mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { load, save } from '../../examples/digits/cache';
import { measureSpeed, predict, verifyBatches, type Model } from '../../examples/digits/measure';
import { loadMnist, PIXELS, range, readIdx } from '../../examples/digits/mnist';
import { classify, countEqual, forward, packNetwork, toFloat, type Network } from '../../examples/digits/network';
import { forwardDynamic, forwardStatic, packDynamic, packStatic, quantizedPixels } from '../../examples/digits/quantized';
import { forwardSparse, packPruned, pruneNetwork } from '../../examples/digits/pruned';
import { compareSparse } from '../../examples/digits/sparse';
import { compareLowRank, parametersOf } from '../../examples/digits/lowrank';
import { formatTable } from '../../examples/digits/table';
import { HYPERPARAMETERS, train } from '../../examples/digits/train';

const mnist = loadMnist();
const TRAINING_IMAGES = 6000;
const TEST_IMAGES = 1000;
const SMALL = { ...HYPERPARAMETERS, sizes: [PIXELS, 30, 10], epochs: 1 };

let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'lowp-digits-'));
});

afterAll(() => {
  rmSync(folder, { recursive: true });
});

function percent(predicted: Uint8Array, labels: Uint8Array): number {
  return (100 * countEqual(predicted, labels)) / labels.length;
}

/** The weights as bytes: Jest would take seconds to compare as many numbers one by one. */
function bytesOf(network: Network | undefined): Buffer {
  const values = (network ?? []).flatMap(({ weights, bias }) => [weights.data, bias]);
  return Buffer.concat(values.map(({ buffer, byteOffset, byteLength }) => Buffer.from(buffer, byteOffset, byteLength)));
}

describe('digits > mnist', () => {
  it('has 60,000 and 10,000 images of every class', () => {
    expect([mnist.train.count, mnist.test.count]).toEqual([60000, 10000]);
    expect([...mnist.test.labels.subarray(0, 8)]).toEqual([7, 2, 1, 0, 4, 1, 4, 9]);
    expect(new Set(mnist.train.labels).size).toBe(10);
    expect(mnist.train.images.length).toBe(60000 * PIXELS);
  });

  it.each([
    ['a wrong magic number', [0, 0, 8, 2, 0, 0, 0, 2, 5, 6], 'magic number 2049'],
    ['too few bytes', [0, 0, 8, 1, 0, 0, 0, 3, 5, 6], 'Expected 11 bytes'],
    ['no header', [0, 0, 8], 'magic number 2049'],
  ])('refuses an idx file with %s', (_, bytes, message) => {
    const path = join(folder, 'idx');
    writeFileSync(path, Uint8Array.from(bytes));
    expect(() => readIdx(path, [])).toThrow(message);
  });
});

describe('digits > network', () => {
  const subset = range(mnist.train, 0, TRAINING_IMAGES);
  const test = range(mnist.test, 0, TEST_IMAGES);
  let network: Network;

  beforeAll(() => {
    network = train(subset, { ...HYPERPARAMETERS, epochs: 3 });
  });

  it('learns in float32, and int8 stays within half a point of it', () => {
    const x = toFloat(test.images);
    const logits = forward(packNetwork(network), x)[network.length - 1];
    const dynamic = forwardDynamic(packDynamic(network), x);
    const calibration = range(subset, 0, 1000).images;
    const accuracy = percent(classify(logits), test.labels);
    expect(accuracy).toBeGreaterThan(90);
    expect(Math.abs(percent(classify(dynamic), test.labels) - accuracy)).toBeLessThanOrEqual(0.5);
    for (const reduceRange of [false, true]) {
      const fixed = packStatic(network, calibration, reduceRange);
      const predicted = classify(forwardStatic(fixed, quantizedPixels(test.images)));
      expect(Math.abs(percent(predicted, test.labels) - accuracy)).toBeLessThanOrEqual(0.5);
    }
  });

  it('has uint8 between the layers of the static network', () => {
    const { hidden } = packStatic(network, range(subset, 0, 1000).images);
    expect(hidden.map(({ bias }) => bias)).toEqual([expect.any(Int32Array), expect.any(Int32Array)]);
    for (const { output } of hidden) expect(output).toEqual({ dtype: 'uint8', scale: expect.any(Number), zeroPoint: 0 });
  });

  it('pruned: int8 and sparse predict what dense does, blocks are stored in fewer bytes, and the table has a group', () => {
    const x = toFloat(test.images);
    const single = pruneNetwork(network, 0.8, 'unstructured');
    const blocks = pruneNetwork(network, 0.8, 'blocks');
    for (const [pruned, structure] of [
      [single, 'unstructured'],
      [blocks, 'blocks'],
    ] as const) {
      const zeros = pruned[0].weights.data.reduce((sum, w) => sum + (w === 0 ? 1 : 0), 0);
      expect(zeros / pruned[0].weights.data.length).toBeCloseTo(0.8, 2);
      expect(pruned[2].weights).toBe(network[2].weights);
      const dense = forward(packNetwork(pruned), x)[network.length - 1].data;
      const logits = forwardSparse(packPruned(pruned, structure, 'float32'), x).data;
      expect(logits.findIndex((v, i) => !(Math.abs(v - dense[i]) <= 1e-4))).toBe(-1);
      // Equal: the same codes, the same sums.
      const int8 = forwardSparse(packPruned(pruned, structure, 'int8'), x).data;
      expect(Buffer.from(int8.buffer).equals(Buffer.from(forwardDynamic(packDynamic(pruned), x).data.buffer))).toBe(true);
    }
    // 784 * 300 + 300 * 100 weights, 20 % of them with an index each, or one for four; 400 + 2 pointers; the last layer; biases.
    const nnz = packPruned(single, 'unstructured', 'float32').hidden.reduce((sum, { weights }) => sum + weights.nnz, 0);
    expect(nnz).toBe(47040 + 6000);
    const rest = 4 * (402 + 1000 + 410);
    expect(packPruned(single, 'unstructured', 'float32').bytes).toBe(8 * nnz + rest);
    expect(packPruned(blocks, 'blocks', 'float32').bytes).toBe(5 * nnz + 4 * (100 / 4 + 300 / 4 + 2 + 1000 + 410));
    const table = compareSparse(network, range(test, 0, 32), { sparsities: [0.9], batches: [1, 16] });
    expect(table).toMatch(/all weights\n {2}float32 +\d+\.\d\d % +0\.00 +1,066,440 +1\.00x/);
    expect(table).toContain('\n90 % removed\n');
    expect(table.split('\n').length).toBe(2 + 3 + 7);
  });

  it('takes its first layer as factors: as good as whole at the full rank', () => {
    expect(parametersOf(network, undefined)).toBe(266_610);
    expect(parametersOf(network, 10)).toBe(266_610 - 784 * 300 + 10 * (784 + 300));
    const table = compareLowRank(network, range(test, 0, 64), { ranks: [2, 300], batches: [1, 16] });
    expect(table).toMatch(/whole float32 +\d+\.\d\d % +0\.00 +266,610 +1\.00x/);
    expect(table).toMatch(/rank 300 float32 +\d+\.\d\d % +0\.00 +356,610 +1\.34x/);
    expect(table).toMatch(/ 300 {2} +0\.000\n/);
    expect(table).toContain('break-even rank 216');
  });

  it('gives the same logits at each batch size', () => {
    const fixed = packStatic(network, range(subset, 0, 1000).images);
    const run: Model['run'] = (from, to) => forwardStatic(fixed, quantizedPixels(range(test, from, to).images));
    const model = { name: 'int8 static', kernel: '', bytes: 0, run };
    verifyBatches(model, [1, 32, 100]);
    expect(predict(model, 100, 32)).toEqual(predict(model, 100, 100));
    expect(measureSpeed([model], 32, 100)).toEqual([expect.any(Number)]);
  });

  it('is trained to identical weights by the same seed, and to others by another', () => {
    const few = range(mnist.train, 0, 300);
    const once = bytesOf(train(few, SMALL));
    expect(bytesOf(train(few, SMALL)).equals(once)).toBe(true);
    expect(bytesOf(train(few, { ...SMALL, seed: 2 })).equals(once)).toBe(false);
  });

  it('is saved and loaded unchanged; a damaged file is not used', () => {
    const path = join(folder, 'weights.bin');
    expect(load(path, HYPERPARAMETERS.sizes)).toBeUndefined();
    save(path, network);
    const loaded = load(path, HYPERPARAMETERS.sizes);
    expect(bytesOf(loaded).equals(bytesOf(network))).toBe(true);
    expect(loaded?.map(({ weights }) => weights.shape)).toEqual(network.map(({ weights }) => weights.shape));
    expect(load(path, [PIXELS, 10])).toBeUndefined();
    const file = readFileSync(path);
    file[0] ^= 1;
    writeFileSync(path, file);
    expect(load(path, HYPERPARAMETERS.sizes)).toBeUndefined();
    save(path, network);
    truncateSync(path, 1000);
    expect(load(path, HYPERPARAMETERS.sizes)).toBeUndefined();
  });
});

describe('digits > table', () => {
  it('aligns names left and numbers right', () => {
    const rows = [
      ['', 'speed'],
      ['a', '1'],
      ['bcd', '1,234,567'],
    ];
    expect(formatTable(rows)).toBe(['         speed', '--------------', 'a            1', 'bcd  1,234,567'].join('\n'));
  });
});
