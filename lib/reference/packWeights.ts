import type { Float16Tensor, FloatDtype, GroupQuantizedTensor, PackOptions, QuantizedTensor, Tensor } from '../types';
import { cast, isFloat16 } from './cast';
import { offsetsOf, transpose } from './layout';
import { emptyLike } from './numbers';
import { normalizedAxis, scaleAt, zeroAt } from './quantize';
import { refuse } from './refuse';

/** Weights as the loops read them: b(k, n) = data[k * N + n], one scale and zero point per column. */
export interface Columns<T> {
  readonly data: T;
  readonly k: number;
  readonly n: number;
  readonly scales: Float32Array;
  readonly zeros: Int32Array;
}

type Weights = Columns<Int8Array | Uint8Array> | Columns<Float32Array> | GroupQuantizedTensor;

/** Holds a copy of the weights, so that programs written for packed native weights run unchanged. */
export class PackedWeights {
  readonly shape: readonly number[];
  readonly dtype: 'int4' | 'int8' | FloatDtype;
  readonly groupSize: number | undefined;
  readonly kernel = 'reference';
  readonly isa = 'reference';
  readonly bytes: number;
  #weights: Weights | undefined;

  /** `storage`: the dtype that float32 weights have been rounded to. */
  constructor(weights: Weights, storage: FloatDtype = 'float32') {
    this.#weights = weights;
    const grouped = 'groupSize' in weights;
    this.shape = grouped ? [weights.shape[1], weights.shape[0]] : [weights.k, weights.n];
    this.groupSize = grouped ? weights.groupSize : undefined;
    if (grouped) this.dtype = weights.bits === 4 ? 'int4' : 'int8';
    else this.dtype = weights.data.BYTES_PER_ELEMENT === 1 ? 'int8' : storage;
    this.bytes = storage === 'float32' ? weights.data.byteLength : weights.data.length * 2;
  }

  get disposed(): boolean {
    return this.#weights === undefined;
  }

  dispose(): void {
    this.#weights = undefined;
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  weights(): Weights {
    if (this.#weights === undefined) {
      throw refuse('ERR_LOWP_DISPOSED', 'Expected live packed weights for b but received disposed ones');
    }
    return this.#weights;
  }
}

/**
 * A QuantizedTensor for `quantizedMatmul`, or a float32 Tensor (rounded to `storage`) or Float16Tensor for `matmul`: [K, N], or
 * [N, K] with `transposeB`. Groups are [N, K].
 */
export function packWeights(
  b: QuantizedTensor | GroupQuantizedTensor | Tensor<Float32Array> | Float16Tensor,
  options: PackOptions = {},
): PackedWeights {
  if (options.storage !== undefined && b.data.BYTES_PER_ELEMENT !== 4) {
    throw refuse('ERR_LOWP_VALUE', `Expected nothing for options.storage of such weights but received '${options.storage}'`);
  }
  if ('groupSize' in b) return new PackedWeights(copyGroups(b));
  if ('scale' in b) return new PackedWeights(quantizedColumns(b, options.transposeB));
  const storage = isFloat16(b) ? b.dtype : (options.storage ?? 'float32');
  const stored = isFloat16(b) ? b : cast(b, { dtype: storage });
  return new PackedWeights(floatColumns(stored, options.transposeB), storage);
}

function copyGroups(q: GroupQuantizedTensor): GroupQuantizedTensor {
  const copy = { ...q, data: Uint8Array.from(q.data), shape: [...q.shape], scales: q.scales.slice() };
  return q.zeroPoints === undefined ? copy : { ...copy, zeroPoints: Uint8Array.from(q.zeroPoints) };
}

export function quantizedColumns(b: QuantizedTensor, transposeB = false): Columns<Int8Array | Uint8Array> {
  const axis = normalizedAxis(b.axis, b.shape);
  const columnAxis = transposeB ? 0 : 1;
  if (axis !== undefined && axis !== columnAxis) {
    throw refuse('ERR_LOWP_VALUE', `Expected ${columnAxis} (the axis of the columns) for b.axis but received ${axis}`);
  }
  const { data, shape } = gather(b, transposeB);
  const [k, n] = shape;
  const scales = Float32Array.from({ length: n }, (_, c) => scaleAt(b, c));
  const zeros = Int32Array.from({ length: n }, (_, c) => zeroAt(b, c));
  return { data, k, n, scales, zeros };
}

export function floatColumns(b: Tensor<Float32Array> | Float16Tensor, transposeB = false): Columns<Float32Array> {
  const { data, shape } = gather(isFloat16(b) ? cast(b, { dtype: 'float32' }) : b, transposeB);
  return { data, k: shape[0], n: shape[1], scales: new Float32Array(0), zeros: new Int32Array(0) };
}

/** A contiguous [K, N] copy. */
function gather<T extends Int8Array | Uint8Array | Float32Array>(b: Tensor<T>, transposeB: boolean): Tensor<T> {
  if (b.shape.length !== 2) throw refuse('ERR_LOWP_SHAPE', `Expected two dimensions for b.shape but received ${b.shape.length}`);
  const view = transposeB ? transpose(b) : b;
  const source = offsetsOf(view);
  const data = emptyLike(b.data, source.length);
  source.forEach((offset, i) => (data[i] = b.data[offset]));
  return { data, shape: view.shape };
}
