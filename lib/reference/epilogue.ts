/** From the exact sum to the stored value, of every product with 8-bit operands; the one place that has the order of the roundings. */
import type { MatmulOutput, QuantizedMatmulOptions, QuantizedOutput } from '../types';
import { activationOf, boundsOf } from './activation';
import { range, toQuantized } from './numbers';
import { refuse } from './refuse';
import type { ReadResidual } from './residual';

const f32 = Math.fround;
const MAX_SUM = 2 ** 31 - 1;

/** `n`: the output feature, whose scale and bias apply; `m`: the row of activations. */
export type Finish = (sum: number, scaleA: number, m: number, n: number) => number;

type Epilogue = Pick<QuantizedMatmulOptions, 'bias' | 'residual' | 'activation'>;

/** `w`: the scales of the n output features. */
export function epilogue(
  output: MatmulOutput,
  { bias, activation }: Epilogue,
  w: { readonly n: number; readonly scales: Float32Array },
  residual: ReadResidual | undefined,
): Finish {
  // In units of the sum, so added to it; a real one is added to the real value.
  const total = (sum: number, n: number): number => (bias !== undefined && isInt32(bias) ? sum + bias[n] : sum);
  if (output === 'int32') return (sum, _scaleA, _m, n) => total(sum, n);

  const realBias = bias !== undefined && !isInt32(bias) ? bias : undefined;
  const activate = activationOf(activation);
  const real: Finish = (sum, scaleA, m, n) => {
    let v = f32(f32(total(sum, n)) * f32(scaleA * w.scales[n]));
    if (realBias !== undefined) v = f32(v + realBias[n]);
    if (residual !== undefined) v = f32(v + residual(m * w.n + n));
    return activate(v);
  };
  if (output === 'float32') return real;

  const { dtype } = output;
  const zero = output.zeroPoint ?? 0;
  const scaleOut = f32(output.scale);
  const bounds = boundsOf(activation);
  if (realBias !== undefined || residual !== undefined || bounds === undefined) {
    return (sum, scaleA, m, n) => toQuantized(f32(real(sum, scaleA, m, n) / scaleOut), zero, dtype);
  }
  const { lo, hi } = quantizedBounds(bounds.min, bounds.max, output);
  return (sum, scaleA, _m, n) => {
    const multiplier = f32(f32(scaleA * w.scales[n]) / scaleOut);
    return Math.min(hi, Math.max(lo, toQuantized(f32(f32(total(sum, n)) * multiplier), zero, dtype)));
  };
}

/** The activation's bounds as quantized values: clamping commutes with the rounding, so no real value is needed. */
function quantizedBounds(min: number, max: number, { dtype, scale, zeroPoint = 0 }: QuantizedOutput) {
  const { lo, hi } = range(dtype);
  return {
    lo: min === -Infinity ? lo : toQuantized(f32(min / f32(scale)), zeroPoint, dtype),
    hi: max === Infinity ? hi : toQuantized(f32(max / f32(scale)), zeroPoint, dtype),
  };
}

/** `dynamic`: the activations are float32, quantized in the call. */
export function checkEpilogue(dynamic: boolean, output: MatmulOutput, { bias, residual, activation }: Epilogue): void {
  if (dynamic && (output === 'int32' || (bias !== undefined && isInt32(bias)))) {
    throw refuse('ERR_LOWP_VALUE', "Expected quantized activations: the scale of the call's own is not known outside it");
  }
  if (output === 'int32' && bias !== undefined && !isInt32(bias)) {
    throw refuse('ERR_LOWP_TYPE', 'Expected an Int32Array for bias (output is int32) but received a Float32Array');
  }
  if (output === 'float32' && bias !== undefined && isInt32(bias)) {
    throw refuse('ERR_LOWP_TYPE', 'Expected a Float32Array for bias (output is float32) but received an Int32Array');
  }
  if (output === 'int32' && residual !== undefined) {
    throw refuse('ERR_LOWP_VALUE', 'Expected no residual (output is int32): it is added to real values');
  }
  if (output === 'int32' && activation !== undefined && activation !== 'none') {
    throw refuse('ERR_LOWP_VALUE', 'Expected none for activation (output is int32): it applies to real values');
  }
}

/** depth * step + max|bias| has to stay in int32, whatever the values are; `step` is the largest magnitude of one product. */
export function checkDepth(depth: number, step: number, bias: Float32Array | Int32Array | undefined, name: string): void {
  let largestBias = 0;
  if (bias !== undefined && isInt32(bias)) for (const v of bias) largestBias = Math.max(largestBias, Math.abs(v));
  if (depth * step + largestBias <= MAX_SUM) return;
  const bound = Math.floor((MAX_SUM - largestBias) / step);
  throw refuse('ERR_LOWP_VALUE', `Expected at most ${bound} (the sum must fit int32) for ${name} but received ${depth}`);
}

export function allocate(output: MatmulOutput, length: number) {
  if (output === 'float32') return new Float32Array(length);
  if (output === 'int32') return new Int32Array(length);
  return output.dtype === 'int8' ? new Int8Array(length) : new Uint8Array(length);
}

function isInt32(bias: Float32Array | Int32Array): bias is Int32Array {
  return Object.prototype.toString.call(bias) === '[object Int32Array]';
}
