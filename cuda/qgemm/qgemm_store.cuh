// The epilogue of the int8 product: from sums in shared memory to C.
#ifndef LOWP_CUDA_QGEMM_QGEMM_STORE_CUH_
#define LOWP_CUDA_QGEMM_QGEMM_STORE_CUH_

#include "cuda/device/epilogue.cuh"
#include "cuda/qgemm/qgemm_layout.h"
#include "cuda/qgemm/qgemm_task.h"

namespace lowp {

// Four columns at a time: 16 bytes of float32 and int32.
inline constexpr uint32_t kQGemmLanes = 4;
using QGemmVector = DeviceVector<kQGemmLanes>;
using QGemmColumns = SumColumns<kQGemmLanes>;

// Of columns col .. col + 4, `cols` of which exist; col is a multiple of 4 within the padded columns.
LOWP_DEVICE QGemmColumns LoadQGemmColumns(const QGemmStore& s, uint32_t col, uint32_t cols) {
  using V = QGemmVector;
  V::F scale = V::LoadFirstF(s.b_scale + col, kQGemmLanes);
  const V::I corr = V::LoadFirstI(s.b_corr + col, kQGemmLanes);
  V::I add = s.bias != nullptr ? V::LoadFirstI(s.bias + col, cols) : V::SetI(0);
  if (s.e.a_scale == nullptr) {
    scale = V::MulF(V::SetF(s.a_scale_at != nullptr ? *s.a_scale_at : s.a_scale), scale);
    if (s.e.mode == IntStoreMode::kRequantize) scale = V::DivF(scale, V::SetF(s.e.c_scale));
    add = V::SubI(add, V::MulI(V::SetI(s.a_zero_at != nullptr ? *s.a_zero_at : s.a_zero), corr));
  }
  return {add, V::LoadFirstI(s.b_zero + col, kQGemmLanes), corr, scale,
          s.e.bias != nullptr ? V::LoadFirstF(s.e.bias + col, cols) : V::SetF(0)};
}

// What a lane of a warp stores of tiles of kColumns columns: always the same four of them, in every (128 / kColumns)-th row.
template <uint32_t kColumns>
struct QGemmLane {
  static constexpr uint32_t kRowsAtOnce = 32 * kQGemmLanes / kColumns;
  uint32_t row, column;  // within the tile

  LOWP_DEVICE explicit QGemmLane(uint32_t lane)
      : row(lane / (kColumns / kQGemmLanes)), column(lane % (kColumns / kQGemmLanes) * kQGemmLanes) {}
};

// Rows [0, rows) of sums at `sums`, QGemmSumsPitch(kColumns) apart, the first of which is row `row` of C; all of one warp. `cols`
// of the lane's columns exist, from `col` of C on.
template <uint32_t kColumns>
LOWP_DEVICE void StoreQGemmRows(const QGemmStore& s, size_t offset, const int32_t* sums, const QGemmLane<kColumns>& lane,
                                const QGemmColumns& columns, uint32_t row, uint32_t rows, uint32_t col, uint32_t cols) {
  if (cols == 0) return;
  constexpr uint32_t kAtOnce = QGemmLane<kColumns>::kRowsAtOnce;
  const int32_t* four = sums + lane.row * QGemmSumsPitch(kColumns) + lane.column;
  offset += col;
  size_t at = offset + s.rows.At(row + lane.row);
  if (s.plain && cols >= kQGemmLanes) {  // half as many instructions
    using V = QGemmVector;
    V::I* to = reinterpret_cast<V::I*>(static_cast<int32_t*>(s.e.c) + at);
    LOWP_NO_UNROLL
    for (uint32_t r = lane.row; r < rows; r += kAtOnce) {
      const V::I sum = AddTerms<V, false>(s.e, columns, *reinterpret_cast<const V::I*>(four), r);
      if (s.e.mode == IntStoreMode::kInt32) {
        *to = sum;
      } else {
        V::F x = ScaleSums<V, false, false>(s.e, columns, sum, r);
        if (s.e.bias != nullptr) x = V::AddF(x, columns.bias);
        *reinterpret_cast<V::F*>(to) = Clamp<V>(s.e.activation, x);
      }
      four += kAtOnce * QGemmSumsPitch(kColumns);
      to += kAtOnce * (s.rows.ld / kQGemmLanes);
    }
    return;
  }
  LOWP_NO_UNROLL
  for (uint32_t r = row + lane.row; r < row + rows; r += kAtOnce, at += kAtOnce * s.rows.ld) {
    if (!s.rows.even) at = offset + s.rows.At(r);
    StoreSums<kQGemmLanes>(s.e, columns, *reinterpret_cast<const QGemmVector::I*>(four), r, col, cols, at);
    four += kAtOnce * QGemmSumsPitch(kColumns);
  }
}

LOWP_DEVICE uint32_t Below(uint32_t at, uint32_t end) { return at < end ? end - at : 0; }

}  // namespace lowp

#endif  // LOWP_CUDA_QGEMM_QGEMM_STORE_CUH_
