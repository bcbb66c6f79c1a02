import type { CastOptions, Float16Tensor, FloatDtype, FloatTensor, Tensor } from '../types';
import { offsetsOf } from './layout';
import { roundHalfEven } from './numbers';

/** An IEEE 754 binary format by the width of its fields, with one bit of sign before them. */
interface Format {
  readonly exponentBits: number;
  readonly mantissaBits: number;
}

const FLOAT32: Format = { exponentBits: 8, mantissaBits: 23 };
const FORMATS = { bfloat16: { exponentBits: 8, mantissaBits: 7 }, float16: { exponentBits: 5, mantissaBits: 10 } } as const;

/** 2^(exponent of the smallest normal value), of which the subnormal ones are fractions. */
function smallestExponent({ exponentBits }: Format): number {
  return 2 - 2 ** (exponentBits - 1);
}

/** The bits of infinity, with all of the exponent set; a NaN has more. */
function infinity({ exponentBits, mantissaBits }: Format): number {
  return (2 ** exponentBits - 1) * 2 ** mantissaBits;
}

/** The finite value of a code without its sign. */
function valueOf(code: number, format: Format): number {
  const steps = 2 ** format.mantissaBits;
  const exponent = Math.floor(code / steps);
  const mantissa = code % steps;
  if (exponent === 0) return (mantissa / steps) * 2 ** smallestExponent(format);
  return (1 + mantissa / steps) * 2 ** (smallestExponent(format) + exponent - 1);
}

/** The code nearest to a finite value of 0 or more, ties to even. */
function codeOf(value: number, format: Format): number {
  const steps = 2 ** format.mantissaBits;
  const smallest = smallestExponent(format);
  // The logarithm may be off by its own rounding.
  let exponent = Math.max(smallest, Math.floor(Math.log2(value)) - 1);
  while (value >= 2 ** (exponent + 1)) exponent += 1;
  const rounded = roundHalfEven((value / 2 ** exponent) * steps);
  return Math.min((exponent - smallest) * steps + rounded, infinity(format));
}

/** A NaN keeps its sign and the mantissa's highest bits, and is quiet (its highest mantissa bit set) unless it comes from a bfloat16. */
function nan(code: number, from: Format, to: Format): number {
  const mantissa = code - infinity(from);
  const moved = Math.floor(mantissa * 2 ** (to.mantissaBits - from.mantissaBits));
  const quiet = 2 ** (to.mantissaBits - 1);
  const keeps = moved >= quiet || from === FORMATS.bfloat16;
  return infinity(to) + (keeps ? moved : moved + quiet);
}

function convert(bits: number, from: Format, to: Format): number {
  const signOf = ({ exponentBits, mantissaBits }: Format): number => 2 ** (exponentBits + mantissaBits);
  const sign = bits >= signOf(from) ? signOf(to) : 0;
  const code = bits % signOf(from);
  if (code > infinity(from)) return sign + nan(code, from, to);
  return sign + (code === infinity(from) ? infinity(to) : codeOf(valueOf(code, from), to));
}

export function isFloat16(x: { readonly data: { readonly BYTES_PER_ELEMENT: number } }): x is Float16Tensor {
  return x.data.BYTES_PER_ELEMENT === 2;
}

/** Rounds to `dtype` (to the nearest, ties to even; beyond the largest value: infinity), or widens, exactly. */
export function cast<D extends FloatDtype>(x: Tensor<Float32Array> | Float16Tensor, options: CastOptions<D>): FloatTensor<D>;
export function cast(x: Tensor<Float32Array> | Float16Tensor, { dtype, out }: CastOptions): FloatTensor<FloatDtype> {
  const given = isFloat16(x) ? x.dtype : 'float32';
  const source = offsetsOf(x);
  const shape = [...x.shape];
  // As bits: a number may lose what a NaN carries.
  const values = isFloat16(x) ? x.data : new Uint32Array(x.data.slice().buffer);
  const from = given === 'float32' ? FLOAT32 : FORMATS[given];
  const to = dtype === 'float32' ? FLOAT32 : FORMATS[dtype];
  const at = (offset: number): number => (given === dtype ? values[offset] : convertThrough(values[offset], from, to));
  if (dtype === 'float32') {
    const data = (out as Float32Array | undefined) ?? new Float32Array(source.length);
    const bits = new Uint32Array(data.buffer, data.byteOffset, source.length);
    source.forEach((offset, i) => (bits[i] = at(offset)));
    return { data, shape };
  }
  const data = (out as Uint16Array | undefined) ?? new Uint16Array(source.length);
  source.forEach((offset, i) => (data[i] = at(offset)));
  return { data, shape, dtype };
}

/** By way of float32, which holds all values of the others. */
function convertThrough(bits: number, from: Format, to: Format): number {
  const wide = from === FLOAT32 ? bits : convert(bits, from, FLOAT32);
  return to === FLOAT32 ? wide : convert(wide, FLOAT32, to);
}
