/** Every shape of data that crosses the public API. Plain objects: an onnxruntime or tfjs tensor needs only `{ data, shape }`. */
import type { Device } from './types/device';
export type * from './types/conv';
export type * from './types/device';
export type * from './types/sparse';
export type * from './types/svd';

/**
 * A row-major tensor. The dtype follows from the array type.
 *
 * `strides` (in elements, one per dimension) describes a view into a larger array: the last stride must be 1, the others at
 * least the extent they step over. Absent means contiguous.
 */
export interface Tensor<T> {
  readonly data: T;
  readonly shape: readonly number[];
  readonly strides?: readonly number[];
}

/** Floating-point formats. bfloat16 has the range of float32 and 8 bits of precision; float16 has 11 bits, up to 65504. */
export type FloatDtype = 'float32' | 'bfloat16' | 'float16';

/**
 * 16-bit floating-point values: `data` holds their bits, as tensors of onnxruntime-node and files in safetensors have them. Made by
 * `cast`, or taken from where it was stored (`new Uint16Array(f.buffer, f.byteOffset, f.length)` of a Float16Array f).
 */
export interface Float16Tensor<D extends 'bfloat16' | 'float16' = 'bfloat16' | 'float16'> extends Tensor<Uint16Array> {
  readonly dtype: D;
}

/** What holds floating-point values of dtype `D`. */
export type FloatTensor<D extends FloatDtype> = D extends 'bfloat16' | 'float16' ? Float16Tensor<D> : Tensor<Float32Array>;

export interface CastOptions<D extends FloatDtype = FloatDtype> {
  readonly dtype: D;
  /** Where the values go: at least as many elements as x has. */
  readonly out?: FloatTensor<D>['data'];
  /** Where it runs; see `Device`. */
  readonly device?: Device;
}

/** 8-bit values with real = scale * (data - zeroPoint). `axis` is the dimension that arrays of scales and zero points run along. */
export interface QuantizedTensor<T extends Int8Array | Uint8Array = Int8Array | Uint8Array> extends Tensor<T> {
  readonly scale: number | Float32Array;
  readonly zeroPoint: number | Int8Array | Uint8Array | Int32Array;
  readonly axis?: number;
}

/** Bits of a weight in groups. */
export type GroupBits = 4 | 8;

/** Neighbouring weights along K that share a scale. */
export type GroupSize = 16 | 32 | 64 | 128 | 256;

/**
 * Weights [N, K] of 4 or 8 bits with real = scale * (code - zeroPoint), a scale (and a zero point, if wanted) for each group of
 * `groupSize` along K. The layout is that of the ONNX operator com.microsoft.MatMulNBits, so that a model's initializers B, scales
 * and zero_points can stand here as they are. With groups = ceil(K / groupSize), the last of which may be shorter but is stored whole:
 */
export interface GroupQuantizedTensor {
  /** [N, groups, groupSize * bits / 8]: codes from 0 on, of 4 bits the low nibble first. */
  readonly data: Uint8Array;
  readonly bits: GroupBits;
  readonly groupSize: GroupSize;
  /** [N, K] */
  readonly shape: readonly number[];
  /** [N, groups], finite, of either sign. */
  readonly scales: Float32Array;
  /** [N, ceil(groups * bits / 8)], of 4 bits the low nibble first. Absent: 8 (4 bits) or 128 (8 bits) everywhere. */
  readonly zeroPoints?: Uint8Array;
}

export interface QuantizeWeightsOptions {
  /** Default 4. */
  readonly bits?: GroupBits;
  /** Default 32. */
  readonly groupSize?: GroupSize;
  /**
   * Default `true`: the zero point is the middle code everywhere and is not stored; scale = x / -8 (x / -128 for 8 bits), where x is
   * the value of largest magnitude of the group. `false`: scale = (max - min) / 15 (/ 255) with a zero point for each group.
   */
  readonly symmetric?: boolean;
  /** The weights are [N, K] instead of [K, N]. Default `false`. */
  readonly transposeB?: boolean;
}

/** The dtypes that `quantize` makes. */
export type QuantizedDtype = 'int8' | 'uint8';

/**
 * Applied to the real value x of each output element, after bias and residual, in float32.
 *
 * - `'relu'`: max(x, 0). `{ min, max }`: x clamped (either bound may be left out).
 * - `'gelu'`: x * Phi(x) = x * (1 + erf(x / sqrt(2))) / 2. `'geluTanh'`: its approximation by tanh (what GPT-2 and BERT call
 *   gelu_new): x * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 x^3))) / 2.
 * - `'silu'`: x * sigmoid(x), also known as swish. `'sigmoid'`: 1 / (1 + e^-x). `'tanh'`.
 * - `'hardsigmoid'`: x / 6 + 1/2 clamped to 0..1. `'hardswish'`: x * hardsigmoid(x).
 * - `{ type: 'leakyRelu', alpha }`: x where it is not negative, else alpha * x. Default of `alpha`: 0.01.
 *
 * Errors against the exact function of the float32 x: sigmoid and tanh 3 units in the last place (ulp); for x >= 0 silu and
 * geluTanh 3, gelu 4 ulp; for x < 0 these three 1e-7. NaN stays NaN. At -Infinity gelu is 0; silu, geluTanh and hardswish are -0.
 */
