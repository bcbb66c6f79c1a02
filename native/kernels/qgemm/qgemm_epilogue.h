// The epilogue, once for all ISAs: a template over a vector type that each ISA file defines in its anonymous namespace,
// so that every instance has internal linkage. Multiplication and addition stay separate, each rounded to float32, as
// in the TypeScript oracle; -ffp-contract=off keeps the compiler from fusing them.
//
// V has: kWidth, F, I; LoadI LoadF SetI SetF AddI SubI MulI ToF AddF MulF DivF MinF MaxF (MinF(bound, x) gives x where x
// is NaN), NanToZero, Round (ties to even), StoreI StoreF StoreU8 StoreS8 of the first `cols` lanes.
#ifndef LOWP_KERNELS_QGEMM_QGEMM_EPILOGUE_H_
#define LOWP_KERNELS_QGEMM_QGEMM_EPILOGUE_H_

#include "kernels/qgemm/qgemm_kernel.h"

namespace lowp {

template <class V, QGemmStoreMode kMode>
inline void StoreVector(const QGemmStore& e, const int32_t* acc, size_t m, size_t n, size_t cols) {
  typename V::I s = V::AddI(V::LoadI(acc), V::LoadI(e.col_add + n));
  if (e.row_sum != nullptr) s = V::SubI(s, V::MulI(V::SetI(e.row_sum[m]), V::LoadI(e.b_zero + n)));
  if (e.a_zero != nullptr) s = V::SubI(s, V::MulI(V::SetI(e.a_zero[m]), V::LoadI(e.b_corr + n)));
  const size_t at = m * e.ldc + n;
  if constexpr (kMode == QGemmStoreMode::kInt32) {
    V::StoreI(static_cast<int32_t*>(e.c) + at, s, cols);
    return;
  }
  typename V::F scale = V::LoadF(e.scale + n);
  if (e.a_scale != nullptr) {
    scale = V::MulF(V::SetF(e.a_scale[m]), scale);
    if constexpr (kMode == QGemmStoreMode::kRequantize) scale = V::DivF(scale, V::SetF(e.c_scale));
  }
  typename V::F x = V::MulF(V::ToF(s), scale);
  if constexpr (kMode != QGemmStoreMode::kRequantize) {
    if (e.bias != nullptr) x = V::AddF(x, V::LoadF(e.bias + n));
    x = V::MinF(V::SetF(e.max), V::MaxF(V::SetF(e.min), x));
  }
  if constexpr (kMode == QGemmStoreMode::kFloat32) {
    V::StoreF(static_cast<float*>(e.c) + at, x, cols);
    return;
  }
  if constexpr (kMode == QGemmStoreMode::kQuantize) x = V::DivF(x, V::SetF(e.c_scale));
  // Clamping before rounding equals saturating after it, the bounds being integers, and keeps the conversion in range.
  x = V::MinF(V::SetF(e.c_high), V::MaxF(V::SetF(e.c_low), V::NanToZero(x)));
  const typename V::I q = V::AddI(V::Round(x), V::SetI(e.c_zero));
  if (e.c_signed) {
    V::StoreS8(static_cast<int8_t*>(e.c) + at, q, cols);
  } else {
    V::StoreU8(static_cast<uint8_t*>(e.c) + at, q, cols);
  }
}

template <class V, size_t kNr, QGemmStoreMode kMode>
void StoreTileInMode(const QGemmStore& e, const int32_t* acc, size_t m, size_t n, size_t rows, size_t cols) {
  for (size_t row = 0; row < rows; ++row) {
    size_t col = 0;
    for (; col + V::kWidth <= cols; col += V::kWidth)
      StoreVector<V, kMode>(e, acc + row * kNr + col, m + row, n + col, V::kWidth);
    if (col < cols) StoreVector<V, kMode>(e, acc + row * kNr + col, m + row, n + col, cols - col);
  }
}

template <class V, size_t kNr>
void StoreTile(const QGemmStore& e, const int32_t* acc, size_t m, size_t n, size_t rows, size_t cols) {
  static_assert(kNr % V::kWidth == 0, "a vector must not reach past the padded columns");
  switch (e.mode) {
    case QGemmStoreMode::kInt32: return StoreTileInMode<V, kNr, QGemmStoreMode::kInt32>(e, acc, m, n, rows, cols);
    case QGemmStoreMode::kFloat32: return StoreTileInMode<V, kNr, QGemmStoreMode::kFloat32>(e, acc, m, n, rows, cols);
    case QGemmStoreMode::kRequantize: return StoreTileInMode<V, kNr, QGemmStoreMode::kRequantize>(e, acc, m, n, rows, cols);
    case QGemmStoreMode::kQuantize: return StoreTileInMode<V, kNr, QGemmStoreMode::kQuantize>(e, acc, m, n, rows, cols);
  }
}

// The first `cols` lanes of a vector that was spilled to `lanes`.
template <class T, class L>
static inline void StoreLanes(T* out, const L* lanes, size_t cols) {
  for (size_t i = 0; i < cols; ++i) out[i] = static_cast<T>(lanes[i]);
}

}  // namespace lowp

#endif  // LOWP_KERNELS_QGEMM_QGEMM_EPILOGUE_H_
