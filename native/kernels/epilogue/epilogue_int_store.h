// From a tile of exact int32 sums to C: the store of qgemm and qspmm.
#ifndef LOWP_KERNELS_EPILOGUE_EPILOGUE_INT_STORE_H_
#define LOWP_KERNELS_EPILOGUE_EPILOGUE_INT_STORE_H_

#include "kernels/epilogue/epilogue_activation.h"
#include "kernels/epilogue/epilogue_kernel.h"
#include "kernels/epilogue/epilogue_residual.h"
#include "kernels/epilogue/epilogue_vector.h"

namespace lowp {

// The constants of kWidth columns, loaded once for all rows of a tile.
template <class V>
struct ColumnConstants {
  typename V::I add, zero, corr;
  typename V::F scale, bias;

  ColumnConstants(const IntStore& e, size_t n)
      : add(V::LoadI(e.col_add + n)), zero(add), corr(add), scale(V::LoadF(e.scale + n)), bias(scale) {
    if (e.row_sum != nullptr) zero = V::LoadI(e.b_zero + n);
    if (e.a_zero != nullptr) corr = V::LoadI(e.b_corr + n);
    if (e.bias != nullptr) bias = V::LoadF(e.bias + n);
  }
  LOWP_HD ColumnConstants(typename V::I add, typename V::I zero, typename V::I corr, typename V::F scale, typename V::F bias)
      : add(add), zero(zero), corr(corr), scale(scale), bias(bias) {}
};

// The steps from sums to C, which the store below and the CUDA kernels put together.

// s, of the row and columns that `column` stands for.
template <class V, bool kRowTerms>
LOWP_HD inline typename V::I AddTerms(const IntStore& e, const ColumnConstants<V>& column, typename V::I acc, size_t row) {
  typename V::I s = V::AddI(acc, column.add);
  if (kRowTerms && e.row_sum != nullptr) s = V::SubI(s, V::MulI(V::SetI(e.row_sum[row]), column.zero));
  if (kRowTerms && e.a_zero != nullptr) s = V::SubI(s, V::MulI(V::SetI(e.a_zero[row]), column.corr));
  return s;
}

// s in real units, or for kRequantize in units of C.
template <class V, bool kRequantize, bool kRowTerms>
LOWP_HD inline typename V::F ScaleSums(const IntStore& e, const ColumnConstants<V>& column, typename V::I s, size_t row) {
  typename V::F scale = column.scale;
  if (kRowTerms && e.a_scale != nullptr) {
    scale = V::MulF(V::SetF(e.a_scale[row]), scale);
    if constexpr (kRequantize) scale = V::DivF(scale, V::SetF(e.c_scale));
  }
  return V::MulF(V::ToF(s), scale);
}

// saturate(round(x) + zero). Clamping before rounding equals saturating after it, the bounds being integers, and keeps the
// conversion in range.
template <class V>
LOWP_HD inline typename V::I RoundToC(const IntStore& e, typename V::F x) {
  x = V::MinF(V::SetF(e.c_high), V::MaxF(V::SetF(e.c_low), V::NanToZero(x)));
  return V::AddI(V::Round(x), V::SetI(e.c_zero));
}

// From sums to what is rounded or stored. What the plain cases have not got costs them nothing: kResidual says whether there may
// be a residual, and the activation is a template argument too.
template <class V, IntStoreMode kMode, ActivationKind kActivation, bool kResidual, bool kRowTerms>
inline typename V::F FinishSums(const IntStore& e, const ColumnConstants<V>& column, typename V::I s, size_t row, size_t n,
                                size_t cols) {
  constexpr bool kRequantize = kMode == IntStoreMode::kRequantize;
  typename V::F x = ScaleSums<V, kRequantize, kRowTerms>(e, column, s, row);
  if constexpr (!kRequantize) {
    if (e.bias != nullptr) x = V::AddF(x, column.bias);
    if constexpr (kResidual) x = AddResidual<V>(e.residual, x, row, n, cols);
    x = Activate<V, kActivation>(e.activation, x);
  }
  return x;
}

// kVectors: 2 for whole pairs of vectors of 8-bit results, which are packed and stored together: 8 operations become 5, and one
// store in place of two, which take a cycle each.
template <class V, IntStoreMode kMode, ActivationKind kActivation, bool kResidual, bool kRowTerms, int kVectors>
inline void StoreIntColumns(const IntStore& store, const int32_t* acc, size_t acc_stride, size_t m, size_t n, size_t rows,
                            size_t cols) {
  // A copy whose address nobody has, because a store to C might otherwise change it: without it every row reads it again.
  const IntStore e = store;
  const ColumnConstants<V> first(e, n), last(e, n + (kVectors - 1) * V::kWidth);
  for (size_t row = m; row < m + rows; ++row, acc += acc_stride) {
    typename V::I q[kVectors];
    const size_t at = row * e.ldc + n;
#pragma GCC unroll 2
    for (int i = 0; i < kVectors; ++i) {
      const ColumnConstants<V>& column = i == 0 ? first : last;
      const typename V::I s = AddTerms<V, kRowTerms>(e, column, V::LoadI(acc + i * V::kWidth), row);
      if constexpr (kMode == IntStoreMode::kInt32) {
        V::StoreI(static_cast<int32_t*>(e.c) + at, s, cols);
        continue;
      }
      typename V::F x = FinishSums<V, kMode, kActivation, kResidual, kRowTerms>(e, column, s, row, n + i * V::kWidth, cols);
      if constexpr (kMode == IntStoreMode::kFloat32) {
        V::StoreF(static_cast<float*>(e.c) + at, x, cols);
        continue;
      }
      if constexpr (kMode == IntStoreMode::kQuantize) x = V::DivF(x, V::SetF(e.c_scale));
      q[i] = RoundToC<V>(e, x);
    }
    if constexpr (kMode == IntStoreMode::kRequantize || kMode == IntStoreMode::kQuantize) {
      uint8_t* u8 = static_cast<uint8_t*>(e.c) + at;
      int8_t* s8 = static_cast<int8_t*>(e.c) + at;
      if constexpr (kVectors == 2) {
        e.c_signed ? V::StorePairS8(s8, q[0], q[1]) : V::StorePairU8(u8, q[0], q[1]);
      } else {
        e.c_signed ? V::StoreS8(s8, q[0], cols) : V::StoreU8(u8, q[0], cols);
      }
    }
  }
}

template <class V, size_t kNr, IntStoreMode kMode, ActivationKind kActivation, bool kResidual, bool kRowTerms>
void StoreIntTileWith(const IntStore& e, const int32_t* acc, size_t m, size_t n, size_t rows, size_t cols) {
  size_t col = 0;
  if constexpr (V::kStoresPairs && (kMode == IntStoreMode::kRequantize || kMode == IntStoreMode::kQuantize)) {
    for (; col + 2 * V::kWidth <= cols; col += 2 * V::kWidth)
      StoreIntColumns<V, kMode, kActivation, kResidual, kRowTerms, 2>(e, acc + col, kNr, m, n + col, rows, V::kWidth);
  }
  for (; col + V::kWidth <= cols; col += V::kWidth)
    StoreIntColumns<V, kMode, kActivation, kResidual, kRowTerms, 1>(e, acc + col, kNr, m, n + col, rows, V::kWidth);
  if (col < cols)
    StoreIntColumns<V, kMode, kActivation, kResidual, kRowTerms, 1>(e, acc + col, kNr, m, n + col, rows, cols - col);
}

// Terms of the rows are seldom there, and asking for each row whether they are took as long as the arithmetic: seven taken
// branches a row. Only where an activation or a residual takes much longer anyway is there one instance for both.
template <class V, size_t kNr, IntStoreMode kMode, ActivationKind kActivation = ActivationKind::kClamp, bool kResidual = false>
void StoreIntTileAs(const IntStore& e, const int32_t* acc, size_t m, size_t n, size_t rows, size_t cols) {
  const bool row_terms = e.row_sum != nullptr || e.a_zero != nullptr || e.a_scale != nullptr;
  if constexpr (!kResidual) {
    if (!row_terms) return StoreIntTileWith<V, kNr, kMode, kActivation, kResidual, false>(e, acc, m, n, rows, cols);
  }
  StoreIntTileWith<V, kNr, kMode, kActivation, kResidual, true>(e, acc, m, n, rows, cols);
}

template <class V, size_t kNr, IntStoreMode kMode>
void StoreIntTileInMode(const IntStore& e, const int32_t* acc, size_t m, size_t n, size_t rows, size_t cols) {
  using Kind = ActivationKind;
  if (e.activation.kind == Kind::kClamp && e.residual.kind == ResidualKind::kNone)
    return StoreIntTileAs<V, kNr, kMode>(e, acc, m, n, rows, cols);
  switch (e.activation.kind) {
    case Kind::kClamp: return StoreIntTileAs<V, kNr, kMode, Kind::kClamp, true>(e, acc, m, n, rows, cols);
    case Kind::kLeakyRelu: return StoreIntTileAs<V, kNr, kMode, Kind::kLeakyRelu, true>(e, acc, m, n, rows, cols);
    case Kind::kGelu: return StoreIntTileAs<V, kNr, kMode, Kind::kGelu, true>(e, acc, m, n, rows, cols);
    case Kind::kGeluTanh: return StoreIntTileAs<V, kNr, kMode, Kind::kGeluTanh, true>(e, acc, m, n, rows, cols);
    case Kind::kSilu: return StoreIntTileAs<V, kNr, kMode, Kind::kSilu, true>(e, acc, m, n, rows, cols);
    case Kind::kSigmoid: return StoreIntTileAs<V, kNr, kMode, Kind::kSigmoid, true>(e, acc, m, n, rows, cols);
    case Kind::kTanh: return StoreIntTileAs<V, kNr, kMode, Kind::kTanh, true>(e, acc, m, n, rows, cols);
    case Kind::kHardswish: return StoreIntTileAs<V, kNr, kMode, Kind::kHardswish, true>(e, acc, m, n, rows, cols);
    case Kind::kHardsigmoid: return StoreIntTileAs<V, kNr, kMode, Kind::kHardsigmoid, true>(e, acc, m, n, rows, cols);
  }
}

template <class V, size_t kNr>
void StoreIntTile(const IntStore& e, const int32_t* acc, size_t m, size_t n, size_t rows, size_t cols) {
  static_assert(kNr % V::kWidth == 0, "a vector must not reach past the padded columns");
  switch (e.mode) {
    case IntStoreMode::kInt32: return StoreIntTileAs<V, kNr, IntStoreMode::kInt32>(e, acc, m, n, rows, cols);
    case IntStoreMode::kFloat32: return StoreIntTileInMode<V, kNr, IntStoreMode::kFloat32>(e, acc, m, n, rows, cols);
    case IntStoreMode::kRequantize: return StoreIntTileAs<V, kNr, IntStoreMode::kRequantize>(e, acc, m, n, rows, cols);
    case IntStoreMode::kQuantize: return StoreIntTileInMode<V, kNr, IntStoreMode::kQuantize>(e, acc, m, n, rows, cols);
  }
}

}  // namespace lowp

#endif  // LOWP_KERNELS_EPILOGUE_EPILOGUE_INT_STORE_H_
