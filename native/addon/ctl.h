// Slots of the control blocks; lib/native/slots.ts mirrors them and says what they mean.
#ifndef LOWP_ADDON_CTL_H_
#define LOWP_ADDON_CTL_H_

#include <cstddef>

namespace lowp {

inline constexpr int kBindingVersion = 11;

struct GemmSlot {
  enum : size_t {
    batch,
    m,
    n,
    k,
    lda,
    batchStrideA,
    ldc,
    batchStrideC,
    activation,
    min,
    max,
    alpha,
    ldResidual,
    scaleResidual,
    zeroResidual,
    threads,
    job,
    ownsOut,
    transposeA,
    quantization,
    scaleA,
    zeroA,
    scaleOut,
    zeroOut,
    right,
    tensorCores,
    length
  };
};

// In the order of ActivationKind of kernels/epilogue.
struct ActivationCode {
  enum : size_t { clamp, leakyRelu, gelu, geluTanh, silu, sigmoid, tanh, hardswish, hardsigmoid, length };
};

struct ActivationQuantization {
  enum : size_t { perTensor, perRow, dynamicPerTensor, dynamicPerRow };
};

struct PackSlot {
  enum : size_t { k, n, ldb, transposeB, storage, length };
};

// In the order of SGemmStorage of kernels/sgemm.
struct StorageCode {
  enum : size_t { float32, bfloat16, float16, length };
};

// What arrays on the device may hold.
struct ElementCode {
  enum : size_t { int8, uint8, int32, float32, uint16, length };
};

struct CastSlot {
  enum : size_t { count, from, to, length };
};

struct GroupSlot {
  enum : size_t { k, n, bits, groupSize, ldw, transposeB, length };
};

struct ConvSlot {
  enum : size_t {
    batch,
    channels,
    height,
    width,
    outChannels,
    outH,
    outW,
    kernelH,
    kernelW,
    strideH,
    strideW,
    dilationH,
    dilationW,
    padTop,
    padLeft,
    groups,
    nhwc,
    winograd,
    length
  };
};

struct PoolSlot {
  enum : size_t {
    average,
    countIncludePad,
    nhwc,
    batch,
    channels,
    height,
    width,
    outH,
    outW,
    kernelH,
    kernelW,
    strideH,
    strideW,
    dilationH,
    dilationW,
    padTop,
    padLeft,
    padBottom,
    padRight,
    scaleX,
    zeroX,
    scaleOut,
    zeroOut,
    threads,
    job,
    ownsOut,
    length
  };
};

struct SparseSlot {
  enum : size_t { rows, cols, blockRows, blockCols, length };
};

struct QuantizeSlot {
  enum : size_t { outer, channels, inner, symmetric, isSigned, length };
};

struct SvdSlot {
  enum : size_t {
    m,
    n,
    lda,
    rank,
    criterion,
    target,
    accurate,
    oversample,
    powerIterations,
    seed,
    measure,
    threads,
    job,
    length
  };
};

// In the order of SvdCriterion of kernels/svd.
struct SvdCriterionCode {
  enum : size_t { rank, energy, maxError, length };
};

// What an SVD says of itself, as doubles in front of the factors.
struct SvdReport {
  enum : size_t { rank, energy, residual, converged, length };
};

struct SearchSlot {
  enum : size_t { rows, dimensions, ld, queries, k, candidates, threads, job, length };
};

}  // namespace lowp

#endif  // LOWP_ADDON_CTL_H_
