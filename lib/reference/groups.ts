/** Weights of 4 and 8 bits in groups along K: quantize, dequantize, multiply. */
import type { GroupQuantizedTensor, QuantizedMatmulOptions, QuantizeWeightsOptions, Tensor } from '../types';
import { activationOf } from './activation';
import { offsetsOf, resultLayout, rowsOf, transpose } from './layout';
import { finiteRange, roundHalfEven, type Range } from './numbers';
import { refuse } from './refuse';
import { residualOf } from './residual';

const f32 = Math.fround;
const MAX_A = 127;

/** Code i of a row of them: a byte each, or the low nibble first. */
function codeAt(row: Uint8Array, i: number, bits: number): number {
  return bits === 8 ? row[i] : (row[i >> 1] >> (4 * (i % 2))) & 15;
}

function putCode(row: Uint8Array, i: number, bits: number, code: number): void {
  if (bits === 8) row[i] = code;
  else row[i >> 1] |= code << (4 * (i % 2));
}

interface Sizes {
  readonly n: number;
  readonly k: number;
  readonly groups: number;
  /** Of a row of codes and of zero points. */
  readonly rowBytes: number;
  readonly zeroBytes: number;
}

function sizesOf([n, k]: readonly number[], bits: number, groupSize: number): Sizes {
  const groups = Math.ceil(k / groupSize);
  return { n, k, groups, rowBytes: (groups * groupSize * bits) / 8, zeroBytes: Math.ceil((groups * bits) / 8) };
}

interface Params {
  readonly scale: number;
  readonly zeroPoint: number;
}

/** The value of largest magnitude lands on code 0, so that all codes are in use. */
function symmetricParams({ min, max }: Range, bits: number): Params {
  const middle = 2 ** (bits - 1);
  const scale = f32((max > -min ? max : min) / -middle);
  return { scale: scale === 0 ? 1 : scale, zeroPoint: middle };
}

function asymmetricParams({ min, max }: Range, bits: number): Params {
  const top = 2 ** bits - 1;
  const width = f32(max - min);
  let scale = Number.isFinite(width) ? f32(width / top) : f32(f32(max / top) - f32(min / top));
  if (scale === 0) scale = 1;
  return { scale, zeroPoint: Math.min(top, Math.max(0, roundHalfEven(f32(0 - f32(min / scale))))) };
}

/** The oracle of `quantizeWeights` of the main module. */
export function quantizeWeights(w: Tensor<Float32Array>, options: QuantizeWeightsOptions = {}): GroupQuantizedTensor {
  const { bits = 4, groupSize = 32, symmetric = true, transposeB = false } = options;
  const view = transposeB ? w : transpose(w);
  const shape = [...view.shape];
  const { n, k, groups, rowBytes, zeroBytes } = sizesOf(shape, bits, groupSize);
  const source = offsetsOf(view);
  const data = new Uint8Array(n * rowBytes);
  const scales = new Float32Array(n * groups);
  const zeroPoints = new Uint8Array(n * zeroBytes);
  for (let row = 0; row < n; row++) {
    for (let g = 0; g < groups; g++) {
      const end = Math.min(k, (g + 1) * groupSize);
      const values = source.slice(row * k + g * groupSize, row * k + end).map((offset) => w.data[offset]);
      const params = symmetric ? symmetricParams(finiteRange(values), bits) : asymmetricParams(finiteRange(values), bits);
      scales[row * groups + g] = params.scale;
      putCode(zeroPoints.subarray(row * zeroBytes), g, bits, params.zeroPoint);
      const codes = data.subarray(row * rowBytes);
      for (let i = 0; i < groupSize; i++) {
        // What is missing in the last group is stored as zeros.
        putCode(codes, g * groupSize + i, bits, toCode(i < values.length ? values[i] : 0, params, bits));
      }
    }
  }
  const result = { data, bits, groupSize, shape, scales };
  return symmetric ? result : { ...result, zeroPoints };
}

function toCode(x: number, { scale, zeroPoint }: Params, bits: number): number {
  const steps = f32(x / scale);
  if (Number.isNaN(steps)) return zeroPoint;
  return Math.min(2 ** bits - 1, Math.max(0, roundHalfEven(steps) + zeroPoint));
}

function zeroPointOf(q: GroupQuantizedTensor, row: number, g: number, zeroBytes: number): number {
  return q.zeroPoints === undefined ? 2 ** (q.bits - 1) : codeAt(q.zeroPoints.subarray(row * zeroBytes), g, q.bits);
}

