import { expected } from '../errors';
import type { CsrMatrix } from '../types';
import { allocate, isTagged } from '../validate/arrays';
import { checkKeys } from '../validate/options';
import { readAxis } from '../validate/quantization';
import { readCsr } from './csr';

const f32 = Math.fround;

const KEYS: ReadonlySet<string> = new Set(['axis']);

export interface QuantizeCsrOptions {
  /** 0: a scale for each row. Absent: one for the matrix. */
  readonly axis?: number;
}

/**
 * int8 values of a float32 matrix, symmetric: scale = max|x| / 127 over the finite values (1 where there are none but zeros), value =
 * round(x / scale), ties to even, saturated. NaN becomes 0, infinities saturate. What `quantize` makes of the same matrix with its
 * zeros; elements that become 0 stay stored (`repairCsr` with `dropZeros` leaves them out).
 *
 * @throws ERR_LOWP_TYPE, ERR_LOWP_SHAPE, ERR_LOWP_VALUE, ERR_LOWP_DETACHED, as `checkCsr`.
 * @example
 * const csr = csrFromDense({ data: Float32Array.of(0, 254, -2, 127), shape: [2, 2] });
 * const q = quantizeCsr(csr, { axis: 0 });
 * console.log(q.values, q.scale); // Int8Array(3) [ 127, -2, 127 ] Float32Array(2) [ 2, 1 ]
 */
export function quantizeCsr(csr: CsrMatrix<Float32Array>, options?: QuantizeCsrOptions): CsrMatrix<Int8Array> {
  checkKeys(options, KEYS, 'options');
  const axis = options?.axis;
  if (axis !== undefined && readAxis(axis, 2, 'options.axis') !== 0) {
    throw expected('ERR_LOWP_VALUE', '0 (the rows) or nothing', 'options.axis', axis);
  }
  const { rows, cols, rowPtr, colIdx, values } = readCsr(csr);
  if (!isTagged(values, 'Float32Array')) throw expected('ERR_LOWP_TYPE', 'a Float32Array', 'csr.values', values);
  const codes = allocate('Int8Array', values.length);
  const same = { rows, cols, rowPtr: rowPtr.slice(), colIdx: colIdx.slice(), values: codes };
  if (axis === undefined) return { ...same, scale: quantizeRange(values, 0, values.length, codes) };
  const scale = allocate('Float32Array', rows);
  for (let row = 0; row < rows; row++) scale[row] = quantizeRange(values, rowPtr[row], rowPtr[row + 1], codes);
  return { ...same, scale };
}

/** Returns the scale. */
function quantizeRange(values: Float32Array, begin: number, end: number, codes: Int8Array): number {
  let largest = 0;
  for (let p = begin; p < end; p++) {
    const magnitude = Math.abs(values[p]);
    if (magnitude > largest && magnitude < Infinity) largest = magnitude;
  }
  // A quotient that underflows to 0 is no scale either.
  const scale = f32(largest / 127) || 1;
  for (let p = begin; p < end; p++) codes[p] = saturate(f32(values[p] / scale));
  return scale;
}

/** To the nearest int8, ties to even; NaN to 0. */
function saturate(x: number): number {
  if (x >= 127) return 127;
  if (x <= -128) return -128;
  const below = Math.floor(x);
  const rest = x - below;
  if (rest === 0.5) return below % 2 === 0 ? below : below + 1;
  return rest < 0.5 ? below : below + 1;
}
