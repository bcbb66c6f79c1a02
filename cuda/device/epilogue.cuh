// The epilogue of native/kernels/epilogue on the device: the same templates, with a vector type of a thread's neighbouring
// columns, hence the same bits. See epilogue_kernel.h for what IntStore and FloatStore mean; here their arrays are in device
// memory and need no padding.
//
// A kernel has ONE place from which it stores, in a loop that is not unrolled: mode and activation are branches that a whole grid
// takes alike, and nine activations of four columns are some 25 KB of instructions in each such place. Sums that lie in many
// registers go through shared memory first, which makes the stores whole rows too.
#ifndef LOWP_CUDA_DEVICE_EPILOGUE_CUH_
#define LOWP_CUDA_DEVICE_EPILOGUE_CUH_

#include <cuda_runtime.h>

#include <cstdint>

#include "cuda/device/intrinsics.cuh"
#ifdef __CUDACC__
#pragma nv_diagnostic push
#pragma nv_diag_suppress 1675  // pragmas for g++
#endif
#include "kernels/epilogue/epilogue_activation.h"
#include "kernels/epilogue/epilogue_int_store.h"
#include "kernels/epilogue/epilogue_kernel.h"
#include "kernels/epilogue/epilogue_residual.h"
#include "kernels/epilogue/epilogue_vector_scalar.h"
#ifdef __CUDACC__
#pragma nv_diagnostic pop
#endif

namespace lowp {

// kLanes elements, loaded or stored by one instruction where all of them exist and the address allows.
template <class T, int kLanes>
struct alignas(sizeof(T) * kLanes) Pack {
  T lane[kLanes];
};
template <int kLanes, class T>
LOWP_DEVICE bool IsWhole(const T* p, size_t cols) {
  return cols >= kLanes && reinterpret_cast<uintptr_t>(p) % (sizeof(T) * kLanes) == 0;
}
template <int kLanes, class T>
LOWP_DEVICE Pack<T, kLanes> LoadPack(const T* p, size_t cols) {
  if (IsWhole<kLanes>(p, cols)) return *reinterpret_cast<const Pack<T, kLanes>*>(p);
  Pack<T, kLanes> pack;
  LOWP_UNROLL
  for (int i = 0; i < kLanes; ++i) pack.lane[i] = static_cast<size_t>(i) < cols ? p[i] : T{};
  return pack;
}
template <int kLanes, class T>
LOWP_DEVICE void StorePack(T* p, const Pack<T, kLanes>& pack, size_t cols) {
  if (IsWhole<kLanes>(p, cols)) {
    *reinterpret_cast<Pack<T, kLanes>*>(p) = pack;
    return;
  }
  LOWP_UNROLL
  for (int i = 0; i < kLanes; ++i) {
    if (static_cast<size_t>(i) < cols) p[i] = pack.lane[i];
  }
}

// A vector type of the epilogue (epilogue_vector.h): each lane is what VectorScalar says.
template <int kLanes>
struct DeviceVector {
  using F = Pack<float, kLanes>;
  using I = Pack<int32_t, kLanes>;
  static constexpr size_t kWidth = kLanes;

