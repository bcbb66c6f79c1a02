// From a tile of float32 sums to C: the store of every kernel whose sums are float32. Row by row, because the plain cases do next
// to nothing with a vector and the compiler then vectorizes the portable type too.
#ifndef LOWP_KERNELS_EPILOGUE_EPILOGUE_STORE_H_
#define LOWP_KERNELS_EPILOGUE_EPILOGUE_STORE_H_

#include "kernels/epilogue/epilogue_activation.h"
#include "kernels/epilogue/epilogue_kernel.h"
#include "kernels/epilogue/epilogue_residual.h"
#include "kernels/epilogue/epilogue_vector.h"

namespace lowp {

template <class V, size_t kNr, ActivationKind kActivation, bool kBias, bool kResidual>
void StoreFloatTileAs(const FloatStore& store, const float* acc, size_t m, size_t n, size_t rows, size_t cols) {
  const FloatStore e = store;  // a copy that a store to C can't change
  for (size_t row = m; row < m + rows; ++row, acc += kNr) {
    const float* __restrict from = acc;
    const float* __restrict bias = kBias ? e.bias + n : nullptr;
    float* to = e.c + row * e.ldc + n;
    const auto value = [&](size_t col, size_t count) {
      typename V::F x = V::LoadF(from + col);
      if constexpr (kBias) x = V::AddF(x, V::LoadFirstF(bias + col, count));
      if constexpr (kResidual) x = AddResidual<V>(e.residual, x, row, n + col, count);
      return Activate<V, kActivation>(e.activation, x);
    };
    size_t col = 0;
    if (cols == kNr) {  // known at compile time: half as many instructions
#pragma GCC unroll 8
      for (size_t whole = 0; whole < kNr; whole += V::kWidth) V::StoreF(to + whole, value(whole, V::kWidth), V::kWidth);
      continue;
    }
    for (; col + V::kWidth <= cols; col += V::kWidth) V::StoreF(to + col, value(col, V::kWidth), V::kWidth);
    if (col < cols) V::StoreF(to + col, value(col, cols - col), cols - col);
  }
}

template <class V, size_t kNr, ActivationKind kActivation, bool kResidual>
void StoreFloatTileWith(const FloatStore& e, const float* acc, size_t m, size_t n, size_t rows, size_t cols) {
  return e.bias != nullptr ? StoreFloatTileAs<V, kNr, kActivation, true, kResidual>(e, acc, m, n, rows, cols)
                           : StoreFloatTileAs<V, kNr, kActivation, false, kResidual>(e, acc, m, n, rows, cols);
}

template <class V, size_t kNr>
void StoreFloatTile(const FloatStore& e, const float* acc, size_t m, size_t n, size_t rows, size_t cols) {
  static_assert(kNr % V::kWidth == 0, "a vector must not reach past the tile");
  using Kind = ActivationKind;
  if (e.activation.kind == Kind::kClamp && e.residual.kind == ResidualKind::kNone)
    return StoreFloatTileWith<V, kNr, Kind::kClamp, false>(e, acc, m, n, rows, cols);
  switch (e.activation.kind) {
    case Kind::kClamp: return StoreFloatTileWith<V, kNr, Kind::kClamp, true>(e, acc, m, n, rows, cols);
    case Kind::kLeakyRelu: return StoreFloatTileWith<V, kNr, Kind::kLeakyRelu, true>(e, acc, m, n, rows, cols);
    case Kind::kGelu: return StoreFloatTileWith<V, kNr, Kind::kGelu, true>(e, acc, m, n, rows, cols);
    case Kind::kGeluTanh: return StoreFloatTileWith<V, kNr, Kind::kGeluTanh, true>(e, acc, m, n, rows, cols);
    case Kind::kSilu: return StoreFloatTileWith<V, kNr, Kind::kSilu, true>(e, acc, m, n, rows, cols);
    case Kind::kSigmoid: return StoreFloatTileWith<V, kNr, Kind::kSigmoid, true>(e, acc, m, n, rows, cols);
    case Kind::kTanh: return StoreFloatTileWith<V, kNr, Kind::kTanh, true>(e, acc, m, n, rows, cols);
    case Kind::kHardswish: return StoreFloatTileWith<V, kNr, Kind::kHardswish, true>(e, acc, m, n, rows, cols);
    case Kind::kHardsigmoid: return StoreFloatTileWith<V, kNr, Kind::kHardsigmoid, true>(e, acc, m, n, rows, cols);
  }
}

}  // namespace lowp

#endif  // LOWP_KERNELS_EPILOGUE_EPILOGUE_STORE_H_
