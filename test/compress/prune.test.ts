/** `magnitudePrune`: hand-worked cases, ties, and random weights against a full sort. */
import { csrFromDense, csrToDense, magnitudePrune, type PruneOptions, type Tensor } from 'lowp';
import { expectSame } from '../helpers/compare';
import { expectThrows, wrong, type Fragment } from '../helpers/failures';
import { Random } from '../helpers/random';

const row = (...values: number[]): Tensor<Float32Array> => ({ data: Float32Array.from(values), shape: [values.length] });
const kept = (weights: Tensor<Float32Array>, options: PruneOptions): number[] => [...magnitudePrune(weights, options).mask.data];

describe('unstructured', () => {
  test('threshold: magnitudes of this or less go; the input stays', () => {
    const weights = row(0.5, -0.5, 0.75, -2, 0);
    expect(magnitudePrune(weights, { threshold: 0.5 })).toEqual({
      weights: { data: Float32Array.of(0, 0, 0.75, -2, 0), shape: [5] },
      mask: { data: Uint8Array.of(0, 0, 1, 1, 0), shape: [5] },
      sparsity: 0.6,
    });
    expect(weights.data[0]).toBe(0.5);
    expect(magnitudePrune(weights, { threshold: 0.5, structure: 'unstructured' }).sparsity).toBe(0.6);
  });

  test('sparsity: floor(0.5 * 5) of the smallest, of equal ones the first', () => {
    expect(kept(row(1, -1, 1, 3, 1), { sparsity: 0.5 })).toEqual([0, 0, 1, 1, 1]);
    expect(kept(row(2, 1, -1, 3, 1), { sparsity: 0.5 })).toEqual([1, 0, 0, 1, 1]);
    expect(magnitudePrune(row(2, 1, -1, 3, 1), { sparsity: 0.5 }).sparsity).toBe(0.4);
  });

  test('sparsity 0 and 1; zeros are weights like others', () => {
    expect(kept(row(0, 1), { sparsity: 0 })).toEqual([1, 1]);
    expect(kept(row(0, Infinity), { sparsity: 1 })).toEqual([0, 0]);
    expect(kept(row(0, -0, 0, 4), { sparsity: 0.5 })).toEqual([0, 0, 1, 1]);
  });

  test('stdFactor: mean 1, deviation 2, so that 2 and less go', () => {
    expect(kept(row(-1, 3, -1, 3), { stdFactor: 1 })).toEqual([0, 1, 0, 1]);
    expect(kept(row(-1, 3, -1, 3), { stdFactor: 1.5 })).toEqual([0, 0, 0, 0]);
  });

  test('three dimensions, rows 3 apart', () => {
    const weights = { data: Float32Array.of(1, 2, 9, 3, 4, 9, 5, 6, 9, 7, 8), shape: [2, 2, 2], strides: [6, 3, 1] };
    const pruned = magnitudePrune(weights, { sparsity: 0.25 });
    expect(pruned.weights).toEqual({ data: Float32Array.of(0, 0, 3, 4, 5, 6, 7, 8), shape: [2, 2, 2] });
  });

  test('nothing to prune', () => {
    expect(magnitudePrune({ data: new Float32Array(0), shape: [0, 3] }, { sparsity: 0.5 }).sparsity).toBe(0);
    expect(magnitudePrune({ data: new Float32Array(0), shape: [3, 0] }, { stdFactor: 1 }).mask.shape).toEqual([3, 0]);
    expect(magnitudePrune({ data: Float32Array.of(3), shape: [] }, { threshold: 4 }).sparsity).toBe(1);
  });

  test.each([0.1, 0.5, 0.9, 0.999])('random > sparsity %d, as a stable sort has it', (sparsity) => {
    const random = new Random(`prune ${sparsity}`);
    // Few digits, so that there are ties; denormals and infinities too.
    const data = random.fill(new Float32Array(3000), () => Math.round(random.normal() * 20) / 16);
    data.set([1e-44, -1e-45, Infinity, -Infinity, 3e38], 100);
    const order = Array.from(data.keys()).sort((i, j) => {
      const [x, y] = [Math.abs(data[i]), Math.abs(data[j])];
      return x === y ? i - j : x - y;
    });
    const want = new Uint8Array(3000).fill(1);
    for (const i of order.slice(0, Math.floor(sparsity * 3000))) want[i] = 0;
    const pruned = magnitudePrune({ data, shape: [30, 100] }, { sparsity });
    expectSame(pruned.mask.data, want, 'mask');
    expectSame(
      pruned.weights.data,
      data.map((v, i) => (want[i] === 1 ? v : 0)),
      'weights',
    );
    expectSame(csrToDense(csrFromDense(pruned.weights)).data, pruned.weights.data, 'csr');
  });
});