export type Activation =
  | 'none'
  | 'relu'
  | 'gelu'
  | 'geluTanh'
  | 'silu'
  | 'sigmoid'
  | 'tanh'
  | 'hardswish'
  | 'hardsigmoid'
  | { readonly min?: number; readonly max?: number }
  | { readonly type: 'leakyRelu'; readonly alpha?: number };

/** A quantized output: y = saturate(round(x / scale) + zeroPoint), ties to even. */
export interface QuantizedOutput {
  readonly dtype: QuantizedDtype;
  readonly scale: number;
  readonly zeroPoint?: number;
}

export interface QuantizeOptions {
  /** Default `'int8'`. */
  readonly dtype?: QuantizedDtype;
  /** The dimension with a scale of its own for each index (negative counts from the end). Absent: one scale for the tensor. */
  readonly axis?: number;
  /**
   * Zero point fixed at the middle (0 for int8, 128 for uint8) and scale = max|x| / 127. Default `true` for int8 and `false`
   * for uint8. Asymmetric is the ONNX DynamicQuantizeLinear rule.
   */
  readonly symmetric?: boolean;
  /**
   * For symmetric int8 weights: scale = max|x| / 64, so that values take 7 bits. On processors with AVX2 but no VNNI products with
   * such weights are faster, because exact sums then need fewer instructions; elsewhere nothing is gained. Default `false`.
   */
  readonly reduceRange?: boolean;
  /** Given instead of computed from the data; with `axis`, one per index. */
  readonly scale?: number | Float32Array;
  /** Given together with `scale`. Default: 0 for int8, 128 for symmetric uint8, else 0. */
  readonly zeroPoint?: number | Int8Array | Uint8Array | Int32Array;
  /** Where the quantized values go. */
  readonly out?: Int8Array | Uint8Array;
  /** Where it runs; see `Device`. */
  readonly device?: Device;
}

export interface DequantizeOptions {
  readonly out?: Float32Array;
  /** Where it runs; see `Device`. */
  readonly device?: Device;
}

/** Options of both matrix products. */
export interface CommonMatmulOptions {
  /** Default `'none'`. */
  readonly activation?: Activation;
  /** b is [N, K] instead of [K, N]. For packed weights this was decided by `packWeights`. Default `false`. */
  readonly transposeB?: boolean;
  /** Threads for this call, 1 or more. Default: `runtime.threads`. The result does not depend on it. */
  readonly threads?: number;
  /** Where it runs; see `Device`. */
  readonly device?: Device;
}

export interface QuantizedMatmulOptions extends CommonMatmulOptions {
  /**
   * One value per output column. Float32Array (real values) for a float32 or quantized output; Int32Array (in units of
   * a.scale * b.scale) for an int32 or quantized output of quantized activations.
   */
  readonly bias?: Float32Array | Int32Array;
  /**
   * Added to the real values after scale and bias, before the activation, as a ResNet block does:
   * y = activation(sum * a.scale * b.scale + bias + residual). Of the result's shape: a float32 Tensor (rows may be further apart
   * than N: `strides`), a QuantizedTensor with one scale (whose real values are added, as ONNX QLinearAdd does), or a Float32Array
   * with an element for each of the result. It may be `out` itself. Not for output `'int32'`; float32 only where b is in groups.
   */
  readonly residual?: Tensor<Float32Array> | QuantizedTensor | Float32Array;
  /**
   * How float32 activations are quantized inside the call: one scale for each row (default), or one for the tensor. Where b is in
   * groups: `'perGroup'` only, a scale for each row and group of K.
   */
  readonly activations?: 'perTensor' | 'perRow' | 'perGroup';
  /** Default `'float32'`. `'int32'` is the exact accumulator with zero points applied. */
  readonly output?: 'float32' | 'int32' | QuantizedOutput;
  /** Where the result goes: at least as many elements as the result has, of the output's type. */
  readonly out?: Float32Array | Int32Array | Int8Array | Uint8Array;
  /** Row stride of `out` in elements, at least N. Default N. */
  readonly outStride?: number;
}

export interface MatmulOptions extends CommonMatmulOptions {
  /** One value per output column. */
  readonly bias?: Float32Array;
  /**
   * Added after bias and before the activation: y = activation(a * b + bias + residual). Of the result's shape: a Tensor (rows may
   * be further apart than N: `strides`), or a Float32Array with an element for each of the result. It may be `out` itself.
   */
  readonly residual?: Tensor<Float32Array> | Float32Array;
  /** a is [K, M] instead of [M, K] (two dimensions only). Default `false`. */
  readonly transposeA?: boolean;
  /**
   * On the CUDA device only (compute capability 8.0 and later): multiply on its matrix units, which round `a` to tf32 (11 bits, as the
   * weights), or to the format of 16-bit weights. The error is then within
   * K * max|a| * max|b| * (2u + u^2 + 2^-22 (K + 1)), with u = 2^-11, or 2^-8 for bfloat16. Default `false`.
   */
  readonly tensorCores?: boolean;
  readonly out?: Float32Array;
  readonly outStride?: number;
}

