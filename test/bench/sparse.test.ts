/** The sparse case: its shapes, the search for a crossing, and that its problem has the zeros it says. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { bsrFromDense, csrFromDense } from 'lowp';
import { bisect, fallsToOne } from '../../bench/sparse/bisect';
import { floatName, int8Name, openContenders, verifyContenders } from '../../bench/sparse/contenders';
import { blockOf, SparseProblem } from '../../bench/sparse/problem';
import { parseSparseShapes, percent, readSparseShapes, sparseShapeName } from '../../bench/sparse/shapes';
import { ROOT } from '../helpers/child';

describe('sparse shapes', () => {
  test('a line is a shape at each of its sparsities', () => {
    const shape = { m: 512, k: 256, n: 128 };
    expect(parseSparseShapes('512x256x128 50  99.5')).toEqual([
      { ...shape, sparsity: 0.5, side: 'left' },
      { ...shape, sparsity: 0.995, side: 'left' },
    ]);
    expect(parseSparseShapes('512x256x128 0 right')).toEqual([{ ...shape, sparsity: 0, side: 'right' }]);
  });

  test.each([
    ['no sparsity', '512x512x128'],
    ['more than 100 %', '512x512x128 101'],
    ['a size of 0', '512x0x128 50'],
    ['M not a multiple of the blocks', '510x512x128 50'],
    ['another word', '512x512x128 50 left'],
  ])('refused: %s', (_, text) => {
    const folder = mkdtempSync(join(tmpdir(), 'lowp-shapes-'));
    try {
      const path = join(folder, 'shapes.txt');
      writeFileSync(path, `# a comment\n8x8x8 50\n${text}\n`);
      expect(() => readSparseShapes(path)).toThrow(`in line 3 of shapes.txt but received '${text}'`);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  test('the file of the bench has both sides and a name for each', () => {
    const shapes = readSparseShapes(join(ROOT, 'bench/shapes/sparse.txt'));
    expect(new Set(shapes.map(({ side }) => side))).toEqual(new Set(['left', 'right']));
    const names = shapes.map((shape) => `${sparseShapeName(shape)}, ${percent(shape.sparsity)}`);
    expect(names).toContain('512x512x128, 80 %');
    expect(names).toContain('768x3072x1 right, 90 %');
    expect(new Set(names).size).toBe(names.length);
  });
});

describe('bisect', () => {
  test('halves the interval that holds the crossing', async () => {
    const asked: number[] = [];
    const isPast = (x: number): boolean => {
      asked.push(x);
      return x >= 0.3;
    };
    expect(await bisect(isPast, 0, 1, 0.25)).toEqual({ at: 0.375, probes: 4 });
    expect(asked).toEqual([1, 0, 0.5, 0.25]);
  });

  test('no wider than asked for, wherever the crossing is', async () => {
    for (const crossing of [0.005, 0.123, 0.5, 0.777, 0.985]) {
      const { at } = await bisect(async (x) => x >= crossing, 0, 0.99, 0.01);
      expect(Math.abs((at ?? Infinity) - crossing)).toBeLessThanOrEqual(0.005);
    }
  });

  test('past it everywhere, and nowhere', async () => {
    expect(await bisect(() => true, 0, 1, 0.1)).toEqual({ at: 0, probes: 2 });
    expect(await bisect(() => false, 0, 1, 0.1)).toEqual({ at: undefined, probes: 1 });
  });
});

describe('fallsToOne', () => {
  const points = [
    { x: 0.9, y: 0.25 },
    { x: 0, y: 1.5 },
    { x: 0.5, y: 0.75 },
  ];

  test('between the points around it, in any order', () => {
    expect(fallsToOne(points)).toBeCloseTo(1 / 3, 12);
  });

  test('at the first point where that is past it, nowhere if none is', () => {
    expect(fallsToOne(points.filter(({ x }) => x > 0))).toBe(0.5);
    expect(fallsToOne([{ x: 0, y: 2 }])).toBeUndefined();
  });
});

describe('sparse problem', () => {
  test.each(['left', 'right'] as const)('%s: every contender computes the product that the oracle has', (side) => {
    const contenders = openContenders(new SparseProblem({ m: 20, k: 33, n: 9, sparsity: 0.7, side }, 1));
    try {
      expect(contenders.length).toBe(side === 'left' ? 7 : 6);
      verifyContenders(contenders);
    } finally {
      for (const { close } of contenders) void close();
    }
  });

  test('a contender that computed nothing is found out', () => {
    const problem = new SparseProblem({ m: 20, k: 33, n: 9, sparsity: 0.7, side: 'left' }, 1);
    const [csr, int8] = openContenders(problem);
    expect(csr.check()).toMatch('checked elements are wrong');
    expect(int8.check()).toMatch('checked elements are wrong');
    for (const { close } of [csr, int8]) void close();
  });

  test('zeros: as many as asked for, in blocks or two of every four', () => {
    const problem = new SparseProblem({ m: 64, k: 100, n: 1, sparsity: 0.8, side: 'left' }, 1);
    for (const structure of ['csr', '4x1', '1x4', '16x1', '4x4'] as const) {
      const { floats, nnz } = problem.weights(structure);
      const block = blockOf(structure);
      const stored = block === undefined ? csrFromDense(floats) : bsrFromDense(floats, { block });
      expect(stored.values.length).toBe(nnz);
      expect(Math.abs(nnz / 6400 - 0.2)).toBeLessThan(0.05);
    }
    const { floats, nnz } = problem.weights('2:4');
    expect(nnz).toBe(3200);
    for (let i = 0; i < 6400; i += 4) expect(floats.data.subarray(i, i + 4).filter((x) => x !== 0).length).toBe(2);
  });

  test('every structured form computes the product that the oracle has', () => {
    const names = (['2:4', '4x1', '1x4', '16x1', '4x4'] as const).flatMap((form) => [floatName(form), int8Name(form)]);
    const contenders = openContenders(new SparseProblem({ m: 32, k: 36, n: 9, sparsity: 0.7, side: 'left' }, 1), names);
    try {
      expect(contenders.length).toBe(10);
      verifyContenders(contenders);
    } finally {
      for (const { close } of contenders) void close();
    }
  });
});