describe('blocks', () => {
  test('1x2 of [1 1 2 0; 0 0 3 3]: mean squares 1, 2, 0, 9', () => {
    const weights = { data: Float32Array.of(1, 1, 2, 0, 0, 0, 3, 3), shape: [2, 4] };
    expect(kept(weights, { sparsity: 0.5, structure: { block: [1, 2] } })).toEqual([0, 0, 1, 1, 0, 0, 1, 1]);
    // Magnitude sqrt(2), not the largest element nor the norm 2.
    expect(kept(weights, { threshold: 1.5, structure: { block: [1, 2] } })).toEqual([0, 0, 0, 0, 0, 0, 1, 1]);
  });

  test('smaller blocks at the edges compete by their mean', () => {
    // Blocks of 2x2 of 3x3: [2 2; 2 2], [3; 3], [1 1], [1.5].
    const weights = { data: Float32Array.of(2, 2, 3, 2, 2, 3, 1, 1, 1.5), shape: [3, 3] };
    const pruned = magnitudePrune(weights, { sparsity: 0.5, structure: { block: [2, 2] } });
    expect([...pruned.mask.data]).toEqual([1, 1, 1, 1, 1, 1, 0, 0, 0]);
    expect(pruned.sparsity).toBe(3 / 9);
  });

  test('equal blocks: the first goes', () => {
    const weights = { data: new Float32Array(8).fill(1), shape: [4, 2] };
    expect(kept(weights, { sparsity: 0.5, structure: { block: [2, 1] } })).toEqual([0, 0, 0, 0, 1, 1, 1, 1]);
  });
});

describe('n of m', () => {
  test('2 of 4 along the rows; of equal ones the later stay', () => {
    const weights = { data: Float32Array.of(1, -4, 3, 2, 5, 5, 5, 5), shape: [2, 4] };
    expect(magnitudePrune(weights, { structure: { n: 2, m: 4 } })).toMatchObject({
      weights: { data: Float32Array.of(0, -4, 3, 0, 0, 0, 5, 5) },
      sparsity: 0.5,
    });
  });

  test('1 of 2 along axis 0 and axis -1', () => {
    const weights = { data: Float32Array.of(1, 5, 4, 2, 8, 7, 6, 9), shape: [4, 2] };
    expect(kept(weights, { structure: { n: 1, m: 2, axis: 0 } })).toEqual([0, 1, 1, 0, 1, 0, 0, 1]);
    expect(kept(weights, { structure: { n: 1, m: 2, axis: -1 } })).toEqual([0, 1, 1, 0, 1, 0, 0, 1]);
    expect(kept(weights, { structure: { n: 1, m: 4, axis: 0 } })).toEqual([0, 0, 0, 0, 1, 0, 0, 1]);
  });

  test('0 of m and m of m', () => {
    expect(kept(row(1, 2), { structure: { n: 0, m: 2 } })).toEqual([0, 0]);
    expect(kept(row(1, 2), { structure: { n: 2, m: 2 } })).toEqual([1, 1]);
  });
});

