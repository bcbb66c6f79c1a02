// The loops of svd_kernel.h over a vector of doubles. V has kLanes (which divides kSvdRotateWidth), Load, Store, Widen (of
// floats), Set, MultiplyAdd(a, b, c) = a * b + c, Multiply, Subtract and Sum.
#ifndef LOWP_KERNELS_SVD_SVD_LOOPS_H_
#define LOWP_KERNELS_SVD_SVD_LOOPS_H_

#include "kernels/svd/svd_kernel.h"

namespace lowp {

template <class V>
void SvdGram(size_t depth, const float* const* a, const float* const* b, double* sums) {
  using Vector = typename V::Vector;
  Vector acc[kSvdGramRows][kSvdGramCols];
#pragma GCC unroll 4
  for (size_t i = 0; i < kSvdGramRows; ++i) {
#pragma GCC unroll 3
    for (size_t j = 0; j < kSvdGramCols; ++j) acc[i][j] = V::Set(0);
  }
  size_t k = 0;
  for (; k + V::kLanes <= depth; k += V::kLanes) {
    Vector bk[kSvdGramCols];
#pragma GCC unroll 3
    for (size_t j = 0; j < kSvdGramCols; ++j) bk[j] = V::Widen(b[j] + k);
#pragma GCC unroll 4
    for (size_t i = 0; i < kSvdGramRows; ++i) {
      const Vector ak = V::Widen(a[i] + k);
#pragma GCC unroll 3
      for (size_t j = 0; j < kSvdGramCols; ++j) acc[i][j] = V::MultiplyAdd(ak, bk[j], acc[i][j]);
    }
  }
  for (size_t i = 0; i < kSvdGramRows; ++i) {
    for (size_t j = 0; j < kSvdGramCols; ++j) {
      double sum = V::Sum(acc[i][j]);
      for (size_t rest = k; rest < depth; ++rest) sum += static_cast<double>(a[i][rest]) * b[j][rest];
      sums[i * kSvdGramCols + j] = sum;
    }
  }
}

template <class V>
void SvdRotate(size_t count, const double* c, const double* s, double* z, size_t width) {
  using Vector = typename V::Vector;
  constexpr size_t kVectors = kSvdRotateWidth / V::kLanes;
  // A strip of columns at a time: of each row only what is carried to the next stays in registers.
  for (size_t column = 0; column < width; column += kSvdRotateWidth) {
    double* row = z + count * width + column;
    Vector carry[kVectors];
#pragma GCC unroll 8
    for (size_t v = 0; v < kVectors; ++v) carry[v] = V::Load(row + v * V::kLanes);
    for (size_t i = count; i-- > 0; row -= width) {
      const Vector ci = V::Set(c[i]), si = V::Set(s[i]);
#pragma GCC unroll 8
      for (size_t v = 0; v < kVectors; ++v) {
        const Vector above = V::Load(row - width + v * V::kLanes);
        V::Store(row + v * V::kLanes, V::MultiplyAdd(si, above, V::Multiply(ci, carry[v])));
        carry[v] = V::Subtract(V::Multiply(ci, above), V::Multiply(si, carry[v]));
      }
    }
#pragma GCC unroll 8
    for (size_t v = 0; v < kVectors; ++v) V::Store(row + v * V::kLanes, carry[v]);
  }
}

template <class V>
void SvdUpdate(size_t length, double v_i, const double* w, double w_i, const double* v, double u_i, double* row, double* p) {
  using Vector = typename V::Vector;
  const Vector vi = V::Set(v_i), wi = V::Set(w_i), ui = V::Set(u_i);
  size_t k = 0;
  for (; k + V::kLanes <= length; k += V::kLanes) {
    const Vector change = V::MultiplyAdd(vi, V::Load(w + k), V::Multiply(wi, V::Load(v + k)));
    const Vector updated = V::Subtract(V::Load(row + k), change);
    V::Store(row + k, updated);
    V::Store(p + k, V::MultiplyAdd(ui, updated, V::Load(p + k)));
  }
  for (; k < length; ++k) {
    row[k] -= v_i * w[k] + w_i * v[k];
    p[k] += u_i * row[k];
  }
}

}  // namespace lowp

#endif  // LOWP_KERNELS_SVD_SVD_LOOPS_H_
