/** Layers of the convolution bench: the files are whole networks, lines that are none are refused. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  convElements,
  convName,
  convOperations,
  isDepthwise,
  outSize,
  readNetwork,
  type ConvShape,
} from '../../bench/convShapes';

const SHAPES = join(__dirname, '..', '..', 'bench', 'shapes');
const LAYER = { channels: 3, height: 224, width: 224, outChannels: 64, kernel: 7, stride: 2, padding: 3, groups: 1, count: 1 };

let directory: string;

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'lowp-bench-'));
});

afterAll(() => rmSync(directory, { recursive: true }));

function fileOf(text: string): string {
  const path = join(directory, 'net_conv.txt');
  writeFileSync(path, text);
  return path;
}

// What torchvision's models have without their last, fully connected layer: 4,089,184,256 - 2048 * 1000 and 300,774,272 - 1280 * 1000.
test.each([
  ['resnet50', 53, 4_087_136_256],
  ['mobilenetv2', 52, 299_494_272],
])('conv shapes > %s has %i layers and %i multiply-adds, each kind of layer once', (name, count, multiplyAdds) => {
  const { layers, total, ...network } = readNetwork(join(SHAPES, `${name}_conv.txt`), false);
  expect(network.name).toBe(name);
  expect(layers.length).toBe(total);
  expect(new Set(layers.map(convName)).size).toBe(total);
  expect(layers.reduce((sum, layer) => sum + layer.count, 0)).toBe(count);
  expect(layers.reduce((sum, layer) => sum + (layer.count * convOperations(layer)) / 2, 0)).toBe(multiplyAdds);
});

test('conv shapes > quick takes the marked lines', () => {
  const path = fileOf('# comment\n3 224 224 64 7 2 3 1 1 *\n\n8 4 5 8 1 1 0 8 2 # tail\n');
  expect(readNetwork(path, true)).toEqual({ name: 'net', layers: [LAYER], total: 2 });
  expect(readNetwork(path, false).layers).toHaveLength(2);
  expect(() => readNetwork(fileOf('3 224 224 64 7 2 3 1 1'), true)).toThrow(
    'Expected at least one line with a trailing * (--quick)',
  );
});

test.each([
  ['a number is missing', '3 224 224 64 7 2 3 1'],
  ['no number', '3 224 224 64 7 2 3 one 1'],
  ['no kernel', '3 224 224 64 0 2 3 1 1'],
  ['a kernel larger than the image', '3 4 4 64 7 1 1 1 1'],
  ['groups that do not divide the channels', '3 224 224 64 7 2 3 2 1'],
  ['groups that do not divide the output channels', '3 224 224 64 7 2 3 3 1'],
])('conv shapes > refused: %s', (_, line) => {
  expect(() => readNetwork(fileOf(`\n${line}\n`), false)).toThrow(
    `Expected channels height width outChannels kernel stride padding groups count in line 2 of net_conv.txt but received '${line}'`,
  );
});

test('conv shapes > a file that is not there is named', () => {
  expect(() => readNetwork(join(directory, 'none.txt'), false)).toThrow('none.txt');
});

test('conv shapes > names, sizes and amounts', () => {
  const depthwise: ConvShape = {
    ...LAYER,
    channels: 96,
    outChannels: 96,
    height: 5,
    width: 7,
    kernel: 3,
    padding: 1,
    groups: 96,
  };
  expect(convName(LAYER)).toBe('7x7 3->64 @224 s2');
  expect(convName(depthwise)).toBe('dw 3x3 96 @5x7 s2');
  expect(convName({ ...depthwise, groups: 2, stride: 1 })).toBe('3x3 96->96 @5x7 g2');
  expect([LAYER, depthwise].map(isDepthwise)).toEqual([false, true]);
  expect(outSize(depthwise)).toEqual([3, 4]);
  expect(convOperations(depthwise)).toBe(2 * 96 * 3 * 4 * 9);
  expect(convElements(depthwise)).toBe(96 * 5 * 7 + 96 * 9 + 96 * 3 * 4);
});