/** Added by every `...Async` form. */
export interface AsyncOptions {
  /** Cancels the call while it waits and between blocks of its work. The promise rejects with the signal's reason. */
  readonly signal?: AbortSignal;
}

export interface PackOptions {
  /** The weights are [N, K] instead of [K, N]. Default `false`; weights in groups are [N, K] anyway. */
  readonly transposeB?: boolean;
  /**
   * Of float32 weights only: what they are rounded to (to the nearest, ties to even) and kept as. 16 bits take half the memory and,
   * where few rows of activations are multiplied, up to half the time. Sums are float32 all the same. Default `'float32'`.
   */
  readonly storage?: FloatDtype;
  /** Where the packed weights are, and with them the calls that use them. Default `'cpu'`. */
  readonly device?: Device;
}

/** The array that holds values of dtype `D`. */
export type QuantizedArray<D extends QuantizedDtype> = D extends 'int8' ? Int8Array : Uint8Array;

/** What `output` may be. */
export type MatmulOutput = 'float32' | 'int32' | QuantizedOutput;

/** What `quantizedMatmul` returns for an `output` of type `O`. */
export type QuantizedMatmulResult<O extends MatmulOutput> = O extends 'float32'
  ? Tensor<Float32Array>
  : O extends 'int32'
    ? Tensor<Int32Array>
    : O extends { readonly dtype: infer D extends QuantizedDtype }
      ? QuantizedTensor<QuantizedArray<D>>
      : never;

/** What int8 codes of embeddings span: one value each for all dimensions, or a Float32Array with one for each dimension. */
export interface EmbeddingRanges {
  readonly min: number | Float32Array;
  readonly max: number | Float32Array;
}

/** [N, D]: one signed byte a dimension, x = centre + step * code, where centre = (min + max) / 2 and step = (max - min) / 254. */
export interface Int8Embeddings {
  readonly dtype: 'int8';
  readonly data: Int8Array;
  readonly shape: readonly number[];
  readonly ranges: EmbeddingRanges;
}

/** [N, D]: one bit a dimension, each row in ceil(D / 8) bytes, the first dimension in the highest bit of the first byte. */
export interface BinaryEmbeddings {
  readonly dtype: 'binary';
  readonly data: Uint8Array;
  readonly shape: readonly number[];
}

/** Plain data, made by `quantizeEmbeddings` (or read from where it was stored). */
export type QuantizedEmbeddings = Int8Embeddings | BinaryEmbeddings;

/** The dtypes that `quantizeEmbeddings` makes. */
export type EmbeddingDtype = QuantizedEmbeddings['dtype'];

export interface QuantizeEmbeddingsOptions {
  /** Default `'int8'`. */
  readonly dtype?: EmbeddingDtype;
  /**
   * int8 only. `'perTensor'` (default): one range for all dimensions, symmetric about zero. `'perDimension'`: smallest and largest
   * value of each. Or given: those of embeddings quantized before, or known ones.
   */
  readonly ranges?: 'perTensor' | 'perDimension' | EmbeddingRanges;
  /** int8 only: [C, D] from which the ranges are taken. Default: the embeddings themselves. */
  readonly calibration?: Tensor<Float32Array>;
}

/** Rescoring of the best candidates with the float32 vectors that the corpus was quantized from. */
export interface RescoreOptions {
  /** [N, D], row for row those of the corpus. An asynchronous search reads them when the scan has ended; they are not copied. */
  readonly embeddings: Tensor<Float32Array>;
  /** k * oversample candidates are rescored. A whole number of 1 or more. Default 4. */
  readonly oversample?: number;
}

export interface SearchOptions {
  /** Hits for each query, from 1 to N. Default 10, or N where there are fewer. */
  readonly k?: number;
  /** Default: none. */
  readonly rescore?: RescoreOptions;
  /** Threads for this call, 1 or more. Default: `runtime.threads`. The result does not depend on it. */
  readonly threads?: number;
  /** Default `'cpu'`, for which alone there are kernels. */
  readonly device?: Device;
}

/** Hits of each query, best first. */
export interface SearchResult {
  /** Rows of the corpus. */
  readonly indices: Int32Array;
  /**
   * int8: the dot product as the codes have it, in units of the float32 vectors. binary: the Hamming distance (lower is nearer).
   * Rescored: the dot product of the float32 vectors.
   */
  readonly scores: Float32Array;
  /** [Q, k], or [k] for a query [D]. */
  readonly shape: readonly number[];
}

/** What `quantizeEmbeddings` returns for a dtype. */
export type EmbeddingsOf<D extends EmbeddingDtype> = Extract<QuantizedEmbeddings, { readonly dtype: D }>;
