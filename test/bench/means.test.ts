/** Geometric means by groups of rows, worked by hand. */
import { groupMeans, type Mean } from '../../bench/means';

function figures(m: number, gops: number, ratio?: number): Mean & { m: number } {
  const spread = (value: number) => ({ median: value, best: 2 * value });
  return {
    name: 'lowp',
    m,
    perSecond: spread(gops),
    share: undefined,
    ratios: ratio === undefined ? {} : { 'x ORT': spread(ratio) },
  };
}

test('means > groups by M, a ratio over the shapes that have one', () => {
  const all = [figures(1, 2, 4), figures(8, 1, 2), figures(32, 4, 8), figures(128, 9, 1), figures(512, 4)];
  const rows = [...groupMeans(all, ['x ORT'])].map(({ title, first, mean }) => ({
    title,
    first,
    gops: Number(mean.perSecond.median.toFixed(9)),
    best: Number(mean.perSecond.best.toFixed(9)),
    ratio: Number(mean.ratios['x ORT'].median.toFixed(9)),
  }));
  expect(rows).toEqual([
    { title: 'mean, M = 1', first: true, gops: 2, best: 4, ratio: 4 },
    { title: 'mean, 1 < M < 128', first: true, gops: 2, best: 4, ratio: 4 },
    { title: 'mean, M >= 128', first: true, gops: 6, best: 12, ratio: 1 },
    // 2 * 1 * 4 * 9 * 4 = 288; 4 * 2 * 8 * 1 = 64.
    {
      title: 'mean, all',
      first: true,
      gops: Number((288 ** 0.2).toFixed(9)),
      best: Number((2 * 288 ** 0.2).toFixed(9)),
      ratio: Number((64 ** 0.25).toFixed(9)),
    },
  ]);
});

test('means > a group without shapes has no row, a comparison that nobody has no ratio', () => {
  const rows = [...groupMeans([figures(64, 3)], ['x oneDNN'])];
  expect(rows.map(({ title }) => title)).toEqual(['mean, 1 < M < 128', 'mean, all']);
  expect(rows.map(({ mean }) => mean.ratios)).toEqual([{}, {}]);
});