const REFUSED: [
  title: string,
  options: unknown,
  code: 'ERR_LOWP_TYPE' | 'ERR_LOWP_SHAPE' | 'ERR_LOWP_VALUE',
  ...words: Fragment[],
][] = [
  ['no options', undefined, 'ERR_LOWP_TYPE', 'options', 'undefined'],
  ['null', null, 'ERR_LOWP_TYPE', 'options', 'null'],
  ['none', {}, 'ERR_LOWP_VALUE', 'threshold, sparsity, stdFactor', 'none'],
  ['two', { threshold: 1, sparsity: 0.5 }, 'ERR_LOWP_VALUE', 'threshold and sparsity'],
  ['misspelled', { treshold: 1 }, 'ERR_LOWP_TYPE', "did you mean 'threshold'"],
  ['a string', { sparsity: '0.5' }, 'ERR_LOWP_TYPE', 'options.sparsity', "'0.5'"],
  ['sparsity 1.1', { sparsity: 1.1 }, 'ERR_LOWP_VALUE', 'from 0 to 1', '1.1'],
  ['sparsity NaN', { sparsity: NaN }, 'ERR_LOWP_VALUE', 'from 0 to 1', 'NaN'],
  ['threshold -1', { threshold: -1 }, 'ERR_LOWP_VALUE', 'options.threshold', '-1'],
  ['stdFactor Infinity', { stdFactor: Infinity }, 'ERR_LOWP_VALUE', 'options.stdFactor', 'Infinity'],
  ['structure 4', { sparsity: 0.5, structure: 4 }, 'ERR_LOWP_TYPE', 'options.structure', 4],
  ['structure misspelled', { sparsity: 0.5, structure: 'unstructred' }, 'ERR_LOWP_TYPE', "did you mean 'unstructured'"],
  ['structure {}', { sparsity: 0.5, structure: {} }, 'ERR_LOWP_TYPE', 'options.structure.n', 'undefined'],
  ['block 0', { sparsity: 0.5, structure: { block: [0, 1] } }, 'ERR_LOWP_SHAPE', 'options.structure.block', '[0, 1]'],
  ['block of one', { sparsity: 0.5, structure: { block: [2] } }, 'ERR_LOWP_SHAPE', 'options.structure.block', '[2]'],
  ['block and n', { sparsity: 0.5, structure: { block: [1, 1], n: 2 } }, 'ERR_LOWP_TYPE', "'n'"],
  ['3 of 2', { structure: { n: 3, m: 2 } }, 'ERR_LOWP_VALUE', 'options.structure.n', 'at most 2', 3],
  ['0 of 0', { structure: { n: 0, m: 0 } }, 'ERR_LOWP_VALUE', 'options.structure.m', 0],
  ['2 of 3 in 4', { structure: { n: 2, m: 3 } }, 'ERR_LOWP_SHAPE', 'weights.shape[1]', 'a multiple of 3', 4],
  ['axis 2', { structure: { n: 2, m: 4, axis: 2 } }, 'ERR_LOWP_VALUE', 'options.structure.axis', 2],
  ['n of m and sparsity', { sparsity: 0.5, structure: { n: 2, m: 4 } }, 'ERR_LOWP_VALUE', 'options.sparsity', 'n of m'],
];

describe('refusals', () => {
  test.each(REFUSED)('%s', (_, options, code, ...words) => {
    const weights = { data: new Float32Array(8), shape: [2, 4] };
    expectThrows(() => magnitudePrune(weights, wrong(options)), code, words);
  });

  test('weights', () => {
    const options = { sparsity: 0.5 };
    expectThrows(() => magnitudePrune(row(1, NaN), options), 'ERR_LOWP_VALUE', ['NaN', 'element 1']);
    expectThrows(() => magnitudePrune(row(1, Infinity), { stdFactor: 1 }), 'ERR_LOWP_VALUE', ['finite', 'stdFactor']);
    expectThrows(() => magnitudePrune(wrong([1]), options), 'ERR_LOWP_TYPE', ['weights']);
    expectThrows(() => magnitudePrune(wrong({ data: new Int8Array(1), shape: [1] }), options), 'ERR_LOWP_TYPE', ['weights.data']);
    expectThrows(() => magnitudePrune({ data: new Float32Array(1), shape: [2] }, options), 'ERR_LOWP_SHAPE', [2, 'weights']);
    const blocks = { ...options, structure: { block: [1, 1] } } as const;
    expectThrows(() => magnitudePrune(row(1, 2), blocks), 'ERR_LOWP_SHAPE', ['weights.shape', 'two dimensions', '[2]']);
  });
});