  LOWP_DEVICE static F LoadFirstF(const float* p, size_t cols) { return LoadPack<kLanes>(p, cols); }
  LOWP_DEVICE static I LoadFirstI(const int32_t* p, size_t cols) { return LoadPack<kLanes>(p, cols); }
  LOWP_DEVICE static I LoadFirstU8(const uint8_t* p, size_t cols) { return Convert<I>(LoadPack<kLanes>(p, cols)); }
  LOWP_DEVICE static I LoadFirstS8(const int8_t* p, size_t cols) { return Convert<I>(LoadPack<kLanes>(p, cols)); }
  LOWP_DEVICE static void StoreI(int32_t* p, I x, size_t cols) { StorePack<kLanes>(p, x, cols); }
  LOWP_DEVICE static void StoreF(float* p, F x, size_t cols) { StorePack<kLanes>(p, x, cols); }
  LOWP_DEVICE static void StoreU8(uint8_t* p, I x, size_t cols) { StorePack<kLanes>(p, Convert<Pack<uint8_t, kLanes>>(x), cols); }
  LOWP_DEVICE static void StoreS8(int8_t* p, I x, size_t cols) { StorePack<kLanes>(p, Convert<Pack<int8_t, kLanes>>(x), cols); }

#define LOWP_LANES(result, expression)                     \
  result y;                                                \
  LOWP_UNROLL                                              \
  for (int i = 0; i < kLanes; ++i) y.lane[i] = expression; \
  return y
  LOWP_DEVICE static I SetI(int32_t x) { LOWP_LANES(I, x); }
  LOWP_DEVICE static F SetF(float x) { LOWP_LANES(F, x); }
  LOWP_DEVICE static I AddI(I x, I z) { LOWP_LANES(I, VectorScalar::AddI(x.lane[i], z.lane[i])); }
  LOWP_DEVICE static I SubI(I x, I z) { LOWP_LANES(I, VectorScalar::SubI(x.lane[i], z.lane[i])); }
  LOWP_DEVICE static I MulI(I x, I z) { LOWP_LANES(I, VectorScalar::MulI(x.lane[i], z.lane[i])); }
  LOWP_DEVICE static F ToF(I x) { LOWP_LANES(F, VectorScalar::ToF(x.lane[i])); }
  LOWP_DEVICE static F AddF(F x, F z) { LOWP_LANES(F, VectorScalar::AddF(x.lane[i], z.lane[i])); }
  LOWP_DEVICE static F SubF(F x, F z) { LOWP_LANES(F, VectorScalar::SubF(x.lane[i], z.lane[i])); }
  LOWP_DEVICE static F MulF(F x, F z) { LOWP_LANES(F, VectorScalar::MulF(x.lane[i], z.lane[i])); }
  LOWP_DEVICE static F DivF(F x, F z) { LOWP_LANES(F, VectorScalar::DivF(x.lane[i], z.lane[i])); }
  LOWP_DEVICE static F MinF(F bound, F x) { LOWP_LANES(F, VectorScalar::MinF(bound.lane[i], x.lane[i])); }
  LOWP_DEVICE static F MaxF(F bound, F x) { LOWP_LANES(F, VectorScalar::MaxF(bound.lane[i], x.lane[i])); }
  LOWP_DEVICE static F NegAbsF(F x) { LOWP_LANES(F, VectorScalar::NegAbsF(x.lane[i])); }
  LOWP_DEVICE static F CopySignF(F magnitude, F sign) { LOWP_LANES(F, VectorScalar::CopySignF(magnitude.lane[i], sign.lane[i])); }
  LOWP_DEVICE static F SelectNegativeF(F x, F if_negative, F otherwise) {
    LOWP_LANES(F, VectorScalar::SelectNegativeF(x.lane[i], if_negative.lane[i], otherwise.lane[i]));
  }
  LOWP_DEVICE static F PowerOfTwoF(F shifted, int32_t n) { LOWP_LANES(F, VectorScalar::PowerOfTwoF(shifted.lane[i], n)); }
  LOWP_DEVICE static F NanToZero(F x) { LOWP_LANES(F, VectorScalar::NanToZero(x.lane[i])); }
  // The integer stands in the low bits of the shifted number: no conversion, of which a multiprocessor does 16 a clock.
  LOWP_DEVICE static I Round(F x) {
    LOWP_LANES(I, __float_as_int(VectorScalar::AddF(x.lane[i], kRoundingShift)) - __float_as_int(kRoundingShift));
  }
#undef LOWP_LANES

