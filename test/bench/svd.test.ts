/** The SVD case: its shapes, and that its matrices have the spectrum they say. */
import { join } from 'node:path';
import { truncatedSvd } from 'lowp';
import { SvdProblem, readSvdShapes, svdShapeName } from '../../bench/svd/problem';
import { svdPlots } from '../../bench/svd/plot';
import { ROOT } from '../helpers/child';

test('the shapes of the bench', () => {
  const shapes = readSvdShapes(join(ROOT, 'bench/shapes/svd.txt'));
  expect(shapes.map(svdShapeName)).toContain('3072x768 power, rank 64');
  expect(shapes.length).toBe(4);
});

test.each([
  [512, 256],
  [256, 512],
])('a power law of %ix%i: its singular values are 1 / i, its smallest error is what it says', (m, n) => {
  const problem = new SvdProblem({ m, n, spectrum: 'power', rank: 12 });
  const result = truncatedSvd(problem.a, { rank: 12 });
  result.s.data.forEach((s, i) => expect(s).toBeCloseTo(1 / (i + 1), 5));
  expect(problem.errorOf(result) / (problem.best ?? NaN)).toBeCloseTo(1, 5);
  // Every entry has its share: no coordinate of the matrix is special.
  const largest = problem.a.data.reduce((max, x) => Math.max(max, Math.abs(x)), 0);
  expect(largest).toBeLessThan(0.1);
});

test('the plot has a point for each contender and rank', () => {
  const seconds = { median: 0.02, best: 0.01 };
  const records = [8, 16].map((rank) => ({ m: 256, n: 256, spectrum: 'power', rank, contender: 'lowp fast', seconds }));
  const machine = { date: '', cpu: { model: 'a CPU' }, isa: 'avx2', threads: 1, peakPerCore: { int8: 1, float32: 1 } };
  const [{ kind, title, spec }] = svdPlots(records, machine);
  expect([kind, title]).toEqual(['svd', 'truncated SVD of 256x256 (power), a CPU (avx2), 1 thread']);
  expect(JSON.stringify(spec)).toContain('{"rank":16,"contender":"lowp fast","ms":10}');
  expect(svdPlots([], machine)).toEqual([]);
});
