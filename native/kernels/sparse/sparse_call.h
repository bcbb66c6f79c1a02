// What a sparse product computes, wherever: plain data. D is the dense operand.
#ifndef LOWP_KERNELS_SPARSE_SPARSE_CALL_H_
#define LOWP_KERNELS_SPARSE_SPARSE_CALL_H_

#include <cstddef>
#include <cstdint>

#include "core/status.h"
#include "kernels/epilogue/epilogue.h"

namespace lowp {

struct SpmmCall {
  bool right = false;
  const float* dense = nullptr;
  size_t ld = 0;
  size_t n = 0;  // columns of D, or with `right` its rows
  float* c = nullptr;
  size_t ldc = 0;
  const float* bias = nullptr;  // [rows]
  Activation activation{};
};

enum class QSpmmDense : uint8_t { kU8, kS8, kFloat32PerTensor, kFloat32PerRow };
inline bool IsFloat(QSpmmDense kind) { return kind == QSpmmDense::kFloat32PerTensor || kind == QSpmmDense::kFloat32PerRow; }

struct QSpmmCall {
  bool right = false;
  QSpmmDense dense_kind = QSpmmDense::kU8;  // kFloat32PerRow: right only
  const void* dense = nullptr;
  size_t ld = 0;
  size_t n = 0;  // columns of D, or with `right` its rows
  float dense_scale = 1;
  int32_t dense_zero = 0;
  IntOutput output;  // without a residual; bias: [rows of S]
  void* c = nullptr;
  size_t ldc = 0;
};

// What every backend asks of the numbers it is given. bias_magnitude: at least max|bias|, where there is an int32 one.
Status CheckQSpmm(const QSpmmCall& call, size_t longest_row, int64_t bias_magnitude);

}  // namespace lowp

#endif  // LOWP_KERNELS_SPARSE_SPARSE_CALL_H_