/** real = scale * (code - zero point), rounded once to float32: [N, K]. */
export function dequantizeGroups(q: GroupQuantizedTensor, out?: Float32Array): Tensor<Float32Array> {
  const { n, k, groups, rowBytes, zeroBytes } = sizesOf(q.shape, q.bits, q.groupSize);
  const data = out ?? new Float32Array(n * k);
  for (let row = 0; row < n; row++) {
    for (let i = 0; i < k; i++) {
      const g = Math.floor(i / q.groupSize);
      const code = codeAt(q.data.subarray(row * rowBytes), i, q.bits);
      data[row * k + i] = q.scales[row * groups + g] * (code - zeroPointOf(q, row, g, zeroBytes));
    }
  }
  return { data, shape: [n, k] };
}

interface QuantizedRow {
  readonly codes: Int8Array;
  readonly scales: Float32Array;
}

/** int8 with scale = max|x| / 127 for each group, over the finite values; NaN is 0, infinities saturate. */
function quantizeRow(x: Float32Array, groupSize: number): QuantizedRow {
  const groups = Math.ceil(x.length / groupSize);
  const codes = new Int8Array(x.length);
  const scales = new Float32Array(groups);
  for (let g = 0; g < groups; g++) {
    const values = x.subarray(g * groupSize, (g + 1) * groupSize);
    const { min, max } = finiteRange(values);
    const largest = Math.max(-min, max);
    scales[g] = largest / MAX_A;
    // Where the inverse of a tiny group overflows, the group counts as zeros.
    const inverse = f32(MAX_A / largest);
    const factor = Number.isFinite(inverse) ? inverse : 0;
    values.forEach((v, i) => {
      const steps = f32(v * factor);
      codes[g * groupSize + i] = Number.isNaN(steps) ? 0 : Math.min(MAX_A, Math.max(-MAX_A, roundHalfEven(steps)));
    });
  }
  return { codes, scales };
}

/** y[m,n] = sum over groups of (exact sum of the group) * (scale of a * scale of b), each step rounded to float32. */
export function groupedMatmul(
  a: Tensor<Float32Array>,
  q: GroupQuantizedTensor,
  options: QuantizedMatmulOptions,
): Tensor<Float32Array> {
  checkCall(a, options);
  const { n, k, groups, rowBytes, zeroBytes } = sizesOf(q.shape, q.bits, q.groupSize);
  const { starts, k: kOfA } = rowsOf(a);
  if (kOfA !== k) throw refuse('ERR_LOWP_SHAPE', `Expected ${k} (K of b) for the last dimension of a but received ${kOfA}`);
  const { shape, strides, rowStride, extent } = resultLayout(a.shape, n, options.outStride);
  const data = (options.out ?? new Float32Array(extent)) as Float32Array;
  const activate = activationOf(options.activation);
  const residual = residualOf(options.residual, shape);
  const rows = starts.map((start) => quantizeRow(a.data.subarray(start, start + k), q.groupSize));
  for (let col = 0; col < n; col++) {
    const codes = q.data.subarray(col * rowBytes);
    for (let m = 0; m < rows.length; m++) {
      let y = 0;
      for (let g = 0; g < groups; g++) {
        const zeroPoint = zeroPointOf(q, col, g, zeroBytes);
        let sum = 0;
        for (let i = g * q.groupSize; i < Math.min(k, (g + 1) * q.groupSize); i++) {
          sum += rows[m].codes[i] * (codeAt(codes, i, q.bits) - zeroPoint);
        }
        y = f32(y + f32(sum * f32(rows[m].scales[g] * q.scales[col * groups + g])));
      }
      if (options.bias !== undefined) y = f32(y + options.bias[col]);
      if (residual !== undefined) y = f32(y + residual(m * n + col));
      data[m * rowStride + col] = activate(y);
    }
  }
  return strides === undefined ? { data, shape } : { data, shape, strides };
}

function checkCall(a: Tensor<unknown>, { output, activations, bias }: QuantizedMatmulOptions): void {
  const tag = (value: unknown): string => Object.prototype.toString.call(value);
  if (tag(a.data) !== '[object Float32Array]') {
    throw refuse('ERR_LOWP_TYPE', 'Expected a Float32Array for a.data (b is in groups)');
  }
  if (output !== undefined && output !== 'float32')
    throw refuse('ERR_LOWP_VALUE', 'Expected float32 for output (b is in groups)');
  if (activations !== undefined && activations !== 'perGroup') {
    throw refuse('ERR_LOWP_VALUE', `Expected perGroup for activations (b is in groups) but received ${activations}`);
  }
  if (bias !== undefined && tag(bias) !== '[object Float32Array]') {
    throw refuse('ERR_LOWP_TYPE', 'Expected a Float32Array for bias (b is in groups)');
  }
}
