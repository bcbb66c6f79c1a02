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

// The constants of kWidth columns, loaded once for all rows of a tile.
template <class V>
struct ColumnConstants {
  typename V::I add, zero, corr;
  typename V::F scale, bias;

  ColumnConstants(const QGemmStore& e, size_t n)
      : add(V::LoadI(e.col_add + n)), zero(add), corr(add), scale(V::LoadF(e.scale + n)), bias(scale) {
    if (e.row_sum != nullptr) zero = V::LoadI(e.b_zero + n);
    if (e.a_zero != nullptr) corr = V::LoadI(e.b_corr + n);
    if (e.bias != nullptr) bias = V::LoadF(e.bias + n);
  }
};

template <class V, QGemmStoreMode kMode>
inline void StoreColumns(const QGemmStore& store, const int32_t* acc, size_t acc_stride, size_t m, size_t n, size_t rows,
                         size_t cols) {
  // A copy whose address nobody has, because a store to C might otherwise change it: without it every row reads it again.
  const QGemmStore e = store;
  const ColumnConstants<V> column(e, n);
  for (size_t row = m; row < m + rows; ++row, acc += acc_stride) {
    typename V::I s = V::AddI(V::LoadI(acc), column.add);
    if (e.row_sum != nullptr) s = V::SubI(s, V::MulI(V::SetI(e.row_sum[row]), column.zero));
    if (e.a_zero != nullptr) s = V::SubI(s, V::MulI(V::SetI(e.a_zero[row]), column.corr));
    const size_t at = row * e.ldc + n;
    if constexpr (kMode == QGemmStoreMode::kInt32) {
      V::StoreI(static_cast<int32_t*>(e.c) + at, s, cols);
      continue;
    }
    typename V::F scale = column.scale;
    if (e.a_scale != nullptr) {
      scale = V::MulF(V::SetF(e.a_scale[row]), scale);
      if constexpr (kMode == QGemmStoreMode::kRequantize) scale = V::DivF(scale, V::SetF(e.c_scale));
    }
    typename V::F x = V::MulF(V::ToF(s), scale);
    if constexpr (kMode != QGemmStoreMode::kRequantize) {
      if (e.bias != nullptr) x = V::AddF(x, column.bias);
      x = V::MinF(V::SetF(e.max), V::MaxF(V::SetF(e.min), x));
    }
    if constexpr (kMode == QGemmStoreMode::kFloat32) {
      V::StoreF(static_cast<float*>(e.c) + at, x, cols);
      continue;
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
}

template <class V, size_t kNr, QGemmStoreMode kMode>
void StoreTileInMode(const QGemmStore& e, const int32_t* acc, size_t m, size_t n, size_t rows, size_t cols) {
  size_t col = 0;
  for (; col + V::kWidth <= cols; col += V::kWidth) StoreColumns<V, kMode>(e, acc + col, kNr, m, n + col, rows, V::kWidth);
  if (col < cols) StoreColumns<V, kMode>(e, acc + col, kNr, m, n + col, rows, cols - col);
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
