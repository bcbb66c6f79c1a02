import type { BatchNorm, FoldedWeights, Tensor } from '../types';
import { offsetsOf, product } from './layout';

/** w * f and (bias - mean) * f + beta with f = gamma / sqrt(variance + epsilon), in float64, each rounded once. */
export function foldBatchNorm(
  weights: Tensor<Float32Array>,
  bias: Float32Array | undefined,
  { gamma, beta, mean, variance, epsilon = 1e-5 }: BatchNorm,
): FoldedWeights {
  const factor = (o: number): number => gamma[o] / Math.sqrt(variance[o] + epsilon);
  const [outChannels, ...rest] = weights.shape;
  const at = offsetsOf(weights);
  const perChannel = product(rest);
  const data = new Float32Array(at.length);
  const folded = new Float32Array(outChannels);
  for (let o = 0; o < outChannels; o++) {
    const f = factor(o);
    for (let i = o * perChannel; i < (o + 1) * perChannel; i++) data[i] = weights.data[at[i]] * f;
    folded[o] = ((bias === undefined ? 0 : bias[o]) - mean[o]) * f + beta[o];
  }
  return { weights: { data, shape: [...weights.shape] }, bias: folded };
}