 private:
  template <class To, class From>
  LOWP_DEVICE static To Convert(From x) {
    To y;
    LOWP_UNROLL
    for (int i = 0; i < kLanes; ++i) y.lane[i] = static_cast<decltype(y.lane[0] + 0)>(x.lane[i]);
    return y;
  }
};

// A bound takes two instructions, and mostly there is none.
template <class V>
LOWP_DEVICE typename V::F Clamp(const Activation& activation, typename V::F x) {
  constexpr float kLargest = 3.40282347e38f;
  if (activation.min >= -kLargest) x = V::MaxF(V::SetF(activation.min), x);
  if (activation.max <= kLargest) x = V::MinF(V::SetF(activation.max), x);
  return x;
}

template <class V>
LOWP_DEVICE typename V::F ActivateAny(const Activation& activation, typename V::F x) {
  using Kind = ActivationKind;
  switch (activation.kind) {
    case Kind::kClamp: return Clamp<V>(activation, x);
    case Kind::kLeakyRelu: return Activate<V, Kind::kLeakyRelu>(activation, x);
    case Kind::kGelu: return Activate<V, Kind::kGelu>(activation, x);
    case Kind::kGeluTanh: return Activate<V, Kind::kGeluTanh>(activation, x);
    case Kind::kSilu: return Activate<V, Kind::kSilu>(activation, x);
    case Kind::kSigmoid: return Activate<V, Kind::kSigmoid>(activation, x);
    case Kind::kTanh: return Activate<V, Kind::kTanh>(activation, x);
    case Kind::kHardswish: return Activate<V, Kind::kHardswish>(activation, x);
    case Kind::kHardsigmoid: return Activate<V, Kind::kHardsigmoid>(activation, x);
  }
  return x;
}

// Constants of the columns col .. col + kLanes, of which the first `cols` exist: once for all rows that a thread stores.
template <int kLanes>
using SumColumns = ColumnConstants<DeviceVector<kLanes>>;
template <int kLanes>
LOWP_DEVICE SumColumns<kLanes> LoadSumColumns(const IntStore& e, size_t col, size_t cols) {
  using V = DeviceVector<kLanes>;
  const typename V::I none = V::SetI(0);
  return {V::LoadFirstI(e.col_add + col, cols), e.row_sum != nullptr ? V::LoadFirstI(e.b_zero + col, cols) : none,
          e.a_zero != nullptr ? V::LoadFirstI(e.b_corr + col, cols) : none, V::LoadFirstF(e.scale + col, cols),
          e.bias != nullptr ? V::LoadFirstF(e.bias + col, cols) : V::SetF(0)};
}

// Exact sums of one row to element `at` of C and what follows it.
template <int kLanes>
LOWP_DEVICE void StoreSums(const IntStore& e, const SumColumns<kLanes>& column, Pack<int32_t, kLanes> acc, size_t row, size_t col,
                           size_t cols, size_t at) {
  using V = DeviceVector<kLanes>;
  const typename V::I s = AddTerms<V, true>(e, column, acc, row);
  if (e.mode == IntStoreMode::kInt32) {
    V::StoreI(static_cast<int32_t*>(e.c) + at, s, cols);
    return;
  }
  typename V::F x;
  if (e.mode == IntStoreMode::kRequantize) {
    x = ScaleSums<V, true, true>(e, column, s, row);
  } else {
    x = ScaleSums<V, false, true>(e, column, s, row);
    if (e.bias != nullptr) x = V::AddF(x, column.bias);
    if (e.residual.kind != ResidualKind::kNone) x = AddResidual<V>(e.residual, x, row, col, cols);
    x = ActivateAny<V>(e.activation, x);
    if (e.mode == IntStoreMode::kFloat32) {
      V::StoreF(static_cast<float*>(e.c) + at, x, cols);
      return;
    }
    x = V::DivF(x, V::SetF(e.c_scale));
  }
  const typename V::I q = RoundToC<V>(e, x);
  if (e.c_signed) {
    V::StoreS8(static_cast<int8_t*>(e.c) + at, q, cols);
  } else {
    V::StoreU8(static_cast<uint8_t*>(e.c) + at, q, cols);
  }
}

// One sum, its constants loaded with it.
LOWP_DEVICE void StoreSum(const IntStore& e, int32_t acc, size_t row, size_t col) {
  StoreSums<1>(e, LoadSumColumns<1>(e, col, 1), {{acc}}, row, col, 1, row * e.ldc + col);
}

// float32 sums of one row, columns col .. col + kLanes, of which the first `cols` exist.
template <int kLanes>
LOWP_DEVICE void StoreFloats(const FloatStore& e, Pack<float, kLanes> acc, size_t row, size_t col, size_t cols) {
  using V = DeviceVector<kLanes>;
  typename V::F x = acc;
  if (e.bias != nullptr) x = V::AddF(x, V::LoadFirstF(e.bias + col, cols));
  x = AddResidual<V>(e.residual, x, row, col, cols);
  V::StoreF(e.c + row * e.ldc + col, ActivateAny<V>(e.activation, x), cols);
}
LOWP_DEVICE void StoreFloat(const FloatStore& e, float acc, size_t row, size_t col) { StoreFloats<1>(e, {{acc}}, row, col, 1); }

}  // namespace lowp

#endif  // LOWP_CUDA_DEVICE_EPILOGUE_CUH_
