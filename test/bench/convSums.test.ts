/** Sums over a network's layers, worked by hand. */
import { sumRows, type ConvFigures } from '../../bench/convSums';
import type { ConvShape } from '../../bench/convShapes';

const DENSE: ConvShape = {
  ...{ channels: 2, height: 10, width: 10, outChannels: 5, kernel: 1, stride: 1, padding: 0, groups: 1 },
  count: 3,
};
const DEPTHWISE: ConvShape = { ...DENSE, outChannels: 2, groups: 2, count: 1 };

function figures(
  shape: ConvShape,
  name: string,
  seconds: number,
  share: number,
  rivals: Record<string, string> = {},
): ConvFigures {
  const spread = (value: number) => ({ median: value, best: value / 2 });
  return { shape, name, peer: name !== 'lowp', seconds: spread(seconds), share: spread(share), rivals };
}

function tabulate(layers: readonly ConvShape[], total: number, all: readonly ConvFigures[]): string[] {
  return [...sumRows({ name: 'net', layers, total }, all, ['x ORT'])].map(({ cells }) => cells.join(' | '));
}

test('conv sums > each layer counts as often as the network has it; a share is weighted by time', () => {
  const all = [
    figures(DENSE, 'lowp', 1e-3, 0.5, { 'x ORT': 'ORT conv' }),
    figures(DENSE, 'ORT conv', 4e-3, 0.1),
    figures(DEPTHWISE, 'lowp', 2e-3, 0.25, { 'x ORT': 'ORT conv' }),
    figures(DEPTHWISE, 'ORT conv', 1e-3, 0.5),
  ];
  // Operations: 2 * 100 * 5 * 2 * 3 = 6000 and 2 * 100 * 2 = 400. Shares: (3 * 0.5 + 2 * 0.25) / 5, the best one a half of that.
  expect(tabulate([DENSE, DEPTHWISE], 2, all)).toEqual([
    'net depthwise | lowp | 2000.0 | 1000.0 | 0.0 | 25.0 | 12.5 | 0.50',
    ' | ORT conv | 1000.0 | 500.0 | 0.0 | 50.0 | 25.0 | ',
    'net dense | lowp | 3000.0 | 1500.0 | 0.0 | 50.0 | 25.0 | 4.00',
    ' | ORT conv | 12000.0 | 6000.0 | 0.0 | 10.0 | 5.0 | ',
    'net sum | lowp | 5000.0 | 2500.0 | 0.0 | 40.0 | 20.0 | 2.60',
    ' | ORT conv | 13000.0 | 6500.0 | 0.0 | 13.1 | 6.5 | ',
  ]);
});

test('conv sums > a network without depthwise layers, some of its layers, no share', () => {
  const all = [{ ...figures(DENSE, 'lowp', 1e-3, 0), share: undefined }];
  expect(tabulate([DENSE], 4, all)).toEqual(['net sum, 1 of 4 | lowp | 3000.0 | 1500.0 | 0.0 | - | - | ']);
});
