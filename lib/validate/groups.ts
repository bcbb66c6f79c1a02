/** Weights in groups: sizes that fit each other, finite scales. */
import { expected } from '../errors';
import { Group } from '../native/slots';
import { makeControl, type Control } from '../native/control';
import type { GroupBits, GroupQuantizedTensor, GroupSize } from '../types';
import { checkLength, isTagged, tooShort } from './arrays';
import { checkCount, checkShape } from './shapes';

const BITS: readonly number[] = [4, 8];
const SIZES: readonly number[] = [16, 32, 64, 128, 256];

/** A GroupQuantizedTensor, checked. */
export interface GroupWeights {
  readonly dtype: 'int4' | 'int8';
  readonly data: Uint8Array;
  readonly bits: GroupBits;
  readonly groupSize: GroupSize;
  readonly k: number;
  readonly n: number;
  readonly transposeB: true;
  readonly scales: Float32Array;
  readonly zeroPoints: Uint8Array | undefined;
}

/** Whether it is meant as a GroupQuantizedTensor. */
export function isGrouped(value: object): boolean {
  return 'groupSize' in value;
}

export function readBits(value: unknown, name: string): GroupBits {
  if (typeof value !== 'number') throw expected('ERR_LOWP_TYPE', 'a number', name, value);
  if (!BITS.includes(value)) throw expected('ERR_LOWP_VALUE', '4 or 8', name, value);
  return value as GroupBits;
}

export function readGroupSize(value: unknown, name: string): GroupSize {
  if (typeof value !== 'number') throw expected('ERR_LOWP_TYPE', 'a number', name, value);
  if (!SIZES.includes(value)) throw expected('ERR_LOWP_VALUE', '16, 32, 64, 128 or 256', name, value);
  return value as GroupSize;
}

/** How many elements the arrays of [N, K] have. */
export function groupLengths(n: number, k: number, bits: GroupBits, groupSize: GroupSize) {
  const groups = Math.ceil(k / groupSize);
  return { data: n * groups * ((groupSize * bits) / 8), scales: n * groups, zeroPoints: n * Math.ceil((groups * bits) / 8) };
}

export function readGroups(q: object, name: string): GroupWeights {
  const given: Partial<Record<keyof GroupQuantizedTensor, unknown>> = q;
  const { data, bits: givenBits, groupSize: givenSize, shape, scales, zeroPoints } = given;
  if (!isTagged(data, 'Uint8Array')) throw expected('ERR_LOWP_TYPE', 'a Uint8Array', `${name}.data`, data);
  const bits = readBits(givenBits, `${name}.bits`);
  const groupSize = readGroupSize(givenSize, `${name}.groupSize`);
  checkShape(shape, `${name}.shape`);
  if (shape.length !== 2) throw expected('ERR_LOWP_SHAPE', 'two dimensions ([N, K])', `${name}.shape`, shape);
  checkCount(shape, `${name}.shape`);
  const [n, k] = shape;

  const lengths = groupLengths(n, k, bits, groupSize);
  if (data.length < lengths.data) {
    throw tooShort(data, lengths.data, 'N * ceil(K / groupSize) * groupSize * bits / 8', `${name}.data`);
  }
  if (!isTagged(scales, 'Float32Array')) throw expected('ERR_LOWP_TYPE', 'a Float32Array', `${name}.scales`, scales);
  checkLength(scales, lengths.scales, 'N * ceil(K / groupSize)', `${name}.scales`);
  for (let i = 0; i < scales.length; i++) {
    if (!Number.isFinite(scales[i])) throw expected('ERR_LOWP_VALUE', 'a finite number', `${name}.scales[${i}]`, scales[i]);
  }
  if (zeroPoints !== undefined) {
    if (!isTagged(zeroPoints, 'Uint8Array')) throw expected('ERR_LOWP_TYPE', 'a Uint8Array', `${name}.zeroPoints`, zeroPoints);
    const meaning = bits === 4 ? 'N * ceil(groups / 2), two in a byte' : 'N * ceil(K / groupSize)';
    checkLength(zeroPoints, lengths.zeroPoints, meaning, `${name}.zeroPoints`);
  }
  const dtype = bits === 4 ? 'int4' : 'int8';
  return { dtype, data, bits, groupSize, k, n, transposeB: true, scales, zeroPoints };
}

export function groupControl({ k, n, bits, groupSize }: Pick<GroupWeights, 'k' | 'n' | 'bits' | 'groupSize'>): Control {
  const ctl = makeControl(Group.length);
  ctl.slots[Group.k] = k;
  ctl.slots[Group.n] = n;
  ctl.slots[Group.bits] = bits;
  ctl.slots[Group.groupSize] = groupSize;
  return ctl;
}
