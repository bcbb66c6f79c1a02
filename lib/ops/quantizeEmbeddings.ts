import { expected, fromNative, lowpError } from '../errors';
import type { NativeBinding } from '../native/binding';
import { Search } from '../native/slots';
import { makeControl, type Control } from '../native/control';
import { nativeBinding } from '../native/load';
import * as reference from '../reference';
import type { EmbeddingDtype, EmbeddingsOf, QuantizedEmbeddings, QuantizeEmbeddingsOptions, Tensor } from '../types';
import { allocate } from '../validate/arrays';
import {
  codeBytes,
  gridOf,
  readEmbeddingDtype,
  readFloatRows,
  readRanges,
  type FloatRows,
  type Ranges,
} from '../validate/embeddings';
import { checkKeys, readName } from '../validate/options';

const KEYS: ReadonlySet<string> = new Set(['dtype', 'ranges', 'calibration']);

/**
 * Rounds float32 embeddings to codes of one byte (`'int8'`, the default) or one bit (`'binary'`) a dimension, for search.
 *
 * `x` is [N, D] (or [D], one row). The result is plain data, [N, D], with the ranges that made it; quantize later embeddings on the
 * same grid with `ranges: result.ranges`.
 *
 * int8: code = saturate(round((x - centre) / step)) from -127 to 127, ties to even, where centre = (min + max) / 2 and
 * step = (max - min) / 254. `ranges`:
 * - `'perTensor'` (default): -m to m with m = max|x|, shared by all dimensions. Then the integer dot product of two rows is the
 *   float one but for rounding and a factor, so codes rank well by themselves, and a query may be quantized like the corpus.
 * - `'perDimension'`: smallest and largest value of each dimension, which uses all codes of each where some dimensions are far larger
 *   than others. The product of two such rows of codes means nothing: search with float32 queries, into which
 *   `searchEmbeddings` multiplies the steps.
 * - `{ min, max }`: given, numbers or Float32Arrays of 1 or D elements.
 *
 * Ranges come from the finite values of `calibration` ([C, D]; default: x itself). NaN becomes code 0; what lies outside a range
 * saturates.
 *
 * binary: bit = x > 0, packed 8 to a byte in big-endian bit order (numpy's packbits); the last byte of a row is filled with zeros.
 *
 * Source: `quantize_embeddings` of sentence-transformers (int8 there: per dimension, from -128, truncated; `ubinary` is equal).
 *
 * @throws ERR_LOWP_TYPE, ERR_LOWP_SHAPE, ERR_LOWP_VALUE, ERR_LOWP_DETACHED, ERR_LOWP_NOMEM; ERR_LOWP_UNSUPPORTED where there is no
 * native binary.
 * @example
 * const x = { data: Float32Array.of(0.5, -1, 0.25, 1, 0, -0.5), shape: [2, 3] };
 * console.log(quantizeEmbeddings(x).data); // Int8Array(6) [ 64, -127, 32, 127, 0, -64 ]
 * console.log(quantizeEmbeddings(x, { dtype: 'binary' }).data); // Uint8Array(2) [ 160, 128 ]
 */
export function quantizeEmbeddings<D extends EmbeddingDtype = 'int8'>(
  x: Tensor<Float32Array>,
  options?: QuantizeEmbeddingsOptions & { readonly dtype?: D },
): EmbeddingsOf<D>;
export function quantizeEmbeddings(x: Tensor<Float32Array>, options?: QuantizeEmbeddingsOptions): QuantizedEmbeddings {
  const native = nativeBinding();
  checkKeys(options, KEYS, 'options');
  const { dtype: givenDtype, ranges: givenRanges, calibration: givenCalibration } = options ?? {};
  const dtype = givenDtype === undefined ? 'int8' : readEmbeddingDtype(givenDtype, 'options.dtype');
  const source = readFloatRows(x, 'x');
  const { rows, dimensions } = source;
  const calibration = givenCalibration === undefined ? source : readFloatRows(givenCalibration, 'options.calibration');
  if (calibration.dimensions !== dimensions) {
    throw expected(
      'ERR_LOWP_SHAPE',
      `${dimensions} (those of x)`,
      'the dimensions of options.calibration',
      calibration.dimensions,
    );
  }
  if (dtype === 'binary') refuseRanges(givenRanges, givenCalibration);
  const given = typeof givenRanges === 'object' && givenRanges !== null;
  const mode =
    given || givenRanges === undefined ? 'perTensor' : readName(givenRanges, ['perTensor', 'perDimension'], 'options.ranges');
  const known = given ? readRanges(givenRanges, dimensions, 'options.ranges') : undefined;
  if (known !== undefined && givenCalibration !== undefined) {
    throw expected('ERR_LOWP_VALUE', 'undefined (options.ranges are given)', 'options.calibration', givenCalibration);
  }
  if (native === undefined) return reference.quantizeEmbeddings<EmbeddingDtype>(x, options);

  const shape = [rows, dimensions];
  const data = allocate(dtype === 'binary' ? 'Uint8Array' : 'Int8Array', rows * codeBytes(dimensions, dtype));
  try {
    if (dtype === 'binary') {
      native.quantizeEmbeddings(controlOf(source).bytes, source.data, data);
      return { dtype, data: data as Uint8Array, shape };
    }
    const ranges = known ?? measure(native, calibration, mode === 'perDimension');
    const { centre, step } = gridOf(ranges);
    native.quantizeEmbeddings(controlOf(source).bytes, source.data, data, centre, step);
    return { dtype, data: data as Int8Array, shape, ranges };
  } catch (thrown) {
    throw fromNative(thrown, quantizeEmbeddings);
  }
}

function refuseRanges(ranges: unknown, calibration: unknown): void {
  if (ranges === undefined && calibration === undefined) return;
  const name = ranges === undefined ? 'calibration' : 'ranges';
  throw lowpError('ERR_LOWP_VALUE', `Expected no options.${name} with dtype 'binary' (a bit is the sign) but received some`);
}

function measure(native: NativeBinding, x: FloatRows, perDimension: boolean): Ranges {
  const min = new Float32Array(x.dimensions);
  const max = new Float32Array(x.dimensions);
  native.embeddingRanges(controlOf(x).bytes, x.data, min, max);
  if (perDimension) return { min, max };
  let reach = 0;
  for (let d = 0; d < min.length; d++) reach = Math.max(reach, -min[d], max[d]);
  return { min: Float32Array.of(0 - reach), max: Float32Array.of(reach) };
}

/** A control block for functions that read x. */
export function controlOf({ rows, dimensions, ld }: Pick<FloatRows, 'rows' | 'dimensions' | 'ld'>): Control {
  const ctl = makeControl(Search.length);
  ctl.slots[Search.rows] = rows;
  ctl.slots[Search.dimensions] = dimensions;
  ctl.slots[Search.ld] = ld;
  return ctl;
}
