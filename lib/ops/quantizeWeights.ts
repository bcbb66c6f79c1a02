import { expected, fromNative } from '../errors';
import { Group } from '../native/slots';
import { nativeBinding } from '../native/load';
import * as reference from '../reference';
import type { GroupQuantizedTensor, QuantizeWeightsOptions, Tensor } from '../types';
import { allocate, isTagged } from '../validate/arrays';
import { groupControl, groupLengths, readBits, readGroupSize } from '../validate/groups';
import { checkKeys, checkTensor, readBoolean } from '../validate/options';
import { checkExtent, checkShape, leadingDimension } from '../validate/shapes';

const KEYS: ReadonlySet<string> = new Set(['bits', 'groupSize', 'symmetric', 'transposeB']);

/**
 * Rounds float32 weights to 4 or 8 bits, each column in groups along K with a scale of their own: for `quantizedMatmul` of float32
 * activations, where reading the weights is what takes the time.
 *
 * `w` is [K, N], or [N, K] with `transposeB` (default `false`); the result is [N, K] in the layout of ONNX MatMulNBits. `bits` is 4
 * (default) or 8, `groupSize` 16, 32 (default), 64, 128 or 256. `symmetric` (default `true`) stores no zero points: the middle code is
 * 0 and scale = x / -8 (x / -128), where x is the finite value of largest magnitude, so that x is exact and the scale has the opposite
 * sign. Asymmetric: scale = (max - min) / 15 (/ 255) over the finite values and 0, zero point = round(-min / scale). Codes are
 * round(w / scale) + zero point, ties to even, saturated; NaN becomes the zero point, infinities saturate.
 *
 * Source: the block-wise quantization of onnxruntime's MatMulNBits quantizer.
 *
 * @throws ERR_LOWP_TYPE, ERR_LOWP_SHAPE, ERR_LOWP_VALUE, ERR_LOWP_DETACHED; ERR_LOWP_UNSUPPORTED where there is no native binary.
 * @example
 * const w = { data: Float32Array.of(-8, 1, 3, 7), shape: [4, 1] };
 * const q = quantizeWeights(w, { groupSize: 16 });
 * console.log(q.scales, q.data.subarray(0, 2)); // Float32Array(1) [ 1 ] Uint8Array(2) [ 144, 251 ]: codes 0 9 11 15
 */
export function quantizeWeights(w: Tensor<Float32Array>, options?: QuantizeWeightsOptions): GroupQuantizedTensor {
  const native = nativeBinding();
  checkKeys(options, KEYS, 'options');
  const { bits: givenBits, groupSize: givenSize, symmetric: givenSymmetric, transposeB: givenTranspose } = options ?? {};
  const bits = givenBits === undefined ? 4 : readBits(givenBits, 'options.bits');
  const groupSize = givenSize === undefined ? 32 : readGroupSize(givenSize, 'options.groupSize');
  const symmetric = givenSymmetric === undefined || readBoolean(givenSymmetric, 'options.symmetric');
  const transposeB = readBoolean(givenTranspose, 'options.transposeB');

  checkTensor(w, 'a float32 Tensor', 'w');
  const { data, shape, strides } = w;
  if (!isTagged(data, 'Float32Array')) throw expected('ERR_LOWP_TYPE', 'a Float32Array', 'w.data', data);
  checkShape(shape, 'w.shape');
  if (shape.length !== 2) throw expected('ERR_LOWP_SHAPE', 'two dimensions', 'w.shape', shape);
  checkExtent(data, shape, strides, 'w');
  const [n, k] = transposeB ? shape : [shape[1], shape[0]];
  if (native === undefined) return reference.quantizeWeights(w, { bits, groupSize, symmetric, transposeB });

  const lengths = groupLengths(n, k, bits, groupSize);
  const codes = allocate('Uint8Array', lengths.data);
  const scales = allocate('Float32Array', lengths.scales);
  const zeroPoints = symmetric ? undefined : allocate('Uint8Array', lengths.zeroPoints);
  const ctl = groupControl({ k, n, bits, groupSize });
  ctl.slots[Group.ldw] = leadingDimension(shape, strides);
  ctl.slots[Group.transposeB] = transposeB ? 1 : 0;
  try {
    native.quantizeGroups(ctl.bytes, data, codes, scales, zeroPoints);
  } catch (thrown) {
    throw fromNative(thrown, quantizeWeights);
  }
  const result = { data: codes, bits, groupSize, shape: [n, k], scales };
  return zeroPoints === undefined ? result : { ...result, zeroPoints };
}
