#ifndef LOWP_KERNELS_EPILOGUE_EPILOGUE_RESIDUAL_H_
#define LOWP_KERNELS_EPILOGUE_EPILOGUE_RESIDUAL_H_

#include "kernels/epilogue/epilogue_kernel.h"
#include "kernels/epilogue/epilogue_vector.h"

namespace lowp {

// x + residual[row][n .. n+cols)
template <class V>
LOWP_HD inline typename V::F AddResidual(const Residual& residual, typename V::F x, size_t row, size_t n, size_t cols) {
  const size_t at = row * residual.ld + n;
  if (residual.kind == ResidualKind::kNone) return x;
  if (residual.kind == ResidualKind::kFloat32) {
    return V::AddF(x, V::LoadFirstF(static_cast<const float*>(residual.data) + at, cols));
  }
  const typename V::I q = residual.kind == ResidualKind::kU8
                              ? V::LoadFirstU8(static_cast<const uint8_t*>(residual.data) + at, cols)
                              : V::LoadFirstS8(static_cast<const int8_t*>(residual.data) + at, cols);
  return V::AddF(x, V::MulF(V::SetF(residual.scale), V::ToF(V::SubI(q, V::SetI(residual.zero)))));
}

}  // namespace lowp

#endif  // LOWP_KERNELS_EPILOGUE_EPILOGUE_RESIDUAL_H_
