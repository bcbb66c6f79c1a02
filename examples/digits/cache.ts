/** Trained weights, kept between runs in node_modules/.cache (a folder that no one misses). */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Digits } from './mnist';
import { countParameters, type Network } from './network';
import { HYPERPARAMETERS, train, type OnEpoch } from './train';

/** Four bytes, "lwd1", before the float32 values. The 1 changes when the meaning of the file or the training does. */
const MAGIC = Buffer.from('lwd1');

/** Named after what was trained: other images or hyperparameters, another file. */
export function cachePath(digits: Digits, parameters = HYPERPARAMETERS): string {
  const subject = JSON.stringify({ images: digits.count, ...parameters });
  const hash = createHash('sha256').update(subject).digest('hex').slice(0, 12);
  return join(__dirname, '..', '..', 'node_modules', '.cache', 'lowp', `digits-${hash}.bin`);
}

/** The network from the cache; trained, and saved there, where it is missing. */
export function trainOrLoad(
  digits: Digits,
  parameters = HYPERPARAMETERS,
  onEpoch?: OnEpoch,
): { network: Network; cached: boolean } {
  const path = cachePath(digits, parameters);
  const found = load(path, parameters.sizes);
  if (found !== undefined) return { network: found, cached: true };
  const network = train(digits, parameters, onEpoch);
  save(path, network);
  return { network, cached: false };
}

/** Undefined where there is no file, or not one that `save` wrote for these sizes. */
export function load(path: string, sizes: readonly number[]): Network | undefined {
  if (!existsSync(path)) return undefined;
  const file = readFileSync(path);
  if (file.length !== MAGIC.length + 4 * countParameters(sizes)) return undefined;
  if (!file.subarray(0, MAGIC.length).equals(MAGIC)) return undefined;
  let offset = MAGIC.length;
  const read = (count: number): Float32Array => {
    const values = Float32Array.from({ length: count }, (_, i) => file.readFloatLE(offset + 4 * i));
    offset += values.byteLength;
    return values;
  };
  return sizes.slice(1).map((outputs, i) => {
    const weights = { data: read(sizes[i] * outputs), shape: [sizes[i], outputs] };
    return { weights, bias: read(outputs) };
  });
}

export function save(path: string, network: Network): void {
  const values = network.flatMap(({ weights, bias }) => [...weights.data, ...bias]);
  const file = Buffer.alloc(MAGIC.length + 4 * values.length);
  MAGIC.copy(file);
  values.forEach((value, i) => file.writeFloatLE(value, MAGIC.length + 4 * i));
  mkdirSync(dirname(path), { recursive: true });
  // Written beside and renamed, so that no reader sees half a file.
  const beside = `${path}.${process.pid}`;
  writeFileSync(beside, file);
  renameSync(beside, path);
}
