import type { QuantizedTensor, Tensor } from '../types';
import { offsetsOf, product } from './layout';
import { refuse } from './refuse';

const f32 = Math.fround;

/** The real value at an index of the result, counted row by row without gaps. */
export type ReadResidual = (index: number) => number;

/** A residual has the result's shape; a plain array has its elements without gaps. */
export function residualOf(
  residual: Tensor<Float32Array> | QuantizedTensor | Float32Array | undefined,
  shape: readonly number[],
): ReadResidual | undefined {
  if (residual === undefined) return undefined;
  if (!('data' in residual)) {
    const count = product(shape);
    if (residual.length === count) return (index) => residual[index];
    throw refuse('ERR_LOWP_SHAPE', `Expected ${count} elements (one for each of the result) but received ${residual.length}`);
  }
  if (residual.shape.join() !== shape.join()) {
    throw refuse(
      'ERR_LOWP_SHAPE',
      `Expected the result's shape [${shape.join(', ')}] but received [${residual.shape.join(', ')}]`,
    );
  }
  const at = offsetsOf(residual);
  if (!('scale' in residual)) return (index) => residual.data[at[index]];
  const { data, scale, zeroPoint, axis } = residual;
  if (typeof scale !== 'number' || typeof zeroPoint !== 'number' || axis !== undefined) {
    throw refuse('ERR_LOWP_VALUE', 'Expected one scale and one zero point for options.residual but received an axis');
  }
  return (index) => f32(f32(scale) * (data[at[index]] - zeroPoint));
}
