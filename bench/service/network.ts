/** The networks that the service bench serves, quantized. Built alike in every process: the same weights from the same seed. */
import { PIXELS, CLASSES, loadMnist, range } from '../../examples/digits/mnist';
import { trainOrLoad } from '../../examples/digits/cache';
import { countParameters, createNetwork, type Network } from '../../examples/digits/network';
import { seededRandom } from '../../examples/digits/random';
import { quantizeStatic, type StaticNetwork } from '../../examples/digits/quantized';
import type { QuantizedTensor } from 'lowp';
import { HYPERPARAMETERS } from '../../examples/digits/train';

export type QuantizedNetwork = StaticNetwork<QuantizedTensor>;

/** LeNet-300-100 as trained by the example, and one that is large enough for a call to take a millisecond. */
const SIZES = { digits: HYPERPARAMETERS.sizes, mlp: [PIXELS, 3072, 3072, CLASSES] } as const;

export type NetworkName = keyof typeof SIZES;
export const NETWORKS = Object.keys(SIZES) as NetworkName[];

const SEED = 7;
const CALIBRATION_IMAGES = 200;

export function describeNetwork(name: NetworkName): string {
  const sizes = SIZES[name];
  return `${name}: ${sizes.join('-')}, ${(countParameters(sizes) / 1e6).toFixed(2)} million parameters`;
}

export function quantizedNetwork(name: NetworkName): QuantizedNetwork {
  const { train } = loadMnist();
  const network: Network = name === 'digits' ? trainOrLoad(train).network : createNetwork(SIZES[name], seededRandom(SEED));
  return quantizeStatic(network, range(train, 0, CALIBRATION_IMAGES).images);
}
